Feature: The terminal on the shop's network
  A till that knows nothing but a terminal's name and its port finds it, and gets no answer that a
  browser or a stranger could use.

  @net.port @NET-1
  Scenario: The terminal serves HTTPS on port 8443
    When the till dials port 8443 and asks who is there
    Then HTTPS is served on port 8443 [NET-1]

  @disc.advert @DISC-1
  Scenario: The terminal can be found without knowing its address
    When somebody listens for terminals
    And the till dials what was advertised
    Then the advertisement leads to the terminal [DISC-1]

  @disc.txt @DISC-7
  Scenario: The advertisement says who and how the terminal is
    Given the terminal is idle
    When somebody listens for terminals
    And the till asks for 25.00 USD as "coffee"
    And somebody listens until the terminal is busy
    Then the advertisement describes the terminal [DISC-7]
    And the change of activity was announced [DISC-7]

  @net.browser @NET-6
  Scenario: A browser is sent away
    Given the terminal is idle
    When a browser asks for 25.00 USD as "web"
    Then "web" is refused as browser_not_allowed [NET-6]
    And the screen stays as it was [NET-6]

  @net.request_ids @NET-7
  Scenario: Every answer has a number of its own
    Given the terminal is idle
    When the till asks who is there as "first"
    And the till sends the body `{` as "malformed"
    Then "first" is answered [NET-7]
    And "malformed" is refused as invalid_json [NET-7]

  @net.limits @NET-5
  Scenario Outline: A request beyond all bounds is refused, and the next one is served
    Given the terminal is idle
    When the till sends a request with <what> as "monster"
    And the till asks who is there as "next"
    Then "monster" is refused as <code>, or the connection is closed [NET-5]
    And "next" is answered [NET-5]
    And the screen stays as it was [NET-5]

    Examples:
      | what                       | code                             |
      | a header of 100 KB         | headers_too_large                |
      | 33 headers too many        | headers_too_large                |
      | a body of 1 MB             | body_too_large                   |
      | a body 17 levels deep      | invalid_json                     |
      | two Content-Lengths        | invalid_request                  |
      | a length and chunks        | invalid_request                  |

  @net.slow @NET-5 @apart
  Scenario: A slow peer is shown out, and others are served meanwhile
    Given a terminal that nobody else uses
    When a peer begins a request and never ends it
    And the till asks who is there as "meanwhile"
    And the slow peer waits
    Then the slow peer is shown out [NET-5]
    And "meanwhile" is answered [NET-5]

  @net.cloud_away @NET-3 @needs:offline_queue @disruptive
  Scenario: The cloud is away, and the screen comes on all the same
    Given the terminal is idle
    When the internet goes away this very moment
    And the till asks for 25.00 USD as "at once"
    Then the terminal asks for a card for "at once" [NET-3]

  @net.local_mode @NET-4 @NET-8 @needs:local_mode_switch @disruptive
  Scenario: With local mode switched off nothing new begins, and nothing is left hanging
    Given the terminal is idle
    When the till asks for 25.00 USD as "before"
    And local mode is switched off
    And the till looks up "before" as "look-up"
    And the till cancels "before" as "cancel"
    And the answer to "before" arrives
    And the till asks for 7.00 USD as "after"
    Then "after" is refused as local_mode_disabled [NET-4]
    And "after" was never prompted [NET-4]
    And "look-up" is answered [NET-8]
    And "cancel" is answered cancelled [NET-8]
