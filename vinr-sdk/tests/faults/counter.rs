//! Terminals, a cloud where there is one, and a breaker before each.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;
use vinr_protocol::device::Model;
use vinr_protocol::question::LedgerEntry;
use vinr_sdk::store::FileStoreError;
use vinr_sdk::{
    At, BuildError, Builder, Connectivity, Create, Discover, Error, Hedging, Lines, PaymentResult,
    Vinr,
};
use vinr_simulator::cardholder::Script;
use vinr_simulator::screen::Picture;
use vinr_simulator::{Pki, Simulator};

use crate::breaker::Breaker;
use crate::process::Role;
use crate::provisioned::copy_to;
use crate::support::{A, B, C, id};

/// Short, so that a test need not wait for 2 s.
pub(crate) const LIMIT: Duration = Duration::from_millis(300);

/// How the till pays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// At one terminal over the LAN.
    Local,
    /// The same with connections open beforehand, and a second copy of a pay whose head is late.
    Hedged,
    /// At one terminal, over the LAN and through the cloud.
    Hybrid,
    /// At the first idle one of two.
    Group,
    /// At the first idle one of two, over the LAN and through the cloud.
    HybridGroup,
}

impl Kind {
    pub(crate) fn named(name: &str) -> Self {
        let all = [
            Self::Local,
            Self::Hedged,
            Self::Hybrid,
            Self::Group,
            Self::HybridGroup,
        ];
        let mut named = all.into_iter();
        named.find(|kind| format!("{kind:?}") == name).unwrap()
    }

    pub(crate) fn has_cloud(self) -> bool {
        matches!(self, Self::Hybrid | Self::HybridGroup)
    }

    pub(crate) fn is_group(self) -> bool {
        matches!(self, Self::Group | Self::HybridGroup)
    }

    fn members(self) -> &'static [&'static str] {
        match self {
            Self::Local | Self::Hedged | Self::Hybrid => &[A],
            Self::Group | Self::HybridGroup => &[A, B],
        }
    }

    pub(crate) async fn pays(self, till: Vinr, reference: String) -> Result<PaymentResult, Error> {
        self.pays_within(LIMIT, till, reference).await
    }

    /// The same with another limit before the cloud.
    pub(crate) async fn pays_within(
        self,
        local_timeout: Duration,
        till: Vinr,
        reference: String,
    ) -> Result<PaymentResult, Error> {
        let at = match self {
            Self::Local | Self::Hedged | Self::Hybrid => At::Terminal(A),
            Self::Group | Self::HybridGroup => At::Group(&[A, B]),
        };
        let connectivity = if self.has_cloud() {
            Connectivity::Hybrid { local_timeout }
        } else {
            Connectivity::Local
        };
        let sale = Create {
            at,
            amount: 2500,
            currency: "USD",
            reference: &reference,
            connectivity,
            ..Create::default()
        };
        till.payments().create(sale).await
    }
}

pub(crate) struct Counter {
    pub(crate) kind: Kind,
    pub(crate) simulator: Simulator,
    /// Before the terminals, in their order.
    pub(crate) lan: Vec<Breaker>,
    pub(crate) internet: Option<Breaker>,
    dir: TempDir,
}

impl Counter {
    pub(crate) async fn open(kind: Kind, script: Script) -> Self {
        let dir = tempfile::tempdir().unwrap();
        copy_to(&dir.path().join("vinr-local"), &[A, B, C].map(id));
        let mut builder = Simulator::builder(dir.path().join("vinr-local")).cardholder(script);
        for terminal in kind.members() {
            builder = builder.terminal(id(terminal), Model::NexgoCt20);
        }
        if kind.has_cloud() {
            builder = builder.cloud(SocketAddr::from(([127, 0, 0, 1], 0)));
        }
        let simulator = builder.start().await.unwrap();
        let pki = simulator.pki();
        let mut lan = Vec::new();
        for terminal in simulator.terminals() {
            let name = terminal.id().as_str();
            lan.push(Breaker::before_terminal(terminal.address(), name, pki).await);
        }
        let mut internet = None;
        if let Some(cloud) = simulator.cloud() {
            internet = Some(Breaker::before_cloud(cloud.address(), pki).await);
            while cloud.standing().await.unwrap().linked.len() < lan.len() {
                tokio::task::yield_now().await;
            }
        }
        Self {
            kind,
            simulator,
            lan,
            internet,
            dir,
        }
    }

