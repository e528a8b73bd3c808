//! Drives the scenarios of a plan, one after the other, and writes what is seen into the journal.
//!
//! Cucumber gives the language and finds the step; this driver takes it. Cucumber's own would end with
//! success on an undefined step and on an empty selection, knows no limit for a step, and runs scenarios
//! beside each other on one thread, where one's waiting is in the other's timing. Here a step that nobody
//! defined is the suite's own fault, every step has a limit, and a scenario never decides anything: see
//! [`judge`](crate::judge).

mod apart;
mod certify;
mod context;
mod latency;
mod play;
mod secrets;
mod story;

use std::time::{Duration, Instant};

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use apart::Beside;
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
    let case_of = |scenario: &Scenario| cases.iter().find(|case| case.scenario.id == scenario.id);
    let is_done = |scenario: &&Scenario| done.iter().any(|one| one.scenario == scenario.id);
    let left = plan.scenarios.iter().enumerate();
    let left = left.filter(|(_, scenario)| !is_done(scenario));
    let (beside, in_turn): (Vec<_>, Vec<_>) = left.partition(|(_, scenario)| {
        scenario.is_apart() && context.may_stand_apart() && case_of(scenario).is_some()
    });
    let count = beside.len() + in_turn.len();
    let mut beside = Beside::begin(
        context,
        beside
            .into_iter()
            .filter_map(|(place, scenario)| Some((place, case_of(scenario)?.clone()))),
        stop,
    );
    for (at, (place, scenario)) in in_turn.iter().copied().enumerate() {
        if is_measured(scenario) {
            // Nobody else may be in its timing.
            beside.ends(&mut driven, &mut tell).await;
        }
        if stop.is_cancelled() {
            driven.interrupted = true;
            break;
        }
        tell(Progress::Begins(place, scenario));
        let began = Instant::now();
        let next = in_turn.get(at + 1).and_then(|(_, next)| case_of(next));
        let ended = match case_of(scenario) {
            Some(case) => scene(context, &steps, case, next, stop).await,
            None => Ended::Fault {
                why: "the plan names a scenario that no feature has".into(),
            },
        };
        driven.ended(place, scenario, ended, began.elapsed(), &mut tell);
        beside.ended_meanwhile(&mut driven, &mut tell);
    }
    beside.ends(&mut driven, &mut tell).await;
    driven.interrupted |= stop.is_cancelled() && driven.outcomes.len() < count;
    let place_of = |outcome: &Outcome| {
        let mut planned = plan.scenarios.iter();
        planned.position(|scenario| scenario.id == outcome.scenario)
    };
    driven.outcomes.sort_by_key(place_of);
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

impl Driven {
    fn ended(
        &mut self,
        place: usize,
        scenario: &Scenario,
        ended: Ended,
        took: Duration,
        tell: &mut impl FnMut(Progress<'_>),
    ) {
        if let Ended::Fault { why } = &ended {
            self.faults.push(format!("{}: {why}", scenario.id));
        }
        tell(Progress::Ended(place, scenario, &ended));
        self.interrupted |= ended == Ended::Interrupted;
        self.outcomes.push(Outcome {
            scenario: scenario.id.clone(),
            ran: ran(ended),
            duration_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        });
    }
}

/// Is it about how long something takes?
fn is_measured(scenario: &Scenario) -> bool {
    let mut ids = scenario.requirements.iter();
    ids.any(|id| id.starts_with("LAT-"))
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
    // The journal of a scenario that stands apart is its own.
    let is_in_turn = journal.scenario().is_none();
    if is_in_turn {
        journal.enter(Some(&case.scenario.id));
    }
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
    if is_in_turn {
        journal.enter(None);
    }
    ended
}
