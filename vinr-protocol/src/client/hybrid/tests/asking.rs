use super::*;

fn lan_dead() -> Input {
    Input::LookUpFailed(Path::Lan, Unasked::Dead)
}

fn at_another_terminal() -> Payment {
    Payment {
        terminal_id: "term_other".parse().expect("lawful"),
        ..payment("other_till", Status::Failed)
    }
}

#[test]
fn the_cloud_is_asked_only_when_the_lan_is_dead() {
    for dead in [lan_dead(), Input::Elapsed(own(attempt::Timer::Reply))] {
        Story::lost().then(dead).asks(Path::Cloud);
    }
}

// [HYB-6]
#[test]
fn another_identity_is_no_reason_to_ask_a_cloud_that_was_not_used() {
    let look_up = || Input::LookUpFailed(Path::Lan, Unasked::Identity);
    let lost_after_the_head = || {
        Story::sent()
            .then(Input::Head(Path::Lan))
            .then(Input::Lost(Path::Lan, broken()))
    };
    lost_after_the_head().then(look_up()).pauses();
    lost_after_the_head()
        .then(Input::LookedUp(list(vec![payment(FIRST, Status::Pending)])))
        .then(Input::CancelFailed(Path::Lan, Unasked::Identity))
        .pauses();
    // Where the cloud has the sale already, it may be the only one who knows.
    Story::lost().then(look_up()).asks(Path::Cloud);
}

#[test]
fn a_result_in_the_clouds_list_is_the_result() {
    let paid = payment(FIRST, Status::Completed);
    Story::lost()
        .then(lan_dead())
        .then(answered_by_cloud(
            vec![at_another_terminal(), paid.clone()],
            false,
        ))
        .is_final(paid);
}

#[test]
fn the_cloud_alone_cannot_deny_an_attempt() {
    Story::lost()
        .then(lan_dead())
        .then(answered_by_cloud(vec![], false))
        .pauses();
}

#[test]
fn what_the_cloud_lists_undelivered_the_terminal_need_not_know() {
    let cancelled_at_the_terminal = |undelivered| {
        Story::lost()
            .then(Input::GiveUp)
            .then(lan_dead())
            .then(answered_by_cloud(
                vec![payment(FIRST, Status::Pending)],
                undelivered,
            ))
            .then(Input::CancelAnswered(
                Path::Lan,
                cancellation(CancelOutcome::Cancelled, None),
            ))
    };
    let undelivered = cancelled_at_the_terminal(true);
    assert!(matches!(undelivered.outcome(), Outcome::Voided { .. }));
    let delivered = cancelled_at_the_terminal(false);
    assert!(matches!(
        delivered.outcome(),
        Outcome::Unknown {
            why: Unsettled::Forgotten(_),
            ..
        }
    ));
}

#[test]
fn when_neither_can_be_asked_it_is_asked_again() {
    let story = Story::lost()
        .then(lan_dead())
        .then(Input::LookUpFailed(Path::Cloud, Unasked::Dead));
    story.pauses();
    story
        .then(Input::Elapsed(own(attempt::Timer::AskAgain)))
        .asks(Path::Lan);
}

#[test]
fn a_denial_after_a_fallback_needs_the_clouds_word_too() {
    let story = Story::lost().then(Input::LookedUp(list(vec![])));
    story.asks(Path::Cloud);
    story
        .then(answered_by_cloud(vec![at_another_terminal()], false))
        .cancels(Path::Lan);
}

#[test]
fn a_denial_is_no_proof_while_the_cloud_has_something_undelivered() {
    Story::lost()
        .then(Input::LookedUp(list(vec![])))
        .then(answered_by_cloud(vec![], true))
        .pauses();
}

#[test]
fn a_denial_is_no_proof_while_the_cloud_is_silent() {
    for silent in [
        Input::LookUpFailed(Path::Cloud, Unasked::Dead),
        Input::Elapsed(own(attempt::Timer::Reply)),
    ] {
        Story::lost()
            .then(Input::LookedUp(list(vec![])))
            .then(silent)
            .pauses();
    }
}

#[test]
fn a_cloud_that_speaks_of_another_sale_is_not_heard() {
    // [REC-19]
    let mut foreign = payment(FIRST, Status::Completed);
    foreign.reference = "order_1".parse().expect("lawful");
    for first in [lan_dead(), Input::LookedUp(list(vec![]))] {
        Story::lost()
            .then(first)
            .then(answered_by_cloud(vec![foreign.clone()], false))
            .pauses();
    }
}

#[test]
fn a_denial_without_a_fallback_needs_no_cloud() {
    let story = Story::sent()
        .then(Input::Lost(Path::Lan, broken()))
        .then(Input::Elapsed(Timer::QuickLook))
        .then(Input::GiveUp)
        .then(Input::LookedUp(list(vec![])));
    // The record already says cloud, though nothing was sent: the careful side.
    story.asks(Path::Cloud);
    Story::with(Cloud::None)
        .then(Input::Lost(Path::Lan, broken()))
        .then(Input::LookedUp(list(vec![])))
        .cancels(Path::Lan);
}

#[test]
fn a_cancel_goes_to_the_terminal_and_through_the_cloud_only_when_the_lan_is_dead() {
    let pending = || Input::LookedUp(list(vec![payment(FIRST, Status::Pending)]));
    for dead in [
        Input::CancelFailed(Path::Lan, Unasked::Dead),
        Input::Elapsed(own(attempt::Timer::Reply)),
    ] {
        let story = Story::lost().then(pending());
        story.cancels(Path::Lan);
        let story = story.then(dead);
        story.cancels(Path::Cloud);
        story
            .then(Input::CancelFailed(Path::Cloud, Unasked::Dead))
            .pauses();
    }
}

#[test]
fn a_cancel_that_the_terminal_acknowledged_through_the_cloud_counts() {
    let cancelled = payment(FIRST, Status::Cancelled);
    Story::lost()
        .then(Input::GiveUp)
        .then(Input::LookedUp(list(vec![payment(FIRST, Status::Pending)])))
        .then(Input::CancelFailed(Path::Lan, Unasked::Dead))
        .then(Input::CancelAnswered(
            Path::Cloud,
            cancellation(CancelOutcome::Cancelled, Some(cancelled.clone())),
        ))
        .is_final(cancelled);
}

#[test]
fn an_answer_from_the_path_that_is_not_asked_is_not_heard() {
    Story::lost()
        .then(answered_by_cloud(
            vec![payment(FIRST, Status::Failed)],
            false,
        ))
        .is_silent();
    Story::lost()
        .then(lan_dead())
        .then(Input::LookedUp(list(vec![])))
        .is_silent();
}

#[test]
fn a_passing_timer_does_not_make_it_forget_whom_it_asked() {
    Story::lost()
        .then(Input::Elapsed(own(attempt::Timer::LastStart)))
        .then(Input::LookedUp(list(vec![payment(FIRST, Status::Failed)])))
        .is_final(payment(FIRST, Status::Failed));
}

#[test]
fn a_restarted_till_knows_from_the_record_that_the_cloud_was_used() {
    // [REC-12]
    let now = one_path::day(20_001);
    let resumed = |stored, cloud| {
        Story::new(stored, policy(cloud, None))
            .then(Input::Resume { now })
            .then(Input::LookedUp(list(vec![])))
    };
    resumed(in_cloud(), after_2_s()).asks(Path::Cloud);
    resumed(in_cloud(), Cloud::None).pauses();
    resumed(one_path::stored(), after_2_s()).cancels(Path::Lan);
}
