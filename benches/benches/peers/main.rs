//! The same payment by our code and by others', beside the floor, all in turn in one run: one table, one plot.
//! `cargo bench -p vinr-benches --features peers --bench peers`; `VINR_PEER_ROUNDS` says how many rounds.

mod plot;
mod program;
mod rust;
mod table;

use std::net::SocketAddr;

use tempfile::TempDir;
use tokio::runtime::Runtime;
use vinr_benches::awake::Awake;
use vinr_benches::floor::Floor;
use vinr_benches::ratio::timed;
use vinr_benches::shop::Failure;
use vinr_benches::{by_hand, cores, counter};
use vinr_protocol::TerminalId;
use vinr_sdk::Lines;
use vinr_simulator::provision::Pki;
use vinr_transport::Server;

use program::{Curl, PEERS, Peer};
use rust::{ByHand, Hyper, Kept, OurWire, Reqwest, Till};
use table::{Block, Subject, Table};

/// The yardstick of what is promised about others.
const SDK: &str = "SDK";

fn main() -> Result<(), Failure> {
    Awake::spin_if_told();
    // `cargo test --benches` runs it without measuring.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    let rounds = match std::env::var("VINR_PEER_ROUNDS") {
        Ok(text) => text.parse()?,
        Err(_) => 100,
    };
    let _awake = Awake::if_wanted();
    let (shop, floor) = cores::terminal(|| {
        let shop = Shop::open()?;
        let floor = Floor::start(&shop.pki, &shop.terminal)?;
        Ok::<_, Failure>((shop, floor))
    })?;
    let mut echo = floor.connect()?;

    let (mut warm, mut cold) = ours(&shop)?;
    for peer in PEERS {
        match Peer::start(peer, &shop) {
            Ok((kept, once)) => {
                warm.push(Subject::wanted(peer.name, kept, peer.warm));
                cold.push(Subject::wanted(peer.name, once, peer.cold));
            }
            Err(why) => println!("SKIPPED: {}: {why}; {}", peer.name, peer.mend),
        }
    }
    match Curl::new(&shop) {
        Ok(curl) => cold.push(Subject::wanted("curl, a process each", curl, Some(15.0))),
        Err(why) => println!("SKIPPED: curl: {why}; install curl"),
    }
    let mut warm = Table::new("warm", warm);
    let mut cold = Table::new("cold", cold);
    // Of a block on a kept connection the first payment finds everything cold that a stranger was at: it is not counted.
    let (kept, once) = (Block { unseen: 1, of: 4 }, Block { unseen: 0, of: 2 });
    warm.take(rounds, kept, &mut || timed(|| Ok(echo.echo()?)))?;
    cold.take(rounds.div_ceil(2), once, &mut || {
        timed(|| Ok(floor.connect()?.echo()?))
    })?;
    table::print(&[&warm, &cold]);
    plot::write(&[&warm, &cold])
}

/// Our own, and what can be made of Rust: each on a connection that is kept, and with one for each payment.
fn ours(shop: &Shop) -> Result<(Vec<Subject>, Vec<Subject>), Failure> {
    let none = Lines::none().terminals(0);
    let mut warm = vec![
        Subject::new("HTTP by hand", ByHand::new(shop, true)?),
        Subject::new("hyper as it comes", Hyper::new(shop, true)?),
        Subject::new("reqwest", Reqwest::new(shop, true)?),
        Subject::new("our transport", OurWire::new(shop, shop.quick, true)?),
        Subject::new(
            "our transport at our server",
            OurWire::new(shop, shop.ours(), true)?,
        ),
    ];
    let mut cold = vec![
        Subject::new("HTTP by hand", ByHand::new(shop, false)?),
        Subject::new("hyper as it comes", Hyper::new(shop, false)?),
        Subject::new("reqwest", Reqwest::new(shop, false)?),
        Subject::new("our transport", OurWire::new(shop, shop.quick, false)?),
        Subject::new(
            "our transport at our server",
            OurWire::new(shop, shop.ours(), false)?,
        ),
    ];
    for (subjects, lines) in [(&mut warm, Lines::default()), (&mut cold, none)] {
        let till = |at, kept| Till::new(shop, at, kept, lines);
        subjects.push(Subject::new(SDK, till(shop.quick, Kept::InMemory)?));
        subjects.push(Subject::new(
            "SDK at our server",
            till(shop.ours(), Kept::InMemory)?,
        ));
        subjects.push(Subject::new(
            "SDK, attempts on disk",
            till(shop.quick, Kept::OnDisk)?,
        ));
    }
    Ok((warm, cold))
}

/// Two terminals that complete at once: one written by hand, at which clients are compared, and one of our stack.
struct Shop {
    /// Apart from the clients' threads.
    _servers: Runtime,
    server: Server,
    quick: SocketAddr,
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
            quick: by_hand::serve(&pki, &terminal)?,
            _servers: servers,
            server,
            pki,
            terminal,
            dir,
        })
    }

    fn ours(&self) -> SocketAddr {
        self.server.local_addr()
    }
}
