Feature: One sale, several terminals
  A till that does not mind which terminal takes the card names them all, and the cloud finds the first that is free.

  Background:
    Given a shop of two terminals that are connected to the cloud

  @grp.first_idle @GRP-1 @GRP-3 @disruptive @simulator @apart
  Scenario: The first of the terminals takes the card, when all are free
    When the cloud is asked for 25.00 USD at either terminal as "coffee"
    And "coffee" comes to a terminal
    Then "coffee" is at the first terminal and at no other [GRP-1]
    When the customer taps the approved card
    And the cloud says how "coffee" ended
    Then the cloud names the first terminal for "coffee" [GRP-3]

  @grp.next_idle @GRP-1 @GRP-3 @disruptive @simulator @apart
  Scenario: The next terminal takes the card, when the first is busy
    When the till asks for 7.00 USD as "first lane"
    And the cloud is asked for 25.00 USD at either terminal as "coffee"
    And "coffee" comes to a terminal
    Then "coffee" is at the second terminal and at no other [GRP-1]
    When the customer taps the approved card at the second terminal
    And the cloud says how "coffee" ended
    Then the cloud names the second terminal for "coffee" [GRP-3]

  @grp.all_busy @GRP-2 @disruptive @simulator @apart
  Scenario: A sale waits while all are busy, and goes where it is free first
    When the till asks for 7.00 USD as "first lane"
    And the till asks the second terminal for 3.00 USD as "second lane"
    And the cloud is asked for 25.00 USD at either terminal as "coffee"
    And the customer taps the approved card at the second terminal
    And the answer to "second lane" arrives
    And "coffee" comes to a terminal
    Then "coffee" is at the second terminal and at no other [GRP-2]

  @grp.race @GRP-4 @disruptive @simulator @apart
  Scenario: Sales that race for two terminals are each live on one at most
    When the cloud is asked for 1.00 USD at either terminal, 3 times at once, as "sale"
    And a till at each terminal asks for 7.00 USD
    And customers pay at both terminals until each "sale" is paid
    Then each "sale" was live on one terminal at most [GRP-4]
