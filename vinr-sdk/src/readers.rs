//! Which terminals are there: mDNS or written-down addresses give hints, TLS decides.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use vinr_discovery::{Candidate, StaticHost};
use vinr_protocol::TerminalId;
use vinr_protocol::reader::Activity;

use crate::changes::Changes;
use crate::dialling::{Stranger, dial};
use crate::discovered::{Discovered, LeftOut, Reader, Reason, Trouble};
use crate::error::Error;
use crate::line::{Line, NoLine};
use crate::vinr::{Inner, Vinr};

/// How many of those that were found are dialled at one time.
pub(crate) const ASKED_AT_ONCE: usize = 32;

/// Terminals of this till: [`Vinr::readers`].
#[derive(Debug, Clone, Copy)]
pub struct Readers<'a>(pub(crate) &'a Vinr);

/// Where to look.
#[derive(Debug, Clone)]
pub struct Discover {
    place: Place,
    window: Option<Duration>,
}

#[derive(Debug, Clone)]
enum Place {
    Lan,
    Hosts(Vec<String>),
}

impl Discover {
    /// Everything that advertises itself on this LAN. \[DISC-2\]
    pub fn lan() -> Self {
        Self {
            place: Place::Lan,
            window: None,
        }
    }

    /// These addresses and no others, without an mDNS query: `host`, `host:port`, IPv4, `[IPv6]`,
    /// `[IPv6%scope]:port`; port 8443 where none is given. \[DISC-4\]
    ///
    /// A name is resolved again, in the background, where its terminal is no longer at the address that it had.
    pub fn static_hosts<H: Into<String>>(hosts: impl IntoIterator<Item = H>) -> Self {
        Self {
            place: Place::Hosts(hosts.into_iter().map(Into::into).collect()),
            window: None,
        }
    }

    /// Listens on the LAN for this long instead of the till's own window.
    pub fn window(mut self, window: Duration) -> Self {
        self.window = Some(window);
        self
    }
}

/// One thing that may be a terminal.
struct Hint {
    candidate: String,
    id: Option<TerminalId>,
    addresses: Vec<SocketAddr>,
    host: Option<StaticHost>,
}

impl Readers<'_> {
    /// How many lines to a terminal are open, those included that a payment uses; 0 where it is not known. For a till's
    /// status page, and to wait until it is warm.
    pub fn open_lines(self, reader_id: &str) -> usize {
        let id = TerminalId::new(reader_id);
        id.map_or(0, |id| self.0.inner.terminals.open(&id))
    }

    /// What changes on the LAN from now on: terminals that come, say something else of themselves, move and go. It begins
    /// the search that a [discovery](Self::discover) begins, where there is none yet.
    pub fn watch(self) -> Result<Changes, Error> {
        let search = self.0.inner.terminals.finder().search();
        let search = search.map_err(|error| Error::Discovery(error.to_string()))?;
        Ok(Changes::new(search.watch()))
    }

    /// Finds terminals, asks each over mutual TLS who it is, and keeps the connections: the next payment
    /// finds its terminal's address, and a warm connection to it.
    ///
    /// The first one on the LAN begins a search that goes on in the background for as long as the till lives: a terminal
    /// that moves to another address is found again by its id, and no payment looks for it. What keeps the search from
    /// finding all stands in [`Discovered::troubles`], with advice.
    pub async fn discover(self, discover: Discover) -> Result<Discovered, Error> {
        let inner = &*self.0.inner;
        let mut found = Discovered::default();
        let hints = match discover.place {
            Place::Lan => {
                let window = discover.window.unwrap_or(inner.window);
                lan(inner, window, &mut found).await?
            }
            Place::Hosts(hosts) => resolved(hosts, &mut found.left_out).await?,
        };
        let asked: Vec<_> = stream::iter(hints)
            .map(|hint| async move {
                let answer = ask(inner, &hint).await;
                (hint, answer)
            })
            .buffered(ASKED_AT_ONCE)
            .collect()
            .await;
        for (hint, answer) in asked {
            match answer {
                Ok(line) => include(inner, hint, line, &mut found),
                Err(reason) => found.left_out.push(LeftOut {
                    candidate: hint.candidate,
                    reason,
                }),
            }
        }
        found.readers.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(found)
    }
}

