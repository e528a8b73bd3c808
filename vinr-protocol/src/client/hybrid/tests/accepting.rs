use super::*;

#[test]
fn the_lan_is_tried_first_and_given_2_s_to_accept() {
    // [HYB-1]
    let story = Story::sent();
    assert_eq!(
        story.effects,
        [
            Effect::SendPay {
                path: Path::Lan,
                to: To::Terminal,
                key: key(FIRST)
            },
            Effect::Arm(Timer::Acceptance, Duration::from_secs(2)),
            Effect::Arm(own(attempt::Timer::Hold), Duration::from_secs(120)),
        ]
    );
}

#[test]
fn nothing_is_sent_before_it_is_stored() {
    let story = Story::new(one_path::stored(), policy(after_2_s(), None)).then(Input::Begin);
    assert_eq!(story.effects[0], Effect::Store(one_path::stored()));
    assert!(
        !story
            .effects
            .iter()
            .any(|effect| matches!(effect, Effect::SendPay { .. }))
    );
}

#[test]
fn a_head_in_time_leaves_the_cloud_alone() {
    // [HYB-4]
    let story = Story::sent().then(Input::Head(Path::Lan));
    assert_eq!(story.effects, [Effect::Disarm(Timer::Acceptance)]);
    story.then(Input::Elapsed(Timer::Acceptance)).is_silent();
}

#[test]
fn what_was_accepted_and_lost_is_looked_up_and_not_sent_again() {
    let story = Story::sent()
        .then(Input::Head(Path::Lan))
        .then(Input::Lost(Path::Lan, broken()));
    story.asks(Path::Lan);
    let story = story.then(Input::LookedUp(list(vec![])));
    assert!(matches!(
        story.outcome(),
        Outcome::Unknown {
            why: Unsettled::Forgotten(_),
            ..
        }
    ));
}

#[test]
fn a_result_on_the_lan_is_the_result() {
    Story::sent()
        .then(Input::Answered(
            Path::Lan,
            payment(FIRST, Status::Completed),
        ))
        .is_final(payment(FIRST, Status::Completed));
}

#[test]
fn at_the_bound_the_terminal_is_asked_on_another_connection_for_1_s() {
    let story = Story::looking();
    assert_eq!(
        story.effects,
        [
            Effect::Disarm(Timer::Acceptance),
            Effect::LookUp(Path::Lan),
            Effect::Arm(Timer::QuickLook, Duration::from_secs(1)),
        ]
    );
}

#[test]
fn a_terminal_that_knows_the_attempt_is_waited_for() {
    // [HYB-4]
    let pending = list(vec![payment(FIRST, Status::Pending)]);
    let story = Story::looking().then(Input::LookedUp(pending));
    assert_eq!(story.effects, [Effect::Disarm(Timer::QuickLook)]);
    story
        .then(Input::Answered(
            Path::Lan,
            payment(FIRST, Status::Completed),
        ))
        .is_final(payment(FIRST, Status::Completed));
}

#[test]
fn a_quick_look_that_shows_the_result_is_the_result() {
    Story::looking()
        .then(Input::LookedUp(list(vec![payment(FIRST, Status::Failed)])))
        .is_final(payment(FIRST, Status::Failed));
}

#[test]
fn a_head_during_the_quick_look_leaves_the_cloud_alone() {
    let story = Story::looking().then(Input::Head(Path::Lan));
    story.then(Input::LookedUp(list(vec![]))).is_silent();
}

#[test]
fn a_quick_look_at_another_journal_is_no_reason_to_fall_back() {
    // [REC-23]
    let mut wiped = list(vec![]);
    wiped.journal_id = Some(one_path::journal("jrn_2"));
    let story = Story::looking().then(Input::LookedUp(wiped));
    assert_eq!(story.effects, [Effect::Disarm(Timer::QuickLook)]);
}

#[test]
fn a_lost_pay_is_looked_up_quickly_before_the_cloud_is_used() {
    let story = Story::sent().then(Input::Lost(Path::Lan, broken()));
    story.asks(Path::Lan);
    story.then(Input::LookedUp(list(vec![]))).stores_for_cloud();
}

#[test]
fn a_lost_pay_that_the_terminal_knows_is_recovered_on_the_lan() {
    let story = Story::sent()
        .then(Input::Lost(Path::Lan, broken()))
        .then(Input::LookedUp(list(vec![payment(FIRST, Status::Pending)])));
    story.asks(Path::Lan);
    story
        .then(Input::LookedUp(list(vec![payment(FIRST, Status::Pending)])))
        .cancels(Path::Lan);
}

#[test]
fn without_a_cloud_a_silent_lan_is_held_on_to() {
    let story = Story::with(Cloud::None);
    assert!(
        !story
            .effects
            .iter()
            .any(|effect| matches!(effect, Effect::Arm(Timer::Acceptance, _)))
    );
    let story = story.then(Input::Lost(Path::Lan, broken()));
    story.asks(Path::Lan);
    story
        .then(Input::LookUpFailed(Path::Lan, Unasked::Dead))
        .pauses();
}

#[test]
fn a_quick_look_that_speaks_of_another_sale_too_is_not_heard() {
    // [REC-19]
    let other = Payment {
        reference: "order_other".parse().expect("lawful"),
        ..payment(SECOND, Status::Pending)
    };
    let mixed = list(vec![payment(FIRST, Status::Pending), other]);
    Story::looking()
        .then(Input::LookedUp(mixed))
        .stores_for_cloud();
}
