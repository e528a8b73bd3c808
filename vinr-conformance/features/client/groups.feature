Feature: The first free terminal of several

  @grp.order @GRP-1 @GRP-3 @GRP-4 @needs:groups
  Scenario: Both are free
    Given a shop with 2 terminals
    When the till takes a payment of 25.00 USD at the first free terminal
    Then the payment was taken at "A" [GRP-1]
    And the till names the terminal that took it [GRP-3]

  @grp.busy @GRP-1 @GRP-3 @GRP-4 @REC-17 @needs:groups
  Scenario: The first is busy
    Given a shop with 2 terminals
    And another sale is on the screen of "A" for 60000 ms
    When the till takes a payment of 25.00 USD at the first free terminal
    Then the payment was taken at "B" [GRP-1]
    And the till names the terminal that took it [GRP-3]
    And each attempt had a key of its own [REC-17]

  @grp.all_busy @GRP-2 @GRP-3 @GRP-4 @needs:groups
  Scenario: All are busy, and the second is free first
    Given a shop with 2 terminals
    And another sale is on the screen of "A" until the till has passed "B" by
    And another sale is on the screen of "B" until the till was told
    When the till takes a payment of 25.00 USD at the first free terminal
    Then the payment was taken at "B" [GRP-2]
    And the till names the terminal that took it [GRP-3]

  @grp.lost @GRP-4 @REC-9 @needs:groups
  Scenario: The first has the payment, and its answer is lost
    Given a shop with 2 terminals
    And the first answer to a payment is lost: reset at the outcome
    When the till takes a payment of 25.00 USD at the first free terminal
    Then no two attempts were live at a time [GRP-4]
    And the payment was taken at "A" [GRP-4]
    And the customer was charged once [REC-9]

  @grp.dies @GRP-4 @REC-10 @slow @needs:groups
  Scenario: The first dies with the payment
    Given a shop with 2 terminals
    And the first customer does not tap
    And the terminal goes away when it has the payment
    And the till may take 125 s for a payment
    When the till takes a payment of 25.00 USD at the first free terminal
    Then no two attempts were live at a time [GRP-4]
    And the till says that nobody knows [REC-10]
