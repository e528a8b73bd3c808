//! The verdict and the gate: both sides of each rule.

#[path = "report/fixture.rs"]
#[expect(dead_code, reason = "the report's tests use the rest")]
mod fixture;

use fixture::{all_kept, claims, plan, run, to_the_end, with};
use vinr_conformance::plan::{Plan, Ran, Selection};
use vinr_conformance::verdict::{Claims, DeclaredWire, Ending, Finding, Results, State, Verdict};
use vinr_protocol::requirement::{self, Level, Role};

#[test]
fn rules_that_nobody_can_judge_yet_leave_the_verdict_open_and_the_gate_too() {
    let plan = full();
    let results = judge(&plan, all_kept(&plan));
    assert_eq!(results.verdict, Verdict::Inconclusive);
    assert_eq!(results.exit_code(), 0);
    assert!(
        results.why[0].contains("not implemented by this version"),
        "{:?}",
        results.why
    );
}

#[test]
fn a_subject_is_conformant_when_every_must_that_applies_passed() {
    let plan = full();
    let results = Results::judge(
        run(&plan),
        only_judged(&plan),
        &plan,
        &to_the_end(&plan),
        all_kept(&plan),
        None,
    );
    assert_eq!(results.verdict, Verdict::Conformant);
    assert_eq!(results.why, Vec::<String>::new());
    assert_eq!(results.exit_code(), 0);
}

#[test]
fn one_must_that_failed_is_nonconformant_and_named() {
    let plan = full();
    let results = conformant_but(
        &plan,
        Finding::fail("PAY-8", "payments/odd-amount", "amount_altered"),
    );
    assert_eq!(results.verdict, Verdict::Nonconformant);
    assert_eq!(results.exit_code(), 1);
    assert!(results.gate.why.contains("PAY-8"), "{}", results.gate.why);
}

#[test]
fn one_scenario_that_failed_outweighs_another_that_passed() {
    let plan = full();
    let results = conformant_but(
        &plan,
        Finding::fail("PAY-8", "payments/odd-amount", "amount_altered"),
    );
    assert_eq!(state(&results, "PAY-8"), State::Fail);
}

#[test]
fn one_must_that_could_not_be_tested_is_inconclusive_and_closes_the_gate() {
    let plan = full();
    let results = conformant_but(
        &plan,
        Finding::could_not_test("LAT-1", "latency/activation", "no screen"),
    );
    assert_eq!(results.verdict, Verdict::Inconclusive);
    assert_eq!(results.exit_code(), 3);
}

#[test]
fn one_must_that_waits_for_a_person_is_inconclusive_and_closes_the_gate() {
    let plan = full();
    let finding = Finding::new("LAT-1", "latency/activation", State::NeedsReview, "blurred");
    let results = conformant_but(&plan, finding);
    assert_eq!(results.verdict, Verdict::Inconclusive);
    assert_eq!(results.exit_code(), 3);
}

#[test]
fn a_should_that_failed_is_a_warning_and_fails_nobody() {
    let plan = full();
    let results = conformant_but(
        &plan,
        Finding::fail("PAY-14", "payments/approved", "head_late"),
    );
    assert_eq!(state(&results, "PAY-14"), State::Warn);
    assert_eq!(results.verdict, Verdict::Conformant);
    assert_eq!(results.exit_code(), 0);
}

#[test]
fn a_warning_closes_the_gate_only_where_it_is_asked_to() {
    let plan = full();
    let mut strict = run(&plan);
    strict.strict = true;
    let findings = with(
        all_kept(&plan),
        Finding::fail("PAY-14", "payments/approved", "head_late"),
    );
    let results = Results::judge(
        strict,
        only_judged(&plan),
        &plan,
        &to_the_end(&plan),
        findings,
        None,
    );
    assert_eq!(results.exit_code(), 2);
    assert_eq!(results.verdict, Verdict::Conformant);
}

