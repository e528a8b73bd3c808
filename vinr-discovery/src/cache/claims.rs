//! What everything that was heard amounts to: one candidate for each id that somebody claims.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use vinr_protocol::TerminalId;

use super::{ADDRESSES_MAX, Cache, Instance};
use crate::candidate::{Candidate, Found, LeftOut, Reason, Unnamed};
use crate::domain::Domain;
use crate::interfaces::{HeardOn, dialable, dialing_order};
use crate::slots::{Moment, Slots};
use crate::txt::Txt;

/// How many addresses a candidate has, from all who claim its id.
pub(super) const ADDRESSES_OF_ID_MAX: usize = 32;

/// The longest instance name that is shown, in characters.
pub(super) const NAME_MAX: usize = 63;

impl Cache {
    /// The candidate of this id, if it can be dialled already.
    pub(crate) fn candidate(&self, id: &TerminalId) -> Option<Candidate> {
        let found = self.finish_those(|name, instance| instance.claims(name, id));
        found.candidates.into_iter().find(|c| c.id == *id)
    }

    /// What everything heard so far amounts to.
    pub(crate) fn finish(&self) -> Found {
        let mut found = self.finish_those(|_, _| true);
        if self.not_kept > 0 {
            found.left_out.push(LeftOut {
                instance: "(others)".to_owned(),
                reason: Reason::TooMany(self.not_kept),
            });
        }
        found
    }

    fn finish_those(&self, which: impl Fn(&Domain, &Instance) -> bool) -> Found {
        let mut found = Found::default();
        let mut named: BTreeMap<TerminalId, Vec<Claim>> = BTreeMap::new();
        for ((name, on), instance) in &self.instances {
            if !which(name, instance) {
                continue;
            }
            match self.judge(name, *on, instance) {
                Ok(claim) => match claim.txt.id.clone() {
                    Some(id) => named.entry(id).or_default().push(claim),
                    None => found.unnamed.push(Unnamed {
                        addresses: in_order(claim.addresses),
                        instance: claim.instance,
                    }),
                },
                Err(reason) => found.left_out.push(LeftOut {
                    instance: printable(name),
                    reason,
                }),
            }
        }
        for (id, claims) in named {
            found
                .candidates
                .push(merge(&id, claims, &mut found.left_out));
        }
        found
    }

    fn judge(&self, name: &Domain, on: HeardOn, instance: &Instance) -> Result<Claim, Reason> {
        let txt = instance.text(name).map_err(Reason::Txt)?;
        let services = || instance.services.iter().filter(|s| s.value.port != 0);
        if services().next().is_none() {
            return Err(Reason::NoPort);
        }
        let mut addresses = Vec::new();
        for service in services() {
            let host = self.hosts.get(&(service.value.host.clone(), on));
            for address in host.into_iter().flat_map(Slots::iter) {
                if let Some(to_dial) = dialable(address.value, service.value.port, on) {
                    addresses.push(Ranked {
                        doomed: service.is_doomed() || address.is_doomed(),
                        rank: dialing_order(&to_dial),
                        first_heard: address.first_heard,
                        address: to_dial,
                    });
                }
            }
        }
        if addresses.is_empty() {
            return Err(Reason::NoAddress);
        }
        addresses.sort();
        addresses.truncate(ADDRESSES_MAX);
        Ok(Claim {
            instance: printable(name),
            first_heard: instance.first_heard,
            txt,
            addresses,
        })
    }
}

/// An instance that can be dialled.
struct Claim {
    instance: String,
    first_heard: Moment,
    txt: Txt,
    addresses: Vec<Ranked>,
}

/// An address, ordered by how promising it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Ranked {
    doomed: bool,
    rank: u8,
    first_heard: Moment,
    address: SocketAddr,
}

/// Makes one candidate of all that claim one id.
///
/// The one whose instance name is the id speaks, then the one that was heard first; a renamed twin, a stale
/// entry or an impostor does not push it out, and their addresses are kept behind its own, because only TLS
/// can tell which of them is true. \[DISC-8\] The same name on another interface is the same terminal.
fn merge(id: &TerminalId, mut claims: Vec<Claim>, left_out: &mut Vec<LeftOut>) -> Candidate {
    let is = |claim: &Claim, name: &str| claim.instance.eq_ignore_ascii_case(name);
    claims.sort_by_key(|claim| (!is(claim, id.as_str()), claim.first_heard));
    let speaker = claims
        .first()
        .expect("an id is listed because somebody claims it");
    let (txt, instance) = (speaker.txt.clone(), speaker.instance.clone());
    let (own, others): (Vec<_>, Vec<_>) =
        claims.into_iter().partition(|claim| is(claim, &instance));
    let own: Vec<_> = own.into_iter().flat_map(|claim| claim.addresses).collect();
    let mut addresses = in_order(own);
    // Each of the others has its best address heard before anybody's second.
    for turn in 0..ADDRESSES_MAX {
        for other in others.iter().filter_map(|other| other.addresses.get(turn)) {
            if addresses.len() < ADDRESSES_OF_ID_MAX && !addresses.contains(&other.address) {
                addresses.push(other.address);
            }
        }
    }
    left_out.extend(others.into_iter().map(|other| LeftOut {
        instance: other.instance,
        reason: Reason::SameId(id.clone()),
    }));
    Candidate {
        id: id.clone(),
        model: txt.model,
        status: txt.status,
        activity: txt.activity,
        api: txt.api,
        addresses,
        instance,
    }
}

/// The most promising first, each once.
fn in_order(mut ranked: Vec<Ranked>) -> Vec<SocketAddr> {
    ranked.sort();
    let mut addresses = Vec::new();
    for Ranked { address, .. } in ranked {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    addresses
}

/// A foreign name in a form that a terminal window or a log survives.
fn printable(name: &Domain) -> String {
    String::from_utf8_lossy(name.first_label())
        .chars()
        .take(NAME_MAX)
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}
