//! A terminal whose internet is cut, on real sockets: what it takes, what it refuses, and how it is forwarded. §6

#![allow(clippy::unwrap_used, reason = "what cannot be set up fails the test")]

mod support;

use serde_json::{Value, json};
use support::{Head, Shop, TERMINAL, Till, get, post, shop, shop_with};
use vinr_protocol::device::Model;
use vinr_protocol::payment::DeclineCode;
use vinr_protocol::question::Answered;
use vinr_protocol::reader::ReaderStatus;
use vinr_simulator::Builder;
use vinr_simulator::host::Link;
use vinr_simulator::screen::Picture;
use vinr_simulator::terminal::{ResetError, Sheet};

/// The sheets of the page: the largest amount in US cents, and how many are queued.
const SHEETS: &[(Model, u64, u64)] = &[
    (Model::NexgoCt20, 15_000, 10),
    (Model::NexgoCt20p, 15_000, 10),
    (Model::NexgoN92, 10_000, 5),
    (Model::NexgoN86Pro, 10_000, 5),
    (Model::Simulator, 15_000, 10),
];

/// A terminal of this model that starts without internet, and whose cardholder taps at once.
async fn offline(model: Model) -> Shop {
    offline_with(model, |builder| builder).await
}

async fn offline_with(model: Model, with: impl FnOnce(Builder) -> Builder) -> Shop {
    let quick = "tap:0,pin:0".parse().unwrap();
    shop_with(|builder| {
        let builder = builder.terminal(support::terminal_id(), model);
        with(builder.cardholder(quick).simulate_offline(true))
    })
    .await
}

async fn pay(till: &mut Till, reference: &str, amount: u64, currency: &str) -> Head {
    let body = json!({ "terminalId": TERMINAL, "amount": amount, "currency": currency, "reference": reference });
    till.send(post("/v1/pay", Some("k1"), &body)).await
}

async fn code(head: Head) -> String {
    let status = head.status;
    let body = head.body().await.unwrap();
    let code = body["error"]["code"].as_str().unwrap_or_default();
    format!("{} {code}", status.as_u16())
}

/// Pays so many times, `order_1` and on, and says what each became.
async fn queue(shop: &Shop, count: u64) -> Vec<Value> {
    let mut till = shop.till().await;
    let mut taken = Vec::new();
    for number in 1..=count {
        let head = pay(&mut till, &format!("order_{number}"), 2500, "USD").await;
        taken.push(head.body().await.unwrap());
    }
    taken
}

async fn newest(shop: &Shop, reference: &str) -> Value {
    shop.till().await.payments(reference).await.remove(0)
}

async fn drained(shop: &Shop) {
    shop.until(|state| state.queue.is_empty()).await;
}

// [OFF-2] [OFF-13]
#[tokio::test]
async fn the_limit_itself_is_queued_and_a_cent_more_is_refused_before_the_card() {
    for (model, limit, _) in SHEETS {
        let shop = offline(model.clone()).await;
        let mut till = shop.till().await;
        let refused = pay(&mut till, "order_1", limit + 1, "USD").await;
        assert_eq!(
            code(refused).await,
            "422 offline_amount_exceeded",
            "{model:?}"
        );
        assert_eq!(shop.picture(), Picture::Idle, "{model:?}");
        let taken = pay(&mut till, "order_1", *limit, "USD").await.body().await;
        assert!(taken.unwrap()["offline"].is_object(), "{model:?}");
    }
}

// [OFF-1] [OFF-3]
#[tokio::test]
async fn the_queue_takes_as_many_as_the_sheet_says_and_no_more() {
    for (model, _, most) in SHEETS {
        let shop = offline(model.clone()).await;
        let taken = queue(&shop, *most).await;
        let sequences: Vec<_> = taken
            .iter()
            .map(|it| it["offline"]["sequence"].as_u64())
            .collect();
        let expected: Vec<_> = (1..=*most).map(Some).collect();
        assert_eq!(sequences, expected, "{model:?}");
        let next = pay(&mut shop.till().await, "one_more", 1, "USD").await;
        assert_eq!(code(next).await, "422 offline_queue_full", "{model:?}");
    }
}

// [OFF-4]
#[tokio::test]
async fn a_cm30_never_queues() {
    let shop = offline(Model::CiontekCm30).await;
    let refused = pay(&mut shop.till().await, "order_1", 1, "USD").await;
    assert_eq!(code(refused).await, "422 offline_not_supported");
}

// [OFF-11]
#[tokio::test]
async fn another_currency_than_the_sheet_s_is_refused() {
    let shop = offline(Model::NexgoCt20).await;
    for currency in ["EUR", "JPY"] {
        let refused = pay(&mut shop.till().await, "order_1", 1, currency).await;
        assert_eq!(code(refused).await, "422 offline_currency_not_supported");
    }
}

#[tokio::test]
async fn a_simulator_has_the_sheet_that_it_is_told() {
    let shop = offline_with(Model::Simulator, |builder| builder.sheet(Model::NexgoN92)).await;
    let refused = pay(&mut shop.till().await, "order_1", 10_001, "USD").await;
    assert_eq!(code(refused).await, "422 offline_amount_exceeded");
    assert_eq!(shop.terminal().state().offline.max_queued, 5);
}

