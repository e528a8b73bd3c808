//! The till goes down between the loss and the recovery, and comes back over the same store.

use vinr_protocol::client::attempt::Unsettled;
use vinr_sdk::{Charged, Error, PaymentResult, Resolution, Status};

use crate::proxy::Cut;
use crate::shop::{SALE, Shop, charges, never_taps, sale, taps};

// [REC-12]
#[tokio::test]
async fn a_restarted_till_lists_what_it_left_unresolved() {
    let shop = Shop::open().await;
    crash(&shop, Cut::BeforeTheBody).await;
    let till = shop.till().await;
    let unresolved = till.attempts().unresolved().await.unwrap();
    assert_eq!(unresolved.len(), 1);
    assert_eq!(unresolved[0].reference.as_str(), SALE);
    assert_eq!(unresolved[0].amount.minor_units(), 2500);
}

// [REC-12]
#[tokio::test]
async fn a_restarted_till_finds_what_was_paid() {
    let shop = Shop::open().await;
    crash(&shop, Cut::BeforeTheBody).await;
    let till = shop.till().await;
    let resolved = till.attempts().resolve().await.unwrap();
    assert!(
        matches!(
            resolved[0].resolution,
            Resolution::Result(PaymentResult::Completed(_))
        ),
        "{resolved:?}"
    );
    assert_eq!(till.attempts().unresolved().await.unwrap(), []);
}

// [REC-4, REC-12]
#[tokio::test]
async fn a_restarted_till_cancels_what_still_waits_for_a_card() {
    let shop = Shop::with(never_taps()).await;
    crash(&shop, Cut::AfterTheHead).await;
    let till = shop.till().await;
    let resolved = till.attempts().resolve().await.unwrap();
    assert!(
        matches!(
            resolved[0].resolution,
            Resolution::Result(PaymentResult::Cancelled(_))
        ),
        "{resolved:?}"
    );
}

// [REC-12, REC-20]
#[tokio::test]
async fn a_restarted_till_voids_what_never_arrived() {
    let shop = Shop::open().await;
    crash(&shop, Cut::BeforeTheRequest).await;
    let till = shop.till().await;
    let resolved = till.attempts().resolve().await.unwrap();
    assert!(
        matches!(resolved[0].resolution, Resolution::NeverCharged { .. }),
        "{resolved:?}"
    );
    assert_eq!(shop.charges().await, 0);
}

// [REC-8, REC-20]
#[tokio::test]
async fn what_was_voided_never_charges_even_if_it_arrives_after_all() {
    let shop = Shop::open().await;
    crash(&shop, Cut::BeforeTheRequest).await;
    let till = shop.till().await;
    let resolved = till.attempts().resolve().await.unwrap();
    let late = shop.late_copy(&resolved[0].attempt.key).await;
    assert_eq!(late.status, Status::Cancelled);
    assert_eq!(shop.charges().await, 0);
}

// [REC-5]
#[tokio::test]
async fn paying_the_same_sale_after_a_restart_returns_what_was_paid_before() {
    let shop = Shop::open().await;
    crash(&shop, Cut::BeforeTheBody).await;
    let till = shop.till().await;
    let paid = till.payments().create_local(sale()).await.unwrap();
    assert!(matches!(paid, PaymentResult::Completed(_)), "{paid:?}");
    assert_eq!(shop.charges().await, 1);
}

// [REC-5]
#[tokio::test]
async fn paying_another_amount_for_a_sale_that_was_paid_before_is_refused() {
    let shop = Shop::open().await;
    crash(&shop, Cut::BeforeTheBody).await;
    let till = shop.till().await;
    let mut dearer = sale();
    dearer.amount = 2501;
    let error = till.payments().create_local(dearer).await.unwrap_err();
    assert!(matches!(error, Error::AlreadyPaid { .. }), "{error:?}");
    assert_eq!(shop.charges().await, 1);
}

// [REC-4, REC-5]
#[tokio::test]
async fn paying_the_same_sale_after_a_restart_begins_anew_where_nothing_was_charged() {
    let shop = Shop::with(never_taps()).await;
    crash(&shop, Cut::AfterTheHead).await;
    shop.terminal().set_script(taps("approved")).await;
    let till = shop.till().await;
    let paid = till.payments().create_local(sale()).await.unwrap();
    assert!(matches!(paid, PaymentResult::Completed(_)), "{paid:?}");
    assert_eq!(shop.charges().await, 1);
}

// [REC-10, REC-23]
#[tokio::test]
async fn a_wiped_terminal_leaves_the_outcome_unknown_and_the_sale_unpaid_by_us() {
    let shop = Shop::open().await;
    crash(&shop, Cut::BeforeTheBody).await;
    // The same identity, another journal.
    let terminal = shop.simulator.terminal();
    terminal.reset(true).await.unwrap();
    let till = shop.till().await;
    let error = till.payments().create_local(sale()).await.unwrap_err();
    match &error {
        Error::OutcomeUnknown(unknown) => {
            assert_eq!(unknown.reference.as_str(), SALE);
            assert!(matches!(unknown.why, Unsettled::OtherJournal(_)));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(error.charged(), Charged::Perhaps);
    // It stays in the store, and the customer was charged by the terminal that was wiped, and by no other.
    assert_eq!(till.attempts().unresolved().await.unwrap().len(), 1);
    assert_eq!(charges(terminal.ledger().await), 1);
}

#[tokio::test]
async fn a_sale_with_an_unresolved_attempt_is_not_called_unpaid() {
    let shop = Shop::open().await;
    crash(&shop, Cut::BeforeTheRequest).await;
    let till = shop.till().await;
    let retrieved = till.payments().retrieve_by_reference(SALE).await;
    assert!(
        matches!(retrieved, Err(Error::Unanswered { .. })),
        "{retrieved:?}"
    );
}

// [REC-12]
#[tokio::test]
async fn a_dropped_call_is_found_by_the_next_resolve() {
    let shop = Shop::with(never_taps()).await;
    let till = shop.till().await;
    let cut = shop.proxy.cut(Cut::AfterTheHead);
    tokio::select! {
        result = till.payments().create_local(sale()) => panic!("not yet: {result:?}"),
        _ = cut => {}
    }
    shop.proxy.mend();
    assert_eq!(till.attempts().unresolved().await.unwrap().len(), 1);
    let resolved = till.attempts().resolve().await.unwrap();
    assert!(
        matches!(
            resolved[0].resolution,
            Resolution::Result(PaymentResult::Cancelled(_))
        ),
        "{resolved:?}"
    );
}

/// A till loses the answer at this moment and goes down with it.
pub(crate) async fn crash(shop: &Shop, cut: Cut) {
    let till = shop.till().await;
    let cut = shop.proxy.cut(cut);
    tokio::select! {
        result = till.payments().create_local(sale()) => panic!("not yet: {result:?}"),
        _ = cut => {}
    }
    shop.proxy.mend();
}
