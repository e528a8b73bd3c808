Feature: The device on the bench
  Before anything else the device shows that it is the one that its profile describes, and takes one payment. After
  everything else it takes the same payment again: what was done to it meanwhile must not have changed it.

  @bench.profile @TLS-2 @first
  Scenario: The device is the one that its profile describes
    When the till asks who is there as "reader"
    Then "reader" is the terminal that the profile describes [TLS-2]

  @bench.before @PAY-3 @REC-9 @first
  Scenario: Before everything else a coffee is paid
    Given the terminal is idle
    When the till asks for 25.00 USD as "coffee"
    And the customer taps the approved card
    And the answer to "coffee" arrives
    Then "coffee" ended completed [PAY-3]
    And the host holds 1 charge for "coffee" [REC-9]

  @bench.no_manual @PAY-18 @without:manual_capture
  Scenario: A device that cannot wait for a later capture does not say that it does
    Given the terminal is idle
    When the till asks for 25.00 USD for a later capture as "tab"
    Then "tab" is refused [PAY-18]
    And the screen stays as it was [PAY-18]

  @bench.no_reading @PAY-17
  Scenario Outline: A device that reads no card by <entry> takes none so
    Given the terminal is idle
    When the till asks for 25.00 USD as "coffee"
    And somebody presents the approved card as <entry> all the same
    And the till cancels "coffee" as "cancel"
    Then "cancel" is answered cancelled [PAY-17]
    And the host holds 0 charges for "coffee" [PAY-17]

    @without:contactless
    Examples:
      | entry       |
      | contactless |

    @without:chip
    Examples:
      | entry |
      | chip  |

  @bench.after @PAY-3 @REC-9 @final
  Scenario: After everything else a coffee is paid as it was before
    Given the terminal is idle
    When the till asks for 25.00 USD as "coffee"
    And the customer taps the approved card
    And the answer to "coffee" arrives
    Then "coffee" ended completed [PAY-3]
    And the host holds 1 charge for "coffee" [REC-9]
