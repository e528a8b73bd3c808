Feature: Whom a till believes

  Background:
    Given a shop with a terminal

  @tls.stranger @TLS-3 @TLS-9
  Scenario Outline: The terminal shows <certificate>
    Given the terminal shows <certificate>
    When the till takes a payment of 25.00 USD
    Then nothing reached the stranger [TLS-3, TLS-9]
    And the till says that the identity is wrong [TLS-9]

    Examples:
      | certificate                         |
      | a certificate of another CA         |
      | a certificate that it signed itself |

  @tls.dated @TLS-9
  Scenario Outline: The terminal shows <certificate>
    Given the terminal shows <certificate>
    When the till takes a payment of 25.00 USD
    Then nothing reached the stranger [TLS-9]
    And the till says that the identity is wrong [TLS-9]

    Examples:
      | certificate                        |
      | a certificate that has expired     |
      | a certificate that is not valid yet |

  @tls.other_device @TLS-10 @TLS-9
  Scenario: The terminal shows the certificate of another terminal
    Given the terminal shows the certificate of another terminal
    When the till takes a payment of 25.00 USD
    Then nothing reached the stranger [TLS-10, TLS-9]
    And the till says that the identity is wrong [TLS-9]

  @tls.profile @TLS-14
  Scenario Outline: The path is lawful, and the terminal shows <certificate>
    Given the terminal shows <certificate>
    When the till takes a payment of 25.00 USD
    Then nothing reached the stranger [TLS-14]

    Examples:
      | certificate                     |
      | a certificate for clients       |
      | a certificate without a purpose |
      | a certificate with two names    |
      | a certificate with its name in other letters |

  @tls.reconnect @TLS-8 @TLS-4
  Scenario Outline: After a payment the terminal comes back with <certificate>
    When the till takes a payment of 25.00 USD
    And the terminal shows <certificate> from now on
    And the till takes another payment of 25.00 USD
    Then nothing reached the stranger [TLS-8]
    And the till says that the identity is wrong [TLS-8]

    Examples:
      | certificate                         |
      | a certificate of another CA         |
      | the certificate of another terminal |

  @tls.again @TLS-13 @TLS-8 @TLS-4
  Scenario: The terminal ends every connection and takes new ones
    When the till takes a payment of 25.00 USD
    And every connection ends
    And the till takes another payment of 25.00 USD
    Then the till says completed [TLS-8]
    And the till offered nothing but new TLS [TLS-13]
    And the till showed its certificate everywhere [TLS-4]

  @tls.look_up @TLS-4
  Scenario: The answer is lost, and the look-up is as well dressed as the payment
    Given the first answer to a payment is lost: reset at the outcome
    When the till takes a payment of 25.00 USD
    Then the till showed its certificate everywhere [TLS-4]
    And the till says completed [TLS-4]

  @tls.plaintext @TLS-1
  Scenario: The terminal speaks plain HTTP
    Given the terminal speaks plain HTTP
    When the till takes a payment of 25.00 USD
    Then the till says an error [TLS-1]

  @tls.p12 @TLS-11 @needs:p12
  Scenario: The till has nothing but its .p12
    Given the till has only its .p12
    When the till takes a payment of 25.00 USD
    Then the till says completed [TLS-11]

  @tls.passphrase @TLS-11 @SEC-1 @needs:p12
  Scenario: The passphrase is wrong
    Given the till has only its .p12, and a wrong passphrase
    When the till is set up
    Then the till says that its files are wrong [TLS-11]
    And the till keeps its secrets [SEC-1]
