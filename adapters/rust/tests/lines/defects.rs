//! The till with switches, and the page that says what the suite finds of them.

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::adapter::folder;
use crate::skip::skip;

const PAGE: &str = include_str!("../../../../docs/certify-a-till-defects.md");
const CONFORMANCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../vinr-conformance");

#[derive(Debug, Deserialize)]
struct Defect {
    defect: String,
    scenes: String,
    found_as: String,
}

/// All that there are; none where Python is missing, and that is said aloud.
static DEFECTS: LazyLock<Vec<Defect>> = LazyLock::new(|| {
    let mut python = Command::new("python3");
    python
        .arg(folder().join("defective/till.py"))
        .args(["--list", "--json"])
        .env("PYTHONDONTWRITEBYTECODE", "1");
    match python.output() {
        Ok(listed) => serde_json::from_slice(&listed.stdout).expect("a list as JSON"),
        Err(error) => {
            skip(
                &format!("{python:?} does not start here: {error}"),
                "apt-get install -y python3",
            );
            Vec::new()
        }
    }
});

/// The page's row of a defect, cell by cell: defect, scenarios, found as, beside it, what it does.
fn row(defect: &str) -> Option<Vec<&'static str>> {
    let begins = format!("| `{defect}` | ");
    let line = PAGE.lines().find(|line| line.starts_with(&begins))?;
    Some(line.trim_matches('|').split('|').map(str::trim).collect())
}

#[test]
fn the_page_has_each_as_what_it_is_to_be_found_as() {
    for it in DEFECTS.iter() {
        let row = row(&it.defect).unwrap_or_else(|| panic!("{} is not on the page", it.defect));
        assert_eq!(row[2], it.found_as.replace(' ', ", "), "{}", it.defect);
        assert_eq!(
            row[1].replace(['`', ','], ""),
            it.scenes,
            "{}: play it once more",
            it.defect
        );
    }
}

#[test]
fn the_page_has_no_defect_that_is_none() {
    let all: BTreeSet<_> = DEFECTS.iter().map(|it| it.defect.as_str()).collect();
    let rows = PAGE.lines().filter(|line| line.matches('|').count() == 6);
    let named = rows.filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let gone: Vec<_> = named.filter(|name| !all.contains(name)).collect();
    assert!(all.is_empty() || gone.is_empty(), "{gone:?}");
}

/// The scenario is there, and speaks of the requirement that must fail in it.
#[test]
fn each_is_played_where_its_requirement_is_judged() {
    let features = std::fs::read_dir(format!("{CONFORMANCE}/features/client")).expect("a folder");
    let text: String = features
        .map(|file| std::fs::read_to_string(file.expect("a file").path()).expect("a feature"))
        .collect();
    for it in DEFECTS.iter() {
        let scenes = it.scenes.split(' ').collect::<Vec<_>>();
        let found_as = it.found_as.split(' ').collect::<Vec<_>>();
        for reason in found_as {
            let (requirement, _) = reason.split_once('.').expect("a requirement and a reason");
            let is_judged = |scene: &&str| {
                // An example of an outline is named behind the outline.
                let tagged = |line: &&str| {
                    let id = line
                        .trim()
                        .strip_prefix('@')
                        .and_then(|it| it.split(' ').next());
                    id.is_some_and(|id| *scene == id || scene.starts_with(&format!("{id}.")))
                };
                text.lines()
                    .filter(tagged)
                    .any(|line| line.split(' ').any(|tag| tag == format!("@{requirement}")))
            };
            assert!(scenes.iter().any(is_judged), "{}: {reason}", it.defect);
        }
    }
}
