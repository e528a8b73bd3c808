use super::*;

/// A device that is not of this wire: no journal id, no keys.
fn keyless(id: &str, status: Status) -> Payment {
    Payment {
        attempt_key: None,
        ..payment(id, status)
    }
}

fn keyless_list(data: Vec<Payment>) -> PaymentList {
    PaymentList {
        journal_id: None,
        ..list(data)
    }
}

fn lost_on_a_keyless_device(known: &[&str]) -> Story {
    let known = known.iter().map(|id| keyless(id, Status::Failed).id);
    let stored = StoredAttempt {
        journal_id: None,
        known: known.collect(),
        ..stored()
    };
    Story::new(stored, policy(Some(SECOND)))
        .then(Input::Begin)
        .then(Input::Stored)
        .then(broken())
}

// [REC-16]
#[test]
fn an_older_attempt_of_the_sale_is_not_its_own() {
    // The newest entry is another till's: taking it for its own would lose money.
    Story::lost()
        .then(Input::LookedUp(list(vec![
            payment("other_till", Status::Failed),
            payment(FIRST, Status::Completed),
        ])))
        .is_final(payment(FIRST, Status::Completed));
}

// [REC-16]
#[test]
fn an_entry_without_a_key_is_nobodys_own_where_keys_are_returned() {
    Story::lost()
        .then(Input::LookedUp(list(vec![keyless("x", Status::Failed)])))
        .cancels(FIRST);
}

// [REC-16]
#[test]
fn without_keys_the_one_new_entry_is_its_own() {
    lost_on_a_keyless_device(&["old"])
        .then(Input::LookedUp(keyless_list(vec![
            keyless("new", Status::Completed),
            keyless("old", Status::Failed),
        ])))
        .is_final(keyless("new", Status::Completed));
}

// [REC-16]
#[test]
fn without_keys_what_was_known_before_is_not_its_own() {
    lost_on_a_keyless_device(&["old"])
        .then(Input::LookedUp(keyless_list(vec![keyless(
            "old",
            Status::Failed,
        )])))
        .pauses(250);
}

// [REC-16]
#[test]
fn without_keys_two_new_entries_tell_nothing() {
    lost_on_a_keyless_device(&[])
        .then(Input::LookedUp(keyless_list(vec![
            keyless("a", Status::Failed),
            keyless("b", Status::Completed),
        ])))
        .pauses(250);
}

// [REC-16]
#[test]
fn a_cancelled_first_attempt_is_not_the_second_even_without_keys() {
    let story = lost_on_a_keyless_device(&[])
        .then(Input::LookedUp(keyless_list(vec![keyless(
            "a",
            Status::Pending,
        )])))
        .then(Input::CancelAnswered(cancellation(
            CancelOutcome::Cancelled,
            Some(keyless("a", Status::Cancelled)),
        )))
        .then(Input::Stored)
        .then(Input::Answered(keyless("a", Status::Cancelled)));
    story.looks_up();
}

// §5.2 found by the model: a copy of the refused pay became an attempt, and the one that had stood in its way was lost
#[test]
fn a_refused_pay_whose_copy_was_cancelled_still_tells_of_the_other_attempts() {
    let story = Story::sent()
        .then(Input::Refused {
            status: 409,
            error: error(Code::ReferenceInProgress),
        })
        .then(Input::LookedUp(list(vec![
            payment(FIRST, Status::Pending),
            payment(SECOND, Status::Completed),
        ])))
        .then(Input::CancelAnswered(cancellation(
            CancelOutcome::Cancelled,
            Some(payment(FIRST, Status::Cancelled)),
        )));
    let Outcome::Refused { attempts, .. } = story.outcome() else {
        panic!("{:?}", story.effects);
    };
    assert_eq!(attempts, &[payment(SECOND, Status::Completed)]);
}
