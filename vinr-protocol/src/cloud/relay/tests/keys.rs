use super::super::{Effect, Input};
use super::desk::*;
use crate::Amount;
use crate::error_body::Code;
use crate::machine::Machine;

// [PAY-11]
#[test]
fn the_same_key_again_joins_and_is_not_delivered_again() {
    let mut desk = Desk::linked(&[A]);
    desk.pay(1, to(A), "k1");
    assert_eq!(delivered(&desk.pay(2, to(A), "k1")), [""; 0]);
    let effects = desk.answers(A, 1, payment(A, 1, "k1", "completed"));
    let both = [(1, "completed".to_owned()), (2, "completed".to_owned())];
    assert_eq!(answers(&effects), both);
}

// [PAY-11]
#[test]
fn the_same_key_after_the_outcome_is_a_replay() {
    let mut desk = Desk::linked(&[A]);
    desk.pay(1, to(A), "k1");
    desk.answers(A, 1, payment(A, 1, "k1", "failed"));
    let effects = desk.pay(2, to(A), "k1");
    assert_eq!(answers(&effects), answered(2, "failed"));
}

// [PAY-11]
#[test]
fn the_same_key_with_other_money_or_another_place_is_a_conflict() {
    let mut desk = Desk::linked(&[A, B]);
    desk.pay(1, to(A), "k1");
    let mut dearer = to(A);
    dearer.amount = Amount::new(2501).expect("lawful");
    for (caller, request) in [(2, dearer), (3, to(B)), (4, to_group(&[A]))] {
        let effects = desk.pay(caller, request, "k1");
        assert_eq!(answers(&effects), answered(caller, "idempotency_conflict"));
        assert_eq!(delivered(&effects), [""; 0]);
    }
}

// [PAY-12]
#[test]
fn another_key_waits_until_the_sale_is_settled_on_every_terminal() {
    let mut desk = Desk::linked(&[A, B]);
    desk.pay(1, to(A), "k1");
    let effects = desk.pay(2, to(B), "k2");
    assert_eq!(answers(&effects), answered(2, "reference_in_progress"));
    desk.answers(A, 1, payment(A, 1, "k1", "failed"));
    assert_eq!(delivered(&desk.pay(3, to(B), "k3")), [B]);
}

// [PAY-12]
#[test]
fn a_paid_sale_is_not_paid_again() {
    let mut desk = Desk::linked(&[A, B]);
    desk.reports(payment(A, 9, "lan", "completed"));
    let effects = desk.pay(1, to(B), "k1");
    assert_eq!(answers(&effects), answered(1, "reference_already_paid"));
}

// [HYB-5]
#[test]
fn a_fallback_with_the_key_of_a_live_local_attempt_goes_to_that_terminal() {
    let mut desk = Desk::linked(&[A, B]);
    desk.reports(payment(A, 9, "k1", "pending"));
    assert_eq!(delivered(&desk.pay(1, to(A), "k1")), [A]);
    let elsewhere = desk.pay(2, to(B), "k1");
    assert_eq!(answers(&elsewhere), answered(2, "idempotency_conflict"));
}

// [HYB-5]
#[test]
fn a_fallback_gets_the_local_attempts_outcome_under_the_terminals_id() {
    let mut desk = Desk::linked(&[A]);
    desk.pay(1, to(A), "k1");
    let effects = desk.reports(payment(A, 9, "k1", "completed"));
    assert_eq!(answers(&effects), answered(1, "completed"));
}

#[test]
fn a_refused_key_is_unused() {
    let mut desk = Desk::linked(&[A]);
    desk.pay(1, to(A), "k1");
    desk.refuses(A, 1, Code::TerminalBusy);
    assert_eq!(delivered(&desk.pay(2, to(A), "k1")), [A]);
}

#[test]
fn without_a_key_a_live_command_is_joined_and_a_failed_one_is_not() {
    let mut desk = Desk::linked(&[A]);
    desk.pay(1, to(A), "none");
    assert_eq!(delivered(&desk.pay(2, to(A), "none")), [""; 0]);
    desk.answers(A, 1, payment(A, 1, "tpay_1", "failed"));
    assert_eq!(delivered(&desk.pay(3, to(A), "none")), [A]);
}

#[test]
fn a_command_without_a_key_is_delivered_with_one() {
    let effects = Desk::linked(&[A]).pay(1, to(A), "none");
    let key = effects.iter().find_map(|effect| match effect {
        Effect::Deliver { command, .. } => Some(command.key.to_string()),
        _ => None,
    });
    assert_eq!(key.as_deref(), Some("tpay_1"));
}

#[test]
fn who_does_not_wait_gets_pending_at_once() {
    let mut desk = Desk::linked(&[A]);
    let effects = desk.pay(1, at_once(to(A)), "k1");
    assert_eq!(answers(&effects), answered(1, "pending"));
}

#[test]
fn a_failed_store_is_answered_and_nothing_is_begun_after_it() {
    let mut desk = Desk::linked(&[A]);
    let undone = desk.pay(1, to(A), "k1").split_off(1);
    let effects = desk.relay.step(Input::StorageFailed { undone });
    assert_eq!(answers(&effects), answered(1, "storage_failed"));
    let effects = desk.pay(2, to(A), "k2");
    assert_eq!(answers(&effects), answered(2, "storage_failed"));
    assert_eq!(delivered(&effects), [""; 0]);
}

// [PAY-11] its id is known to a caller from here on, restarts included
#[test]
fn a_command_that_is_announced_later_is_durable_as_such_first() {
    let mut desk = Desk::linked(&[A]);
    desk.pay(1, to(A), "k1");
    let effects = desk.pay(2, at_once(to(A)), "k1");
    assert!(
        matches!(
            effects.as_slice(),
            [Effect::Persist(_), Effect::Answer { .. }]
        ),
        "{effects:?}"
    );
}

#[test]
fn an_id_that_was_drawn_twice_starts_nothing() {
    let mut desk = Desk::linked(&[A]);
    desk.reports(payment(A, 1, "lan", "failed"));
    let effects = desk.pay(1, to(A), "k1");
    assert_eq!(answers(&effects), answered(1, &Code::Internal.to_string()));
    assert_eq!(delivered(&effects), [""; 0]);
}
