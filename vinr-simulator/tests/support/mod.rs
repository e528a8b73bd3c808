//! A shop with one simulated terminal, and a till that speaks plain HTTP over mutual TLS: nothing of our client.

#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "what cannot be set up fails the test")]

use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use serde_json::{Map, Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use vinr_protocol::TerminalId;
use vinr_protocol::device::Model;
use vinr_protocol::question::{Answer, Answered, Question};
use vinr_protocol::timing::CLIENT_HOLD;
use vinr_simulator::cardholder::Script;
use vinr_simulator::control::TerminalState;
use vinr_simulator::screen::Picture;
use vinr_simulator::{Builder, Pki, Simulator, Terminal};

/// The terminal of every test.
pub(crate) const TERMINAL: &str = "term_CT20_0042";

/// Long enough for any step on a busy machine; a test that reaches it failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A simulated terminal whose cardholder waits for the test.
pub(crate) struct Shop {
    pub(crate) simulator: Simulator,
    pub(crate) dir: tempfile::TempDir,
}

pub(crate) fn terminal_id() -> TerminalId {
    TerminalId::new(TERMINAL).unwrap()
}

pub(crate) async fn shop() -> Shop {
    shop_with(|builder| builder).await
}

pub(crate) async fn shop_with(with: impl FnOnce(Builder) -> Builder) -> Shop {
    let dir = provisioned();
    let builder = Simulator::builder(dir.path())
        .terminal(terminal_id(), Model::NexgoCt20)
        .cardholder(Script::by_hand());
    let simulator = with(builder).start().await.unwrap();
    Shop { simulator, dir }
}

/// A directory with the identity of [`TERMINAL`]: deriving the key of a `.p12` is slow by design, so it is done once.
pub(crate) fn provisioned() -> tempfile::TempDir {
    static MADE: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
        let dir = tempfile::tempdir().unwrap();
        let _made = Pki::provision(dir.path(), &[terminal_id()]).unwrap();
        dir
    });
    let dir = tempfile::tempdir().unwrap();
    copy(MADE.path(), dir.path());
    dir
}

pub(crate) fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let (from, to) = (
            entry.as_ref().unwrap().path(),
            to.join(entry.unwrap().file_name()),
        );
        if from.is_dir() {
            std::fs::create_dir(&to).unwrap();
            copy(&from, &to);
        } else {
            std::fs::copy(&from, &to).unwrap();
        }
    }
}

impl Shop {
    pub(crate) fn terminal(&self) -> &Arc<Terminal> {
        self.simulator.terminal()
    }

    /// A till with the shop's own identity.
    pub(crate) async fn till(&self) -> Till {
        let pki = self.simulator.pki();
        Till::connect(
            self.terminal().address(),
            pki,
            Some((pki.pos_cert(), pki.pos_key())),
        )
        .await
    }

    pub(crate) async fn ask(&self, question: &str, args: Value) -> Answer {
        self.ask_within(question, args, PATIENCE).await
    }

    pub(crate) async fn ask_within(&self, question: &str, args: Value, within: Duration) -> Answer {
        let question = question_of(question, args, within);
        self.terminal().answer(&question).await
    }

    /// Presents a card as soon as the terminal wants one.
    pub(crate) async fn present(&self, card: &str) {
        let answer = self.ask("present_card", json!({ "card": card })).await;
        assert_eq!(answer.answer, Answered::Done, "{answer:?}");
    }

    /// Waits until the screen shows this.
    pub(crate) async fn sees(&self, expect: &str) {
        let answer = self
            .ask("observe_screen", json!({ "expect": expect }))
            .await;
        assert_eq!(
            answer.answer,
            Answered::Saw,
            "{expect}: {:?}",
            self.terminal().screen()
        );
    }

    pub(crate) fn picture(&self) -> Picture {
        self.terminal().screen().screen
    }

    /// Waits until the terminal's state fits.
    pub(crate) async fn until(&self, fits: impl Fn(&TerminalState) -> bool) -> TerminalState {
        let mut changes = self.terminal().changes();
        let seen = async {
            loop {
                changes.borrow_and_update();
                let state = self.terminal().state();
                if fits(&state) {
                    return state;
                }
                changes.changed().await.unwrap();
            }
        };
        let seen = tokio::time::timeout(PATIENCE, seen).await;
        seen.unwrap_or_else(|_| panic!("it never was so: {:?}", self.terminal().state()))
    }

