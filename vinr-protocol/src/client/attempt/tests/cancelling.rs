use super::*;

fn cancelled() -> Input {
    Input::CancelAnswered(cancellation(
        CancelOutcome::Cancelled,
        Some(payment(FIRST, Status::Cancelled)),
    ))
}

fn tombstoned() -> Input {
    Input::CancelAnswered(cancellation(CancelOutcome::Cancelled, None))
}

// [REC-4, REC-17]
#[test]
fn once_cancelled_one_more_attempt_is_stored_under_the_spare_key() {
    let story = Story::cancelling().then(cancelled());
    let second = StoredAttempt {
        key: key(SECOND),
        known: [payment(FIRST, Status::Cancelled).id].into(),
        ..stored()
    };
    assert_eq!(
        story.effects,
        [
            Effect::Disarm(Timer::Reply),
            Effect::Forget { key: key(FIRST) },
            Effect::Store(second)
        ]
    );
}

// [REC-17]
#[test]
fn the_further_attempt_is_sent_once_it_is_durable() {
    let story = Story::cancelling().then(cancelled()).then(Input::Stored);
    assert_eq!(story.effects[0], Effect::SendPay { key: key(SECOND) });
}

// [REC-20]
#[test]
fn a_tombstoned_key_makes_room_for_one_more_attempt() {
    let story = Story::lost()
        .then(Input::LookedUp(list(vec![])))
        .then(tombstoned())
        .then(Input::Stored);
    assert_eq!(story.effects[0], Effect::SendPay { key: key(SECOND) });
}

#[test]
fn there_is_no_third_attempt() {
    let story = Story::cancelling()
        .then(cancelled())
        .then(Input::Stored)
        .then(broken())
        .then(Input::LookedUp(list(vec![payment(
            SECOND,
            Status::Pending,
        )])))
        .then(Input::CancelAnswered(cancellation(
            CancelOutcome::Cancelled,
            Some(payment(SECOND, Status::Cancelled)),
        )));
    story.is_final(payment(SECOND, Status::Cancelled));
}

#[test]
fn without_a_spare_key_the_cancelled_payment_is_the_result() {
    Story::new(stored(), policy(None))
        .then(Input::Begin)
        .then(Input::Stored)
        .then(broken())
        .then(Input::LookedUp(list(vec![payment(FIRST, Status::Pending)])))
        .then(cancelled())
        .is_final(payment(FIRST, Status::Cancelled));
}

#[test]
fn too_late_in_the_intent_the_cancelled_payment_is_the_result() {
    Story::cancelling()
        .then(Input::Elapsed(Timer::LastStart))
        .then(cancelled())
        .is_final(payment(FIRST, Status::Cancelled));
}

#[test]
fn a_caller_who_gave_up_gets_no_further_attempt() {
    Story::cancelling()
        .then(Input::GiveUp)
        .then(cancelled())
        .is_final(payment(FIRST, Status::Cancelled));
}

// §5: a sale that another till has paid meanwhile gets no further attempt, and is handed over.
#[test]
fn a_sale_that_another_attempt_has_paid_gets_no_further_attempt() {
    let paid = payment("other_till", Status::Completed);
    let own = payment(FIRST, Status::Pending);
    let story = Story::lost()
        .then(Input::LookedUp(list(vec![paid.clone(), own])))
        .then(cancelled());
    assert_eq!(
        story.outcome(),
        &Outcome::Voided {
            why: Lost::Broken("reset".to_owned()),
            attempts: vec![paid],
        }
    );
}

#[test]
fn a_sale_whose_other_attempts_came_to_nothing_gets_its_further_attempt() {
    let failed = payment("other_till", Status::Failed);
    let own = payment(FIRST, Status::Pending);
    let story = Story::lost()
        .then(Input::LookedUp(list(vec![failed, own])))
        .then(cancelled());
    assert!(matches!(story.effects.last(), Some(Effect::Store(_))));
}

#[test]
fn a_voided_attempt_shows_the_sales_other_attempts() {
    let paid = payment("other_till", Status::Completed);
    let story = Story::lost()
        .then(Input::GiveUp)
        .then(Input::LookedUp(list(vec![paid.clone()])))
        .then(tombstoned());
    assert_eq!(
        story.outcome(),
        &Outcome::Voided {
            why: Lost::Broken("reset".to_owned()),
            attempts: vec![paid],
        }
    );
}

