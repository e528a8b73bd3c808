Feature: Who may talk to the terminal
  A terminal talks to tills that were provisioned for it, over mutual TLS, and to nobody else.

  @tls.plaintext @TLS-1
  Scenario: There is no plaintext
    When somebody speaks plain HTTP to the terminal
    Then nothing is served in plain text [TLS-1]

  @tls.mutual @TLS-1
  Scenario: The terminal asks a till for its certificate
    When the till asks who is there as "reader"
    Then the terminal asked for a client certificate [TLS-1]
    And "reader" is answered [TLS-1]

  @tls.certificate @TLS-2
  Scenario: The terminal shows a certificate of its own
    When the till asks who is there as "reader"
    Then the certificate is this terminal's own, from the terminal CA [TLS-2]

  @tls.strangers @TLS-5
  Scenario Outline: A till with <whom> is refused
    Given the terminal is idle
    When a till with <whom> asks for 25.00 USD as "stranger"
    And the till looks up "stranger" as "look-up"
    Then the till of "stranger" is refused [TLS-5]
    And the screen stays as it was [TLS-5]
    And "look-up" lists nothing [TLS-5]

    Examples:
      | whom                              |
      | no certificate                    |
      | another authority's certificate   |
      | an expired certificate            |
      | a certificate of next year        |
      | a server's certificate            |

  @tls.other_terminal @TLS-6
  Scenario: A till of another terminal is refused
    Given the terminal is idle
    When a till with another terminal's certificate asks for 25.00 USD as "neighbour"
    And the till looks up "neighbour" as "look-up"
    Then the till of "neighbour" is refused [TLS-6]
    And the screen stays as it was [TLS-6]
    And "look-up" lists nothing [TLS-6]

  @tls.modern @TLS-13
  Scenario: Only TLS 1.3 is spoken, and no session is resumed
    When somebody offers TLS 1.2 and nothing newer
    And the till asks who is there as "reader"
    And the till of "reader" hangs up
    Then the old TLS is refused [TLS-13]
    And no resumption is offered to "reader" [TLS-13]

  @tls.profile @TLS-14
  Scenario: A certificate without a purpose is refused
    Given the terminal is idle
    When a till with a certificate for no purpose asks for 25.00 USD as "vague"
    Then the till of "vague" is refused [TLS-14]
    And the screen stays as it was [TLS-14]
