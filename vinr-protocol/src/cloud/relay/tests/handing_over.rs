use std::time::Duration;

use super::super::{Canceller, Effect, HandOver, Input, Record, Stage, Timer};
use super::desk::*;
use crate::error_body::Code;
use crate::payment::{CancelOutcome, Cancellation, DeclineCode, Offline, Payment, PaymentList};
use crate::terminal::Caller;
use crate::webhook::EventType;

#[test]
fn a_command_is_durable_before_a_terminal_may_have_it() {
    let effects = Desk::linked(&[A]).pay(1, to(A), "k1");
    assert!(
        matches!(
            effects.as_slice(),
            [
                Effect::Persist(Record::Command {
                    stage: Stage::Out { .. },
                    ..
                }),
                Effect::Deliver { .. },
                ..
            ]
        ),
        "{effects:?}"
    );
}

#[test]
fn a_command_expires_with_its_timeout_after_receipt() {
    let mut request = to(A);
    request.timeout_ms = Some(5_000);
    let effects = Desk::linked(&[A]).pay(1, request, "k1");
    let expires_at = effects.iter().find_map(|effect| match effect {
        Effect::Deliver { command, .. } => Some(command.expires_at.unix_ms()),
        _ => None,
    });
    assert_eq!(expires_at, Some(now().unix_ms() + 5_000));
}

#[test]
fn a_command_without_a_link_has_5_s_to_be_handed_over() {
    let effects = Desk::linked(&[]).pay(1, to(A), "k1");
    assert_eq!(arms(&effects, &hand_over(1)), Some(Duration::from_secs(5)));
    assert_eq!(delivered(&effects), [""; 0]);
}

// [HYB-8]
#[test]
fn a_command_that_was_not_handed_over_in_time_is_withdrawn_and_never_delivered() {
    let mut desk = Desk::linked(&[]);
    desk.pay(1, to(A), "k1");
    let effects = desk.elapses(hand_over(1));
    assert_eq!(answers(&effects), answered(1, "terminal_unavailable"));
    assert_eq!(delivered(&desk.link_up(A)), [""; 0]);
    assert_eq!(desk.shows(), (vec![], false));
}

// [HYB-8]
#[test]
fn a_withdrawn_key_stays_withdrawn_whatever_copies_come() {
    let mut desk = Desk::linked(&[]);
    desk.pay(1, to(A), "k1");
    desk.elapses(hand_over(1));
    desk.link_up(A);
    let effects = desk.pay(2, to(A), "k1");
    assert_eq!(answers(&effects), answered(2, "terminal_unavailable"));
    assert_eq!(delivered(&effects), [""; 0]);
}

#[test]
fn a_link_that_comes_up_in_time_gets_the_command() {
    let mut desk = Desk::linked(&[]);
    desk.pay(1, to(A), "k1");
    assert_eq!(delivered(&desk.link_up(A)), [A]);
}

#[test]
fn an_unconfirmed_delivery_is_taken_back_after_5_s_if_no_byte_of_it_left() {
    let mut desk = Desk::linked(&[A]);
    desk.pay(1, to(A), "k1");
    let effects = desk.elapses(hand_over(1));
    let withdraw = Effect::Withdraw {
        terminal: term(A),
        command: command(1),
    };
    assert_eq!(effects, [withdraw]);
    let effects = desk.link_says(A, 1, HandOver::NothingSent);
    assert_eq!(answers(&effects), answered(1, "terminal_unavailable"));
}

#[test]
fn a_confirmed_delivery_is_not_taken_back() {
    let mut desk = Desk::linked(&[A]);
    desk.pay(1, to(A), "k1");
    desk.link_says(A, 1, HandOver::Confirmed);
    assert_eq!(desk.elapses(hand_over(1)), []);
}

#[test]
fn the_outcome_goes_to_the_caller_who_waits() {
    let mut desk = Desk::linked(&[A]);
    desk.pay(1, to(A), "k1");
    let effects = desk.answers(A, 1, payment(A, 1, "k1", "completed"));
    assert_eq!(answers(&effects), answered(1, "completed"));
}

#[test]
fn handed_over_and_unacknowledged_is_indeterminate() {
    let mut desk = Desk::linked(&[A]);
    desk.pay(1, to(A), "k1");
    desk.link_says(A, 1, HandOver::Confirmed);
    desk.link_down(A);
    let effects = desk.elapses(hand_over(1));
    assert_eq!(answers(&effects), answered(1, "internal"));
    assert!(desk.shows().1);
}

#[test]
fn a_silent_terminal_is_indeterminate_when_the_caller_stops_listening() {
    let mut desk = Desk::linked(&[A]);
    desk.pay(1, to(A), "k1");
    desk.link_says(A, 1, HandOver::Confirmed);
    let effects = desk.elapses(Timer::AnswerBy(Caller(1)));
    assert_eq!(answers(&effects), answered(1, "internal"));
}

