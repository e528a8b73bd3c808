//! A whole run: begin, drive, judge.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use vinr_protocol::Timestamp;
use vinr_protocol::requirement::{self, Role};

use super::{Context, Progress, drive};
use crate::features::Case;
use crate::journal::{Entry, Event, Journal, Said};
use crate::judge::judge;
use crate::known::KnownFailures;
use crate::latency::{Cold, Latency};
use crate::plan::{Outcome, Plan, Selection};
use crate::probe::{IdentityError, Request};
use crate::profile::Profile;
use crate::steps;
use crate::subject::Subject;
use crate::verdict::{
    CertificateFacts, Claims, Ending, Environment, Results, Run, SubjectFacts, Suite,
};

/// A control port that answers no more must not hold up the end of a run.
const HANDED_BACK_WITHIN: Duration = Duration::from_millis(300);

/// What is to be certified, and how.
#[derive(Debug, Clone)]
pub struct Order {
    /// What the maker claims.
    pub profile: Profile,
    /// What is run.
    pub plan: Plan,
    /// Picks timings.
    pub seed: u64,
    /// Warnings close the gate.
    pub strict: bool,
    /// No clock of a simulator is set to shorten a wait.
    pub real_time: bool,
    /// The command that runs the same again.
    pub command: String,
    /// What is known to be broken.
    pub known: KnownFailures,
    /// What an earlier sitting of the same run has done already.
    pub resumed: Option<Resumed>,
}

/// A run that was interrupted, and goes on.
#[derive(Debug, Clone)]
pub struct Resumed {
    /// When it began.
    pub started: Timestamp,
    /// How far each scenario came that is not run again.
    pub outcomes: Vec<Outcome>,
}

/// What came of it.
#[derive(Debug, Clone)]
pub struct Certified {
    /// Everything that was found out.
    pub results: Results,
    /// Everything that was seen.
    pub entries: Vec<Entry>,
    /// How far each scenario came.
    pub outcomes: Vec<Outcome>,
}

/// The plan for a subject: the scenarios that speak of a rule which binds one of its roles.
pub fn plan(cases: &[Case], profile: &Profile, selection: &Selection) -> Plan {
    plan_by(&profile.claims(), profile.features(), cases, selection)
}

/// The same by claims and features alone: all that a bundle keeps of its profile in the clear.
pub(crate) fn plan_by(
    claims: &Claims,
    features: &BTreeMap<String, bool>,
    cases: &[Case],
    selection: &Selection,
) -> Plan {
    let roles = &claims.roles;
    let binds = |id: &String| {
        requirement::find(id).is_some_and(|row| row.roles.iter().any(|role| roles.contains(role)))
    };
    let scenarios = cases
        .iter()
        .map(|case| case.scenario.clone())
        .filter(|scenario| scenario.requirements.iter().any(binds))
        // What only the suite's own simulator can be made to suffer is planned for no device.
        .filter(|scenario| {
            let is_of_simulators = scenario.tags.iter().any(|tag| tag == "simulator");
            !is_of_simulators || roles.contains(&Role::Simulator)
        });
    Plan::new(scenarios, features, selection)
}