// [SIM-4] §4.4
#[tokio::test]
async fn a_terminal_says_that_it_is_offline_and_when_it_is_not_any_more() {
    let shop = offline(Model::Simulator).await;
    let mut till = shop.till().await;
    let mut status =
        async || till.send(get("/v1/reader")).await.body().await.unwrap()["status"].clone();
    assert_eq!(status().await, "offline");
    shop.ask("restore_internet", json!({})).await;
    shop.until(|state| state.status == ReaderStatus::Online)
        .await;
    assert_eq!(status().await, "online");
}

// [OFF-9]
#[tokio::test]
async fn limits_lowered_under_a_queue_take_nothing_new_and_forward_what_is_there() {
    let shop = offline(Model::NexgoCt20).await;
    queue(&shop, 3).await;
    let lower = Model::NexgoCt20.offline_limits().map(|mut sheet| {
        sheet.max_queued = 2;
        sheet
    });
    shop.terminal()
        .set_limits(Sheet::Limits(lower.unwrap()))
        .await
        .unwrap();
    let refused = pay(&mut shop.till().await, "order_4", 1, "USD").await;
    assert_eq!(code(refused).await, "422 offline_queue_full");

    shop.terminal().set_internet(Link::Up);
    drained(&shop).await;
    for reference in ["order_1", "order_2", "order_3"] {
        assert_eq!(newest(&shop, reference).await["status"], "completed");
    }
}

#[tokio::test]
async fn limits_outlive_a_power_cut() {
    let shop = offline(Model::NexgoCt20).await;
    shop.terminal().set_limits(Sheet::Off).await.unwrap();
    shop.ask("power_cycle", json!({})).await;
    let refused = pay(&mut shop.till().await, "order_1", 1, "USD").await;
    assert_eq!(code(refused).await, "422 offline_not_supported");
}

// [OFF-16]
#[tokio::test]
async fn a_line_that_is_cut_between_the_prompt_and_the_card_queues_the_payment() {
    let shop = shop().await;
    let held = shop.till().await.pay("order_1", "k1").await;
    shop.ask("cut_internet", json!({})).await;
    shop.present("approved").await;
    let payment = held.body().await.unwrap();
    assert_eq!(
        (&payment["status"], &payment["offline"]["sequence"]),
        (&json!("processing"), &json!(1))
    );
    assert_eq!(shop.charges("order_1").await, 0);
}

// [OFF-16]
#[tokio::test]
async fn a_line_that_is_cut_after_a_byte_leaves_the_payment_to_the_host_s_word() {
    let shop = shop().await;
    shop.ask("set_host", json!({ "delayMs": 600_000 })).await;
    let held = shop.till().await.pay("order_1", "k1").await;
    shop.present("approved").await;
    shop.charged("order_1", 1).await;
    shop.ask("cut_internet", json!({})).await;
    shop.ask("set_host", json!({})).await;
    let known = shop
        .until(|state| state.status == ReaderStatus::Offline)
        .await;
    assert!(known.queue.is_empty());
    assert_eq!(newest(&shop, "order_1").await["status"], "processing");

    shop.ask("restore_internet", json!({})).await;
    let payment = held.body().await.unwrap();
    assert_eq!(
        (&payment["status"], &payment["offline"]),
        (&json!("completed"), &Value::Null)
    );
    assert_eq!(shop.charges("order_1").await, 1);
}

// [OFF-12] [OFF-15]
#[tokio::test]
async fn a_line_that_flaps_while_it_drains_loses_and_doubles_nothing() {
    let shop = offline(Model::NexgoCt20).await;
    queue(&shop, 5).await;
    shop.ask("set_host", json!({ "delayMs": 50 })).await;
    for flap in 1..=3 {
        shop.terminal().set_internet(Link::Up);
        // The entry is at the host, and its answer is under way.
        shop.charged(&format!("order_{flap}"), 1).await;
        shop.terminal().set_internet(Link::Cut);
    }
    shop.terminal().set_internet(Link::Up);
    drained(&shop).await;
    for number in 1..=5 {
        let reference = format!("order_{number}");
        assert_eq!(shop.charges(&reference).await, 1, "{reference}");
        assert_eq!(newest(&shop, &reference).await["status"], "completed");
    }
}

// [OFF-15]
#[tokio::test]
async fn nothing_passes_an_entry_that_the_host_is_silent_about() {
    let shop = offline(Model::NexgoCt20).await;
    queue(&shop, 3).await;
    let mut journal = shop.terminal().journaled();
    shop.ask("set_host", json!({ "loseAnswers": 1 })).await;
    shop.terminal().set_internet(Link::Up);
    shop.charged("order_1", 1).await;
    let waits: Vec<_> = shop
        .terminal()
        .state()
        .queue
        .iter()
        .map(|it| it.sequence)
        .collect();
    assert_eq!(waits, [1, 2, 3]);
    assert_eq!(shop.charges("order_2").await, 0);

    drained(&shop).await;
    for reference in ["order_1", "order_2", "order_3"] {
        assert_eq!(journal.recv().await.unwrap().reference.as_str(), reference);
    }
}