#[test]
fn a_terminals_4xx_is_relayed_if_the_command_was_handed_over_once() {
    let mut desk = Desk::linked(&[A]);
    desk.pay(1, to(A), "k1");
    let effects = desk.refuses(A, 1, Code::ReferenceAlreadyPaid);
    assert_eq!(answers(&effects), answered(1, "reference_already_paid"));
    assert_eq!(desk.shows(), (vec![], false));
}

#[test]
fn a_4xx_after_a_second_delivery_speaks_for_neither() {
    let mut desk = Desk::linked(&[A]);
    desk.pay(1, to(A), "k1");
    desk.link_down(A);
    assert_eq!(delivered(&desk.link_up(A)), [A]);
    let effects = desk.refuses(A, 1, Code::TerminalBusy);
    assert_eq!(answers(&effects), answered(1, "internal"));
    assert!(desk.shows().1, "the first copy may have started it");
}

#[test]
fn a_terminals_5xx_is_indeterminate() {
    let mut desk = Desk::linked(&[A]);
    desk.pay(1, to(A), "k1");
    let effects = desk.refuses(A, 1, Code::StorageFailed);
    assert_eq!(answers(&effects), answered(1, "internal"));
}

// [HYB-8]
#[test]
fn after_5_s_a_lost_command_is_asked_for_and_not_delivered_again() {
    let mut desk = Desk::linked(&[A]);
    desk.pay(1, to(A), "k1");
    desk.link_down(A);
    desk.elapses(hand_over(1));
    let ask = Effect::Ask {
        terminal: term(A),
        command: command(1),
        reference: reference(),
    };
    assert_eq!(desk.link_up(A), [ask]);
}

#[test]
fn what_the_terminal_shows_of_a_lost_command_is_its_fate() {
    let mut desk = Desk::linked(&[A]);
    desk.pay(1, to(A), "k1");
    desk.link_down(A);
    desk.elapses(hand_over(1));
    desk.link_up(A);
    let other = payment(A, 7, "k0", "failed");
    desk.lists(A, 1, vec![other, payment(A, 1, "k1", "completed")]);
    let (shown, undelivered) = desk.shows();
    assert_eq!((shown[0].as_str(), undelivered), ("completed", false));
}

// [REC-8]
#[test]
fn a_lost_command_that_the_terminal_never_heard_of_is_voided_by_a_tombstone() {
    let mut desk = Desk::linked(&[A]);
    desk.pay(1, to(A), "k1");
    desk.link_down(A);
    desk.elapses(hand_over(1));
    desk.link_up(A);
    let effects = desk.lists(A, 1, vec![payment(A, 7, "k0", "failed")]);
    assert!(
        matches!(effects.as_slice(), [Effect::Cancel { request, .. }] if request.attempt_key.is_some()),
        "{effects:?}"
    );
    assert!(desk.shows().1, "an empty answer alone proves nothing");
    let by = Canceller::Relay(command(1));
    desk.acknowledges(A, by, CancelOutcome::Cancelled, None);
    assert!(!desk.shows().1);
}

// [REC-23]
#[test]
fn another_device_in_the_terminals_place_is_not_given_the_command_too() {
    let mut desk = Desk::linked(&[A]);
    desk.pay(1, to(A), "k1");
    desk.link_down(A);
    let effects = desk.link_up_with(A, journal("jrn_2"));
    assert_eq!(delivered(&effects), [""; 0]);
    assert_eq!(answers(&effects), answered(1, "internal"));
}

// [REC-23]
#[test]
fn another_journals_denial_proves_nothing() {
    let mut desk = Desk::linked(&[A]);
    desk.pay(1, to(A), "k1");
    desk.link_down(A);
    desk.elapses(hand_over(1));
    desk.link_up(A);
    let effects = desk.step(Input::Listed {
        terminal: term(A),
        command: command(1),
        list: PaymentList {
            object: "list".into(),
            data: Vec::new(),
            journal_id: Some(journal("jrn_2")),
        },
        now: now(),
    });
    assert_eq!(effects, []);
    assert!(desk.shows().1);
}

// [REC-23]
#[test]
fn another_journals_tombstone_does_not_void_the_command() {
    let mut desk = Desk::linked(&[A]);
    desk.pay(1, to(A), "k1");
    desk.link_down(A);
    desk.link_up_with(A, journal("jrn_2"));
    desk.cancels(2, 1);
    let effects = desk.step(Input::Cancelled {
        terminal: term(A),
        by: Canceller::Caller(Caller(2)),
        answer: Some(Cancellation {
            object: "cancellation".into(),
            reference: reference(),
            outcome: CancelOutcome::Cancelled,
            payment: None,
            journal_id: Some(journal("jrn_2")),
        }),
        now: now(),
    });
    assert_eq!(answers(&effects), answered(2, "still_processing"));
    assert!(desk.shows().1);
}

