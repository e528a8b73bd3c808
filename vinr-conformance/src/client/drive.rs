//! Drives the scenarios of a plan side by side, and writes what is seen into the journal.
//!
//! Those that are about speed come first, each alone. Then those that wait for minutes begin, all together, and the others
//! beside them, a few at a time, so that nobody's timing is another one's load.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::scene::Scene;
use super::shared::Shared;
use super::steps;
use crate::features::Case;
use crate::journal::{Ended, Event, Journal};
use crate::plan::{Outcome, Plan, Ran};
use crate::run::{Driven, Progress, play, ran};

/// No step takes longer: beyond the longest deadline that a till is given.
const STEP_LIMIT: Duration = Duration::from_secs(240);

/// How many scenarios run at a time, beside those that only wait.
const SIDE_BY_SIDE: usize = 4;

/// An adapter that did not keep to its protocol in so many scenarios is not asked any further.
const PATIENCE: u32 = 3;

/// A tag: nothing runs beside it.
const ALONE: &str = "alone";

/// A tag: it waits for minutes, and costs nothing meanwhile.
const SLOW: &str = "slow";

/// Drives a plan to its end, or until `stop`; `done` is what an earlier sitting of the run has done already.
pub(super) async fn drive(
    shared: &Arc<Shared>,
    journal: &Journal,
    cases: &[Case],
    plan: &Plan,
    done: &[Outcome],
    stop: &CancellationToken,
    mut tell: impl FnMut(Progress<'_>),
) -> Driven {
    let steps = steps::collection();
    let has = |place: usize, tag: &str| plan.scenarios[place].tags.iter().any(|own| own == tag);
    // A till with a screen takes one payment at a time.
    let is_alone = |place: usize| shared.counter().is_some() || has(place, ALONE);
    let is_done = |id: &str| done.iter().any(|outcome| outcome.scenario == id);
    let (alone, others): (Vec<_>, Vec<_>) = (0..plan.scenarios.len())
        .filter(|place| !is_done(&plan.scenarios[*place].id))
        .partition(|place| is_alone(*place));
    let (slow, quick): (Vec<_>, Vec<_>) = others.into_iter().partition(|place| has(*place, SLOW));
    let mut ended: Vec<Option<(Ended, Duration)>> = vec![None; plan.scenarios.len()];
    let broken = AtomicU32::new(0);
    let is_over = || stop.is_cancelled() || broken.load(Ordering::Relaxed) >= PATIENCE;
    let one = |place: usize| {
        let (shared, steps, broken) = (shared.clone(), &steps, &broken);
        async move {
            let scenario = &plan.scenarios[place];
            let journal = journal.of_scenario(&scenario.id);
            let began = Instant::now();
            let case = cases.iter().find(|case| case.scenario.id == scenario.id);
            let how = match case {
                Some(case) => scene(shared, journal, steps, case, stop, broken).await,
                None => Ended::Fault {
                    why: "the plan names a scenario that no feature has".into(),
                },
            };
            (place, how, began.elapsed())
        }
    };
    for place in alone {
        if is_over() {
            break;
        }
        tell(Progress::Begins(place, &plan.scenarios[place]));
        let (place, how, took) = one(place).await;
        tell(Progress::Ended(place, &plan.scenarios[place], &how));
        ended[place] = Some((how, took));
    }
    let places = Semaphore::new(SIDE_BY_SIDE);
    let mut running = FuturesUnordered::new();
    for (place, waits) in slow
        .into_iter()
        .map(|place| (place, true))
        .chain(quick.into_iter().map(|place| (place, false)))
    {
        let (places, one, is_over) = (&places, &one, &is_over);
        running.push(async move {
            let _place = match waits {
                true => None,
                false => places.acquire().await.ok(),
            };
            if is_over() {
                return None;
            }
            Some(one(place).await)
        });
    }
    while let Some(done) = running.next().await {
        if let Some((place, how, took)) = done {
            tell(Progress::Begins(place, &plan.scenarios[place]));
            tell(Progress::Ended(place, &plan.scenarios[place], &how));
            ended[place] = Some((how, took));
        }
    }
    drop(running);
    conclude(plan, ended, stop.is_cancelled())
}

fn conclude(plan: &Plan, ended: Vec<Option<(Ended, Duration)>>, interrupted: bool) -> Driven {
    let mut driven = Driven {
        outcomes: Vec::new(),
        interrupted,
        faults: Vec::new(),
    };
    for (scenario, ended) in plan.scenarios.iter().zip(ended) {
        let (ran, took) = match ended {
            // Or an earlier sitting has run it.
            None => (Ran::NotStarted, Duration::ZERO),
            Some((how, took)) => {
                if let Ended::Fault { why } = &how {
                    driven.faults.push(format!("{}: {why}", scenario.id));
                }
                driven.interrupted |= how == Ended::Interrupted;
                (ran(how), took)
            }
        };
        if ran != Ran::NotStarted {
            driven.outcomes.push(Outcome {
                scenario: scenario.id.clone(),
                ran,
                duration_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            });
        }
    }
    driven
}

/// Plays one scenario, tidies up after it, and journals both ends of it.
async fn scene(
    shared: Arc<Shared>,
    journal: Journal,
    steps: &steps::Collection,
    case: &Case,
    stop: &CancellationToken,
    broken: &AtomicU32,
) -> Ended {
    journal.record(Event::ScenarioBegin {
        title: case.scenario.name.clone(),
        requirements: case.scenario.requirements.clone(),
    });
    let limit = match shared.counter() {
        Some(counter) => STEP_LIMIT + counter.patience(),
        None => STEP_LIMIT,
    };
    let ended = match Scene::new(shared, journal.clone(), &case.scenario.id) {
        Err(why) => Ended::Fault { why },
        Ok(mut scene) => {
            let ended = tokio::select! {
                ended = play(&mut scene, steps, case, limit) => ended,
                () = stop.cancelled() => Ended::Interrupted,
            };
            let broke = scene.tidy_up().await;
            if broke.is_some() {
                broken.fetch_add(1, Ordering::Relaxed);
            }
            match (ended, broke) {
                (Ended::Completed, Some(why)) => Ended::CouldNot { why },
                (ended, _) => ended,
            }
        }
    };
    journal.record(Event::ScenarioEnd {
        ended: ended.clone(),
    });
    ended
}
