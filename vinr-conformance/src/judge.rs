//! The verdict on what was seen: a pure function of the journal and the plan.
//!
//! Two kinds of judgement meet here. A scenario **claims**: its last steps write what must be true of
//! which exchange into the journal, and `claims` finds out. And there are **rules** of the whole run:
//! an echo, a shape, a ledger, looked for in every answer of every scenario, whatever it is about. See
//! `rules`.
//!
//! Nothing here waits, sends or asks. What could not be seen is could-not-test, never pass, and the
//! same journal gives the same findings for ever.

mod claims;
mod client;
mod found;
mod payment;
mod rules;
mod trace;
pub mod weakened;
mod whole;

#[cfg(test)]
mod fixture;

use std::collections::BTreeSet;

use found::Found;
use trace::Trace;

use crate::journal::{Claim, Ended, Entry, Event};
use crate::plan::Plan;
use crate::verdict::Finding;

/// Judges a journal: one finding for each requirement of each planned scenario that was begun, several
/// where it was broken in several ways, and one wherever else a rule of the whole run was broken.
///
/// A journal may hold several sittings: a run that was interrupted and went on, or the shards of one plan. Each was with
/// a terminal of its own, or with one that may have done other things meanwhile, so what is compared over a whole run is
/// compared within each.
pub fn judge(entries: &[Entry], plan: &Plan) -> Vec<Finding> {
    let trace = Trace::new(entries);
    let evidence: Vec<_> = sittings(entries).flat_map(seen_by_stage).collect();
    let mut findings = Vec::new();
    for scenario in &plan.scenarios {
        for requirement in &scenario.requirements {
            let own = |one: &&Evidence| one.is_about(&scenario.id, requirement);
            let own: Vec<_> = evidence.iter().filter(own).map(|one| &one.found).collect();
            findings.extend(conclude(&trace, &scenario.id, requirement, &own));
        }
    }
    findings.extend(elsewhere(&evidence, plan));
    whole::conclude(&trace, plan, &mut findings);
    findings
}

/// Each begins where a run began.
fn sittings(entries: &[Entry]) -> impl Iterator<Item = &[Entry]> {
    entries.chunk_by(|_, next| !matches!(next.event, Event::RunBegin { .. }))
}

/// Each scenario with a terminal of its own is looked at by itself: what others did meanwhile was done to another one.
fn seen_by_stage(sitting: &[Entry]) -> Vec<Evidence> {
    let is_apart = |entry: &&Entry| entry.event == Event::Apart;
    let apart = sitting.iter().filter(is_apart);
    let apart: BTreeSet<_> = apart
        .filter_map(|entry| entry.scenario.as_deref())
        .collect();
    if apart.is_empty() {
        return seen(sitting);
    }
    let is_of = |entry: &&Entry, own: &str| match &entry.scenario {
        Some(scenario) => scenario == own,
        // What the run began with holds for all; its screen is that of the terminal under test.
        None => !matches!(entry.event, Event::ScreenWatch { .. } | Event::Screen(_)),
    };
    let alone = |own: &str| -> Vec<Entry> {
        let own = sitting.iter().filter(|entry| is_of(entry, own));
        own.cloned().collect()
    };
    let is_in_turn = |entry: &&Entry| {
        let scenario = entry.scenario.as_deref();
        scenario.is_none_or(|scenario| !apart.contains(scenario))
    };
    let in_turn: Vec<_> = sitting.iter().filter(is_in_turn).cloned().collect();
    let mut evidence = seen(&in_turn);
    for scenario in &apart {
        evidence.extend(seen(&alone(scenario)));
    }
    evidence
}

fn seen(sitting: &[Entry]) -> Vec<Evidence> {
    let trace = Trace::new(sitting);
    let mut evidence = claimed(&trace);
    for rule in rules::ALL.iter().chain(client::RULES) {
        for (scenario, found) in (rule.look)(&trace) {
            evidence.push(Evidence {
                scenario: scenario.to_owned(),
                requirement: rule.requirement.to_owned(),
                found,
            });
        }
    }
    evidence
}

/// Why no scenario judges a requirement, for a reader of the report who wants to know what is left to do by hand.
pub fn not_judged(requirement: &str) -> Option<&'static str> {
    let why = match requirement {
        "DISC-6" => {
            "The suite hears what is advertised by way of an mDNS library, and does not see probes, known answers and goodbyes \
             by themselves. It is no binding rule."
        }
        "REC-21" => {
            "The questions have no word for damage: nobody is asked to destroy a device's memory. A simulator of the suite's own \
             is damaged, and judged."
        }
        "GRP-1" | "GRP-2" | "GRP-3" | "GRP-4" => {
            "It takes two terminals of one cloud, and the terminal role has one under test: the suite starts both for the \
             simulator's profile only. A till that chooses among terminals is judged in the role client."
        }
        _ => return None,
    };
    Some(why)
}

