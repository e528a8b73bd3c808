//! What a profile denies is tried, and what it describes is compared with the device.

use vinr_conformance::features;
use vinr_conformance::plan::Selection;
use vinr_conformance::profile::{Profile, Sheet, template};
use vinr_conformance::run::{self, Certified};
use vinr_conformance::verdict::State;

use crate::workbench::{certify_by, order};

/// Certifies an honest simulator by its own profile, changed in this way.
async fn by(was: &str, is: &str, only: &str) -> Certified {
    let text = template(Sheet::Simulator);
    assert!(text.contains(was), "the template holds {was}");
    let text = text.replacen(was, is, 1);
    let profile = Profile::parse(&text, "bench.toml".as_ref()).expect("a lawful profile");
    certify_by(profile, only).await
}

fn judged(certified: &Certified, requirement: &str) -> Vec<(String, State)> {
    let findings = certified.results.findings_of(requirement);
    findings
        .map(|one| (one.reason.clone(), one.state))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_its_profile_describes_is_itself() {
    let certified = by("VINR", "VINR", "bench.profile").await;
    assert_eq!(
        judged(&certified, "TLS-2"),
        [("TLS-2.kept".into(), State::Pass)]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_of_another_version_is_not_the_one_that_is_certified() {
    let certified = by(
        "version = \"0.1.0\"",
        "version = \"0.0.9\"",
        "bench.profile",
    )
    .await;
    let expected = ("TLS-2.could_not_test".into(), State::CouldNotTest);
    assert_eq!(judged(&certified, "TLS-2"), [expected]);
    assert_eq!(certified.results.exit_code(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_profile_denies_is_tried() {
    let manual = by(
        "manual_capture = true",
        "manual_capture = false",
        "bench.no_manual",
    )
    .await;
    let accepted = ("PAY-18.accepted".into(), State::Fail);
    assert!(
        judged(&manual, "PAY-18").contains(&accepted),
        "{:#?}",
        manual.results.findings
    );
    let only = "bench.no_reading.contactless";
    let contactless = by("contactless = true", "contactless = false", only).await;
    let broken = judged(&contactless, "PAY-17");
    assert!(
        broken.iter().any(|(_, state)| *state == State::Fail),
        "{broken:?}"
    );
}

// The first and the last of a plan are the same payment.
#[test]
fn the_same_payment_is_the_first_and_the_last_of_a_plan() {
    let cases = features::all();
    let plan = order(cases, &[]).plan;
    let steps = |id: &str| {
        let case = cases
            .iter()
            .find(|case| case.scenario.id == id)
            .expect("a scenario");
        let steps = case.steps.iter().map(|step| step.value.clone());
        steps.collect::<Vec<_>>()
    };
    let ids: Vec<_> = plan.scenarios.iter().map(|own| own.id.as_str()).collect();
    assert_eq!(ids[..2], ["bench.profile", "bench.before"]);
    assert_eq!(ids.last(), Some(&"bench.after"));
    assert_eq!(steps("bench.before"), steps("bench.after"));
}

#[test]
fn each_negative_test_is_planned_exactly_where_its_feature_is_denied() {
    for (feature, id) in [
        ("manual_capture", "bench.no_manual"),
        ("contactless", "bench.no_reading.contactless"),
        ("chip", "bench.no_reading.chip"),
    ] {
        for has in [true, false] {
            let said = format!("{feature} = {has}");
            let text = template(Sheet::Simulator).replacen(&format!("{feature} = true"), &said, 1);
            let profile = Profile::parse(&text, "bench.toml".as_ref()).expect("a lawful profile");
            let plan = run::plan(features::all(), &profile, &Selection::all());
            let is_planned = plan.scenarios.iter().any(|own| own.id == id);
            assert_eq!(is_planned, !has, "{said}");
        }
    }
}
