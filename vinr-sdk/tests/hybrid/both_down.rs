//! The cloud is down, refuses, or both paths are dead.

use vinr_sdk::{Charged, ConnectionMode, Error, SecretKey};

use super::{SALE, completed, sale, till};
use crate::support::{A, Shop, State};

#[tokio::test]
async fn without_the_cloud_the_lan_pays() {
    let shop = Shop::open().await;
    let till = till(&shop).await;
    shop.internet.is(State::Broken);
    let paid = completed(till.payments().create(sale()).await);
    assert_eq!(paid.connection_mode(), Some(ConnectionMode::Local));
}

#[tokio::test]
async fn with_both_down_nothing_was_sent_and_the_error_says_what_came_of_each() {
    let shop = Shop::open().await;
    let till = till(&shop).await;
    shop.cable(A).is(State::Broken);
    shop.internet.is(State::Broken);
    let error = till.payments().create(sale()).await.unwrap_err();
    assert!(matches!(error, Error::NoPath { .. }), "{error:?}");
    assert_eq!(error.charged(), Charged::No);
    assert_eq!(till.attempts().unresolved().await.unwrap(), []);
    assert_eq!(shop.charges(SALE).await, 0);
}

// [REC-10]
#[tokio::test]
async fn a_command_that_went_into_a_silent_lan_with_the_cloud_down_is_an_unknown_outcome() {
    let shop = Shop::open().await;
    let till = till(&shop).await;
    shop.cable(A).is(State::Silent);
    shop.internet.is(State::Broken);
    // Nobody answers any more, so the minutes until the deadline may pass at once.
    tokio::time::pause();
    let error = till.payments().create(sale()).await.unwrap_err();
    assert!(matches!(error, Error::OutcomeUnknown(_)), "{error:?}");
    assert_eq!(error.charged(), Charged::Perhaps);
    assert_eq!(till.attempts().unresolved().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_key_that_the_cloud_refuses_is_said_to_be_the_reason() {
    let shop = Shop::open().await;
    let key = SecretKey::new("sk_test_0000000000000000").unwrap();
    let till = shop.builder().cloud(shop.cloud_with(key)).build().unwrap();
    shop.cable(A).is(State::Broken);
    let error = till.payments().create(sale()).await.unwrap_err();
    assert!(
        matches!(error, Error::CloudRefused { status: 401, .. }),
        "{error:?}"
    );
    assert_eq!(error.charged(), Charged::No);
    assert!(!format!("{error} {error:?}").contains("0000000000000000"));
}

#[tokio::test]
async fn hybrid_without_a_cloud_is_a_mistake_that_is_told_before_anything_is_sent() {
    let shop = Shop::open().await;
    let till = shop.builder().build().unwrap();
    let error = till.payments().create(sale()).await.unwrap_err();
    let is_told = matches!(
        error,
        Error::Invalid {
            field: "connectivity",
            ..
        }
    );
    assert!(is_told, "{error:?}");
    assert_eq!(shop.cable(A).connections(), 0);
}
