//! Payments, waited for and not, by terminal and by group.

use serde_json::json;

use crate::shop::{A, B, Shop, sale, waited};

#[tokio::test]
async fn who_waits_gets_the_outcome() {
    let shop = Shop::open().await;
    let mut api = shop.api().await;
    let order = waited(sale(A, "order_1"));
    let (said, ()) = tokio::join!(api.pay(&order, "k1"), shop.present(A, "approved"));
    assert_eq!(said.status, 200, "{said:?}");
    assert_eq!(said.body["status"], "completed");
    assert_eq!(said.body["attemptKey"], "k1");
    assert_eq!(shop.charges("order_1").await, 1);
}

// [HYB-3]
#[tokio::test]
async fn a_payment_through_the_cloud_says_so() {
    let shop = Shop::open().await;
    let mut api = shop.api().await;
    let order = waited(sale(A, "order_1"));
    let (said, ()) = tokio::join!(api.pay(&order, "k1"), shop.present(A, "approved"));
    assert_eq!(said.body["metadata"]["connectionMode"], "cloud");
}

#[tokio::test]
async fn who_does_not_wait_gets_pending_and_looks_the_outcome_up_by_the_same_id() {
    let shop = Shop::open().await;
    let mut api = shop.api().await;
    let said = api.pay(&sale(A, "order_1"), "k1").await;
    assert_eq!(
        (said.status.as_u16(), &said.body["status"]),
        (200, &json!("pending"))
    );
    let id = said.body["id"].as_str().unwrap().to_owned();
    shop.present(A, "approved").await;
    let payment = api.sees(&id, "completed").await;
    assert_eq!(
        payment["id"],
        id.as_str(),
        "the terminal's payment has the id of the command"
    );
    assert_eq!(payment["last4"], "4242");
}

#[tokio::test]
async fn a_card_that_is_declined_is_a_failed_payment_and_no_error() {
    let shop = Shop::open().await;
    let mut api = shop.api().await;
    let order = waited(sale(A, "order_1"));
    let (said, ()) = tokio::join!(api.pay(&order, "k1"), shop.present(A, "insufficient_funds"));
    assert_eq!(
        (said.status.as_u16(), &said.body["status"]),
        (200, &json!("failed"))
    );
    assert_eq!(said.body["declineCode"], "insufficient_funds");
}

// [GRP-1]
#[tokio::test]
async fn a_group_takes_its_first_free_member() {
    let shop = Shop::open().await;
    let (mut one, mut two) = (shop.api().await, shop.api().await);
    one.pay(&sale(A, "order_1"), "k1").await;
    shop.sees(A, "amount").await;
    let group = waited(
        json!({ "terminalGroup": [A, B], "amount": 900, "currency": "USD", "reference": "order_2" }),
    );
    let (said, ()) = tokio::join!(two.pay(&group, "k2"), shop.present(B, "approved"));
    assert_eq!(said.body["terminalId"], B, "{said:?}");
    assert_eq!(said.body["status"], "completed");
}

// [GRP-2]
#[tokio::test]
async fn a_group_of_busy_terminals_takes_whichever_frees_first() {
    let shop = Shop::open().await;
    let (mut one, mut two) = (shop.api().await, shop.api().await);
    one.pay(&sale(A, "order_1"), "k1").await;
    one.pay(&sale(B, "order_2"), "k2").await;
    shop.sees(A, "amount").await;
    shop.sees(B, "amount").await;
    let group = waited(
        json!({ "terminalGroup": [A, B], "amount": 900, "currency": "USD", "reference": "order_3" }),
    );
    let frees = async {
        shop.present(B, "approved").await;
        shop.present(B, "approved").await;
    };
    let (said, ()) = tokio::join!(two.pay(&group, "k3"), frees);
    assert_eq!(
        (&said.body["terminalId"], &said.body["status"]),
        (&json!(B), &json!("completed"))
    );
}

