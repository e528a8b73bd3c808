//! A merchant's server reads what the cloud sends it.

mod receiver;

use std::time::Duration;

use vinr_sdk::webhooks::{
    EventType, WebhookError, WebhookSecret, construct_event, construct_event_at,
};
use vinr_sdk::{CreateLocal, PaymentResult, Status};

use crate::support::{A, Shop};
use receiver::{Hook, Receiver};

#[path = "../../examples/webhook_server.rs"]
#[expect(dead_code, reason = "its main is not run here")]
mod example;

// [EVT-1, EVT-3]
#[tokio::test]
async fn a_payment_at_the_counter_is_an_event_at_the_server() {
    let (shop, receiver, secret) = open().await;
    let paid = pay(&shop, "order_8821").await;
    let event = loop {
        let hook = receiver.next().await;
        let event = construct_event(&hook.body, &hook.signature, &secret).unwrap();
        if event.kind == EventType::Completed {
            break event;
        }
    };
    assert_eq!(event.data.object, *paid, "the payment as the till got it");
    assert_eq!(event.data.object.status, Status::Completed);
}

// [EVT-3]
#[tokio::test]
async fn a_webhook_that_was_changed_on_its_way_is_refused() {
    let (_, hook, secret) = one().await;
    let changed = String::from_utf8(hook.body)
        .unwrap()
        .replace("2500", "2501");
    let refused = construct_event(changed, &hook.signature, &secret);
    assert_eq!(refused, Err(WebhookError::NotSigned));
}

// [EVT-3]
#[tokio::test]
async fn another_servers_secret_is_not_ours() {
    let (_, hook, _) = one().await;
    let other = WebhookSecret::new("whsec_0123456789abcdef").unwrap();
    let refused = construct_event(&hook.body, &hook.signature, &other);
    assert_eq!(refused, Err(WebhookError::NotSigned));
}

// [EVT-3]
#[tokio::test]
async fn a_webhook_without_a_signature_is_refused() {
    let (_, hook, secret) = one().await;
    let refused = construct_event(&hook.body, "", &secret);
    assert_eq!(refused, Err(WebhookError::Malformed));
}

// [EVT-3]
#[tokio::test]
async fn a_webhook_counts_for_300_s_and_no_second_longer() {
    let (_, hook, secret) = one().await;
    let time = hook
        .signature
        .split(',')
        .find_map(|it| it.strip_prefix("t="));
    let sent: i64 = time.unwrap().parse().unwrap();
    let at = |now| construct_event_at(&hook.body, &hook.signature, &secret, now);
    assert!(at(sent + 300).is_ok() && at(sent - 300).is_ok());
    assert_eq!(at(sent + 301), Err(WebhookError::NotNow));
    assert_eq!(at(sent - 301), Err(WebhookError::NotNow));
    assert_eq!(at(-1), Err(WebhookError::NotNow));
}

// [EVT-4]
#[tokio::test]
async fn while_a_secret_rotates_either_verifies_and_a_day_later_only_the_new_one() {
    let shop = Shop::open().await;
    let receiver = Receiver::start().await;
    let cloud = shop.cloud();
    let endpoint = cloud.register_webhook(&receiver.url()).await.unwrap();
    let rotated = cloud.rotate_webhook_secret(&endpoint.id).await.unwrap();
    let _ = pay(&shop, "order_1").await;
    let hook = receiver.next().await;
    let (old, new) = (endpoint.secret, rotated.secret);
    for secret in [&old, &new] {
        assert!(construct_event(&hook.body, &hook.signature, secret).is_ok());
    }
    shop.sandbox().advance(Duration::from_secs(24 * 3600));
    let _ = pay(&shop, "order_2").await;
    let hook = receiver.about("order_2").await;
    let read = |secret| construct_event(&hook.body, &hook.signature, secret).is_ok();
    assert!(!read(&old) && read(&new));
}

#[tokio::test]
async fn the_example_serves_a_payments_events() {
    example::run().await.unwrap();
}

async fn open() -> (Shop, Receiver, WebhookSecret) {
    let shop = Shop::open().await;
    let receiver = Receiver::start().await;
    let endpoint = shop.cloud().register_webhook(&receiver.url()).await;
    (shop, receiver, endpoint.unwrap().secret)
}

/// One webhook, about a payment of 25.00.
async fn one() -> (Shop, Hook, WebhookSecret) {
    let (shop, receiver, secret) = open().await;
    let _ = pay(&shop, "order_8821").await;
    let hook = receiver.next().await;
    (shop, hook, secret)
}

async fn pay(shop: &Shop, reference: &str) -> PaymentResult {
    let till = shop.builder().build().unwrap();
    let sale = CreateLocal {
        reader_id: A,
        amount: 2500,
        currency: "USD",
        reference,
        ..CreateLocal::default()
    };
    till.payments().create_local(sale).await.unwrap()
}
