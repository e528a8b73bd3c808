//! `kill -9` of a real process, at random moments between command and answer, under load, again and again.
//!
//! After each restart the look-up must tell the truth about every payment that was ever asked for, and the card network's
//! ledger, read from its file while nothing runs, must show no double charge. \[REC-6, REC-9, REC-15\]

#![allow(clippy::unwrap_used, reason = "what cannot be set up fails the test")]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use crate::support::{self, PATIENCE, TERMINAL, Till, get, pay_body, post};
use vinr_protocol::question::LedgerEntry;
use vinr_simulator::Pki;
use vinr_simulator::host::Ledger;

/// What is played.
#[derive(Debug, Clone)]
pub(crate) struct Rounds {
    /// What runs a terminal when it is called as `vinr-simulator run`.
    pub(crate) program: PathBuf,
    /// How many kills.
    pub(crate) rounds: u64,
    /// The same seed draws the same moments.
    pub(crate) seed: u64,
    /// In one round of so many the terminal has no internet.
    pub(crate) offline_every: u64,
}

/// The cardholder's pause: the kills fall before, into and after the card.
const TAP_AFTER_MS: u64 = 5;

/// A terminal in a process of its own.
struct Victim {
    process: Child,
    running: Running,
}

/// What the control file says.
#[derive(Debug, Clone)]
struct Running {
    address: SocketAddr,
    control: SocketAddr,
    token: String,
}

impl Victim {
    /// Starts the binary and waits until it says where it listens.
    async fn start(program: &Path, dir: &Path, listen: SocketAddr) -> Self {
        let control = dir.join("control").join(format!("{TERMINAL}.json"));
        let _ = std::fs::remove_file(&control);
        let mut process = Command::new(program)
            .args([
                "run",
                "--no-mdns",
                // Its ledger is read from its own directory.
                "--no-cloud",
                "--control",
                "127.0.0.1:0",
                "--id",
                TERMINAL,
            ])
            .args([
                "--listen",
                &listen.to_string(),
                "--tap-after",
                &TAP_AFTER_MS.to_string(),
            ])
            .arg("--dir")
            .arg(dir)
            .env("RUST_LOG", "error")
            .stdout(Stdio::null())
            .spawn()
            .expect("the binary starts");
        let started = async {
            loop {
                if let Some(running) = read(&control) {
                    return running;
                }
                if let Ok(Some(status)) = process.try_wait() {
                    panic!("the terminal did not start: {status}");
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        let running = tokio::time::timeout(PATIENCE, started)
            .await
            .expect("it starts");
        Self { process, running }
    }

    /// SIGKILL, and wait until it is gone.
    fn kill(self) {
        drop(self);
    }
}

/// A test that fails leaves nothing running.
impl Drop for Victim {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let killed = Instant::now();
        self.process.wait().expect("it ends");
        if killed.elapsed() > Duration::from_secs(1) {
            println!("it took {:?} to die", killed.elapsed());
        }
    }
}

/// The control file is written last, when everything runs.
fn read(control: &Path) -> Option<Running> {
    let file: Value = serde_json::from_slice(&std::fs::read(control).ok()?).ok()?;
    Some(Running {
        address: file["address"].as_str()?.parse().ok()?,
        control: file["url"]
            .as_str()?
            .strip_prefix("http://")?
            .parse()
            .ok()?,
        token: file["token"].as_str()?.to_owned(),
    })
}

/// Cuts its internet; false where this terminal cannot.
async fn cut_internet(running: &Running) -> bool {
    let question = json!({
        "question": "cut_internet", "id": "q1", "subject": TERMINAL, "deadlineMs": 1000
    });
    let stream = TcpStream::connect(running.control).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(connection);
    let request = Request::post("/v1/question")
        .header("host", running.control.to_string())
        .header("authorization", format!("Bearer {}", running.token))
        .header("content-type", "application/json")
        .body(Full::new(Bytes::from(question.to_string())))
        .unwrap();
    let answer = sender.send_request(request).await.unwrap();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    let answer: Value = serde_json::from_slice(&body).unwrap();
    answer["answer"] == "done"
}

/// What a till may hold against the terminal.
#[derive(Debug, Clone, Default)]
struct Told {
    /// A head came: the attempt must be known for ever.
    accepted: bool,
    /// The outcome that was answered, if any: it must never change. \[PAY-15\]
    outcome: Option<Value>,
    /// The place in the offline queue that was answered, if any. \[OFF-12\]
    offline: Option<Value>,
}

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) rounds: u64,
    pub(crate) offline_rounds: u64,
    pub(crate) commands: u64,
    /// Heads that came before the kill.
    pub(crate) accepted: u64,
    /// Kills that fell after an acceptance and before its outcome.
    pub(crate) between: u64,
    pub(crate) answered: u64,
    pub(crate) accepted_offline: u64,
    pub(crate) completed: u64,
    pub(crate) never_heard_of: u64,
    /// Their outcome came after the restart.
    pub(crate) settled_after: u64,
    /// Lines in the card network's ledger.
    pub(crate) ledger: usize,
}

