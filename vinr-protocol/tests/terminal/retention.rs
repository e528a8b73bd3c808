//! What compaction may drop: final records, 30 powered days old, never the last number. §4.6

use std::time::Duration;

use vinr_protocol::reader::ReaderStatus;
use vinr_protocol::terminal::{HostVerdict, Input, Keep, PoweredTime, Record, retention};
use vinr_protocol::timing::RECORDS_KEPT;

use crate::shop::*;

const DAY: Duration = Duration::from_secs(24 * 3600);
const MS: Duration = Duration::from_millis(1);

fn last(shop: &Shop) -> &Record {
    shop.journal.last().expect("something was journaled")
}

fn after(record: &Record, age: Duration) -> Keep {
    let written = PoweredTime(DAY);
    retention(record, written, PoweredTime(DAY + age), 0)
}

fn completed() -> Shop {
    let mut shop = Shop::open();
    shop.sale("order_1", "k1", HostVerdict::Approved);
    shop
}

/// As the first of the queue.
fn queued() -> Shop {
    let mut shop = Shop::open();
    shop.pay("order_1", "k1");
    shop.step(Input::Internet {
        status: ReaderStatus::Offline,
    });
    shop.tap();
    shop
}

#[test]
fn a_final_record_stays_for_30_days() {
    assert_eq!(after(last(&completed()), RECORDS_KEPT), Keep::Yes);
}

// A till relies on 30 days by its own clock.
#[test]
fn a_final_record_stays_for_one_day_more() {
    assert_eq!(after(last(&completed()), RECORDS_KEPT + DAY), Keep::Yes);
}

#[test]
fn a_final_record_may_go_after_that() {
    let age = RECORDS_KEPT + DAY + MS;
    assert_eq!(after(last(&completed()), age), Keep::MayGo);
}

#[test]
fn a_tombstone_stays_as_long_as_a_final_record_and_no_longer() {
    let mut shop = Shop::open();
    shop.cancel("order_1", Some("k1"));
    let tombstone = last(&shop);
    assert!(matches!(tombstone, Record::Tombstone { .. }));
    assert_eq!(after(tombstone, RECORDS_KEPT + DAY), Keep::Yes);
    assert_eq!(after(tombstone, RECORDS_KEPT + DAY + MS), Keep::MayGo);
}

#[test]
fn what_is_unresolved_stays_for_ever() {
    let mut shop = Shop::open();
    shop.pay("order_1", "k1");
    assert_eq!(after(last(&shop), 1_000 * RECORDS_KEPT), Keep::Yes);
    shop.tap();
    assert_eq!(after(last(&shop), 1_000 * RECORDS_KEPT), Keep::Yes);
}

// [OFF-12]
#[test]
fn what_is_queued_stays_for_ever() {
    assert_eq!(after(last(&queued()), 1_000 * RECORDS_KEPT), Keep::Yes);
}

#[test]
fn a_reversal_that_is_owed_stays_and_one_that_was_acknowledged_may_go() {
    let mut shop = Shop::open();
    shop.pay("order_1", "k1");
    shop.cancel("order_1", Some("k1"));
    let id = shop.newest("order_1").id;
    shop.host_says(&id, HostVerdict::Approved);
    assert_eq!(after(last(&shop), 1_000 * RECORDS_KEPT), Keep::Yes);
    shop.step(Input::HostReversed { payment: id });
    assert_eq!(after(last(&shop), 1_000 * RECORDS_KEPT), Keep::MayGo);
}

// [OFF-15]
#[test]
fn the_record_with_the_highest_sequence_stays_until_a_higher_one_is_given() {
    let mut shop = queued();
    let id = shop.newest("order_1").id;
    shop.step(Input::Internet {
        status: ReaderStatus::Online,
    });
    shop.host_says(&id, HostVerdict::Approved);
    let with_highest = |highest| {
        let now = PoweredTime(1_000 * RECORDS_KEPT);
        retention(last(&shop), PoweredTime::default(), now, highest)
    };
    assert_eq!(with_highest(1), Keep::Yes);
    assert_eq!(with_highest(2), Keep::MayGo);
}

// Dates are labels: a record from the future or from 1970 is as old as the powered time says.
#[test]
fn a_date_that_jumps_by_years_makes_no_record_older() {
    let mut shop = completed();
    for unix_ms in [0, now().unix_ms() + 20 * 365 * 86_400_000] {
        let Some(Record::Attempt(attempt)) = shop.journal.last_mut() else {
            panic!("an attempt was journaled last");
        };
        let attempt = std::sync::Arc::make_mut(attempt);
        let date = vinr_protocol::Timestamp::from_unix_ms(unix_ms);
        attempt.payment.completed_at = date;
        attempt.payment.created_at = date.expect("lawful");
        assert_eq!(after(last(&shop), RECORDS_KEPT), Keep::Yes);
    }
}

#[test]
fn a_count_that_went_back_drops_nothing() {
    let (written, now) = (PoweredTime(1_000 * RECORDS_KEPT), PoweredTime(DAY));
    assert_eq!(retention(last(&completed()), written, now, 0), Keep::Yes);
}