#[test]
fn our_own_rule_fails_only_a_subject_that_declares_our_wire() {
    let plan = full();
    let finding = Finding::fail("REC-13", "recovery/lookup", "foreign_attempt_listed");
    assert_eq!(
        state(&conformant_but(&plan, finding.clone()), "REC-13"),
        State::Fail
    );

    let vendor = Claims {
        wire: DeclaredWire::Vendor,
        ..only_judged(&plan)
    };
    let findings = with(all_kept(&plan), finding);
    let results = Results::judge(
        run(&plan),
        vendor,
        &plan,
        &to_the_end(&plan),
        findings,
        None,
    );
    assert_eq!(state(&results, "REC-13"), State::Warn);
    assert_eq!(results.verdict, Verdict::Conformant);
}

#[test]
fn a_quoted_rule_fails_a_subject_of_any_wire() {
    let plan = full();
    let vendor = Claims {
        wire: DeclaredWire::Vendor,
        ..only_judged(&plan)
    };
    let findings = with(
        all_kept(&plan),
        Finding::fail("PAY-3", "payments/declined", "202"),
    );
    let results = Results::judge(
        run(&plan),
        vendor,
        &plan,
        &to_the_end(&plan),
        findings,
        None,
    );
    assert_eq!(results.verdict, Verdict::Nonconformant);
}

#[test]
fn a_known_failure_opens_the_gate_and_never_a_certificate() {
    let plan = full();
    let finding = Finding::new(
        "PAY-8",
        "payments/odd-amount",
        State::KnownFail,
        "amount_altered",
    );
    let results = conformant_but(&plan, finding);
    assert_eq!(results.verdict, Verdict::Nonconformant);
    assert_eq!(results.exit_code(), 0);
}

#[test]
fn a_known_failure_that_passes_closes_the_gate() {
    let plan = full();
    let finding = Finding::new(
        "PAY-8",
        "payments/odd-amount",
        State::UnexpectedPass,
        "kept",
    );
    let results = conformant_but(&plan, finding);
    assert_eq!(results.verdict, Verdict::Conformant);
    assert_eq!(results.exit_code(), 4);
}

#[test]
fn a_part_of_the_plan_is_never_a_certificate_and_may_open_the_gate() {
    let only = Selection::parse(&["PAY-8"], &[] as &[&str]).expect("known");
    let part = plan(&only);
    let results = Results::judge(
        run(&part),
        only_judged(&full()),
        &part,
        &to_the_end(&part),
        all_kept(&part),
        None,
    );
    assert_eq!(results.verdict, Verdict::Inconclusive);
    assert_eq!(results.why[0], "Only a part of the profile's plan was run.");
    assert_eq!(results.exit_code(), 0);
    assert_eq!(state(&results, "PAY-8"), State::Pass);
    assert_eq!(state(&results, "PAY-20"), State::NotRun);
}

#[test]
fn a_rule_that_was_kept_in_a_part_of_its_scenarios_only_is_not_passed() {
    let only = Selection::parse(&["payments/approved"], &[] as &[&str]).expect("known");
    let part = plan(&only);
    let results = judge(&part, all_kept(&part));
    assert_eq!(state(&results, "PAY-2"), State::Pass);
    assert_eq!(state(&results, "PAY-8"), State::NotRun);
    assert_eq!(results.exit_code(), 0);
}

#[test]
fn a_failure_in_a_part_of_the_plan_is_a_failure() {
    let only = Selection::parse(&["PAY-8"], &[] as &[&str]).expect("known");
    let part = plan(&only);
    let findings = with(
        all_kept(&part),
        Finding::fail("PAY-8", "payments/odd-amount", "amount_altered"),
    );
    let results = Results::judge(
        run(&part),
        only_judged(&full()),
        &part,
        &to_the_end(&part),
        findings,
        None,
    );
    assert_eq!(results.verdict, Verdict::Nonconformant);
    assert_eq!(results.exit_code(), 1);
}

#[test]
fn a_judge_that_says_nothing_of_a_scenario_that_ran_is_a_fault_of_the_suite() {
    let plan = full();
    let mut findings = all_kept(&plan);
    findings.retain(|finding| finding.requirement != "LAT-1");
    let results = judge(&plan, findings);
    assert_eq!(state(&results, "LAT-1"), State::HarnessError);
    assert_eq!(results.exit_code(), 70);
}

