//! A terminal that gets another address is found again, in the background: by its id over mDNS, or by its host name.

use std::future::ready;
use std::net::SocketAddr;
use std::pin::pin;
use std::process::Command;
use std::time::Duration;

use futures_util::StreamExt as _;
use tempfile::TempDir;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;
use vinr_discovery::{Advert, Announcement};
use vinr_protocol::TerminalId;
use vinr_protocol::device::Model;
use vinr_protocol::reader::{Activity, ReaderStatus};
use vinr_sdk::store::MemoryStore;
use vinr_sdk::{Change, CreateLocal, Discover, Hedging, PaymentResult, Vinr};
use vinr_simulator::Simulator;

use crate::shop::taps;
use crate::skip;

/// A guard against hanging.
const LONG: Duration = Duration::from_secs(60);

/// What the terminal is called, and the file in which that stands.
const NAME: &str = "ct20-1.shop.test";
const HOSTS: &str = "VINR_TEST_HOSTS";

const NAMESPACES: &str =
    "run as root on Linux with util-linux; in a container: docker run --cap-add SYS_ADMIN";

/// An address of the terminal. With it go the connections through it.
struct Door {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Door {
    async fn opens(at: SocketAddr, to: SocketAddr) -> std::io::Result<Self> {
        let listener = TcpListener::bind(at).await?;
        let address = listener.local_addr()?;
        let task = tokio::spawn(async move {
            let mut guests = JoinSet::new();
            while let Ok((mut till, _)) = listener.accept().await {
                guests.spawn(async move {
                    if let Ok(mut terminal) = TcpStream::connect(to).await {
                        let _ = copy_bidirectional(&mut till, &mut terminal).await;
                    }
                });
            }
        });
        Ok(Self { address, task })
    }

    async fn closes(self) {
        self.task.abort();
        // Its port is free then.
        let _ = self.task.await;
    }
}

/// A terminal that no other test on this machine advertises.
struct Counter {
    id: TerminalId,
    simulator: Simulator,
    _dir: TempDir,
}

impl Counter {
    async fn open(name: &str) -> Self {
        let id = TerminalId::new(&format!("term_{name}_{}", std::process::id())).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let simulator = Simulator::builder(dir.path())
            .terminal(id.clone(), Model::NexgoCt20)
            .cardholder(taps("approved"))
            .start()
            .await
            .unwrap();
        Self {
            id,
            simulator,
            _dir: dir,
        }
    }

    async fn door(&self, at: SocketAddr) -> std::io::Result<Door> {
        Door::opens(at, self.simulator.terminal().address()).await
    }

    /// A till that knows no terminal, and keeps lines to those that it meets.
    fn till(&self) -> Vinr {
        let pki = self.simulator.pki();
        Vinr::builder()
            .terminal_ca_file(pki.terminal_ca())
            .unwrap()
            .identity_pem_files(pki.pos_cert(), pki.pos_key())
            .unwrap()
            .store(MemoryStore::new())
            .hedging(Hedging::Off)
            .build()
            .unwrap()
    }

    async fn announced(&self, door: &Door) -> Option<Announcement> {
        let started = Announcement::start(Advert {
            terminal: self.id.clone(),
            model: Model::NexgoCt20,
            status: ReaderStatus::Online,
            activity: Activity::Idle,
            listens_on: door.address,
        });
        match started.await {
            Ok(announcement) => {
                timeout(LONG, announcement.announced()).await.unwrap();
                Some(announcement)
            }
            Err(error) => {
                skip::skip(&error.to_string(), skip::MULTICAST);
                None
            }
        }
    }

    async fn is_found(&self, till: &Vinr, discover: Discover) {
        let find = async {
            loop {
                let found = till.readers().discover(discover.clone()).await.unwrap();
                if found.readers.iter().any(|reader| reader.id == self.id) {
                    return;
                }
            }
        };
        timeout(LONG, find).await.expect("it is not found");
    }

    /// Waits until there are this many lines, or more.
    async fn lines(&self, till: &Vinr, is_enough: impl Fn(usize) -> bool) {
        let waits = async {
            while !is_enough(till.readers().open_lines(self.id.as_str())) {
                tokio::task::yield_now().await;
            }
        };
        timeout(LONG, waits).await.expect("its lines");
    }

