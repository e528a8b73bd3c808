//! A terminal tells a cloud what its journal held before, page by page.

use std::collections::{BTreeMap, BTreeSet};

use vinr_simulator::Cloud;
use vinr_simulator::host::Link;
use vinr_simulator::terminal::month;

use crate::api::{Api, PATIENCE};
use crate::shop::{A, Shop, id, on_any_port, provisioned};
use crate::webhooks::Receiver;

/// So many records are read at once.
const PAGE: u64 = 256;

/// A terminal that took `month_1` to `month_N` before it joined; the merchant's server hears from the first on.
async fn after(payments: u64) -> (Shop, Receiver) {
    let (dir, pki) = provisioned();
    month::fill(&pki, &id(A), payments).await.unwrap();
    let options = on_any_port();
    let cloud = Cloud::start(&pki, options.clone()).await.unwrap();
    let receiver = Receiver::start().await;
    let mut api = Api::connect(cloud.address(), &pki, cloud.key().reveal()).await;
    receiver.register(&mut api).await;
    (Shop::at(dir, cloud, options).await, receiver)
}

/// The ids of events, by the sale and the type of each.
type Heard = BTreeMap<(String, String), BTreeSet<String>>;

/// Waits until the outcome of so many payments was heard of, and gives the ids of the events by what they are about.
async fn heard(receiver: &Receiver, payments: usize) -> Heard {
    let begun = std::time::Instant::now();
    // Each has at least two.
    let mut enough = 2 * payments;
    loop {
        while receiver.count() < enough {
            assert!(
                begun.elapsed() < PATIENCE,
                "{} of {enough}",
                receiver.count()
            );
            tokio::task::yield_now().await;
        }
        let mut ids: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for event in receiver.events() {
            let text = |at: &str| event.pointer(at).unwrap().as_str().unwrap().to_owned();
            let about = (text("/data/object/reference"), text("/type"));
            ids.entry(about).or_default().insert(text("/id"));
        }
        let outcomes = outcomes(&ids).count();
        if outcomes >= payments {
            assert_eq!(outcomes, payments);
            return ids;
        }
        enough = receiver.count() + 1;
    }
}

fn outcomes(ids: &Heard) -> impl Iterator<Item = &BTreeSet<String>> {
    let outcomes = ids
        .iter()
        .filter(|((_, kind), _)| kind == "terminal_payment.completed");
    outcomes.map(|(_, ids)| ids)
}

fn one_each(ids: &Heard) -> bool {
    ids.values().all(|ids| ids.len() == 1)
}

// [EVT-1, EVT-2]
#[tokio::test]
async fn a_journal_of_a_page_and_one_record_less_or_more_is_told_whole() {
    for payments in [PAGE - 1, PAGE, PAGE + 1] {
        let (_shop, receiver) = after(payments).await;
        let ids = heard(&receiver, payments as usize).await;
        assert!(one_each(&ids), "{payments}: {ids:?}");
    }
}

// [EVT-1, EVT-2]
#[tokio::test]
async fn a_link_that_breaks_within_pages_loses_nothing_and_makes_no_second_event() {
    let payments = 2 * PAGE + 7;
    let (shop, receiver) = after(payments).await;
    // Between two acknowledgements, again and again.
    for enough in [100, 700] {
        let begun = std::time::Instant::now();
        while receiver.count() < enough {
            assert!(begun.elapsed() < PATIENCE);
            tokio::task::yield_now().await;
        }
        shop.terminal(A).set_internet(Link::Cut);
        shop.stands(|it| it.linked.len() == 1).await;
        shop.terminal(A).set_internet(Link::Up);
        shop.stands(|it| it.linked.len() == 2).await;
    }
    let ids = heard(&receiver, payments as usize).await;
    assert!(one_each(&ids), "{ids:?}");
}

// [EVT-1]
#[tokio::test]
async fn a_payment_that_is_taken_while_older_ones_are_told_is_told_too() {
    let payments = 2 * PAGE;
    let (shop, receiver) = after(payments).await;
    let mut till = shop.till(A).await;
    let (paid, ()) = tokio::join!(till.pay(A, "order_1"), shop.present(A, "approved"));
    assert_eq!(paid["status"], "completed");
    let event = receiver
        .hears("terminal_payment.completed", "order_1")
        .await;
    assert_eq!(event["data"]["object"], paid);
    let ids = heard(&receiver, payments as usize + 1).await;
    // That it changed on its way is more than one event.
    assert!(outcomes(&ids).all(|ids| ids.len() == 1), "{ids:?}");
}
