//! The schemas: as committed, as the documents' examples have it, and as the parsers have it.

mod committed;
mod differences;
mod examples;
mod openapi;
mod same_word;

use std::sync::LazyLock;

use serde_json::Value;
use vinr_protocol::schema::{Document, documents};

static MADE: LazyLock<Vec<Document>> = LazyLock::new(documents);

/// A document as it is made now.
fn document(file: &str) -> Value {
    let found = MADE.iter().find(|document| document.file == file);
    let json = &found.unwrap_or_else(|| panic!("no document {file}")).json;
    serde_json::from_str(json).expect("a document is JSON")
}

/// The validator of a schema.
fn validator(file: &str) -> jsonschema::Validator {
    jsonschema::draft202012::new(&document(file)).expect("a document is a schema")
}
