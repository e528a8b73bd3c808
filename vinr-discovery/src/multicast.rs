//! The sockets of a search: on each interface one at the multicast port, and some with ports of their own.
//!
//! A responder holds back every multicast record that it sent within the last second (RFC 6762 §6), so the
//! second till that asks in one second would hear nothing for a whole second, and so would anybody who asks
//! just after a terminal announced itself. A query that comes from another port than 5353 is exempt: it is
//! answered at once, to the asker alone (§6.7). The multicast port is for all that follows, and for the
//! networks where a firewall lets no direct answer in.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, UdpSocket};

use socket2::{Domain, Protocol, Socket, Type};

use crate::interfaces::Interface;
use crate::query::{Query, Voice};

/// The multicast DNS port.
pub(crate) const PORT: u16 = 5353;

/// The multicast DNS groups.
pub(crate) const GROUP_V4: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);
pub(crate) const GROUP_V6: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0xfb);

/// From how many addresses of one interface is asked.
const ASK_FROM_MAX: usize = 4;

/// How many bytes may wait to be read, where the system allows that: the first answers come all at once.
const RECEIVE_BUFFER: usize = 1 << 20;

/// The sockets of one interface that could be opened.
pub(crate) struct Sockets {
    interface: Interface,
    shared: Vec<(UdpSocket, SocketAddr)>,
    own: Vec<(UdpSocket, SocketAddr)>,
    failed: Option<io::Error>,
}

impl Sockets {
    pub(crate) fn open(interface: &Interface) -> Self {
        let mut sockets = Self {
            interface: interface.clone(),
            shared: Vec::new(),
            own: Vec::new(),
            failed: None,
        };
        let group_v4 = SocketAddr::from((GROUP_V4, PORT));
        let group_v6 = SocketAddrV6::new(GROUP_V6, PORT, 0, interface.index).into();
        if let Some(v4) = interface.v4().next() {
            sockets.keep(shared_v4(v4), group_v4, |s| &mut s.shared);
        }
        for v4 in interface.v4().take(ASK_FROM_MAX) {
            sockets.keep(own_v4(v4), group_v4, |s| &mut s.own);
        }
        if interface.has_v6() {
            sockets.keep(shared_v6(interface.index), group_v6, |s| &mut s.shared);
            sockets.keep(own_v6(interface.index), group_v6, |s| &mut s.own);
        }
        sockets
    }

    pub(crate) fn interface(&self) -> &Interface {
        &self.interface
    }

    /// Those that hear what is said to everybody.
    pub(crate) fn shared(&self) -> impl Iterator<Item = &UdpSocket> {
        self.shared.iter().map(|(socket, _)| socket)
    }

    /// Those that hear the direct answers.
    pub(crate) fn own(&self) -> impl Iterator<Item = &UdpSocket> {
        self.own.iter().map(|(socket, _)| socket)
    }

    /// Sends a query; an error when it went out nowhere.
    pub(crate) fn send(&self, query: &Query) -> io::Result<()> {
        let mut result = Err(None);
        let mut note = |sent: io::Result<usize>| match sent {
            Ok(_) => result = Ok(()),
            // The queue is full: the network loses packets, too.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => result = Ok(()),
            Err(error) => {
                if let Err(first) = &mut result {
                    first.get_or_insert(error);
                }
            }
        };
        if query.voice != Voice::Multicast {
            for (socket, group) in &self.own {
                note(
                    query_id(socket)
                        .and_then(|id| socket.send_to(&query.direct_message(id), group)),
                );
            }
        }
        if query.voice != Voice::Direct {
            let messages = query.multicast_messages(self.interface.heard_on());
            for (socket, group) in &self.shared {
                for message in &messages {
                    note(socket.send_to(message, group));
                }
            }
        }
        result.map_err(|error| {
            let of_opening = self.failed.as_ref().map(again);
            error
                .or(of_opening)
                .unwrap_or_else(|| io::ErrorKind::AddrNotAvailable.into())
        })
    }

    /// Why the multicast port cannot be used here, if it cannot.
    pub(crate) fn deaf(&self) -> Option<io::Error> {
        match self.shared.is_empty() {
            true => self.failed.as_ref().map(again),
            false => None,
        }
    }