/// Plays it; panics where anything was lost or doubled.
pub(crate) async fn kill(played: &Rounds) -> Counts {
    let dir = support::provisioned();
    let (program, dir) = (&*played.program, dir.path());
    let pki = Pki::open(dir).unwrap();
    let mut random = Random(played.seed);
    let mut counts = Counts::default();
    let mut told: BTreeMap<String, Told> = BTreeMap::new();
    let mut victim = Victim::start(program, dir, "127.0.0.1:0".parse().unwrap()).await;
    let address = victim.running.address;

    // How long a payment takes here today: the kills fall into this time and a little after it.
    let undisturbed = load(&pki, address, "undisturbed").await;
    let sent = Instant::now();
    told.append(&mut undisturbed.finish().await);
    let takes = sent.elapsed();
    println!("a payment takes {takes:?}");
    let longest = takes.mul_f64(1.2);

    for round in 0..played.rounds {
        let wants_offline = played.offline_every > 0 && round % played.offline_every == 1;
        if wants_offline && cut_internet(&victim.running).await {
            counts.offline_rounds += 1;
        }
        let load = load(&pki, address, &round.to_string()).await;
        tokio::time::sleep(longest.mul_f64(random.fraction())).await;
        victim.kill();
        let mut fell_between = false;
        for (reference, said) in load.finish().await {
            counts.commands += 1;
            counts.accepted += u64::from(said.accepted);
            counts.answered += u64::from(said.outcome.is_some());
            counts.accepted_offline += u64::from(said.offline.is_some());
            fell_between |= said.accepted && said.outcome.is_none() && said.offline.is_none();
            told.insert(reference, said);
        }
        counts.between += u64::from(fell_between);
        charged_once(&ledger(dir));

        victim = Victim::start(program, dir, address).await;
        let mut till = connect(&pki, address).await.expect("it runs again");
        for lane in ["a", "b"] {
            let reference = &sale(&round.to_string(), lane);
            let said = &told[reference];
            let settled = settle(&mut till, reference).await;
            counts.never_heard_of += u64::from(settled.is_empty());
            counts.settled_after += u64::from(said.outcome.is_none() && !settled.is_empty());
            counts.completed += u64::from(is_completed(&settled));
            // Nothing of this sale is in flight: its lines are whole.
            is_true(reference, said, &settled, &ledger(dir));
        }
        counts.rounds += 1;
        if counts.rounds.is_multiple_of(100) {
            println!("{} rounds: {counts:?}", counts.rounds);
        }
    }

    // Once more at the end, about every sale of every round.
    victim.kill();
    let last = ledger(dir);
    charged_once(&last);
    counts.ledger = last.len();
    let victim = Victim::start(program, dir, address).await;
    let mut till = connect(&pki, address).await.expect("it runs again");
    for (reference, said) in &told {
        let settled = settle(&mut till, reference).await;
        is_true(reference, said, &settled, &last);
    }
    victim.kill();
    counts
}

/// Tills at work: one pays, one sends the same again, one pays another sale, one looks up.
struct Load {
    tills: Vec<JoinHandle<(String, Told)>>,
    looking: JoinHandle<()>,
}

/// Opens the connections, and sends when all are open.
async fn load(pki: &Pki, address: SocketAddr, round: &str) -> Load {
    let connect = || async { connect(pki, address).await.expect("it runs") };
    let (a, again, b, looking) = tokio::join!(connect(), connect(), connect(), connect());
    let tills = [(a, "a"), (again, "a"), (b, "b")]
        .map(|(till, lane)| tokio::spawn(pay(till, sale(round, lane))));
    let looking = tokio::spawn(look_up(looking, sale(round, "a")));
    Load {
        tills: tills.into(),
        looking,
    }
}

