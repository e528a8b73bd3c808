//! Finds out early whether multicast works here at all, so that an empty result is never a mystery.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use socket2::{Domain, Protocol, Socket, Type};

use crate::ask::{GROUP_V4, MDNS_PORT};
use crate::interfaces::Interface;

/// Succeeds when the multicast port can be shared and its group joined on one of the interfaces.
///
/// `mdns-sd` opens its sockets in a thread of its own and says nothing when it cannot.
pub(crate) fn probe(interfaces: &[Interface]) -> io::Result<()> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_reuse_address(true)?;
    #[cfg(unix)]
    socket.set_reuse_port(true)?;
    let port = SocketAddr::from((Ipv4Addr::UNSPECIFIED, MDNS_PORT));
    socket
        .bind(&port.into())
        .map_err(|e| in_words(e, "UDP port 5353 is not to be had"))?;
    let mut last = io::Error::new(io::ErrorKind::NotFound, "no IPv4 interface is up");
    for interface in interfaces {
        let IpAddr::V4(v4) = interface.address else {
            continue;
        };
        match socket.join_multicast_v4(&GROUP_V4, &v4) {
            Ok(()) => return Ok(()),
            Err(error) => {
                last = in_words(error, "the multicast group 224.0.0.251 cannot be joined")
            }
        }
    }
    Err(last)
}

fn in_words(error: io::Error, what: &str) -> io::Error {
    io::Error::new(error.kind(), format!("{what} ({error})"))
}
