//! The LAN is silent: the same attempt goes through the cloud.

use std::time::{Duration, Instant};

use vinr_sdk::{CancelOutcome, ConnectionMode, PaymentResult, Status};
use vinr_simulator::screen::Picture;

use super::{LIMIT, SALE, completed, sale, till};
use crate::support::{A, Shop, State, never_taps};

// [HYB-2, HYB-3, HYB-5]
#[tokio::test]
async fn a_lan_that_goes_silent_is_left_after_the_limit_and_the_sale_is_charged_once() {
    let shop = Shop::open().await;
    let till = till(&shop).await;
    shop.cable(A).is(State::Silent);
    let begun = Instant::now();
    let paid = completed(till.payments().create(sale()).await);
    assert!(begun.elapsed() >= LIMIT);
    assert_eq!(paid.connection_mode(), Some(ConnectionMode::Cloud));
    assert_eq!(shop.charges(SALE).await, 1);
    let counters = till.counters();
    assert_eq!((counters.cloud, counters.fell_back_silent), (1, 1));
}

// [HYB-1]
#[tokio::test]
async fn a_lan_on_which_nothing_can_be_sent_is_left_at_once() {
    let shop = Shop::open().await;
    let till = shop.builder().cloud(shop.cloud()).build().unwrap();
    shop.cable(A).is(State::Broken);
    let patient = vinr_sdk::Create {
        connectivity: vinr_sdk::Connectivity::Hybrid {
            local_timeout: Duration::from_secs(60),
        },
        ..sale()
    };
    let begun = Instant::now();
    let paid = completed(till.payments().create(patient).await);
    assert!(begun.elapsed() < Duration::from_secs(30));
    assert_eq!(paid.connection_mode(), Some(ConnectionMode::Cloud));
    assert_eq!(till.counters().fell_back_unreachable, 1);
}

// [HYB-1]
#[tokio::test]
async fn a_terminal_whose_address_nobody_knows_is_reached_through_the_cloud() {
    let shop = Shop::open().await;
    let till = shop
        .builder_without_terminals()
        .cloud(shop.cloud())
        .build()
        .unwrap();
    let paid = completed(till.payments().create(sale()).await);
    assert_eq!(paid.connection_mode(), Some(ConnectionMode::Cloud));
}

// [HYB-5]
#[tokio::test]
async fn the_fallback_is_the_same_attempt_and_not_a_second_one() {
    let shop = Shop::with(never_taps()).await;
    let till = till(&shop).await;
    // The terminal gets the command over the LAN, and its head is lost: a till that looked cannot see it.
    shop.cable(A).is(State::Deaf);
    let presents = async {
        shop.shows(A, Picture::PresentCard).await;
        while shop.internet.connections() == 0 {
            tokio::task::yield_now().await;
        }
        shop.present(A, "approved").await;
    };
    let (paid, ()) = tokio::join!(till.payments().create(sale()), presents);
    let paid = completed(paid);
    assert_eq!(
        paid.connection_mode(),
        Some(ConnectionMode::Local),
        "the path whose command came first"
    );
    assert_eq!(shop.charges(SALE).await, 1);
    shop.cable(A).is(State::Whole);
    let attempts = till.payments().attempts_at(A, SALE).await.unwrap();
    assert_eq!(attempts.len(), 1, "{attempts:?}");
    assert_eq!(till.attempts().unresolved().await.unwrap(), []);
}

#[tokio::test]
async fn a_decline_through_the_cloud_is_a_result() {
    let shop = Shop::with(crate::support::taps("declined")).await;
    let till = till(&shop).await;
    shop.cable(A).is(State::Broken);
    let declined = till.payments().create(sale()).await.unwrap();
    assert!(matches!(declined, PaymentResult::Failed(_)), "{declined:?}");
}

// [REC-11]
#[tokio::test]
async fn a_payment_that_went_through_the_cloud_is_cancelled_through_it_where_the_lan_is_dead() {
    let shop = Shop::with(never_taps()).await;
    let till = till(&shop).await;
    shop.cable(A).is(State::Broken);
    let cancels = async {
        shop.shows(A, Picture::PresentCard).await;
        till.payments().cancel(A, SALE).await.unwrap()
    };
    let (result, word) = tokio::join!(till.payments().create(sale()), cancels);
    assert_eq!(word.outcome, CancelOutcome::Cancelled);
    assert_eq!(result.unwrap().status, Status::Cancelled);
    assert_eq!(shop.charges(SALE).await, 0);
}
