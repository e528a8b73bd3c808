//! A counter with one terminal, a till, and a proxy between them.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use vinr_protocol::device::Model;
use vinr_protocol::question::LedgerEntry;
use vinr_protocol::{Amount, Currency, PayRequest, Reference, TerminalId};
use vinr_sdk::store::MemoryStore;
use vinr_sdk::{AttemptKey, Builder, CreateLocal, Discover, Hedging, Lines, Payment, Status, Vinr};
use vinr_simulator::Simulator;
use vinr_simulator::cardholder::Script;
use vinr_simulator::cards::TestCard;
use vinr_simulator::screen::Picture;
use vinr_simulator::terminal::Terminal;

use vinr_transport::{Connector, Identity, TrustBundle};

use crate::provisioned::copy_to;
use crate::proxy::Proxy;

pub(crate) const READER: &str = "term_CT20_0042";
pub(crate) const SALE: &str = "order_8821";

pub(crate) struct Shop {
    pub(crate) simulator: Simulator,
    pub(crate) proxy: Proxy,
    dir: TempDir,
}

impl Shop {
    /// With a cardholder who taps at once.
    pub(crate) async fn open() -> Self {
        Self::with(taps("approved")).await
    }

    pub(crate) async fn with(script: Script) -> Self {
        let dir = tempfile::tempdir().unwrap();
        copy_to(
            &dir.path().join("vinr-local"),
            &[TerminalId::new(READER).unwrap()],
        );
        Self::of(dir, script).await
    }

    /// With authorities of its own, which nobody else trusts.
    pub(crate) async fn of_strangers() -> Self {
        Self::of(tempfile::tempdir().unwrap(), taps("approved")).await
    }

    async fn of(dir: TempDir, script: Script) -> Self {
        let simulator = Simulator::builder(dir.path().join("vinr-local"))
            .terminal(TerminalId::new(READER).unwrap(), Model::NexgoCt20)
            .cardholder(script)
            .start()
            .await
            .unwrap();
        let proxy = Proxy::before(simulator.terminal().address()).await;
        Self {
            simulator,
            proxy,
            dir,
        }
    }

    pub(crate) fn terminal(&self) -> &Arc<Terminal> {
        self.simulator.terminal()
    }

    pub(crate) fn store_dir(&self) -> PathBuf {
        self.dir.path().join("till")
    }

    /// One line, and one copy of each command: what the proxy does to one connection happens to the payment. What more
    /// lines do about it is told in `fast.rs`.
    pub(crate) fn builder(&self) -> Builder {
        self.fast_builder()
            .lines(Lines::none())
            .hedging(Hedging::Off)
    }

    /// As a till is built that says nothing of lines.
    pub(crate) fn fast_builder(&self) -> Builder {
        let pki = self.simulator.pki();
        Vinr::builder()
            .terminal_ca_file(pki.terminal_ca())
            .unwrap()
            .identity_pem_files(pki.pos_cert(), pki.pos_key())
            .unwrap()
            .store_dir(self.store_dir())
    }

    /// A till that knows its terminal and has a warm connection to it, through the proxy.
    pub(crate) async fn till(&self) -> Vinr {
        let till = self.builder().build().unwrap();
        meet(&till, self.proxy.address()).await;
        till
    }

    /// Waits until the terminal's screen shows this.
    pub(crate) async fn shows(&self, picture: Picture) {
        while self.terminal().screen().screen != picture {
            tokio::task::yield_now().await;
        }
    }

    /// Another till at the same terminal, with nothing in its store.
    pub(crate) async fn other_till(&self) -> Vinr {
        let till = self.builder().store(MemoryStore::new()).build().unwrap();
        meet(&till, self.terminal().address()).await;
        till
    }

    /// The sale's attempts at the terminal, newest first.
    pub(crate) async fn attempts(&self) -> Vec<Status> {
        let till = self.other_till().await;
        let attempts = till.payments().attempts_at(READER, SALE).await.unwrap();
        attempts.into_iter().map(|payment| payment.status).collect()
    }

    /// A copy of the attempt arrives after all.
    pub(crate) async fn late_copy(&self, key: &AttemptKey) -> Payment {
        let pki = self.simulator.pki();
        let trust = TrustBundle::from_pem_file(pki.terminal_ca()).unwrap();
        let pos = Identity::from_pem_files(pki.pos_cert(), pki.pos_key()).unwrap();
        let (id, address) = (self.terminal().id(), self.terminal().address());
        let request = PayRequest::new(
            id.clone(),
            Amount::new(2500).unwrap(),
            Currency::USD,
            Reference::new(SALE).unwrap(),
        );
        let connector = Connector::new(trust, pos).unwrap();
        let mut connection = connector.connect(address, id).await.unwrap();
        let accepted = connection.pay(&request, Some(key)).await.unwrap();
        accepted.outcome().await.unwrap()
    }

    /// What the card network took: approved and not voided.
    pub(crate) async fn charges(&self) -> usize {
        charges(self.terminal().ledger().await)
    }
}

/// Finds the terminal at this address.
pub(crate) async fn meet(till: &Vinr, address: SocketAddr) {
    let hosts = Discover::static_hosts([address.to_string()]);
    let found = till.readers().discover(hosts).await.unwrap();
    assert_eq!(found.readers.len(), 1, "{:?}", found.left_out);
}

pub(crate) fn charges(ledger: Vec<LedgerEntry>) -> usize {
    ledger
        .into_iter()
        .filter(|entry| entry.approved && !entry.voided)
        .count()
}

pub(crate) fn sale() -> CreateLocal<'static> {
    CreateLocal {
        reader_id: READER,
        amount: 2500,
        currency: "USD",
        reference: SALE,
        ..CreateLocal::default()
    }
}

/// A cardholder with this card in their hand.
pub(crate) fn taps(card: &str) -> Script {
    Script {
        tap_after: Some(Duration::ZERO),
        card: TestCard::find(card).unwrap(),
        ..Script::default()
    }
}

/// A cardholder who looks for their card.
pub(crate) fn never_taps() -> Script {
    Script::by_hand()
}
