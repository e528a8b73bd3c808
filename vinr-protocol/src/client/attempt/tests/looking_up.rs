use super::*;

// [REC-3]
#[test]
fn a_final_payment_under_its_own_key_is_the_result() {
    for status in [Status::Completed, Status::Failed, Status::Cancelled] {
        Story::lost()
            .then(Input::LookedUp(list(vec![payment(FIRST, status.clone())])))
            .is_final(payment(FIRST, status));
    }
}

// [OFF-10]
#[test]
fn a_queued_payment_is_an_offline_acceptance() {
    let story = Story::lost().then(Input::LookedUp(list(vec![queued(FIRST)])));
    assert_eq!(story.outcome(), &Outcome::AcceptedOffline(queued(FIRST)));
}

// [REC-4]
#[test]
fn a_pending_payment_is_cancelled() {
    for status in [Status::Created, Status::Pending] {
        Story::lost()
            .then(Input::LookedUp(list(vec![payment(FIRST, status)])))
            .cancels(FIRST);
    }
}

#[test]
fn a_payment_in_flight_is_asked_about_again() {
    Story::lost()
        .then(Input::LookedUp(list(vec![payment(
            FIRST,
            Status::Processing,
        )])))
        .pauses(250);
}

// [REC-18]
#[test]
fn an_unknown_status_is_neither_final_nor_cancelled() {
    Story::lost()
        .then(Input::LookedUp(list(vec![payment(
            FIRST,
            Status::from("settling"),
        )])))
        .pauses(250);
}

#[test]
fn pauses_double_from_250_ms_to_2_s() {
    let mut story = Story::lost();
    for ms in [250, 500, 1000, 2000, 2000] {
        story = story.then(Input::LookUpFailed);
        story.pauses(ms);
        story = story.then(Input::Elapsed(Timer::AskAgain));
        story.looks_up();
    }
}

#[test]
fn a_question_without_a_reply_is_asked_again() {
    Story::lost().then(Input::Elapsed(Timer::Reply)).pauses(250);
}

// [REC-19]
#[test]
fn an_own_entry_of_another_amount_is_refused() {
    let mut wrong = payment(FIRST, Status::Completed);
    wrong.amount = Amount::new(2501).expect("lawful");
    Story::lost()
        .then(Input::LookedUp(list(vec![wrong])))
        .pauses(250);
}

// [REC-19]
#[test]
fn a_pending_entry_of_another_amount_is_not_cancelled() {
    let mut wrong = payment(FIRST, Status::Pending);
    wrong.amount = Amount::new(2501).expect("lawful");
    Story::lost()
        .then(Input::LookedUp(list(vec![wrong])))
        .pauses(250);
}

// [REC-19]
#[test]
fn a_list_about_another_sale_is_refused_even_if_it_is_otherwise_empty() {
    let mut foreign = payment("x", Status::Failed);
    foreign.reference = Reference::new("order_1").expect("lawful");
    Story::lost()
        .then(Input::LookedUp(list(vec![foreign])))
        .pauses(250);
}

// [REC-20]
#[test]
fn a_key_that_the_same_journal_does_not_know_is_cancelled() {
    Story::lost()
        .then(Input::LookedUp(list(vec![])))
        .cancels(FIRST);
}

// [REC-23]
#[test]
fn an_empty_answer_from_another_journal_is_unknown() {
    let mut other = list(vec![]);
    other.journal_id = Some(journal("jrn_2"));
    let story = Story::lost().then(Input::LookedUp(other));
    assert!(matches!(story.is_unknown(), Unsettled::OtherJournal(_)));
}

#[test]
fn an_own_entry_counts_in_any_journal() {
    let mut other = list(vec![payment(FIRST, Status::Completed)]);
    other.journal_id = Some(journal("jrn_2"));
    Story::lost()
        .then(Input::LookedUp(other))
        .is_final(payment(FIRST, Status::Completed));
}

#[test]
fn an_empty_answer_without_a_journal_proves_nothing() {
    let mut nameless = list(vec![]);
    nameless.journal_id = None;
    Story::lost().then(Input::LookedUp(nameless)).pauses(250);
}

// [REC-23]
#[test]
fn an_empty_answer_about_an_attempt_of_30_days_is_cancelled_and_of_more_is_unknown() {
    let resumed = |ms| {
        let now = Timestamp::from_unix_ms(stored().stored_at.unix_ms() + ms).expect("lawful");
        Story::new(stored(), policy(None))
            .then(Input::Resume { now })
            .then(Input::LookedUp(list(vec![])))
    };
    let kept = i64::try_from(RECORDS_KEPT.as_millis()).expect("fits");
    resumed(kept).cancels(FIRST);
    assert_eq!(resumed(kept + 1).is_unknown(), &Unsettled::TooOld);
}

// [REC-23]
#[test]
fn a_clock_that_was_set_back_by_more_than_30_days_proves_nothing() {
    let story = Story::new(stored(), policy(None))
        .then(Input::Resume { now: day(19_969) })
        .then(Input::LookedUp(list(vec![])));
    assert_eq!(story.is_unknown(), &Unsettled::TooOld);
}

#[test]
fn an_old_attempt_that_is_listed_is_settled() {
    Story::new(stored(), policy(None))
        .then(Input::Resume { now: day(20_100) })
        .then(Input::LookedUp(list(vec![payment(FIRST, Status::Failed)])))
        .is_final(payment(FIRST, Status::Failed));
}

#[test]
fn a_terminal_that_denies_what_it_accepted_is_not_believed() {
    let story = Story::sent()
        .then(Input::Head)
        .then(broken())
        .then(Input::LookedUp(list(vec![])));
    assert!(matches!(story.is_unknown(), Unsettled::Forgotten(_)));
}

// [REC-10]
#[test]
fn by_the_deadline_the_outcome_is_unknown_with_reference_and_key() {
    let story = Story::lost()
        .then(Input::LookedUp(list(vec![payment(
            FIRST,
            Status::Processing,
        )])))
        .then(Input::Elapsed(Timer::Deadline));
    assert_eq!(
        story.outcome(),
        &Outcome::Unknown {
            reference: stored().reference,
            key: key(FIRST),
            why: Unsettled::Deadline(Lost::Broken("reset".to_owned())),
        }
    );
}

// [REC-12]
#[test]
fn an_unknown_attempt_stays_stored() {
    let story = Story::lost().then(Input::Elapsed(Timer::Deadline));
    assert_eq!(story.effects.len(), 1);
}
