//! The latest word on a sale, from every terminal that a till knows and, where it has one, from the cloud. §5
//!
//! The question names no terminal, so everybody is asked, and each answer weighs what it can prove. A terminal's list is
//! complete and its own. The cloud's list is what it was told: it can show that a sale is paid or in progress, never that
//! it is not, so it does not stand in for a terminal that is silent.
//!
//! | While | when | then |
//! |---|---|---|
//! | asking the terminals | one lists it completed | that is the word |
//! | asking the terminals | all have answered or are silent, and one lists it in progress | that is the word |
//! | asking the terminals | the same, and none does | the cloud, where there is one |
//! | asked the cloud | it lists the sale completed or in progress | that is the word |
//! | asked the cloud | it is silent, or holds a command of the sale that no terminal acknowledged | nobody can tell |
//! | at the end | a terminal is silent, or does not list an attempt that this till has open | nobody can tell |
//! | at the end | otherwise | the newest attempt, or none |

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::attempt::StoredAttempt;
use crate::id::{Reference, TerminalId};
use crate::machine::Machine;
use crate::payment::{Payment, Status};

#[cfg(test)]
mod tests;

/// What can happen to the question.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Input {
    /// Somebody wants to know.
    Begin,
    /// A terminal listed the attempts of the sale.
    Listed(TerminalId, Vec<Payment>),
    /// A terminal did not, for this reason.
    Silent(TerminalId, String),
    /// The cloud listed the attempts that it was told of.
    CloudListed {
        /// From all terminals.
        attempts: Vec<Payment>,
        /// A command of the sale may still reach a terminal, or has reached one that has not said so.
        undelivered: bool,
    },
    /// The cloud did not, for this reason.
    CloudSilent(String),
}

/// What the question asks of its host.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Ask this terminal for the attempts of the sale.
    Ask(TerminalId),
    /// Ask the cloud for them.
    AskCloud,
    /// The end: nothing follows, and what is still open may be dropped.
    Settled(Word),
}

/// The latest word on a sale.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[must_use = "only a word that was heard keeps a sale from being paid twice"]
pub enum Word {
    /// The attempt that completed, else one in progress, else the newest.
    Found(Box<Payment>),
    /// Everybody answered, and nobody knows the sale.
    NotFound,
    /// Whoever may know better did not say: the sale must not be called unpaid.
    CannotTell {
        /// The newest attempt that the others know.
        found: Option<Box<Payment>>,
        /// Who did not answer for it, and why.
        silent: Vec<(TerminalId, String)>,
        /// Why the cloud cannot say that the sale is unpaid, where it was asked.
        cloud: Option<String>,
    },
    /// There is no terminal to ask, and the cloud has no attempt that paid or may pay.
    NoTerminals,
}

impl Word {
    /// Does it say that nothing was charged, and nothing may be?
    pub fn is_unpaid(&self) -> bool {
        match self {
            Self::Found(payment) => !payment.may_have_paid(),
            Self::NotFound => true,
            Self::CannotTell { .. } | Self::NoTerminals => false,
        }
    }
}

/// Has the till a cloud to ask?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cloud {
    /// There is none.
    None,
    /// It is asked where no terminal lists the sale as paid or in progress.
    There,
}

/// The machine. Its first input is [`Input::Begin`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Retrieval {
    reference: Reference,
    /// This till's open attempts of the sale.
    open: Vec<StoredAttempt>,
    cloud: Cloud,
    to_ask: BTreeSet<TerminalId>,
    has_terminals: bool,
    listed: Vec<Payment>,
    silent: Vec<(TerminalId, String)>,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Stage {
    Terminals,
    Cloud,
    Settled,
}

impl Retrieval {
    /// A question to these terminals and to those at which the till has `open` attempts; attempts of other sales are left
    /// out.
    pub fn new(
        reference: Reference,
        terminals: impl IntoIterator<Item = TerminalId>,
        mut open: Vec<StoredAttempt>,
        cloud: Cloud,
    ) -> Self {
        open.retain(|attempt| attempt.reference == reference);
        let mut to_ask: BTreeSet<_> = terminals.into_iter().collect();
        to_ask.extend(open.iter().map(|attempt| attempt.terminal_id.clone()));
        Self {
            reference,
            open,
            cloud,
            has_terminals: !to_ask.is_empty(),
            to_ask,
            listed: Vec::new(),
            silent: Vec::new(),
            stage: Stage::Terminals,
        }
    }

    fn listed_by(&mut self, terminal: TerminalId, attempts: Vec<Payment>) -> Vec<Effect> {
        let is_about = |payment: &Payment| {
            payment.reference == self.reference && payment.terminal_id == terminal
        };
        if !attempts.iter().all(is_about) {
            let why = "its answer is about something else".to_owned(); // [REC-19]
            return self.silent(terminal, why);
        }
        if !self.to_ask.remove(&terminal) {
            return Vec::new();
        }
        self.listed.extend(attempts);
        match self.best() {
            Some(payment) if payment.status == Status::Completed => self.settle(),
            _ => self.go_on(),
        }
    }

