Feature: What the terminal keeps to itself
  Card numbers, PINs and keys pass through a terminal. None of them comes back in an answer or an error, and none
  stays in its memory.

  Background:
    Given the terminal is idle

  @sec.cards @SEC-1
  Scenario: Payments leave no card number and no PIN behind
    When each test card that can be read pays, with the longest PIN where it wants a wrong one
    And somebody searches a copy of the terminal's memory for secrets
    Then no secret comes back in any answer [SEC-1]
    And no secret stands in the terminal's memory [SEC-1]

  @sec.echoes @SEC-1
  Scenario: What a till fills in by mistake is refused and not repeated
    When the till sends a card number, an API key and a passphrase in every wrong place
    Then no secret comes back in any answer [SEC-1]
