//! Plays a scenario step by step, whoever stands on the scene: a terminal under test, or a till.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use cucumber::gherkin::StepType;
use cucumber::step::Collection;
use futures_util::FutureExt as _;
use tokio::time::timeout;

use crate::features::{Case, cites};
use crate::journal::{Ended, Event, Journal};

/// What the steps of a scenario act on.
pub(crate) trait Staged {
    /// Where it is written down.
    fn journal(&self) -> &Journal;

    /// A step of this kind begins; it decides these requirements.
    fn begins(&mut self, kind: StepType, cited: Vec<String>);

    /// Why the scenario cannot go on.
    fn stopped(&mut self) -> Option<String>;
}

/// Plays it to its end, or to the first step that cannot be driven. No step takes longer than `limit`.
pub(crate) async fn play<S: Staged>(
    scene: &mut S,
    steps: &Collection<S>,
    case: &Case,
    limit: Duration,
) -> Ended {
    for step in &case.steps {
        scene.journal().record(Event::Step {
            text: format!("{} {}", step.keyword.trim(), step.value),
        });
        let fault = |why: String| Ended::Fault {
            why: format!("'{}': {why}", step.value),
        };
        let (words, cited) = cites(&step.value);
        let mut bare = step.clone();
        bare.value = words.to_owned();
        let (take, _, _, words) = match steps.find(&bare) {
            Ok(Some(found)) => found,
            Ok(None) => return fault("no step is defined for these words".into()),
            Err(ambiguous) => return fault(ambiguous.to_string()),
        };
        scene.begins(step.ty, cited);
        let taken = AssertUnwindSafe(take(scene, words)).catch_unwind();
        match timeout(limit, taken).await {
            Ok(Ok(())) => {}
            Ok(Err(panic)) => return fault(format!("it panicked: {}", said(&*panic))),
            Err(_) => return fault(format!("it took longer than {} s", limit.as_secs())),
        }
        if let Some(why) = scene.stopped() {
            return Ended::CouldNot { why };
        }
    }
    Ended::Completed
}

fn said(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no words")
}
