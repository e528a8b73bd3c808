Feature: Payments, as a till sends them

  Background:
    Given a shop with a terminal

  @pay.request @PAY-1 @NET-2 @TLS-1 @TLS-4 @TLS-7 @SEC-1
  Scenario: A payment on the LAN
    Given the customer taps after 300 ms
    When the till takes a payment of 25.00 USD
    Then the payment was sent as the page says [PAY-1]
    And the cloud was not asked [NET-2]

  @pay.later_capture @PAY-1
  Scenario: A payment that is captured later
    When the till takes a payment of 80.00 USD for a later capture
    Then the payment was sent as the page says [PAY-1]

  @pay.completed @REC-3 @REC-9
  Scenario: What was approved is the result
    When the till takes a payment of 25.00 USD
    Then the till says completed [REC-3]
    And nothing that takes money was sent again [REC-3]
    And the customer was charged once [REC-9]

  @pay.declined @REC-3
  Scenario: A decline is a result, and nothing is sent again
    Given the card is declined
    When the till takes a payment of 25.00 USD
    Then the till says failed [REC-3]
    And nothing that takes money was sent again [REC-3]

  @pay.no_polling @PAY-7
  Scenario: While the customer looks for the card nobody polls
    Given the customer taps after 4000 ms
    When the till takes a payment of 25.00 USD
    Then nobody asked while it was held [PAY-7]

  @pay.held @PAY-5 @slow
  Scenario: The terminal accepts, and takes two minutes for the rest
    Given the answer to a payment comes after 121 s, its head at once
    When the till takes a payment of 25.00 USD
    Then the connection was held for 120 s [PAY-5]

  @pay.held.silent @PAY-5 @slow
  Scenario: The terminal says nothing for two minutes
    Given the answer to a payment comes after 121 s
    When the till takes a payment of 25.00 USD
    Then the connection was held for 120 s [PAY-5]

  @pay.latency @LAT-2 @alone
  Scenario: From the call to the last byte of the request
    Given the customer taps after 0 ms
    When the till takes 120 payments of 1.00 USD, one after the other
    Then each but the first 20 was sent within 5000 microseconds [LAT-2]

  @pay.offline @OFF-10
  Scenario: The terminal has no internet and takes the payment into its queue
    Given the terminal has no internet
    When the till takes a payment of 25.00 USD
    Then the till says that it is accepted offline [OFF-10]
