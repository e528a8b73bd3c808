//! Puts together what is heard piece by piece, and decides at the end what it amounts to.
//!
//! A service is heard several times while its addresses arrive, over both IP versions and several
//! interfaces, so nothing is decided before the caller asks. Pure: no socket, no clock.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use vinr_protocol::TerminalId;

use crate::candidate::{Candidate, Found, LeftOut, Reason, Unnamed};
use crate::interfaces::{HeardOn, dialable, dialing_order};
use crate::txt::{Txt, TxtError};

/// How many instances are kept; a network with more has somebody who makes them up.
pub(crate) const INSTANCES_MAX: usize = 256;

/// How many addresses of one instance are kept.
pub(crate) const ADDRESSES_MAX: usize = 8;

/// The longest instance name that is kept, in characters.
const NAME_MAX: usize = 63;

/// One piece of news about one instance. What is `None` or empty was not heard this time.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sighting {
    pub(crate) instance: String,
    pub(crate) txt: Option<Result<Txt, TxtError>>,
    pub(crate) port: Option<u16>,
    pub(crate) addresses: Vec<(IpAddr, HeardOn)>,
}

/// Everything heard so far.
#[derive(Debug, Default)]
pub(crate) struct Gather {
    instances: BTreeMap<String, Instance>,
    not_kept: usize,
}

#[derive(Debug, Default)]
struct Instance {
    name: String,
    txt: Option<Result<Txt, TxtError>>,
    port: Option<u16>,
    addresses: Vec<(IpAddr, HeardOn)>,
}

impl Gather {
    /// Takes a piece of news.
    pub(crate) fn see(&mut self, sighting: Sighting) {
        let name = printable(&sighting.instance);
        let key = name.to_ascii_lowercase();
        if self.instances.len() >= INSTANCES_MAX && !self.instances.contains_key(&key) {
            self.not_kept += 1;
            return;
        }
        let instance = self.instances.entry(key).or_default();
        instance.name = name;
        instance.txt = sighting.txt.or(instance.txt.take());
        instance.port = sighting.port.or(instance.port);
        for address in sighting.addresses {
            if instance.addresses.len() < ADDRESSES_MAX && !instance.addresses.contains(&address) {
                instance.addresses.push(address);
            }
        }
    }

    /// Forgets an instance that said goodbye. \[DISC-5\]
    pub(crate) fn gone(&mut self, instance: &str) {
        self.instances
            .remove(&printable(instance).to_ascii_lowercase());
    }

    /// The candidate of this id, if it can be dialled already.
    pub(crate) fn candidate(&self, id: &TerminalId) -> Option<Candidate> {
        let found = self.finish();
        found.candidates.into_iter().find(|c| c.id == *id)
    }

    /// What everything heard so far amounts to.
    pub(crate) fn finish(&self) -> Found {
        let mut found = Found::default();
        let mut named: BTreeMap<TerminalId, Vec<Candidate>> = BTreeMap::new();
        for instance in self.instances.values() {
            match instance.judge() {
                Ok(Judged::Named(candidate)) => named
                    .entry(candidate.id.clone())
                    .or_default()
                    .push(candidate),
                Ok(Judged::Unnamed(unnamed)) => found.unnamed.push(unnamed),
                Err(reason) => found.left_out.push(LeftOut {
                    instance: instance.name.clone(),
                    reason,
                }),
            }
        }
        for (id, same_id) in named {
            found
                .candidates
                .push(merge(&id, same_id, &mut found.left_out));
        }
        if self.not_kept > 0 {
            let reason = Reason::TooMany(self.not_kept);
            found.left_out.push(LeftOut {
                instance: "(others)".to_owned(),
                reason,
            });
        }
        found
    }
}

enum Judged {
    Named(Candidate),
    Unnamed(Unnamed),
}

