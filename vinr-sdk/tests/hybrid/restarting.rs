//! The till goes down after the fallback, and finds out over both paths.

use vinr_sdk::{ConnectionMode, PaymentResult, Resolution, Vinr};
use vinr_simulator::screen::Picture;

use super::{SALE, sale, till};
use crate::support::{A, Shop, State, never_taps};

// [REC-12]
#[tokio::test]
async fn what_went_through_the_cloud_is_found_through_it_after_a_restart() {
    let shop = crashed_after_the_fallback().await;
    shop.present(A, "approved").await;
    while shop.charges(SALE).await == 0 {
        tokio::task::yield_now().await;
    }
    // The LAN is still dead, and so is every connection of the till that went down.
    let till = again(&shop);
    let stored = till.attempts().unresolved().await.unwrap();
    assert_eq!(stored[0].path, ConnectionMode::Cloud);
    let resolved = till.attempts().resolve().await.unwrap();
    assert!(
        matches!(
            resolved[0].resolution,
            Resolution::Result(PaymentResult::Completed(_))
        ),
        "{resolved:?}"
    );
    assert_eq!(till.attempts().unresolved().await.unwrap(), []);
    assert_eq!(shop.charges(SALE).await, 1);
}

// [REC-12]
#[tokio::test]
async fn what_went_through_the_cloud_is_found_over_the_lan_once_that_is_back() {
    let shop = crashed_after_the_fallback().await;
    shop.present(A, "approved").await;
    while shop.charges(SALE).await == 0 {
        tokio::task::yield_now().await;
    }
    shop.cable(A).is(State::Whole);
    shop.internet.is(State::Broken);
    let resolved = again(&shop).attempts().resolve().await.unwrap();
    assert!(
        matches!(
            resolved[0].resolution,
            Resolution::Result(PaymentResult::Completed(_))
        ),
        "{resolved:?}"
    );
}

// [REC-4]
#[tokio::test]
async fn what_still_waits_for_a_card_is_cancelled_through_the_cloud_and_never_charges() {
    let shop = crashed_after_the_fallback().await;
    let resolved = again(&shop).attempts().resolve().await.unwrap();
    assert!(
        matches!(
            resolved[0].resolution,
            Resolution::Result(PaymentResult::Cancelled(_))
        ),
        "{resolved:?}"
    );
    assert_eq!(shop.charges(SALE).await, 0);
}

// [REC-5]
#[tokio::test]
async fn paying_the_same_sale_again_finds_what_was_paid() {
    let shop = crashed_after_the_fallback().await;
    shop.present(A, "approved").await;
    while shop.charges(SALE).await == 0 {
        tokio::task::yield_now().await;
    }
    let paid = again(&shop).payments().create(sale()).await.unwrap();
    assert!(matches!(paid, PaymentResult::Completed(_)), "{paid:?}");
    assert_eq!(shop.charges(SALE).await, 1);
}

/// A payment is on the terminal's screen, by a command that the cloud brought, and the till is gone.
async fn crashed_after_the_fallback() -> Shop {
    let shop = Shop::with(never_taps()).await;
    let till = till(&shop).await;
    shop.cable(A).is(State::Broken);
    tokio::select! {
        result = till.payments().create(sale()) => panic!("nobody presented a card: {result:?}"),
        () = shop.shows(A, Picture::PresentCard) => {}
    }
    drop(till);
    shop
}

fn again(shop: &Shop) -> Vinr {
    shop.builder().cloud(shop.cloud()).build().unwrap()
}
