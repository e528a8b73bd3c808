use std::time::Duration;

use super::super::{HandOver, Timer};
use super::desk::*;
use crate::error_body::Code;

// [GRP-1]
#[test]
fn a_group_is_tried_in_its_order() {
    let effects = Desk::linked(&[A, B]).pay(1, to_group(&[B, A]), "k1");
    assert_eq!(delivered(&effects), [B]);
}

#[test]
fn a_member_without_a_link_is_passed_over() {
    let effects = Desk::linked(&[B]).pay(1, to_group(&[A, B]), "k1");
    assert_eq!(delivered(&effects), [B]);
}

// [GRP-1]
#[test]
fn a_busy_member_hands_on_to_the_next() {
    let mut desk = Desk::linked(&[A, B]);
    desk.pay(1, to_group(&[A, B]), "k1");
    let effects = desk.refuses(A, 1, Code::TerminalBusy);
    assert_eq!(delivered(&effects), [B]);
    assert_eq!(answers(&effects), []);
}

// [GRP-3]
#[test]
fn the_result_names_the_member_that_handled_it() {
    let mut desk = Desk::linked(&[A, B]);
    desk.pay(1, to_group(&[A, B]), "k1");
    desk.refuses(A, 1, Code::TerminalBusy);
    desk.answers(B, 1, payment(B, 1, "k1", "completed"));
    let known: Vec<_> = desk
        .relay
        .payments()
        .map(|it| it.terminal_id.to_string())
        .collect();
    assert_eq!(known, [B]);
}

// [GRP-4]
#[test]
fn no_other_member_is_tried_while_one_may_have_the_command() {
    let mut desk = Desk::linked(&[A, B]);
    desk.pay(1, to_group(&[A, B]), "k1");
    let mut effects = desk.link_down(A);
    effects.extend(desk.elapses(hand_over(1)));
    effects.extend(desk.frees(B));
    effects.extend(desk.elapses(Timer::GroupWait(command(1))));
    assert_eq!(delivered(&effects), [""; 0]);
    assert_eq!(answers(&effects), answered(1, "internal"));
}

// [GRP-4]
#[test]
fn busy_after_a_second_delivery_does_not_free_the_command() {
    let mut desk = Desk::linked(&[A, B]);
    desk.pay(1, to_group(&[A, B]), "k1");
    desk.link_down(A);
    desk.link_up(A);
    assert_eq!(delivered(&desk.refuses(A, 1, Code::TerminalBusy)), [""; 0]);
}

#[test]
fn a_delivery_of_which_nothing_left_goes_to_the_next_member() {
    let mut desk = Desk::linked(&[A, B]);
    desk.pay(1, to_group(&[A, B]), "k1");
    let effects = desk.link_says(A, 1, HandOver::NothingSent);
    assert_eq!(delivered(&effects), [B]);
}

// [GRP-4]
#[test]
fn a_link_that_speaks_for_the_second_delivery_only_does_not_free_the_command() {
    let mut desk = Desk::linked(&[A, B]);
    desk.pay(1, to_group(&[A, B]), "k1");
    desk.link_down(A);
    desk.link_up(A);
    let effects = desk.link_says(A, 1, HandOver::NothingSent);
    assert_eq!(delivered(&effects), [""; 0]);
}

// [GRP-2]
#[test]
fn a_group_that_is_all_busy_waits_for_whichever_frees_first() {
    let mut desk = Desk::linked(&[A, B]);
    desk.pay(1, to_group(&[A, B]), "k1");
    desk.refuses(A, 1, Code::TerminalBusy);
    let mut effects = desk.refuses(B, 1, Code::TerminalBusy);
    effects.extend(desk.elapses(hand_over(1)));
    assert_eq!(answers(&effects), []);
    assert_eq!(delivered(&desk.frees(B)), [B]);
}

// [GRP-2]
#[test]
fn who_came_first_is_offered_the_free_member_first() {
    let mut desk = Desk::linked(&[A]);
    for n in 1..=2 {
        let mut request = to_group(&[A]);
        request.reference = format!("order_{n}").parse().expect("lawful");
        desk.pay(u64::from(n), request, "k1");
        desk.refuses(A, n, Code::TerminalBusy);
    }
    let first = desk.frees(A).into_iter().find_map(|effect| match effect {
        super::super::Effect::Deliver { command, .. } => Some(command.payment.clone()),
        _ => None,
    });
    assert_eq!(first, Some(command(1)));
}

#[test]
fn a_group_that_stays_busy_is_answered_busy_when_its_caller_listens_no_longer() {
    let mut request = to_group(&[A]);
    request.timeout_ms = Some(7_000);
    let mut desk = Desk::linked(&[A]);
    let effects = desk.pay(1, request, "k1");
    let wait = Timer::GroupWait(command(1));
    assert_eq!(arms(&effects, &wait), Some(Duration::from_secs(7)));
    desk.refuses(A, 1, Code::TerminalBusy);
    let effects = desk.elapses(wait);
    assert_eq!(answers(&effects), answered(1, "terminal_busy"));
    assert_eq!(delivered(&desk.frees(A)), [""; 0]);
}

#[test]
fn another_refusal_ends_the_round() {
    let mut desk = Desk::linked(&[A, B]);
    desk.pay(1, to_group(&[A, B]), "k1");
    let effects = desk.refuses(A, 1, Code::ReferenceAlreadyPaid);
    assert_eq!(answers(&effects), answered(1, "reference_already_paid"));
    assert_eq!(delivered(&effects), [""; 0]);
}

// [HYB-8]
#[test]
fn a_group_that_nobody_can_reach_is_withdrawn_after_5_s() {
    let mut desk = Desk::linked(&[]);
    desk.pay(1, to_group(&[A, B]), "k1");
    let effects = desk.elapses(hand_over(1));
    assert_eq!(answers(&effects), answered(1, "terminal_unavailable"));
}
