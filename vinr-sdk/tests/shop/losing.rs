//! The answer is lost at each moment at which it can be.

use std::time::Duration;

use vinr_sdk::{CancelOutcome, Charged, Error, FurtherAttempt, PaymentResult, Status};
use vinr_simulator::host::Behaviour;
use vinr_simulator::screen::Picture;

use crate::proxy::Cut;
use crate::shop::{READER, SALE, Shop, meet, never_taps, sale, taps};

// [REC-1, REC-17, REC-20]
#[tokio::test]
async fn a_request_that_never_arrived_is_cancelled_and_sent_once_more() {
    let (shop, paid) = lost_and_paid(Cut::BeforeTheRequest).await;
    assert!(matches!(paid, PaymentResult::Completed(_)), "{paid:?}");
    assert_eq!(shop.charges().await, 1);
}

// [REC-1, REC-3]
#[tokio::test]
async fn a_payment_whose_head_was_lost_is_found_completed() {
    let (shop, paid) = lost_and_paid(Cut::BeforeTheHead).await;
    assert!(matches!(paid, PaymentResult::Completed(_)), "{paid:?}");
    assert_eq!(shop.charges().await, 1);
}

// [REC-1, REC-3]
#[tokio::test]
async fn a_payment_whose_body_was_lost_is_found_completed() {
    let (shop, paid) = lost_and_paid(Cut::BeforeTheBody).await;
    assert!(matches!(paid, PaymentResult::Completed(_)), "{paid:?}");
    assert_eq!(shop.attempts().await, [Status::Completed]);
}

// [REC-5]
#[tokio::test]
async fn half_a_body_is_a_lost_answer() {
    let (shop, paid) = lost_and_paid(Cut::MidBody).await;
    assert!(matches!(paid, PaymentResult::Completed(_)), "{paid:?}");
    assert_eq!(shop.attempts().await, [Status::Completed]);
}

// [REC-3]
#[tokio::test]
async fn a_decline_whose_body_was_lost_is_found_declined() {
    let shop = Shop::with(taps("declined")).await;
    let till = shop.till().await;
    let cut = shop.proxy.cut(Cut::BeforeTheBody);
    let pay = tokio::spawn(async move { till.payments().create_local(sale()).await });
    cut.await.unwrap();
    shop.proxy.mend();
    let payment = pay.await.unwrap().unwrap();
    assert!(matches!(payment, PaymentResult::Failed(_)), "{payment:?}");
    assert_eq!(shop.attempts().await, [Status::Failed]);
}

// [REC-4, REC-17]
#[tokio::test]
async fn a_payment_still_waiting_for_a_card_is_cancelled_and_asked_for_once_more() {
    let shop = Shop::with(never_taps()).await;
    let till = shop.till().await;
    let cut = shop.proxy.cut(Cut::AfterTheHead);
    let pay = tokio::spawn(async move { till.payments().create_local(sale()).await });
    cut.await.unwrap();
    shop.terminal().set_script(taps("approved")).await;
    shop.proxy.mend();
    let paid = pay.await.unwrap().unwrap();
    assert!(matches!(paid, PaymentResult::Completed(_)), "{paid:?}");
    assert_eq!(
        shop.attempts().await,
        [Status::Completed, Status::Cancelled]
    );
    assert_eq!(shop.charges().await, 1);
}

#[tokio::test]
async fn without_a_further_attempt_a_waiting_payment_ends_cancelled() {
    let shop = Shop::with(never_taps()).await;
    let till = careful_till(&shop).await;
    let cut = shop.proxy.cut(Cut::AfterTheHead);
    let pay = tokio::spawn(async move { till.payments().create_local(sale()).await });
    cut.await.unwrap();
    shop.proxy.mend();
    let payment = pay.await.unwrap().unwrap();
    assert!(
        matches!(payment, PaymentResult::Cancelled(_)),
        "{payment:?}"
    );
    assert_eq!(shop.attempts().await, [Status::Cancelled]);
}

// [REC-20]
#[tokio::test]
async fn without_a_further_attempt_a_request_that_never_arrived_is_voided() {
    let shop = Shop::open().await;
    let till = careful_till(&shop).await;
    let cut = shop.proxy.cut(Cut::BeforeTheRequest);
    let pay = tokio::spawn(async move { till.payments().create_local(sale()).await });
    cut.await.unwrap();
    shop.proxy.mend();
    let error = pay.await.unwrap().unwrap_err();
    assert!(matches!(error, Error::Voided { .. }), "{error:?}");
    assert_eq!(error.charged(), Charged::No);
    assert_eq!(shop.charges().await, 0);
}

