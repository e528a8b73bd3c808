//! The task that opens lines, keeps them alive and opens them again.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};
use vinr_discovery::StaticHost;
use vinr_protocol::TerminalId;
use vinr_transport::drive::until;
use vinr_transport::{Connection, Connector};

use super::Failure;
use crate::dialling::{Stranger, dial};
use crate::finder::Finder;
use crate::line::{Line, NoLine};
use crate::terminals::Shared;

/// A line that lay idle for this long is asked whether it is still there: terminals keep one for 10 min.
pub(crate) const ASK_AFTER: Duration = Duration::from_secs(4 * 60);

/// How long a host name may take to resolve before the network is asked.
const RESOLVE_WITHIN: Duration = Duration::from_secs(3);

/// How often it is looked for such lines.
const LOOK: Duration = Duration::from_secs(60);

/// Counts a line for as long as it exists, in whoever's hands.
#[derive(Debug)]
pub(crate) struct Lease {
    open: Arc<AtomicUsize>,
    pulse: Arc<Notify>,
}

impl Lease {
    pub(crate) fn new(open: Arc<AtomicUsize>, pulse: Arc<Notify>) -> Self {
        open.fetch_add(1, Ordering::AcqRel);
        Self { open, pulse }
    }

    /// Wakes the task, too, when this connection ends by itself.
    pub(crate) fn of(self, connection: &Connection) -> Self {
        let (closed, pulse) = (connection.closed(), self.pulse.clone());
        tokio::spawn(async move {
            closed.await;
            pulse.notify_one();
        });
        self
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::AcqRel);
        self.pulse.notify_one();
    }
}

/// What the keeper has to do for one terminal.
pub(crate) struct Dial {
    pub(crate) undone: Undone,
    pub(crate) terminal: TerminalId,
    pub(crate) addresses: Vec<SocketAddr>,
    pub(crate) host: Option<StaticHost>,
    pub(crate) connector: Connector,
    pub(crate) finder: Finder,
}

/// Who may know where a terminal is that is not where it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Teller {
    /// The resolver, of a static host that was given by name.
    Names,
    /// mDNS.
    Network,
}

/// Says that the terminal is dialled no more, should the work end without a word: by a panic.
pub(crate) struct Undone(Option<(Weak<Shared>, TerminalId)>);

impl Undone {
    pub(crate) fn new(till: &Arc<Shared>, terminal: TerminalId) -> Self {
        Self(Some((Arc::downgrade(till), terminal)))
    }

    fn done(&mut self) {
        self.0 = None;
    }
}

impl Drop for Undone {
    fn drop(&mut self) {
        if let Some((till, terminal)) = self.0.take()
            && let Some(till) = till.upgrade()
        {
            till.tended(Tended::NotOpened(terminal, Failure::Away));
        }
    }
}

/// What came of it.
pub(crate) enum Tended {
    Opened(Line),
    NotOpened(TerminalId, Failure),
    /// A line that lay idle for long, if it is still good.
    Asked(Option<Line>),
}

/// Runs until the till is dropped.
pub(crate) async fn keep(till: Weak<Shared>, pulse: Arc<Notify>) {
    let mut work = JoinSet::new();
    let mut look = interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let wake = {
            let Some(till) = till.upgrade() else { return };
            for dial in till.to_open() {
                work.spawn(dial.make());
            }
            till.next_wake()
        };
        tokio::select! {
            () = pulse.notified() => {}
            Some(Ok(tended)) = work.join_next(), if !work.is_empty() => {
                let Some(till) = till.upgrade() else { return };
                till.tended(tended);
            }
            () = until(wake) => {}
            _ = look.tick() => {
                let Some(till) = till.upgrade() else { return };
                for line in till.idle_for(ASK_AFTER) {
                    work.spawn(async move { Tended::Asked(line.still_there().await) });
                }
            }
        }
    }
}

impl Dial {
    async fn make(mut self) -> Tended {
        let tended = self.dial().await;
        self.undone.done();
        tended
    }

    /// At the addresses that are known; where nobody is there, at those that its host name has now, and then at those
    /// that the network tells of: it may have moved.
    async fn dial(&self) -> Tended {
        let mut tried = self.addresses.clone();
        let mut line = self.at(&tried).await;
        for teller in [Teller::Names, Teller::Network] {
            if !matches!(&line, Err(why) if is_away(why)) {
                break;
            }
            let mut told = match teller {
                Teller::Names => self.resolved().await,
                Teller::Network => self.finder.find_again(&self.terminal).await,
            };
            told.retain(|address| !tried.contains(address));
            line = self.at(&told).await;
            tried.extend(told);
        }
        let failure = match line {
            Ok(line) => return Tended::Opened(line),
            Err(why) if is_away(&why) => Failure::Away,
            Err(_) => Failure::Unwilling,
        };
        Tended::NotOpened(self.terminal.clone(), failure)
    }

    /// What its host name, if it was told by one, resolves to now.
    async fn resolved(&self) -> Vec<SocketAddr> {
        let Some(host) = &self.host else {
            return Vec::new();
        };
        match timeout(RESOLVE_WITHIN, host.resolve()).await {
            Ok(Ok(addresses)) => addresses,
            Ok(Err(error)) => {
                tracing::debug!(reader = %self.terminal, %host, %error, "a host name was not resolved again");
                Vec::new()
            }
            Err(_) => Vec::new(),
        }
    }

    async fn at(&self, addresses: &[SocketAddr]) -> Result<Line, Option<NoLine>> {
        let terminal = &self.terminal;
        let line = dial(
            &self.connector,
            addresses,
            Some(terminal),
            &Stranger::default(),
        )
        .await;
        if let Err(Some(why)) = &line {
            tracing::debug!(reader = %terminal, ?addresses, %why, "a line was not opened");
        }
        line
    }
}

/// Another terminal at an old address is as good as nobody: this one may have moved.
fn is_away(why: &Option<NoLine>) -> bool {
    !why.as_ref().is_some_and(NoLine::is_refusal)
}
