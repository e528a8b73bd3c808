//! Which network interfaces discovery uses, and what an address heard on one of them is worth.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV6};

/// The interfaces that a browse asks on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Interfaces {
    /// Every interface of this machine, loopback included, as it comes and goes.
    #[default]
    All,
    /// Only 127.0.0.1: nothing leaves this machine, so it finds simulators only.
    Loopback,
}

/// One interface that multicast may work on, with all its addresses.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Interface {
    pub(crate) name: String,
    pub(crate) index: u32,
    /// Each with the length of its network's prefix.
    pub(crate) addresses: Vec<(IpAddr, u8)>,
}

/// How many interfaces a search uses: containers make dozens, and each costs sockets.
const INTERFACES_MAX: usize = 16;

impl Interfaces {
    /// The interfaces of this machine that are meant and up, in the order of their numbers.
    pub(crate) fn list(self) -> io::Result<Vec<Interface>> {
        let mut by_index: BTreeMap<u32, Interface> = BTreeMap::new();
        for one in if_addrs::get_if_addrs()? {
            let (Some(index), address) = (one.index, one.ip()) else {
                continue;
            };
            let is_meant = match self {
                Interfaces::All => true,
                Interfaces::Loopback => address == IpAddr::V4(Ipv4Addr::LOCALHOST),
            };
            if !is_meant || !one.is_oper_up() {
                continue;
            }
            let prefix = match &one.addr {
                if_addrs::IfAddr::V4(v4) => v4.prefixlen,
                if_addrs::IfAddr::V6(v6) => v6.prefixlen,
            };
            let interface = by_index.entry(index).or_insert(Interface {
                name: one.name,
                index,
                addresses: Vec::new(),
            });
            interface.addresses.push((address, prefix));
        }
        let mut interfaces: Vec<_> = by_index.into_values().collect();
        let mut loopback = 0;
        // What is heard on loopback is heard on loopback, however many of it there are.
        interfaces.retain(|interface| {
            loopback += usize::from(interface.heard_on() == HeardOn::Loopback);
            interface.heard_on() != HeardOn::Loopback || loopback == 1
        });
        interfaces.truncate(INTERFACES_MAX);
        Ok(interfaces)
    }
}

/// How an address was heard: by the way its bytes came in, not by what they claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum HeardOn {
    /// From this very machine.
    Loopback,
    /// From a network behind the interface of this index.
    Network(u32),
}

impl Interface {
    pub(crate) fn heard_on(&self) -> HeardOn {
        if self.addresses.iter().any(|(ip, _)| ip.is_loopback()) {
            HeardOn::Loopback
        } else {
            HeardOn::Network(self.index)
        }
    }

    pub(crate) fn v4(&self) -> impl Iterator<Item = Ipv4Addr> {
        self.addresses.iter().filter_map(|(ip, _)| match ip {
            IpAddr::V4(v4) => Some(*v4),
            IpAddr::V6(_) => None,
        })
    }

    pub(crate) fn has_v6(&self) -> bool {
        self.addresses.iter().any(|(ip, _)| ip.is_ipv6())
    }

    pub(crate) fn is_own(&self, ip: IpAddr) -> bool {
        self.addresses.iter().any(|(own, _)| *own == ip)
    }

    /// Is this address in one of the interface's own networks? A direct answer from elsewhere is nobody's
    /// on this link (RFC 6762 §11).
    pub(crate) fn reaches(&self, ip: IpAddr) -> bool {
        let same = |own: IpAddr, prefix: u8| match (own, ip) {
            (IpAddr::V4(own), IpAddr::V4(ip)) => {
                let mask = u32::MAX
                    .checked_shl(32 - u32::from(prefix.min(32)))
                    .unwrap_or(0);
                own.to_bits() & mask == ip.to_bits() & mask
            }
            (IpAddr::V6(own), IpAddr::V6(ip)) => {
                let mask = u128::MAX
                    .checked_shl(128 - u32::from(prefix.min(128)))
                    .unwrap_or(0);
                own.to_bits() & mask == ip.to_bits() & mask
            }
            _ => false,
        };
        let link_local = match ip {
            IpAddr::V4(v4) => v4.is_link_local(),
            IpAddr::V6(v6) => v6.is_unicast_link_local(),
        };
        link_local
            || self
                .addresses
                .iter()
                .any(|(own, prefix)| same(*own, *prefix))
    }
}

