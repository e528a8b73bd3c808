use vinr_protocol::Status;
use vinr_protocol::payment::CancelReason;
use vinr_protocol::terminal::{Effect, HostVerdict, Input, Record, Screen, Timer};

use crate::shop::*;

// [REC-7]
#[test]
fn a_payment_is_pending_until_a_card_is_read() {
    let mut shop = Shop::open();
    shop.pay("order_1", "k1");
    assert_eq!(shop.status("order_1"), Status::Pending);
    shop.insert_pin_card();
    assert_eq!(shop.status("order_1"), Status::Processing);
}

// [REC-15] I7: the journal says so before a byte leaves
#[test]
fn processing_is_durable_before_the_authorization_is_sent() {
    let mut shop = Shop::open();
    shop.pay("order_1", "k1");
    let effects = shop.tap();
    let durable = position(
        &effects,
        |it| matches!(it, Effect::Persist(Record::Attempt(attempt)) if attempt.payment.status == Status::Processing),
    );
    assert!(durable < position(&effects, |it| matches!(it, Effect::Authorize { .. })));
}

#[test]
fn a_pin_card_asks_for_its_pin_first() {
    let mut shop = Shop::open();
    shop.pay("order_1", "k1");
    let effects = shop.insert_pin_card();
    assert!(effects.contains(&Effect::Show(Screen::EnterPin)));
    assert!(!authorizes(&effects));
    assert!(authorizes(&shop.step(Input::PinEntered { now: now() })));
}

#[test]
fn a_second_card_is_not_taken() {
    let mut shop = Shop::open();
    shop.pay("order_1", "k1");
    shop.tap();
    assert_eq!(shop.tap(), []);
}

// [PAY-13]
#[test]
fn no_card_in_time_is_a_cancelled_payment() {
    let mut shop = Shop::open();
    let (caller, _) = shop.pay("order_1", "k1");
    let effects = shop.elapse(Timer::CardWait);
    let body = payment_for(caller, &effects).expect("answered at once");
    assert_eq!(body.cancel_reason, Some(CancelReason::TimedOut));
    assert_eq!(shop.tap(), []);
}

#[test]
fn a_customer_who_gives_up_cancels() {
    for with_card in [false, true] {
        let mut shop = Shop::open();
        shop.pay("order_1", "k1");
        if with_card {
            shop.insert_pin_card();
        }
        shop.step(Input::CustomerGaveUp { now: now() });
        assert_eq!(
            shop.newest("order_1").cancel_reason,
            Some(CancelReason::Customer)
        );
    }
}

#[test]
fn a_card_pulled_out_at_its_pin_cancels() {
    let mut shop = Shop::open();
    shop.pay("order_1", "k1");
    shop.insert_pin_card();
    shop.step(Input::CardRemoved { now: now() });
    assert_eq!(
        shop.newest("order_1").cancel_reason,
        Some(CancelReason::Customer)
    );
}

#[test]
fn a_customer_cannot_stop_an_authorization_in_flight() {
    let mut shop = Shop::open();
    shop.pay("order_1", "k1");
    shop.tap();
    assert_eq!(shop.step(Input::CustomerGaveUp { now: now() }), []);
    assert_eq!(shop.step(Input::CardRemoved { now: now() }), []);
}

// [PAY-17]
#[test]
fn the_card_facts_are_those_of_this_attempt() {
    let mut shop = Shop::open();
    let paid = shop.sale("order_1", "k1", HostVerdict::Approved);
    assert_eq!(paid.last4.as_deref(), Some("4242"));
    shop.pay("order_2", "k2");
    assert_eq!(shop.newest("order_2").last4, None);
}

#[test]
fn a_second_card_is_not_taken_at_the_pin_of_the_first() {
    let mut shop = Shop::open();
    shop.pay("order_1", "k1");
    shop.insert_pin_card();
    assert_eq!(shop.tap(), []);
}
