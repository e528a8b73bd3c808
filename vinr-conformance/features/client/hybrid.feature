Feature: The LAN first, the cloud where the LAN does not accept

  Background:
    Given a shop with a terminal

  @hyb.local @HYB-1 @HYB-3 @HYB-4 @needs:hybrid
  Scenario: The terminal accepts, and the customer is slow
    Given the customer taps after 4000 ms
    When the till takes a hybrid payment of 25.00 USD
    Then the LAN was tried first [HYB-1]
    And the cloud was not asked to pay [HYB-4]
    And the till says that the path was local [HYB-3]

  @hyb.known @HYB-4 @needs:hybrid
  Scenario: The terminal sends no head, and knows the payment
    Given the terminal sends no head before the outcome
    And the customer taps after 5000 ms
    When the till takes a hybrid payment of 25.00 USD
    Then the cloud was not asked to pay [HYB-4]
    And the customer was charged once [HYB-4]

  @hyb.away @HYB-2 @HYB-3 @HYB-5 @needs:hybrid
  Scenario: Nobody listens at the terminal's address
    Given nobody listens at terminal "A"
    When the till takes a hybrid payment of 25.00 USD
    Then the cloud was asked after 0 to 2500 ms [HYB-2]
    And the till says that the path was cloud [HYB-3]
    And the customer was charged once [HYB-5]
    And no two attempts were live at a time [HYB-5]

  @hyb.silent @HYB-1 @HYB-2 @HYB-3 @HYB-5 @needs:hybrid
  Scenario: The terminal does not answer, and never got the payment
    Given the terminal is silent
    When the till takes a hybrid payment of 25.00 USD
    Then the LAN was tried first [HYB-1]
    And the cloud was asked after 1900 to 5000 ms [HYB-2]
    And both paths carried one attempt [HYB-5]
    And the till says that the path was cloud [HYB-3]
    And the customer was charged once [HYB-5]
    And no two attempts were live at a time [HYB-5]

  @hyb.mute @HYB-1 @HYB-2 @HYB-3 @HYB-5 @needs:hybrid
  Scenario: The terminal takes connections and does not answer the handshake
    Given the terminal is mute
    When the till takes a hybrid payment of 25.00 USD
    Then the LAN was tried first [HYB-1]
    And the cloud was asked after 0 to 5000 ms [HYB-2]
    And the till says that the path was cloud [HYB-3]
    And the customer was charged once [HYB-5]

  @hyb.both @HYB-2 @HYB-3 @HYB-5 @needs:hybrid
  Scenario: The terminal does not answer, and has the payment
    Given the terminal takes payments and says nothing
    And the customer taps after 6000 ms
    When the till takes a hybrid payment of 25.00 USD
    Then the cloud was asked after 1900 to 5000 ms [HYB-2]
    And both paths carried one attempt [HYB-5]
    And the till says that the path was local [HYB-3]
    And the customer was charged once [HYB-5]
    And no two attempts were live at a time [HYB-5]

  @hyb.dies @HYB-5 @REC-9 @slow @needs:hybrid
  Scenario: The terminal accepts, goes away with the payment, and stays away
    Given the first customer does not tap
    And the terminal goes away when it has accepted the payment
    And the till may take 125 s for a payment
    When the till takes a hybrid payment of 25.00 USD
    Then no two attempts were live at a time [HYB-5]
    And the customer was charged at most once [REC-9]
    And the till was not fooled [HYB-5]

  @hyb.stranger @HYB-6 @needs:hybrid
  Scenario Outline: The terminal shows <certificate>
    Given the terminal shows <certificate>
    When the till takes a hybrid payment of 25.00 USD
    Then nothing reached the stranger [HYB-6]
    And the till says that the identity is wrong [HYB-6]
    And the cloud was not asked to pay [HYB-6]

    Examples:
      | certificate                         |
      | a certificate of another CA         |
      | the certificate of another terminal |

  @hyb.refused @HYB-7 @needs:hybrid
  Scenario Outline: The terminal refuses the payment as <code>
    Given the terminal refuses payments as <code>
    When the till takes a hybrid payment of 25.00 USD
    Then the till says an error [HYB-7]
    And the cloud was not asked to pay [HYB-7]

    Examples:
      | code                |
      | invalid_currency    |
      | local_mode_disabled |
      | offline_queue_full  |

  @hyb.key @TLS-7 @SEC-1 @needs:hybrid
  Scenario: The API key goes to the cloud and nowhere else
    Given the terminal is silent
    When the till takes a hybrid payment of 25.00 USD
    Then the till keeps its secrets [SEC-1]

  @hyb.refused_by_the_cloud @REC-24 @needs:hybrid
  Scenario: The terminal does not answer the payment, and the cloud refuses its copy
    Given the terminal does not answer payments
    And the cloud refuses payments as offline_queue_full
    When the till takes a hybrid payment of 25.00 USD
    Then the payment was buried before anybody was told [REC-24]
    And the till says an error [REC-24]
    And the customer was charged at most once [REC-24]