    /// Waits until the card network knows of so many charges for a reference.
    pub(crate) async fn charged(&self, reference: &str, times: usize) {
        let seen = async {
            while self.charges(reference).await != times {
                tokio::task::yield_now().await;
            }
        };
        let seen = tokio::time::timeout(PATIENCE, seen).await;
        seen.expect("the card network hears of it");
    }

    /// How many charges the card network knows of for a reference.
    pub(crate) async fn charges(&self, reference: &str) -> usize {
        let ledger = self.terminal().ledger().await;
        let is_charge = |it: &&vinr_protocol::question::LedgerEntry| {
            it.reference == reference && it.approved && !it.voided
        };
        ledger.iter().filter(is_charge).count()
    }

    /// The bytes of the terminal's journal.
    pub(crate) fn journal(&self) -> Vec<u8> {
        std::fs::read(self.journal_file()).unwrap()
    }

    /// The file that the terminal's journal is written to.
    pub(crate) fn journal_file(&self) -> PathBuf {
        self.data().join("journal.00000001")
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.dir.path().join("data").join(TERMINAL)
    }
}

pub(crate) fn question_of(question: &str, args: Value, within: Duration) -> Question {
    let Value::Object(args) = args else {
        panic!("arguments are an object");
    };
    let args: Map<String, Value> = args;
    Question {
        question: question.into(),
        id: "q1".into(),
        requirement: Vec::new(),
        why: String::new(),
        subject: TERMINAL.into(),
        args,
        deadline_ms: within.as_millis() as u64,
    }
}

/// One connection of a till.
pub(crate) struct Till {
    sender: SendRequest<Full<Bytes>>,
}

/// The head of an answer; its body may still be to come.
pub(crate) struct Head {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    body: Incoming,
}

impl Head {
    /// The body, where it comes whole.
    pub(crate) async fn body(self) -> Option<Value> {
        let collected = tokio::time::timeout(PATIENCE, self.body.collect()).await;
        let bytes = collected
            .expect("a body comes or breaks off")
            .ok()?
            .to_bytes();
        Some(serde_json::from_slice(&bytes).expect("an answer is JSON"))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn activation(&self) -> Option<f64> {
        self.header("server-timing")?
            .strip_prefix("activation;dur=")?
            .parse()
            .ok()
    }
}

impl Till {
    pub(crate) async fn connect(
        address: std::net::SocketAddr,
        pki: &Pki,
        identity: Option<(PathBuf, PathBuf)>,
    ) -> Till {
        let till = Till::try_connect(address, pki, identity).await;
        till.expect("the till may connect")
    }

    pub(crate) async fn try_connect(
        address: std::net::SocketAddr,
        pki: &Pki,
        identity: Option<(PathBuf, PathBuf)>,
    ) -> std::io::Result<Till> {
        let stream = tls(address, pki, identity).await?;
        let handshake = handshake(TokioIo::new(stream)).await;
        let (sender, connection) = handshake.map_err(std::io::Error::other)?;
        tokio::spawn(connection);
        Ok(Till { sender })
    }

