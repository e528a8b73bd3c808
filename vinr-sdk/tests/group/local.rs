//! Over the LAN: the first idle one, and the next where one is busy or dead.

use std::time::Duration;

use tokio::time::timeout;
use vinr_sdk::{At, Charged, Create, Error, Hedging, Lines, PaymentResult};
use vinr_simulator::screen::Picture;

use super::{occupy, pays, sale};
use crate::support::{A, B, C, Shop, State, never_taps, passes};

// [GRP-1, GRP-3]
#[tokio::test]
async fn the_first_idle_one_in_the_given_order_takes_the_sale_and_the_payment_says_which() {
    let shop = Shop::open().await;
    let till = shop.builder().build().unwrap();
    let paid = till.payments().create(sale("order_1")).await.unwrap();
    assert_eq!(paid.terminal_id.as_str(), A);
    let backwards = Create {
        at: At::Group(&[C, B, A]),
        ..sale("order_2")
    };
    let paid = till.payments().create(backwards).await.unwrap();
    assert_eq!(paid.terminal_id.as_str(), C);
    assert_eq!(shop.internet.connections(), 0);
}

// [GRP-1, GRP-5]
#[tokio::test]
async fn a_busy_one_is_passed_over() {
    let shop = Shop::with(never_taps()).await;
    let held = occupy(&shop, A).await;
    let till = shop.builder().build().unwrap();
    let pays = pays(till, "order_1".into(), None);
    let (paid, ()) = tokio::join!(pays, shop.present(B, "approved"));
    assert_eq!(paid.unwrap().terminal_id.as_str(), B);
    assert_eq!(shop.charges("order_1").await, 1);
    held.abort();
}

// [GRP-4]
#[tokio::test]
async fn one_that_is_switched_off_is_passed_over() {
    let shop = Shop::open().await;
    shop.terminal(A).set_power(false).await.unwrap();
    let till = shop.builder().build().unwrap();
    let paid = till.payments().create(sale("order_1")).await.unwrap();
    assert_eq!(paid.terminal_id.as_str(), B);
    assert_eq!(till.attempts().unresolved().await.unwrap(), []);
}

/// Longer than a terminal is taken to be there without a question.
const A_WHILE: Duration = Duration::from_secs(11);

// [GRP-4]
#[tokio::test]
async fn one_whose_idle_line_died_without_a_word_is_passed_over() {
    let shop = Shop::open().await;
    let till = shop.builder().hedging(Hedging::default()).build().unwrap();
    crate::hybrid::meet(&till, shop.cable(A)).await;
    shop.cable(A).is(State::Off);
    passes(A_WHILE).await;
    let pays = till.payments().create(sale("order_1"));
    let paid = timeout(Duration::from_secs(30), pays).await.unwrap();
    assert_eq!(paid.unwrap().terminal_id.as_str(), B);
    assert_eq!(till.attempts().unresolved().await.unwrap(), []);
}

#[tokio::test]
async fn the_only_one_whose_only_idle_line_died_without_a_word_is_unreachable() {
    let shop = Shop::open().await;
    let till = shop.builder().hedging(Hedging::default()).build().unwrap();
    crate::hybrid::meet(&till, shop.cable(A)).await;
    shop.cable(A).is(State::Off);
    passes(A_WHILE).await;
    let one = Create {
        at: At::Terminal(A),
        ..sale("order_1")
    };
    let pays = till.payments().create(one);
    let error = timeout(Duration::from_secs(30), pays).await.unwrap();
    let error = error.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
    assert_eq!(till.attempts().unresolved().await.unwrap(), []);
}

// [GRP-1]
#[tokio::test]
async fn one_that_was_gone_for_a_moment_is_first_again_once_a_line_to_it_is_open() {
    let shop = Shop::open().await;
    shop.cable(A).is(State::Broken);
    let lines = Lines::default().per_terminal(1);
    let till = shop.builder().lines(lines).build().unwrap();
    let paid = till.payments().create(sale("order_1")).await.unwrap();
    assert_eq!(paid.terminal_id.as_str(), B);
    shop.cable(A).is(State::Whole);
    while till.readers().open_lines(A) == 0 {
        tokio::task::yield_now().await;
    }
    let paid = till.payments().create(sale("order_2")).await.unwrap();
    assert_eq!(paid.terminal_id.as_str(), A);
}

