//! Scenarios with a terminal of their own, played beside those that take turns at the terminal under test.
//!
//! They wait more than they work: for 90 s of a silent host, for a slow peer, for webhooks. A few threads play them, one
//! scenario at a time each, since a scenario may not change threads. Each writes into the journal under its own name, and the
//! judge looks at each by itself.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::{Context, Driven, Progress, scene};
use crate::features::Case;
use crate::journal::{Ended, Event};
use crate::steps;

/// How many are played at once.
const AT_ONCE: usize = 3;

/// An interrupted run ends within 2 s; whoever has not let go by then is left behind.
const LET_GO_WITHIN: Duration = Duration::from_millis(400);

/// A thread that has told the end of its last scenario is gone at once.
const JOINED_WITHIN: Duration = Duration::from_millis(50);

/// Those that are played meanwhile.
pub(super) struct Beside {
    told: mpsc::UnboundedReceiver<Told>,
    /// Those that began and did not end yet, by their place in the plan.
    running: BTreeMap<usize, (Case, Instant)>,
    threads: Vec<JoinHandle<()>>,
    stop: CancellationToken,
}

enum Told {
    Begins(usize, Case, Instant),
    Ended(usize, Ended, Instant),
}

type Queue = Arc<Mutex<VecDeque<(usize, Case)>>>;

impl Beside {
    /// Begins to play these, each with its place in the plan.
    pub(super) fn begin(
        context: &Context,
        cases: impl Iterator<Item = (usize, Case)>,
        stop: &CancellationToken,
    ) -> Self {
        let queue: VecDeque<_> = cases.collect();
        let threads = queue.len().min(AT_ONCE);
        let queue: Queue = Arc::new(Mutex::new(queue));
        let (tells, told) = mpsc::unbounded_channel();
        let threads = (0..threads).map(|_| {
            let (context, queue, stop) = (context.clone(), queue.clone(), stop.clone());
            let (tells, here) = (tells.clone(), Handle::current());
            spawn_blocking(move || here.block_on(play(&context, &queue, &stop, &tells)))
        });
        Self {
            threads: threads.collect(),
            running: BTreeMap::new(),
            told,
            stop: stop.clone(),
        }
    }

    /// Takes note of what was said so far.
    pub(super) fn ended_meanwhile(
        &mut self,
        driven: &mut Driven,
        tell: &mut impl FnMut(Progress<'_>),
    ) {
        while let Ok(told) = self.told.try_recv() {
            self.note(told, driven, tell);
        }
    }

    /// Waits until all of them are played, or are interrupted.
    pub(super) async fn ends(&mut self, driven: &mut Driven, tell: &mut impl FnMut(Progress<'_>)) {
        let stop = self.stop.clone();
        let interrupted = async {
            stop.cancelled().await;
            tokio::time::sleep(LET_GO_WITHIN).await;
        };
        tokio::pin!(interrupted);
        loop {
            tokio::select! {
                told = self.told.recv() => match told {
                    Some(told) => self.note(told, driven, tell),
                    None => break,
                },
                () = &mut interrupted => break,
            }
        }
        for thread in std::mem::take(&mut self.threads) {
            let _ = timeout(JOINED_WITHIN, thread).await;
        }
        let left_behind = match self.stop.is_cancelled() {
            true => Ended::Interrupted,
            false => Ended::Fault {
                why: "it panicked".into(),
            },
        };
        for (place, (case, began)) in std::mem::take(&mut self.running) {
            let took = began.elapsed();
            driven.ended(place, &case.scenario, left_behind.clone(), took, tell);
        }
    }

    fn note(&mut self, told: Told, driven: &mut Driven, tell: &mut impl FnMut(Progress<'_>)) {
        match told {
            Told::Begins(place, case, at) => {
                tell(Progress::Begins(place, &case.scenario));
                self.running.insert(place, (case, at));
            }
            Told::Ended(place, ended, at) => {
                if let Some((case, began)) = self.running.remove(&place) {
                    let took = at.saturating_duration_since(began);
                    driven.ended(place, &case.scenario, ended, took, tell);
                }
            }
        }
    }
}

/// One scenario after the other, until there is none left.
async fn play(
    context: &Context,
    queue: &Queue,
    stop: &CancellationToken,
    tells: &mpsc::UnboundedSender<Told>,
) {
    let steps = steps::collection();
    while !stop.is_cancelled() {
        let next = queue
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front();
        let Some((place, case)) = next else {
            return;
        };
        let _ = tells.send(Told::Begins(place, case.clone(), Instant::now()));
        let own = context.apart(&case.scenario.id);
        own.journal.record(Event::Apart);
        let ended = scene(&own, &steps, &case, None, stop).await;
        let _ = tells.send(Told::Ended(place, ended, Instant::now()));
    }
}
