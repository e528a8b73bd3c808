//! `docs/certify-a-till.md`: its lines are lines, and the whole adapter that it names is one.

use serde_json::{Value, json};
use tokio::process::Command;

use crate::adapter::{Adapter, folder};
use crate::schema;
use crate::shop::{Shop, sale};

const GUIDE: &str = include_str!("../../../../docs/certify-a-till.md");

/// What a fence holds that begins so.
fn fence(begins: &str) -> &'static str {
    let after = GUIDE.split(begins).nth(1).expect("it is in the guide");
    after.split("```").next().expect("a fence ends")
}

#[test]
fn its_lines_follow_the_schema() {
    let mut op = String::new();
    let lines: Vec<Value> = fence("```json\n")
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line is JSON"))
        .collect();
    assert_eq!(lines.len(), 6);
    for line in lines {
        match line["op"].as_str() {
            Some(asked) => {
                schema::check_request(&line);
                op = asked.to_owned();
            }
            None => schema::check_answer(&op, &line),
        }
    }
}

/// Two pages are a promise: what is longer belongs into a page that it links to.
#[test]
fn it_is_two_pages() {
    assert!(GUIDE.lines().count() <= 120);
    assert!(GUIDE.split_whitespace().count() <= 1200);
}

/// The whole adapter that it names, which the reader begins with.
#[tokio::test]
async fn its_whole_adapter_pays() {
    assert!(GUIDE.contains("(../adapters/tiny/tiny.py)"));
    let shop = Shop::taps("approved").await;
    let mut python = Command::new("python3");
    python.arg(folder().join("tiny/tiny.py"));
    let Some(mut adapter) = Adapter::spawn(python) else {
        return;
    };
    let hello = adapter.ask(json!({ "op": "hello", "protocol": 1 })).await;
    assert_eq!(hello["ok"]["name"], "tiny");
    adapter.ask(shop.configure()).await;
    let paid = adapter.ask(sale("order_1")).await;
    assert_eq!(paid["ok"]["status"], "completed", "{paid}");
    assert_eq!(
        adapter.ask(json!({ "op": "resolve" })).await["unsupported"],
        true
    );
    assert_eq!(adapter.finish().await, Some(0));
}
