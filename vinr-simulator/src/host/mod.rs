//! The card network's authorization host, as a terminal sees it: a line, and somebody at its other end.
//!
//! The [`Ledger`] decides and remembers; [`Behaviour`] is how the line to it behaves: slow, losing answers, in
//! a declining mood. A lost answer is one that the ledger recorded and the terminal never got.

mod ledger;
mod line;

use std::sync::Arc;

use tokio::sync::{Mutex, watch};
use vinr_journal::{DataDir, OpenError};
use vinr_protocol::PaymentId;
pub(crate) use vinr_protocol::cloud::ledger::Guard;
use vinr_protocol::payment::Payment;
use vinr_protocol::question::LedgerEntry;
use vinr_protocol::reader::ReaderStatus;
use vinr_protocol::terminal::HostVerdict;

use crate::cards::TestCard;
use crate::cloud::link::device::Device;
use crate::terminal::Reports;
pub use ledger::{Ledger, LedgerError};
pub(crate) use line::Line;
pub use line::{Behaviour, Link, Lost};

/// What came of an exchange with the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Word {
    /// The host's word.
    Verdict(HostVerdict),
    /// None came; what was sent may have arrived.
    Silence,
    /// The line was down, and no byte left. \[OFF-16\]
    NotSent,
}

/// The host of one terminal, at the other end of the terminal's line.
#[derive(Debug)]
pub(crate) struct Host {
    line: Line,
    network: Network,
}

/// Who authorizes.
#[derive(Debug)]
enum Network {
    /// A ledger of the terminal's own.
    Own(Mutex<Ledger>),
    /// The ledger of the cloud, over the terminal's link. §9
    Cloud(Arc<Device>),
}

impl Host {
    /// A host with a ledger of its own.
    pub(crate) fn open(dir: &DataDir, guard: Guard) -> Result<Self, OpenError> {
        Ok(Self {
            line: Line::default(),
            network: Network::Own(Mutex::new(Ledger::open(dir, guard)?)),
        })
    }

    /// The host of a cloud.
    pub(crate) fn of_cloud(device: Arc<Device>) -> Self {
        Self {
            line: Line::default(),
            network: Network::Cloud(device),
        }
    }

    /// The link to the cloud, if there is one.
    pub(crate) fn device(&self) -> Option<&Arc<Device>> {
        match &self.network {
            Network::Own(_) => None,
            Network::Cloud(device) => Some(device),
        }
    }

    /// The line to it, and to everything else on the internet.
    pub(crate) fn line(&self) -> &Line {
        &self.line
    }

    /// What a terminal that is switched on now knows of the host, and learns from here on.
    pub(crate) fn reachable(&self) -> watch::Receiver<ReaderStatus> {
        match &self.network {
            Network::Own(_) => line::reachable(self.line.watch()),
            Network::Cloud(device) => line::reachable(device.linked()),
        }
    }

    /// Authorizes a payment.
    pub(crate) async fn authorize(&self, payment: &Payment, card: &TestCard) -> Word {
        let decline = self.line.now().decline.or_else(|| card.decline.clone());
        match &self.network {
            Network::Own(ledger) => {
                let asked = async { ledger.lock().await.authorize(payment, decline).await.ok() };
                self.line.exchange(asked).await
            }
            Network::Cloud(device) => {
                let asked = device.authorize(payment.clone(), decline);
                self.over(device, asked).await
            }
        }
    }

    /// Says what became of a payment, and closes one that it does not know.
    pub(crate) async fn status(&self, payment: &PaymentId) -> Word {
        match &self.network {
            Network::Own(ledger) => {
                let asked = async { ledger.lock().await.status(payment).await.ok() };
                self.line.exchange(asked).await
            }
            Network::Cloud(device) => self.over(device, device.status(payment.clone())).await,
        }
    }

    /// Takes an approval back; any verdict acknowledges it.
    pub(crate) async fn reverse(&self, payment: &PaymentId) -> Word {
        match &self.network {
            Network::Own(ledger) => {
                let asked = async { ledger.lock().await.reverse(payment).await.ok() };
                self.line.exchange(asked).await
            }
            Network::Cloud(device) => self.over(device, device.reverse(payment.clone())).await,
        }
    }

    /// Asks over a link. Where there is none no byte leaves. \[OFF-16\]
    async fn over(
        &self,
        device: &Device,
        asked: impl Future<Output = Option<HostVerdict>>,
    ) -> Word {
        if *device.linked().borrow() == Link::Cut {
            return Word::NotSent;
        }
        self.line.exchange(asked).await
    }

    /// Who is told of every payment when it changes, if anybody. §9
    pub(crate) fn reports(&self) -> Option<Arc<dyn Reports>> {
        match &self.network {
            Network::Own(_) => None,
            Network::Cloud(device) => Some(device.clone()),
        }
    }

    /// What the host knows; no line is needed to look into one's own ledger.
    pub(crate) async fn entries(&self) -> Vec<LedgerEntry> {
        match &self.network {
            Network::Own(ledger) => ledger.lock().await.entries(),
            Network::Cloud(device) => device.ledger().await,
        }
    }
}
