use super::super::{Canceller, Effect, HandOver, Input, Timer};
use super::desk::*;
use crate::error_body::Code;
use crate::payment::{CancelOutcome, Cancellation};
use crate::request::CancelRequest;
use crate::terminal::Caller;

fn by(caller: u64) -> Canceller {
    Canceller::Caller(Caller(caller))
}

fn attempt(key: &str) -> CancelRequest {
    CancelRequest {
        terminal_id: term(A),
        reference: reference(),
        attempt_key: Some(key.parse().expect("lawful")),
    }
}

// [REC-11]
#[test]
fn a_cancel_goes_to_the_terminal_and_its_word_is_the_answer() {
    let mut desk = Desk::linked(&[A]);
    desk.pay(1, to(A), "k1");
    let effects = desk.cancels(2, 1);
    assert!(
        matches!(
            effects.as_slice(),
            [Effect::Persist(_), Effect::Cancel { .. }, Effect::Arm(..)]
        ),
        "{effects:?}"
    );
    let cancelled = payment(A, 1, "k1", "cancelled");
    let effects = desk.acknowledges(A, by(2), CancelOutcome::Cancelled, Some(cancelled));
    let both = [(1, "cancelled".to_owned()), (2, "cancelled".to_owned())];
    assert_eq!(answers(&effects), both);
}

#[test]
fn a_cancel_that_no_terminal_acknowledges_is_still_processing() {
    let mut desk = Desk::linked(&[A]);
    desk.pay(1, to(A), "k1");
    desk.cancels(2, 1);
    let effects = desk.elapses(Timer::Cancel(Caller(2)));
    assert_eq!(answers(&effects), answered(2, "still_processing"));
}

#[test]
fn a_cancel_without_a_link_is_still_processing() {
    let mut desk = Desk::linked(&[A]);
    desk.pay(1, to(A), "k1");
    desk.link_down(A);
    assert_eq!(
        answers(&desk.cancels(2, 1)),
        answered(2, "still_processing")
    );
}

#[test]
fn a_cancel_whose_link_ends_is_still_processing() {
    let mut desk = Desk::linked(&[A]);
    desk.pay(1, to(A), "k1");
    desk.cancels(2, 1);
    assert_eq!(answers(&desk.link_down(A)), answered(2, "still_processing"));
}

#[test]
fn a_settled_payment_is_too_late_or_cancelled_already() {
    for (status, outcome) in [
        ("completed", "too_late"),
        ("failed", "too_late"),
        ("cancelled", "cancelled"),
    ] {
        let mut desk = Desk::linked(&[]);
        desk.reports(payment(A, 1, "k1", status));
        assert_eq!(answers(&desk.cancels(2, 1)), answered(2, outcome));
    }
}

#[test]
fn a_waiting_command_is_withdrawn_and_the_terminal_still_has_the_last_word() {
    let mut desk = Desk::linked(&[]);
    desk.pay(1, to(A), "k1");
    let effects = desk.cancels(2, 1);
    let both = [
        (1, "terminal_unavailable".to_owned()),
        (2, "still_processing".to_owned()),
    ];
    assert_eq!(
        answers(&effects),
        both,
        "the key may have come over the LAN as well"
    );
    assert_eq!(delivered(&desk.link_up(A)), [""; 0]);
}

#[test]
fn a_group_that_waits_is_cancelled_by_the_cloud_which_alone_has_it() {
    let mut desk = Desk::linked(&[A]);
    desk.pay(1, to_group(&[A]), "k1");
    desk.refuses(A, 1, Code::TerminalBusy);
    let effects = desk.cancels(2, 1);
    assert!(answers(&effects).contains(&(2, "cancelled".to_owned())));
    assert_eq!(delivered(&desk.frees(A)), [""; 0]);
}

// [REC-8]
#[test]
fn a_cancelled_key_that_the_cloud_has_not_heard_of_is_never_delivered() {
    let mut desk = Desk::linked(&[A]);
    desk.cancels_attempt(1, attempt("k1"));
    desk.acknowledges(A, by(1), CancelOutcome::Cancelled, None);
    assert_eq!(delivered(&desk.pay(2, to(A), "k1")), [""; 0]);
}

