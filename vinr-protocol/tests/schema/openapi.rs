//! The OpenAPI documents hold together, and leave out nothing of §4.5.

use std::collections::BTreeSet;

use serde_json::Value;
use vinr_protocol::Code;

use super::document;

const BOTH: [&str; 2] = ["openapi-terminal.json", "openapi-cloud.json"];

fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            if let Some(Value::String(to)) = members.get("$ref") {
                found.push(to.clone());
            }
            members
                .values()
                .for_each(|member| references(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

/// Path, method, operation.
fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document["paths"].as_object().expect("has paths");
    paths
        .iter()
        .flat_map(|(path, methods)| {
            let methods = methods.as_object().expect("a path has methods");
            methods
                .iter()
                .map(|(method, operation)| (path.clone(), method.clone(), operation.clone()))
        })
        .collect()
}

#[test]
fn every_reference_leads_somewhere() {
    for file in BOTH {
        let document = document(file);
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(!found.is_empty());
        for to in found {
            let pointer = to.strip_prefix('#').expect("within the document");
            assert!(document.pointer(pointer).is_some(), "{file}: {to}");
        }
    }
}

#[test]
fn every_schema_of_a_document_is_one() {
    for file in BOTH {
        let document = document(file);
        for (name, schema) in document["components"]["schemas"]
            .as_object()
            .expect("has schemas")
        {
            assert!(
                jsonschema::draft202012::meta::is_valid(schema),
                "{file}: {name}"
            );
        }
    }
}

#[test]
fn every_parameter_of_a_path_is_declared() {
    for file in BOTH {
        for (path, _, operation) in operations(&document(file)) {
            let declared = operation["parameters"]
                .as_array()
                .into_iter()
                .flatten()
                .filter(|it| it["in"] == "path")
                .count();
            assert_eq!(declared, path.matches('{').count(), "{file}: {path}");
        }
    }
}

#[test]
fn every_operation_has_a_name_of_its_own() {
    for file in BOTH {
        let operations = operations(&document(file));
        let names: BTreeSet<String> = operations
            .iter()
            .map(|(_, _, operation)| operation["operationId"].to_string())
            .collect();
        assert_eq!(names.len(), operations.len(), "{file}");
    }
}

#[test]
fn the_paths_are_those_that_are_served() {
    use vinr_protocol::{cloud, endpoint};
    let concrete = |path: &str| path.replace("{id}", "tpay_1");
    let query = Some("reference=a");
    for (path, method, _) in operations(&document(BOTH[0])) {
        let served = endpoint::Endpoint::parse(&method.to_uppercase(), &concrete(&path), query);
        assert!(served.is_ok(), "{method} {path}");
    }
    for (path, method, _) in operations(&document(BOTH[1])) {
        let served = cloud::Endpoint::parse(&method.to_uppercase(), &concrete(&path), query);
        assert!(served.is_ok(), "{method} {path}");
    }
}

#[test]
fn every_code_of_a_terminal_is_under_its_status() {
    let document = document("openapi-terminal.json");
    let cloud_only = Code::InvalidApiKey;
    for code in Code::KNOWN.iter().filter(|code| **code != cloud_only) {
        let response = &document["components"]["responses"][code.status().to_string()];
        let about = response["description"].as_str().unwrap_or_default();
        assert!(about.contains(&format!("`{code}`")), "{code}");
    }
}

#[test]
fn every_status_of_a_document_is_an_answer_of_some_operation() {
    for file in BOTH {
        let document = document(file);
        let used: BTreeSet<String> = operations(&document)
            .iter()
            .flat_map(|(_, _, operation)| {
                let responses = operation["responses"].as_object().expect("has responses");
                responses.keys().cloned().collect::<Vec<_>>()
            })
            .collect();
        for status in document["components"]["responses"]
            .as_object()
            .expect("has responses")
            .keys()
        {
            assert!(used.contains(status), "{file}: {status}");
        }
    }
}

#[test]
fn a_terminal_asks_for_a_certificate_and_the_cloud_for_a_key() {
    let scheme = |file: &str, name: &str| {
        document(file)["components"]["securitySchemes"][name]["type"].clone()
    };
    assert_eq!(scheme(BOTH[0], "clientCertificate"), "mutualTLS");
    assert_eq!(scheme(BOTH[1], "bearer"), "http");
    assert_eq!(scheme(BOTH[1], "apiKey"), "apiKey");
}
