//! A simulator with two terminals and a cloud, and what `configure` says of it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use vinr_protocol::TerminalId;
use vinr_protocol::device::Model;
use vinr_protocol::question::{Answered, LedgerEntry, Question};
use vinr_simulator::cardholder::Script;
use vinr_simulator::cards::TestCard;
use vinr_simulator::cloud::CloudOptions;
use vinr_simulator::screen::Picture;
use vinr_simulator::{Pki, Simulator};

pub(crate) const A: &str = "term_CT20_0042";
pub(crate) const B: &str = "term_CT20_0043";

/// The shop, and where its till keeps what is open.
pub(crate) struct Shop {
    pub(crate) simulator: Simulator,
    /// Where the till believes terminals to be.
    pub(crate) hosts: BTreeMap<String, SocketAddr>,
    dir: TempDir,
}

/// Identities take most of a second, and the passphrase is shown once: they are made once, and copied.
fn identities() -> &'static (TempDir, String) {
    static MADE: OnceLock<(TempDir, String)> = OnceLock::new();
    MADE.get_or_init(|| {
        let dir = tempfile::tempdir().expect("a scratch directory");
        let made = Pki::provision(dir.path(), &[A, B].map(id)).expect("identities");
        let passphrase = made.passphrase.reveal().to_owned();
        (dir, passphrase)
    })
}

impl Shop {
    /// With a cardholder who taps this card at once.
    pub(crate) async fn taps(card: &str) -> Self {
        Self::with(Script {
            tap_after: Some(Duration::ZERO),
            card: TestCard::find(card).expect("a test card"),
            ..Script::default()
        })
        .await
    }

    /// With a cardholder who looks for their card.
    pub(crate) async fn by_hand() -> Self {
        Self::with(Script::by_hand()).await
    }

    async fn with(script: Script) -> Self {
        let dir = tempfile::tempdir().expect("a scratch directory");
        let place = dir.path().join("vinr-local");
        copy(identities().0.path(), &place);
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut builder = Simulator::builder(place)
            .cardholder(script)
            .cloud(CloudOptions::new(any));
        for terminal in [A, B] {
            builder = builder.terminal(id(terminal), Model::NexgoCt20);
        }
        let simulator = builder.start().await.expect("a simulator");
        let terminals = simulator.terminals().iter();
        let hosts = terminals
            .map(|it| (it.id().to_string(), it.address()))
            .collect();
        let shop = Self {
            simulator,
            hosts,
            dir,
        };
        let cloud = shop.simulator.cloud().expect("it was asked for");
        while cloud.standing().await.expect("it stands").linked.len() < shop.hosts.len() {
            tokio::task::yield_now().await;
        }
        shop
    }

    pub(crate) fn address(&self, terminal: &str) -> SocketAddr {
        self.hosts[terminal]
    }

    /// The set-up of its till.
    pub(crate) fn configure(&self) -> Value {
        let pki = self.simulator.pki();
        let cloud = self.simulator.cloud().expect("it was asked for").address();
        let key = std::fs::read_to_string(pki.api_key()).expect("the cloud's key");
        json!({
            "op": "configure", "store": self.dir.path().join("store"), "ca": pki.terminal_ca(),
            "p12": pki.pos_p12(), "passphrase": identities().1,
            "cert": pki.pos_cert(), "key": pki.pos_key(), "hosts": self.hosts,
            "secretKey": key.trim(), "cloudUrl": format!("https://{cloud}"), "cloudCa": pki.cloud_ca(),
            "webhookSecrets": ["whsec_0123456789abcdef"], "deadlineMs": 240_000,
        })
    }

    /// Presents a card at the first terminal as soon as it wants one.
    pub(crate) async fn presents(&self, card: &str) {
        self.presents_at(A, card).await;
    }

    pub(crate) async fn presents_at(&self, terminal: &str, card: &str) {
        let Value::Object(args) = json!({ "card": card }) else {
            unreachable!("it is an object")
        };
        let mut terminals = self.simulator.terminals().iter();
        let terminal = terminals
            .find(|it| it.id().as_str() == terminal)
            .expect("it is there");
        let question = Question {
            question: "present_card".into(),
            id: "q1".into(),
            requirement: Vec::new(),
            why: String::new(),
            subject: terminal.id().to_string(),
            args,
            deadline_ms: 20_000,
        };
        let answer = terminal.answer(&question).await;
        assert_eq!(answer.answer, Answered::Done, "{answer:?}");
    }

    /// What the card network charged for a sale.
    pub(crate) async fn charges(&self, reference: &str) -> usize {
        let ledger = self
            .simulator
            .cloud()
            .expect("it was asked for")
            .ledger()
            .await;
        let is_charge = |it: &&LedgerEntry| it.reference == reference && it.approved && !it.voided;
        ledger.iter().filter(is_charge).count()
    }

    /// Waits until the first terminal asks for the card.
    pub(crate) async fn asks_for_the_card(&self) {
        while self.simulator.terminal().screen().screen != Picture::PresentCard {
            tokio::task::yield_now().await;
        }
    }
}

pub(crate) fn sale(reference: &str) -> Value {
    json!({ "op": "pay", "terminalId": A, "amount": 2500, "currency": "USD", "reference": reference })
}

fn id(terminal: &str) -> TerminalId {
    TerminalId::new(terminal).expect("a terminal's id")
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).expect("a place for it");
    for entry in std::fs::read_dir(from).expect("a directory") {
        let entry = entry.expect("an entry");
        let to = to.join(entry.file_name());
        if entry.file_type().expect("its kind").is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).expect("a copy");
        }
    }
}
