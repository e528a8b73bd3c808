//! A till with a screen: no adapter, but somebody who takes payments and reads what it shows.
//!
//! The till is a program behind a counter (`screen.py`) that is asked by HTTP or by a command, as a robot's would be.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use vinr_conformance::client::{self, Order, Session, Subject};
use vinr_conformance::features;
use vinr_conformance::journal::{Event, Journal};
use vinr_conformance::plan::Selection;
use vinr_conformance::profile::TillProfile;
use vinr_conformance::run::Certified;
use vinr_conformance::verdict::{Ending, State};
use vinr_protocol::question::Answered;

use crate::command_line::PROFILE;

/// A till on a counter; dropping it switches it off.
struct Counter {
    folder: tempfile::TempDir,
    till: Child,
}

/// How somebody is asked.
#[derive(Debug, Clone, Copy)]
enum By {
    Http,
    Command,
}

fn beside(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

impl Counter {
    /// The till that keeps every rule but these.
    async fn new(defects: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = Command::new("python3");
        command.arg(beside("tests/client/screen.py"));
        command.arg("serve").arg(folder.path().join("place"));
        command.arg("--").arg("python3");
        command.arg(beside("../adapters/defective/till.py"));
        for defect in defects {
            command.args(["--defect", defect]);
        }
        let till = command.stdin(Stdio::null()).spawn().expect("python3");
        let counter = Self { folder, till };
        while !counter.place().exists() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        counter
    }

    fn place(&self) -> PathBuf {
        self.folder.path().join("place")
    }

    fn driver(&self, by: By) -> String {
        match by {
            By::Http => std::fs::read_to_string(self.place()).expect("it says where it is"),
            By::Command => format!(
                "exec:python3 {} ask {}",
                beside("tests/client/screen.py").display(),
                self.place().display()
            ),
        }
    }

    /// Judges it by these scenarios.
    async fn certify(&self, by: By, only: &[&str]) -> Certified {
        self.judged(&self.driver(by), only).await
    }

    async fn judged(&self, driver: &str, only: &[&str]) -> Certified {
        // Every test has a terminal of its own.
        static NEXT: AtomicU8 = AtomicU8::new(1);
        let own = std::process::id() % 200 + 20;
        let listen = format!("127.77.{own}.{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let text = format!(
            "{PROFILE}\n[screen]\ndirectory = \"certificates\"\nlisten = \"{listen}\"\n\n[drivers]\ntill = ['{driver}']\npower = ['{driver}']\n"
        );
        let profile =
            TillProfile::parse(&text, &self.folder.path().join("till.toml")).expect("lawful");
        let none: &[&str] = &[];
        let selection = Selection::parse(only, none).expect("known names");
        let order = Order {
            known: Default::default(),
            plan: client::plan(features::tills(), &profile, &selection),
            subject: Subject::Screen(profile.screen.clone().expect("it has one")),
            profile,
            seed: 1,
            strict: false,
            resumed: None,
            command: "vinr-conformance client".into(),
        };
        let session = Session::new(&order).expect("the system can make keys");
        let stop = CancellationToken::new();
        let journal = Journal::in_memory();
        client::certify(&session, &order, features::tills(), journal, &stop, |_| {}).await
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        let _ = self.till.kill();
        let _ = self.till.wait();
    }
}

/// What was found of a requirement, worst first.
fn states(certified: &Certified, requirement: &str) -> Vec<State> {
    let own = certified.results.findings_of(requirement);
    let mut states: Vec<_> = own.map(|finding| finding.state).collect();
    states.sort();
    states
}

fn worst(certified: &Certified, requirement: &str) -> Option<State> {
    states(certified, requirement).first().copied()
}

fn told(certified: &Certified) -> String {
    let findings = certified.results.findings.iter();
    let lines =
        findings.map(|it| format!("{} {} {} {}", it.state, it.scenario, it.reason, it.seen));
    lines.collect::<Vec<_>>().join("\n")
}

const QUICK: [&str; 6] = [
    "pay.request",
    "pay.completed",
    "pay.declined",
    "rec.pending",
    "rec.late_tap",
    "tls.other_device",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_till_that_is_asked_over_http_passes_what_it_can_be_judged_in() {
    let counter = Counter::new(&[]).await;
    let certified = counter.certify(By::Http, &QUICK).await;
    for rule in [
        "PAY-1", "REC-3", "REC-4", "REC-9", "REC-17", "TLS-4", "TLS-10",
    ] {
        assert_eq!(
            worst(&certified, rule),
            Some(State::Pass),
            "{rule}\n{}",
            told(&certified)
        );
    }
    let failed = certified.results.in_state(State::Fail).count();
    assert_eq!(failed, 0, "{}", told(&certified));
}

// [REC-5]
#[tokio::test(flavor = "multi_thread")]
async fn a_till_that_is_asked_by_a_command_and_pays_blindly_fails_by_that_rule() {
    let counter = Counter::new(&["retries-on-reset"]).await;
    let certified = counter
        .certify(By::Command, &["rec.lost.reset-at-the-outcome"])
        .await;
    assert_eq!(
        worst(&certified, "REC-5"),
        Some(State::Fail),
        "{}",
        told(&certified)
    );
    let reasons = certified
        .results
        .findings_of("REC-5")
        .map(|it| it.reason.as_str());
    assert!(reasons.collect::<Vec<_>>().contains(&"REC-5.blind_retry"));
}

// [REC-5, REC-9]
#[tokio::test(flavor = "multi_thread")]
async fn a_power_cut_in_mid_payment_is_survived() {
    let counter = Counter::new(&[]).await;
    let certified = counter.certify(By::Http, &["rec.restart.again"]).await;
    assert_eq!(
        worst(&certified, "REC-5"),
        Some(State::Pass),
        "{}",
        told(&certified)
    );
    assert_eq!(
        worst(&certified, "REC-9"),
        Some(State::Pass),
        "{}",
        told(&certified)
    );
}

/// The cloud, the class of an error, the moment of a call: no screen tells them, and nothing of it passes.
#[tokio::test(flavor = "multi_thread")]
async fn what_no_screen_shows_could_not_be_tested() {
    let counter = Counter::new(&[]).await;
    let only = [
        "pay.request",
        "pay.latency",
        "pay.later_capture",
        "tls.other_device",
        "tls.p12",
        "tls.passphrase",
        "hyb.local",
        "grp.order",
        "disc.mdns",
        "evt.genuine.as-the-cloud-signs-it",
        "rec.restart",
    ];
    let certified = counter.certify(By::Http, &only).await;
    for rule in [
        "NET-2", "LAT-2", "TLS-9", "TLS-11", "HYB-1", "HYB-3", "GRP-1", "DISC-2", "REC-12", "EVT-4",
    ] {
        let state = worst(&certified, rule);
        assert_eq!(
            state,
            Some(State::CouldNotTest),
            "{rule}\n{}",
            told(&certified)
        );
    }
    for rule in ["TLS-7", "SEC-1", "NET-2"] {
        assert!(!states(&certified, rule).contains(&State::Pass), "{rule}");
    }
    assert_eq!(certified.results.exit_code(), 3, "{}", told(&certified));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_till_that_nobody_sets_up_is_not_judged() {
    let counter = Counter::new(&[]).await;
    let certified = counter.judged("exec:exit 127", &["pay.completed"]).await;
    assert_eq!(certified.results.exit_code(), 69);
    match &certified.results.run.ending {
        Ending::Unreachable(why) => assert!(why.contains("not set up"), "{why}"),
        ending => panic!("{ending:?}"),
    }
}

/// Who takes the payment and does not read the screen has shown nothing of its result.
#[tokio::test(flavor = "multi_thread")]
async fn a_result_that_nobody_reads_is_no_pass() {
    let counter = Counter::new(&[]).await;
    let blind = format!(
        "exec:read -r question; case \"$question\" in *till_read_result*) exit 127;; *) echo \"$question\" | {};; esac",
        counter.driver(By::Command).trim_start_matches("exec:")
    );
    let certified = counter.judged(&blind, &["pay.completed"]).await;
    assert_eq!(
        worst(&certified, "REC-3"),
        Some(State::CouldNotTest),
        "{}",
        told(&certified)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn its_questions_and_their_answers_stand_in_the_journal() {
    let counter = Counter::new(&[]).await;
    let certified = counter.certify(By::Http, &["pay.completed"]).await;
    let asked = certified
        .entries
        .iter()
        .filter_map(|entry| match &entry.event {
            Event::Question(question) => Some(question.question.as_str()),
            _ => None,
        });
    let asked: Vec<_> = asked.collect();
    assert_eq!(asked, ["till_install", "till_pay", "till_read_result"]);
    let answered = certified
        .entries
        .iter()
        .filter_map(|entry| match &entry.event {
            Event::Answer(answer) => Some(answer.answer),
            _ => None,
        });
    let answered: Vec<_> = answered.collect();
    assert_eq!(answered, [Answered::Done, Answered::Done, Answered::Value]);
}
