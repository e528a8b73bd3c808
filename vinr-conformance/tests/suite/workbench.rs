//! Runs against an embedded simulator, one after the other: port 8443 and the name on the network are one
//! of a kind.

use tokio::sync::{Mutex, MutexGuard};
use tokio_util::sync::CancellationToken;
use vinr_conformance::features::{self, Case};
use vinr_conformance::journal::Journal;
use vinr_conformance::plan::Selection;
use vinr_conformance::profile::Profile;
use vinr_conformance::run::{self, Certified, Order};
use vinr_conformance::subject;
use vinr_simulator::Defect;

static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

/// Holds the port and the name until it is dropped.
pub(crate) async fn alone() -> MutexGuard<'static, ()> {
    ONE_AT_A_TIME.lock().await
}

pub(crate) fn order(cases: &[Case], only: &[&str]) -> Order {
    let profile = Profile::simulator();
    let none: &[&str] = &[];
    let selection = Selection::parse(only, none).expect("known names");
    let plan = run::plan(cases, &profile, &selection);
    assert!(!plan.scenarios.is_empty(), "{only:?} selects something");
    Order {
        plan,
        profile,
        seed: 1,
        strict: false,
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
    let _alone = alone().await;
    let (subject, embedded) = subject::embedded(defects)
        .await
        .expect("the simulator starts");
    let stop = CancellationToken::new();
    let certified = run::certify(subject, order, cases, journal, &stop, |_| {}).await;
    embedded.shutdown().await;
    certified.expect("the simulator's identities can be used")
}
