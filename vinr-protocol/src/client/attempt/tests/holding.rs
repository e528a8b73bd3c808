use super::*;

// [REC-3]
#[test]
fn a_final_payment_is_the_result() {
    for status in [Status::Completed, Status::Failed, Status::Cancelled] {
        let story = Story::sent().then(Input::Answered(payment(FIRST, status.clone())));
        story.is_final(payment(FIRST, status));
    }
}

#[test]
fn a_settled_attempt_is_forgotten_before_the_caller_hears_of_it() {
    let story = Story::sent().then(Input::Answered(payment(FIRST, Status::Completed)));
    assert_eq!(story.effects[0], Effect::Forget { key: key(FIRST) });
}

// [OFF-10]
#[test]
fn a_queued_payment_is_an_offline_acceptance_not_an_approval() {
    let story = Story::sent().then(Input::Answered(queued(FIRST)));
    assert_eq!(story.outcome(), &Outcome::AcceptedOffline(queued(FIRST)));
}

// [REC-18]
#[test]
fn an_answer_that_is_no_result_is_looked_up() {
    for status in [
        Status::Created,
        Status::Pending,
        Status::Processing,
        Status::from("settling"),
    ] {
        Story::sent()
            .then(Input::Answered(payment(FIRST, status)))
            .looks_up();
    }
}

// [REC-19]
#[test]
fn an_answer_about_something_else_is_looked_up() {
    let mut others = vec![payment(SECOND, Status::Completed); 6];
    others[1] = payment(FIRST, Status::Completed);
    others[1].reference = Reference::new("order_8822").expect("lawful");
    others[2] = payment(FIRST, Status::Completed);
    others[2].amount = Amount::new(2501).expect("lawful");
    others[3] = payment(FIRST, Status::Completed);
    others[3].currency = Currency::new("EUR").expect("lawful");
    others[4] = payment(FIRST, Status::Completed);
    others[4].terminal_id = TerminalId::new("term_CT20_0043").expect("lawful");
    others[5] = payment(FIRST, Status::Completed);
    others[5].attempt_key = None;
    for other in others {
        Story::sent().then(Input::Answered(other)).looks_up();
    }
}

// [REC-1, REC-2]
#[test]
fn a_lost_answer_is_looked_up_at_once() {
    let story = Story::lost();
    assert_eq!(
        story.effects,
        [
            Effect::Disarm(Timer::Hold),
            Effect::LookUp,
            Effect::Arm(Timer::Reply, REPLY_WAIT)
        ]
    );
}

// [REC-2]
#[test]
fn a_second_look_up_still_begins_within_5_s_of_the_loss() {
    assert!(REPLY_WAIT + ASK_AGAIN_MIN < crate::timing::LOOK_UP_WITHIN);
}

// [REC-1]
#[test]
fn silence_for_the_whole_hold_is_a_lost_answer() {
    Story::sent()
        .then(Input::Head)
        .then(Input::Elapsed(Timer::Hold))
        .looks_up();
}

#[test]
fn what_was_never_sent_is_not_looked_up() {
    for why in [
        NotSent::Unreachable("refused".to_owned()),
        NotSent::Identity("another terminal".to_owned()),
        NotSent::CertificateRefused("unknown CA".to_owned()),
    ] {
        let story = Story::sent().then(Input::NeverSent(why.clone()));
        assert_eq!(story.outcome(), &Outcome::NotSent { why });
    }
}

#[test]
fn what_was_accepted_was_sent() {
    Story::sent()
        .then(Input::Head)
        .then(Input::NeverSent(NotSent::Unreachable("gone".to_owned())))
        .looks_up();
}

#[test]
fn an_answer_after_the_hold_still_counts() {
    Story::sent()
        .then(Input::Elapsed(Timer::Hold))
        .then(Input::LookUpFailed)
        .then(Input::Answered(payment(FIRST, Status::Completed)))
        .is_final(payment(FIRST, Status::Completed));
}

#[test]
fn nothing_follows_the_end() {
    let story = Story::sent()
        .then(Input::Answered(payment(FIRST, Status::Failed)))
        .then(Input::Answered(payment(FIRST, Status::Completed)));
    assert_eq!(story.effects, []);
}