#[test]
fn a_scenario_that_stopped_half_way_could_not_be_tested() {
    let results = silent_about_latency(Ran::Stopped {
        why: "the card reader hangs".to_owned(),
    });
    assert_eq!(state(&results, "LAT-1"), State::CouldNotTest);
    assert_eq!(results.exit_code(), 3);
}

#[test]
fn a_scenario_that_never_started_was_not_run() {
    let results = silent_about_latency(Ran::NotStarted);
    assert_eq!(state(&results, "LAT-1"), State::NotRun);
    assert_eq!(results.exit_code(), 3);
}

#[test]
fn an_interrupted_run_says_so_first() {
    assert_eq!(ended(Ending::Interrupted).exit_code(), 130);
    assert_eq!(ended(Ending::Interrupted).verdict, Verdict::Inconclusive);
}

#[test]
fn a_subject_that_cannot_be_reached_is_no_failure_of_it() {
    let results = ended(Ending::Unreachable("connection refused".to_owned()));
    assert_eq!(results.exit_code(), 69);
    assert_eq!(results.verdict, Verdict::Inconclusive);
}

#[test]
fn a_fault_of_the_suite_is_no_verdict() {
    let results = ended(Ending::Fault("the journal cannot be written".to_owned()));
    assert_eq!(results.exit_code(), 70);
    assert_eq!(results.verdict, Verdict::Inconclusive);
}

#[test]
fn a_feature_that_is_there_makes_the_negative_rule_not_apply() {
    let plan = full();
    let results = judge(&plan, all_kept(&plan));
    assert_eq!(state(&results, "OFF-4"), State::NotApplicable);
    assert_eq!(state(&results, "OFF-2"), State::NotImplemented);
}

#[test]
fn a_rule_for_another_role_does_not_apply() {
    let plan = full();
    let results = judge(&plan, all_kept(&plan));
    assert_eq!(state(&results, "REC-4"), State::NotApplicable);
}

#[test]
fn a_row_without_a_scenario_is_never_passed() {
    let plan = full();
    let results = judge(&plan, all_kept(&plan));
    for row in &results.rows {
        let is_spoken_of = plan
            .scenarios
            .iter()
            .any(|scenario| scenario.names(&row.id));
        assert!(is_spoken_of || !row.state.is_satisfied(), "{}", row.id);
    }
}

fn judge(plan: &Plan, findings: Vec<Finding>) -> Results {
    Results::judge(run(plan), claims(), plan, &to_the_end(plan), findings, None)
}

fn full() -> Plan {
    plan(&Selection::all())
}

/// Claims that excuse from every binding rule of which no scenario speaks: what is left can be
/// conformant.
fn only_judged(plan: &Plan) -> Claims {
    let excused = requirement::all()
        .iter()
        .filter(|rule| rule.level == Level::Must)
        .filter(|rule| {
            !plan
                .scenarios
                .iter()
                .any(|scenario| scenario.names(&rule.id))
        })
        .map(|rule| (rule.id.clone(), "for the test".to_owned()))
        .collect();
    Claims {
        roles: [Role::Terminal].into(),
        wire: DeclaredWire::VinrLocal1,
        excused,
    }
}

fn conformant_but(plan: &Plan, finding: Finding) -> Results {
    let findings = with(all_kept(plan), finding);
    Results::judge(
        run(plan),
        only_judged(plan),
        plan,
        &to_the_end(plan),
        findings,
        None,
    )
}

fn silent_about_latency(ran: Ran) -> Results {
    let plan = full();
    let mut findings = all_kept(&plan);
    findings.retain(|finding| finding.requirement != "LAT-1");
    let mut outcomes = to_the_end(&plan);
    for outcome in &mut outcomes {
        if outcome.scenario == "latency/activation" {
            outcome.ran = ran.clone();
        }
    }
    Results::judge(
        run(&plan),
        only_judged(&plan),
        &plan,
        &outcomes,
        findings,
        None,
    )
}

fn ended(ending: Ending) -> Results {
    let plan = full();
    let mut run = run(&plan);
    run.ending = ending;
    Results::judge(run, only_judged(&plan), &plan, &[], Vec::new(), None)
}

fn state(results: &Results, id: &str) -> State {
    let row = results.rows.iter().find(|row| row.id == id);
    row.expect("every requirement has a row").state
}
