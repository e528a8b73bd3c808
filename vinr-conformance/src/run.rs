//! Drives the scenarios of a plan, one after the other, and writes what is seen into the journal.
//!
//! Cucumber gives the language and finds the step; this driver takes it. Cucumber's own would end with
//! success on an undefined step and on an empty selection, knows no limit for a step, and runs scenarios
//! beside each other on one thread, where one's waiting is in the other's timing. Here a step that nobody
//! defined is the suite's own fault, every step has a limit, and a scenario never decides anything: see
//! [`judge`](crate::judge).

mod certify;
mod context;
mod latency;
mod play;
mod secrets;
mod story;

use std::time::{Duration, Instant};

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

pub use certify::{Certified, Order, Resumed, certify, not_begun, plan, samples_ns};
pub(crate) use certify::{conclude, plan_by};
pub use context::Context;
pub(crate) use latency::measure;
pub(crate) use play::{Staged, play};
pub use secrets::{cards, secrets};
pub use story::story;
pub(crate) use story::{Line, joined};

use crate::features::Case;
use crate::journal::{Ended, Event};
use crate::plan::{Outcome, Plan, Ran, Scenario};
use crate::steps::{self, Scene};

/// No step takes longer, but for the time that a person may take: beyond every wait inside a step, and beyond the 90 s
/// of a terminal.
const STEP_LIMIT: Duration = Duration::from_secs(120);

/// An interrupted run ends within 2 s; this is what a device gets of it.
const GIVE_BACK_WITHIN: Duration = Duration::from_millis(800);

/// What came of driving a plan.
#[derive(Debug, Clone)]
pub struct Driven {
    /// How far each scenario came, in the plan's order.
    pub outcomes: Vec<Outcome>,
    /// Somebody stopped it.
    pub interrupted: bool,
    /// The suite's own faults.
    pub faults: Vec<String>,
}

/// What is told while a plan is driven.
#[derive(Debug, Clone, Copy)]
pub enum Progress<'a> {
    /// A scenario begins: its place from 0, and its title.
    Begins(usize, &'a crate::plan::Scenario),
    /// It ended so.
    Ended(usize, &'a crate::plan::Scenario, &'a Ended),
}

/// Drives a plan to its end, or until `stop`; `done` is what an earlier sitting of the run has done already.
pub async fn drive(
    context: &Context,
    cases: &[Case],
    plan: &Plan,
    done: &[Outcome],
    stop: &CancellationToken,
    mut tell: impl FnMut(Progress<'_>),
) -> Driven {
    let steps = steps::collection();
    let mut driven = Driven {
        outcomes: Vec::new(),
        interrupted: false,
        faults: Vec::new(),
    };
    let is_done = |scenario: &&Scenario| done.iter().any(|one| one.scenario == scenario.id);
    let left: Vec<_> = plan
        .scenarios
        .iter()
        .enumerate()
        .filter(|(_, scenario)| !is_done(scenario))
        .collect();
    for (at, (place, scenario)) in left.iter().copied().enumerate() {
        if stop.is_cancelled() {
            driven.interrupted = true;
            break;
        }
        tell(Progress::Begins(place, scenario));
        let began = Instant::now();
        let case_of =
            |scenario: &Scenario| cases.iter().find(|case| case.scenario.id == scenario.id);
        let next = left.get(at + 1).and_then(|(_, next)| case_of(next));
        let ended = match case_of(scenario) {
            Some(case) => scene(context, &steps, case, next, stop).await,
            None => Ended::Fault {
                why: "the plan names a scenario that no feature has".into(),
            },
        };
        if let Ended::Fault { why } = &ended {
            driven.faults.push(format!("{}: {why}", scenario.id));
        }
        tell(Progress::Ended(place, scenario, &ended));
        driven.interrupted |= ended == Ended::Interrupted;
        driven.outcomes.push(Outcome {
            scenario: scenario.id.clone(),
            ran: ran(ended),
            duration_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        });
    }
    if context.is_internet_away() {
        // The scenario that was to find it so is not run any more.
        let _ = timeout(
            GIVE_BACK_WITHIN,
            Scene::new(context.clone()).give_back(false),
        )
        .await;
    }
    driven
}

/// How far a scenario came that ended so.
pub(crate) fn ran(ended: Ended) -> Ran {
    match ended {
        Ended::Completed => Ran::ToTheEnd,
        Ended::CouldNot { why } | Ended::Fault { why } => Ran::Stopped { why },
        Ended::Interrupted => Ran::Stopped {
            why: "the run was interrupted".into(),
        },
    }
}

/// Plays one scenario, tidies up after it, and journals both ends of it.
async fn scene(
    context: &Context,
    steps: &steps::Collection,
    case: &Case,
    next: Option<&Case>,
    stop: &CancellationToken,
) -> Ended {
    let journal = &context.journal;
    journal.enter(Some(&case.scenario.id));
    journal.record(Event::ScenarioBegin {
        title: case.scenario.name.clone(),
        requirements: case.scenario.requirements.clone(),
    });
    let mut scene = Scene::new(context.clone());
    let limit = STEP_LIMIT + scene.patience();
    let ended = tokio::select! {
        ended = play(&mut scene, steps, case, limit) => ended,
        () = stop.cancelled() => Ended::Interrupted,
    };
    if ended != Ended::Interrupted {
        tokio::select! {
            () = scene.tidy_up(next) => {}
            () = stop.cancelled() => {}
        }
    }
    if stop.is_cancelled() {
        // Whoever stopped it does not wait; whoever comes after it wants the internet back.
        let _ = timeout(GIVE_BACK_WITHIN, scene.give_back(false)).await;
    }
    drop(scene);
    journal.record(Event::ScenarioEnd {
        ended: ended.clone(),
    });
    journal.enter(None);
    ended
}
