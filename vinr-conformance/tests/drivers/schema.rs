//! What is asked and what is answered follow the published schemas.

use serde_json::{Value, json};
use vinr_conformance::journal::{Entry, Event};
use vinr_protocol::question::Answer;

use crate::workbench::Bench;

fn schema(name: &str) -> jsonschema::Validator {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../vinr-protocol/schemas");
    let text = std::fs::read_to_string(format!("{folder}/{name}.json")).unwrap();
    let schema: Value = serde_json::from_str(&text).unwrap();
    jsonschema::validator_for(&schema).unwrap()
}

/// Every kind of thing that is asked for in a run.
const DAY: &[&str] = &[
    "sim.cards.approved-with-pin",
    "pay.approved",
    "rec.cancel",
    "rec.restart",
    "off.kept",
    "net.local_mode",
    "tls.revoked",
    "net.cloud_away",
];

fn asked_and_answered(entries: &[Entry]) -> (Vec<Value>, Vec<Value>) {
    let mut all = (Vec::new(), Vec::new());
    for entry in entries {
        match &entry.event {
            Event::Question(question) => all.0.push(serde_json::to_value(question).unwrap()),
            Event::Answer(answer) => all.1.push(serde_json::to_value(answer).unwrap()),
            _ => {}
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn every_question_and_answer_of_a_run_follows_the_published_schema() {
    let certified = Bench::new().await.run("control", DAY).await;
    let (questions, answers) = asked_and_answered(&certified.entries);
    let (question, answer) = (schema("question"), schema("answer"));
    for own in &questions {
        assert!(question.is_valid(own), "{own}");
    }
    for own in &answers {
        assert!(answer.is_valid(own), "{own}");
    }
    let words: std::collections::BTreeSet<_> = questions
        .iter()
        .filter_map(|own| own["question"].as_str())
        .collect();
    for word in [
        "present_card",
        "enter_pin",
        "power_cycle",
        "cut_internet",
        "restore_internet",
        "toggle_local_mode",
        "install_crl",
        "read_ledger",
        "read_storage",
    ] {
        assert!(words.contains(word), "{word} was not asked: {words:?}");
    }
}

#[test]
fn what_the_schema_takes_is_taken_and_what_it_refuses_is_refused() {
    let schema = schema("answer");
    for (answer, is_lawful) in [
        (json!({"id": "q1", "answer": "done"}), true),
        (json!({"id": "q1", "answer": "saw", "atNs": 7}), true),
        (json!({"id": "q1", "answer": "did_not_see"}), true),
        (json!({"id": "q1", "answer": "value", "value": []}), true),
        (
            json!({"id": "q1", "answer": "cannot", "why": "no arm"}),
            true,
        ),
        (json!({"id": "q1", "answer": "done", "mood": "good"}), true),
        (json!({"id": "q1", "answer": "probably"}), false),
        (json!({"id": "q1"}), false),
        (json!({"answer": "done"}), false),
        (json!({"id": 1, "answer": "done"}), false),
        (json!({"id": "q1", "answer": "saw", "atNs": -1}), false),
        (json!("done"), false),
    ] {
        assert_eq!(schema.is_valid(&answer), is_lawful, "schema: {answer}");
        let taken = serde_json::from_value::<Answer>(answer.clone()).is_ok();
        assert_eq!(taken, is_lawful, "suite: {answer}");
    }
}
