Feature: What a till finds out about a sale

  Background:
    Given a shop with a terminal

  @ret.paid @REC-3 @needs:adapter
  Scenario: A sale that was paid
    When the till takes a payment of 25.00 USD
    And the till is asked what became of the sale
    Then the till says completed [REC-3]

  @ret.declined @REC-3 @needs:adapter
  Scenario: A sale whose card was declined
    Given the card is declined
    When the till takes a payment of 25.00 USD
    And the till is asked what became of the sale
    Then the till says failed [REC-3]

  @ret.silent @REC-10 @needs:adapter
  Scenario: The terminal that knows is away
    When the till takes a payment of 25.00 USD
    And terminal "A" is switched off
    And the till is asked what became of the sale
    Then the till says that it was paid, or that nobody knows [REC-10]