impl Instance {
    fn judge(&self) -> Result<Judged, Reason> {
        let txt = self
            .txt
            .clone()
            .transpose()
            .map_err(Reason::Txt)?
            .unwrap_or_default();
        let port = self.port.filter(|port| *port != 0).ok_or(Reason::NoPort)?;
        let dialable = self
            .addresses
            .iter()
            .filter_map(|(ip, on)| dialable(*ip, port, *on));
        let addresses = in_dialing_order(dialable);
        if addresses.is_empty() {
            return Err(Reason::NoAddress);
        }
        let instance = self.name.clone();
        Ok(match txt.id {
            Some(id) => Judged::Named(Candidate {
                id,
                model: txt.model,
                status: txt.status,
                activity: txt.activity,
                api: txt.api,
                addresses,
                instance,
            }),
            None => Judged::Unnamed(Unnamed {
                instance,
                addresses,
            }),
        })
    }
}

/// Makes one candidate of all that claim one id.
///
/// The one whose instance name is the id speaks; a renamed twin, a stale entry or an impostor does not
/// push it out, and their addresses are kept, because only TLS can tell which of them is true. \[DISC-8\]
fn merge(id: &TerminalId, mut same_id: Vec<Candidate>, left_out: &mut Vec<LeftOut>) -> Candidate {
    same_id.sort_by_key(|c| !c.instance.eq_ignore_ascii_case(id.as_str()));
    let mut same_id = same_id.into_iter();
    let mut first = same_id
        .next()
        .expect("an id is listed because a candidate has it");
    for other in same_id {
        for address in other.addresses {
            if !first.addresses.contains(&address) {
                first.addresses.push(address);
            }
        }
        left_out.push(LeftOut {
            instance: other.instance,
            reason: Reason::SameId(id.clone()),
        });
    }
    first
}

fn in_dialing_order(addresses: impl Iterator<Item = SocketAddr>) -> Vec<SocketAddr> {
    let mut addresses: Vec<_> = addresses.collect();
    addresses.sort_by_key(dialing_order);
    addresses.dedup();
    addresses
}