/// Certifies a terminal. The error is the suite's own: the subject's faults stand in the results.
pub async fn certify(
    subject: Subject,
    order: &Order,
    cases: &[Case],
    journal: Journal,
    stop: &CancellationToken,
    tell: impl FnMut(Progress<'_>),
) -> Result<Certified, IdentityError> {
    let (started, done) = match &order.resumed {
        Some(resumed) => (resumed.started, resumed.outcomes.clone()),
        None => (jiff::Timestamp::now().into(), Vec::new()),
    };
    let name = subject.name.clone();
    let mut context = Context::begin(journal, subject, &order.profile, order.seed)?;
    context.real_time = order.real_time;
    let begun = tokio::select! {
        begun = begin(&context, order) => begun,
        () = stop.cancelled() => Err(Ending::Interrupted),
    };
    let (ending, outcomes) = match begun {
        Err(ending) => (ending, done),
        Ok(()) => {
            context.drivers.invite();
            let driven = drive(&context, cases, &order.plan, &done, stop, tell).await;
            let _ = timeout(HANDED_BACK_WITHIN, context.drivers.hand_back_the_card()).await;
            let ending = match driven.faults.first() {
                _ if driven.interrupted => Ending::Interrupted,
                Some(fault) => Ending::Fault(fault.clone()),
                None => Ending::Complete,
            };
            (ending, done.into_iter().chain(driven.outcomes).collect())
        }
    };
    let entries = context.journal.close(Event::RunEnd {
        interrupted: ending == Ending::Interrupted,
    });
    let run = Run {
        suite: Suite::this(),
        subject: facts(name, &context, &entries),
        profile: order.profile.facts(),
        plan: order.plan.facts(),
        seed: order.seed,
        started,
        ended: Timestamp::from(jiff::Timestamp::now()),
        ending,
        strict: order.strict,
        environment: environment(&context),
        command: order.command.clone(),
    };
    let claims = order.profile.claims();
    let results = conclude(run, claims, &order.plan, &outcomes, &entries, &order.known);
    Ok(Certified {
        results,
        entries,
        outcomes,
    })
}

/// The result of a run in which nothing was driven yet: what stands in the bundle while it goes on, and all that is left
/// of when it began, and of how, if it is killed.
pub fn not_begun(subject: &Subject, order: &Order) -> Results {
    let now = Timestamp::from(jiff::Timestamp::now());
    let run = Run {
        suite: Suite::this(),
        subject: SubjectFacts {
            name: subject.name.clone(),
            address: subject.address.to_string(),
            ..SubjectFacts::default()
        },
        profile: order.profile.facts(),
        plan: order.plan.facts(),
        seed: order.seed,
        started: now,
        ended: now,
        ending: Ending::Interrupted,
        strict: order.strict,
        environment: Environment::new(),
        command: order.command.clone(),
    };
    let claims = order.profile.claims();
    conclude(run, claims, &order.plan, &[], &[], &order.known)
}

/// From what was seen to a result: the only way, when a run ends and whenever its journal is judged again.
pub(crate) fn conclude(
    run: Run,
    claims: Claims,
    plan: &Plan,
    outcomes: &[Outcome],
    entries: &[Entry],
    known: &KnownFailures,
) -> Results {
    let findings = judge(entries, plan);
    let what = "From the last request byte to the active screen, warm connection";
    let latency = Latency::of(what, &samples_ns(entries));
    let latency = latency.map(|warm| warm.beside(Cold::of(&cold_samples_ns(entries))));
    let mut results = Results::judge_by(run, claims, plan, outcomes, findings, latency, known);
    results.simulated_time = simulated_time(plan, entries);
    results
}

/// The scenarios in which a clock was set ahead, or ran faster.
fn simulated_time(plan: &Plan, entries: &[Entry]) -> Vec<String> {
    let is_set = |entry: &&Entry| match &entry.event {
        Event::ClockSet { ahead_s, .. } => *ahead_s > 0,
        Event::Claim(claim) => matches!(claim.said, Said::Within { pace: 2.., .. }),
        _ => false,
    };
    let set: BTreeSet<_> = entries
        .iter()
        .filter(is_set)
        .filter_map(|entry| entry.scenario.as_deref())
        .collect();
    let planned = plan.scenarios.iter().map(|scenario| &scenario.id);
    planned
        .filter(|id| set.contains(id.as_str()))
        .cloned()
        .collect()
}

/// The activation samples that count and whose screen was seen.
pub fn samples_ns(entries: &[Entry]) -> Vec<u64> {
    let samples = entries.iter().filter_map(|entry| match &entry.event {
        Event::LatencySample {
            warm_up: false,
            offline: false,
            screen_ns,
            ..
        } => *screen_ns,
        _ => None,
    });
    samples.collect()
}

/// The samples on new connections whose screen was seen: the handshake, and all of it.
fn cold_samples_ns(entries: &[Entry]) -> Vec<(u64, u64)> {
    let samples = entries.iter().filter_map(|entry| match &entry.event {
        Event::ColdSample {
            handshake_ns,
            screen_ns: Some(screen_ns),
            ..
        } => Some((*handshake_ns, *screen_ns)),
        _ => None,
    });
    samples.collect()
}

async fn begin(context: &Context, order: &Order) -> Result<(), Ending> {
    reach(context).await.map_err(Ending::Unreachable)?;
    prepare(context).await;
    if order.resumed.is_some() {
        steps::put_right(context).await;
    }
    Ok(())
}

/// Is there anybody at all? A terminal that is there and behaves badly is not unreachable.
async fn reach(context: &Context) -> Result<(), String> {
    let till = context.probe.connect(Some(&context.subject.till)).await;
    if till.is_open() {
        let mut reader = till.send(Request::get("/v1/reader")).await;
        reader
            .answer_within(std::time::Duration::from_secs(5))
            .await;
        return Ok(());
    }
    let refused = context
        .journal
        .entries()
        .into_iter()
        .find_map(|entry| match entry.event {
            Event::Dial {
                address,
                error: Some(error),
                ..
            } => Some(format!("{address}: {error}")),
            _ => None,
        });
    refused.map_or(Ok(()), Err)
}

/// Takes the scripted cardholder's place and opens our eyes. Where that fails, what needs it becomes
/// could-not-test, and the journal says why.
async fn prepare(context: &Context) {
    let failures = [
        context.drivers.take_over_the_card().await,
        context.drivers.watch_screen().await,
    ];
    for failure in failures.into_iter().filter_map(Result::err) {
        context.journal.record(Event::Note {
            text: failure.to_string(),
        });
    }
}

fn facts(name: String, context: &Context, entries: &[Entry]) -> SubjectFacts {
    let reader = entries.iter().find_map(|entry| match &entry.event {
        Event::Body { text, .. } => {
            let value: serde_json::Value = serde_json::from_str(text).ok()?;
            (value["object"] == "reader").then_some(value)
        }
        _ => None,
    });
    let certificate = entries.iter().find_map(|entry| match &entry.event {
        Event::Handshake(handshake) => handshake.certificate.as_ref(),
        _ => None,
    });
    SubjectFacts {
        name,
        address: context.probe.address().to_string(),
        terminal: certificate
            .and_then(|certificate| certificate.names.first())
            .and_then(|name| name.strip_prefix("dns:"))
            .map(str::to_owned),
        reader,
        certificate: certificate.map(|certificate| CertificateFacts {
            names: certificate.names.clone(),
            issuer: certificate.issuer.clone(),
            not_before: certificate.not_before.clone(),
            not_after: certificate.not_after.clone(),
            key: certificate.key_kind.clone(),
            sha256: certificate.sha256.clone(),
        }),
    }
}

fn environment(context: &Context) -> Environment {
    BTreeMap::from([
        ("system".to_owned(), std::env::consts::OS.to_owned()),
        ("architecture".to_owned(), std::env::consts::ARCH.to_owned()),
        (
            "processors".to_owned(),
            std::thread::available_parallelism()
                .map_or("unknown".into(), |number| number.to_string()),
        ),
        (
            "build".to_owned(),
            if cfg!(debug_assertions) {
                "debug"
            } else {
                "release"
            }
            .to_owned(),
        ),
        ("driver".to_owned(), context.drivers.describe()),
        (
            "scenarios".to_owned(),
            match context.may_stand_apart() {
                true => "those with a terminal of their own beside the others",
                false => "one after the other",
            }
            .to_owned(),
        ),
    ])
}
