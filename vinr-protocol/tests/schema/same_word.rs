//! A schema and a parser say the same of a value: first with every member changed to every edge, then at random.

use proptest::prelude::*;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use vinr_protocol::cloud::{
    CloudPayRequest, CloudPaymentList, WebhookEndpoint, WebhookEndpointList, WebhookEndpointRequest,
};
use vinr_protocol::error_body::ErrorEnvelope;
use vinr_protocol::question::{Answer, Question};
use vinr_protocol::webhook::Event;
use vinr_protocol::{CancelRequest, Cancellation, PayRequest, Payment, PaymentList, Reader};

use super::validator;

type Takes = fn(&str) -> bool;

fn reads<T: DeserializeOwned>(text: &str) -> bool {
    serde_json::from_str::<T>(text).is_ok()
}

const TIME: &str = "2026-05-31T14:23:00.000Z";

fn payment() -> Value {
    json!({
        "id": "tpay_1", "object": "terminal_payment", "terminalId": "term_1", "attemptKey": "k1", "amount": 2500,
        "currency": "USD", "reference": "order_1", "description": "tea", "captureMethod": "automatic",
        "status": "completed", "amountCaptured": 2500, "amountCapturable": 0, "last4": "4242", "brand": "visa",
        "entryMode": "chip", "declineCode": "card_declined", "cancelReason": "requested",
        "offline": { "queuedAt": TIME, "sequence": 7 }, "metadata": { "connectionMode": "local" },
        "createdAt": TIME, "completedAt": TIME,
    })
}

/// Each document, a full value of it, and who reads it here.
fn documents() -> Vec<(&'static str, Value, Takes)> {
    let sale = json!({
        "terminalId": "term_1", "amount": 2500, "currency": "USD", "reference": "order_1", "captureMethod": "manual",
        "description": "tea", "metadata": { "table": "7" }, "timeoutMs": 5000,
    });
    let mut to_terminal = sale.clone();
    to_terminal["wait"] = json!(true);
    let mut to_group = to_terminal.clone();
    to_group["terminalId"] = Value::Null;
    to_group["terminalGroup"] = json!(["term_1", "term_2"]);
    let cloud: Takes = |text| CloudPayRequest::parse(text.as_bytes()).is_ok();
    let cancellation = json!({ "object": "cancellation", "reference": "a", "outcome": "cancelled", "payment": payment(), "journalId": "jrn_1" });
    vec![
        ("pay-request.json", sale, |text| {
            PayRequest::parse(text.as_bytes()).is_ok()
        }),
        ("cloud-pay-request.json", to_terminal, cloud),
        ("cloud-pay-request.json", to_group, cloud),
        (
            "cancel-request.json",
            json!({ "terminalId": "term_1", "reference": "order_1", "attemptKey": "k1" }),
            |text| CancelRequest::parse(text.as_bytes()).is_ok(),
        ),
        (
            "webhook-endpoint-request.json",
            json!({ "url": "https://shop.example/hooks" }),
            |text| WebhookEndpointRequest::parse(text.as_bytes()).is_ok(),
        ),
        ("payment.json", payment(), reads::<Payment>),
        (
            "payment-list.json",
            json!({ "object": "list", "data": [payment()], "journalId": "jrn_1" }),
            reads::<PaymentList>,
        ),
        (
            "cloud-payment-list.json",
            json!({ "object": "list", "data": [payment()], "undelivered": false }),
            reads::<CloudPaymentList>,
        ),
        ("cancellation.json", cancellation, reads::<Cancellation>),
        (
            "reader.json",
            json!({
                "object": "reader", "id": "term_1", "model": "nexgo_ct20", "status": "online", "activity": "idle",
                "api": "vinr-local/1", "softwareVersion": "1", "journalId": "jrn_1",
                "offline": {
                    "supported": true, "limits": { "USD": 15000 }, "maxQueued": 10, "queued": 3, "oldestQueuedAt": TIME,
                },
            }),
            reads::<Reader>,
        ),
        (
            "error.json",
            json!({ "error": {
                "type": "conflict_error", "code": "terminal_busy", "message": "no", "param": "amount",
                "request_id": "req_1", "next": "retry_later",
            } }),
            reads::<ErrorEnvelope>,
        ),
        (
            "webhook-endpoint.json",
            json!({ "id": "we_1", "object": "webhook_endpoint", "url": "https://shop.example", "secret": "whsec_1" }),
            reads::<WebhookEndpoint>,
        ),
        (
            "webhook-endpoint-list.json",
            json!({ "object": "list", "data": [{ "id": "we_1", "object": "webhook_endpoint", "url": "https://shop.example" }] }),
            reads::<WebhookEndpointList>,
        ),
        (
            "webhook-event.json",
            json!({ "id": "evt_1", "type": "terminal_payment.completed", "created": TIME, "data": { "object": payment() } }),
            reads::<Event>,
        ),
        (
            "question.json",
            json!({
                "question": "present_card", "id": "q1", "requirement": ["PAY-3"], "why": "because", "subject": "term_1",
                "args": { "card": "approved" }, "deadlineMs": 20000,
            }),
            reads::<Question>,
        ),
        (
            "answer.json",
            json!({ "id": "q1", "answer": "value", "value": [1], "why": "so", "atNs": 1 }),
            reads::<Answer>,
        ),
    ]
}

