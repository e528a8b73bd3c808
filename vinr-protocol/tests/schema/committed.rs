//! What is committed is what the types say.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use vinr_protocol::schema::documents;

use super::document;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas")
}

#[test]
fn every_document_is_committed_as_the_types_have_it() {
    for document in documents() {
        let committed = fs::read_to_string(folder().join(document.file)).unwrap_or_default();
        assert!(
            committed == document.json,
            "{} is not what the types say: cargo run -p vinr-protocol --features schema --example schemas",
            document.file
        );
    }
}

#[test]
fn no_document_is_left_over() {
    let made: BTreeSet<String> = documents().iter().map(|it| it.file.to_owned()).collect();
    let committed: BTreeSet<String> = fs::read_dir(folder())
        .expect("the folder is there")
        .map(|entry| entry.expect("the folder can be read").file_name())
        .map(|name| name.to_string_lossy().into_owned())
        .filter(|name| name.ends_with(".json"))
        .collect();
    assert_eq!(made, committed);
}

#[test]
fn every_schema_is_a_json_schema_of_2020_12() {
    for file in documents().iter().map(|it| it.file) {
        if !file.starts_with("openapi-") {
            let schema = document(file);
            assert!(jsonschema::draft202012::meta::is_valid(&schema), "{file}");
        }
    }
}
