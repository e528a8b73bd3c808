//! Looking: files, network, handshake, one question. Nothing is judged here.

mod alert;
mod ask;
mod dial;
mod files;
mod mdns;
mod tls;
mod wire;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use tokio::time::timeout;
use vinr_discovery::{DEFAULT_PORT, StaticHost};
use vinr_protocol::TerminalId;

use super::seen::{Dial, Look, Mdns, Resolved, Seen, Spoken, Talk};
use super::subnet::Subnet;

/// How many addresses of one name are dialled.
const ADDRESSES_MAX: usize = 4;

/// The port of every other web server: where it answers, the host is there.
const HTTPS: u16 = 443;

/// What to look at.
#[derive(Debug, Clone)]
pub struct Order {
    /// `host`, `host:port`, an IP address, or a terminal's id, which mDNS finds.
    pub address: String,
    /// The terminal that is meant, where the address does not say.
    pub terminal: Option<TerminalId>,
    /// The till's files.
    pub files: Files,
    /// How long each step may take.
    pub within: Duration,
    /// Is mDNS asked?
    pub mdns: bool,
}

/// The till's files.
#[derive(Debug, Clone)]
pub struct Files {
    /// The terminal CA bundle, PEM.
    pub terminal_ca: PathBuf,
    /// The till's identity.
    pub key: Key,
}

/// A till's identity in files.
#[derive(Debug, Clone)]
pub enum Key {
    /// PKCS#12.
    P12 {
        /// The file.
        file: PathBuf,
        /// A file that holds the passphrase and nothing else.
        passphrase: PathBuf,
    },
    /// PEM.
    Pem {
        /// The certificate chain.
        certificate: PathBuf,
        /// The key.
        key: PathBuf,
    },
}

/// An address cannot be one of a terminal.
pub(crate) use vinr_discovery::hosts::InvalidHost;

enum Place {
    Host(StaticHost),
    Terminal(TerminalId),
}

/// Looks at everything on the way to the terminal. It shows the till's certificate to a terminal that
/// proved who it is and to nobody else, and says nothing to it but `GET /v1/reader`.
pub async fn look(order: &Order) -> Result<Seen, InvalidHost> {
    let place = place(&order.address)?;
    let files = files::read(&order.files);
    let terminal = match &place {
        Place::Terminal(id) => Some(id.clone()),
        Place::Host(_) => order.terminal.clone(),
    };
    let mut seen = Seen {
        asked: order.address.clone(),
        terminal,
        now: jiff::Timestamp::now(),
        bundle: files.bundle_facts(),
        till: files.till_facts(),
        networks: networks(),
        resolved: Resolved::Terminal,
        mdns: Mdns::NotAsked,
        dials: Vec::new(),
        other_ports: Vec::new(),
        look: None,
        talk: None,
    };
    match place {
        Place::Terminal(_) => {
            seen.mdns = mdns(order, &seen).await;
            let addresses = heard_at(&seen);
            visit(order, &files, &mut seen, &addresses).await;
        }
        Place::Host(host) => {
            seen.resolved = resolve(order, &host).await;
            let addresses = match &seen.resolved {
                Resolved::Address(address) => vec![*address],
                Resolved::Name(addresses) => addresses.clone(),
                Resolved::Unknown(_) | Resolved::Silent | Resolved::Terminal => vec![],
            };
            let asking = seen.clone();
            let listening = mdns(order, &asking);
            let visiting = visit(order, &files, &mut seen, &addresses);
            let (heard, ()) = tokio::join!(listening, visiting);
            seen.mdns = heard;
        }
    }
    try_other_ports(order, &mut seen).await;
    Ok(seen)
}

fn place(address: &str) -> Result<Place, InvalidHost> {
    match TerminalId::new(address) {
        Ok(id) => Ok(Place::Terminal(id)),
        Err(_) => StaticHost::parse(address).map(Place::Host),
    }
}

