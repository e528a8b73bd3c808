use vinr_protocol::Status;
use vinr_protocol::payment::{CancelReason, CaptureMethod};
use vinr_protocol::terminal::{Effect, HostVerdict, Input, Timer};

use crate::shop::*;

fn in_flight() -> Shop {
    let mut shop = Shop::open();
    shop.pay("order_1", "k1");
    shop.tap();
    shop
}

// [PAY-3]
#[test]
fn the_outcome_is_durable_before_it_is_answered() {
    for verdict in [HostVerdict::Approved, declined()] {
        let mut shop = in_flight();
        let id = shop.newest("order_1").id;
        let effects = shop.host_says(&id, verdict);
        assert_eq!(position(&effects, |it| matches!(it, Effect::Persist(_))), 0);
        assert!(effects.iter().any(|it| matches!(it, Effect::Answer { .. })));
    }
}

// [PAY-18]
#[test]
fn what_is_captured_follows_the_capture_method() {
    for (method, captured) in [
        (CaptureMethod::Automatic, (2500, 0)),
        (CaptureMethod::Manual, (0, 2500)),
    ] {
        let mut shop = Shop::open();
        let mut request = request("order_1", 2500);
        request.capture_method = method;
        shop.send(request, Some("k1"));
        shop.tap();
        let id = shop.newest("order_1").id;
        shop.host_says(&id, HostVerdict::Approved);
        let paid = shop.newest("order_1");
        assert_eq!((paid.amount_captured, paid.amount_capturable), captured);
    }
}

// [PAY-18]
#[test]
fn a_declined_payment_captured_nothing() {
    let failed = Shop::open().sale("order_1", "k1", declined());
    assert_eq!((failed.amount_captured, failed.amount_capturable), (0, 0));
}

// [PAY-15]
#[test]
fn a_final_payment_never_changes() {
    let mut shop = Shop::open();
    let paid = shop.sale("order_1", "k1", HostVerdict::Approved);
    for verdict in [declined(), HostVerdict::Voided, HostVerdict::Approved] {
        assert_eq!(shop.host_says(&paid.id, verdict), []);
    }
    assert_eq!(shop.newest("order_1"), paid);
}

// [PAY-6]
#[test]
fn a_silent_host_is_answered_as_processing_and_frees_the_terminal() {
    let mut shop = Shop::open();
    let (caller, _) = shop.pay("order_1", "k1");
    shop.tap();
    let effects = shop.elapse(Timer::Interaction);
    assert_eq!(
        payment_for(caller, &effects).map(|it| &it.status),
        Some(&Status::Processing)
    );
    let (_, effects) = shop.pay("order_2", "k2");
    assert!(
        prompts(&effects),
        "a hanging attempt does not hold the terminal"
    );
}

// [PAY-16]
#[test]
fn a_hanging_payment_ends_with_the_hosts_word_and_only_with_it() {
    for (verdict, status) in [
        (HostVerdict::Approved, Status::Completed),
        (declined(), Status::Failed),
        (HostVerdict::Voided, Status::Cancelled),
    ] {
        let mut shop = in_flight();
        shop.elapse(Timer::Interaction);
        let id = shop.newest("order_1").id;
        let asked = shop.elapse(Timer::HostRetry(id.clone()));
        assert!(asked.contains(&Effect::AskHost {
            payment: id.clone()
        }));
        assert_eq!(shop.status("order_1"), Status::Processing);
        shop.host_says(&id, verdict);
        assert_eq!(shop.status("order_1"), status);
    }
}

#[test]
fn while_the_customer_waits_a_lost_authorization_is_repeated_not_voided() {
    let mut shop = in_flight();
    let id = shop.newest("order_1").id;
    let effects = shop.elapse(Timer::HostRetry(id.clone()));
    assert!(authorizes(&effects));
    assert!(!effects.contains(&Effect::AskHost { payment: id }));
}

