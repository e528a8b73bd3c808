use vinr_protocol::Status;
use vinr_protocol::payment::CancelReason;
use vinr_protocol::terminal::{Effect, HostVerdict};

use crate::shop::*;

// [REC-15]
#[test]
fn what_waited_for_a_card_is_cancelled_and_nothing_prompts_again() {
    let mut shop = Shop::open();
    shop.pay("order_1", "k1");
    let effects = shop.power_cycle();
    assert!(!prompts(&effects));
    assert_eq!(
        shop.newest("order_1").cancel_reason,
        Some(CancelReason::PowerLoss)
    );
}

#[test]
fn what_was_at_its_pin_is_cancelled_without_asking_the_host() {
    let mut shop = Shop::open();
    shop.pay("order_1", "k1");
    shop.insert_pin_card();
    let effects = shop.power_cycle();
    assert!(
        !effects
            .iter()
            .any(|it| matches!(it, Effect::AskHost { .. }))
    );
    assert_eq!(shop.status("order_1"), Status::Cancelled);
}

// [REC-15]
#[test]
fn an_authorization_in_flight_is_asked_for_and_never_sent_again() {
    let mut shop = Shop::open();
    shop.pay("order_1", "k1");
    shop.tap();
    let id = shop.newest("order_1").id;
    let effects = shop.power_cycle();
    assert!(effects.contains(&Effect::AskHost {
        payment: id.clone()
    }));
    assert!(!authorizes(&effects) && !prompts(&effects));
    assert_eq!(shop.status("order_1"), Status::Processing);
    shop.host_says(&id, HostVerdict::Approved);
    assert_eq!(shop.status("order_1"), Status::Completed);
}

#[test]
fn what_the_host_voids_after_a_power_cut_is_cancelled_for_power_loss() {
    let mut shop = Shop::open();
    shop.pay("order_1", "k1");
    shop.tap();
    let id = shop.newest("order_1").id;
    shop.power_cycle();
    shop.host_says(&id, HostVerdict::Voided);
    assert_eq!(
        shop.newest("order_1").cancel_reason,
        Some(CancelReason::PowerLoss)
    );
}

// [REC-6]
#[test]
fn outcomes_survive_a_power_cut_unchanged() {
    let mut shop = Shop::open();
    let paid = shop.sale("order_1", "k1", HostVerdict::Approved);
    shop.power_cycle();
    assert_eq!(shop.newest("order_1"), paid);
    let (caller, effects) = shop.pay("order_1", "k1");
    assert_eq!(payment_for(caller, &effects), Some(&paid));
}

#[test]
fn a_terminal_whose_authorization_hangs_serves_the_next_sale_after_boot() {
    let mut shop = Shop::open();
    shop.pay("order_1", "k1");
    shop.tap();
    shop.power_cycle();
    let (_, effects) = shop.pay("order_2", "k2");
    assert!(prompts(&effects));
}

#[test]
fn replaying_a_journal_twice_changes_nothing() {
    let mut shop = Shop::open();
    shop.sale("order_1", "k1", declined());
    shop.cancel("order_1", Some("k9"));
    shop.sale("order_1", "k2", HostVerdict::Approved);
    let once = shop.look_up("order_1");
    shop.journal.extend_from_within(..);
    shop.power_cycle();
    assert_eq!(shop.look_up("order_1"), once);
}

#[test]
fn a_journal_line_survives_its_own_json() {
    let mut shop = Shop::open();
    shop.sale("order_1", "k1", declined());
    shop.cancel("order_2", Some("k2"));
    for record in &shop.journal {
        let line = serde_json::to_vec(record).expect("serializes");
        assert_eq!(
            &serde_json::from_slice::<vinr_protocol::terminal::Record>(&line).expect("parses"),
            record
        );
    }
}