/// The requirements that some claim vocabulary or rule can decide without a scenario's own claim.
pub fn judged_everywhere() -> BTreeSet<&'static str> {
    let all = rules::ALL.iter().chain(client::RULES);
    all.map(|rule| rule.requirement).collect()
}

struct Evidence {
    scenario: String,
    requirement: String,
    found: Found,
}

impl Evidence {
    fn is_about(&self, scenario: &str, requirement: &str) -> bool {
        self.scenario == scenario && self.requirement == requirement
    }
}

fn claimed(trace: &Trace<'_>) -> Vec<Evidence> {
    let claims = trace.entries.iter().filter_map(|entry| match &entry.event {
        Event::Claim(claim) => Some((entry, claim)),
        _ => None,
    });
    claims
        .map(|(entry, Claim { requirement, said })| Evidence {
            scenario: entry.scenario.clone().unwrap_or_default(),
            requirement: requirement.clone(),
            found: claims::weigh(trace, entry, said),
        })
        .collect()
}

/// What a scenario says of a requirement: every way in which it was broken; else what could not be seen;
/// else that it was kept.
fn conclude(trace: &Trace<'_>, scenario: &str, requirement: &str, own: &[&Found]) -> Vec<Finding> {
    let broken: Vec<_> = own.iter().filter(|found| found.is_broken()).collect();
    if !broken.is_empty() {
        let mut reasons = BTreeSet::new();
        return broken
            .into_iter()
            .map(|found| found.finding(requirement, scenario))
            .filter(|finding| reasons.insert(finding.reason.clone()))
            .collect();
    }
    if let Some(unseen) = own.iter().find(|found| found.is_unseen()) {
        return vec![unseen.finding(requirement, scenario)];
    }
    match trace.ended(scenario) {
        // Nobody began it, or nobody said how it ended: the plan's outcomes tell.
        None => Vec::new(),
        // Half a scenario proves nothing, whatever its first half looked like.
        Some(Ended::CouldNot { why } | Ended::Fault { why }) => {
            vec![Found::unseen(why.clone()).finding(requirement, scenario)]
        }
        Some(Ended::Interrupted) => {
            vec![Found::unseen("the run was interrupted").finding(requirement, scenario)]
        }
        Some(Ended::Completed) if !own.is_empty() => {
            vec![Found::all_kept(own).finding(requirement, scenario)]
        }
        Some(Ended::Completed) if judged_everywhere().contains(requirement) => {
            let nothing = "nothing was seen by which it could be judged";
            vec![Found::unseen(nothing).finding(requirement, scenario)]
        }
        Some(Ended::Completed) => Vec::new(),
    }
}

