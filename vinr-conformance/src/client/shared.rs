//! What every scenario of a run shares.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::Subject;
use super::adapter::Program;
use super::papers::PapersError;
use super::pki::Authorities;
use super::screen::Counter;
use super::stage::Numbers;
use super::veil::Veil;
use crate::journal::Numbers as SoFar;

/// Who is judged, and what all its scenarios share of it.
pub(super) enum Judged {
    /// A program, started anew for each scenario.
    Adapter(Program),
    /// A till with a screen: there is but one.
    Screen(Arc<Counter>),
}

/// See the module.
pub(super) struct Shared {
    pub(super) judged: Judged,
    pub(super) authorities: Authorities,
    pub(super) numbers: Arc<Numbers>,
    pub(super) ops: Arc<AtomicU64>,
    pub(super) seed: u64,
    /// What the names of this run begin with: its moment, since others may be on the same network.
    pub(super) prefix: String,
    pub(super) scenes: AtomicU64,
    /// Every secret that some till was given, by what it is.
    given: Mutex<Vec<(String, String)>>,
}

impl Shared {
    pub(super) fn new(
        subject: &Subject,
        authorities: Authorities,
        seed: u64,
    ) -> Result<Self, PapersError> {
        let prefix = format!("{:X}", jiff::Timestamp::now().as_millisecond());
        let judged = match subject {
            Subject::Adapter(program) => Judged::Adapter(program.clone()),
            Subject::Screen(profile) => {
                let name = format!("term_{prefix}");
                Judged::Screen(Arc::new(Counter::new(profile, &authorities, &name)?))
            }
        };
        let shared = Self {
            judged,
            authorities,
            numbers: Arc::default(),
            ops: Arc::default(),
            seed,
            prefix,
            scenes: AtomicU64::new(0),
            given: Mutex::default(),
        };
        if let Judged::Screen(counter) = &shared.judged {
            shared.gives(&counter.papers.veil);
        }
        Ok(shared)
    }

    /// The run has come so far already: its numbers go on.
    pub(super) fn goes_on(&self, so_far: &SoFar) {
        self.numbers.go_on(so_far);
        self.ops.store(so_far.ops, Ordering::Relaxed);
        if let Some(counter) = self.counter() {
            counter.goes_on(so_far.questions);
        }
    }

    /// The till with a screen, where it is one.
    pub(super) fn counter(&self) -> Option<&Arc<Counter>> {
        match &self.judged {
            Judged::Adapter(_) => None,
            Judged::Screen(counter) => Some(counter),
        }
    }

    /// Every secret so far.
    pub(super) fn given(&self) -> Vec<(String, String)> {
        self.lock().clone()
    }

    pub(super) fn gives(&self, veil: &Veil) {
        let all = veil
            .secrets()
            .map(|(what, text)| (what.to_owned(), text.to_owned()));
        self.lock().extend(all);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<(String, String)>> {
        self.given.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
