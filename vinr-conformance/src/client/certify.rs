//! A whole run: is there an adapter at all, drive, judge.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use vinr_protocol::Timestamp;

use super::adapter::{Adapter, Program};
use super::drive::drive;
use super::papers::PapersError;
use super::pki::Authorities;
use super::protocol::Op;
use super::scene::SOON;
use super::shared::{Judged, Shared};
use super::veil::Veil;
use crate::bundle::Secret;
use crate::features::Case;
use crate::journal::{Answered, Entry, Event, Journal, Numbers, TillEvent};
use crate::known::KnownFailures;
use crate::plan::{Plan, Selection};
use crate::profile::{ScreenTill, TillProfile};
use crate::run::{self, Certified, Progress, Resumed};
use crate::verdict::{DeclaredWire, Ending, Run, SubjectFacts, Suite};

/// How the till is asked for anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// Through a program that speaks [JSON lines](super::protocol).
    Adapter(Program),
    /// At its screen, by somebody who uses it.
    Screen(ScreenTill),
}

/// What is to be certified, and how.
#[derive(Debug, Clone)]
pub struct Order {
    /// What the maker claims.
    pub profile: TillProfile,
    /// What is run.
    pub plan: Plan,
    /// The till.
    pub subject: Subject,
    /// Picks timings and the bytes at which connections break.
    pub seed: u64,
    /// Warnings close the gate.
    pub strict: bool,
    /// What is known to be broken.
    pub known: KnownFailures,
    /// The command that runs the same again.
    pub command: String,
    /// What an earlier sitting of the same run has done already.
    pub resumed: Option<Resumed>,
}

/// What a run needs beside its order: made before anything is started.
pub struct Session {
    shared: Arc<Shared>,
}

