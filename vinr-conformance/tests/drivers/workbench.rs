//! A simulator as a stranger's terminal, and a run by whatever drivers a test names.

use std::path::{Path, PathBuf};

use tokio_util::sync::CancellationToken;
use vinr_conformance::features;
use vinr_conformance::journal::{AnsweredBy, Entry, Event, Journal};
use vinr_conformance::plan::Selection;
use vinr_conformance::profile::{Profile, Sheet, template};
use vinr_conformance::run::{self, Certified, Order};
use vinr_conformance::subject::{self, Embedded, Subject};
use vinr_conformance::verdict::State;

/// A terminal, and the file that says where its control port is.
pub(crate) struct Bench {
    subject: Subject,
    embedded: Embedded,
    dir: tempfile::TempDir,
}

impl Bench {
    pub(crate) async fn new() -> Self {
        let (subject, embedded) = subject::embedded_unseen(&[]).await.unwrap();
        let dir = tempfile::tempdir().unwrap();
        let control = subject.control.as_ref().unwrap();
        let file = serde_json::json!({ "url": control.url(), "token": control.token() });
        std::fs::write(dir.path().join("bench.json"), file.to_string()).unwrap();
        Self {
            subject,
            embedded,
            dir,
        }
    }

    pub(crate) fn control_file(&self) -> PathBuf {
        self.dir.path().join("bench.json")
    }

    /// Runs these scenarios with this driver for everything.
    pub(crate) async fn run(self, driver: &str, only: &[&str]) -> Certified {
        let profile = profile(driver);
        let none: &[&str] = &[];
        let selection = Selection::parse(only, none).unwrap();
        let cases = features::all();
        let order = Order {
            plan: run::plan(cases, &profile, &selection),
            profile,
            seed: 1,
            strict: false,
            real_time: false,
            known: vinr_conformance::known::KnownFailures::default(),
            resumed: None,
            command: "vinr-conformance terminal".into(),
        };
        let stop = CancellationToken::new();
        let journal = Journal::in_memory();
        let certified = run::certify(self.subject, &order, cases, journal, &stop, |_| {})
            .await
            .unwrap();
        self.embedded.shutdown().await;
        certified
    }
}

/// The simulator's profile with this driver in place of its control port.
fn profile(driver: &str) -> Profile {
    let driver = format!("[{}]", serde_json::json!(driver));
    let text = template(Sheet::Simulator).replace("[\"control\"]", &driver);
    Profile::parse(&text, Path::new("bench.toml")).unwrap()
}

/// What a scenario says of a requirement.
pub(crate) fn state(certified: &Certified, scenario: &str, requirement: &str) -> State {
    let findings = &certified.results.findings;
    let own = findings
        .iter()
        .find(|own| own.scenario == scenario && own.requirement == requirement);
    own.unwrap_or_else(|| panic!("{scenario} says nothing of {requirement}"))
        .state
}

/// Who answered, as the journal says.
pub(crate) fn answered_by(entries: &[Entry]) -> Vec<&AnsweredBy> {
    let by = entries.iter().filter_map(|entry| match &entry.event {
        Event::AnsweredBy(by) => Some(by),
        _ => None,
    });
    by.collect()
}
