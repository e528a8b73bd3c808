use super::super::Input;
use super::desk::*;
use crate::terminal::Caller;

#[test]
fn a_command_that_waits_is_pending_and_undelivered() {
    let mut desk = Desk::linked(&[]);
    desk.pay(1, to(A), "k1");
    let (shown, undelivered) = desk.shows();
    assert_eq!((shown[0].as_str(), undelivered), ("pending", true));
}

#[test]
fn a_command_that_may_be_anywhere_is_processing_and_undelivered() {
    let mut desk = Desk::linked(&[A]);
    desk.pay(1, to(A), "k1");
    let (shown, undelivered) = desk.shows();
    assert_eq!((shown[0].as_str(), undelivered), ("processing", true));
}

#[test]
fn what_the_terminal_told_is_delivered() {
    let mut desk = Desk::linked(&[A]);
    desk.pay(1, to(A), "k1");
    desk.reports(payment(A, 1, "k1", "pending"));
    let (shown, undelivered) = desk.shows();
    assert_eq!((shown[0].as_str(), undelivered), ("pending", false));
}

#[test]
fn a_payment_is_found_by_the_clouds_id_and_by_the_terminals() {
    let mut desk = Desk::linked(&[A]);
    desk.pay(1, to(A), "k1");
    desk.reports(payment(A, 9, "k1", "completed"));
    for n in [1, 9] {
        let (caller, id) = (Caller(2), command(n));
        let effects = desk.step(Input::LookUpId { caller, id });
        assert_eq!(answers(&effects), answered(2, "completed"));
    }
}

#[test]
fn an_unknown_payment_is_not_found() {
    let (caller, id) = (Caller(1), command(7));
    let effects = Desk::linked(&[]).step(Input::LookUpId { caller, id });
    assert_eq!(answers(&effects), answered(1, "not_found"));
}

#[test]
fn an_announced_command_that_was_withdrawn_ends_as_cancelled() {
    let mut desk = Desk::linked(&[]);
    desk.pay(1, at_once(to(A)), "k1");
    desk.elapses(hand_over(1));
    let (shown, undelivered) = desk.shows();
    assert_eq!((shown[0].as_str(), undelivered), ("cancelled", false));
}
