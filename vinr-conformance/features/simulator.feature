Feature: The local simulator
  A developer without a terminal sees what a shop would see.

  @sim.advert @SIM-1
  Scenario: The local simulator is found as the page says
    When somebody listens for terminals
    Then it is term_local_simulator at 127.0.0.1, model simulator [SIM-1]

  @sim.cards @SIM-3 @PAY-17
  Scenario Outline: The test card <card> does what the page says
    Given the terminal is idle
    When the till asks for 25.00 USD as "sale"
    And the customer presents the <card> card as <entry>
    And the answer to "sale" arrives
    Then "sale" ended <outcome> [SIM-3]

    Examples:
      | card               | entry       | outcome                         |
      | approved           | contactless | completed                       |
      | approved_with_pin  | chip        | completed                       |
      | declined           | chip        | failed with card_declined       |
      | insufficient_funds | chip        | failed with insufficient_funds  |
      | expired            | chip        | failed with expired_card        |
      | processing_error   | chip        | failed with processing_error    |
      | incorrect_pin      | chip        | failed with incorrect_pin       |

  @sim.offline @SIM-4 @disruptive @apart
  Scenario: A simulator that starts offline takes payments offline, and nothing is unplugged
    Given a simulator that was started with simulateOffline
    When the till asks for a cent above each offline limit as "too much"
    And the till asks for 25.00 USD as "coffee"
    And the customer taps the approved card
    And the answer to "coffee" arrives
    Then each "too much" is refused as offline_amount_exceeded [SIM-4]
    And "coffee" was accepted offline [SIM-4]

  @sim.repeat @SIM-5 @disruptive
  Scenario: One seed and one script give one trace
    When a day of the simulator is played twice from one seed, and once from another
    Then the seed alone decides what happens [SIM-5]

  @sim.whole_plan @SIM-2 @last
  Scenario: The simulator behaves as a terminal
    Then everything that is asked of a terminal was kept [SIM-2]
