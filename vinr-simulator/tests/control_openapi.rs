//! The control port's description of itself.

#![allow(clippy::unwrap_used, reason = "what cannot be set up fails the test")]

mod support;

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;
use support::shop;
use vinr_simulator::control::openapi;

/// Set it to write the file anew.
const UPDATE: &str = "UPDATE_OPENAPI";

#[test]
fn the_committed_document_is_the_one_that_is_served() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi/control.json");
    let served = format!("{:#}\n", openapi());
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(&path, &served).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == served,
        "run {UPDATE}=1 cargo test -p vinr-simulator --test control_openapi"
    );
}

#[test]
fn every_reference_leads_somewhere() {
    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                found.extend(
                    members
                        .get("$ref")
                        .and_then(Value::as_str)
                        .map(str::to_owned),
                );
                members.values().for_each(|it| references(it, found));
            }
            Value::Array(items) => items.iter().for_each(|it| references(it, found)),
            _ => {}
        }
    }
    let document = openapi();
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(!found.is_empty());
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

#[tokio::test]
async fn a_terminal_s_state_has_the_members_that_are_promised() {
    let shop = shop().await;
    let state = serde_json::to_value(shop.terminal().state()).unwrap();
    let names = |value: &Value| -> BTreeSet<String> {
        value.as_object().unwrap().keys().cloned().collect()
    };
    let document = openapi();
    for (schema, value) in [("Terminal", &state), ("Screen", &state["screen"])] {
        let promised = document.pointer(&format!("/components/schemas/{schema}/properties"));
        assert_eq!(names(value), names(promised.unwrap()), "{schema}");
    }
}