// [GRP-1, GRP-4]
#[tokio::test]
async fn with_one_busy_and_one_dead_the_third_takes_it() {
    let shop = Shop::with(never_taps()).await;
    let held = occupy(&shop, A).await;
    shop.cable(B).is(State::Broken);
    let till = shop.builder().build().unwrap();
    let pays = pays(till, "order_1".into(), None);
    let (paid, ()) = tokio::join!(pays, shop.present(C, "approved"));
    assert_eq!(paid.unwrap().terminal_id.as_str(), C);
    held.abort();
}

#[tokio::test]
async fn with_all_dead_the_error_names_each_and_nobody_was_charged() {
    let shop = Shop::open().await;
    for cable in &shop.lan {
        cable.is(State::Broken);
    }
    let till = shop.builder().build().unwrap();
    let error = till.payments().create(sale("order_1")).await.unwrap_err();
    match &error {
        Error::NoneReachable { unreachable } => assert_eq!(unreachable.len(), 3),
        other => panic!("{other:?}"),
    }
    assert_eq!(error.charged(), Charged::No);
    assert_eq!(till.attempts().unresolved().await.unwrap(), []);
}

// [HYB-6, TLS-9]
#[tokio::test]
async fn a_member_that_is_somebody_else_is_an_error_and_no_other_is_tried() {
    let shop = Shop::open().await;
    let till = shop
        .builder_without_terminals()
        .terminal(A, shop.cable(C).address())
        .terminal(B, shop.cable(B).address())
        .build()
        .unwrap();
    let two = Create {
        at: At::Group(&[A, B]),
        ..sale("order_1")
    };
    let error = till.payments().create(two).await.unwrap_err();
    assert!(matches!(error, Error::Identity { .. }), "{error:?}");
    assert_eq!(shop.charges("order_1").await, 0);
}

// [GRP-4, REC-4]
#[tokio::test]
async fn one_that_dies_with_the_sale_on_its_screen_keeps_it_until_it_is_known_what_became_of_it() {
    let shop = Shop::with(never_taps()).await;
    let till = shop.builder().build().unwrap();
    let dies = async {
        shop.shows(A, Picture::PresentCard).await;
        shop.terminal(A)
            .power_cycle(std::time::Duration::ZERO)
            .await
            .unwrap();
    };
    let (result, ()) = tokio::join!(till.payments().create(sale("order_1")), dies);
    // The power cut ended it there, and that is the end of this sale: the caller decides whether to try again.
    assert!(
        matches!(result, Ok(PaymentResult::Cancelled(_))),
        "{result:?}"
    );
    for other in [B, C] {
        assert_ne!(shop.terminal(other).screen().screen, Picture::PresentCard);
    }
}

// [REC-4]
#[tokio::test]
async fn a_call_that_is_dropped_gives_up_what_still_waits_for_a_card() {
    let shop = Shop::with(never_taps()).await;
    let till = shop.builder().build().unwrap();
    tokio::select! {
        result = till.payments().create(sale("order_1")) => panic!("{result:?}"),
        () = shop.shows(A, Picture::PresentCard) => {}
    }
    while shop.terminal(A).screen().screen == Picture::PresentCard {
        tokio::task::yield_now().await;
    }
    while !till.attempts().unresolved().await.unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    let attempts = till.payments().attempts_at(A, "order_1").await.unwrap();
    assert_eq!(attempts[0].status, vinr_sdk::Status::Cancelled);
}

#[tokio::test]
async fn a_group_of_one_is_lawful() {
    let shop = Shop::open().await;
    let till = shop.builder().build().unwrap();
    let one = Create {
        at: At::Group(&[B]),
        ..sale("order_1")
    };
    let paid = till.payments().create(one).await.unwrap();
    assert_eq!(paid.terminal_id.as_str(), B);
}
