use std::time::Duration;

use vinr_sdk::store::StoreFailure;
use vinr_sdk::{
    AttemptKey, AttemptStore, CancelOutcome, Charged, ConnectionMode, CreateLocal, Error,
    PaymentResult, Status, StoredAttempt,
};

use vinr_simulator::screen::Picture;

use crate::shop::{READER, SALE, Shop, never_taps, sale, taps};

// [PAY-1, PAY-3, PAY-8, HYB-3]
#[tokio::test]
async fn an_approved_card_completes_the_payment() {
    let shop = Shop::open().await;
    let till = shop.till().await;
    let payment = till.payments().create_local(sale()).await.unwrap();
    assert!(
        matches!(payment, PaymentResult::Completed(_)),
        "{payment:?}"
    );
    assert_eq!(payment.amount.minor_units(), 2500);
    assert_eq!(payment.reference.as_str(), SALE);
    assert_eq!(payment.last4.as_deref(), Some("4242"));
    assert_eq!(payment.connection_mode(), Some(ConnectionMode::Local));
}

// [PAY-3, REC-3]
#[tokio::test]
async fn a_declined_card_is_a_result_not_an_error() {
    let shop = Shop::with(taps("declined")).await;
    let till = shop.till().await;
    let payment = till.payments().create_local(sale()).await.unwrap();
    assert!(matches!(payment, PaymentResult::Failed(_)), "{payment:?}");
}

#[tokio::test]
async fn a_settled_payment_leaves_the_store() {
    let shop = Shop::open().await;
    let till = shop.till().await;
    let _ = till.payments().create_local(sale()).await.unwrap();
    assert_eq!(till.attempts().unresolved().await.unwrap(), []);
}

#[tokio::test]
async fn a_declined_sale_is_paid_again_under_the_same_reference() {
    let shop = Shop::with(taps("declined")).await;
    let till = shop.till().await;
    let _ = till.payments().create_local(sale()).await.unwrap();
    shop.terminal().set_script(taps("approved")).await;
    let payment = till.payments().create_local(sale()).await.unwrap();
    assert!(
        matches!(payment, PaymentResult::Completed(_)),
        "{payment:?}"
    );
}

// [PAY-12]
#[tokio::test]
async fn a_paid_sale_is_not_paid_again() {
    let shop = Shop::open().await;
    let till = shop.till().await;
    let paid = till.payments().create_local(sale()).await.unwrap();
    let error = till.payments().create_local(sale()).await.unwrap_err();
    match &error {
        Error::AlreadyPaid { payment } => assert_eq!(**payment, *paid),
        other => panic!("{other:?}"),
    }
    assert_eq!(error.charged(), Charged::Yes);
    assert_eq!(shop.charges().await, 1);
}

// [PAY-12]
#[tokio::test]
async fn a_sale_that_another_till_has_under_way_is_looked_up_and_not_called_unpaid() {
    let shop = Shop::with(never_taps()).await;
    let (till, other) = (shop.till().await, shop.other_till().await);
    let held = tokio::spawn(async move { till.payments().create_local(sale()).await });
    shop.shows(Picture::PresentCard).await;
    let error = other.payments().create_local(sale()).await.unwrap_err();
    match &error {
        Error::Refused { attempts, .. } => assert_eq!(attempts[0].status, Status::Pending),
        other => panic!("{other:?}"),
    }
    assert_eq!(error.charged(), Charged::Perhaps);
    held.abort();
}

#[tokio::test]
async fn a_busy_terminal_is_a_refusal_to_be_tried_again() {
    let shop = Shop::with(never_taps()).await;
    let (till, other) = (shop.till().await, shop.other_till().await);
    let held = tokio::spawn(async move { till.payments().create_local(sale()).await });
    shop.shows(Picture::PresentCard).await;
    let next = CreateLocal {
        reference: "order_8822",
        ..sale()
    };
    let error = other.payments().create_local(next).await.unwrap_err();
    assert!(matches!(error, Error::Refused { .. }), "{error:?}");
    assert_eq!(error.charged(), Charged::No);
    assert_eq!(error.next(), "pay the same reference again in a moment");
    held.abort();
}

#[tokio::test]
async fn one_process_pays_a_sale_once_at_a_time() {
    let shop = Shop::with(never_taps()).await;
    let till = shop.till().await;
    let same = till.clone();
    let held = tokio::spawn(async move { same.payments().create_local(sale()).await });
    shop.shows(Picture::PresentCard).await;
    let error = till.payments().create_local(sale()).await.unwrap_err();
    assert!(matches!(error, Error::InProgress { .. }), "{error:?}");
    held.abort();
}

#[tokio::test]
async fn a_payment_that_is_held_is_not_taken_for_a_forgotten_one() {
    let shop = Shop::with(never_taps()).await;
    let till = shop.till().await;
    let same = till.clone();
    let held = tokio::spawn(async move { same.payments().create_local(sale()).await });
    shop.shows(Picture::PresentCard).await;
    assert_eq!(till.attempts().unresolved().await.unwrap(), []);
    assert_eq!(till.attempts().resolve().await.unwrap(), []);
    assert_eq!(shop.attempts().await, [Status::Pending]);
    held.abort();
}

