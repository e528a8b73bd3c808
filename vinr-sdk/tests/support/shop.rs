//! The terminals, their cloud and a till.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use vinr_protocol::device::Model;
use vinr_protocol::question::{Answered, LedgerEntry, Question};
use vinr_sdk::{Builder, Cloud, Hedging, Lines, SecretKey, TerminalId, Vinr};
use vinr_simulator::cardholder::Script;
use vinr_simulator::cards::TestCard;
use vinr_simulator::cloud::CloudOptions;
use vinr_simulator::screen::Picture;
use vinr_simulator::{Cloud as Sandbox, Simulator, Terminal};

use super::Cable;
use crate::provisioned::copy_to;

pub(crate) const A: &str = "term_CT20_0042";
pub(crate) const B: &str = "term_CT20_0043";
pub(crate) const C: &str = "term_CT20_0044";

/// A shop. The till reaches everything through cables.
pub(crate) struct Shop {
    pub(crate) simulator: Simulator,
    /// To the terminals, in their order.
    pub(crate) lan: Vec<Cable>,
    /// To the cloud.
    pub(crate) internet: Cable,
    dir: TempDir,
}

impl Shop {
    /// With cardholders who tap at once.
    pub(crate) async fn open() -> Self {
        Self::with(taps("approved")).await
    }

    pub(crate) async fn with(script: Script) -> Self {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        Self::of(script, CloudOptions::new(any)).await
    }

    pub(crate) async fn of(script: Script, cloud: CloudOptions) -> Self {
        let dir = tempfile::tempdir().unwrap();
        copy_to(&dir.path().join("vinr-local"), &[A, B, C].map(id));
        let mut builder = Simulator::builder(dir.path().join("vinr-local"))
            .cardholder(script)
            .cloud(cloud);
        for terminal in [A, B, C] {
            builder = builder.terminal(id(terminal), Model::NexgoCt20);
        }
        let simulator = builder.start().await.unwrap();
        let mut lan = Vec::new();
        for terminal in simulator.terminals() {
            lan.push(Cable::to(terminal.address()).await);
        }
        let internet = Cable::to(simulator.cloud().unwrap().address()).await;
        let shop = Self {
            simulator,
            lan,
            internet,
            dir,
        };
        shop.is_linked().await;
        shop
    }

    /// Waits until every terminal has its link to the cloud.
    async fn is_linked(&self) {
        let all = self.simulator.terminals().len();
        while self.sandbox().standing().await.unwrap().linked.len() < all {
            tokio::task::yield_now().await;
        }
    }

    pub(crate) fn sandbox(&self) -> &Sandbox {
        self.simulator.cloud().unwrap()
    }

    pub(crate) fn terminal(&self, name: &str) -> &Arc<Terminal> {
        let mut terminals = self.simulator.terminals().iter();
        terminals.find(|it| it.id().as_str() == name).unwrap()
    }

    /// The cable to a terminal.
    pub(crate) fn cable(&self, terminal: &str) -> &Cable {
        let terminals = self.simulator.terminals().iter();
        let mut both = terminals.zip(&self.lan);
        both.find(|(it, _)| it.id().as_str() == terminal).unwrap().1
    }

    /// The cloud as this till reaches it.
    pub(crate) fn cloud(&self) -> Cloud {
        let pki = self.simulator.pki();
        self.cloud_with(SecretKey::from_file(pki.api_key()).unwrap())
    }

    pub(crate) fn cloud_with(&self, key: SecretKey) -> Cloud {
        let url = format!("https://{}", self.internet.address());
        Cloud::with_ca_file(&url, key, self.simulator.pki().cloud_ca()).unwrap()
    }

    /// A till that knows nothing but its own identity.
    pub(crate) fn builder_without_terminals(&self) -> Builder {
        let pki = self.simulator.pki();
        Vinr::builder()
            .terminal_ca_file(pki.terminal_ca())
            .unwrap()
            .identity_pem_files(pki.pos_cert(), pki.pos_key())
            .unwrap()
            .store_dir(self.dir.path().join("till"))
            // What a cable counts is what the calls need, and what it does happens to the payment.
            .lines(Lines::none())
            .hedging(Hedging::Off)
    }

    /// A till that knows where the terminals are, without a cloud.
    pub(crate) fn builder(&self) -> Builder {
        let mut builder = self.builder_without_terminals();
        for (terminal, cable) in self.simulator.terminals().iter().zip(&self.lan) {
            builder = builder.terminal(terminal.id().as_str(), cable.address());
        }
        builder
    }

    /// Presents a card as soon as the terminal wants one.
    pub(crate) async fn present(&self, terminal: &str, card: &str) {
        let Value::Object(args) = json!({ "card": card }) else {
            unreachable!("it is an object")
        };
        let question = Question {
            question: "present_card".into(),
            id: "q1".into(),
            requirement: Vec::new(),
            why: String::new(),
            subject: terminal.into(),
            args,
            deadline_ms: 20_000,
        };
        let answer = self.terminal(terminal).answer(&question).await;
        assert_eq!(answer.answer, Answered::Done, "{answer:?}");
    }

    /// What the card network charged for a sale.
    pub(crate) async fn charges(&self, reference: &str) -> usize {
        let ledger = self.sandbox().ledger().await;
        let is_charge = |it: &&LedgerEntry| it.reference == reference && it.approved && !it.voided;
        ledger.iter().filter(is_charge).count()
    }

    /// Waits until a terminal's screen shows this.
    pub(crate) async fn shows(&self, terminal: &str, picture: Picture) {
        while self.terminal(terminal).screen().screen != picture {
            tokio::task::yield_now().await;
        }
    }
}

pub(crate) fn id(terminal: &str) -> TerminalId {
    TerminalId::new(terminal).unwrap()
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

/// So much time passes, for all that wait for it.
pub(crate) async fn passes(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}
