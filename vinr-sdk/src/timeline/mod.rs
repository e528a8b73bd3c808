//! What happened to the latest payments of this process, step by step, for the packet that goes to support.
//!
//! It is written while payments run and decides nothing. What may not leave the shop never gets in: a step holds words of
//! our own, names, numbers and dates; of what a peer said, only words that this version knows; the attempt's key, cut
//! short. A text that may quote a peer is redacted first.

mod packet;
mod redact;
mod step;
mod told;

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;
use vinr_protocol::{PayRequest, Reference};

pub use packet::{SupportPacket, Unresolved, Versions};
pub(crate) use redact::short;
use redact::{Private, redact};
pub use step::Step;

/// As many sales are remembered: those that had a step last.
const SALES: usize = 100;

/// As many steps of each: the first and the last ones.
const STEPS: usize = 200;
const FIRST_STEPS: usize = 50;

/// The timelines of a till.
#[derive(Debug, Default)]
pub(crate) struct Timelines(Mutex<VecDeque<Timeline>>);

#[derive(Debug)]
struct Timeline {
    reference: Reference,
    begun: Instant,
    /// What the shop said of the sale, for as long as it may come back in a text.
    private: Private,
    steps: Vec<Step>,
    left_out: u64,
}

impl Timelines {
    /// A call for this payment begins.
    pub(crate) fn called(&self, call: &'static str, request: &PayRequest) {
        let mut all = self.lock();
        let timeline = find(&mut all, &request.reference);
        timeline.private.learn(request);
        let amount = request.currency.format(request.amount.minor_units());
        let told = timeline.add(Step::of(call).why(amount));
        drop(all);
        log(&request.reference, told);
    }

    /// Something happened to this sale.
    pub(crate) fn add(&self, reference: &Reference, step: Step) {
        let told = find(&mut self.lock(), reference).add(step);
        log(reference, told);
    }

    /// The same, where the sale has a timeline.
    fn add_to_known(&self, reference: &Reference, step: Step) {
        let mut all = self.lock();
        if let Some(known) = all.iter_mut().find(|it| it.reference == *reference) {
            known.add(step);
        }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Timeline>> {
        // Nothing in here is left half-done by a panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The sale's timeline, moved to the end; the one that rested longest makes room for a new one.
fn find<'a>(all: &'a mut VecDeque<Timeline>, reference: &Reference) -> &'a mut Timeline {
    // Mostly it is the last one.
    let known = all.iter().rposition(|it| it.reference == *reference);
    let timeline = known.and_then(|place| all.remove(place));
    if timeline.is_none() && all.len() == SALES {
        all.pop_front();
    }
    all.push_back(timeline.unwrap_or_else(|| Timeline::of(reference)));
    all.back_mut().expect("it was just added")
}

impl Timeline {
    fn of(reference: &Reference) -> Self {
        Self {
            reference: reference.clone(),
            begun: Instant::now(),
            private: Private::default(),
            steps: Vec::new(),
            left_out: 0,
        }
    }

    /// Adds it, and says it for the log where that wants it.
    fn add(&mut self, mut step: Step) -> Option<String> {
        let passed = self.begun.elapsed().as_millis();
        step.ms = u64::try_from(passed).unwrap_or(u64::MAX);
        for text in step.texts() {
            redact(text, &self.private);
        }
        if self.steps.len() == STEPS {
            self.steps.remove(FIRST_STEPS);
            self.left_out += 1;
        }
        let told = tracing::enabled!(tracing::Level::DEBUG).then(|| step.to_string());
        self.steps.push(step);
        told
    }
}

/// Outside the lock: a log may take its time.
fn log(reference: &Reference, step: Option<String>) {
    if let Some(step) = step {
        tracing::debug!(%reference, step, "a payment goes on");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hundred_latest_sales_are_remembered_and_the_next_one_takes_the_oldest_place() {
        let timelines = Timelines::default();
        for number in 0..SALES {
            timelines.add(&sale(number), Step::of("step"));
        }
        assert!(remembers(&timelines, 0));
        // A step makes a sale the latest.
        timelines.add(&sale(0), Step::of("step"));
        timelines.add(&sale(SALES), Step::of("step"));
        assert!(remembers(&timelines, 0) && remembers(&timelines, SALES));
        assert!(!remembers(&timelines, 1));
    }

    #[test]
    fn of_too_many_steps_the_first_and_the_last_are_kept() {
        let timelines = Timelines::default();
        for number in 0..STEPS + 5 {
            timelines.add(&sale(0), Step::of("step").why(number.to_string()));
        }
        let all = timelines.lock();
        let (steps, left_out) = (&all[0].steps, all[0].left_out);
        let number = |place: usize| steps[place].why.clone().unwrap();
        assert_eq!((steps.len(), left_out), (STEPS, 5));
        assert_eq!(number(FIRST_STEPS - 1), (FIRST_STEPS - 1).to_string());
        assert_eq!(number(FIRST_STEPS), (FIRST_STEPS + 5).to_string());
        assert_eq!(number(STEPS - 1), (STEPS + 4).to_string());
    }

    fn sale(number: usize) -> Reference {
        Reference::new(&format!("order_{number}")).unwrap()
    }

    fn remembers(timelines: &Timelines, number: usize) -> bool {
        let sale = sale(number);
        timelines.lock().iter().any(|it| it.reference == sale)
    }
}