#[tokio::test]
async fn a_payment_that_is_cancelled_while_it_is_held_returns_cancelled() {
    let shop = Shop::with(never_taps()).await;
    let till = shop.till().await;
    let same = till.clone();
    let held = tokio::spawn(async move { same.payments().create_local(sale()).await });
    shop.shows(Picture::PresentCard).await;
    let answer = till.payments().cancel(READER, SALE).await.unwrap();
    assert_eq!(answer.outcome, CancelOutcome::Cancelled);
    let payment = held.await.unwrap().unwrap();
    assert!(
        matches!(payment, PaymentResult::Cancelled(_)),
        "{payment:?}"
    );
}

// [REC-11]
#[tokio::test]
async fn a_completed_payment_is_too_late_to_cancel() {
    let shop = Shop::open().await;
    let till = shop.till().await;
    let paid = till.payments().create_local(sale()).await.unwrap();
    let answer = till.payments().cancel(READER, SALE).await.unwrap();
    assert_eq!(answer.outcome, CancelOutcome::TooLate);
    assert_eq!(answer.payment.as_ref(), Some(paid.payment()));
}

#[tokio::test]
async fn a_sale_is_retrieved_by_its_reference() {
    let shop = Shop::open().await;
    let till = shop.till().await;
    let paid = till.payments().create_local(sale()).await.unwrap();
    let found = till.payments().retrieve_by_reference(SALE).await.unwrap();
    assert_eq!(found, *paid);
}

#[tokio::test]
async fn the_completed_attempt_of_a_sale_is_the_one_that_is_retrieved() {
    let shop = Shop::with(taps("declined")).await;
    let till = shop.till().await;
    let _ = till.payments().create_local(sale()).await.unwrap();
    shop.terminal().set_script(taps("approved")).await;
    let paid = till.payments().create_local(sale()).await.unwrap();
    let found = till.payments().retrieve_by_reference(SALE).await.unwrap();
    assert_eq!(found, *paid);
    let all = till.payments().attempts_at(READER, SALE).await.unwrap();
    assert_eq!(all.len(), 2);
}

#[tokio::test]
async fn a_sale_that_nobody_knows_is_not_found() {
    let shop = Shop::open().await;
    let till = shop.till().await;
    let error = till.payments().retrieve_by_reference(SALE).await;
    assert!(matches!(error, Err(Error::NotFound { .. })), "{error:?}");
}

#[tokio::test]
async fn a_terminal_that_does_not_answer_may_know_better() {
    let shop = Shop::with(taps("declined")).await;
    let till = shop
        .builder()
        .terminal("term_away", "127.0.0.1:1".parse().unwrap())
        .build()
        .unwrap();
    crate::shop::meet(&till, shop.proxy.address()).await;
    let declined = till.payments().create_local(sale()).await.unwrap();
    let error = till
        .payments()
        .retrieve_by_reference(SALE)
        .await
        .unwrap_err();
    match &error {
        Error::Unanswered { found, .. } => assert_eq!(found.as_deref(), Some(declined.payment())),
        other => panic!("{other:?}"),
    }
    assert_eq!(error.charged(), Charged::Perhaps);
}

#[tokio::test]
async fn a_wrong_value_is_refused_before_anything_is_sent() {
    let shop = Shop::open().await;
    let till = shop.till().await;
    let free = CreateLocal {
        amount: 0,
        ..sale()
    };
    let error = till.payments().create_local(free).await.unwrap_err();
    assert_eq!(
        error.what(),
        "amount is wrong: an amount is a whole number of minor units from 1 to 99999999"
    );
}

#[tokio::test]
async fn a_till_that_knows_no_terminal_knows_nothing_of_a_sale() {
    let shop = Shop::open().await;
    let till = shop.builder().build().unwrap();
    let error = till.payments().retrieve_by_reference(SALE).await;
    assert!(matches!(error, Err(Error::NoReaders)), "{error:?}");
}

#[tokio::test]
async fn a_terminal_without_a_known_address_is_not_searched_for() {
    let shop = Shop::open().await;
    let till = shop.builder().build().unwrap();
    let error = till.payments().create_local(sale()).await.unwrap_err();
    assert!(matches!(error, Error::UnknownReader { .. }), "{error:?}");
}

#[tokio::test]
async fn a_terminal_that_is_switched_off_cannot_be_reached() {
    let shop = Shop::open().await;
    let nobody = shop
        .builder()
        .terminal(READER, "127.0.0.1:1".parse().unwrap())
        .build()
        .unwrap();
    let error = nobody.payments().create_local(sale()).await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
    assert_eq!(error.charged(), Charged::No);
}

// [REC-12]
#[tokio::test]
async fn what_cannot_be_stored_is_not_sent() {
    struct Full;
    impl AttemptStore for Full {
        fn put(&self, _: &StoredAttempt) -> Result<(), StoreFailure> {
            Err("no space left on device".into())
        }
        fn remove(&self, _: &AttemptKey) -> Result<(), StoreFailure> {
            Ok(())
        }
        fn unresolved(&self) -> Result<Vec<StoredAttempt>, StoreFailure> {
            Ok(Vec::new())
        }
    }
    let shop = Shop::open().await;
    let till = shop.builder().store(Full).build().unwrap();
    crate::shop::meet(&till, shop.proxy.address()).await;
    let error = till.payments().create_local(sale()).await.unwrap_err();
    assert!(matches!(error, Error::Store { .. }), "{error:?}");
    assert_eq!(shop.attempts().await, []);
}

// [PAY-5]
#[tokio::test]
async fn a_deadline_under_120_s_is_refused() {
    let shop = Shop::open().await;
    let of = |secs| shop.builder().deadline(Duration::from_secs(secs)).build();
    assert!(of(119).is_err());
    assert!(of(120).is_ok());
}
