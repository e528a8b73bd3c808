Feature: When the internet is away
  A terminal that can takes payments without the card network, keeps them safe, and sends them when the internet
  is back. Until then nobody calls them paid.

  Background:
    Given the terminal is idle

  @off.accepted @OFF-1 @OFF-14 @needs:offline_queue @disruptive @away
  Scenario: Without the internet a coffee is taken, and is not paid yet
    Given the internet is away
    When the till asks for 25.00 USD as "coffee"
    And the customer taps the approved card
    And the answer to "coffee" arrives
    And the till looks up "coffee" as "meanwhile"
    Then "coffee" was accepted offline [OFF-1, OFF-14]
    And "meanwhile" shows processing [OFF-14]
    And the host holds 0 charges for "coffee" [OFF-14]

  @off.limit @OFF-2 @OFF-13 @needs:offline_queue @disruptive @away
  Scenario: The limit itself is taken, a cent more is not
    Given the internet is away
    When the till asks for a cent above each offline limit as "too much"
    Then each "too much" is refused as offline_amount_exceeded [OFF-2, OFF-13]
    And the screen stays as it was [OFF-13]
    When the till asks for each offline limit as "just so much", paid with the approved card
    Then each "just so much" was accepted offline [OFF-2]

  @off.full @OFF-3 @OFF-6 @OFF-13 @OFF-15 @needs:offline_queue @disruptive
  Scenario: The queue takes as many as it should, and sends each of them once, in their order
    Given nothing is queued
    And the internet is away
    And the host takes 80 ms to answer
    When the till fills the queue with sales of 1.00 USD as "queued"
    Then each "queued" was accepted offline [OFF-3]
    When the till asks for 1.00 USD as "one more"
    Then "one more" is refused as offline_queue_full [OFF-3, OFF-13]
    And "one more" was never prompted [OFF-13]
    When the internet comes back
    And everything that was queued is sent
    And the till looks up each "queued" until it is final
    Then each "queued" is completed, and charged once [OFF-6]
    And each "queued" was sent after the one before, at 80 ms each [OFF-15]

  @off.never @OFF-4 @OFF-14 @without:offline_queue @disruptive
  Scenario: A device that cannot queue does not
    Given the internet is away
    When the till asks for 25.00 USD as "coffee"
    And somebody taps the approved card all the same
    And the answer to "coffee" arrives
    Then "coffee" was not queued [OFF-4, OFF-14]
    When the internet comes back
    Then the host holds 0 charges for "coffee" [OFF-4]

  @off.configured @OFF-9 @needs:offline_limits @disruptive @away
  Scenario: The owner sets another limit
    Given the internet is away
    And the owner halves each offline limit
    When the till asks for a cent above each offline limit as "too much"
    And the till asks for each offline limit as "just so much", paid with the approved card
    Then each "too much" is refused as offline_amount_exceeded [OFF-9]
    And each "just so much" was accepted offline [OFF-9]

  @off.currency @OFF-11 @OFF-13 @needs:offline_queue @disruptive @away
  Scenario: A currency without a limit is not taken
    Given the internet is away
    When the till asks for 1.00 in a currency without an offline limit as "foreign"
    Then "foreign" is refused as offline_currency_not_supported [OFF-11, OFF-13]
    And the screen stays as it was [OFF-13]

  @off.kept @REC-6 @OFF-5 @OFF-6 @OFF-12 @needs:offline_queue @disruptive @away_at_first
  Scenario: What is queued tells a thief nothing, survives a power cut, and is decided later
    Given the internet is away
    When the till asks for 43.21 USD with a word that is nowhere else as "good card"
    And the customer taps the approved card
    And the answer to "good card" arrives
    And the till asks for 43.21 USD with a word that is nowhere else as "bad card"
    And the customer taps the declined card
    And the answer to "bad card" arrives
    And somebody searches a copy of the terminal's memory
    Then "good card" was accepted offline [OFF-5, OFF-12]
    And "bad card" was accepted offline [OFF-5, OFF-12]
    And nothing of them stands there in clear text [OFF-5]
    When the power is cut and comes back
    And the till looks up "good card" as "good card after it"
    And the till looks up "bad card" as "bad card after it"
    Then "good card after it" shows "good card" in its place of the queue [REC-6, OFF-12]
    And "bad card after it" shows "bad card" in its place of the queue [REC-6, OFF-12]
    When the internet comes back
    And everything that was queued is sent
    And the till looks up "bad card" until it is final as "declined"
    And the till looks up each "good card" until it is final
    Then "declined" shows failed with offline_auth_declined [OFF-6]
    And the host holds 0 charges for "bad card" [OFF-6]
    And each "good card" is completed, and charged once [OFF-6, OFF-12]

  @off.flapping @OFF-12 @needs:offline_queue @disruptive @away_at_first
  Scenario: Power and internet fail while the queue is being sent
    Given the internet is away
    And the host takes 150 ms to answer
    When the till queues 4 sales of 1.00 USD as "queued"
    And the internet comes back for 400 ms
    And the internet comes back
    And the power is cut and comes back
    And everything that was queued is sent
    And the till looks up each "queued" until it is final
    Then each "queued" was accepted offline [OFF-12]
    And each "queued" is completed, and charged once [OFF-12]

  @off.lost_at_the_card @OFF-16 @needs:offline_queue @disruptive
  Scenario: The internet goes while the customer looks for the card
    When the till asks for 25.00 USD as "coffee"
    And the internet goes away this very moment
    And the customer taps the approved card
    And the answer to "coffee" arrives
    Then "coffee" was accepted offline [OFF-16]

  @off.back_at_the_card @OFF-16 @needs:offline_queue @disruptive @away_at_first
  Scenario: The internet comes back while the customer looks for the card
    Given the internet is away
    When the till asks for 25.00 USD as "coffee"
    And the internet comes back
    And the customer taps the approved card
    And the answer to "coffee" arrives
    Then "coffee" ended completed [OFF-16]
    And the host holds 1 charge for "coffee" [OFF-16]

  @off.too_much_at_the_card @OFF-2 @OFF-16 @needs:offline_queue @disruptive
  Scenario: The internet goes while the customer looks for the card for more than the limit
    When the till asks for a cent above an offline limit as "too much"
    And the internet goes away this very moment
    And the customer taps the approved card
    And the answer to "too much" arrives
    Then "too much" was not queued [OFF-2, OFF-16]
    When the internet comes back
    Then the host holds 0 charges for "too much" [OFF-16]

  @off.stale @OFF-17 @needs:offline_queue @last
  Scenario: What has waited for a day lets nothing new in, and is sent all the same
    Given the internet is away
    When the till queues 1 sale of 1.00 USD as "yesterday"
    And the terminal's clock is 23 hours and 59 minutes ahead
    And the power is cut and comes back
    And the till queues 1 sale of 1.00 USD as "in time"
    And the terminal's clock is 24 hours and 1 minute ahead
    And the power is cut and comes back
    And the till asks for 1.00 USD as "late"
    Then each "in time" was accepted offline [OFF-17]
    And "late" is refused as offline_queue_stale [OFF-17]
    When the internet comes back
    And everything that was queued is sent
    And the till looks up each "yesterday" until it is final
    Then each "yesterday" is completed, and charged once [OFF-17]
