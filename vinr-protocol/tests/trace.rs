//! The catalogue and what cites it: code, tests, features, documents.

use std::fs;
use std::path::{Path, PathBuf};

use vinr_protocol::requirement;

/// Files of this repository that may cite requirements.
fn sources() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut found = Vec::new();
    let mut folders = vec![root];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("the repository can be read") {
            let path = entry.expect("the repository can be read").path();
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or_default();
            if path.is_dir() && !name.starts_with('.') && name != "target" && name != "node_modules"
            {
                folders.push(path);
            } else if [".rs", ".feature", ".md"]
                .iter()
                .any(|ending| name.ends_with(ending))
            {
                found.push(path);
            }
        }
    }
    found
}

/// Every `REC-4` in a text, with the sections that the catalogue has.
fn citations(text: &str) -> Vec<&str> {
    let sections = [
        "NET", "DISC", "TLS", "SEC", "PAY", "REC", "OFF", "HYB", "GRP", "LAT", "EVT", "SIM",
    ];
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    words
        .filter(|word| {
            let number = word
                .split_once('-')
                .filter(|(section, _)| sections.contains(section));
            number.is_some_and(|(_, number)| {
                !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())
            })
        })
        .collect()
}

#[test]
fn a_citation_is_found_in_brackets_tags_and_prose() {
    assert_eq!(
        citations("// [REC-4] and @PAY-3, TLS-1; not REC- or UTF-8"),
        ["REC-4", "PAY-3", "TLS-1"]
    );
}

#[test]
fn everything_that_is_cited_is_in_the_catalogue() {
    let mut unknown = Vec::new();
    for path in sources() {
        let text = fs::read_to_string(&path).unwrap_or_default();
        for id in citations(&text) {
            // The catalogue's own tests name an id that is not there.
            if requirement::find(id).is_none() && !id.ends_with("-99") {
                unknown.push(format!("{} cites {id}", path.display()));
            }
        }
    }
    assert!(unknown.is_empty(), "{}", unknown.join("\n"));
}
