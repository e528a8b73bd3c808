//! Where requirements are cited, and what such a citation says.
//!
//! In Rust a citation is an id in brackets in a comment: `// [REC-4]`, `\[REC-4, REC-5\]`. An id without
//! brackets only speaks of a requirement.
//!
//! - In code that is not a test it says *kept here*, but for [`NAMES_ONLY`]. The conformance suite keeps
//!   nothing: in its `judge` a citation says *judged here*, elsewhere nothing.
//! - Between the comments right above a test and the end of its body it says *tested by this test*. A line
//!   `//! Every test here: \[TLS-11\]` says it of each test of its file.
//! - A tag of a scenario, `@REC-4`, says *judged by this scenario*.

use std::collections::{BTreeMap, BTreeSet};

use vinr_protocol::requirement;

use crate::repository::{self, File, test_modules};

/// Code that names what a rule is about, or breaks it on purpose, and keeps none.
const NAMES_ONLY: [&str; 7] = [
    "vinr-protocol/src/device.rs",
    "vinr-protocol/src/error_body.rs",
    "vinr-protocol/src/mutant.rs",
    "vinr-protocol/src/timing.rs",
    "vinr-simulator/src/defect/",
    "vinr-simulator/src/provision/certification.rs",
    "vinr-transport/src/check.rs",
];

/// Its tests are about citations and cite nothing.
const OURSELVES: &str = "vinr-protocol/tests/trace/";

/// What cites one requirement.
#[derive(Debug, Default)]
pub(crate) struct Cited {
    /// Files.
    pub(crate) kept: BTreeSet<String>,
    /// Tests by their files.
    pub(crate) tested: BTreeMap<String, BTreeSet<String>>,
    /// Names of scenarios by their features.
    pub(crate) scenarios: BTreeMap<String, BTreeSet<String>>,
    /// Files of the suite's judge.
    pub(crate) judged: BTreeSet<String>,
}

/// What cites each requirement.
pub(crate) struct Trace(BTreeMap<String, Cited>);

impl Trace {
    /// Reads it from the repository.
    pub(crate) fn read() -> Self {
        Self::of_files(repository::files(&[".rs", ".feature"]))
    }

    /// Reads it from these files.
    pub(crate) fn of_files(mut files: Vec<File>) -> Self {
        files.retain(|file| file.path.starts_with("vinr-") && !file.path.starts_with(OURSELVES));
        let modules = test_modules(&files);
        let mut trace = Trace(BTreeMap::new());
        for file in &files {
            if file.path.ends_with(".feature") {
                trace.scenarios(file);
                continue;
            }
            for (test, id) in tests(&file.text) {
                let tested = &mut trace.at(id).tested;
                tested.entry(file.path.clone()).or_default().insert(test);
            }
            if file.path.contains("/src/") && !file.is_in(&modules) {
                trace.code(file);
            }
        }
        trace
    }

    /// What cites this requirement.
    pub(crate) fn of(&self, id: &str) -> &Cited {
        const NOTHING: &Cited = &Cited {
            kept: BTreeSet::new(),
            tested: BTreeMap::new(),
            scenarios: BTreeMap::new(),
            judged: BTreeSet::new(),
        };
        self.0.get(id).unwrap_or(NOTHING)
    }

    fn at(&mut self, id: &str) -> &mut Cited {
        self.0.entry(id.to_owned()).or_default()
    }

    fn code(&mut self, file: &File) {
        if NAMES_ONLY.iter().any(|path| file.path.starts_with(path)) {
            return;
        }
        for id in file.code().lines().flat_map(in_brackets) {
            let cited = self.at(id);
            if file.path.starts_with("vinr-conformance/src/judge") {
                cited.judged.insert(file.path.clone());
            } else if !file.path.starts_with("vinr-conformance/") {
                cited.kept.insert(file.path.clone());
            }
        }
    }

    fn scenarios(&mut self, file: &File) {
        let feature = file.path.rsplit('/').next().unwrap_or_default();
        let mut tags = Vec::new();
        for line in file.text.lines().map(str::trim) {
            if line.starts_with('@') {
                tags.extend(ids(line));
            } else if let Some((_, name)) = line
                .split_once(':')
                .filter(|(keyword, _)| ["Scenario", "Scenario Outline"].contains(keyword))
            {
                for id in tags.drain(..) {
                    let scenarios = &mut self.at(id).scenarios;
                    let names = scenarios.entry(feature.to_owned()).or_default();
                    names.insert(name.trim().to_owned());
                }
            }
        }
    }
}

/// Every `REC-4` in a text, with the sections that the catalogue has.
pub(crate) fn ids(text: &str) -> impl Iterator<Item = &str> {
    let sections: BTreeSet<_> = requirement::all().iter().map(|row| row.section()).collect();
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-')
        .filter(move |word| {
            word.split_once('-').is_some_and(|(section, number)| {
                sections.contains(section)
                    && !number.is_empty()
                    && number.bytes().all(|b| b.is_ascii_digit())
            })
        })
}

