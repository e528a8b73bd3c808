Feature: When the answer is lost
  Tills crash, cables are pulled and power fails. Whoever asks afterwards learns the truth, and nobody pays
  twice.

  Background:
    Given the terminal is idle

  @rec.hang_up @REC-6 @REC-9
  Scenario: The payment goes on when the till goes away
    When the till asks for 25.00 USD as "coffee"
    And the till hangs up on "coffee"
    And the customer taps the approved card
    And the terminal becomes idle
    And the till looks up "coffee" as "look-up"
    Then "look-up" shows completed [REC-6]
    And the host holds 1 charge for "coffee" [REC-6]

  @rec.restart @REC-6 @disruptive
  Scenario: The outcome survives a power cut
    When the till asks for 25.00 USD as "coffee"
    And the customer taps the approved card
    And the answer to "coffee" arrives
    And the power is cut and comes back
    And the till looks up "coffee" as "look-up"
    Then "coffee" ended completed [REC-6]
    And "look-up" shows completed [REC-6]

  @rec.pending @REC-7
  Scenario: While the terminal waits for a card it says pending
    When the till asks for 25.00 USD as "coffee"
    And the till looks up "coffee" as "look-up"
    Then "look-up" shows pending [REC-7]
    And "look-up" was answered while "coffee" was held [REC-7]

  @rec.processing @REC-7 @REC-11
  Scenario: Once a card was read it no longer says pending, and cannot be cancelled
    Given the host takes 1500 ms to answer
    When the till asks for 25.00 USD as "coffee"
    And the customer taps the approved card
    And the till looks up "coffee" as "look-up"
    And the till cancels "coffee" as "cancel"
    Then "look-up" shows processing [REC-7]
    And "cancel" is answered still_processing [REC-11]
    When the answer to "coffee" arrives
    Then "coffee" ended completed [REC-11]

  @rec.cancel @REC-8 @REC-11
  Scenario: A cancelled payment is never charged, whoever taps
    When the till asks for 25.00 USD as "coffee"
    And the till cancels "coffee" as "cancel"
    And somebody taps the approved card all the same
    And the answer to "coffee" arrives
    And the till looks up "coffee" as "look-up"
    Then "cancel" is answered cancelled [REC-8, REC-11]
    And "coffee" ended cancelled as requested [REC-8]
    And "look-up" shows cancelled [REC-8]
    And the host holds 0 charges for "coffee" [REC-8]

  @rec.tombstone @REC-8 @REC-11
  Scenario: A command that arrives after its cancel shows nothing
    When the till cancels "ghost" before it was sent as "cancel"
    And the till sends "ghost" after all
    And the answer to "ghost" arrives
    Then "cancel" is answered cancelled [REC-8, REC-11]
    And "ghost" ended cancelled as requested [REC-8]
    And "ghost" was never prompted [REC-8]

  @rec.too_late @REC-8 @REC-11
  Scenario: A cancel after the payment loses nothing
    When the till asks for 25.00 USD as "coffee"
    And the customer taps the approved card
    And the answer to "coffee" arrives
    And the till cancels "coffee" as "cancel"
    And the till looks up "coffee" as "look-up"
    Then "cancel" is answered too_late [REC-8, REC-11]
    And "look-up" shows completed [REC-8]
    And the host holds 1 charge for "coffee" [REC-8]

  @rec.cancel_sale @REC-22
  Scenario: A cancel without a key is about what is live, and leaves no mark
    When the till cancels the sale of "tea" without a key as "too early"
    Then "too early" is answered cancelled, without a payment [REC-22]
    When the till sends "tea" after all
    And the till cancels the sale of "tea" without a key as "in time"
    And the answer to "tea" arrives
    Then "in time" is answered cancelled [REC-22]
    And "tea" ended cancelled as requested [REC-22]

  @rec.list @REC-13
  Scenario: A look-up lists the attempts of its sale and nothing else
    When the till asks for 25.00 USD as "Order"
    And the till cancels "Order" as "cancel"
    And the answer to "Order" arrives
    And the till looks up "Order" as "its own"
    And the till looks up "Order" in other letters as "another case"
    And the till looks up a sale that never was as "unknown"
    Then "its own" lists "Order" [REC-13]
    And "another case" lists nothing [REC-13]
    And "unknown" lists nothing [REC-13]

  @rec.held @REC-14
  Scenario: A look-up is answered while a payment is held
    When the till asks for 25.00 USD as "coffee"
    And the till looks up "coffee" as "look-up"
    And the customer taps the approved card
    And the answer to "coffee" arrives
    Then "look-up" was answered while "coffee" was held [REC-14]
    And "coffee" ended completed [REC-14]

  @rec.power_pending @REC-15 @disruptive
  Scenario: After a power cut nothing asks for a card by itself
    When the till asks for 25.00 USD as "coffee"
    And the power is cut and comes back
    And somebody taps the approved card all the same
    And the till looks up "coffee" as "look-up"
    Then nothing asked for a card again [REC-15]
    And "look-up" shows cancelled [REC-15]
    And the host holds 0 charges for "coffee" [REC-15]

  @rec.power_processing @REC-9 @REC-15 @PAY-16 @disruptive
  Scenario: A power cut during the authorization is settled with the host
    Given the host takes 700 ms to answer
    When the till asks for 25.00 USD as "coffee"
    And the customer taps the approved card
    And the power is cut and comes back
    And the till looks up "coffee" until it is final as "look-up"
    Then nothing asked for a card again [REC-15]
    And "look-up" shows completed, failed or cancelled [REC-15]
    And the ledger of "coffee" agrees [PAY-16]
