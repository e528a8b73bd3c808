//! A till of the shop: the production machines of the SDK over a store that survives a crash.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use vinr_protocol::client::attempt::{Outcome, StoredAttempt};
use vinr_protocol::client::group::{self, Group};
use vinr_protocol::client::hybrid::{self, Hybrid};
use vinr_protocol::payment::Status;
use vinr_protocol::{AttemptKey, Code};

use super::invariant::{Checked, ensure};
use super::message::Line;
use super::shared::Shared;
use super::terminal::Terminal;

/// One till.
#[derive(Debug, Clone, Hash)]
pub(super) struct Till {
    pub(super) power: Power,
    /// Which of its sales it is at.
    pub(super) sale: usize,
    pub(super) stage: Stage,
    pub(super) armed: BTreeMap<hybrid::Timer, Duration>,
    /// What survives a crash.
    pub(super) store: BTreeMap<AttemptKey, StoredAttempt>,
    /// The requests whose answers it awaits.
    pub(super) listening: BTreeSet<Line>,
    /// How many keys it has drawn.
    pub(super) drawn: u8,
    /// Every pay that it ever sent. A record for invariants: the till itself forgets.
    pub(super) sent: Vec<Sent>,
    /// What it was told of the sales that are done.
    pub(super) told: Vec<Told>,
}

/// A pay that was sent.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Sent {
    pub(super) sale: usize,
    pub(super) key: AttemptKey,
    /// Whoever may have it.
    pub(super) terminals: Vec<usize>,
}

/// Does it run?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Power {
    On,
    Crashed,
}

/// How far it is with its present sale.
#[derive(Debug, Clone, Hash)]
pub(super) enum Stage {
    /// It has not begun.
    Before,
    /// It is at it, at one terminal.
    Paying(Box<Hybrid>),
    /// It is at it, at one of several, and tried so many.
    Calling(Box<Group>, Choosing),
    /// It was told what became of it, or crashed while it did not know.
    Over,
}

/// Which member a call for a group may be given.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Choosing {
    pub(super) is_asked: bool,
    /// How often each member was tried.
    pub(super) tried: BTreeMap<usize, u8>,
    /// Those of which it is known that nothing could be sent.
    pub(super) unreachable: BTreeSet<usize>,
}

/// What a till was told of a sale.
#[derive(Debug, Clone, Hash)]
pub(super) struct Told {
    pub(super) sale: usize,
    pub(super) outcome: Word,
}

/// What it was told.
#[derive(Debug, Clone, Hash)]
pub(super) enum Word {
    /// By an attempt.
    Attempt(Box<Outcome>),
    /// Nobody was free, nobody could be reached, or the caller gave up: nothing was charged.
    NotTaken,
}

impl Till {
    pub(super) fn new() -> Self {
        Self {
            power: Power::On,
            sale: 0,
            stage: Stage::Before,
            armed: BTreeMap::new(),
            store: BTreeMap::new(),
            listening: BTreeSet::new(),
            drawn: 0,
            sent: Vec::new(),
            told: Vec::new(),
        }
    }

    pub(super) fn is_paying(&self) -> bool {
        matches!(self.stage, Stage::Paying(_) | Stage::Calling(..))
    }

    /// The attempt that it is at.
    pub(super) fn stored(&self) -> Option<&StoredAttempt> {
        match &self.stage {
            Stage::Paying(hybrid) => Some(hybrid.stored()),
            Stage::Calling(group, _) => group.stored(),
            Stage::Before | Stage::Over => None,
        }
    }

    /// A call that tried every member as often as it may here: a real one would wait for its turn.
    pub(super) fn waits_for_a_free_terminal(&self) -> bool {
        matches!(&self.stage, Stage::Calling(_, choosing) if choosing.is_asked)
    }

    /// It asks a terminal that cannot say; of a group command, one of those that may have it.
    pub(super) fn waits_for_a_dead_terminal(&self, terminals: &[Shared<Terminal>]) -> bool {
        self.stored().is_some_and(|stored| {
            let mut asked = std::iter::once(&stored.terminal_id).chain(&stored.members);
            asked.any(|it| terminals[super::plan::terminal_of(it)].is_out_of_service())
        })
    }

    pub(super) fn fresh_key(&mut self, nth: usize) -> AttemptKey {
        self.drawn += 1;
        super::plan::key(nth, self.drawn)
    }

    /// A till that asks anew listens no longer to its older questions.
    pub(super) fn stop_listening(&mut self, which: impl Fn(&Line) -> bool) {
        self.listening.retain(|line| !which(line));
    }

    pub(super) fn crash(&mut self) {
        self.power = Power::Crashed;
        self.rest();
    }

    fn rest(&mut self) {
        self.stage = Stage::Over;
        self.armed.clear();
        self.listening.clear();
    }

    /// The attempts that a restart has to resolve, and has not.
    pub(super) fn unresolved(&self) -> Option<&StoredAttempt> {
        let resolved = |key: &AttemptKey| {
            self.told.iter().any(|told| {
                matches!(&told.outcome, Word::Attempt(it) if matches!(&**it, Outcome::Unknown { key: unknown, .. } if unknown == key))
            })
        };
        self.store.values().find(|stored| !resolved(&stored.key))
    }

    pub(super) fn settle(&mut self, outcome: Outcome) -> Checked<()> {
        self.rest();
        if let Outcome::Refused {
            error, attempts, ..
        } = &outcome
        {
            let is_elsewhere = matches!(
                error.code,
                Code::ReferenceInProgress | Code::ReferenceAlreadyPaid
            );
            ensure(
                !is_elsewhere || !attempts.is_empty(),
                "REC-10: told refused, and nobody looked the other attempt up",
            )?;
        }
        self.tell(Word::Attempt(Box::new(outcome)));
        Ok(())
    }

    pub(super) fn settle_call(&mut self, outcome: group::Outcome) -> Checked<()> {
        match outcome {
            group::Outcome::Ended { outcome, .. } => self.settle(outcome),
            group::Outcome::WaitedTooLong
            | group::Outcome::GivenUp
            | group::Outcome::NoneReachable => {
                self.rest();
                self.tell(Word::NotTaken);
                Ok(())
            }
        }
    }

    fn tell(&mut self, outcome: Word) {
        let sale = self.sale;
        self.told.push(Told { sale, outcome });
    }
}

impl Word {
    /// Does it exclude that the sale was charged?
    pub(super) fn denies_a_charge(&self) -> bool {
        let Word::Attempt(outcome) = self else {
            return true;
        };
        match &**outcome {
            Outcome::Final(payment) => payment.status != Status::Completed,
            Outcome::AcceptedOffline(_) | Outcome::Unknown { .. } => false,
            Outcome::Refused { .. } | Outcome::NotSent { .. } | Outcome::Voided { .. } => true,
        }
    }

    /// Does it say that the money is there?
    pub(super) fn claims_a_charge(&self) -> bool {
        let Word::Attempt(outcome) = self else {
            return false;
        };
        matches!(&**outcome, Outcome::Final(payment) if payment.status == Status::Completed)
    }
}
