//! `kill -9` of the real binary, at random moments between command and answer, under load, again and again.
//!
//! After each restart the look-up must tell the truth about every payment that was ever asked for, and the card network's
//! ledger, read from its file while nothing runs, must show no double charge. \[REC-6, REC-9, REC-15\]
//!
//! ```sh
//! VINR_KILL_ROUNDS=1000 VINR_KILL_SEED=7 cargo test -p vinr-simulator --test kill -- --nocapture
//! ```

#![allow(clippy::unwrap_used, reason = "what cannot be set up fails the test")]

mod support;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::task::JoinHandle;

use support::{PATIENCE, TERMINAL, Till, get, pay_body, post};
use vinr_protocol::question::LedgerEntry;
use vinr_simulator::Pki;
use vinr_simulator::host::Ledger;

const DEFAULT_ROUNDS: u64 = 200;

/// The cardholder's pause: the kills fall before, into and after the card.
const TAP_AFTER_MS: u64 = 5;

/// A terminal in a process of its own.
struct Victim {
    process: Child,
    address: SocketAddr,
}

impl Victim {
    /// Starts the binary and waits until it says where it listens.
    async fn start(dir: &Path, listen: SocketAddr) -> Self {
        let control = dir.join("control").join(format!("{TERMINAL}.json"));
        let _ = std::fs::remove_file(&control);
        let mut process = Command::new(env!("CARGO_BIN_EXE_vinr-simulator"))
            .args([
                "run",
                "--no-mdns",
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
                if let Some(address) = address_in(&control) {
                    return address;
                }
                if let Ok(Some(status)) = process.try_wait() {
                    panic!("the terminal did not start: {status}");
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        let address = tokio::time::timeout(PATIENCE, started)
            .await
            .expect("it starts");
        Self { process, address }
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
        self.process.wait().expect("it ends");
    }
}

/// The control file is written last, when everything runs.
fn address_in(control: &Path) -> Option<SocketAddr> {
    let file: Value = serde_json::from_slice(&std::fs::read(control).ok()?).ok()?;
    file["address"].as_str()?.parse().ok()
}

/// What a till may hold against the terminal.
#[derive(Debug, Clone, Default)]
struct Told {
    /// A head came: the attempt must be known for ever.
    accepted: bool,
    /// The outcome that was answered, if any: it must never change. \[PAY-15\]
    outcome: Option<Value>,
}

#[derive(Debug, Default)]
struct Counts {
    rounds: u64,
    commands: u64,
    accepted: u64,
    answered: u64,
    completed: u64,
    never_heard_of: u64,
    settled_after: u64,
}

// [PAY-15, PAY-16, REC-6, REC-9, REC-15]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_terminal_killed_at_any_moment_tells_the_truth_and_charges_once() {
    let rounds = from_env("VINR_KILL_ROUNDS").unwrap_or(DEFAULT_ROUNDS);
    let seed = from_env("VINR_KILL_SEED").unwrap_or_else(fresh_seed);
    println!("seed {seed}, {rounds} rounds; VINR_KILL_SEED={seed} draws the same moments again");

    let dir = support::provisioned();
    let pki = Pki::open(dir.path()).unwrap();
    let mut random = Random(seed);
    let mut counts = Counts::default();
    let mut told: BTreeMap<String, Told> = BTreeMap::new();
    let mut victim = Victim::start(dir.path(), "127.0.0.1:0".parse().unwrap()).await;
    let address = victim.address;

    // How long a payment takes here today: the kills fall into this time and a little after it.
    let undisturbed = load(&pki, address, "undisturbed").await;
    let sent = Instant::now();
    told.append(&mut undisturbed.finish().await);
    let takes = sent.elapsed();
    println!("a payment takes {takes:?}");
    let longest = takes.mul_f64(1.2);

    for round in 0..rounds {
        let load = load(&pki, address, &round.to_string()).await;
        tokio::time::sleep(longest.mul_f64(random.fraction())).await;
        victim.kill();
        for (reference, said) in load.finish().await {
            counts.commands += 1;
            counts.accepted += u64::from(said.accepted);
            counts.answered += u64::from(said.outcome.is_some());
            told.insert(reference, said);
        }
        let before = ledger(dir.path());
        charged_once(&before);

        victim = Victim::start(dir.path(), address).await;
        let mut till = connect(&pki, address).await.expect("it runs again");
        for lane in ["a", "b"] {
            let reference = &sale(&round.to_string(), lane);
            let said = &told[reference];
            let settled = settle(&mut till, reference).await;
            counts.never_heard_of += u64::from(settled.is_empty());
            counts.settled_after += u64::from(said.outcome.is_none() && !settled.is_empty());
            counts.completed += u64::from(is_completed(&settled));
            // Nothing of this sale is in flight: its lines are whole.
            is_true(reference, said, &settled, &ledger(dir.path()));
        }
        counts.rounds += 1;
    }

    // Once more at the end, about every sale of every round.
    victim.kill();
    let last = ledger(dir.path());
    charged_once(&last);
    let victim = Victim::start(dir.path(), address).await;
    let mut till = connect(&pki, address).await.expect("it runs again");
    for (reference, said) in &told {
        let settled = settle(&mut till, reference).await;
        is_true(reference, said, &settled, &last);
    }
    victim.kill();
    println!(
        "seed {seed}: {counts:?}, {} lines in the ledger, 0 double charges",
        last.len()
    );
    assert!(
        counts.accepted > 0 || rounds < 20,
        "no kill fell after an acceptance: {counts:?}"
    );
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
        told.outcome = head.body().await;
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

fn from_env(name: &str) -> Option<u64> {
    let value = std::env::var(name).ok()?;
    Some(
        value
            .parse()
            .unwrap_or_else(|_| panic!("{name} is a number")),
    )
}

fn fresh_seed() -> u64 {
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
