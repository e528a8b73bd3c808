Feature: Taking a payment
  The till says how much, the customer presents a card, and the answer comes back in the same exchange.

  Background:
    Given the terminal is idle

  @pay.approved @PAY-2 @PAY-3 @PAY-4 @PAY-8 @PAY-16 @PAY-17 @PAY-18 @PAY-21 @PAY-22 @REC-9
  Scenario: An approved card pays for a coffee
    When the till asks for 25.00 USD as "coffee"
    Then the terminal asks for a card for "coffee" [PAY-2]
    When the customer taps the approved card
    And the answer to "coffee" arrives
    Then "coffee" ended completed [PAY-3]
    And the host holds 1 charge for "coffee" [PAY-16]

  @pay.declined @PAY-3 @PAY-4 @PAY-8 @PAY-16 @PAY-17 @PAY-18
  Scenario: A decline comes back in the same exchange
    When the till asks for 25.00 USD as "coffee"
    And the customer taps the declined card
    And the answer to "coffee" arrives
    Then "coffee" ended failed with card_declined [PAY-3]
    And the host holds 0 charges for "coffee" [PAY-16]

  @pay.smallest @PAY-8
  Scenario Outline: <amount> is charged as <amount>
    When the till asks for <amount> as "sale"
    And the customer taps the approved card
    And the answer to "sale" arrives
    Then "sale" ended completed [PAY-8]

    Examples:
      | amount        |
      | 0.01 USD      |
      | 999999.99 USD |
      | 12.34 EUR     |

  @pay.two_moments @PAY-14
  Scenario: The till learns at once that the terminal is asking
    When the till asks for 25.00 USD as "coffee"
    And the customer taps the approved card
    And the answer to "coffee" arrives
    Then the head of "coffee" came before the card, with the activation time [PAY-14]
    And "coffee" ended completed [PAY-14]

  @pay.wrong_terminal @PAY-9
  Scenario: A command for another terminal is refused
    When the till asks the terminal for 25.00 USD as "lost" in another terminal's name
    Then "lost" is refused as wrong_terminal [PAY-9]
    And the screen stays as it was [PAY-9]

  @pay.malformed @PAY-10
  Scenario Outline: A request with <what> is refused and shows nothing
    When the till sends a payment with <what> as "wrong"
    And the till looks up "wrong" as "look-up"
    Then "wrong" is refused as <code> [PAY-10]
    And the screen stays as it was [PAY-10]
    And "look-up" lists nothing [PAY-10]

    Examples:
      | what                       | code              |
      | no JSON                    | invalid_json      |
      | half a body                | invalid_json      |
      | a field twice              | invalid_json      |
      | no amount                  | missing_field     |
      | the amount 2500.0          | invalid_amount    |
      | the amount 2.5e3           | invalid_amount    |
      | the amount "2500"          | invalid_amount    |
      | the amount true            | invalid_amount    |
      | the amount 0               | invalid_amount    |
      | the amount -1              | invalid_amount    |
      | the amount 100000000       | invalid_amount    |
      | the amount 9223372036854775808 | invalid_amount |
      | the currency "usd"         | invalid_currency  |
      | the currency "XXQ"         | invalid_currency  |
      | an empty reference         | invalid_reference |
      | a reference of 65 letters  | invalid_reference |
      | a reference with a control character | invalid_reference |
      | the time-out 999           | invalid_field     |
      | the time-out 120001        | invalid_field     |
      | the capture method "auto"  | invalid_field     |

  @pay.not_json @PAY-10
  Scenario: A body that does not say that it is JSON is refused
    When the till sends a payment as text/plain as "wrong"
    Then "wrong" is refused as unsupported_media_type [PAY-10]
    And the screen stays as it was [PAY-10]

  @pay.unknown_field @PAY-20
  Scenario: A misspelt field is refused by its name
    When the till sends a payment with the field capturemethod as "wrong"
    Then "wrong" is refused as invalid_field, naming capturemethod [PAY-20]
    And the screen stays as it was [PAY-20]

  @pay.join @PAY-11 @REC-9
  Scenario: The same request twice is one payment
    When the till asks for 25.00 USD as "coffee"
    And the till sends "coffee" again as "second copy"
    And the customer taps the approved card
    And the answer to "coffee" arrives
    And the answer to "second copy" arrives
    Then "coffee" and "second copy" are one payment [PAY-11]
    And the host holds 1 charge for "coffee" [PAY-11]

  @pay.replay @PAY-11 @PAY-15 @REC-9
  Scenario: A request that comes again later gets the stored payment
    When the till asks for 25.00 USD as "coffee"
    And the customer taps the approved card
    And the answer to "coffee" arrives
    And the till sends "coffee" again as "replay"
    And somebody taps the approved card all the same
    And the answer to "replay" arrives
    Then "coffee" and "replay" are one payment [PAY-11]
    And "replay" ended completed [PAY-15]
    And the host holds 1 charge for "coffee" [PAY-11]

  @pay.conflict @PAY-11
  Scenario: The same key for another amount is a conflict
    When the till asks for 25.00 USD as "coffee"
    And the till sends "coffee" again for 26.00 USD as "altered"
    Then "altered" is refused as idempotency_conflict [PAY-11]
    When the customer taps the approved card
    And the answer to "coffee" arrives
    And the till sends "coffee" again for 26.00 USD as "altered later"
    Then "altered later" is refused as idempotency_conflict [PAY-11]
    And the host holds 1 charge for "coffee" [PAY-11]

  @pay.paid @PAY-12 @REC-9
  Scenario: A sale that is paid is never charged again
    When the till asks for 25.00 USD as "coffee"
    And the customer taps the approved card
    And the answer to "coffee" arrives
    And the till sends "coffee" again with a new key as "again"
    Then "again" is refused as reference_already_paid [PAY-12]
    And the host holds 1 charge for "coffee" [PAY-12]

  @pay.in_progress @PAY-12
  Scenario: A sale that is being paid takes no second attempt
    When the till asks for 25.00 USD as "coffee"
    And the till sends "coffee" again with a new key as "impatient"
    Then "impatient" is refused as reference_in_progress [PAY-12]
    When the customer taps the approved card
    And the answer to "coffee" arrives
    Then "coffee" ended completed [PAY-12]

  @pay.try_again @PAY-12 @PAY-19 @REC-13
  Scenario: After a decline the customer may try another card
    When the till asks for 25.00 USD as "coffee"
    And the customer taps the declined card
    And the answer to "coffee" arrives
    And the till sends "coffee" again with a new key as "second try"
    And the customer taps the approved card
    And the answer to "second try" arrives
    And the till looks up "coffee" as "look-up"
    Then "second try" ended completed [PAY-19]
    And "coffee" and "second try" are two payments [PAY-12]
    And "look-up" lists "second try" and "coffee" [REC-13]
    And the host holds 1 charge for "coffee" [PAY-12]

  @pay.final @PAY-15
  Scenario: A final payment never changes
    When the till asks for 25.00 USD as "coffee"
    And the customer taps the approved card
    And the answer to "coffee" arrives
    And the till cancels "coffee" as "too late"
    And the till looks up "coffee" as "look-up"
    Then "look-up" shows completed [PAY-15]

  @pay.manual @PAY-18 @needs:manual_capture
  Scenario: A deposit is authorized now and captured later
    When the till asks for 100.00 USD for a later capture as "deposit"
    And the customer taps the approved card
    And the answer to "deposit" arrives
    Then "deposit" ended completed [PAY-18]

  @pay.without_key @PAY-21
  Scenario: A payment without a key says so
    When the till asks for 25.00 USD without a key as "coffee"
    And the customer taps the approved card
    And the answer to "coffee" arrives
    Then "coffee" ended completed [PAY-21]
    And "coffee" names no key [PAY-21]

  @pay.timeout @PAY-13
  Scenario: No card is taken after the till's own time-out
    When the till asks for 25.00 USD with a time-out of 1000 ms as "slow"
    And the answer to "slow" arrives
    And somebody taps the approved card all the same
    And the till looks up "slow" as "look-up"
    Then "slow" ended cancelled as timed_out [PAY-13]
    And "look-up" shows cancelled [PAY-13]
    And the host holds 0 charges for "slow" [PAY-13]

  @pay.next @PAY-19
  Scenario: The terminal is free for the next customer
    When the till asks for 25.00 USD as "coffee"
    And the customer taps the approved card
    And the answer to "coffee" arrives
    And the till asks for 3.00 USD as "cake"
    And the customer taps the approved card
    And the answer to "cake" arrives
    Then "cake" ended completed [PAY-19]

  @pay.next_after_hang_up @PAY-19
  Scenario: The terminal is free again although the till went away
    When the till asks for 25.00 USD as "coffee"
    And the till hangs up on "coffee"
    And the customer taps the approved card
    And the terminal becomes idle
    And the till asks for 3.00 USD as "cake"
    And the customer taps the approved card
    And the answer to "cake" arrives
    Then "cake" ended completed [PAY-19]