/// Rules of the whole run that were broken in scenarios that are about something else.
fn elsewhere(evidence: &[Evidence], plan: &Plan) -> Vec<Finding> {
    let mut said = BTreeSet::new();
    evidence
        .iter()
        .filter(|one| one.found.is_broken())
        .filter(|one| {
            !plan
                .scenarios
                .iter()
                .any(|scenario| scenario.id == one.scenario && scenario.names(&one.requirement))
        })
        .map(|one| one.found.finding(&one.requirement, &one.scenario))
        .filter(|finding| said.insert((finding.scenario.clone(), finding.reason.clone())))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::fixture::{SCENARIO, Story, payment};
    use super::judge;
    use crate::journal::{Claim, Ended, Event, Said};
    use crate::plan::{Plan, Scenario, Selection};
    use crate::verdict::State;

    fn plan(requirements: &[&str]) -> Plan {
        let scenario = Scenario::new(SCENARIO, "A story", "Stories", requirements.iter().copied());
        Plan::new([scenario], &BTreeMap::new(), &Selection::all())
    }

    fn ended(story: &mut Story, ended: Ended) {
        story.note(Event::ScenarioEnd { ended });
    }

    fn claim_completed(story: &mut Story, exchange: u64) {
        story.note(Event::Claim(Claim {
            requirement: "PAY-3".into(),
            said: Said::Ends {
                exchange,
                status: "completed".into(),
                decline_code: None,
                cancel_reason: None,
            },
        }));
    }

    fn states(story: Story, requirements: &[&str]) -> Vec<(String, State)> {
        judge(&story.into_entries(), &plan(requirements))
            .into_iter()
            // A story leaves out much that other rules look for.
            .filter(|finding| ["PAY-3", "PAY-8"].contains(&finding.requirement.as_str()))
            .map(|finding| (finding.reason, finding.state))
            .collect()
    }

    #[test]
    fn what_is_done_to_another_terminal_meanwhile_is_no_evidence() {
        use vinr_protocol::question::{Answer, Answered, Question};
        // Another scenario's card, on another terminal, while this one's payment waits for its own.
        let another = |entry: &mut crate::journal::Entry| entry.scenario = Some("b.story".into());
        let entries = |is_apart: bool| {
            let mut story = Story::new();
            let pay = story.pay("order_1", "k1", 2500);
            if is_apart {
                story.note(Event::Apart);
            }
            story.card("declined");
            story.card("approved");
            story.answer_payment(pay, "completed");
            ended(&mut story, Ended::Completed);
            let mut entries = story.into_entries();
            let is_about = |entry: &crate::journal::Entry, id: &str| match &entry.event {
                Event::Question(Question { id: own, .. }) => own == id,
                Event::Answer(Answer {
                    id: own, answer, ..
                }) => own == id && *answer == Answered::Done,
                Event::Apart => true,
                _ => false,
            };
            let asked = entries.iter().find_map(|entry| match &entry.event {
                Event::Question(question) => Some(question.id.clone()),
                _ => None,
            });
            let asked = asked.expect("a card was asked for");
            let theirs = entries.iter_mut().filter(|entry| is_about(entry, &asked));
            theirs.for_each(another);
            entries
        };
        let reasons = |is_apart| -> Vec<_> {
            let found = judge(&entries(is_apart), &plan(&["PAY-17"]));
            let found = found.into_iter().filter(|it| it.requirement == "PAY-17");
            found.map(|it| it.reason).collect()
        };
        assert_ne!(reasons(false), ["PAY-17.kept"]);
        assert_eq!(reasons(true), ["PAY-17.kept"]);
    }

    #[test]
    fn a_claim_that_holds_and_rules_that_hold_pass() {
        let mut story = Story::new();
        let pay = story.pay("order_1", "k1", 2500);
        story.answer_payment(pay, "completed");
        claim_completed(&mut story, pay);
        ended(&mut story, Ended::Completed);
        let states = states(story, &["PAY-3", "PAY-8"]);
        assert_eq!(
            states,
            [
                ("PAY-3.kept".into(), State::Pass),
                ("PAY-8.kept".into(), State::Pass)
            ]
        );
    }

    #[test]
    fn a_rule_that_is_broken_in_another_scenario_is_reported_there() {
        let mut story = Story::new();
        let pay = story.pay("order_1", "k1", 2500);
        story.answer(pay, 200, &payment("order_1", "k1", 9, "completed"));
        claim_completed(&mut story, pay);
        ended(&mut story, Ended::Completed);
        let states = states(story, &["PAY-3"]);
        assert!(
            states.contains(&("PAY-8.amount_altered".into(), State::Fail)),
            "{states:?}"
        );
    }

    #[test]
    fn half_a_scenario_is_could_not_test_and_never_pass() {
        let mut story = Story::new();
        let pay = story.pay("order_1", "k1", 2500);
        story.answer_payment(pay, "completed");
        claim_completed(&mut story, pay);
        ended(
            &mut story,
            Ended::CouldNot {
                why: "no hands".into(),
            },
        );
        let states = states(story, &["PAY-3", "PAY-8"]);
        assert!(
            states
                .iter()
                .all(|(_, state)| *state == State::CouldNotTest),
            "{states:?}"
        );
    }

    #[test]
    fn a_failure_in_half_a_scenario_is_a_failure() {
        let mut story = Story::new();
        let pay = story.pay("order_1", "k1", 2500);
        story.answer_payment(pay, "failed");
        claim_completed(&mut story, pay);
        ended(
            &mut story,
            Ended::CouldNot {
                why: "no hands".into(),
            },
        );
        assert_eq!(
            states(story, &["PAY-3"]),
            [("PAY-3.wrong_outcome".into(), State::Fail)]
        );
    }

    #[test]
    fn a_rule_with_nothing_to_look_at_is_could_not_test() {
        let mut story = Story::new();
        ended(&mut story, Ended::Completed);
        assert_eq!(
            states(story, &["PAY-8"]),
            [("PAY-8.could_not_test".into(), State::CouldNotTest)]
        );
    }

    #[test]
    fn a_scenario_that_never_began_is_left_to_the_plan() {
        assert_eq!(states(Story::new(), &["PAY-8"]), []);
    }
}
