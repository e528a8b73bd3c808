//! How a terminal fares under abuse: what its memory grows by, and how long a lawful payment takes meanwhile.
//!
//! The terminal is a process of its own, so that its resident memory is its own; everybody else is here. Times are
//! ratios against the quiet run of the same minute. Linux only.
//!
//! ```sh
//! cargo run --release -p vinr-transport --example flood
//! ```
#![allow(clippy::unwrap_used, reason = "a measurement that cannot go on ends")]

#[path = "../tests/attack/mod.rs"]
mod attack;
#[path = "../tests/support/mod.rs"]
mod support;

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use attack::{Insider, TILLS_OWN, client_hello, crowd, dial, raise_handles};
use http::HeaderMap;
use support::{PAYMENT, Pki, TERMINAL, bundle, dns, id, issue_pem, pay_request, terminal_leaf};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::client::TlsStream;
use vinr_transport::server::Limits;
use vinr_transport::{Connector, Handler, Identity, Reply, Request, Server, TrustBundle};

const THOUSAND: usize = 1000;
const EVERYWHERE: [u8; 4] = [TILLS_OWN, 2, 3, 4];
const PAYMENTS: usize = 200;

#[tokio::main]
async fn main() {
    raise_handles().unwrap();
    match std::env::args().nth(1) {
        Some(folder) => be_the_terminal(Path::new(&folder)).await,
        None => measure().await,
    }
}

// The terminal

struct AcceptsAll;

impl Handler for AcceptsAll {
    async fn handle(&self, _: Request) -> Reply {
        let (outcome, body) = tokio::sync::oneshot::channel();
        tokio::spawn(async move { outcome.send(Ok(PAYMENT.into())) });
        Reply::held(HeaderMap::new(), body)
    }
}

/// Says where it listens, and how full it is whenever a line comes; ends with its input.
async fn be_the_terminal(folder: &Path) {
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    let identity = Identity::loader().pem(&read("certificate"), &read("key"));
    let mut options = Pki::new().options();
    options.identity = identity.unwrap();
    options.pos_ca = TrustBundle::from_pem(&read("pos-ca")).unwrap();
    let server = Server::bind(support::loopback(), options, Arc::new(AcceptsAll))
        .await
        .unwrap();
    println!("{}", server.local_addr());
    let answers = tokio::task::spawn_blocking(move || {
        for _ in std::io::stdin().lock().lines() {
            let load = server.load();
            println!("{} {}", load.connections(), load.made_room);
        }
    });
    answers.await.unwrap();
}

struct Terminal {
    process: Child,
    answers: BufReader<ChildStdout>,
    addr: SocketAddr,
}