    fn keep(
        &mut self,
        opened: io::Result<UdpSocket>,
        group: SocketAddr,
        place: impl Fn(&mut Self) -> &mut Vec<(UdpSocket, SocketAddr)>,
    ) {
        match opened {
            Ok(socket) => place(self).push((socket, group)),
            Err(error) => {
                tracing::debug!(interface = self.interface.name, %error, "no socket");
                self.failed.get_or_insert(error);
            }
        }
    }
}

/// What the direct answers to a socket repeat: one number for each is enough to pass over strays.
pub(crate) fn query_id(socket: &UdpSocket) -> io::Result<u16> {
    Ok(socket.local_addr()?.port())
}

/// Succeeds when the multicast port can be shared and its group joined on one of the interfaces.
///
/// `mdns-sd`, which announces, opens its sockets in a thread of its own and says nothing when it cannot.
pub(crate) fn probe<'a>(interfaces: impl IntoIterator<Item = &'a Interface>) -> io::Result<()> {
    let mut result = Err(io::ErrorKind::NotFound.into());
    for interface in interfaces {
        let v4 = interface.v4().next().map(shared_v4);
        let v6 = || interface.has_v6().then(|| shared_v6(interface.index));
        match v4.or_else(v6) {
            Some(Ok(_)) => return Ok(()),
            Some(Err(error)) => result = Err(error),
            None => {}
        }
    }
    result
}

fn shared_v4(interface: Ipv4Addr) -> io::Result<UdpSocket> {
    let socket = shared(Domain::IPV4)?;
    socket.set_multicast_ttl_v4(255)?;
    socket.set_multicast_if_v4(&interface)?;
    // Linux hands a socket what arrives for any group that anybody joined on any interface, unless told not to.
    #[cfg(target_os = "linux")]
    socket.set_multicast_all_v4(false)?;
    socket.bind(&SocketAddr::new(here(GROUP_V4.into()), PORT).into())?;
    socket.join_multicast_v4(&GROUP_V4, &interface)?;
    finish(socket)
}

fn shared_v6(index: u32) -> io::Result<UdpSocket> {
    let socket = shared(Domain::IPV6)?;
    socket.set_only_v6(true)?;
    socket.set_multicast_hops_v6(255)?;
    socket.set_multicast_if_v6(index)?;
    #[cfg(target_os = "linux")]
    socket.set_multicast_all_v6(false)?;
    let place = match here(GROUP_V6.into()) {
        IpAddr::V6(v6) => SocketAddrV6::new(v6, PORT, 0, index).into(),
        v4 => SocketAddr::new(v4, PORT),
    };
    socket.bind(&place.into())?;
    socket.join_multicast_v6(&GROUP_V6, index)?;
    finish(socket)
}

fn own_v4(from: Ipv4Addr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_multicast_ttl_v4(255)?;
    socket.set_multicast_if_v4(&from)?;
    socket.bind(&SocketAddr::from((from, 0)).into())?;
    finish(socket)
}

fn own_v6(index: u32) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV6, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_only_v6(true)?;
    socket.set_multicast_hops_v6(255)?;
    socket.set_multicast_if_v6(index)?;
    socket.bind(&SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)).into())?;
    finish(socket)
}

fn shared(domain: Domain) -> io::Result<Socket> {
    let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_reuse_address(true)?;
    // Linux shares the port without it, and with it hands what came in on one interface to the socket of
    // another: where one socket alone wants a packet, any of its port's group may be chosen to have it.
    #[cfg(all(unix, not(target_os = "linux")))]
    socket.set_reuse_port(true)?;
    Ok(socket)
}

/// Bound to the group a socket takes no answer away that was meant for another program on this port; elsewhere
/// than on Linux that is not to be had.
fn here(group: IpAddr) -> IpAddr {
    match group {
        group if cfg!(target_os = "linux") => group,
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    }
}

fn finish(socket: Socket) -> io::Result<UdpSocket> {
    // As much as the system gives.
    let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER);
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// The same error once more: one cannot be copied.
fn again(error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => error.kind().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blocked::Blocked;

    #[test]
    fn without_an_interface_nothing_is_found() {
        let error = probe(&[]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn an_address_that_is_not_ours_cannot_join() {
        let stranger = Interface {
            name: "stranger".into(),
            index: 1,
            addresses: vec![(IpAddr::from([203, 0, 113, 254]), 24)],
        };
        let error = probe(&[stranger]).unwrap_err();
        assert_eq!(Blocked::from(&error), Blocked::NoRoute, "{error}");
    }
}
