//! Runs against an embedded simulator. Those on port 8443, with the name on the network, come one after the other: both
//! are one of a kind, and their latency is judged.

use tokio::sync::{Mutex, MutexGuard};
use tokio_util::sync::CancellationToken;
use vinr_conformance::features::{self, Case};
use vinr_conformance::journal::Journal;
use vinr_conformance::known::KnownFailures;
use vinr_conformance::plan::Selection;
use vinr_conformance::profile::{Profile, Sheet, template};
use vinr_conformance::run::{self, Certified, Order};
use vinr_conformance::subject::{self, Embedded, Subject, SubjectError};
use vinr_protocol::device::Model;
use vinr_simulator::Defect;

static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

/// Holds the port and the name until it is dropped.
pub(crate) async fn alone() -> MutexGuard<'static, ()> {
    ONE_AT_A_TIME.lock().await
}

pub(crate) fn order(cases: &[Case], only: &[&str]) -> Order {
    order_by(Profile::simulator(), cases, only)
}

fn order_by(profile: Profile, cases: &[Case], only: &[&str]) -> Order {
    let none: &[&str] = &[];
    let selection = Selection::parse(only, none).expect("known names");
    let plan = run::plan(cases, &profile, &selection);
    assert!(!plan.scenarios.is_empty(), "{only:?} selects something");
    Order {
        plan,
        profile,
        seed: 1,
        strict: false,
        real_time: false,
        known: KnownFailures::default(),
        resumed: None,
        command: "vinr-conformance terminal --simulator".into(),
    }
}

/// Certifies an embedded simulator with these defects.
pub(crate) async fn certify(defects: &[Defect], only: &[&str]) -> Certified {
    let cases = features::all();
    certify_with(defects, cases, &order(cases, only), Journal::in_memory()).await
}

pub(crate) async fn certify_with(
    defects: &[Defect],
    cases: &[Case],
    order: &Order,
    journal: Journal,
) -> Certified {
    certify_as(Model::Simulator, defects, cases, order, journal).await
}

/// Certifies a simulator that is a device without an offline queue, with these defects.
pub(crate) async fn certify_one_that_never_queues(defects: &[Defect], only: &str) -> Certified {
    let cases = features::all();
    let text: String = template(Sheet::Simulator)
        .lines()
        .filter(|line| !line.starts_with("[cloud]") && !line.starts_with("own = "))
        .map(|line| format!("{line}\n"))
        .collect();
    let text = text
        .replacen(r#"base = "simulator""#, r#"base = "ciontek-cm30""#, 1)
        .replacen("offline_queue = true", "offline_queue = false", 1)
        .replacen("offline_limits = true", "offline_limits = false", 1);
    let profile = Profile::parse(&text, "cm30.toml".as_ref()).expect("a lawful profile");
    let order = order_by(profile, cases, &[only]);
    let journal = Journal::in_memory();
    certify_as(Model::CiontekCm30, defects, cases, &order, journal).await
}

async fn certify_as(
    model: Model,
    defects: &[Defect],
    cases: &[Case],
    order: &Order,
    journal: Journal,
) -> Certified {
    let _alone = alone().await;
    let started = subject::embedded_as(model, defects).await;
    certified(started, cases, order, journal).await
}

/// Certifies an honest simulator by this profile and one scenario. It needs neither the port nor the name.
pub(crate) async fn certify_by(profile: Profile, only: &str) -> Certified {
    let cases = features::all();
    let order = order_by(profile, cases, &[only]);
    let started = subject::embedded_unseen(&[]).await;
    certified(started, cases, &order, Journal::in_memory()).await
}

/// Certifies a simulator with this defect by one scenario. It needs neither the port nor the name.
pub(crate) async fn certify_unseen(defect: Defect, only: &str) -> Certified {
    let cases = features::all();
    let order = order(cases, &[only]);
    let started = subject::embedded_unseen(&[defect]).await;
    certified(started, cases, &order, Journal::in_memory()).await
}

async fn certified(
    started: Result<(Subject, Embedded), SubjectError>,
    cases: &[Case],
    order: &Order,
    journal: Journal,
) -> Certified {
    let (subject, embedded) = started.expect("the simulator starts");
    let stop = CancellationToken::new();
    let certified = run::certify(subject, order, cases, journal, &stop, |_| {}).await;
    embedded.shutdown().await;
    certified.expect("the simulator's identities can be used")
}
