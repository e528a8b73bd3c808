//! The SDK's call beside the same payment by other HTTP clients, in turn, in one run, as ratios.
//! `cargo bench -p vinr-benches --bench peers`; `VINR_PEER_ROUNDS` says how many rounds.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::runtime::Runtime;
use vinr_benches::awake::Awake;
use vinr_benches::counter;
use vinr_benches::ratio::Rounds;
use vinr_benches::shop::Failure;
use vinr_protocol::TerminalId;
use vinr_sdk::store::MemoryStore;
use vinr_sdk::{CreateLocal, Lines, PaymentResult, Vinr};
use vinr_simulator::provision::Pki;
use vinr_transport::{Identity, Server, TrustBundle};

fn main() -> Result<(), Failure> {
    Awake::spin_if_told();
    // `cargo test --benches` runs it without measuring.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    let rounds = std::env::var("VINR_PEER_ROUNDS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(300);
    let _awake = Awake::start();
    let shop = Shop::open()?;
    let mut warm: Vec<Box<dyn Client>> = Vec::new();
    let mut cold: Vec<Box<dyn Client>> = Vec::new();
    warm.push(Box::new(Till::new(
        "SDK, attempts on disk",
        &shop,
        Kept::OnDisk,
        Lines::default(),
    )?));
    for peer in PEERS {
        match Peer::start(peer, &shop) {
            Ok((kept, once)) => {
                warm.push(Box::new(kept));
                cold.push(Box::new(once));
            }
            Err(why) => println!("SKIPPED: {}: {why}; {}", peer.name, peer.mend),
        }
    }
    match Curl::new(&shop) {
        Ok(curl) => cold.push(Box::new(curl)),
        Err(why) => println!("SKIPPED: curl: {why}; install curl"),
    }
    let mut sdk = Till::new("SDK", &shop, Kept::InMemory, Lines::default())?;
    let never = Lines::none().terminals(0);
    let mut sdk_cold = Till::new("SDK", &shop, Kept::InMemory, never)?;
    println!("{}", Rounds::head());
    beside(&mut sdk, "the SDK, warm", &mut warm, rounds)?;
    beside(&mut sdk_cold, "the SDK, cold", &mut cold, rounds / 3)?;
    Ok(())
}

/// Who can pay.
trait Client {
    fn name(&self) -> &'static str;
    fn pay(&mut self) -> Result<Duration, Failure>;
}

/// All in turn, payment by payment; the table says how many times as long as the yardstick each took.
fn beside(
    yardstick: &mut dyn Client,
    against: &'static str,
    others: &mut [Box<dyn Client>],
    rounds: usize,
) -> Result<(), Failure> {
    let mut table: Vec<_> = others
        .iter()
        .map(|other| Rounds::new(other.name(), against))
        .collect();
    // The first ones warm everybody up.
    for round in 0..rounds + 20 {
        for (other, taken) in others.iter_mut().zip(&mut table) {
            let (ours, theirs) = (yardstick.pay()?, other.pay()?);
            if round >= 20 {
                taken.add(&[ours], &[theirs]);
            }
        }
    }
    table.iter().for_each(|taken| println!("{}", taken.line()));
    Ok(())
}

/// A terminal that completes at once, and who may pay there.
struct Shop {
    /// Apart from the clients' threads.
    _servers: Runtime,
    server: Server,
    pki: Pki,
    terminal: TerminalId,
    dir: TempDir,
}

impl Shop {
    fn open() -> Result<Self, Failure> {
        let servers = Runtime::new()?;
        let dir = tempfile::tempdir()?;
        let terminal = TerminalId::new("term_BENCH_1")?;
        let pki = Pki::provision(dir.path(), std::slice::from_ref(&terminal))?.pki;
        let server = servers.block_on(counter::start(&pki, &terminal))?;
        Ok(Self {
            _servers: servers,
            server,
            pki,
            terminal,
            dir,
        })
    }

    fn address(&self) -> SocketAddr {
        self.server.local_addr()
    }
}

enum Kept {
    InMemory,
    OnDisk,
}

/// The SDK, from the call to its result.
struct Till {
    name: &'static str,
    runtime: Runtime,
    vinr: Vinr,
    terminal: TerminalId,
    count: u64,
}

impl Till {
    fn new(name: &'static str, shop: &Shop, kept: Kept, lines: Lines) -> Result<Self, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let pos = Identity::from_pem_files(shop.pki.pos_cert(), shop.pki.pos_key())?;
        let builder = Vinr::builder()
            .terminal_ca(TrustBundle::from_pem_file(shop.pki.terminal_ca())?)
            .identity(pos)
            .lines(lines)
            .terminal(shop.terminal.as_str(), shop.address());
        let builder = match kept {
            Kept::InMemory => builder.store(MemoryStore::new()),
            Kept::OnDisk => builder.store_dir(shop.dir.path().join("attempts")),
        };
        Ok(Self {
            name,
            vinr: runtime.block_on(async { builder.build() })?,
            runtime,
            terminal: shop.terminal.clone(),
            count: 0,
        })
    }
}

