//! Finds out early whether multicast works here at all, so that an empty result is never a mystery.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use socket2::{Domain, Protocol, Socket, Type};

use crate::interfaces::Interface;

/// The multicast DNS port.
pub(crate) const PORT: u16 = 5353;

/// The multicast DNS groups.
pub(crate) const GROUP_V4: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);
pub(crate) const GROUP_V6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0xfb);

/// Succeeds when the multicast port can be shared and its group joined on one of the interfaces.
///
/// `mdns-sd` opens its sockets in a thread of its own and says nothing when it cannot.
pub(crate) fn probe(interfaces: &[Interface]) -> io::Result<()> {
    let nothing = io::Error::new(io::ErrorKind::NotFound, "no network interface is up");
    let mut result = Err(nothing);
    for interface in interfaces {
        result = join(*interface);
        if result.is_ok() {
            break;
        }
    }
    result
}

fn join(interface: Interface) -> io::Result<()> {
    let (domain, any) = match interface.address {
        IpAddr::V4(_) => (Domain::IPV4, IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
        IpAddr::V6(_) => (Domain::IPV6, IpAddr::V6(Ipv6Addr::UNSPECIFIED)),
    };
    let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_reuse_address(true)?;
    #[cfg(unix)]
    socket.set_reuse_port(true)?;
    if domain == Domain::IPV6 {
        socket.set_only_v6(true)?;
    }
    socket
        .bind(&SocketAddr::new(any, PORT).into())
        .map_err(|e| in_words(e, "UDP port 5353 cannot be shared"))?;
    match interface.address {
        IpAddr::V4(v4) => socket.join_multicast_v4(&GROUP_V4, &v4),
        IpAddr::V6(_) => socket.join_multicast_v6(&GROUP_V6, interface.index),
    }
    .map_err(|e| in_words(e, "the multicast group cannot be joined"))
}

fn in_words(error: io::Error, what: &str) -> io::Error {
    io::Error::new(error.kind(), format!("{what} ({error})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_an_interface_it_says_so() {
        assert_eq!(
            probe(&[]).unwrap_err().to_string(),
            "no network interface is up"
        );
    }

    #[test]
    fn an_address_that_is_not_ours_cannot_join() {
        let stranger = Interface {
            index: 1,
            address: IpAddr::from([203, 0, 113, 254]),
        };
        let error = probe(&[stranger]).unwrap_err().to_string();
        assert!(
            error.starts_with("the multicast group cannot be joined"),
            "{error}"
        );
    }
}
