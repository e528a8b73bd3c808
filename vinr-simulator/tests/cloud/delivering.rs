//! A command reaches a terminal once or never, whatever happens to the link.

use serde_json::json;
use vinr_simulator::host::Link;

use crate::shop::{A, B, SOON, Shop, on_any_port, sale, waited};

// [HYB-8]
#[tokio::test]
async fn a_command_that_cannot_be_handed_over_is_withdrawn_and_never_delivered() {
    let mut options = on_any_port();
    options.hand_over_within = SOON;
    let shop = Shop::with(options).await;
    shop.terminal(A).set_internet(Link::Cut);
    shop.stands(|it| it.linked.len() == 1).await;
    let mut api = shop.api().await;
    let said = api.pay(&waited(sale(A, "order_1")), "k1").await;
    assert_eq!(said.code(), (503, "terminal_unavailable"));
    shop.terminal(A).set_internet(Link::Up);
    shop.stands(|it| it.linked.len() == 2).await;
    assert_eq!(
        api.payments("order_1").await,
        json!({ "object": "list", "data": [], "undelivered": false })
    );
    let again = api.pay(&waited(sale(A, "order_1")), "k1").await;
    assert_eq!(
        again.code(),
        (503, "terminal_unavailable"),
        "its key is never delivered"
    );
}

#[tokio::test]
async fn who_did_not_wait_finds_a_withdrawn_command_cancelled() {
    let mut options = on_any_port();
    options.hand_over_within = SOON;
    let shop = Shop::with(options).await;
    shop.terminal(A).set_internet(Link::Cut);
    shop.stands(|it| it.linked.len() == 1).await;
    let mut api = shop.api().await;
    let said = api.pay(&sale(A, "order_1"), "k1").await;
    assert_eq!(said.body["status"], "pending");
    let payment = api
        .sees(said.body["id"].as_str().unwrap(), "cancelled")
        .await;
    assert_eq!(payment["cancelReason"], "timed_out");
}

#[tokio::test]
async fn a_command_waits_for_a_link_that_comes_in_time() {
    let shop = Shop::open().await;
    shop.terminal(A).set_internet(Link::Cut);
    shop.stands(|it| it.linked.len() == 1).await;
    let mut api = shop.api().await;
    let back = async {
        shop.terminal(A).set_internet(Link::Up);
        shop.present(A, "approved").await;
    };
    let order = waited(sale(A, "order_1"));
    let (said, ()) = tokio::join!(api.pay(&order, "k1"), back);
    assert_eq!(said.body["status"], "completed");
}

#[tokio::test]
async fn a_cloud_that_restarts_in_between_learns_the_outcome_from_the_terminal() {
    let mut shop = Shop::open().await;
    let mut api = shop.api().await;
    let said = api.pay(&sale(A, "order_1"), "k1").await;
    shop.sees(A, "amount").await;
    shop.restart_cloud().await;
    shop.stands(|it| it.linked.len() == 2).await;
    shop.present(A, "approved").await;
    let mut api = shop.api().await;
    api.sees(said.body["id"].as_str().unwrap(), "completed")
        .await;
    assert_eq!(shop.charges("order_1").await, 1);
}

#[tokio::test]
async fn a_terminal_that_lost_its_power_tells_the_cloud_of_it() {
    let shop = Shop::open().await;
    let mut api = shop.api().await;
    let said = api.pay(&sale(B, "order_1"), "k1").await;
    shop.sees(B, "amount").await;
    shop.terminal(B)
        .power_cycle(std::time::Duration::ZERO)
        .await
        .unwrap();
    let payment = api
        .sees(said.body["id"].as_str().unwrap(), "cancelled")
        .await;
    assert_eq!(payment["cancelReason"], "power_loss");
}