impl Client for Till {
    fn name(&self) -> &'static str {
        self.name
    }

    fn pay(&mut self) -> Result<Duration, Failure> {
        self.count += 1;
        let reference = format!("sdk_{}", self.count);
        let sale = CreateLocal {
            reader_id: self.terminal.as_str(),
            amount: 2500,
            currency: "USD",
            reference: &reference,
            ..CreateLocal::default()
        };
        let begun = Instant::now();
        let paid = self
            .runtime
            .block_on(self.vinr.payments().create_local(sale))?;
        let took = begun.elapsed();
        match paid {
            PaymentResult::Completed(_) => Ok(took),
            other => Err(format!("{other:?}").into()),
        }
    }
}

/// A program of another language that takes payments on command.
struct Program {
    name: &'static str,
    command: &'static [&'static str],
    script: &'static str,
    mend: &'static str,
}

const PEERS: &[Program] = &[
    Program {
        name: "Node https",
        command: &["node"],
        script: "node.mjs",
        mend: "install Node.js",
    },
    Program {
        name: "Node undici",
        command: &["node"],
        script: "undici.mjs",
        mend: "npm install --prefix target/peers undici",
    },
    Program {
        name: "Python http.client",
        command: &["python3"],
        script: "http_client.py",
        mend: "install Python 3",
    },
    Program {
        name: "Python requests",
        command: &["python3"],
        script: "with_requests.py",
        mend: "pip install requests",
    },
];

/// One way of calling it.
struct Peer {
    name: &'static str,
    word: &'static str,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    child: Child,
}

impl Peer {
    /// One process for payments on a kept connection, and one for payments that connect anew.
    fn start(program: &Program, shop: &Shop) -> Result<(Self, Self), Failure> {
        let one = |word| {
            let mut peer = Self::spawn(program, shop, word)?;
            // It may be there and its library may not.
            peer.pay()?;
            Ok::<_, Failure>(peer)
        };
        Ok((one("warm")?, one("cold")?))
    }

    fn spawn(program: &Program, shop: &Shop, word: &'static str) -> Result<Self, Failure> {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let (interpreter, flags) = program.command.split_first().ok_or("no command")?;
        let mut child = Command::new(interpreter)
            .args(flags)
            .arg(here.join("peers").join(program.script))
            .arg(shop.address().port().to_string())
            .arg(shop.terminal.as_str())
            .args([
                shop.pki.terminal_ca(),
                shop.pki.pos_cert(),
                shop.pki.pos_key(),
            ])
            .arg(here.join("../target/peers/node_modules"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let to = child.stdin.take().ok_or("no stdin")?;
        let from = BufReader::new(child.stdout.take().ok_or("no stdout")?);
        Ok(Self {
            name: program.name,
            word,
            to,
            from,
            child,
        })
    }
}

impl Client for Peer {
    fn name(&self) -> &'static str {
        self.name
    }

    fn pay(&mut self) -> Result<Duration, Failure> {
        writeln!(self.to, "{}", self.word)?;
        self.to.flush()?;
        let mut line = String::new();
        self.from.read_line(&mut line)?;
        let nanoseconds = line.trim().parse().map_err(|_| "it does not run")?;
        Ok(Duration::from_nanos(nanoseconds))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A process for each payment, from its start to its end.
struct Curl {
    arguments: Vec<String>,
    count: u64,
}

impl Curl {
    fn new(shop: &Shop) -> Result<Self, Failure> {
        let port = shop.address().port();
        let terminal = &shop.terminal;
        let path = |path: PathBuf| path.display().to_string();
        let arguments = [
            "--silent".to_owned(),
            "--fail".to_owned(),
            "--resolve".to_owned(),
            format!("{terminal}:{port}:127.0.0.1"),
            "--cacert".to_owned(),
            path(shop.pki.terminal_ca()),
            "--cert".to_owned(),
            path(shop.pki.pos_cert()),
            "--key".to_owned(),
            path(shop.pki.pos_key()),
            "--header".to_owned(),
            "content-type: application/json".to_owned(),
            format!("https://{terminal}:{port}/v1/pay"),
        ];
        let mut curl = Self {
            arguments: arguments.into(),
            count: 0,
        };
        curl.pay()?;
        Ok(curl)
    }
}

impl Client for Curl {
    fn name(&self) -> &'static str {
        "curl, a process each"
    }

    fn pay(&mut self) -> Result<Duration, Failure> {
        self.count += 1;
        let reference = format!("curl_{}", self.count);
        let body = format!(
            r#"{{"terminalId":"term_BENCH_1","amount":2500,"currency":"USD","reference":"{reference}"}}"#
        );
        let begun = Instant::now();
        let done = Command::new("curl")
            .args(&self.arguments)
            .args(["--header", &format!("idempotency-key: {reference}")])
            .args(["--data", &body])
            .output()?;
        let took = begun.elapsed();
        match done.status.success() && String::from_utf8_lossy(&done.stdout).contains("completed") {
            true => Ok(took),
            false => Err(format!("{:?}", done.status).into()),
        }
    }
}