impl Load {
    /// What the tills were told before the line went dead.
    async fn finish(self) -> BTreeMap<String, Told> {
        let mut all: BTreeMap<String, Told> = BTreeMap::new();
        for till in self.tills {
            let (reference, told) = till.await.unwrap();
            let known = all.entry(reference).or_default();
            known.accepted |= told.accepted;
            known.outcome = known.outcome.take().or(told.outcome);
            known.offline = known.offline.take().or(told.offline);
        }
        self.looking.abort();
        all
    }
}

async fn pay(mut till: Till, reference: String) -> (String, Told) {
    let mut told = Told::default();
    let request = post("/v1/pay", Some("k1"), &pay_body(&reference));
    if let Ok(head) = till.try_send(request).await
        && head.status == 200
    {
        told.accepted = true;
        let body = head.body().await;
        told.offline = body
            .as_ref()
            .map(|it| it["offline"].clone())
            .filter(|it| !it.is_null());
        told.outcome = body.filter(is_final);
    }
    (reference, told)
}

async fn look_up(mut till: Till, reference: String) {
    let path = format!("/v1/payments?reference={reference}");
    while let Ok(head) = till.try_send(get(&path)).await {
        if head.body().await.is_none() {
            return;
        }
    }
}

async fn connect(pki: &Pki, address: SocketAddr) -> Option<Till> {
    Till::try_connect(address, pki, Some((pki.pos_cert(), pki.pos_key())))
        .await
        .ok()
}

/// Looks a sale up until nothing about it is in flight.
async fn settle(till: &mut Till, reference: &str) -> Vec<Value> {
    let settled = async {
        loop {
            let payments = till.payments(reference).await;
            if payments.iter().all(is_final) {
                return payments;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(PATIENCE, settled)
        .await
        .expect("everything is settled in the end")
}

/// What the look-up says agrees with what the tills were told and with the host. \[PAY-16\]
fn is_true(reference: &str, told: &Told, payments: &[Value], ledger: &[LedgerEntry]) {
    assert!(
        payments.len() <= 1,
        "{reference}: one key, several attempts: {payments:?}"
    );
    assert!(
        !told.accepted || payments.len() == 1,
        "{reference}: accepted and forgotten"
    );
    if let Some(outcome) = &told.outcome {
        assert_eq!(
            payments,
            std::slice::from_ref(outcome),
            "{reference}: the outcome changed"
        );
    }
    if let Some(offline) = &told.offline {
        let kept = payments.first().map(|it| &it["offline"]);
        assert_eq!(
            kept,
            Some(offline),
            "{reference}: accepted offline, and lost"
        );
    }
    let charges = ledger
        .iter()
        .filter(|it| it.reference == reference && is_charge(it))
        .count();
    assert_eq!(
        charges,
        usize::from(is_completed(payments)),
        "{reference}: {payments:?}"
    );
    for payment in payments {
        assert_eq!(
            (&payment["amount"], &payment["reference"]),
            (&2500.into(), &reference.into())
        );
    }
}

fn charged_once(ledger: &[LedgerEntry]) {
    let mut charges: BTreeMap<&str, u32> = BTreeMap::new();
    for entry in ledger.iter().filter(|entry| is_charge(entry)) {
        let count = charges.entry(&entry.reference).or_default();
        *count += 1;
        assert_eq!(*count, 1, "charged twice: {entry:?}");
    }
}

fn is_charge(entry: &LedgerEntry) -> bool {
    entry.approved && !entry.voided
}

fn is_completed(payments: &[Value]) -> bool {
    payments
        .iter()
        .any(|payment| payment["status"] == "completed")
}

fn is_final(payment: &Value) -> bool {
    ["completed", "failed", "cancelled"]
        .iter()
        .any(|status| payment["status"] == *status)
}

fn data(dir: &Path) -> PathBuf {
    dir.join("data").join(TERMINAL)
}

fn ledger(dir: &Path) -> Vec<LedgerEntry> {
    Ledger::read(&data(dir)).expect("the ledger is sound")
}

fn sale(round: &str, lane: &str) -> String {
    format!("round_{round}_{lane}")
}

/// Another one each time.
pub(crate) fn fresh_seed() -> u64 {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    now.as_nanos() as u64
}

/// splitmix64: a seed that can be printed and drawn again.
struct Random(u64);

impl Random {
    /// From 0 up to 1.
    fn fraction(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) as f64 / u64::MAX as f64
    }
}