async fn resolve(order: &Order, host: &StaticHost) -> Resolved {
    let is_name = host.to_string().parse::<SocketAddr>().is_err();
    match timeout(order.within, host.resolve()).await {
        Ok(Ok(addresses)) => match addresses.first() {
            // A scope is a word to us, and a number to the address.
            Some(address) if !is_name || address.is_ipv6() && order.address.starts_with('[') => {
                Resolved::Address(*address)
            }
            _ => Resolved::Name(addresses),
        },
        Ok(Err(error)) => Resolved::Unknown(error.to_string()),
        Err(_) => Resolved::Silent,
    }
}

async fn mdns(order: &Order, seen: &Seen) -> Mdns {
    if order.mdns {
        mdns::listen(order.within, seen).await
    } else {
        Mdns::NotAsked
    }
}

fn heard_at(seen: &Seen) -> Vec<SocketAddr> {
    let Mdns::Asked { heard, .. } = &seen.mdns else {
        return vec![];
    };
    heard
        .iter()
        .filter(|one| one.terminal.is_some() && one.terminal == seen.terminal)
        .flat_map(|one| one.addresses.clone())
        .collect()
}

/// Dials until one takes the connection, looks who it is, and asks it how it is.
async fn visit(order: &Order, files: &files::Read, seen: &mut Seen, addresses: &[SocketAddr]) {
    for address in addresses.iter().take(ADDRESSES_MAX) {
        let (outcome, tcp) = dial::dial(*address, order.within).await;
        let address = *address;
        seen.dials.push(Dial { address, outcome });
        if let Some(tcp) = tcp {
            let spoken = tls::look(address, tcp, files, order.within).await;
            seen.talk = talk(order, files, seen, address, &spoken).await;
            seen.look = Some(Look { address, spoken });
            return;
        }
    }
}

/// Only a terminal that proved who it is, and is the one that is meant, is spoken to. \[TLS-9\]
async fn talk(
    order: &Order,
    files: &files::Read,
    seen: &Seen,
    address: SocketAddr,
    spoken: &Spoken,
) -> Option<Talk> {
    let Spoken::Shown {
        verdict: Some(Ok(id)),
        ..
    } = spoken
    else {
        return None;
    };
    if seen.terminal.as_ref().is_some_and(|meant| meant != id) {
        return None;
    }
    ask::ask(address, id, files, order.within).await
}

/// Where the right port is in doubt, others of the same host are dialled, and nothing is said to them.
async fn try_other_ports(order: &Order, seen: &mut Seen) {
    let is_right = |look: &Look| matches!(look.spoken, Spoken::Shown { .. });
    if seen.look.as_ref().is_some_and(is_right) {
        return;
    }
    let Some(first) = seen.dials.first().map(|dial| dial.address) else {
        return;
    };
    let mut ports = vec![DEFAULT_PORT, HTTPS];
    if let Mdns::Asked { heard, .. } = &seen.mdns {
        let of_this_host = heard.iter().flat_map(|one| &one.addresses);
        let of_this_host = of_this_host.filter(|address| address.ip() == first.ip());
        ports.extend(of_this_host.map(SocketAddr::port).take(ADDRESSES_MAX));
    }
    ports.sort_unstable();
    ports.dedup();
    let dialled = |address: &SocketAddr| seen.dials.iter().any(|dial| dial.address == *address);
    let others: Vec<_> = ports
        .into_iter()
        .map(|port| {
            let mut address = first;
            address.set_port(port);
            address
        })
        .filter(|address| !dialled(address))
        .collect();
    let dialling = others.into_iter().map(|address| async move {
        let (outcome, _) = dial::dial(address, order.within).await;
        Dial { address, outcome }
    });
    seen.other_ports = futures_util::future::join_all(dialling).await;
}

/// This machine's networks; none where the system does not tell.
fn networks() -> Vec<Subnet> {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    interfaces
        .into_iter()
        .map(|interface| Subnet {
            ip: interface.ip(),
            prefix: match &interface.addr {
                if_addrs::IfAddr::V4(v4) => v4.prefixlen,
                if_addrs::IfAddr::V6(v6) => v6.prefixlen,
            },
            interface: interface.name,
        })
        .collect()
}
