//! `vinr-conformance/schemas/adapter.schema.json`, and the examples of `spec/harness.md` §1.

use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::{Value, json};

static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    let text = include_str!("../../../../vinr-conformance/schemas/adapter.schema.json");
    serde_json::from_str(text).expect("the schema is JSON")
});

const HARNESS: &str = include_str!("../../../../spec/harness.md");

/// A part of the schema, by its place below `$defs`.
fn part(place: &str) -> Validator {
    let schema = json!({ "$defs": SCHEMA["$defs"], "$ref": format!("#/$defs/{place}") });
    jsonschema::draft202012::new(&schema).expect("a part of a schema is one")
}

fn check(place: &str, value: &Value) {
    let errors: Vec<_> = part(place)
        .iter_errors(value)
        .map(|it| it.to_string())
        .collect();
    assert!(errors.is_empty(), "{value} is no {place}: {errors:?}");
}

pub(crate) fn check_request(request: &Value) {
    check("request", request);
}

pub(crate) fn check_answer(op: &str, answer: &Value) {
    check("answer", answer);
    if let Some(ok) = answer.get("ok") {
        check(&format!("ok/{op}"), ok);
    }
}

/// §1 of the text.
fn section() -> &'static str {
    let begin = HARNESS.find("## 1.").expect("it has a first section");
    let end = HARNESS.find("## 2.").expect("it has a second section");
    &HARNESS[begin..end]
}

/// What the text writes for people, as JSON.
fn filled_in(text: &str) -> Value {
    let text = text
        .replace(",…]", "]")
        .replace("\"reference\"?", "\"reference\"")
        .replace("\"class\":C", "\"class\":\"tls\"")
        .replace("\"id\":…", "\"id\":7")
        .replace(":…,", ":\"no\",")
        .replace(":…}", ":\"no\"}");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// The lines with an arrow, each with what it goes on with.
fn arrows() -> Vec<(char, Value)> {
    let fenced = section().split("```").nth(1).expect("an example");
    let mut lines: Vec<String> = Vec::new();
    for line in fenced.lines() {
        match lines.last_mut() {
            Some(last) if line.starts_with(' ') => last.push_str(line.trim()),
            _ => lines.push(line.to_owned()),
        }
    }
    let arrow = |line: String| {
        let direction = line.chars().next().filter(|it| "→←".contains(*it))?;
        Some((direction, filled_in(line[direction.len_utf8()..].trim())))
    };
    lines.into_iter().filter_map(arrow).collect()
}

#[test]
fn the_schema_is_one() {
    assert!(jsonschema::draft202012::meta::is_valid(&SCHEMA));
}

#[test]
fn every_example_line_of_the_text_follows_the_schema() {
    let lines = arrows();
    assert_eq!(lines.len(), 4);
    let mut op = String::new();
    for (direction, line) in lines {
        if direction == '→' {
            check_request(&line);
            op = line["op"].as_str().expect("an op").to_owned();
        } else {
            check_answer(&op, &line);
        }
    }
}

#[test]
fn the_errors_of_the_text_follow_the_schema() {
    let mut inline = section()
        .split('`')
        .filter(|it| it.starts_with("{\"id\":…"));
    check_answer("pay", &filled_in(inline.next().expect("an error")));
    check_answer("pay", &filled_in(inline.next().expect("an unsupported")));
    assert_eq!(inline.next(), None);
}

#[test]
fn every_op_of_the_text_is_in_the_schema() {
    let rows = section().lines().filter_map(|it| it.strip_prefix("| `"));
    let ops: Vec<_> = rows.filter_map(|it| it.split('`').next()).collect();
    assert_eq!(ops.len(), 9, "{ops:?}");
    for op in ops {
        assert!(SCHEMA["$defs"]["ok"].get(op).is_some(), "{op}");
    }
}

#[test]
fn what_is_no_line_is_refused() {
    let schema = jsonschema::draft202012::new(&SCHEMA).expect("a schema");
    for wrong in [
        json!({ "op": "hello", "protocol": 1 }),
        json!({ "id": 1, "op": "pay", "amount": 1, "currency": "USD", "reference": "r" }),
        json!({ "id": 1 }),
        json!({ "id": 1, "ok": {}, "unsupported": true }),
        json!({ "id": 1, "error": { "class": "bad luck", "message": "" } }),
        json!({ "id": 1, "error": { "class": "refused", "message": "without a code" } }),
        json!({ "id": 1, "error": { "class": "indeterminate", "message": "without a reference" } }),
        json!({ "id": 1, "unsupported": false }),
    ] {
        assert!(!schema.is_valid(&wrong), "{wrong}");
    }
}
