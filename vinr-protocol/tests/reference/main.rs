//! The terminal's machine against a reference that a person can read through: the same random history happens to
//! both, and whatever the world can see must be the same.
//!
//! - `terminal`: the reference. A few screens, plain lists, written from `spec/local-api.md`.
//! - `words`: what is compared, each on one line.
//! - `histories`: which histories are lawful.
//! - `machine`: the machine, its journal, its timers; power cuts and failing disks.
//! - `queue`: the offline queue by itself, over days.
//! - `planted`: the unsafe designs that the reference finds.
//!
//! `PROPTEST_CASES=100000 cargo test --release -p vinr-protocol --test reference` looks longer.

mod histories;
mod machine;
mod planted;
mod queue;
mod terminal;
mod words;

use std::cell::RefCell;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::test_runner::{Config, RngSeed, TestCaseError, TestError, TestRunner};
use proptest_state_machine::ReferenceStateMachine;

use machine::{Counter, Differs};
use terminal::Terminal;
use words::Event;

/// A history at whose last step machine and reference differ.
struct Difference<T> {
    history: Vec<T>,
    what: Differs,
}

impl<T: fmt::Debug> fmt::Display for Difference<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.history {
            writeln!(f, "  {step:?}")?;
        }
        write!(f, "{}", self.what)
    }
}

/// Lets random histories happen to both; the first difference is shortened.
fn search<M, S>(
    runner: &mut TestRunner,
    length: Range<usize>,
    compare: impl Fn(M, &[S], &AtomicUsize) -> Result<(), Differs>,
) -> Option<Difference<S>>
where
    M: ReferenceStateMachine<State = M, Transition = S> + Clone + fmt::Debug,
    S: Clone + fmt::Debug + 'static,
{
    let shortest = RefCell::new(None::<(M, Vec<S>)>);
    let found = runner.run(
        &M::sequential_strategy(length),
        |(start, history, performed)| {
            // What follows the first difference is cut off at once.
            let performed = performed.unwrap_or_default();
            let found = compare(start.clone(), &history, &performed);
            let mut shortest = shortest.borrow_mut();
            let is_shorter = |(_, known): &(M, Vec<S>)| history.len() <= known.len();
            if found.is_err() && shortest.as_ref().is_none_or(is_shorter) {
                *shortest = Some((start, history));
            }
            found.map_err(TestCaseError::fail)
        },
    );
    if let Err(TestError::Abort(why)) = &found {
        panic!("no lawful history: {why}");
    }
    // Not what the runner returns: its last step of shrinking may have gone one too far.
    let (start, mut history) = shortest.into_inner()?;
    let fails = |history: &[S]| {
        is_lawful(start.clone(), history)
            .then(|| compare(start.clone(), history, &AtomicUsize::new(0)).err())
            .flatten()
    };
    // The strategy leaves out each step once; what could not go before, or alone, may go now.
    let shorter = |history: &[S]| {
        let pairs =
            (0..history.len()).flat_map(|first| (0..=first).map(move |second| (first, second)));
        let without = |(first, second)| {
            let kept = history
                .iter()
                .enumerate()
                .filter(|(at, _)| *at != first && *at != second);
            kept.map(|(_, step)| step.clone()).collect::<Vec<S>>()
        };
        pairs.map(without).find(|without| fails(without).is_some())
    };
    while let Some(without) = shorter(&history) {
        history = without;
    }
    let what = fails(&history).expect("a history that fails fails again");
    Some(Difference { history, what })
}

fn is_lawful<M, S>(mut state: M, history: &[S]) -> bool
where
    M: ReferenceStateMachine<State = M, Transition = S>,
{
    for step in history {
        if !M::preconditions(&state, step) {
            return false;
        }
        state = M::apply(state, step);
    }
    true
}

/// Lets one history happen to both.
fn compare(
    mut reference: Terminal,
    history: &[Event],
    performed: &AtomicUsize,
) -> Result<(), Differs> {
    let mut counter = Counter::open(reference.sheet);
    for event in history {
        performed.fetch_add(1, Ordering::SeqCst);
        reference.happens(event);
        counter.happens(event, &reference)?;
    }
    Ok(())
}

fn runner(cases: u32, seed: u64) -> TestRunner {
    TestRunner::new(Config {
        cases,
        rng_seed: RngSeed::Fixed(seed),
        max_local_rejects: u32::MAX, // a step that is not lawful now is drawn again, in every one of many cases
        failure_persistence: None,
        ..Config::default()
    })
}

/// So many cases of any seed, unless the environment says otherwise.
fn holds<M, S>(
    cases: u32,
    length: Range<usize>,
    compare: impl Fn(M, &[S], &AtomicUsize) -> Result<(), Differs>,
) where
    M: ReferenceStateMachine<State = M, Transition = S> + Clone + fmt::Debug,
    S: Clone + fmt::Debug + 'static,
{
    let _ground = planted::nothing();
    let asked = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
    let seed = asked("PROPTEST_RNG_SEED").unwrap_or_else(|| RandomState::new().hash_one("seed"));
    let cases = asked("PROPTEST_CASES").map_or(cases, |it| it.try_into().unwrap_or(u32::MAX));
    if let Some(difference) = search(&mut runner(cases, seed), length, compare) {
        panic!(
            "they differ at the end of\n{difference}\nsee it again: \
             PROPTEST_RNG_SEED={seed} PROPTEST_CASES={cases} cargo test -p vinr-protocol --test reference"
        );
    }
}

#[test]
fn along_random_histories_machine_and_reference_agree() {
    holds(3000, 1..60, compare);
}

// [OFF-2, OFF-3, OFF-6, OFF-12, OFF-15]
#[test]
fn over_long_days_with_a_bad_line_the_queue_loses_and_doubles_nothing() {
    holds(40, 200..500, queue::compare);
}
