//! A simulator behaves as a physical terminal: it passes whatever a terminal is judged by. \[SIM-2\]

use vinr_protocol::requirement::{self, Role};

use super::found::Found;
use super::trace::Trace;
use crate::journal::{Claim, Event, Said};
use crate::plan::Plan;
use crate::verdict::{Finding, State, WAITS};

/// Replaces the finding of each claim of [`Said::WholePlan`] by what all other findings come to.
pub(super) fn conclude(trace: &Trace<'_>, plan: &Plan, findings: &mut Vec<Finding>) {
    let claims: Vec<_> = trace
        .entries
        .iter()
        .filter_map(|entry| match &entry.event {
            Event::Claim(Claim {
                requirement,
                said: Said::WholePlan,
            }) => Some((entry, requirement)),
            _ => None,
        })
        .collect();
    for (entry, requirement) in claims {
        let scenario = entry.scenario.as_deref().unwrap_or_default();
        findings.retain(|own| own.requirement != *requirement || own.scenario != scenario);
        if plan.share.is_some() {
            findings.push(waits(requirement, scenario, entry.seq));
            continue;
        }
        findings.push(whole(plan, findings, entry.seq).finding(requirement, scenario));
    }
}

/// One shard does not know what the others found.
fn waits(requirement: &str, scenario: &str, seq: u64) -> Finding {
    Finding::new(requirement, scenario, State::NotRun, WAITS)
        .expected("every requirement of a terminal that the plan judges is kept")
        .seen("the shards of the plan are judged together when they are merged")
        .entries([seq])
}

fn whole(plan: &Plan, findings: &[Finding], seq: u64) -> Found {
    if !plan.is_full() {
        return Found::unseen("only a part of the plan was run");
    }
    let of_terminals = || {
        findings.iter().filter(|finding| {
            requirement::find(&finding.requirement)
                .is_some_and(|row| row.roles.contains(&Role::Terminal))
        })
    };
    let ids = |wanted: fn(State) -> bool| {
        let mut ids: Vec<_> = of_terminals()
            .filter(|finding| wanted(finding.state))
            .map(|finding| finding.requirement.as_str())
            .collect();
        ids.sort_unstable();
        ids.dedup();
        ids.join(", ")
    };
    let broken = ids(State::is_failure);
    if !broken.is_empty() {
        let expected = "every requirement of a terminal that the plan judges is kept";
        return Found::broken(
            "unlike_a_terminal",
            expected,
            format!("broken: {broken}"),
            [seq],
        );
    }
    let open = ids(State::is_untested);
    if !open.is_empty() {
        return Found::unseen(format!("could not be judged: {open}"));
    }
    if of_terminals().next().is_none() {
        return Found::unseen("nothing of a terminal was judged");
    }
    Found::kept([seq])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::plan::{Scenario, Selection};

    fn plan(selection: &[&str]) -> Plan {
        let scenarios = [
            Scenario::new("pay.one", "A payment", "payments", ["PAY-3"]),
            Scenario::new("sim.whole", "All of it", "simulator", ["SIM-2"]),
        ];
        let none: &[&str] = &[];
        let selection = Selection::parse(selection, none).expect("known");
        Plan::new(scenarios, &BTreeMap::new(), &selection)
    }

    fn judged(finding: Finding) -> Found {
        whole(&plan(&[]), &[finding], 1)
    }

    #[test]
    fn a_simulator_that_passes_all_of_it_behaves_as_a_terminal() {
        assert_eq!(judged(Finding::pass("PAY-3", "pay.one")), Found::kept([1]));
    }

    #[test]
    fn one_that_breaks_a_terminals_rule_does_not() {
        let found = judged(Finding::fail("PAY-3", "pay.one", "no_answer"));
        assert_eq!(found.reason(), Some("unlike_a_terminal"));
    }

    #[test]
    fn what_could_not_be_tested_leaves_it_open() {
        assert!(judged(Finding::could_not_test("PAY-3", "pay.one", "no card")).is_unseen());
        assert!(judged(Finding::pass("SIM-1", "sim.advert")).is_unseen());
    }

    #[test]
    fn a_part_of_the_plan_proves_nothing() {
        let finding = Finding::pass("PAY-3", "pay.one");
        assert!(whole(&plan(&["SIM-2"]), &[finding], 1).is_unseen());
    }
}
