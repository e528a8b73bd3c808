//! What became of a sale, over both paths.

use vinr_sdk::{ConnectionMode, CreateLocal, Error, Status};

use crate::hybrid::{SALE, completed, meet, sale, till};
use crate::support::{A, Shop, State, taps};

#[tokio::test]
async fn a_sale_that_was_paid_at_a_terminal_that_is_silent_now_is_found_through_the_cloud() {
    let shop = Shop::open().await;
    let till = till(&shop).await;
    shop.cable(A).is(State::Broken);
    let paid = completed(till.payments().create(sale()).await);
    assert_eq!(paid.connection_mode(), Some(ConnectionMode::Cloud));
    let found = till.payments().retrieve_by_reference(SALE).await.unwrap();
    assert_eq!(
        (found.id, found.status),
        (paid.id.clone(), Status::Completed)
    );
}

#[tokio::test]
async fn the_cloud_does_not_call_a_sale_unpaid_for_a_terminal_that_is_silent() {
    let shop = Shop::with(taps("declined")).await;
    let till = till(&shop).await;
    shop.cable(A).is(State::Broken);
    let declined = till.payments().create(sale()).await.unwrap();
    assert_eq!(declined.status, Status::Failed);
    let error = till.payments().retrieve_by_reference(SALE).await;
    match error.unwrap_err() {
        Error::Unanswered {
            found, unanswered, ..
        } => {
            assert_eq!(found.unwrap().id, declined.id);
            assert_eq!(unanswered[0].0.as_str(), A);
        }
        other => panic!("{other:?}"),
    }
}

// [NET-2]
#[tokio::test]
async fn the_cloud_is_not_asked_about_a_sale_that_a_terminal_has() {
    let shop = Shop::open().await;
    let till = shop.builder().cloud(shop.cloud()).build().unwrap();
    let local = CreateLocal {
        reader_id: A,
        amount: 2500,
        currency: "USD",
        reference: SALE,
        ..CreateLocal::default()
    };
    let paid = till.payments().create_local(local).await.unwrap();
    let found = till.payments().retrieve_by_reference(SALE).await.unwrap();
    assert_eq!(found.id, paid.id);
    assert_eq!(shop.internet.connections(), 0);
    // And it would have been seen.
    let unknown = till.payments().retrieve_by_reference("order_0").await;
    assert!(
        matches!(unknown, Err(Error::NotFound { .. })),
        "{unknown:?}"
    );
    assert!(shop.internet.connections() > 0);
}

#[tokio::test]
async fn a_cloud_that_does_not_answer_may_know_better() {
    let shop = Shop::open().await;
    let till = till(&shop).await;
    shop.internet.is(State::Broken);
    let error = till.payments().retrieve_by_reference(SALE).await;
    match error.unwrap_err() {
        Error::Unanswered {
            unanswered, cloud, ..
        } => assert!(unanswered.is_empty() && cloud.is_some(), "{cloud:?}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_till_without_a_cloud_asks_its_terminals_alone() {
    let shop = Shop::open().await;
    let till = shop.builder().build().unwrap();
    meet(&till, shop.cable(A)).await;
    let error = till.payments().retrieve_by_reference(SALE).await;
    assert!(matches!(error, Err(Error::NotFound { .. })), "{error:?}");
    assert_eq!(shop.internet.connections(), 0);
}