impl Session {
    /// New authorities for one run. Within a runtime: a page for people may be served from here on.
    pub fn new(order: &Order) -> Result<Self, PapersError> {
        let authorities = Authorities::new()?;
        let shared = Shared::new(&order.subject, authorities, order.seed)?;
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// Every secret that a till was given: none may stand in any file of the bundle.
    pub fn secrets(&self) -> Vec<Secret> {
        let given = self.shared.given();
        given
            .iter()
            .map(|(what, text)| Secret::new(what, text))
            .collect()
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").finish_non_exhaustive()
    }
}

/// The plan for a till.
pub fn plan(cases: &[Case], profile: &TillProfile, selection: &Selection) -> Plan {
    run::plan_by(&profile.claims(), &profile.abilities(), cases, selection)
}

/// Certifies a till. What goes wrong with it stands in the results.
pub async fn certify(
    session: &Session,
    order: &Order,
    cases: &[Case],
    journal: Journal,
    stop: &CancellationToken,
    tell: impl FnMut(Progress<'_>),
) -> Certified {
    let shared = &session.shared;
    let (started, done) = match &order.resumed {
        Some(resumed) => (resumed.started, resumed.outcomes.clone()),
        None => (jiff::Timestamp::now().into(), Vec::new()),
    };
    shared.goes_on(&Numbers::of(&journal.entries()));
    let profile = &order.profile;
    let address = match &order.subject {
        Subject::Adapter(program) => program.program.clone(),
        Subject::Screen(_) => "its screen".to_owned(),
    };
    journal.record(Event::RunBegin {
        suite: env!("CARGO_PKG_VERSION").into(),
        seed: order.seed,
        terminal: String::new(),
        address: address.clone(),
        wire: match profile.declared {
            DeclaredWire::VinrLocal1 => vinr_protocol::API.into(),
            DeclaredWire::Vendor => "vendor".into(),
        },
        driver: match shared.counter() {
            Some(counter) => counter.describe(),
            None => "adapter".into(),
        },
    });
    let (ending, outcomes) = match meet(shared, &journal).await {
        Err(why) => (Ending::Unreachable(why), done),
        Ok(()) => {
            let driven = drive(shared, &journal, cases, &order.plan, &done, stop, tell).await;
            let entries = journal.entries();
            let ending = match (driven.faults.first(), broke(&entries)) {
                _ if driven.interrupted => Ending::Interrupted,
                (Some(fault), _) => Ending::Fault(fault.clone()),
                (None, Some(why)) => Ending::Unreachable(why),
                (None, None) => Ending::Complete,
            };
            (ending, done.into_iter().chain(driven.outcomes).collect())
        }
    };
    let entries = journal.close(Event::RunEnd {
        interrupted: ending == Ending::Interrupted,
    });
    let run = Run {
        suite: Suite::this(),
        subject: SubjectFacts {
            name: profile.product.clone(),
            address,
            terminal: None,
            reader: said(&entries),
            certificate: None,
        },
        profile: profile.facts(),
        plan: order.plan.facts(),
        seed: order.seed,
        started,
        ended: Timestamp::from(jiff::Timestamp::now()),
        ending,
        strict: order.strict,
        environment: environment(),
        command: order.command.clone(),
    };
    let results = run::conclude(
        run,
        profile.claims(),
        &order.plan,
        &outcomes,
        &entries,
        &order.known,
    );
    Certified {
        results,
        entries,
        outcomes,
    }
}

/// Is there an adapter that speaks the protocol, and says so where it has no such op? Or a till with its files?
async fn meet(shared: &Shared, journal: &Journal) -> Result<(), String> {
    let program = match &shared.judged {
        Judged::Adapter(program) => program,
        Judged::Screen(counter) => return counter.open(journal).await,
    };
    let veil = Veil::default();
    let adapter = Adapter::start(program, 0, journal, &veil, &shared.ops, None)?;
    let hello = adapter.begin(&Op::Hello).within(SOON).await?;
    let wire = match &hello {
        Answered::Ok { value } => value["wire"].as_str().unwrap_or_default().to_owned(),
        Answered::Error { message, .. } => return Err(format!("it refuses hello: {message}")),
        Answered::Unsupported | Answered::Read { .. } => return Err("it has no hello".to_owned()),
    };
    if wire.is_empty() {
        return Err("its hello does not say which wire it speaks".to_owned());
    }
    let nonsense = format!("op_{:08x}", shared.seed ^ 0x5eed);
    let answer = adapter
        .begin(&Op::Nonsense(nonsense.clone()))
        .within(Duration::from_secs(10))
        .await?;
    if answer != Answered::Unsupported {
        return Err(format!(
            "it answers {nonsense}, an op that nobody has, with something else than unsupported"
        ));
    }
    adapter.end().await;
    Ok(())
}

/// Why nothing that the adapter said in some scenario counts: the first of all reasons.
pub(crate) fn broke(entries: &[Entry]) -> Option<String> {
    entries.iter().find_map(|entry| match &entry.event {
        Event::Till(TillEvent::Broke { why }) => Some(match &entry.scenario {
            Some(scenario) => format!("{scenario}: {why}"),
            None => why.clone(),
        }),
        _ => None,
    })
}

/// What it said of itself; foreign data.
fn said(entries: &[Entry]) -> Option<serde_json::Value> {
    entries.iter().find_map(|entry| match &entry.event {
        Event::Till(TillEvent::Told {
            answer: Answered::Ok { value },
            ..
        }) => Some(value.clone()),
        _ => None,
    })
}

fn environment() -> BTreeMap<String, String> {
    let build = if cfg!(debug_assertions) {
        "debug"
    } else {
        "release"
    };
    let processors = std::thread::available_parallelism();
    BTreeMap::from([
        ("system".to_owned(), std::env::consts::OS.to_owned()),
        ("architecture".to_owned(), std::env::consts::ARCH.to_owned()),
        (
            "processors".to_owned(),
            processors.map_or("unknown".into(), |number| number.to_string()),
        ),
        ("build".to_owned(), build.to_owned()),
    ])
}