    /// A till at any terminal of a simulator.
    pub(crate) async fn at(terminal: &Terminal, pki: &Pki) -> Till {
        let identity = Some((pki.pos_cert(), pki.pos_key()));
        let stream = tls_to(terminal.id().as_str(), terminal.address(), pki, identity);
        let stream = stream.await.expect("the till may connect");
        let (sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Till { sender }
    }

    /// Sends a request and waits for the head of its answer.
    pub(crate) async fn send(&mut self, request: Request<Full<Bytes>>) -> Head {
        self.try_send(request).await.expect("an answer")
    }

    pub(crate) async fn try_send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Head, hyper::Error> {
        self.sender.ready().await?;
        // As long as a till holds: a process that is killed in the middle of a write to a slow disk keeps its
        // connections until that write is over.
        let sent = tokio::time::timeout(CLIENT_HOLD, self.sender.send_request(request));
        let response: Response<Incoming> = sent.await.expect("a head comes or breaks off")?;
        let (parts, body) = response.into_parts();
        Ok(Head {
            status: parts.status,
            headers: parts.headers,
            body,
        })
    }

    pub(crate) async fn pay(&mut self, reference: &str, key: &str) -> Head {
        self.send(post("/v1/pay", Some(key), &pay_body(reference)))
            .await
    }

    pub(crate) async fn payments(&mut self, reference: &str) -> Vec<Value> {
        let head = self
            .send(get(&format!("/v1/payments?reference={reference}")))
            .await;
        assert_eq!(head.status, 200);
        let mut list = head.body().await.unwrap();
        let Value::Array(payments) = list["data"].take() else {
            panic!("a list has data");
        };
        payments
    }

    pub(crate) async fn cancel(&mut self, reference: &str, key: Option<&str>) -> Value {
        let mut body = json!({ "terminalId": TERMINAL, "reference": reference });
        if let Some(key) = key {
            body["attemptKey"] = key.into();
        }
        let head = self.send(post("/v1/cancel", None, &body)).await;
        assert_eq!(head.status, 200);
        head.body().await.unwrap()
    }
}

pub(crate) fn pay_body(reference: &str) -> Value {
    json!({ "terminalId": TERMINAL, "amount": 2500, "currency": "USD", "reference": reference })
}

pub(crate) fn get(path: &str) -> Request<Full<Bytes>> {
    Request::get(path).body(Full::default()).unwrap()
}

pub(crate) fn post(path: &str, key: Option<&str>, body: &Value) -> Request<Full<Bytes>> {
    post_bytes(path, key, body.to_string())
}

pub(crate) fn post_bytes(
    path: &str,
    key: Option<&str>,
    body: impl Into<Bytes>,
) -> Request<Full<Bytes>> {
    let mut request = Request::post(path).header("content-type", "application/json");
    if let Some(key) = key {
        request = request.header("idempotency-key", key);
    }
    request.body(Full::new(body.into())).unwrap()
}

/// A TLS connection to the terminal, under its own name.
pub(crate) async fn tls(
    address: std::net::SocketAddr,
    pki: &Pki,
    identity: Option<(PathBuf, PathBuf)>,
) -> std::io::Result<TlsStream<TcpStream>> {
    tls_to(TERMINAL, address, pki, identity).await
}

/// The same, to a terminal of another name.
pub(crate) async fn tls_to(
    name: &str,
    address: std::net::SocketAddr,
    pki: &Pki,
    identity: Option<(PathBuf, PathBuf)>,
) -> std::io::Result<TlsStream<TcpStream>> {
    let certificates = |path: &Path| -> Vec<_> {
        CertificateDer::pem_file_iter(path)
            .unwrap()
            .map(Result::unwrap)
            .collect()
    };
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(certificates(&pki.terminal_ca()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots);
    let config = match identity {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let key = PrivateKeyDer::from_pem_file(key).unwrap();
            builder
                .with_client_auth_cert(certificates(&certificate), key)
                .unwrap()
        }
    };
    let tcp = TcpStream::connect(address).await?;
    // Else the first request waits for the acknowledgement of the handshake's last flight, 40 ms.
    tcp.set_nodelay(true)?;
    let name = ServerName::try_from(name.to_owned()).unwrap();
    TlsConnector::from(Arc::new(config))
        .connect(name, tcp)
        .await
}

/// Writes raw bytes as the shop's till and reads until the terminal closes or has answered.
pub(crate) async fn raw(shop: &Shop, request: &[u8]) -> Vec<u8> {
    let pki = shop.simulator.pki();
    let identity = Some((pki.pos_cert(), pki.pos_key()));
    let mut stream = tls(shop.terminal().address(), pki, identity).await.unwrap();
    // The terminal may answer and close before it has read everything.
    let _ = stream.write_all(request).await;
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    let read = async {
        while let Ok(count @ 1..) = stream.read(&mut buffer).await {
            answer.extend(&buffer[..count]);
            if answer.windows(4).any(|it| it == b"\r\n\r\n") && answer.ends_with(b"}") {
                break;
            }
        }
    };
    tokio::time::timeout(PATIENCE, read)
        .await
        .expect("an answer or a close");
    answer
}