#[test]
fn too_late_to_cancel_is_the_result() {
    Story::cancelling()
        .then(Input::CancelAnswered(cancellation(
            CancelOutcome::TooLate,
            Some(payment(FIRST, Status::Completed)),
        )))
        .is_final(payment(FIRST, Status::Completed));
}

// [OFF-10]
#[test]
fn a_queued_payment_that_cannot_be_cancelled_is_an_offline_acceptance() {
    let story = Story::cancelling().then(Input::CancelAnswered(cancellation(
        CancelOutcome::StillProcessing,
        Some(queued(FIRST)),
    )));
    assert_eq!(story.outcome(), &Outcome::AcceptedOffline(queued(FIRST)));
}

#[test]
fn still_processing_is_asked_about_again() {
    let story = Story::cancelling().then(Input::CancelAnswered(cancellation(
        CancelOutcome::StillProcessing,
        Some(payment(FIRST, Status::Processing)),
    )));
    story.pauses(250);
    story.then(Input::Elapsed(Timer::AskAgain)).looks_up();
}

// [REC-4]
#[test]
fn a_lost_cancel_is_followed_by_a_look_up_not_by_a_pay() {
    for input in [Input::CancelFailed, Input::Elapsed(Timer::Reply)] {
        let story = Story::cancelling().then(input);
        story.pauses(250);
        story.then(Input::Elapsed(Timer::AskAgain)).looks_up();
    }
}

// [REC-19]
#[test]
fn a_cancel_acknowledged_about_something_else_is_refused() {
    let mut of_another_sale = cancellation(CancelOutcome::Cancelled, None);
    of_another_sale.reference = Reference::new("order_1").expect("lawful");
    let of_another_attempt = cancellation(
        CancelOutcome::Cancelled,
        Some(payment("other_till", Status::Cancelled)),
    );
    let contradictory = cancellation(
        CancelOutcome::Cancelled,
        Some(payment(FIRST, Status::Processing)),
    );
    let newer = cancellation(CancelOutcome::from("cancelling"), None);
    for wrong in [of_another_sale, of_another_attempt, contradictory, newer] {
        Story::cancelling()
            .then(Input::CancelAnswered(wrong))
            .pauses(250);
    }
}

#[test]
fn a_contradictory_answer_about_a_late_cancel_is_no_result() {
    for (outcome, status) in [
        (CancelOutcome::TooLate, Status::Processing),
        (CancelOutcome::StillProcessing, Status::Completed),
    ] {
        Story::cancelling()
            .then(Input::CancelAnswered(cancellation(
                outcome,
                Some(payment(FIRST, status)),
            )))
            .pauses(250);
    }
}

// [REC-23] found by the model: the device was swapped between the look-up and the cancel
#[test]
fn a_terminal_that_listed_the_attempt_and_then_knows_nothing_of_it_proves_nothing() {
    let story = Story::cancelling().then(tombstoned());
    assert!(
        matches!(
            &story.effects[..],
            [Effect::Settled(Outcome::Unknown {
                why: Unsettled::Forgotten(_),
                ..
            })]
        ),
        "{:?}",
        story.effects
    );
}

// [REC-23] found by the model: the pay reached the old device after its look-up, the cancel the new one
#[test]
fn a_tombstone_counts_only_in_the_journal_that_did_not_list_the_attempt() {
    let unlisted = || Story::lost().then(Input::LookedUp(list(vec![])));
    let tombstone = |journal_id| {
        Input::CancelAnswered(Cancellation {
            journal_id,
            ..cancellation(CancelOutcome::Cancelled, None)
        })
    };
    let elsewhere = unlisted().then(tombstone(Some(journal("jrn_other"))));
    assert!(
        matches!(
            &elsewhere.effects[..],
            [Effect::Settled(Outcome::Unknown {
                why: Unsettled::OtherJournal(_),
                ..
            })]
        ),
        "{:?}",
        elsewhere.effects
    );
    let nowhere = unlisted().then(tombstone(None));
    assert!(
        matches!(&nowhere.effects[..], [_, Effect::Arm(Timer::AskAgain, _)]),
        "{:?}",
        nowhere.effects
    );
}
