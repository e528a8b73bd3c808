Feature: The screen within 50 ms
  From the last byte of the command to the active screen, at the 99th percentile, on a warm connection, with
  nothing subtracted.

  Background:
    Given the terminal is idle

  @lat.activation @LAT-1
  Scenario: Two hundred activations on a warm connection
    When 20 warm-ups and 200 activations are measured
    Then the screen was active in under 50 ms [LAT-1]

  @lat.offline @LAT-3 @needs:offline_queue @disruptive @away
  Scenario: Two hundred activations without the internet
    Given the internet is away
    When 20 warm-ups and 200 activations are measured
    Then the screen was active in under 50 ms [LAT-3]
