Feature: Several tills, one terminal
  The terminal is the arbiter: it serves one sale at a time and tells the others to come back.

  Background:
    Given the terminal is idle

  @grp.busy @GRP-5 @PAY-22
  Scenario: A busy terminal says so and tells nothing of the customer before
    When the till asks for 25.00 USD as "first lane"
    And the till asks for 7.00 USD as "second lane"
    Then "second lane" is refused as terminal_busy [GRP-5]
    And "second lane" tells nothing of "first lane" [GRP-5]
    And "second lane" was never prompted [GRP-5]
    When the customer taps the approved card
    And the answer to "first lane" arrives
    Then "first lane" ended completed [GRP-5]

  @grp.retry_after @GRP-6
  Scenario: A busy terminal says when to try again
    When the till asks for 25.00 USD as "first lane"
    And the till asks for 7.00 USD as "second lane"
    Then "second lane" is refused as terminal_busy [GRP-6]
    And "second lane" says when to try again [GRP-6]
