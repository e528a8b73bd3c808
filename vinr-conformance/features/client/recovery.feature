Feature: What a till does when it lost an answer

  Background:
    Given a shop with a terminal

  @rec.lost @REC-2 @REC-3 @REC-5 @REC-9
  Scenario Outline: The answer is lost: <how>
    Given the first answer to a payment is lost: <how>
    When the till takes a payment of 25.00 USD
    Then the sale was looked up within 5 s [REC-2]
    And nothing was sent before the look-up [REC-5]
    And the till says completed [REC-3]
    And nothing that takes money was sent again [REC-3]
    And the customer was charged once [REC-9]

    Examples:
      | how                             |
      | reset at the outcome            |
      | reset at any byte of the answer |
      | half a body                     |
      | half a body, but for its end    |

  @rec.lost_early @REC-2 @REC-5 @REC-9
  Scenario Outline: The answer is lost before the customer taps: <how>
    Given the first answer to a payment is lost: <how>
    And the customer taps after 600 ms
    When the till takes a payment of 25.00 USD
    Then the sale was looked up within 5 s [REC-2]
    And nothing was sent before the look-up [REC-5]
    And the customer was charged at most once [REC-9]
    And the till was not fooled [REC-9]

    Examples:
      | how                   |
      | reset after the request |
      | reset after the head  |
      | status 500            |
      | status 503            |

  @rec.declined @REC-3
  Scenario: The answer to a decline is lost
    Given the first answer to a payment is lost: reset at the outcome
    And the card is declined
    When the till takes a payment of 25.00 USD
    Then the till says failed [REC-3]
    And nothing that takes money was sent again [REC-3]

  @rec.time_out @REC-1 @REC-9 @slow
  Scenario: The terminal never answers the payment
    Given the first answer to a payment never comes
    When the till takes a payment of 25.00 USD
    Then nothing was sent before the look-up [REC-1]
    And the customer was charged once [REC-9]

  @rec.pending @REC-4 @REC-17 @REC-9
  Scenario: The payment is pending, so it is cancelled before there is another
    Given the first answer to a payment is lost: reset after the head
    And the first customer does not tap
    When the till takes a payment of 25.00 USD
    Then the pending payment was cancelled before there was another [REC-4]
    And each attempt had a key of its own [REC-17]
    And the customer was charged at most once [REC-9]
    And the till was not fooled [REC-4]

  @rec.cancel_awaited @REC-4 @REC-9
  Scenario: The answer to the cancel takes its time
    Given the first answer to a payment is lost: reset after the head
    And the first customer does not tap
    And the first cancel is answered after 1500 ms
    When the till takes a payment of 25.00 USD
    Then the pending payment was cancelled before there was another [REC-4]
    And the customer was charged at most once [REC-9]

  @rec.cancel_lost @REC-4 @REC-9
  Scenario: The answer to the cancel is lost
    Given the first answer to a payment is lost: reset after the head
    And the first customer does not tap
    And the first answer to a cancel is lost
    When the till takes a payment of 25.00 USD
    Then the customer was charged at most once [REC-9]
    And the till was not fooled [REC-4]

  @rec.late_tap @REC-9 @REC-4
  Scenario: The customer taps while the till is about to cancel
    Given the first answer to a payment is lost: reset after the head
    And the customer taps in the moment in which the till cancels
    When the till takes a payment of 25.00 USD
    Then the pending payment was cancelled before there was another [REC-4]
    And the till says completed [REC-4]
    And the customer was charged once [REC-9]

  @rec.never_arrived @REC-20 @REC-17 @REC-9
  Scenario Outline: The payment never reached the terminal: <how>
    Given the first payment never arrives: <how>
    When the till takes a payment of 25.00 USD
    Then what the terminal did not know was buried first [REC-20]
    And each attempt had a key of its own [REC-17]
    And the customer was charged at most once [REC-9]
    And the till was not fooled [REC-20]

    Examples:
      | how        |
      | reset      |
      | status 503 |

  @rec.older_attempt @REC-16 @REC-9
  Scenario: Another till's attempt of the same sale was declined before
    Given an older attempt of the sale was declined
    And the first payment never arrives: reset
    When the till takes a payment of 25.00 USD
    Then the till was not fooled [REC-16]
    And the customer was charged at most once [REC-9]

  @rec.processing @REC-3 @REC-18 @REC-9
  Scenario: The host takes its time
    Given the first answer to a payment is lost: reset after the head
    And the customer taps after 0 ms
    And the host takes 5000 ms
    When the till takes a payment of 25.00 USD
    Then the till says completed [REC-3]
    And the till was not fooled [REC-18]
    And the customer was charged once [REC-9]

  @rec.unknown_status @REC-18
  Scenario: The terminal speaks of a status that nobody knows
    Given the answer to a payment shows a status that nobody knows
    And the first 3 look-ups show a status that nobody knows
    When the till takes a payment of 25.00 USD
    Then the till was not fooled [REC-18]

  @rec.foreign_answer @REC-19
  Scenario Outline: The answer is about another <what>
    Given the answer to a payment is about another <what>
    When the till takes a payment of 25.00 USD
    Then the till was not fooled [REC-19]

    Examples:
      | what     |
      | amount   |
      | currency |
      | sale     |
      | terminal |

  @rec.unknown @REC-10 @slow
  Scenario: The terminal goes away with the payment, and stays away
    Given the terminal goes away when it has the payment
    And the till may take 125 s for a payment
    When the till takes a payment of 25.00 USD
    Then the till says that nobody knows [REC-10]

  @rec.restart @REC-12 @REC-5 @REC-9 @needs:durable
  Scenario: The till is killed while the customer pays
    Given nobody taps
    When the till begins a payment of 25.00 USD
    And the terminal has the payment
    And the till is killed
    And the customer taps now
    And the payment is completed at the terminal
    And the till is started again
    Then the till remembers the sale [REC-12]
    When the till settles what it left open
    Then the sale is settled as completed [REC-12]
    And nothing was sent before the look-up [REC-5]
    And the customer was charged once [REC-9]

  @rec.restart.again @REC-5 @REC-9
  Scenario: The till is killed, and the cashier rings the same sale up again
    Given nobody taps
    When the till begins a payment of 25.00 USD
    And the terminal has the payment
    And the till is killed
    And the customer taps now
    And the payment is completed at the terminal
    And the till is started again
    And the till takes the same payment again
    Then nothing was sent before the look-up [REC-5]
    And the customer was charged once [REC-9]

  @rec.connection @REC-9
  Scenario Outline: The first connections break: <how>
    Given the first 2 connections break: <how>
    When the till takes a payment of 25.00 USD
    Then the customer was charged at most once [REC-9]
    And the till was not fooled [REC-9]

    Examples:
      | how                         |
      | reset as soon as it is there |
      | reset after the handshake   |

  @rec.closed_after @REC-3 @REC-9
  Scenario: The answer is whole, and the connection ends behind it
    Given the connection ends behind the answer to a payment
    When the till takes a payment of 25.00 USD
    Then the till says completed [REC-3]
    And nothing that takes money was sent again [REC-3]
    And the customer was charged once [REC-9]

  @rec.comes_back @REC-3 @REC-5 @REC-9
  Scenario: The terminal goes away with the payment, and comes back
    Given the terminal goes away when it has the payment
    And the terminal comes back 8 s later
    When the till takes a payment of 25.00 USD
    Then nothing was sent before the look-up [REC-5]
    And the till says completed [REC-3]
    And the customer was charged once [REC-9]

  @rec.swapped @REC-23 @REC-9
  Scenario: Another device stands in the terminal's place when the payment is looked up
    Given the first payment never arrives: the terminal is swapped
    When the till takes a payment of 25.00 USD
    Then the till says that nobody knows [REC-23]
    And the customer was charged at most once [REC-9]