// [TLS-4]
#[tokio::test]
async fn a_warm_connection_that_died_idle_costs_nothing() {
    let shop = Shop::open().await;
    let till = shop.till().await;
    shop.terminal()
        .power_cycle(std::time::Duration::ZERO)
        .await
        .unwrap();
    let paid = till.payments().create_local(sale()).await.unwrap();
    assert!(matches!(paid, PaymentResult::Completed(_)), "{paid:?}");
    assert_eq!(shop.attempts().await, [Status::Completed]);
}

#[tokio::test]
async fn a_connection_that_died_silently_while_idle_costs_nothing() {
    let shop = Shop::open().await;
    let till = shop.till().await;
    shop.proxy.silence();
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(11)).await;
    tokio::time::resume();
    let paid = till.payments().create_local(sale()).await.unwrap();
    assert!(matches!(paid, PaymentResult::Completed(_)), "{paid:?}");
    assert_eq!(shop.attempts().await, [Status::Completed]);
}

#[tokio::test]
async fn a_power_cut_while_it_waits_for_a_card_ends_the_payment_without_a_charge() {
    let shop = Shop::with(never_taps()).await;
    let till = shop.till().await;
    let cut = shop.proxy.cut(Cut::AfterTheHead);
    let pay = tokio::spawn(async move { till.payments().create_local(sale()).await });
    cut.await.unwrap();
    shop.terminal()
        .power_cycle(std::time::Duration::ZERO)
        .await
        .unwrap();
    shop.proxy.mend();
    let payment = pay.await.unwrap().unwrap();
    assert!(
        matches!(payment, PaymentResult::Cancelled(_)),
        "{payment:?}"
    );
    assert_eq!(shop.charges().await, 0);
}

#[tokio::test]
async fn a_payment_in_flight_at_the_host_is_asked_about_until_it_ends() {
    let shop = Shop::open().await;
    shop.terminal().set_host(Behaviour {
        delay: Duration::from_millis(500),
        ..Behaviour::default()
    });
    let till = shop.till().await;
    let cut = shop.proxy.cut(Cut::AfterTheHead);
    let pay = tokio::spawn(async move { till.payments().create_local(sale()).await });
    cut.await.unwrap();
    shop.shows(Picture::Authorizing).await;
    shop.proxy.mend();
    let paid = pay.await.unwrap().unwrap();
    assert!(matches!(paid, PaymentResult::Completed(_)), "{paid:?}");
    assert_eq!(shop.attempts().await, [Status::Completed]);
}

#[tokio::test]
async fn a_sale_that_was_given_up_is_not_tried_again() {
    let shop = Shop::with(never_taps()).await;
    let till = shop.till().await;
    let same = till.clone();
    let cut = shop.proxy.cut(Cut::AfterTheHead);
    let pay = tokio::spawn(async move { same.payments().create_local(sale()).await });
    cut.await.unwrap();
    // A further attempt would be paid.
    shop.terminal().set_script(taps("approved")).await;
    let mut cancel = std::pin::pin!(till.payments().cancel(READER, SALE));
    assert!(futures_util::poll!(&mut cancel).is_pending());
    shop.proxy.mend();
    assert_eq!(cancel.await.unwrap().outcome, CancelOutcome::Cancelled);
    let payment = pay.await.unwrap().unwrap();
    assert!(
        matches!(payment, PaymentResult::Cancelled(_)),
        "{payment:?}"
    );
    assert_eq!(shop.attempts().await, [Status::Cancelled]);
}

// [REC-8]
#[tokio::test]
async fn a_sale_of_which_nothing_arrived_can_be_given_up_for_good() {
    let shop = Shop::open().await;
    crate::restarting::crash(&shop, Cut::BeforeTheRequest).await;
    let till = shop.till().await;
    // With the key of the lost attempt, so that not even a late copy of it charges.
    let answer = till.payments().cancel(READER, SALE).await.unwrap();
    assert_eq!(answer.outcome, CancelOutcome::Cancelled);
    let key = till.attempts().unresolved().await.unwrap()[0].key.clone();
    let late = shop.late_copy(&key).await;
    assert_eq!(late.status, Status::Cancelled);
}

/// Loses the answer once and pays.
async fn lost_and_paid(cut: Cut) -> (Shop, PaymentResult) {
    let shop = Shop::open().await;
    let till = shop.till().await;
    let cut = shop.proxy.cut(cut);
    let pay = tokio::spawn(async move { till.payments().create_local(sale()).await });
    cut.await.unwrap();
    shop.proxy.mend();
    let paid = pay.await.unwrap().unwrap();
    (shop, paid)
}

async fn careful_till(shop: &Shop) -> vinr_sdk::Vinr {
    let builder = shop.builder().further_attempt(FurtherAttempt::Never);
    let till = builder.build().unwrap();
    meet(&till, shop.proxy.address()).await;
    till
}
