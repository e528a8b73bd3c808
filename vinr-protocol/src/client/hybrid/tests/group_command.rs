use super::*;

fn at_the_second() -> Payment {
    Payment {
        terminal_id: "term_B".parse().expect("lawful"),
        ..payment(FIRST, Status::Completed)
    }
}

fn command() -> StoredAttempt {
    StoredAttempt {
        terminal_id: "term_A".parse().expect("lawful"),
        members: ["term_A", "term_B"]
            .map(|id| id.parse().expect("lawful"))
            .into(),
        ..in_cloud()
    }
}

fn sent() -> Story {
    Story::new(command(), policy(after_2_s(), None))
        .then(Input::Begin)
        .then(Input::Stored)
}

#[test]
fn it_goes_through_the_cloud_alone() {
    assert_eq!(
        sent().effects,
        [
            Effect::SendPay {
                path: Path::Cloud,
                to: To::Group,
                key: key(FIRST)
            },
            Effect::Arm(own(attempt::Timer::Hold), CLIENT_HOLD),
        ]
    );
}

#[test]
fn the_result_may_come_from_any_member_and_from_nobody_else() {
    // [GRP-3]
    sent()
        .then(Input::Answered(Path::Cloud, at_the_second()))
        .is_final(at_the_second());
    sent()
        .then(Input::Answered(
            Path::Cloud,
            payment(FIRST, Status::Completed),
        ))
        .asks(Path::Cloud);
}

#[test]
fn it_is_recovered_through_the_cloud() {
    let story = sent().then(Input::Lost(Path::Cloud, broken()));
    story.asks(Path::Cloud);
    story
        .then(answered_by_cloud(vec![at_the_second()], false))
        .is_final(at_the_second());
}

#[test]
fn what_the_cloud_denies_is_cancelled_there() {
    let story = sent().then(Input::Lost(Path::Cloud, broken()));
    let story = story.then(answered_by_cloud(vec![], false));
    story.cancels(Path::Cloud);
    let story = story.then(Input::CancelAnswered(
        Path::Cloud,
        cancellation(CancelOutcome::Cancelled, None),
    ));
    assert!(matches!(story.outcome(), Outcome::Voided { .. }));
}

#[test]
fn what_the_cloud_denies_after_30_days_is_unknown() {
    // [REC-23]
    let story = Story::new(command(), policy(after_2_s(), None)).then(Input::Resume {
        now: one_path::day(20_031),
    });
    story.asks(Path::Cloud);
    let story = story.then(answered_by_cloud(vec![], false));
    assert!(matches!(
        story.outcome(),
        Outcome::Unknown {
            why: Unsettled::TooOld,
            ..
        }
    ));
}

#[test]
fn what_the_cloud_has_not_delivered_is_not_denied() {
    // [GRP-4]
    sent()
        .then(Input::Lost(Path::Cloud, broken()))
        .then(answered_by_cloud(vec![], true))
        .pauses();
}
