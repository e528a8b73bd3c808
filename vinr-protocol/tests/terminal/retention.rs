//! What compaction may drop: what is settled, 30 powered days later. §4.6

use std::time::Duration;

use vinr_protocol::reader::ReaderStatus;
use vinr_protocol::terminal::{HostVerdict, Input, Keep, Record, retention};
use vinr_protocol::timing::RECORDS_KEPT;

use crate::shop::*;

/// 30 days, and one for the clocks.
const SETTLED: Keep = Keep::For(Duration::from_secs(31 * 24 * 3600));

fn last(shop: &Shop) -> &Record {
    shop.journal.last().expect("something was journaled")
}

fn kept(shop: &Shop) -> Keep {
    retention(last(shop))
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

// [REC-23]
#[test]
fn a_final_record_stays_for_longer_than_a_till_relies_on() {
    let mut shop = Shop::open();
    shop.sale("order_1", "k1", HostVerdict::Approved);
    assert_eq!(kept(&shop), SETTLED);
    assert!(matches!(kept(&shop), Keep::For(time) if time > RECORDS_KEPT));
}

#[test]
fn a_tombstone_stays_as_long_as_a_final_record() {
    let mut shop = Shop::open();
    shop.cancel("order_1", Some("k1"));
    assert!(matches!(last(&shop), Record::Tombstone { .. }));
    assert_eq!(kept(&shop), SETTLED);
}

#[test]
fn what_is_unresolved_stays_for_ever() {
    let mut shop = Shop::open();
    shop.pay("order_1", "k1");
    assert_eq!(kept(&shop), Keep::Always);
    shop.tap();
    assert_eq!(kept(&shop), Keep::Always);
}

// [OFF-12]
#[test]
fn what_is_queued_stays_until_the_hosts_word() {
    let mut shop = queued();
    assert_eq!(kept(&shop), Keep::Always);
    shop.step(Input::Internet {
        status: ReaderStatus::Online,
    });
    let id = shop.newest("order_1").id;
    shop.host_says(&id, HostVerdict::Approved);
    assert_eq!(kept(&shop), SETTLED);
}

// [OFF-15]
#[test]
fn a_record_tells_its_sequence_after_the_hosts_word_too() {
    let mut shop = queued();
    assert_eq!(last(&shop).sequence(), Some(1));
    let id = shop.newest("order_1").id;
    shop.step(Input::Internet {
        status: ReaderStatus::Online,
    });
    shop.host_says(&id, HostVerdict::Approved);
    assert_eq!(last(&shop).sequence(), Some(1));
}

#[test]
fn a_reversal_that_is_owed_stays_until_it_is_acknowledged() {
    let mut shop = Shop::open();
    shop.pay("order_1", "k1");
    shop.cancel("order_1", Some("k1"));
    let id = shop.newest("order_1").id;
    shop.host_says(&id, HostVerdict::Approved);
    assert_eq!(kept(&shop), Keep::Always);
    shop.step(Input::HostReversed { payment: id });
    assert_eq!(kept(&shop), SETTLED);
}

// Dates are labels: a record from the future, or from 1970, stays as long as any other.
#[test]
fn a_date_that_jumps_by_years_shortens_nothing() {
    let mut shop = Shop::open();
    shop.sale("order_1", "k1", HostVerdict::Approved);
    for unix_ms in [0, now().unix_ms() + 20 * 365 * 86_400_000] {
        let Some(Record::Attempt(attempt)) = shop.journal.last_mut() else {
            panic!("an attempt was journaled last");
        };
        let payment = &mut std::sync::Arc::make_mut(attempt).payment;
        payment.completed_at = vinr_protocol::Timestamp::from_unix_ms(unix_ms);
        assert_eq!(kept(&shop), SETTLED);
    }
}