    async fn is_paid_at(&self, till: &Vinr) {
        let sale = CreateLocal {
            reader_id: self.id.as_str(),
            amount: 2500,
            currency: "USD",
            reference: "order_8821",
            ..CreateLocal::default()
        };
        let paid = till.payments().create_local(sale).await.unwrap();
        assert!(matches!(paid, PaymentResult::Completed(_)), "{paid:?}");
    }
}

fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

// [DISC-5]
#[tokio::test]
async fn a_terminal_that_moved_is_found_again_by_its_id() {
    let counter = Counter::open("moves").await;
    let first = counter.door(loopback()).await.unwrap();
    let Some(announcement) = counter.announced(&first).await else {
        return;
    };
    let till = counter.till();
    let lan = Discover::lan().window(Duration::from_millis(200));
    counter.is_found(&till, lan).await;
    let second = counter.door(loopback()).await.unwrap();
    // As by another lease: it says no goodbye.
    announcement.vanish();
    first.closes().await;
    let _announcement = counter.announced(&second).await.unwrap();
    counter.lines(&till, |lines| lines == 0).await;
    counter.lines(&till, |lines| lines > 0).await;
    counter.is_paid_at(&till).await;
}

// [DISC-5, DISC-7]
#[tokio::test]
async fn a_till_that_watches_is_told_who_comes_and_who_says_goodbye() {
    let counter = Counter::open("comes_and_goes").await;
    let door = counter.door(loopback()).await.unwrap();
    let Some(announcement) = counter.announced(&door).await else {
        return;
    };
    let till = counter.till();
    // Of the others on this machine something may be told, too.
    let changes = till.readers().watch().unwrap().into_stream();
    let changes = changes.filter(|change| {
        let is_ours = match change {
            Change::Appeared(other) | Change::Changed(other) => other.id == counter.id,
            Change::Gone { id } => *id == counter.id,
            other => panic!("{other:?}"),
        };
        ready(is_ours)
    });
    let mut changes = pin!(changes);
    match timeout(LONG, changes.next()).await.unwrap().unwrap() {
        Change::Appeared(terminal) => assert_eq!(terminal.addresses, [door.address]),
        other => panic!("{other:?}"),
    }
    announcement.goodbye().await;
    let gone = async {
        loop {
            match changes.next().await {
                Some(Change::Gone { .. }) => return,
                Some(Change::Changed(_)) => {}
                other => panic!("{other:?}"),
            }
        }
    };
    timeout(LONG, gone).await.expect("it is not gone");
}

// [DISC-4, DISC-5]
#[tokio::test]
async fn a_host_name_that_leads_elsewhere_is_resolved_again() {
    let Some(hosts) = std::env::var_os(HOSTS) else {
        return with_hosts_of_its_own("moving::a_host_name_that_leads_elsewhere_is_resolved_again");
    };
    let leads_to = |address: SocketAddr| {
        std::fs::write(&hosts, format!("{} {NAME}\n", address.ip())).unwrap();
    };
    let counter = Counter::open("is_renamed").await;
    let first = counter.door(loopback()).await.unwrap();
    let moved = SocketAddr::from(([127, 0, 0, 2], first.address.port()));
    leads_to(first.address);
    let till = counter.till();
    let host = format!("{NAME}:{}", first.address.port());
    counter
        .is_found(&till, Discover::static_hosts([host]))
        .await;
    leads_to(moved);
    let _second = counter.door(moved).await.unwrap();
    first.closes().await;
    counter.lines(&till, |lines| lines == 0).await;
    counter.lines(&till, |lines| lines > 0).await;
    counter.is_paid_at(&till).await;
}

/// Runs this test in a process whose names are in a file of its own.
fn with_hosts_of_its_own(test: &str) {
    let dir = tempfile::tempdir().unwrap();
    let hosts = dir.path().join("hosts");
    std::fs::write(&hosts, "").unwrap();
    let run = |script: &str| {
        let this = std::env::current_exe().unwrap();
        let mut command = Command::new("unshare");
        command
            .args(["--mount", "sh", "-c", script])
            .args([hosts.as_os_str(), this.as_os_str()])
            .arg(test)
            .env(HOSTS, &hosts);
        command.output()
    };
    let why = match run("mount --bind \"$0\" /etc/hosts") {
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(String::from_utf8_lossy(&output.stderr).into_owned()),
        Err(error) => Some(error.to_string()),
    };
    if let Some(why) = why {
        return skip::skip(&format!("no mount namespaces: {}", why.trim()), NAMESPACES);
    }
    let played = run("mount --bind \"$0\" /etc/hosts && exec \"$1\" --exact \"$2\"").unwrap();
    let says = String::from_utf8_lossy(&played.stdout);
    assert!(played.status.success(), "{says}");
    assert!(says.contains("1 passed"), "{says}");
}