async fn lan(inner: &Inner, window: Duration, found: &mut Discovered) -> Result<Vec<Hint>, Error> {
    let own = inner.own_simulator();
    let heard = match (inner.terminals.finder().search(), &own) {
        (Ok(search), _) => search.during(window).await,
        // Its own simulator needs no mDNS.
        (Err(_), Some(_)) => Default::default(),
        (Err(error), None) => return Err(Error::Discovery(error.to_string())),
    };
    found.troubles = heard.troubles.into_iter().map(Trouble::from).collect();
    found
        .left_out
        .extend(heard.left_out.into_iter().map(|other| LeftOut {
            candidate: other.instance,
            reason: Reason::Advertisement(other.reason.to_string()),
        }));
    let named = heard
        .candidates
        .into_iter()
        .map(|candidate: Candidate| Hint {
            candidate: candidate.instance,
            id: Some(candidate.id),
            addresses: candidate.addresses,
            host: None,
        });
    let unnamed = heard.unnamed.into_iter().map(|unnamed| Hint {
        candidate: unnamed.instance,
        id: None,
        addresses: unnamed.addresses,
        host: None,
    });
    Ok(own.into_iter().chain(named).chain(unnamed).collect())
}

async fn resolved(hosts: Vec<String>, left_out: &mut Vec<LeftOut>) -> Result<Vec<Hint>, Error> {
    let mut hints = Vec::new();
    for text in hosts {
        let host = StaticHost::parse(&text).map_err(|error| Error::Invalid {
            field: "static_hosts",
            expected: error.to_string(),
        })?;
        match host.resolve().await {
            Ok(addresses) => hints.push(Hint {
                candidate: text,
                id: None,
                addresses,
                host: Some(host),
            }),
            Err(error) => left_out.push(LeftOut {
                candidate: text,
                reason: Reason::Unreachable(error.to_string()),
            }),
        }
    }
    Ok(hints)
}

/// The first of its addresses at which it proves who it is.
async fn ask(inner: &Inner, hint: &Hint) -> Result<Line, Reason> {
    let connector = inner.terminals.connector();
    let (addresses, id) = (&hint.addresses, hint.id.as_ref());
    let line = dial(connector, addresses, id, &Stranger::default()).await;
    line.map_err(|why| match why {
        Some(why) => reason(why),
        None => Reason::Unreachable("it has no address".to_owned()),
    })
}

fn reason(why: NoLine) -> Reason {
    let text = why.to_string();
    match why {
        why if why.is_about_identity() => Reason::Identity(text),
        why if why.is_refusal() => Reason::CertificateRefused(text),
        _ => Reason::Unreachable(text),
    }
}

fn include(inner: &Inner, hint: Hint, line: Line, found: &mut Discovered) {
    let address = line.connection.addr();
    let said = line.reader.clone();
    if found.readers.iter().any(|other| other.id == said.id) {
        found.left_out.push(LeftOut {
            candidate: hint.candidate,
            reason: Reason::SameTerminal(said.id),
        });
        return;
    }
    // In this order: the line is counted before others are opened.
    inner.terminals.keep(line);
    inner.terminals.learn(said.id.clone(), address);
    if let Some(host) = hint.host {
        inner.terminals.is_host(&said.id, host);
    }
    if said.activity == Activity::Idle {
        inner.queue.idle(said.id.clone());
    }
    found.readers.push(Reader {
        id: said.id,
        ip: address.ip(),
        address,
        model: said.model,
        status: said.status,
        activity: said.activity,
        offline: said.offline,
    });
}

impl Inner {
    /// The simulator that this SDK started is found without mDNS. \[SIM-1\]
    #[cfg(feature = "simulator")]
    fn own_simulator(&self) -> Option<Hint> {
        let running = self.simulator.as_ref()?;
        Some(Hint {
            candidate: running.id().to_string(),
            id: Some(running.id().clone()),
            addresses: vec![running.address()],
            host: None,
        })
    }

    #[cfg(not(feature = "simulator"))]
    fn own_simulator(&self) -> Option<Hint> {
        None
    }
}
