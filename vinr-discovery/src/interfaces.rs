//! Which network interfaces discovery uses, and what an address heard on one of them is worth.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV6};

/// The interfaces that a browse asks on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Interfaces {
    /// Every interface of this machine, loopback included.
    #[default]
    All,
    /// Only 127.0.0.1: nothing leaves this machine, so it finds simulators only.
    Loopback,
}

/// One interface that multicast may work on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Interface {
    pub(crate) index: u32,
    pub(crate) address: IpAddr,
}

impl Interfaces {
    /// The interfaces of this machine that are meant, one entry for each of their addresses.
    pub(crate) fn list(self) -> io::Result<Vec<Interface>> {
        let all = if_addrs::get_if_addrs()?;
        Ok(all
            .into_iter()
            .filter(|i| self == Interfaces::All || i.ip() == IpAddr::V4(Ipv4Addr::LOCALHOST))
            .filter_map(|i| {
                Some(Interface {
                    index: i.index?,
                    address: i.ip(),
                })
            })
            .collect())
    }
}

/// How an address was heard: by the way its bytes came in, not by what they claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HeardOn {
    /// From this very machine.
    Loopback,
    /// From a network behind the interface of this index.
    Network(u32),
}

impl Interface {
    pub(crate) fn heard_on(self) -> HeardOn {
        if self.address.is_loopback() {
            HeardOn::Loopback
        } else {
            HeardOn::Network(self.index)
        }
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
pub(crate) fn dialing_order(address: &SocketAddr) -> (u8, SocketAddr) {
    let rank = match address.ip() {
        ip if ip.is_loopback() => 0,
        IpAddr::V4(_) => 1,
        IpAddr::V6(v6) if v6.is_unicast_link_local() => 3,
        IpAddr::V6(_) => 2,
    };
    (rank, *address)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(ip: &str, on: HeardOn) -> Option<String> {
        dialable(ip.parse().unwrap(), 8443, on).map(|a| a.to_string())
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
