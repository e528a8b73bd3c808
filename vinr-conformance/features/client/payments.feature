Feature: Payments, as a till sends them

  Background:
    Given a shop with a terminal

  @pay.request @PAY-1 @REC-3
  Scenario: A payment on the LAN
    Given the customer taps after 300 ms
    When the till takes a payment of 25.00 USD
    Then the payment was sent as the page says [PAY-1]
    And the till says completed [REC-3]