/// Values on both sides of every bound. Whole numbers are written as such: see `differences`.
fn edges() -> Vec<Value> {
    let numbers = [
        json!(-1),
        json!(0),
        json!(1),
        json!(999),
        json!(1_000),
        json!(120_000),
        json!(120_001),
        json!(99_999_999),
        json!(100_000_000),
        json!(u32::MAX),
        json!(u64::from(u32::MAX) + 1),
        json!(u64::MAX),
        json!(18_446_744_073_709_551_616.0),
        json!(2500.5),
    ];
    let words = [
        "",
        "x",
        "usd",
        "EUR",
        "QQQ",
        "XXX",
        "auto",
        "manual",
        "a b",
        "a\n",
        "a\u{1f}",
        "a\u{20}",
        "a\u{7f}",
        "a\u{85}",
        "a\u{9f}",
        "a\u{a0}",
        "caf\u{e9}",
        "term_",
        "term_x",
        "2500",
        "yesterday",
        TIME,
        "settling",
        "http://",
        "http://a",
        "ftp://a",
    ];
    let lengths = [58 + 5, 59 + 5, 64, 65, 200, 201, 255, 256];
    let long = lengths.map(|length| json!("a".repeat(length)));
    let terminals = lengths.map(|length| json!(format!("term_{}", "a".repeat(length - 5))));
    let wide = [200, 201].map(|length| json!("\u{e9}".repeat(length)));
    let url = [2_000, 2_001].map(|length| json!(format!("http://{}", "a".repeat(length - 7))));
    let pairs = [20, 21].map(|count| {
        let pairs = (0..count).map(|i| (i.to_string(), json!("x")));
        Value::Object(pairs.collect())
    });
    let group = [32, 33].map(|count| {
        let members = (0..count).map(|i| json!(format!("term_{i}")));
        Value::Array(members.collect())
    });
    let shapes = [
        Value::Null,
        json!(true),
        json!(false),
        json!([]),
        json!({}),
        json!(["x"]),
        json!(["term_1"]),
        json!(["term_1", "term_1"]),
        json!([1]),
        json!({ "x": 1 }),
        json!({ "x": "y" }),
        json!({ "x": null }),
        json!({ "x": "y\u{85}" }),
        json!({ "x": "y\u{a0}" }),
        json!({ "x\u{7f}": "y" }),
        json!({ "x\u{a0}": "y" }),
        json!({ "USD": 1 }),
        json!({ "usd": 1 }),
        json!({ "USD": 0 }),
    ];
    let words = words.map(|word| json!(word));
    [
        &numbers[..],
        &words,
        &long,
        &terminals,
        &wide,
        &url,
        &pairs,
        &group,
        &shapes,
    ]
    .concat()
}