// [OFF-8]
#[tokio::test]
async fn an_entry_is_declined_by_its_own_card_and_stops_no_other() {
    let shop = offline(Model::NexgoCt20).await;
    let mut till = shop.till().await;
    for (reference, card) in [
        ("order_1", "approved"),
        ("order_2", "declined"),
        ("order_3", "approved_with_pin"),
    ] {
        let script = format!("tap:0,pin:0,card:{card}").parse().unwrap();
        shop.terminal().set_script(script).await;
        let taken = pay(&mut till, reference, 2500, "USD")
            .await
            .body()
            .await
            .unwrap();
        assert_eq!(taken["status"], "processing");
    }
    shop.terminal().set_internet(Link::Up);
    drained(&shop).await;
    let mut outcomes = Vec::new();
    for reference in ["order_1", "order_2", "order_3"] {
        let payment = newest(&shop, reference).await;
        outcomes.push((payment["status"].clone(), payment["declineCode"].clone()));
    }
    let declined = DeclineCode::OfflineAuthDeclined;
    let expected = [
        (json!("completed"), Value::Null),
        (json!("failed"), json!(declined.as_str())),
        (json!("completed"), Value::Null),
    ];
    assert_eq!(outcomes, expected);
}

// [OFF-12]
#[tokio::test]
async fn a_queue_outlives_a_power_cut_in_the_middle_of_it() {
    let shop = offline(Model::NexgoCt20).await;
    queue(&shop, 3).await;
    shop.ask("power_cycle", json!({})).await;
    assert_eq!(shop.terminal().state().queue.len(), 3);
    shop.terminal().set_internet(Link::Up);
    drained(&shop).await;
    assert_eq!(shop.charges("order_3").await, 1);
}

// §6
#[tokio::test]
async fn a_reset_with_a_queue_is_refused_and_changes_nothing() {
    let shop = offline(Model::NexgoCt20).await;
    queue(&shop, 2).await;
    let refused = shop.terminal().reset(false).await;
    assert!(
        matches!(refused, Err(ResetError::Unsettled(2))),
        "{refused:?}"
    );
    assert_eq!(newest(&shop, "order_2").await["offline"]["sequence"], 2);
}

// §6 [REC-23]
#[tokio::test]
async fn a_forced_reset_exports_the_queue_and_starts_another_journal() {
    let shop = offline(Model::NexgoCt20).await;
    queue(&shop, 2).await;
    let journal_id = async || {
        shop.till()
            .await
            .send(get("/v1/reader"))
            .await
            .body()
            .await
            .unwrap()["journalId"]
            .clone()
    };
    let before = journal_id().await;
    let reset = shop.terminal().reset(true).await.unwrap();
    let exported = std::fs::read(reset.exported.unwrap()).unwrap();
    let exported: Vec<Value> = serde_json::from_slice(&exported).unwrap();
    let mut references: Vec<_> = exported
        .iter()
        .map(|it| it["reference"].as_str().unwrap())
        .collect();
    references.sort_unstable();
    assert_eq!(references, ["order_1", "order_2"]);
    assert_ne!(journal_id().await, before);
    assert_eq!(
        shop.till().await.payments("order_1").await,
        Vec::<Value>::new()
    );
    assert!(shop.terminal().state().queue.is_empty());
}

// §6: what the host may have granted is no more to be forgotten than what is queued
#[tokio::test]
async fn a_reset_with_a_payment_in_flight_is_refused() {
    let shop = shop().await;
    shop.ask("set_host", json!({ "loseAnswers": true })).await;
    let _held = shop.till().await.pay("order_1", "k1").await;
    shop.present("approved").await;
    let refused = shop.terminal().reset(false).await;
    assert!(
        matches!(refused, Err(ResetError::Unsettled(1))),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_reset_with_nothing_open_exports_nothing() {
    let shop = shop().await;
    let held = shop.till().await.pay("order_1", "k1").await;
    shop.present("approved").await;
    held.body().await.unwrap();
    assert_eq!(shop.terminal().reset(false).await.unwrap().exported, None);
    assert_eq!(
        shop.till().await.payments("order_1").await,
        Vec::<Value>::new()
    );
}

#[tokio::test]
async fn a_copy_of_the_storage_holds_the_journal_and_not_the_card_network_s_ledger() {
    let shop = offline(Model::NexgoCt20).await;
    queue(&shop, 1).await;
    let answer = shop.ask("read_storage", json!({})).await;
    assert_eq!(answer.answer, Answered::Value);
    let path = answer.value.unwrap();
    let copy = std::path::Path::new(path.as_str().unwrap());
    let files: Vec<_> = std::fs::read_dir(copy)
        .unwrap()
        .map(|it| it.unwrap().file_name())
        .collect();
    let named = |start: &str| {
        files
            .iter()
            .any(|it| it.to_str().unwrap().starts_with(start))
    };
    assert!(named("journal"), "{files:?}");
    assert!(!named("ledger"), "{files:?}");
    std::fs::remove_dir_all(copy).unwrap();
}