/// A foreign name in a form that a terminal window or a log survives.
fn printable(name: &str) -> String {
    name.chars()
        .take(NAME_MAX)
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAN: HeardOn = HeardOn::Network(2);

    fn sighting(instance: &str, id: &str, ip: &str) -> Sighting {
        let id = [(b"id".as_slice(), Some(id.as_bytes()))];
        Sighting {
            instance: instance.to_owned(),
            txt: Some(Txt::read(id)),
            port: Some(8443),
            addresses: vec![(ip.parse().unwrap(), LAN)],
        }
    }

    fn found(sightings: impl IntoIterator<Item = Sighting>) -> Found {
        let mut gather = Gather::default();
        sightings.into_iter().for_each(|s| gather.see(s));
        gather.finish()
    }

    #[test]
    fn pieces_become_one_candidate() {
        let txt = Sighting {
            port: None,
            addresses: vec![],
            ..sighting("term_1", "term_1", "192.0.2.1")
        };
        let srv = Sighting {
            instance: "term_1".into(),
            port: Some(9443),
            ..Sighting::default()
        };
        let link_local = Sighting {
            instance: "TERM_1".into(),
            addresses: vec![("fe80::1".parse().unwrap(), LAN)],
            ..Sighting::default()
        };
        let v4 = Sighting {
            port: None,
            txt: None,
            ..sighting("term_1", "", "192.0.2.1")
        };
        let found = found([txt, srv, link_local, v4]);
        let addresses: Vec<_> = found.candidates[0]
            .addresses
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(addresses, ["192.0.2.1:9443", "[fe80::1%2]:9443"]);
        assert_eq!(found.left_out, []);
    }

    // [DISC-5]
    #[test]
    fn candidates_are_sorted_by_id_and_one_for_each() {
        let found = found([
            sighting("b", "term_2", "192.0.2.2"),
            sighting("a", "term_3", "192.0.2.3"),
            sighting("c", "term_1", "192.0.2.1"),
        ]);
        let ids: Vec<_> = found.candidates.iter().map(|c| c.id.as_str()).collect();
        assert_eq!(ids, ["term_1", "term_2", "term_3"]);
    }

    #[test]
    fn the_id_is_that_of_the_txt_record_not_the_instance_name() {
        let found = found([sighting("term_9", "term_1", "192.0.2.1")]);
        assert_eq!(found.candidates[0].id.as_str(), "term_1");
    }

    // [DISC-8]
    #[test]
    fn an_impostor_neither_replaces_a_terminal_nor_hides_its_address() {
        let found = found([
            sighting("aaa", "term_1", "192.0.2.66"),
            sighting("term_1", "term_1", "192.0.2.1"),
        ]);
        assert_eq!(found.candidates.len(), 1);
        assert_eq!(found.candidates[0].instance, "term_1");
        let addresses: Vec<_> = found.candidates[0]
            .addresses
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(addresses, ["192.0.2.1:8443", "192.0.2.66:8443"]);
        let same = Reason::SameId(TerminalId::new("term_1").unwrap());
        assert_eq!(
            found.left_out,
            [LeftOut {
                instance: "aaa".into(),
                reason: same
            }]
        );
    }

    // [DISC-5]
    #[test]
    fn a_goodbye_is_final() {
        let mut gather = Gather::default();
        gather.see(sighting("term_1", "term_1", "192.0.2.1"));
        gather.gone("TERM_1");
        assert_eq!(gather.finish(), Found::default());
    }

    // [DISC-8]
    #[test]
    fn a_record_without_an_id_is_kept_for_the_certificate_to_name() {
        let found = found([Sighting {
            txt: None,
            ..sighting("Till 4", "", "192.0.2.1")
        }]);
        assert_eq!(found.unnamed[0].instance, "Till 4");
        assert_eq!(found.candidates, []);
    }

    // [DISC-5]
    #[test]
    fn what_cannot_be_dialled_is_left_out_with_the_reason() {
        let found = found([
            sighting("bad id", "nonsense", "192.0.2.1"),
            Sighting {
                port: Some(0),
                ..sighting("no port", "term_2", "192.0.2.2")
            },
            Sighting {
                addresses: vec![],
                ..sighting("no address", "term_3", "192.0.2.3")
            },
            sighting("someone's loopback", "term_4", "127.0.0.1"),
        ]);
        assert_eq!(found.candidates, []);
        let why: Vec<_> = found
            .left_out
            .iter()
            .map(|l| (l.instance.as_str(), &l.reason))
            .collect();
        assert!(
            matches!(why[0], ("bad id", Reason::Txt(TxtError::Id(_)))),
            "{why:?}"
        );
        assert_eq!(why[1], ("no address", &Reason::NoAddress));
        assert_eq!(why[2], ("no port", &Reason::NoPort));
        assert_eq!(why[3], ("someone's loopback", &Reason::NoAddress));
    }

    #[test]
    fn the_256th_instance_is_kept_and_the_257th_is_counted() {
        let flood = |n: usize| {
            (0..n).map(|i| sighting(&format!("i{i}"), &format!("term_{i:04}"), "192.0.2.1"))
        };
        let at_limit = found(flood(INSTANCES_MAX));
        assert_eq!(
            (at_limit.candidates.len(), at_limit.left_out.len()),
            (INSTANCES_MAX, 0)
        );
        let over = found(flood(INSTANCES_MAX + 1));
        assert_eq!(over.candidates.len(), INSTANCES_MAX);
        assert_eq!(over.left_out[0].reason, Reason::TooMany(1));
    }

    #[test]
    fn of_one_instance_8_addresses_are_kept() {
        let addresses = (1..=9)
            .map(|i| (IpAddr::from([192, 0, 2, i]), LAN))
            .collect();
        let found = found([Sighting {
            addresses,
            ..sighting("term_1", "term_1", "192.0.2.1")
        }]);
        assert_eq!(found.candidates[0].addresses.len(), ADDRESSES_MAX);
    }

    #[test]
    fn a_name_is_made_printable_and_short() {
        let name = format!("\u{1b}[31m{}", "x".repeat(100));
        let found = found([sighting(&name, "nonsense", "192.0.2.1")]);
        assert_eq!(found.left_out[0].instance.chars().count(), NAME_MAX);
        assert!(!found.left_out[0].instance.contains('\u{1b}'));
    }
}
