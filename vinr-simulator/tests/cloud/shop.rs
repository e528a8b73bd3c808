//! A shop with terminals that joined a cloud, in directories that are made once.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use serde_json::{Value, json};
use vinr_protocol::TerminalId;
use vinr_protocol::device::Model;
use vinr_protocol::question::{Answered, Question};
use vinr_simulator::cardholder::Script;
use vinr_simulator::cloud::{CloudOptions, Standing};
use vinr_simulator::{Cloud, Pki, Simulator, Terminal};

use crate::api::{Api, PATIENCE};
use crate::support;

pub(crate) const A: &str = "term_a";
pub(crate) const B: &str = "term_b";

/// A shop whose cardholders wait for the test, and its cloud in the same process and apart.
pub(crate) struct Shop {
    pub(crate) cloud: Option<Cloud>,
    pub(crate) simulator: Simulator,
    options: CloudOptions,
    pub(crate) dir: tempfile::TempDir,
}

pub(crate) fn id(text: &str) -> TerminalId {
    TerminalId::new(text).unwrap()
}

/// A directory with the identities of both terminals and of the cloud.
pub(crate) fn provisioned() -> (tempfile::TempDir, Pki) {
    static MADE: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
        let dir = tempfile::tempdir().unwrap();
        let _made = Pki::provision(dir.path(), &[id(A), id(B)]).unwrap();
        dir
    });
    let dir = tempfile::tempdir().unwrap();
    support::copy(MADE.path(), dir.path());
    let pki = Pki::open(dir.path()).unwrap();
    (dir, pki)
}

pub(crate) fn on_any_port() -> CloudOptions {
    CloudOptions::from(std::net::SocketAddr::from(([127, 0, 0, 1], 0)))
}

impl Shop {
    pub(crate) async fn open() -> Self {
        Self::with(on_any_port()).await
    }

    pub(crate) async fn with(options: CloudOptions) -> Self {
        let (dir, pki) = provisioned();
        let cloud = Cloud::start(&pki, options.clone()).await.unwrap();
        Self::at(dir, cloud, options).await
    }

    /// Terminals of this directory join this cloud.
    pub(crate) async fn at(
        dir: tempfile::TempDir,
        cloud: Cloud,
        mut options: CloudOptions,
    ) -> Self {
        options.listen = cloud.address();
        let simulator = Simulator::builder(dir.path())
            .terminal(id(A), Model::NexgoCt20)
            .terminal(id(B), Model::NexgoCt20)
            .cardholder(Script::by_hand())
            .join(cloud.url().parse().unwrap())
            .start()
            .await
            .unwrap();
        let cloud = Some(cloud);
        let shop = Self {
            cloud,
            simulator,
            options,
            dir,
        };
        shop.stands(|it| it.linked.len() == 2).await;
        shop
    }

    pub(crate) fn cloud(&self) -> &Cloud {
        self.cloud.as_ref().expect("the cloud runs")
    }

    /// The cloud's power goes and comes back: what it knows is what its disk holds.
    pub(crate) async fn restart_cloud(&mut self) {
        self.cut_cloud().await;
        self.start_cloud().await;
    }

    pub(crate) async fn cut_cloud(&mut self) {
        if let Some(cloud) = self.cloud.take() {
            cloud.cut().await;
        }
    }

    pub(crate) async fn start_cloud(&mut self) {
        let pki = Pki::open(self.dir.path()).unwrap();
        self.cloud = Some(Cloud::start(&pki, self.options.clone()).await.unwrap());
    }

    /// Waits until the cloud stands like this.
    pub(crate) async fn stands(&self, like: impl Fn(&Standing) -> bool) -> Standing {
        let begun = std::time::Instant::now();
        loop {
            let standing = self.cloud().standing().await.unwrap();
            if like(&standing) {
                return standing;
            }
            assert!(begun.elapsed() < PATIENCE, "{standing:?}");
            tokio::task::yield_now().await;
        }
    }

    pub(crate) async fn api(&self) -> Api {
        let cloud = self.cloud();
        Api::connect(cloud.address(), cloud.pki(), cloud.key().reveal()).await
    }

