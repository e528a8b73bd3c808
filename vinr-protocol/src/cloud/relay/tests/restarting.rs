use super::super::Effect;
use super::desk::*;

// [HYB-8]
#[test]
fn a_command_that_no_terminal_had_is_withdrawn_by_a_restart() {
    let mut desk = Desk::linked(&[]);
    desk.pay(1, to(A), "k1");
    desk.restart();
    assert_eq!(delivered(&desk.link_up(A)), [""; 0]);
    assert_eq!(desk.shows(), (vec![], false));
}

// [GRP-4]
#[test]
fn a_command_that_may_have_been_handed_over_stays_indeterminate_through_a_restart() {
    let mut desk = Desk::linked(&[A, B]);
    desk.pay(1, to_group(&[A, B]), "k1");
    desk.restart();
    assert_eq!(delivered(&desk.link_up(B)), [""; 0]);
    assert!(desk.shows().1);
    assert!(matches!(desk.link_up(A).as_slice(), [Effect::Ask { .. }]));
}

// [PAY-11]
#[test]
fn an_outcome_is_replayed_after_a_restart() {
    let mut desk = Desk::linked(&[A]);
    desk.pay(1, to(A), "k1");
    desk.answers(A, 1, payment(A, 1, "k1", "completed"));
    desk.restart();
    let effects = desk.pay(2, to(A), "k1");
    assert_eq!(answers(&effects), answered(2, "completed"));
}

#[test]
fn a_refused_key_is_unused_after_a_restart_too() {
    let mut desk = Desk::linked(&[A]);
    desk.pay(1, to(A), "k1");
    desk.refuses(A, 1, crate::Code::TerminalBusy);
    desk.restart();
    desk.link_up(A);
    assert_eq!(delivered(&desk.pay(2, to(A), "k1")), [A]);
}

// [HYB-8]
#[test]
fn a_withdrawn_key_stays_withdrawn_through_a_restart() {
    let mut desk = Desk::linked(&[]);
    desk.pay(1, to(A), "k1");
    desk.elapses(hand_over(1));
    desk.restart();
    desk.link_up(A);
    assert_eq!(delivered(&desk.pay(2, to(A), "k1")), [""; 0]);
}
