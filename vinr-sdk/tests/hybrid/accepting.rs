//! The LAN is whole, or breaks after the terminal accepted: the cloud is left alone.

use vinr_sdk::{ConnectionMode, CreateLocal, PaymentResult};
use vinr_simulator::screen::Picture;

use super::{LIMIT, SALE, completed, sale, till};
use crate::support::{A, Shop, State, never_taps, passes};

// [HYB-1, HYB-3]
#[tokio::test]
async fn a_whole_lan_is_taken_and_the_payment_says_so() {
    let shop = Shop::open().await;
    let till = till(&shop).await;
    let paid = completed(till.payments().create(sale()).await);
    assert_eq!(paid.connection_mode(), Some(ConnectionMode::Local));
    assert_eq!(shop.internet.connections(), 0);
    let counters = till.counters();
    assert_eq!((counters.local, counters.cloud), (1, 0));
}

// [HYB-2, HYB-4]
#[tokio::test]
async fn a_card_that_takes_longer_than_the_limit_is_waited_for_on_the_lan() {
    let shop = Shop::with(never_taps()).await;
    let till = till(&shop).await;
    let presents = async {
        shop.shows(A, Picture::PresentCard).await;
        // Long after the limit, and the quick look that would follow it.
        passes(LIMIT * 6).await;
        shop.present(A, "approved").await;
    };
    let (paid, ()) = tokio::join!(till.payments().create(sale()), presents);
    let paid = completed(paid);
    assert_eq!(paid.connection_mode(), Some(ConnectionMode::Local));
    assert_eq!(shop.internet.connections(), 0);
}

// [HYB-4, REC-1]
#[tokio::test]
async fn an_answer_that_is_lost_after_the_head_is_looked_up_on_the_lan() {
    let shop = Shop::open().await;
    let till = till(&shop).await;
    shop.cable(A).is(State::LosesTheOutcome);
    let paid = completed(till.payments().create(sale()).await);
    assert_eq!(paid.connection_mode(), Some(ConnectionMode::Local));
    assert_eq!(shop.internet.connections(), 0);
    assert_eq!(shop.charges(SALE).await, 1);
}

// [NET-2]
#[tokio::test]
async fn local_mode_makes_no_connection_to_the_cloud_whatever_happens_to_the_lan() {
    let shop = Shop::open().await;
    let till = till(&shop).await;
    let local = || CreateLocal {
        reader_id: A,
        amount: 2500,
        currency: "USD",
        reference: SALE,
        ..CreateLocal::default()
    };
    shop.cable(A).is(State::Broken);
    assert!(till.payments().create_local(local()).await.is_err());
    shop.cable(A).is(State::Whole);
    let paid = till.payments().create_local(local()).await.unwrap();
    assert!(matches!(paid, PaymentResult::Completed(_)), "{paid:?}");
    assert_eq!(shop.internet.connections(), 0);
}

// [HYB-7]
#[tokio::test]
async fn a_definite_refusal_is_told_and_the_cloud_is_not_asked() {
    let shop = Shop::with(never_taps()).await;
    let till = till(&shop).await;
    let held = tokio::spawn({
        let till = till.clone();
        async move { till.payments().create(sale()).await }
    });
    shop.shows(A, Picture::PresentCard).await;
    let next = vinr_sdk::Create {
        reference: "order_8822",
        ..sale()
    };
    let error = till.payments().create(next).await.unwrap_err();
    assert!(
        matches!(error, vinr_sdk::Error::Refused { status: 409, .. }),
        "{error:?}"
    );
    assert_eq!(shop.internet.connections(), 0);
    held.abort();
}
