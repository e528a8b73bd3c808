//! All are busy: first come, first served, and not for longer than the caller wants.

use std::time::{Duration, Instant};

use vinr_sdk::{Charged, Error};
use vinr_simulator::screen::Picture;

use super::{occupy, pays};
use crate::support::{A, B, C, Shop, never_taps, passes, taps};

// [GRP-2]
#[tokio::test]
async fn with_all_busy_the_call_takes_whichever_frees_first() {
    let shop = Shop::with(never_taps()).await;
    for terminal in [A, B, C] {
        drop(occupy(&shop, terminal).await);
    }
    let till = shop.builder().build().unwrap();
    let frees = async {
        // The other till's customer pays, and then ours.
        shop.present(B, "approved").await;
        shop.present(B, "approved").await;
    };
    let (paid, ()) = tokio::join!(pays(till, "order_1".into(), None), frees);
    assert_eq!(paid.unwrap().terminal_id.as_str(), B);
    assert_eq!(shop.charges("order_1").await, 1);
}

// [GRP-2]
#[tokio::test]
async fn with_all_busy_for_as_long_as_the_caller_would_wait_nothing_is_charged() {
    let shop = Shop::with(never_taps()).await;
    for terminal in [A, B, C] {
        drop(occupy(&shop, terminal).await);
    }
    let till = shop.builder().build().unwrap();
    let (begun, most) = (Instant::now(), Duration::from_millis(500));
    let error = pays(till.clone(), "order_1".into(), Some(most))
        .await
        .unwrap_err();
    assert!(begun.elapsed() >= most);
    assert!(matches!(error, Error::AllBusy { .. }), "{error:?}");
    assert_eq!(error.charged(), Charged::No);
    assert_eq!(till.attempts().unresolved().await.unwrap(), []);
    assert_eq!(shop.charges("order_1").await, 0);
}

// [GRP-2]
#[tokio::test]
async fn a_longest_wait_does_not_end_a_payment_that_found_its_terminal() {
    let shop = Shop::with(never_taps()).await;
    let till = shop.builder().build().unwrap();
    let most = Duration::from_millis(100);
    let presents = async {
        shop.shows(A, Picture::PresentCard).await;
        passes(most * 3).await;
        shop.present(A, "approved").await;
    };
    let (paid, ()) = tokio::join!(pays(till, "order_1".into(), Some(most)), presents);
    assert_eq!(paid.unwrap().terminal_id.as_str(), A);
}

// [GRP-2, GRP-4]
#[tokio::test]
async fn twenty_sales_at_once_at_three_terminals_are_each_paid_once() {
    let shop = Shop::with(taps("approved")).await;
    let till = shop.builder().build().unwrap();
    let calls = (0..20).map(|number| {
        let pays = pays(till.clone(), format!("order_{number}"), None);
        tokio::spawn(pays)
    });
    for (number, call) in calls.collect::<Vec<_>>().into_iter().enumerate() {
        let paid = call.await.unwrap();
        assert!(paid.is_ok(), "order_{number}: {paid:?}");
        let reference = format!("order_{number}");
        assert_eq!(shop.charges(&reference).await, 1, "{reference}");
    }
    assert_eq!(till.attempts().unresolved().await.unwrap(), []);
}
