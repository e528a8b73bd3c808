//! From what a generator makes to what people read: the same text on every build.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// Writes a document with its names sorted, whatever the order of maps in this build.
pub(super) fn text(mut value: Value) -> String {
    tidy(&mut value);
    let mut text = serde_json::to_string_pretty(&sorted(&value)).expect("a value can be written");
    text.push('\n');
    text
}

fn tidy(value: &mut Value) {
    match value {
        Value::Object(members) => {
            bound_integers(members);
            for (name, member) in members.iter_mut() {
                match member {
                    Value::String(text) if name == "description" => *text = plain(text),
                    _ => tidy(member),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(tidy),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// `uint32` and `uint64` are formats of no standard; their bounds are plain numbers.
fn bound_integers(members: &mut Map<String, Value>) {
    let largest = match members.get("format").and_then(Value::as_str) {
        Some("uint32") => u64::from(u32::MAX),
        Some("uint64") => u64::MAX,
        _ => return,
    };
    members.remove("format");
    members.entry("maximum").or_insert(largest.into());
}

/// Rustdoc's links and escapes, taken out.
fn plain(text: &str) -> String {
    let lines: Vec<&str> = text.split('\n').map(str::trim).collect();
    lines
        .join("\n")
        .replace("\\[", "[")
        .replace("\\]", "]")
        .replace("[`", "`")
        .replace("`]", "`")
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let members: BTreeMap<&String, Value> = members
                .iter()
                .map(|(name, member)| (name, sorted(member)))
                .collect();
            members
                .into_iter()
                .map(|(name, member)| (name.clone(), member))
                .collect()
        }
        Value::Array(items) => items.iter().map(sorted).collect(),
        other => other.clone(),
    }
}
