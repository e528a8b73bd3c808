Feature: When nobody else answers
  The card network keeps silent, a memory is damaged, a terminal cannot be reached: whoever asked gets an honest answer,
  and in time.

  @pay.ninety @PAY-6 @disruptive @apart
  Scenario: The till is answered within 90 s although the card network keeps silent
    Given the host keeps silent
    And the terminal is idle
    When the till asks for 25.00 USD as "coffee"
    And the customer taps the approved card
    And the till waits as long as any till
    Then "coffee" was answered within 90 s [PAY-6]

  @rec.damaged @REC-21 @disruptive @simulator @apart
  Scenario: A terminal whose memory is damaged says so, and never that nothing happened
    Given a simulator whose memory can be damaged
    And the terminal is idle
    When the till asks for 25.00 USD as "coffee"
    And the customer taps the approved card
    And the answer to "coffee" arrives
    And somebody damages the terminal's memory
    And the till looks up "coffee" as "look-up"
    And the till cancels "coffee" as "cancel"
    And the till asks for 7.00 USD as "cake"
    Then "look-up" is refused as storage_failed [REC-21]
    And "cancel" is refused as storage_failed [REC-21]
    And "cake" is refused as storage_failed [REC-21]

  @cloud.withdrawn @HYB-8 @disruptive @apart
  Scenario: What the cloud could not deliver in time it never delivers
    Given a shop whose terminal is connected to the cloud
    And the terminal is idle
    And the internet is away
    When the cloud is asked for 25.00 USD as "late"
    And the internet comes back
    And the till looks up "late" as "look-up"
    Then the cloud refused "late" as terminal_unavailable [HYB-8]
    And "look-up" lists nothing [HYB-8]
