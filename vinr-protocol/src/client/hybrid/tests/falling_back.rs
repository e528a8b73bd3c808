use super::*;

#[test]
fn what_could_not_be_sent_goes_to_the_cloud_at_once() {
    for why in [unreachable(), NotSent::ConnectionClosed] {
        let story = Story::sent().then(Input::NeverSent(Path::Lan, why));
        assert_eq!(
            story.effects,
            [Effect::Disarm(Timer::Acceptance), Effect::Store(in_cloud())]
        );
    }
}

#[test]
fn a_terminal_that_does_not_know_the_attempt_or_does_not_say_is_reached_through_the_cloud() {
    // [HYB-2]
    for silence in [
        Input::LookedUp(list(vec![])),
        Input::LookUpFailed(Path::Lan, Unasked::Dead),
        Input::Elapsed(Timer::QuickLook),
    ] {
        Story::looking().then(silence).stores_for_cloud();
    }
}

#[test]
fn the_cloud_gets_the_same_key_once_the_record_says_so_and_is_held_for_120_s() {
    // [HYB-5]
    let story = Story::both();
    assert_eq!(
        story.effects,
        [
            Effect::FellBack(FellBack::NotAccepted),
            to_cloud(),
            Effect::Arm(own(attempt::Timer::Hold), Duration::from_secs(120)),
        ]
    );
}

#[test]
fn the_deadline_leaves_the_cloud_its_120_s() {
    // [PAY-5]
    let least = CLIENT_HOLD + LOCAL_TIMEOUT + QUICK_LOOK;
    for (asked, deadline) in [
        (least - Duration::from_millis(1), least),
        (least, least),
        (
            least + Duration::from_millis(1),
            least + Duration::from_millis(1),
        ),
    ] {
        let mut policy = policy(after_2_s(), None);
        policy.attempt.deadline = asked;
        let story = Story::new(one_path::stored(), policy).then(Input::Begin);
        let timer = own(attempt::Timer::Deadline);
        assert!(story.effects.contains(&Effect::Arm(timer, deadline)));
    }
}

#[test]
fn the_reason_is_told() {
    let reason = |story: Story| match story.then(Input::Stored).effects[0] {
        Effect::FellBack(why) => why,
        ref other => panic!("no fallback: {other:?}"),
    };
    let never_sent = Story::sent().then(Input::NeverSent(Path::Lan, unreachable()));
    let silent = Story::looking().then(Input::Elapsed(Timer::QuickLook));
    assert_eq!(reason(never_sent), FellBack::Unreachable);
    assert_eq!(reason(silent), FellBack::Silent);
}

#[test]
fn another_identity_is_an_error_and_no_fallback() {
    // [HYB-6]
    for why in [
        NotSent::Identity("another terminal".to_owned()),
        NotSent::CertificateRefused("unknown CA".to_owned()),
    ] {
        for story in [Story::sent(), Story::looking(), Story::storing()] {
            story
                .then(Input::NeverSent(Path::Lan, why.clone()))
                .is_not_sent(why.clone());
        }
    }
}

#[test]
fn another_identity_at_the_quick_look_is_no_fallback() {
    // [HYB-6]
    let story = Story::looking().then(Input::LookUpFailed(Path::Lan, Unasked::Identity));
    assert_eq!(story.effects, [Effect::Disarm(Timer::QuickLook)]);
}

#[test]
fn a_refusal_is_no_fallback() {
    // [HYB-7]
    for story in [Story::sent(), Story::looking(), Story::storing()] {
        story
            .then(refused(Path::Lan, Code::TerminalBusy))
            .is_refused(Code::TerminalBusy, vec![]);
    }
}

#[test]
fn a_head_while_the_fallback_is_stored_leaves_the_cloud_alone() {
    // [HYB-4]
    let story = Story::storing().then(Input::Head(Path::Lan));
    story.then(Input::Stored).is_silent();
}

#[test]
fn a_fallback_that_cannot_be_stored_is_not_sent() {
    let full = || Input::StoreFailed("full".to_owned());
    Story::storing().then(full()).is_silent();
    Story::sent()
        .then(Input::NeverSent(Path::Lan, unreachable()))
        .then(full())
        .is_not_sent(NotSent::StoreFailed("full".to_owned()));
    Story::sent()
        .then(Input::Lost(Path::Lan, broken()))
        .then(Input::Elapsed(Timer::QuickLook))
        .then(full())
        .asks(Path::Lan);
}

#[test]
fn the_word_about_a_dropped_fallback_is_not_taken_for_the_next_store() {
    // The first attempt is cancelled and the second stored before the disk has answered about the fallback.
    let story = Story::storing()
        .then(Input::Head(Path::Lan))
        .then(Input::Lost(Path::Lan, broken()))
        .then(Input::LookedUp(list(vec![payment(FIRST, Status::Pending)])))
        .then(Input::CancelAnswered(
            Path::Lan,
            cancellation(
                CancelOutcome::Cancelled,
                Some(payment(FIRST, Status::Cancelled)),
            ),
        ))
        .then(Input::Stored);
    story.is_silent();
    let story = story.then(Input::Stored);
    assert!(matches!(&story.effects[0], Effect::SendPay { key: sent, .. } if *sent == key(SECOND)));
}

#[test]
fn a_further_attempt_begins_on_the_lan_again() {
    let story = Story::lost()
        .then(Input::LookedUp(list(vec![payment(FIRST, Status::Pending)])))
        .then(Input::CancelAnswered(
            Path::Lan,
            cancellation(
                CancelOutcome::Cancelled,
                Some(payment(FIRST, Status::Cancelled)),
            ),
        ));
    assert_eq!(story.hybrid.stored().path, ConnectionMode::Local);
    let story = story.then(Input::Stored);
    assert_eq!(
        story.effects[0],
        Effect::SendPay {
            path: Path::Lan,
            to: To::Terminal,
            key: key(SECOND)
        }
    );
}
