Feature: Which webhooks a till believes

  Background:
    Given a shop with a terminal

  @evt.genuine @EVT-4 @needs:webhooks
  Scenario Outline: A webhook <how>
    When the till is handed a webhook <how>
    Then the webhook is believed [EVT-4]

    Examples:
      | how                                      |
      | as the cloud signs it                    |
      | signed with the next secret too          |
      | signed with the other of its two secrets |
      | whose body is laid out as nobody would   |
      | signed 299 s ago                         |
      | signed 299 s ahead                       |
      | with a signature of a scheme to come     |

  @evt.false @EVT-3 @needs:webhooks
  Scenario Outline: A webhook <how>
    When the till is handed a webhook <how>
    Then the webhook is not believed [EVT-3]

    Examples:
      | how                            |
      | signed with a secret of nobody |
      | whose body was altered         |
      | whose date was altered         |
      | signed 302 s ago               |
      | signed 302 s ahead             |
      | without a signature            |
      | with two dates                 |