/// Every member of a value, however deep, as a pointer.
fn members(value: &Value, at: &str, found: &mut Vec<String>) {
    let inside: Vec<(String, &Value)> = match value {
        Value::Object(members) => members
            .iter()
            .map(|(name, it)| (name.clone(), it))
            .collect(),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .map(|(i, it)| (i.to_string(), it))
            .collect(),
        _ => Vec::new(),
    };
    for (name, member) in inside {
        let pointer = format!("{at}/{name}");
        members(member, &pointer, found);
        found.push(pointer);
    }
}

/// The value with one member changed, taken out, or joined by one that nobody knows.
fn changed(base: &Value, pointer: &str, change: &Change) -> Value {
    let mut value = base.clone();
    let (parent, name) = pointer.rsplit_once('/').expect("a pointer has a slash");
    match change {
        Change::To(edge) => {
            if let Some(member) = value.pointer_mut(pointer) {
                *member = edge.clone();
            }
        }
        Change::Out => {
            if let Some(Value::Object(members)) = value.pointer_mut(parent) {
                members.remove(name);
            }
        }
        Change::Beside => {
            if let Some(Value::Object(members)) = value.pointer_mut(parent) {
                members.insert("tip".into(), json!("x"));
            }
        }
    }
    value
}

#[derive(Debug, Clone)]
enum Change {
    To(Value),
    Out,
    Beside,
}

fn changes() -> Vec<Change> {
    let edges = edges().into_iter().map(Change::To);
    edges.chain([Change::Out, Change::Beside]).collect()
}

#[test]
fn a_full_value_of_each_document_is_taken() {
    for (file, value, takes) in documents() {
        assert!(validator(file).is_valid(&value), "{file}");
        assert!(takes(&value.to_string()), "{file}");
    }
}

#[test]
fn with_every_member_at_every_edge_schema_and_parser_say_the_same() {
    let changes = changes();
    let (mut taken, mut refused) = (0, 0);
    for (file, base, takes) in documents() {
        let schema = validator(file);
        let mut pointers = Vec::new();
        members(&base, "", &mut pointers);
        for pointer in pointers {
            for change in &changes {
                let value = changed(&base, &pointer, change);
                let in_schema = schema.is_valid(&value);
                let in_parser = takes(&value.to_string());
                assert_eq!(
                    in_schema, in_parser,
                    "{file} {pointer} {change:?}: schema, parser"
                );
                if in_parser { taken += 1 } else { refused += 1 }
            }
        }
    }
    assert!(
        taken > 1_000 && refused > 1_000,
        "{taken} taken, {refused} refused"
    );
}

/// Any document, with up to three changes anywhere.
fn anything() -> impl Strategy<Value = (usize, Value)> {
    let documents: Vec<(Value, Vec<String>)> = documents()
        .into_iter()
        .map(|(_, base, _)| {
            let mut pointers = Vec::new();
            members(&base, "", &mut pointers);
            (base, pointers)
        })
        .collect();
    let text =
        prop_oneof!["[A-Za-z0-9._:/+ -]{0,70}", "[!-~]{0,260}", ".{0,80}"].prop_map(|it| json!(it));
    let number = prop_oneof![any::<u64>(), 0..200_000u64].prop_map(|it| json!(it));
    let to = prop_oneof![proptest::sample::select(edges()), text, number].prop_map(Change::To);
    let change = prop_oneof![8 => to, 1 => Just(Change::Out), 1 => Just(Change::Beside)];
    let changes = prop::collection::vec((any::<prop::sample::Index>(), change), 1..4);
    (0..documents.len(), changes).prop_map(move |(which, changes)| {
        let (base, pointers) = &documents[which];
        let value = changes.iter().fold(base.clone(), |value, (at, change)| {
            let pointer: &String = at.get(pointers);
            changed(&value, pointer, change)
        });
        (which, value)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn with_any_members_changed_schema_and_parser_say_the_same((which, value) in anything()) {
        thread_local! {
            static READY: Vec<(jsonschema::Validator, Takes)> = documents()
                .into_iter()
                .map(|(file, _, takes)| (validator(file), takes))
                .collect();
        }
        let (in_schema, in_parser) = READY.with(|ready| {
            let (schema, takes) = &ready[which];
            (schema.is_valid(&value), takes(&value.to_string()))
        });
        prop_assert_eq!(in_schema, in_parser);
    }
}