// [REC-8]
#[test]
fn a_tombstone_for_a_command_that_is_out_voids_it() {
    let mut desk = Desk::linked(&[A]);
    desk.pay(1, to(A), "k1");
    desk.cancels_attempt(2, attempt("k1"));
    let effects = desk.acknowledges(A, by(2), CancelOutcome::Cancelled, None);
    assert!(answers(&effects).contains(&(2, "cancelled".to_owned())));
    assert!(!desk.shows().1);
}

// [REC-8]
#[test]
fn a_command_that_was_cancelled_does_not_go_on_to_the_next_member() {
    let mut desk = Desk::linked(&[A, B]);
    desk.pay(1, to_group(&[A, B]), "k1");
    desk.cancels(2, 1);
    let effects = desk.link_says(A, 1, HandOver::NothingSent);
    assert_eq!(delivered(&effects), [""; 0]);
    let effects = desk.acknowledges(A, by(2), CancelOutcome::Cancelled, None);
    assert_eq!(answers(&effects), answered(2, "cancelled"));
}

// [REC-8]
#[test]
fn a_key_that_was_cancelled_while_it_was_refused_starts_nothing() {
    let mut desk = Desk::linked(&[A]);
    desk.pay(1, to(A), "k1");
    desk.cancels(2, 1);
    desk.refuses(A, 1, Code::TerminalBusy);
    desk.acknowledges(A, by(2), CancelOutcome::Cancelled, None);
    assert_eq!(delivered(&desk.pay(3, to(A), "k1")), [""; 0]);
}

#[test]
fn a_command_that_was_cancelled_is_asked_for_and_not_delivered_again() {
    let mut desk = Desk::linked(&[A]);
    desk.pay(1, to(A), "k1");
    desk.cancels(2, 1);
    desk.link_down(A);
    assert!(matches!(desk.link_up(A).as_slice(), [Effect::Ask { .. }]));
}

#[test]
fn a_cancel_of_an_unknown_payment_is_not_found() {
    let effects = Desk::linked(&[A]).cancels(1, 7);
    assert_eq!(answers(&effects), answered(1, "not_found"));
}

// [REC-11]
#[test]
fn another_terminals_acknowledgement_is_not_heard() {
    let mut desk = Desk::linked(&[A, B]);
    desk.pay(1, to(A), "k1");
    desk.cancels(2, 1);
    assert_eq!(
        desk.acknowledges(B, by(2), CancelOutcome::TooLate, None),
        []
    );
}

// [REC-19]
#[test]
fn an_acknowledgement_about_another_sale_is_none() {
    let mut desk = Desk::linked(&[A]);
    desk.cancels_attempt(2, attempt("k1"));
    let effects = desk.step(Input::Cancelled {
        terminal: term(A),
        by: by(2),
        answer: Some(Cancellation {
            object: "cancellation".into(),
            journal_id: Some(journal("jrn_1")),
            reference: "order_2".parse().expect("lawful"),
            outcome: CancelOutcome::Cancelled,
            payment: None,
        }),
        now: now(),
    });
    assert_eq!(answers(&effects), answered(2, "still_processing"));
}

#[test]
fn who_hung_up_on_a_cancel_is_not_answered() {
    let mut desk = Desk::linked(&[A]);
    desk.cancels_attempt(2, attempt("k1"));
    let caller = Caller(2);
    desk.step(Input::CallerGone { caller });
    assert_eq!(
        desk.acknowledges(A, by(2), CancelOutcome::Cancelled, None),
        []
    );
}

// [REC-21]
#[test]
fn who_waits_for_a_cancel_hears_of_a_failed_storage() {
    let mut desk = Desk::linked(&[A]);
    desk.cancels_attempt(2, attempt("k1"));
    let effects = desk.step(Input::StorageFailed { undone: Vec::new() });
    let failed = Code::StorageFailed.to_string();
    assert_eq!(answers(&effects), answered(2, &failed));
}