#[test]
fn a_final_payment_is_not_changed_by_a_late_report() {
    let mut desk = Desk::linked(&[A]);
    desk.pay(1, to(A), "k1");
    desk.answers(A, 1, payment(A, 1, "k1", "completed"));
    desk.reports(payment(A, 1, "k1", "processing"));
    assert_eq!(desk.shows().0[0].as_str(), "completed");
}

// [EVT-1]
#[test]
fn a_report_is_durable_before_the_event_and_the_acknowledgement() {
    let effects = Desk::linked(&[A]).reports(payment(A, 9, "lan", "completed"));
    assert!(
        matches!(
            effects.as_slice(),
            [
                Effect::Persist(Record::Payment(_)),
                Effect::Fire { .. },
                Effect::Fire { .. },
                Effect::Acknowledge { .. }
            ]
        ),
        "{effects:?}"
    );
}

// [OFF-7, OFF-8]
#[test]
fn what_was_accepted_offline_fires_its_outcome_once_the_host_has_spoken() {
    for (status, decline_code, event) in [
        ("completed", None, EventType::Completed),
        (
            "failed",
            Some(DeclineCode::OfflineAuthDeclined),
            EventType::Failed,
        ),
    ] {
        let report = |status, decline_code| Payment {
            offline: Some(Offline {
                queued_at: now(),
                sequence: 1,
            }),
            decline_code,
            ..payment(A, 9, "lan", status)
        };
        let mut desk = Desk::linked(&[A]);
        let accepted = desk.reports(report("processing", None));
        assert_eq!(
            fired(&accepted),
            [(EventType::Created, report("processing", None))]
        );
        let payment = report(status, decline_code);
        let settled = desk.reports(payment.clone());
        assert_eq!(fired(&settled), [(event, payment)]);
    }
}

// [EVT-2]
#[test]
fn a_report_that_comes_again_fires_its_event_again() {
    let mut desk = Desk::linked(&[A]);
    desk.reports(payment(A, 9, "lan", "completed"));
    let effects = desk.reports(payment(A, 9, "lan", "completed"));
    assert!(
        matches!(
            effects.as_slice(),
            [Effect::Fire { .. }, Effect::Acknowledge { .. }]
        ),
        "{effects:?}"
    );
}

#[test]
fn a_final_payment_is_not_changed_by_another_final_report() {
    let mut desk = Desk::linked(&[A]);
    desk.reports(payment(A, 9, "lan", "completed"));
    desk.reports(payment(A, 9, "lan", "failed"));
    assert_eq!(desk.shows().0[0].as_str(), "completed");
}

#[test]
fn a_report_that_was_overtaken_takes_nothing_back() {
    let mut desk = Desk::linked(&[A]);
    desk.reports(payment(A, 9, "lan", "processing"));
    desk.reports(payment(A, 9, "lan", "pending"));
    assert_eq!(desk.shows().0[0].as_str(), "processing");
}

// [HYB-8] the confirmation was about the first delivery
#[test]
fn a_second_delivery_that_is_not_confirmed_in_time_is_withdrawn() {
    let mut desk = Desk::linked(&[A]);
    desk.pay(1, to(A), "k1");
    desk.link_says(A, 1, HandOver::Confirmed);
    desk.link_down(A);
    desk.link_up(A);
    let effects = desk.elapses(hand_over(1));
    assert!(
        matches!(effects.as_slice(), [Effect::Withdraw { .. }]),
        "{effects:?}"
    );
}

// [GRP-4] after a restart it is offered, not asked for
#[test]
fn a_command_that_waits_again_is_durable_as_such() {
    let mut desk = Desk::linked(&[A]);
    desk.pay(1, to(A), "k1");
    let effects = desk.link_says(A, 1, HandOver::NothingSent);
    assert!(
        matches!(effects.as_slice(), [Effect::Persist(_)]),
        "{effects:?}"
    );
}

// [REC-19]
#[test]
fn a_terminal_does_not_answer_with_the_payment_of_another() {
    let mut desk = Desk::linked(&[A, B]);
    desk.pay(1, to(A), "k1");
    assert_eq!(desk.answers(A, 1, payment(B, 9, "k1", "completed")), []);
    assert!(desk.shows().1);
}

// [REC-19]
#[test]
fn a_report_of_another_terminal_is_not_the_word_on_a_command() {
    let mut desk = Desk::linked(&[A, B]);
    desk.pay(1, to(A), "k1");
    desk.reports(payment(B, 9, "k1", "failed"));
    assert!(desk.shows().1);
}