/// The address to dial for one that was heard; `None` for one that nobody can listen on.
///
/// A loopback address that the network claims would make the till dial itself, so it counts only when
/// it was heard on loopback. A link-local IPv6 address means nothing without its interface.
pub(crate) fn dialable(ip: IpAddr, port: u16, heard_on: HeardOn) -> Option<SocketAddr> {
    if ip.is_unspecified() || ip.is_multicast() || ip == IpAddr::V4(Ipv4Addr::BROADCAST) {
        return None;
    }
    let ip = ip.to_canonical();
    if ip.is_loopback() && heard_on != HeardOn::Loopback {
        return None;
    }
    match (ip, heard_on) {
        (IpAddr::V6(v6), HeardOn::Network(index)) if v6.is_unicast_link_local() => {
            Some(SocketAddrV6::new(v6, port, 0, index).into())
        }
        _ => Some(SocketAddr::new(ip, port)),
    }
}

/// Orders addresses by how likely a connection works at once: this machine, IPv4, IPv6, and
/// link-local IPv6 last.
pub(crate) fn dialing_order(address: &SocketAddr) -> u8 {
    match address.ip() {
        ip if ip.is_loopback() => 0,
        IpAddr::V4(_) => 1,
        IpAddr::V6(v6) if v6.is_unicast_link_local() => 3,
        IpAddr::V6(_) => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(ip: &str, on: HeardOn) -> Option<String> {
        dialable(ip.parse().unwrap(), 8443, on).map(|a| a.to_string())
    }

    #[test]
    fn an_address_is_reached_within_the_prefix_and_not_beyond() {
        let interface = Interface {
            name: "eth0".into(),
            index: 2,
            addresses: vec![
                ("192.0.2.130".parse().unwrap(), 25),
                ("2001:db8::1".parse().unwrap(), 64),
            ],
        };
        for (ip, reached) in [
            ("192.0.2.128", true),
            ("192.0.2.255", true),
            ("192.0.2.127", false),
            ("198.51.100.1", false),
            ("169.254.1.1", true),
            ("2001:db8::ffff", true),
            ("2001:db8:0:1::1", false),
            ("fe80::1", true),
        ] {
            assert_eq!(interface.reaches(ip.parse().unwrap()), reached, "{ip}");
        }
    }

    #[test]
    fn a_loopback_address_counts_only_when_it_was_heard_on_loopback() {
        assert_eq!(
            heard("127.0.0.1", HeardOn::Loopback).as_deref(),
            Some("127.0.0.1:8443")
        );
        assert_eq!(heard("127.0.0.1", HeardOn::Network(2)), None);
        assert_eq!(heard("::1", HeardOn::Network(2)), None);
        assert_eq!(heard("::ffff:127.0.0.1", HeardOn::Network(2)), None);
    }

    #[test]
    fn a_link_local_address_keeps_the_interface_it_was_heard_on() {
        assert_eq!(
            heard("fe80::1", HeardOn::Network(4)).as_deref(),
            Some("[fe80::1%4]:8443")
        );
    }

    #[test]
    fn an_address_that_nobody_can_listen_on_is_dropped() {
        for ip in [
            "0.0.0.0",
            "::",
            "224.0.0.251",
            "ff02::fb",
            "255.255.255.255",
        ] {
            assert_eq!(heard(ip, HeardOn::Network(2)), None, "{ip}");
        }
    }

    #[test]
    fn link_local_addresses_are_dialled_last() {
        let mut addresses: Vec<SocketAddr> = [
            "[fe80::1]:1",
            "[2001:db8::1]:1",
            "192.0.2.1:1",
            "127.0.0.1:1",
        ]
        .map(|a| a.parse().unwrap())
        .into();
        addresses.sort_by_key(dialing_order);
        let order: Vec<_> = addresses.iter().map(ToString::to_string).collect();
        assert_eq!(
            order,
            [
                "127.0.0.1:1",
                "192.0.2.1:1",
                "[2001:db8::1]:1",
                "[fe80::1]:1"
            ]
        );
    }
}