impl Terminal {
    fn start(pki: &Pki) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text);
        let leaf = terminal_leaf(vec![dns(TERMINAL)]);
        let (certificate, key) = issue_pem(leaf, &pki.terminal_ca);
        write("certificate", &certificate).unwrap();
        write("key", &key).unwrap();
        write("pos-ca", &pki.pos_ca.pem()).unwrap();
        let mut process = Command::new(std::env::current_exe().unwrap())
            .arg(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut answers = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        answers.read_line(&mut line).unwrap();
        Self {
            process,
            answers,
            addr: line.trim().parse().unwrap(),
        }
    }

    /// Connections it has, and how many it closed to make room.
    fn load(&mut self) -> (usize, u64) {
        writeln!(self.process.stdin.as_mut().unwrap()).unwrap();
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        let (connections, made_room) = line.trim().split_once(' ').unwrap();
        (connections.parse().unwrap(), made_room.parse().unwrap())
    }

    fn resident_kib(&self) -> i64 {
        let status = format!("/proc/{}/status", self.process.id());
        let status = std::fs::read_to_string(status).unwrap();
        let line = status.lines().find_map(|it| it.strip_prefix("VmRSS:"));
        let kib = line.unwrap().trim().trim_end_matches(" kB");
        kib.parse().unwrap()
    }

    fn is_empty(&mut self) {
        // Whoever is refused is drained for a second.
        while self.load().0 > 0 {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

// The attackers

#[derive(Clone, Copy)]
enum Attack {
    Silent,
    HalfHello,
    HelloOnly,
    SlowHeader,
    SlowBody,
    ConnectFlood,
    HelloFlood,
}

impl Attack {
    const ALL: [Attack; 7] = [
        Attack::Silent,
        Attack::HalfHello,
        Attack::HelloOnly,
        Attack::SlowHeader,
        Attack::SlowBody,
        Attack::ConnectFlood,
        Attack::HelloFlood,
    ];

    fn name(self) -> &'static str {
        match self {
            Attack::Silent => "1 000 silent",
            Attack::HalfHello => "1 000 stop within a ClientHello",
            Attack::HelloOnly => "1 000 stop after a ClientHello",
            Attack::SlowHeader => "1 000 slow headers, certificate accepted",
            Attack::SlowBody => "1 000 slow bodies, certificate accepted",
            Attack::ConnectFlood => "connect flood, 4 tasks",
            Attack::HelloFlood => "ClientHello flood, 4 tasks",
        }
    }
}

/// What keeps an attack going.
#[derive(Default)]
struct Running {
    sockets: Vec<TcpStream>,
    sessions: Vec<std::io::Result<TlsStream<TcpStream>>>,
    tasks: Vec<JoinHandle<()>>,
}

async fn begin(attack: Attack, pki: &Pki, to: SocketAddr) -> Running {
    let mut running = Running::default();
    let hello = client_hello(pki);
    match attack {
        Attack::Silent => running.sockets = crowd(THOUSAND, &EVERYWHERE, to, b"").await,
        Attack::HalfHello => {
            let half = &hello[..hello.len() / 2];
            running.sockets = crowd(THOUSAND, &EVERYWHERE, to, half).await;
        }
        Attack::HelloOnly => running.sockets = crowd(THOUSAND, &EVERYWHERE, to, &hello).await,
        Attack::SlowHeader => {
            let words = b"POST /v1/pay HTTP/1.1\r\nhost:";
            running.sessions = insiders(pki, to, words).await;
        }
        Attack::SlowBody => {
            let words = b"POST /v1/pay HTTP/1.1\r\ncontent-length: 4096\r\n\r\n{";
            running.sessions = insiders(pki, to, words).await;
        }
        Attack::ConnectFlood => running.tasks = flood(&EVERYWHERE, to, &[]),
        Attack::HelloFlood => running.tasks = flood(&[2, 3, 4, 5], to, &hello),
    }
    running
}

async fn insiders(
    pki: &Pki,
    to: SocketAddr,
    words: &[u8],
) -> Vec<std::io::Result<TlsStream<TcpStream>>> {
    let insider = Insider::new(pki);
    let mut sessions = Vec::new();
    for from in (2..6).cycle().take(THOUSAND) {
        sessions.push(insider.says(from, to, words).await);
    }
    sessions
}

fn flood(from: &[u8], to: SocketAddr, words: &[u8]) -> Vec<JoinHandle<()>> {
    let one = |&from: &u8| {
        let words = words.to_vec();
        tokio::spawn(async move {
            loop {
                let Ok(mut one) = dial(from, to).await else {
                    tokio::task::yield_now().await;
                    continue;
                };
                let _ = one.write_all(&words).await;
                let _ = socket2::SockRef::from(&one).set_linger(Some(Duration::ZERO));
            }
        })
    };
    from.iter().map(one).collect()
}

// The measurement

/// Medians of dial, handshake and head of the answer; and of the head alone on a warm connection.
struct Times {
    cold: Duration,
    warm: Duration,
    refused: usize,
}

async fn payments(connector: &Connector, to: SocketAddr) -> Times {
    let (mut cold, mut warm, mut refused) = (Vec::new(), Vec::new(), 0);
    while cold.len() < PAYMENTS {
        let begun = Instant::now();
        let Ok(mut connection) = connector.connect(to, &id(TERMINAL)).await else {
            refused += 1;
            continue;
        };
        let Ok(accepted) = connection.pay(&pay_request(), None).await else {
            refused += 1;
            continue;
        };
        cold.push(begun.elapsed());
        accepted.outcome().await.unwrap();
        let begun = Instant::now();
        let accepted = connection.pay(&pay_request(), None).await.unwrap();
        warm.push(begun.elapsed());
        accepted.outcome().await.unwrap();
    }
    Times {
        cold: median(cold),
        warm: median(warm),
        refused,
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

async fn measure() {
    let pki = Pki::new();
    let mut terminal = Terminal::start(&pki);
    let connector = Connector::new(bundle(&pki.terminal_ca), pki.pos()).unwrap();
    // The first ones pay for what is made once.
    payments(&connector, terminal.addr).await;
    println!("limits: {:?}\n", Limits::default());
    println!(
        "| attack | held at once | made room | memory grew, KiB | bytes each | after, KiB | cold pay | warm pay | \
         tries more |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    // Twice: what grows again the second time is a leak.
    for attack in [Attack::ALL, Attack::ALL].concat() {
        round(attack, &pki, &connector, &mut terminal).await;
    }
    drop(terminal.process.stdin.take());
    terminal.process.wait().unwrap();
}

async fn round(attack: Attack, pki: &Pki, connector: &Connector, terminal: &mut Terminal) {
    terminal.is_empty();
    let quiet = payments(connector, terminal.addr).await;
    terminal.is_empty();
    let (before, (_, room_before)) = (terminal.resident_kib(), terminal.load());
    let running = begin(attack, pki, terminal.addr).await;
    let (held, _) = terminal.load();
    let under = payments(connector, terminal.addr).await;
    let grew = terminal.resident_kib() - before;
    let (_, room_after) = terminal.load();
    for task in &running.tasks {
        task.abort();
    }
    drop(running);
    terminal.is_empty();
    println!(
        "| {} | {held} | {} | {grew} | {} | {} | {:.2} | {:.2} | {} |",
        attack.name(),
        room_after - room_before,
        grew.max(0) * 1024 / i64::try_from(held.max(1)).unwrap(),
        terminal.resident_kib() - before,
        under.cold.as_secs_f64() / quiet.cold.as_secs_f64(),
        under.warm.as_secs_f64() / quiet.warm.as_secs_f64(),
        under.refused,
    );
}
