Feature: Who may talk to the terminal
  A terminal talks to tills that were provisioned for it, over mutual TLS, and to nobody else.

  @tls.plaintext @TLS-1
  Scenario: There is no plaintext
    When somebody speaks plain HTTP to the terminal
    Then nothing is served in plain text [TLS-1]

  @tls.mutual @TLS-1
  Scenario: The terminal asks a till for its certificate
    When the till asks who is there as "reader"
    Then the terminal asked for a client certificate [TLS-1]
    And "reader" is answered [TLS-1]

  @tls.certificate @TLS-2
  Scenario: The terminal shows a certificate of its own
    When the till asks who is there as "reader"
    Then the certificate is this terminal's own, from the terminal CA [TLS-2]

  @tls.strangers @TLS-5
  Scenario Outline: A till with <whom> is refused
    Given the terminal is idle
    When a till with <whom> asks for 25.00 USD as "stranger"
    And the till looks up "stranger" as "look-up"
    Then the till of "stranger" is refused [TLS-5]
    And the screen stays as it was [TLS-5]
    And "look-up" lists nothing [TLS-5]

    Examples:
      | whom                              |
      | no certificate                    |
      | another authority's certificate   |
      | an expired certificate            |
      | a certificate of next year        |
      | a server's certificate            |

  @tls.other_terminal @TLS-6
  Scenario: A till of another terminal is refused
    Given the terminal is idle
    When a till with another terminal's certificate asks for 25.00 USD as "neighbour"
    And the till looks up "neighbour" as "look-up"
    Then the till of "neighbour" is refused [TLS-6]
    And the screen stays as it was [TLS-6]
    And "look-up" lists nothing [TLS-6]

  @tls.modern @TLS-13
  Scenario: Only TLS 1.3 is spoken, and no session is resumed
    When somebody offers TLS 1.2 and nothing newer
    And the till asks who is there as "reader"
    And the till of "reader" hangs up
    Then the old TLS is refused [TLS-13]
    And no resumption is offered to "reader" [TLS-13]

  @tls.profile @TLS-14
  Scenario: A certificate without a purpose is refused
    Given the terminal is idle
    When a till with a certificate for no purpose asks for 25.00 USD as "vague"
    Then the till of "vague" is refused [TLS-14]
    And the screen stays as it was [TLS-14]

  @tls.revoked @TLS-12 @last
  Scenario: A till that was lost and revoked is let in no more
    Given the terminal is idle
    And a revocation list that revokes nobody is in force
    When the lost till asks who is there as "before"
    And the lost till is revoked
    And the lost till asks for 25.00 USD as "stolen"
    And the till looks up "stolen" as "look-up"
    Then "before" is answered [TLS-12]
    And the till of "stolen" is refused [TLS-12]
    And the screen stays as it was [TLS-12]
    And "look-up" lists nothing [TLS-12]

  @tls.revoked_open @TLS-12 @last
  Scenario: A connection that is open helps a lost till for a second at most
    Given the terminal is idle
    And a revocation list that revokes nobody is in force
    When the lost till asks who is there as "before"
    And the lost till is revoked
    And the lost till asks for 25.00 USD on the connection of "before" as "stolen"
    And the till looks up "stolen" as "look-up"
    Then "before" is answered [TLS-12]
    And the till of "stolen" is refused [TLS-12]
    And the screen stays as it was [TLS-12]
    And "look-up" lists nothing [TLS-12]

  @tls.revoked_held @TLS-12 @last
  Scenario: A payment that is held when its till is revoked is answered all the same
    Given the terminal is idle
    And a revocation list that revokes nobody is in force
    When the lost till asks for 25.00 USD as "coffee"
    And the lost till is revoked
    And the customer taps the approved card
    And the answer to "coffee" arrives
    And the lost till asks who is there as "afterwards"
    Then "coffee" is answered all the same [TLS-12]
    And the till of "afterwards" is refused [TLS-12]

  @tls.list_older @TLS-15 @last
  Scenario: An older list gives no lost till back
    Given the terminal is idle
    And a revocation list that revokes nobody is in force
    When the lost till is revoked
    And the revocation list before it is offered again
    And the lost till asks for 25.00 USD as "stolen"
    And the till asks who is there as "other till"
    Then the till of "stolen" is refused [TLS-15]
    And "other till" is answered [TLS-15]

  @tls.list_forged @TLS-15 @last
  Scenario: A forged list takes no till away
    Given the terminal is idle
    And a revocation list that revokes nobody is in force
    When a forged revocation list takes the till back
    And the till asks who is there as "reader"
    Then "reader" is answered [TLS-15]

  @tls.list_foreign @TLS-15 @last
  Scenario: Another authority's list takes no till away
    Given the terminal is idle
    And a revocation list that revokes nobody is in force
    When another authority's revocation list takes the till back
    And the till asks who is there as "reader"
    Then "reader" is answered [TLS-15]

  @tls.list_ends @TLS-15 @last
  Scenario: When the list ends nothing new is started, and what is owed goes on
    Given the terminal is idle
    And a revocation list that revokes nobody is in force
    When the revocation list ends
    And the till asks for 25.00 USD as "too late"
    And the till looks up "too late" as "look-up"
    And the till cancels "too late" as "cancel"
    Then "too late" is refused as terminal_unavailable [TLS-15]
    And "too late" was never prompted [TLS-15]
    And "look-up" lists nothing [TLS-15]
    And "cancel" is answered [TLS-15]
    When a new revocation list comes
    And the till asks for 25.00 USD as "in time"
    Then the terminal asks for a card for "in time" [TLS-15]
