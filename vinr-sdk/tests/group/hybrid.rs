//! A group over both paths: the LAN first, and a silent member is the one that the cloud must name. §8

use std::time::Duration;

use vinr_sdk::{Charged, ConnectionMode, Connectivity, Create, Error, PaymentResult};

use super::sale;
use crate::support::{A, B, Shop, State};

fn hybrid(reference: &str) -> Create<'_> {
    Create {
        connectivity: Connectivity::Hybrid {
            local_timeout: Duration::from_millis(300),
        },
        ..sale(reference)
    }
}

// [HYB-1, GRP-1]
#[tokio::test]
async fn the_lan_is_tried_first_and_the_cloud_is_left_alone() {
    let shop = Shop::open().await;
    shop.cable(A).is(State::Broken);
    let till = shop.builder().cloud(shop.cloud()).build().unwrap();
    let paid = till.payments().create(hybrid("order_1")).await.unwrap();
    assert_eq!(paid.terminal_id.as_str(), B);
    assert_eq!(paid.connection_mode(), Some(ConnectionMode::Local));
    assert_eq!(shop.internet.connections(), 0);
}

// [GRP-1, HYB-3]
#[tokio::test]
async fn with_no_member_on_the_lan_the_cloud_chooses() {
    let shop = Shop::open().await;
    for cable in &shop.lan {
        cable.is(State::Broken);
    }
    let till = shop.builder().cloud(shop.cloud()).build().unwrap();
    let paid = till.payments().create(hybrid("order_1")).await.unwrap();
    assert!(matches!(paid, PaymentResult::Completed(_)), "{paid:?}");
    assert_eq!(paid.connection_mode(), Some(ConnectionMode::Cloud));
    assert_eq!(shop.charges("order_1").await, 1);
    assert_eq!(till.attempts().unresolved().await.unwrap(), []);
}

// [GRP-4, HYB-5]
#[tokio::test]
async fn a_member_that_went_silent_with_the_sale_is_named_to_the_cloud_and_no_other_is_tried() {
    let shop = Shop::open().await;
    let till = shop.builder().cloud(shop.cloud()).build().unwrap();
    crate::hybrid::meet(&till, shop.cable(A)).await;
    shop.cable(A).is(State::Silent);
    let paid = till.payments().create(hybrid("order_1")).await.unwrap();
    assert_eq!(paid.terminal_id.as_str(), A);
    assert_eq!(paid.connection_mode(), Some(ConnectionMode::Cloud));
    assert_eq!(shop.charges("order_1").await, 1);
    assert_eq!(shop.cable(B).connections(), 0);
}

#[tokio::test]
async fn with_every_member_and_the_cloud_down_nothing_was_sent() {
    let shop = Shop::open().await;
    for cable in shop.lan.iter().chain([&shop.internet]) {
        cable.is(State::Broken);
    }
    let till = shop.builder().cloud(shop.cloud()).build().unwrap();
    let error = till.payments().create(hybrid("order_1")).await.unwrap_err();
    assert!(matches!(error, Error::NoPath { .. }), "{error:?}");
    assert_eq!(error.charged(), Charged::No);
    assert_eq!(till.attempts().unresolved().await.unwrap(), []);
}
