use vinr_protocol::Status;
use vinr_protocol::payment::{CancelOutcome, CancelReason};
use vinr_protocol::terminal::{Effect, HostVerdict, Timer};

use crate::shop::*;

// [REC-8] [REC-11]
#[test]
fn a_pending_payment_is_cancelled_durably_before_anyone_hears_of_it() {
    let mut shop = Shop::open();
    let (payer, _) = shop.pay("order_1", "k1");
    let (outcome, effects) = shop.cancel("order_1", Some("k1"));
    assert_eq!(outcome, CancelOutcome::Cancelled);
    assert_eq!(position(&effects, |it| matches!(it, Effect::Persist(_))), 0);
    let body = payment_for(payer, &effects).expect("the held payment is answered");
    assert_eq!(
        (&body.status, &body.cancel_reason),
        (&Status::Cancelled, &Some(CancelReason::Requested))
    );
}

// [REC-8]
#[test]
fn a_tap_after_the_cancel_charges_nothing() {
    let mut shop = Shop::open();
    shop.pay("order_1", "k1");
    shop.cancel("order_1", Some("k1"));
    assert_eq!(shop.tap(), []);
}

// [REC-8]
#[test]
fn a_key_cancelled_before_its_payment_arrives_never_prompts() {
    let mut shop = Shop::open();
    let (outcome, _) = shop.cancel("order_1", Some("k1"));
    assert_eq!(outcome, CancelOutcome::Cancelled);
    assert!(
        shop.look_up("order_1").is_empty(),
        "a tombstone is not listed yet"
    );
    let (caller, effects) = shop.pay("order_1", "k1");
    assert!(!prompts(&effects));
    assert_eq!(
        payment_for(caller, &effects).map(|it| &it.status),
        Some(&Status::Cancelled)
    );
    assert_eq!(shop.look_up("order_1").len(), 1, "now it is");
}

// [REC-8] restarts included
#[test]
fn a_tombstone_survives_a_power_cut() {
    let mut shop = Shop::open();
    shop.cancel("order_1", Some("k1"));
    shop.power_cycle();
    let (_, effects) = shop.pay("order_1", "k1");
    assert!(!prompts(&effects));
}

// A tombstone stands where it became a payment.
#[test]
fn a_tombstone_is_listed_where_its_payment_arrived() {
    let mut shop = Shop::open();
    shop.cancel("order_1", Some("late"));
    shop.sale("order_1", "k2", declined());
    shop.pay("order_1", "late");
    let newest = shop.newest("order_1").attempt_key.expect("has a key");
    assert_eq!(newest.as_str(), "late");
}

#[test]
fn two_cancels_of_one_unknown_key_write_one_tombstone() {
    let mut shop = Shop::open();
    shop.cancel("order_1", Some("k1"));
    shop.cancel("order_1", Some("k1"));
    assert_eq!(shop.journal.len(), 1);
}

// [REC-11]
#[test]
fn a_cancel_after_the_outcome_is_too_late_and_says_how_it_ended() {
    for (verdict, status) in [
        (HostVerdict::Approved, Status::Completed),
        (declined(), Status::Failed),
    ] {
        let mut shop = Shop::open();
        let paid = shop.sale("order_1", "k1", verdict);
        let (outcome, _) = shop.cancel("order_1", Some("k1"));
        assert_eq!((outcome, &paid.status), (CancelOutcome::TooLate, &status));
        assert_eq!(shop.newest("order_1"), paid);
    }
}

// [REC-11]
#[test]
fn an_authorization_in_flight_cannot_be_withdrawn() {
    let mut shop = Shop::open();
    shop.pay("order_1", "k1");
    shop.tap();
    let (outcome, effects) = shop.cancel("order_1", Some("k1"));
    assert_eq!(outcome, CancelOutcome::StillProcessing);
    assert_eq!(effects.len(), 1, "and it changes nothing");
}

// [REC-11] still so when it no longer holds the screen
#[test]
fn a_hanging_authorization_is_still_processing() {
    let mut shop = Shop::open();
    shop.pay("order_1", "k1");
    shop.tap();
    shop.elapse(Timer::Interaction);
    let (outcome, _) = shop.cancel("order_1", None);
    assert_eq!(outcome, CancelOutcome::StillProcessing);
}

#[test]
fn an_attempt_at_its_pin_is_cancelled_for_no_byte_was_sent() {
    let mut shop = Shop::open();
    shop.pay("order_1", "k1");
    shop.insert_pin_card();
    let (outcome, _) = shop.cancel("order_1", Some("k1"));
    assert_eq!(
        (outcome, shop.status("order_1")),
        (CancelOutcome::Cancelled, Status::Cancelled)
    );
}

#[test]
fn a_second_cancel_says_cancelled_again() {
    let mut shop = Shop::open();
    shop.pay("order_1", "k1");
    shop.cancel("order_1", Some("k1"));
    let (outcome, effects) = shop.cancel("order_1", Some("k1"));
    assert_eq!((outcome, effects.len()), (CancelOutcome::Cancelled, 1));
}

// [REC-22]
#[test]
fn a_cancel_without_a_key_covers_what_is_live() {
    let mut shop = Shop::open();
    shop.sale("order_1", "k1", declined());
    shop.pay("order_1", "k2");
    let (outcome, _) = shop.cancel("order_1", None);
    assert_eq!(
        (outcome, shop.status("order_1")),
        (CancelOutcome::Cancelled, Status::Cancelled)
    );
}

// [REC-22]
#[test]
fn a_cancel_without_a_key_plants_no_tombstone() {
    let mut shop = Shop::open();
    let (outcome, _) = shop.cancel("order_1", None);
    assert_eq!(outcome, CancelOutcome::Cancelled);
    assert!(shop.journal.is_empty());
    let (_, effects) = shop.pay("order_1", "k1");
    assert!(prompts(&effects));
}

#[test]
fn a_cancel_of_one_attempt_leaves_another_alone() {
    let mut shop = Shop::open();
    shop.pay("order_1", "k1");
    shop.cancel("order_1", Some("other"));
    assert_eq!(shop.status("order_1"), Status::Pending);
}

// [REC-8] whatever else the sale is busy with
#[test]
fn a_cancelled_key_stays_cancelled_while_another_attempt_lives() {
    let mut shop = Shop::open();
    shop.cancel("order_1", Some("late"));
    shop.pay("order_1", "k2");
    let (caller, effects) = shop.pay("order_1", "late");
    assert_eq!(
        payment_for(caller, &effects).map(|it| &it.status),
        Some(&Status::Cancelled)
    );
}

// [REC-22] what is live, even where it is not the newest
#[test]
fn a_cancel_without_a_key_covers_what_is_live_before_what_is_newer() {
    let mut shop = Shop::open();
    shop.cancel("order_1", Some("late"));
    let (payer, _) = shop.pay("order_1", "k2");
    shop.pay("order_1", "late");
    let (_, effects) = shop.cancel("order_1", None);
    assert_eq!(
        payment_for(payer, &effects).map(|it| &it.status),
        Some(&Status::Cancelled)
    );
}
