//! The card network's host of the sandbox: one ledger for all terminals, and a way of answering. \[REC-9\]
//!
//! One ledger is what guards a reference across terminals: a second approval of a sale is a suspected duplicate, on
//! whichever terminal it is asked for.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use vinr_journal::{DataDir, OpenError, StorageFailed};
use vinr_protocol::PaymentId;
use vinr_protocol::payment::{DeclineCode, Payment};
use vinr_protocol::question::LedgerEntry;
use vinr_protocol::terminal::HostVerdict;

use crate::cards::TestCard;
use crate::host::{Guard, Ledger, Lost};

/// How the host of the sandbox answers, whichever terminal asks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostBehaviour {
    /// How long an answer is under way.
    pub delay: Duration,
    /// Which answers never come, though the ledger has them.
    pub lost: Lost,
    /// Every new authorization is declined with this, whatever the card.
    pub decline: Option<DeclineCode>,
    /// How often an answer comes once more than it should.
    pub repeats: u32,
}

/// The host.
#[derive(Debug)]
pub(crate) struct CloudHost {
    ledger: tokio::sync::Mutex<Ledger>,
    behaviour: Mutex<HostBehaviour>,
}

impl CloudHost {
    pub(super) fn open(dir: &DataDir) -> Result<Self, OpenError> {
        Ok(Self {
            ledger: tokio::sync::Mutex::new(Ledger::open(dir, Guard::OnePerReference)?),
            behaviour: Mutex::default(),
        })
    }

    pub(super) fn behave(&self, behaviour: HostBehaviour) {
        *self.behaviour() = behaviour;
    }

    /// Authorizes a payment, by its card and by what the terminal's line has against it.
    pub(super) async fn authorize(
        &self,
        payment: &Payment,
        decline: Option<DeclineCode>,
    ) -> Vec<HostVerdict> {
        let of_card = TestCard::of(payment).and_then(|card| card.decline.clone());
        let decline = self.behaviour().decline.clone().or(decline).or(of_card);
        let verdict = self.ledger.lock().await.authorize(payment, decline).await;
        self.deliver(verdict).await
    }

    /// Says what became of a payment, and closes one that it does not know.
    pub(super) async fn status(&self, payment: &PaymentId) -> Vec<HostVerdict> {
        let verdict = self.ledger.lock().await.status(payment).await;
        self.deliver(verdict).await
    }

    /// Takes an approval back.
    pub(super) async fn reverse(&self, payment: &PaymentId) -> Vec<HostVerdict> {
        let verdict = self.ledger.lock().await.reverse(payment).await;
        self.deliver(verdict).await
    }

    pub(super) async fn entries(&self) -> Vec<LedgerEntry> {
        self.ledger.lock().await.entries()
    }

    /// A host that cannot write its ledger is silent: what it says would be forgotten.
    async fn deliver(&self, verdict: Result<HostVerdict, StorageFailed>) -> Vec<HostVerdict> {
        let delay = self.behaviour().delay;
        tokio::time::sleep(delay).await;
        let mut behaviour = self.behaviour();
        let is_lost = behaviour.lost.takes_one();
        match verdict {
            Ok(verdict) if !is_lost => {
                let times = usize::try_from(behaviour.repeats).unwrap_or(usize::MAX);
                vec![verdict; times.saturating_add(1).min(100)]
            }
            _ => Vec::new(),
        }
    }

    fn behaviour(&self) -> MutexGuard<'_, HostBehaviour> {
        self.behaviour
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
