use super::*;

// [REC-12]
#[test]
fn the_attempt_is_stored_before_anything_is_sent() {
    let story = Story::new(stored(), policy(None)).then(Input::Begin);
    assert_eq!(
        story.effects,
        [
            Effect::Store(stored()),
            Effect::Arm(Timer::Deadline, DEADLINE)
        ]
    );
}

// [PAY-5, PAY-7]
#[test]
fn the_pay_is_sent_once_it_is_durable_and_held_for_120_s() {
    let story = Story::sent();
    assert_eq!(
        story.effects,
        [
            Effect::SendPay { key: key(FIRST) },
            Effect::Arm(Timer::Hold, Duration::from_secs(120))
        ]
    );
}

// [REC-12]
#[test]
fn what_cannot_be_stored_is_not_sent() {
    let story = Story::new(stored(), policy(None))
        .then(Input::Begin)
        .then(Input::StoreFailed("disk full".to_owned()));
    let why = NotSent::StoreFailed("disk full".to_owned());
    assert_eq!(story.outcome(), &Outcome::NotSent { why });
}

#[test]
fn a_caller_who_gives_up_while_it_is_stored_sends_nothing() {
    let story = Story::new(stored(), policy(None))
        .then(Input::Begin)
        .then(Input::GiveUp);
    let why = NotSent::GivenUp;
    assert_eq!(story.outcome(), &Outcome::NotSent { why });
}

// [PAY-5]
#[test]
fn a_deadline_under_120_s_is_raised_to_it() {
    let policy = Policy {
        deadline: Duration::from_secs(119),
        spare_key: Some(key(SECOND)),
    };
    let story = Story::new(stored(), policy).then(Input::Begin);
    // And there is no time in which a further attempt could begin.
    assert_eq!(
        story.effects[1..],
        [Effect::Arm(Timer::Deadline, Duration::from_secs(120))]
    );
}

// [PAY-5]
#[test]
fn a_further_attempt_may_begin_while_120_s_are_left() {
    let story = Story::new(stored(), policy(Some(SECOND))).then(Input::Begin);
    assert!(
        story
            .effects
            .contains(&Effect::Arm(Timer::LastStart, Duration::from_secs(30)))
    );
}

// [REC-5, REC-12]
#[test]
fn a_resumed_attempt_is_looked_up_first() {
    let story = Story::new(stored(), policy(Some(SECOND))).then(Input::Resume { now: day(20_001) });
    assert_eq!(
        story.effects,
        [
            Effect::Arm(Timer::Deadline, DEADLINE),
            Effect::LookUp,
            Effect::Arm(Timer::Reply, REPLY_WAIT)
        ]
    );
}

// [REC-5]
#[test]
fn a_resumed_attempt_is_never_paid_anew() {
    let story = Story::new(stored(), policy(Some(SECOND)))
        .then(Input::Resume { now: day(20_001) })
        .then(Input::LookedUp(list(vec![])))
        .then(Input::CancelAnswered(cancellation(
            CancelOutcome::Cancelled,
            None,
        )));
    let why = Lost::Restarted;
    let attempts = vec![];
    assert_eq!(story.outcome(), &Outcome::Voided { why, attempts });
}
