//! The card network's authorization host, as a terminal sees it: a ledger, and a way of answering.
//!
//! The [`Ledger`] decides and remembers; [`Behaviour`] is how the line to it behaves: slow, losing answers, in
//! a declining mood. A lost answer is one that the ledger recorded and the terminal never got.

mod ledger;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use vinr_journal::{DataDir, OpenError};
use vinr_protocol::PaymentId;
pub(crate) use vinr_protocol::cloud::ledger::Guard;
use vinr_protocol::payment::{DeclineCode, Payment};
use vinr_protocol::question::LedgerEntry;
use vinr_protocol::terminal::HostVerdict;

use crate::cards::TestCard;
pub use ledger::{Ledger, LedgerError};

/// How the line to the host behaves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Behaviour {
    /// How long an answer is under way.
    pub delay: Duration,
    /// Which answers never arrive.
    pub lost: Lost,
    /// Every new authorization is declined with this, whatever the card.
    pub decline: Option<DeclineCode>,
}

/// Which of the host's answers get lost on the way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Lost {
    /// None.
    #[default]
    None,
    /// The next so many.
    Next(u32),
    /// All, until told otherwise.
    All,
}

/// A host with a ledger of its own.
#[derive(Debug)]
pub(crate) struct Host {
    ledger: tokio::sync::Mutex<Ledger>,
    behaviour: Mutex<Behaviour>,
}

impl Host {
    pub(crate) fn open(dir: &DataDir, guard: Guard) -> Result<Self, OpenError> {
        Ok(Self {
            ledger: tokio::sync::Mutex::new(Ledger::open(dir, guard)?),
            behaviour: Mutex::default(),
        })
    }

    pub(crate) fn behave(&self, behaviour: Behaviour) {
        *self
            .behaviour
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = behaviour;
    }

    /// Authorizes a payment; `None` where the answer is lost.
    pub(crate) async fn authorize(
        &self,
        payment: &Payment,
        card: &TestCard,
    ) -> Option<HostVerdict> {
        let decline = self.now().decline.or_else(|| card.decline.clone());
        let verdict = self.ledger.lock().await.authorize(payment, decline).await;
        self.deliver(verdict.ok()).await
    }

    /// Says what became of a payment, and closes one that it does not know. `None` where the answer is lost.
    pub(crate) async fn status(&self, payment: &PaymentId) -> Option<HostVerdict> {
        let verdict = self.ledger.lock().await.status(payment).await;
        self.deliver(verdict.ok()).await
    }

    /// Takes an approval back; `None` where the acknowledgement is lost.
    pub(crate) async fn reverse(&self, payment: &PaymentId) -> Option<()> {
        let reversed = self.ledger.lock().await.reverse(payment).await;
        self.deliver(reversed.ok()).await
    }

    pub(crate) async fn entries(&self) -> Vec<LedgerEntry> {
        self.ledger.lock().await.entries()
    }

    fn now(&self) -> Behaviour {
        self.behaviour
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Carries an answer to the terminal, as slowly and as unreliably as the line is.
    async fn deliver<T>(&self, answer: Option<T>) -> Option<T> {
        tokio::time::sleep(self.now().delay).await;
        let mut behaviour = self
            .behaviour
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let (is_lost, then) = match behaviour.lost {
            Lost::None | Lost::Next(0) => (false, Lost::None),
            Lost::Next(left) => (true, Lost::Next(left - 1)),
            Lost::All => (true, Lost::All),
        };
        behaviour.lost = then;
        answer.filter(|_| !is_lost)
    }
}
