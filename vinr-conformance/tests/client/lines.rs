//! The lines that a run really writes and reads follow `schemas/adapter.schema.json`.

use std::path::Path;

use serde_json::{Value, json};

use crate::adapters::{certify, shell, without};
use crate::sdk;

/// Every op is asked for in one of these.
const SCENARIOS: [&str; 8] = [
    "pay.completed",
    "disc.static",
    "hyb.away",
    "grp.order",
    "rec.restart",
    "evt.genuine.as-the-cloud-signs-it",
    "evt.false.signed-with-a-secret-of-nobody",
    "tls.passphrase",
];

fn schema(place: &str) -> jsonschema::Validator {
    let text = include_str!("../../schemas/adapter.schema.json");
    let all: Value = serde_json::from_str(text).expect("the schema is JSON");
    let part = json!({ "$defs": all["$defs"], "$ref": format!("#/$defs/{place}") });
    jsonschema::draft202012::new(&part).expect("a part of a schema is one")
}

fn read(folder: &Path, kind: &str) -> Vec<Value> {
    let files = std::fs::read_dir(folder).expect("a folder");
    let paths = files.map(|file| file.expect("a file").path());
    paths
        .filter(|path| path.extension().is_some_and(|it| it == kind))
        .flat_map(|path| {
            let text = std::fs::read_to_string(path).expect("lines are text");
            // A power cut may cut the last one.
            let whole = text.rfind('\n').map_or("", |end| &text[..end]).to_owned();
            whole.lines().map(str::to_owned).collect::<Vec<_>>()
        })
        .map(|line| serde_json::from_str(&line).expect("a line is JSON"))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_suite_asks_and_our_sdk_answers_follows_the_schema() {
    let folder = tempfile::tempdir().expect("a folder");
    let tapped = format!(
        "tee {0}/$$.asked | {1} | tee {0}/$$.told",
        folder.path().display(),
        sdk::adapter().program
    );
    certify(shell(&tapped), &without(&[]), &SCENARIOS).await;
    let (asked, told) = (read(folder.path(), "asked"), read(folder.path(), "told"));
    let requests = schema("request");
    let answers = schema("answer");
    let mut ops = std::collections::BTreeMap::new();
    for line in &asked {
        assert!(requests.is_valid(line), "no request: {line}");
        let op = line["op"].as_str().expect("an op").to_owned();
        ops.insert(line["id"].as_u64().expect("an id"), op);
    }
    for line in &told {
        assert!(answers.is_valid(line), "no answer: {line}");
        let op = &ops[&line["id"].as_u64().expect("an id")];
        if let Some(ok) = line.get("ok") {
            assert!(schema(&format!("ok/{op}")).is_valid(ok), "{op}: {ok}");
        }
    }
    for op in [
        "hello",
        "configure",
        "discover",
        "pay",
        "pay_hybrid",
        "pay_group",
        "resolve",
        "verify_webhook",
    ] {
        assert!(ops.values().any(|own| own == op), "nobody asked to {op}");
    }
    assert!(told.len() > SCENARIOS.len());
}