// [PAY-11]
#[tokio::test]
async fn the_same_key_again_is_the_same_payment() {
    let shop = Shop::open().await;
    let (mut one, mut two) = (shop.api().await, shop.api().await);
    let order = waited(sale(A, "order_1"));
    let (first, second, ()) = tokio::join!(
        one.pay(&order, "k1"),
        two.pay(&order, "k1"),
        shop.present(A, "approved")
    );
    assert_eq!(first.body, second.body);
    assert_eq!(
        one.pay(&order, "k1").await.body,
        first.body,
        "and a replay afterwards"
    );
    assert_eq!(shop.charges("order_1").await, 1);
}

#[tokio::test]
async fn a_look_up_by_reference_lists_the_attempts_and_whether_one_is_undelivered() {
    let shop = Shop::open().await;
    let mut api = shop.api().await;
    assert_eq!(api.payments("order_1").await["undelivered"], false);
    let order = waited(sale(A, "order_1"));
    let (_, ()) = tokio::join!(api.pay(&order, "k1"), shop.present(A, "declined"));
    let (_, ()) = tokio::join!(api.pay(&order, "k2"), shop.present(A, "approved"));
    let list = api.payments("order_1").await;
    let statuses: Vec<_> = list["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["status"].clone())
        .collect();
    assert_eq!(statuses, ["completed", "failed"], "newest first");
    assert_eq!(list["undelivered"], false);
}

// [REC-11]
#[tokio::test]
async fn a_cancel_is_the_terminals_own_word() {
    let shop = Shop::open().await;
    let mut api = shop.api().await;
    let said = api.pay(&sale(A, "order_1"), "k1").await;
    let id = said.body["id"].as_str().unwrap().to_owned();
    shop.sees(A, "amount").await;
    let word = api.cancel(&id).await;
    assert_eq!(word.body["outcome"], "cancelled", "{word:?}");
    assert_eq!(word.body["payment"]["cancelReason"], "requested");
    assert_eq!(
        word.body["journalId"]
            .as_str()
            .map(|it| it.starts_with("jrn_")),
        Some(true)
    );
    api.sees(&id, "cancelled").await;
}

#[tokio::test]
async fn a_cancel_of_a_completed_payment_is_too_late() {
    let shop = Shop::open().await;
    let mut api = shop.api().await;
    let order = waited(sale(A, "order_1"));
    let (said, ()) = tokio::join!(api.pay(&order, "k1"), shop.present(A, "approved"));
    let word = api.cancel(said.body["id"].as_str().unwrap()).await;
    assert_eq!(word.body["outcome"], "too_late");
}

// [HYB-5]
#[tokio::test]
async fn a_command_with_the_key_of_a_local_attempt_joins_it() {
    let shop = Shop::open().await;
    let (mut till, mut api) = (shop.till(A).await, shop.api().await);
    let order = waited(sale(A, "order_1"));
    let local = till.pay(A, "order_1");
    let through_the_cloud = async {
        shop.sees(A, "amount").await;
        tokio::join!(
            api.pay(&order, "term_a/order_1"),
            shop.present(A, "approved")
        )
        .0
    };
    let (local, said) = tokio::join!(local, through_the_cloud);
    assert_eq!(said.body, local, "both paths get its one outcome");
    assert_eq!(local["metadata"]["connectionMode"], "local");
    assert_eq!(shop.charges("order_1").await, 1);
}

// [REC-9]
#[tokio::test]
async fn one_ledger_guards_a_sale_across_terminals() {
    let shop = Shop::open().await;
    let (mut one, mut two) = (shop.till(A).await, shop.till(B).await);
    // Both over the LAN: neither terminal knows of the other's attempt, and the cloud is told of them afterwards.
    let (first, second, ()) = tokio::join!(one.pay(A, "order_1"), two.pay(B, "order_1"), async {
        shop.sees(A, "amount").await;
        shop.sees(B, "amount").await;
        shop.present(A, "approved").await;
        shop.sees(A, "approved").await;
        shop.present(B, "approved").await;
    });
    assert_eq!(
        (&first["status"], &second["status"]),
        (&json!("completed"), &json!("failed"))
    );
    assert_eq!(second["declineCode"], "processing_error");
    assert_eq!(shop.charges("order_1").await, 1);
}