    /// Each till has a store of its own, by its name.
    pub(crate) fn store_dir(&self, till: &str) -> PathBuf {
        self.dir.path().join("tills").join(till)
    }

    pub(crate) fn builder(&self, till: &str) -> Builder {
        self.role(till).builder()
    }

    /// The same till, for a process of its own.
    pub(crate) fn role(&self, till: &str) -> Role {
        Role {
            name: till.to_owned(),
            kind: self.kind,
            payments: 1,
            pki: self.simulator.pki().dir().to_owned(),
            store: self.store_dir(till),
            terminals: self.lan.iter().map(Breaker::address).collect(),
            cloud: self.internet.as_ref().map(Breaker::address),
        }
    }

    /// A till over this store, once the one that went down has let go of it.
    pub(crate) async fn till(&self, name: &str) -> Vinr {
        loop {
            match self.builder(name).build() {
                Ok(till) => return till,
                Err(BuildError::Store(FileStoreError::InUse { .. })) => {
                    tokio::task::yield_now().await;
                }
                Err(error) => panic!("{error}"),
            }
        }
    }

    pub(crate) fn mend(&self) {
        for breaker in self.lan.iter().chain(&self.internet) {
            breaker.mend();
        }
    }

    /// Waits until no terminal serves anybody.
    pub(crate) async fn is_idle(&self) {
        for terminal in self.simulator.terminals() {
            while matches!(
                terminal.screen().screen,
                Picture::PresentCard | Picture::EnterPin | Picture::Authorizing
            ) {
                tokio::task::yield_now().await;
            }
        }
    }

    /// Finds the first terminal, so that there is a warm line to it.
    pub(crate) async fn meet(&self, till: &Vinr) {
        let hosts = Discover::static_hosts([self.lan[0].address().to_string()]);
        let found = till.readers().discover(hosts).await.unwrap();
        assert_eq!(found.readers.len(), 1, "{:?}", found.left_out);
    }

    /// What the card network took for the sale: approved and not voided.
    pub(crate) async fn charges(&self, reference: &str) -> usize {
        let ledger = self.ledger(reference).await;
        ledger.iter().filter(|it| it.approved && !it.voided).count()
    }

    /// Every card here is good: what was declined had been charged, and only the card network's own guard kept the sale
    /// from being charged again.
    pub(crate) async fn nearly_charged_twice(&self, reference: &str) -> bool {
        let ledger = self.ledger(reference).await;
        ledger.iter().any(|it| !it.approved && !it.voided)
    }

    async fn ledger(&self, reference: &str) -> Vec<LedgerEntry> {
        let mut ledger = Vec::new();
        match self.simulator.cloud() {
            Some(cloud) => ledger = cloud.ledger().await,
            None => {
                for terminal in self.simulator.terminals() {
                    ledger.extend(terminal.ledger().await);
                }
            }
        }
        ledger.retain(|it| it.reference == reference);
        ledger
    }
}

/// A till with its own identity, that knows nothing else and opens nothing beforehand: the tests break single connections.
pub(crate) fn builder(pki: &Pki) -> Builder {
    Vinr::builder()
        .terminal_ca_file(pki.terminal_ca())
        .unwrap()
        .identity_pem_files(pki.pos_cert(), pki.pos_key())
        .unwrap()
        .lines(Lines::none())
        .hedging(Hedging::Off)
}