/// The ids that stand in brackets in a line's comment.
fn in_brackets(line: &str) -> Vec<&str> {
    let Some((_, comment)) = line.split_once("//") else {
        return Vec::new();
    };
    comment
        .split('[')
        .skip(1)
        .filter_map(|rest| rest.split_once(']'))
        .flat_map(|(inside, _)| ids(inside))
        .collect()
}

/// Each test of a file with each id that it cites.
fn tests(text: &str) -> Vec<(String, &str)> {
    let lines: Vec<_> = text.lines().collect();
    let of_all: Vec<_> = lines
        .iter()
        .filter(|line| line.starts_with("//! Every test here:"))
        .flat_map(|line| in_brackets(line))
        .collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let attribute = line.trim_start();
        if !attribute.starts_with("#[test]") && !attribute.starts_with("#[tokio::test") {
            continue;
        }
        let above = lines[..at].iter().rev().take_while(|line| {
            let line = line.trim_start();
            line.starts_with("#[") || line.starts_with("//") && !line.starts_with("//!")
        });
        let end = format!("{}}}", &line[..line.len() - attribute.len()]);
        let below = lines[at..].iter().take_while(|line| **line != end);
        let name = below.clone().find_map(|line| line.split_once("fn "));
        let name = name.map_or("", |(_, name)| name.split('(').next().unwrap_or(name));
        let own = above.chain(below).flat_map(|line| in_brackets(line));
        found.extend(
            own.chain(of_all.iter().copied())
                .map(|id| (name.to_owned(), id)),
        );
    }
    found
}

#[test]
fn code_keeps_and_the_tests_behind_it_do_not() {
    let text = "/// Looks first. \\[REC-1\\]\nfn look() {}\n\n#[cfg(test)]\nmod tests {\n    // [REC-2] a helper\n}\n";
    let trace = Trace::of_files(vec![file("vinr-sdk/src/a.rs", text)]);
    assert!(trace.of("REC-1").kept.contains("vinr-sdk/src/a.rs"));
    assert!(trace.of("REC-2").kept.is_empty());
}

#[test]
fn a_module_of_tests_in_its_own_file_keeps_nothing() {
    let trace = Trace::of_files(vec![
        file("vinr-sdk/src/a/mod.rs", "#[cfg(test)]\nmod tests;\n"),
        file("vinr-sdk/src/a/tests.rs", "// [REC-1] a helper\n"),
        file("vinr-sdk/src/a/tests/more.rs", "// [REC-1] a helper\n"),
        file("vinr-sdk/src/b.rs", "#[cfg(test)]\npub(super) mod tests;\n"),
        file("vinr-sdk/src/b/tests.rs", "// [REC-1] a helper\n"),
    ]);
    assert!(trace.of("REC-1").kept.is_empty());
}

#[test]
fn the_suite_judges_and_keeps_nothing() {
    let path = "vinr-conformance/src/judge/a.rs";
    let trace = Trace::of_files(vec![file(path, "//! Looked up? [REC-1]\n")]);
    assert!(trace.of("REC-1").kept.is_empty());
    assert!(trace.of("REC-1").judged.contains(path));
}

#[test]
fn a_scenario_has_the_tags_above_it_and_no_others() {
    let text = "Feature: F\n  @a.b @REC-1\n  Scenario: One\n  @REC-2\n  Scenario Outline: Two\n";
    let trace = Trace::of_files(vec![file("vinr-conformance/features/f.feature", text)]);
    let one = BTreeMap::from([("f.feature".to_owned(), BTreeSet::from(["One".to_owned()]))]);
    assert_eq!(trace.of("REC-1").scenarios, one);
}

#[test]
fn an_id_is_found_in_brackets_tags_and_prose() {
    let found: Vec<_> = ids("// [REC-4] and @PAY-3, TLS-1; not REC- or UTF-8").collect();
    assert_eq!(found, ["REC-4", "PAY-3", "TLS-1"]);
}

#[test]
fn only_brackets_in_a_comment_cite() {
    assert_eq!(
        in_brackets(r"/// Both. \[REC-4, PAY-3\] As TLS-1."),
        ["REC-4", "PAY-3"]
    );
    assert!(in_brackets(r#"let ids = ["REC-4"];"#).is_empty());
}

#[test]
fn a_test_is_cited_above_and_inside_it() {
    let text = "
        // [REC-1] is about something else

        // [REC-4]
        #[tokio::test]
        // [REC-5]
        async fn a_claim() {
            if true {
            } // [REC-6]
        }
        // [REC-7] belongs to what follows
    ";
    assert_eq!(
        tests(text),
        ["REC-4", "REC-5", "REC-6"].map(|id| ("a_claim".to_owned(), id))
    );
}

#[test]
fn a_whole_file_is_cited_only_where_it_says_so() {
    let text = "//! All of it. [REC-1]\n//! Every test here: [REC-4]\n#[test]\nfn a_claim() {\n}\n";
    assert_eq!(tests(text), [("a_claim".to_owned(), "REC-4")]);
}

fn file(path: &str, text: &str) -> File {
    File {
        path: path.to_owned(),
        text: text.to_owned(),
    }
}