// §4.3: a late approval is reversed, durably, until acknowledged
#[test]
fn an_approval_of_a_voided_payment_is_reversed_until_acknowledged() {
    let mut shop = in_flight();
    shop.elapse(Timer::Interaction);
    let id = shop.newest("order_1").id;
    shop.host_says(&id, HostVerdict::Voided);
    let effects = shop.host_says(&id, HostVerdict::Approved);
    assert!(matches!(
        effects[..],
        [Effect::Persist(_), Effect::Reverse { .. }, Effect::Arm(..)]
    ));
    let effects = shop.elapse(Timer::HostRetry(id.clone()));
    assert!(effects.contains(&Effect::Reverse {
        payment: id.clone()
    }));
    shop.power_cycle();
    let effects = shop.elapse(Timer::HostRetry(id.clone()));
    assert!(
        effects.contains(&Effect::Reverse {
            payment: id.clone()
        }),
        "a power cut does not forget it"
    );
    shop.step(Input::HostReversed {
        payment: id.clone(),
    });
    assert_eq!(shop.elapse(Timer::HostRetry(id)), []);
    assert_eq!(shop.status("order_1"), Status::Cancelled);
}

#[test]
fn the_hosts_word_on_what_was_never_sent_is_ignored() {
    let mut shop = Shop::open();
    shop.pay("order_1", "k1");
    let id = shop.newest("order_1").id;
    assert_eq!(shop.host_says(&id, HostVerdict::Approved), []);
    shop.insert_pin_card();
    assert_eq!(shop.host_says(&id, HostVerdict::Approved), []);
}

// [PAY-6]
#[test]
fn a_caller_that_joins_a_hanging_payment_is_answered_in_time_too() {
    let mut shop = in_flight();
    shop.elapse(Timer::Interaction);
    let (late, _) = shop.pay("order_1", "k1");
    let effects = shop.elapse(Timer::AnswerBy(late));
    assert_eq!(
        payment_for(late, &effects).map(|it| &it.status),
        Some(&Status::Processing)
    );
}

#[test]
fn an_interaction_that_ends_at_the_pin_is_cancelled() {
    let mut shop = Shop::open();
    shop.pay("order_1", "k1");
    shop.insert_pin_card();
    shop.elapse(Timer::Interaction);
    assert_eq!(
        shop.newest("order_1").cancel_reason,
        Some(CancelReason::TimedOut)
    );
}

/// A declined payment whose approval came after all, and is owed back.
fn owing_a_reversal() -> (Shop, vinr_protocol::PaymentId) {
    let mut shop = Shop::open();
    let id = shop.sale("order_1", "k1", declined()).id;
    shop.host_says(&id, HostVerdict::Approved);
    (shop, id)
}

// [PAY-16] declined or voided alike
#[test]
fn an_approval_of_a_declined_payment_is_reversed() {
    let mut shop = Shop::open();
    let id = shop.sale("order_1", "k1", declined()).id;
    let effects = shop.host_says(&id, HostVerdict::Approved);
    assert!(matches!(
        effects[..],
        [Effect::Persist(_), Effect::Reverse { .. }, Effect::Arm(..)]
    ));
}

// [PAY-16]
#[test]
fn a_reversal_that_is_owed_is_asked_for_again_at_boot() {
    let (mut shop, payment) = owing_a_reversal();
    let effects = shop.power_cycle();
    assert!(effects.contains(&Effect::Reverse { payment }));
}

// [PAY-16]
#[test]
fn an_acknowledged_reversal_is_durable_and_asked_for_no_more() {
    let (mut shop, payment) = owing_a_reversal();
    let effects = shop.step(Input::HostReversed {
        payment: payment.clone(),
    });
    let retry = Timer::HostRetry(payment.clone());
    assert!(matches!(&effects[..], [Effect::Persist(_), Effect::Disarm(it)] if *it == retry));
    let effects = shop.power_cycle();
    assert!(!effects.contains(&Effect::Reverse { payment }));
}

#[test]
fn the_outcome_stops_asking_the_host() {
    let mut shop = in_flight();
    let id = shop.newest("order_1").id;
    let effects = shop.host_says(&id, HostVerdict::Approved);
    assert!(effects.contains(&Effect::Disarm(Timer::HostRetry(id))));
}
