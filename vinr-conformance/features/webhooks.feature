Feature: What the merchant's server is told
  The cloud tells the merchant's server how a payment ended, also of payments that no cloud was asked for. It signs
  what it says, and says it until it was heard.

  Background:
    Given a shop whose terminal is connected to the cloud

  @evt.settled @EVT-1 @disruptive @apart
  Scenario: A local payment is told of when it is settled
    Given the merchant's server listens
    When the till asks for 25.00 USD as "coffee"
    And the customer taps the approved card
    And the answer to "coffee" arrives
    And the merchant's server hears of "coffee"
    Then "coffee" ended completed [EVT-1]
    And the merchant's server was told terminal_payment.completed of "coffee" [EVT-1]

  @evt.repeated @EVT-2 @disruptive @apart
  Scenario: A webhook is signed, and comes again until somebody listens
    Given the merchant's server refuses the first of all webhooks
    When the till asks for 25.00 USD as "coffee"
    And the customer taps the approved card
    And the answer to "coffee" arrives
    And the merchant's server hears of "coffee"
    And the cloud tries again
    Then each webhook was signed, and the refused one came again [EVT-2]

  @evt.offline @OFF-7 @OFF-8 @needs:offline_queue @disruptive @apart
  Scenario: Payments of the queue are told of when the card network has decided
    Given the merchant's server listens
    And the internet is away
    When the till asks for 25.00 USD as "good card"
    And the customer taps the approved card
    And the answer to "good card" arrives
    And the till asks for 7.00 USD as "bad card"
    And the customer taps the declined card
    And the answer to "bad card" arrives
    And the internet comes back
    And everything that was queued is sent
    And the merchant's server hears of "good card"
    And the merchant's server hears of "bad card"
    Then the merchant's server was told terminal_payment.completed of "good card" [OFF-7]
    And the merchant's server was told terminal_payment.failed with offline_auth_declined of "bad card" [OFF-8]
