//! A full disk: no new payment, and everything else goes on. §4.6

use vinr_protocol::Status;
use vinr_protocol::error_body::Code;
use vinr_protocol::payment::{CancelOutcome, ConnectionMode};
use vinr_protocol::reader::ReaderStatus;
use vinr_protocol::terminal::{
    Answer, Effect, HostVerdict, Input, Record, Revocation, Screen, Space,
};
use vinr_protocol::{CancelRequest, Timestamp};

use crate::shop::*;

fn low(shop: &mut Shop) {
    let effects = shop.step(Input::Space { space: Space::Low });
    assert_eq!(effects, []);
}

fn persists(effects: &[Effect]) -> bool {
    effects.iter().any(|it| matches!(it, Effect::Persist(_)))
}

/// Refused, and nothing is written or shown.
fn is_refused(caller: vinr_protocol::terminal::Caller, effects: &[Effect]) -> bool {
    code_for(caller, effects) == Some(Code::StorageFailed) && effects.len() == 1
}

// [REC-21]
#[test]
fn a_new_payment_is_refused_and_leaves_no_trace() {
    let mut shop = Shop::open();
    low(&mut shop);
    let (caller, effects) = shop.pay("order_1", "k1");
    assert!(is_refused(caller, &effects), "{effects:?}");
    assert_eq!(shop.look_up("order_1"), []);
}

#[test]
fn a_payment_that_was_refused_may_start_when_there_is_room_again() {
    let mut shop = Shop::open();
    low(&mut shop);
    shop.pay("order_1", "k1");
    shop.step(Input::Space {
        space: Space::Enough,
    });
    let (_, effects) = shop.pay("order_1", "k1");
    assert!(prompts(&effects));
}

// [REC-8] never `cancelled` without the durable word
#[test]
fn a_cancel_that_would_plant_a_tombstone_is_refused() {
    let mut shop = Shop::open();
    low(&mut shop);
    let caller = shop.caller();
    let effects = shop.step(Input::Cancel {
        caller,
        request: CancelRequest {
            terminal_id: TERMINAL.parse().expect("lawful"),
            reference: "order_1".parse().expect("lawful"),
            attempt_key: Some("k1".parse().expect("lawful")),
        },
        now: now(),
    });
    assert!(is_refused(caller, &effects), "{effects:?}");
}

#[test]
fn a_cancel_whose_tombstone_stands_is_answered() {
    let mut shop = Shop::open();
    shop.cancel("order_1", Some("k1"));
    low(&mut shop);
    let (outcome, _) = shop.cancel("order_1", Some("k1"));
    assert_eq!(outcome, CancelOutcome::Cancelled);
}

#[test]
fn a_payment_that_finds_its_tombstone_is_refused_and_not_shown() {
    let mut shop = Shop::open();
    shop.cancel("order_1", Some("k1"));
    low(&mut shop);
    let (caller, effects) = shop.pay("order_1", "k1");
    assert!(is_refused(caller, &effects), "{effects:?}");
}

// [HYB-8]
#[test]
fn an_expired_command_is_refused_and_not_listed() {
    let mut shop = Shop::open();
    low(&mut shop);
    let caller = shop.caller();
    let effects = shop.step(Input::Pay {
        caller,
        request: request("order_1", 2500),
        key: Some("k1".parse().expect("lawful")),
        path: ConnectionMode::Cloud,
        expires_at: Timestamp::from_unix_ms(0),
        id: "tpay_1".parse().expect("lawful"),
        now: now(),
        revocation: Revocation::InForce,
    });
    assert!(is_refused(caller, &effects), "{effects:?}");
}

#[test]
fn the_payment_on_the_screen_goes_on_to_its_outcome() {
    let mut shop = Shop::open();
    shop.pay("order_1", "k1");
    low(&mut shop);
    shop.tap();
    let id = shop.newest("order_1").id;
    shop.host_says(&id, HostVerdict::Approved);
    assert_eq!(shop.status("order_1"), Status::Completed);
}

#[test]
fn the_payment_on_the_screen_is_cancelled_durably() {
    let mut shop = Shop::open();
    shop.pay("order_1", "k1");
    low(&mut shop);
    let (outcome, effects) = shop.cancel("order_1", Some("k1"));
    assert_eq!(outcome, CancelOutcome::Cancelled);
    assert!(persists(&effects));
}

#[test]
fn the_payment_on_the_screen_is_queued_when_the_host_is_away() {
    let mut shop = Shop::open();
    shop.pay("order_1", "k1");
    low(&mut shop);
    shop.step(Input::Internet {
        status: ReaderStatus::Offline,
    });
    let effects = shop.tap();
    assert!(effects.contains(&Effect::Show(Screen::AcceptedOffline)));
}

// [OFF-12]
#[test]
fn the_queue_is_drained() {
    let mut shop = Shop::open();
    shop.pay("order_1", "k1");
    shop.step(Input::Internet {
        status: ReaderStatus::Offline,
    });
    shop.tap();
    low(&mut shop);
    let effects = shop.step(Input::Internet {
        status: ReaderStatus::Online,
    });
    assert!(authorizes(&effects));
    let id = shop.newest("order_1").id;
    shop.host_says(&id, HostVerdict::Approved);
    assert_eq!(shop.status("order_1"), Status::Completed);
}

#[test]
fn a_late_approval_is_still_taken_back() {
    let mut shop = Shop::open();
    shop.pay("order_1", "k1");
    shop.cancel("order_1", Some("k1"));
    low(&mut shop);
    let id = shop.newest("order_1").id;
    let effects = shop.host_says(&id, HostVerdict::Approved);
    assert!(matches!(effects[0], Effect::Persist(Record::Attempt(_))));
}

#[test]
fn what_is_known_is_replayed_and_listed() {
    let mut shop = Shop::open();
    let paid = shop.sale("order_1", "k1", HostVerdict::Approved);
    low(&mut shop);
    let (caller, effects) = shop.pay("order_1", "k1");
    assert_eq!(payment_for(caller, &effects), Some(&paid));
    assert_eq!(shop.look_up("order_1"), [paid]);
}

// A till reads a 4xx as "this request asked for no card": where one is due it is given.
#[test]
fn a_busy_terminal_says_busy_and_not_that_its_disk_is_full() {
    let mut shop = Shop::open();
    shop.pay("order_1", "k1");
    low(&mut shop);
    let (caller, effects) = shop.pay("order_2", "k2");
    assert_eq!(code_for(caller, &effects), Some(Code::TerminalBusy));
}

#[test]
fn a_refusal_says_that_nothing_was_changed() {
    let mut shop = Shop::open();
    low(&mut shop);
    let (caller, effects) = shop.pay("order_1", "k1");
    match answer_to(caller, &effects) {
        Some(Answer::Refused(refusal)) => {
            assert!(refusal.message.contains("nothing was changed"));
        }
        other => panic!("{other:?}"),
    }
}