    fn silent(&mut self, terminal: TerminalId, why: String) -> Vec<Effect> {
        if !self.to_ask.remove(&terminal) {
            return Vec::new();
        }
        self.silent.push((terminal, why));
        self.go_on()
    }

    /// The terminals first: where one of them has the sale, the cloud hears of nothing. [NET-2]
    fn go_on(&mut self) -> Vec<Effect> {
        if !self.to_ask.is_empty() {
            return Vec::new();
        }
        if self.is_paid_or_live() || self.cloud == Cloud::None {
            return self.settle();
        }
        self.stage = Stage::Cloud;
        vec![Effect::AskCloud]
    }

    fn cloud_listed(&mut self, attempts: Vec<Payment>, undelivered: bool) -> Vec<Effect> {
        if attempts.iter().any(|it| it.reference != self.reference) {
            return self.cloud_silent("its answer is about something else".to_owned()); // [REC-19]
        }
        for told in attempts {
            let is_same = |own: &Payment| own.id == told.id && own.terminal_id == told.terminal_id;
            // What a terminal says of its own payment counts for more than what the cloud was told of it.
            if !self.listed.iter().any(is_same) {
                self.listed.push(told);
            }
        }
        if undelivered && !self.is_paid_or_live() {
            let why = "a command of the sale is not acknowledged by its terminal".to_owned();
            return self.cloud_silent(why);
        }
        self.settle()
    }

    fn cloud_silent(&mut self, why: String) -> Vec<Effect> {
        self.settle_with(Some(why))
    }

    fn settle(&mut self) -> Vec<Effect> {
        self.settle_with(None)
    }

    fn settle_with(&mut self, cloud: Option<String>) -> Vec<Effect> {
        self.stage = Stage::Settled;
        let found = self.best().cloned().map(Box::new);
        if let Some(found) = found.clone().filter(|_| self.is_paid_or_live()) {
            return vec![Effect::Settled(Word::Found(found))];
        }
        if !self.has_terminals {
            return vec![Effect::Settled(Word::NoTerminals)];
        }
        let mut silent = std::mem::take(&mut self.silent);
        // A payment that is still on its way, or whose record is gone, is not one that was never made.
        for attempt in &self.open {
            let is_own = |payment: &Payment| payment.attempt_key.as_ref() == Some(&attempt.key);
            if !self.listed.iter().any(is_own) {
                let why = "an attempt of this till there is not resolved".to_owned();
                silent.push((attempt.terminal_id.clone(), why));
            }
        }
        vec![Effect::Settled(match found {
            found if !silent.is_empty() || cloud.is_some() => Word::CannotTell {
                found,
                silent,
                cloud,
            },
            Some(found) => Word::Found(found),
            None => Word::NotFound,
        })]
    }

    fn is_paid_or_live(&self) -> bool {
        self.listed.iter().any(Payment::may_have_paid)
    }

    /// Each list is newest first, so among equals the first of a terminal is its newest.
    fn best(&self) -> Option<&Payment> {
        let weigh = |payment: &&Payment| Reverse((weight(payment), payment.created_at));
        self.listed.iter().min_by_key(weigh)
    }
}

/// What an attempt says about the sale: that it is paid, that it may yet be, or nothing.
fn weight(payment: &Payment) -> u8 {
    match &payment.status {
        Status::Completed => 2,
        Status::Failed | Status::Cancelled => 0,
        // [REC-18]
        Status::Created | Status::Pending | Status::Processing | Status::Unknown(_) => 1,
    }
}

impl Machine for Retrieval {
    type Input = Input;
    type Effect = Effect;

    fn step(&mut self, input: Input) -> Vec<Effect> {
        match (self.stage, input) {
            (Stage::Terminals, Input::Begin) if self.to_ask.is_empty() => self.go_on(),
            (Stage::Terminals, Input::Begin) => {
                self.to_ask.iter().cloned().map(Effect::Ask).collect()
            }
            (Stage::Terminals, Input::Listed(terminal, attempts)) => {
                self.listed_by(terminal, attempts)
            }
            (Stage::Terminals, Input::Silent(terminal, why)) => self.silent(terminal, why),
            (
                Stage::Cloud,
                Input::CloudListed {
                    attempts,
                    undelivered,
                },
            ) => self.cloud_listed(attempts, undelivered),
            (Stage::Cloud, Input::CloudSilent(why)) => self.cloud_silent(why),
            // Late, or of an answer that was given already.
            (
                Stage::Terminals | Stage::Cloud | Stage::Settled,
                Input::Begin
                | Input::Listed(..)
                | Input::Silent(..)
                | Input::CloudListed { .. }
                | Input::CloudSilent(_),
            ) => Vec::new(),
        }
    }
}
