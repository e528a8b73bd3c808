//! Lines that are open before anybody pays, and the copy of a command whose head is late.

use std::time::Duration;

use vinr_sdk::{CreateLocal, Hedging, PaymentResult, Status, Vinr};

use crate::shop::{READER, Shop, meet, sale};

/// A till with two lines to its terminal.
async fn warm_till(shop: &Shop) -> Vinr {
    // Not so soon that a slow machine sends copies of its own accord.
    let late = Hedging::After(Duration::from_secs(2));
    let till = shop.fast_builder().hedging(late).build().unwrap();
    meet(&till, shop.proxy.address()).await;
    is_warm(&till).await;
    till
}

async fn is_warm(till: &Vinr) {
    while till.readers().open_lines(READER) < 2 {
        tokio::task::yield_now().await;
    }
}

// [LAT-2]
#[tokio::test]
async fn a_terminal_that_was_met_gets_a_second_line_and_no_third() {
    let shop = Shop::open().await;
    let till = warm_till(&shop).await;
    let paid = till.payments().create_local(sale()).await.unwrap();
    assert!(matches!(paid, PaymentResult::Completed(_)), "{paid:?}");
    assert_eq!(shop.proxy.accepted(), 2);
    assert_eq!(till.readers().open_lines(READER), 2);
}

#[tokio::test]
async fn a_terminal_that_the_builder_names_has_lines_before_the_first_payment() {
    let shop = Shop::open().await;
    let builder = shop.fast_builder().terminal(READER, shop.proxy.address());
    let till = builder.build().unwrap();
    is_warm(&till).await;
}

#[tokio::test]
async fn lines_that_the_terminal_closed_are_opened_again() {
    let shop = Shop::open().await;
    let till = warm_till(&shop).await;
    shop.terminal().power_cycle(Duration::ZERO).await.unwrap();
    while shop.proxy.accepted() < 4 {
        tokio::task::yield_now().await;
    }
    is_warm(&till).await;
}

#[tokio::test]
async fn lines_of_a_till_that_is_dropped_are_closed() {
    let shop = Shop::open().await;
    drop(warm_till(&shop).await);
    shop.proxy.is_left().await;
}

// [PAY-12]
#[tokio::test]
async fn a_command_that_is_swallowed_is_answered_on_the_other_line_as_one_attempt() {
    let shop = Shop::open().await;
    let till = warm_till(&shop).await;
    // The line that was opened last is the one that is paid on.
    shop.proxy.silence_one(2);
    let paid = till.payments().create_local(sale()).await.unwrap();
    assert!(matches!(paid, PaymentResult::Completed(_)), "{paid:?}");
    let counters = till.counters();
    assert_eq!((counters.hedges_sent, counters.hedges_won), (1, 1));
    assert_eq!(counters.activation.count(), 1);
    assert_eq!(shop.attempts().await, [Status::Completed]);
    assert_eq!(shop.charges().await, 1);
}

// Else the twelfth comes after a minute, and a till that lost a packet now and then has no second line for days.
#[tokio::test]
async fn a_line_that_is_lost_after_each_payment_is_opened_again_without_a_pause() {
    let shop = Shop::open().await;
    let late = Hedging::After(Duration::from_millis(20));
    let till = shop.fast_builder().hedging(late).build().unwrap();
    meet(&till, shop.proxy.address()).await;
    for number in 0..12 {
        let warm = tokio::time::timeout(Duration::from_secs(20), is_warm(&till));
        assert!(warm.await.is_ok(), "before payment {number}");
        shop.proxy.silence_next();
        let reference = format!("order_{number}");
        let sale = CreateLocal {
            reference: &reference,
            ..sale()
        };
        let paid = till.payments().create_local(sale).await.unwrap();
        assert!(matches!(paid, PaymentResult::Completed(_)), "{paid:?}");
    }
    assert_eq!(till.counters().hedges_won, 12);
}

#[tokio::test]
async fn a_command_that_every_open_line_swallows_is_answered_on_a_new_one_as_one_attempt() {
    let shop = Shop::open().await;
    let till = warm_till(&shop).await;
    shop.proxy.silence();
    let paid = till.payments().create_local(sale()).await.unwrap();
    assert!(matches!(paid, PaymentResult::Completed(_)), "{paid:?}");
    let counters = till.counters();
    assert_eq!((counters.hedges_sent, counters.hedges_won), (2, 1));
    assert_eq!(shop.attempts().await, [Status::Completed]);
    assert_eq!(shop.charges().await, 1);
}

// [REC-23] The terminal was swapped, and an open line still leads to the old device.
#[tokio::test]
async fn no_copy_goes_to_another_device_than_the_record_is_about() {
    let (old, new) = (Shop::open().await, Shop::open().await);
    // The old one takes one connection of this till, and answers no further one.
    old.proxy.silence_one(2);
    let late = Hedging::After(Duration::from_millis(50));
    let till = old.fast_builder().hedging(late).build().unwrap();
    meet(&till, old.proxy.address()).await;
    meet(&till, new.proxy.address()).await;
    // The line that was kept last is paid on, and swallows the command.
    new.proxy.silence_one(1);
    let paid = till.payments().create_local(sale()).await.unwrap();
    assert!(matches!(paid, PaymentResult::Completed(_)), "{paid:?}");
    assert_eq!((old.charges().await, new.charges().await), (0, 1));
}

#[tokio::test]
async fn a_head_in_time_sends_no_copy() {
    let shop = Shop::open().await;
    let till = warm_till(&shop).await;
    let _ = till.payments().create_local(sale()).await.unwrap();
    assert_eq!(till.counters().hedges_sent, 0);
}
