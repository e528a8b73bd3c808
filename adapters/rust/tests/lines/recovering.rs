//! A till that goes down with a payment open, and comes back.

use serde_json::json;

use crate::adapter::{Adapter, Which};
use crate::shop::{Shop, sale};

/// Those that keep what is open.
const DURABLE: [Which; 4] = [Which::Rust, Which::Ruby, Which::Go, Which::Till];

// [REC-12]
#[tokio::test]
async fn a_restarted_till_knows_what_is_open_and_settles_it() {
    for which in DURABLE {
        let shop = Shop::by_hand().await;
        let Some(mut adapter) = Adapter::start(which) else {
            continue;
        };
        adapter.ask(shop.configure()).await;
        adapter.send(sale("order_1")).await;
        shop.asks_for_the_card().await;
        adapter.kill().await;

        let mut adapter = Adapter::start(which).expect("it started before");
        let answer = adapter.ask(shop.configure()).await;
        assert_eq!(answer["ok"]["unresolved"], json!(["order_1"]), "{which:?}");
        let settled = adapter.ask(json!({ "op": "resolve" })).await;
        let status = &settled["ok"]["order_1"]["status"];
        assert_eq!(
            status, "cancelled",
            "{which:?}, where nobody had tapped: {settled}"
        );
        assert_eq!(adapter.finish().await, Some(0), "{which:?}");

        // It is configured once in a process.
        let mut adapter = Adapter::start(which).expect("it started before");
        let answer = adapter.ask(shop.configure()).await;
        assert_eq!(answer["ok"]["unresolved"], json!([]), "{which:?}");
    }
}

// [REC-5]
#[tokio::test]
async fn a_sale_that_was_paid_while_the_till_was_down_is_not_paid_again() {
    for which in DURABLE {
        let shop = Shop::by_hand().await;
        let Some(mut adapter) = Adapter::start(which) else {
            continue;
        };
        adapter.ask(shop.configure()).await;
        adapter.send(sale("order_1")).await;
        shop.asks_for_the_card().await;
        adapter.kill().await;
        shop.presents("approved").await;

        let mut adapter = Adapter::start(which).expect("it started before");
        adapter.ask(shop.configure()).await;
        let paid = adapter.ask(sale("order_1")).await;
        assert_eq!(paid["ok"]["status"], "completed", "{which:?}: {paid}");
        assert_eq!(shop.charges("order_1").await, 1, "{which:?}");
    }
}