    pub(crate) fn terminal(&self, name: &str) -> &Arc<Terminal> {
        let terminals = self.simulator.terminals().iter();
        terminals
            .into_iter()
            .find(|it| it.id().as_str() == name)
            .unwrap()
    }

    /// Presents a card as soon as the terminal wants one.
    pub(crate) async fn present(&self, terminal: &str, card: &str) {
        let question = question(terminal, "present_card", json!({ "card": card }));
        let answer = self.terminal(terminal).answer(&question).await;
        assert_eq!(answer.answer, Answered::Done, "{answer:?}");
    }

    /// Waits until the screen shows this.
    pub(crate) async fn sees(&self, terminal: &str, expect: &str) {
        let question = question(terminal, "observe_screen", json!({ "expect": expect }));
        let answer = self.terminal(terminal).answer(&question).await;
        assert_eq!(
            answer.answer,
            Answered::Saw,
            "{expect}: {:?}",
            self.terminal(terminal).screen()
        );
    }

    /// How often the card network charged for a sale.
    pub(crate) async fn charges(&self, reference: &str) -> usize {
        let ledger = self.cloud().ledger().await;
        let is_charge = |it: &&vinr_protocol::question::LedgerEntry| {
            it.reference == reference && it.approved && !it.voided
        };
        ledger.iter().filter(is_charge).count()
    }
}

fn question(terminal: &str, question: &str, args: Value) -> Question {
    Question {
        subject: terminal.into(),
        ..support::question_of(question, args, PATIENCE)
    }
}

pub(crate) fn sale(terminal: &str, reference: &str) -> Value {
    json!({ "terminalId": terminal, "amount": 2500, "currency": "USD", "reference": reference })
}

pub(crate) fn waited(mut sale: Value) -> Value {
    sale["wait"] = true.into();
    sale
}

/// A command that cannot be handed over is given up so soon.
pub(crate) const SOON: Duration = Duration::from_millis(200);

/// A till on the LAN, with the shop's own identity.
pub(crate) struct Till {
    sender: hyper::client::conn::http1::SendRequest<http_body_util::Full<bytes::Bytes>>,
}

impl Shop {
    pub(crate) async fn till(&self, terminal: &str) -> Till {
        let pki = self.simulator.pki();
        let address = self.terminal(terminal).address();
        let identity = Some((pki.pos_cert(), pki.pos_key()));
        let stream = support::tls_to(terminal, address, pki, identity).await;
        let io = hyper_util::rt::TokioIo::new(stream.unwrap());
        let (sender, connection) = hyper::client::conn::http1::handshake(io).await.unwrap();
        tokio::spawn(connection);
        Till { sender }
    }
}

impl Till {
    /// `POST /v1/pay`, to its end.
    pub(crate) async fn pay(&mut self, terminal: &str, reference: &str) -> Value {
        let request = http::Request::post("/v1/pay")
            .header("content-type", "application/json")
            .header("idempotency-key", format!("{terminal}/{reference}"));
        let body = sale(terminal, reference).to_string();
        self.send(request.body(http_body_util::Full::from(body)).unwrap())
            .await
    }

    pub(crate) async fn cancel(&mut self, terminal: &str, reference: &str) -> Value {
        let body = json!({ "terminalId": terminal, "reference": reference });
        let request = http::Request::post("/v1/cancel").header("content-type", "application/json");
        let body = http_body_util::Full::from(body.to_string());
        self.send(request.body(body).unwrap()).await
    }

    pub(crate) async fn reader(&mut self) -> Value {
        let request = http::Request::get("/v1/reader");
        self.send(request.body(http_body_util::Full::default()).unwrap())
            .await
    }

    async fn send(&mut self, request: http::Request<http_body_util::Full<bytes::Bytes>>) -> Value {
        use http_body_util::BodyExt;
        self.sender.ready().await.unwrap();
        let answered = async {
            let response = self.sender.send_request(request).await.unwrap();
            let body = response.into_body().collect().await.unwrap().to_bytes();
            serde_json::from_slice(&body).unwrap()
        };
        tokio::time::timeout(PATIENCE, answered)
            .await
            .expect("an answer")
    }
}
