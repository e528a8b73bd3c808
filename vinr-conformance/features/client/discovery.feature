Feature: Whom a till finds

  @disc.mdns @DISC-2 @DISC-3 @alone @needs:mdns
  Scenario: Two terminals are found with no configuration
    Given a shop with 2 terminals
    And the till finds its terminals by itself
    And the terminals advertise themselves
    And somebody listens for mDNS questions
    When the till looks for terminals
    Then the till asked by mDNS [DISC-2]
    And the till found "A" and "B" [DISC-2, DISC-3]

  @disc.static @DISC-4 @alone @needs:static_hosts
  Scenario: Static hosts are asked, and the network is not
    Given a shop with 2 terminals
    And the terminals advertise themselves
    And somebody listens for mDNS questions
    When the till looks for terminals at their addresses
    Then nobody asked by mDNS [DISC-4]
    And the till found "A" and "B" [DISC-4]

  @disc.dirt @DISC-5 @alone @needs:mdns
  Scenario: A terminal is advertised twice, another where nobody listens, and a third says goodbye
    Given a shop with 3 terminals
    And the till finds its terminals by itself
    And the terminals advertise themselves
    And terminal "A" is advertised once more
    And nobody listens at terminal "C"
    When the till looks for terminals
    Then the till found "A" and "B" [DISC-5]
    And the till does not take "C" for a reader [DISC-5]
    When the till begins to look for terminals
    And terminal "B" says goodbye
    And the till has looked for terminals
    Then the till does not take "B" for a reader [DISC-5]

  @disc.hint @DISC-8 @alone @needs:mdns
  Scenario: An advertisement leads to another terminal
    Given a shop with a terminal
    And the till finds its terminals by itself
    And the terminals advertise themselves
    And the terminal shows the certificate of another terminal
    When the till looks for terminals
    Then the till does not take "A" for a reader [DISC-8]
    When the till takes a payment of 25.00 USD
    Then nothing reached the stranger [DISC-8]
    And the till says an error [DISC-8]
