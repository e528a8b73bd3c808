//! Listens for mDNS questions: whoever asks by multicast is heard.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

use crate::journal::{Event, Journal, TillEvent};

const GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);
const PORT: u16 = 5353;

/// How long is listened before the till is asked for anything: whoever asks by then is somebody else.
pub(crate) const OTHERS: Duration = Duration::from_millis(700);

/// Listens until it is dropped.
pub(crate) struct Ear(JoinHandle<()>);

impl Ear {
    /// Opens it on every interface; the error says why nobody can listen here.
    pub(crate) fn open(journal: Journal) -> Result<Self, String> {
        let socket = socket().map_err(|error| format!("nobody can listen for mDNS: {error}"))?;
        journal.record(Event::Till(TillEvent::Listening));
        Ok(Self(tokio::spawn(listen(socket, journal))))
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn socket() -> std::io::Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_reuse_address(true)?;
    #[cfg(unix)]
    socket.set_reuse_port(true)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::UNSPECIFIED, PORT)).into())?;
    let mut joined = socket
        .join_multicast_v4(&GROUP, &Ipv4Addr::LOCALHOST)
        .is_ok();
    for interface in if_addrs::get_if_addrs()? {
        if let std::net::IpAddr::V4(ip) = interface.ip() {
            joined |= socket.join_multicast_v4(&GROUP, &ip).is_ok();
        }
    }
    if !joined {
        return Err(std::io::Error::other("no interface takes multicast"));
    }
    socket.set_nonblocking(true)?;
    UdpSocket::from_std(socket.into())
}

async fn listen(socket: UdpSocket, journal: Journal) {
    let mut packet = [0; 9000];
    while let Ok((length, from)) = socket.recv_from(&mut packet).await {
        let names = questions(&packet[..length]);
        if !names.is_empty() {
            journal.record(Event::Till(TillEvent::Queried {
                from: from.to_string(),
                names,
            }));
        }
    }
}

/// The names that are asked for; none in an answer, or in whatever is no DNS.
fn questions(packet: &[u8]) -> Vec<String> {
    let Some((header, mut rest)) = packet.split_at_checked(12) else {
        return Vec::new();
    };
    let is_answer = header[2] & 0x80 != 0;
    let count = u16::from_be_bytes([header[4], header[5]]);
    let mut names = Vec::new();
    for _ in 0..count {
        if is_answer {
            break;
        }
        let Some((name, after)) = name(packet, rest) else {
            break;
        };
        let Some((_, after)) = after.split_at_checked(4) else {
            break;
        };
        names.push(name);
        rest = after;
    }
    names
}

/// The name at the beginning of `rest`, and what follows it.
fn name<'a>(packet: &'a [u8], rest: &'a [u8]) -> Option<(String, &'a [u8])> {
    let (mut text, mut rest, mut after) = (String::new(), rest, None);
    // A pointer may lead in a circle.
    for _ in 0..128 {
        let (length, labels) = rest.split_first()?;
        match *length {
            0 => return Some((text, after.unwrap_or(labels))),
            pointer if pointer & 0xc0 == 0xc0 => {
                let (low, behind) = labels.split_first()?;
                after.get_or_insert(behind);
                let at = usize::from(pointer & 0x3f) << 8 | usize::from(*low);
                rest = packet.get(at..)?;
            }
            length => {
                let (label, behind) = labels.split_at_checked(usize::from(length))?;
                text.push_str(&String::from_utf8_lossy(label));
                text.push('.');
                rest = behind;
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::questions;

    fn asking(flags: u8) -> Vec<u8> {
        let mut packet = vec![0, 0, flags, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        for label in ["_vinr-terminal", "_tcp", "local"] {
            packet.push(label.len() as u8);
            packet.extend(label.bytes());
        }
        packet.extend([0, 0, 12, 0, 1]);
        packet
    }

    #[test]
    fn a_question_is_read_and_an_answer_is_not_one() {
        assert_eq!(questions(&asking(0)), ["_vinr-terminal._tcp.local."]);
        assert!(questions(&asking(0x84)).is_empty());
    }

    #[test]
    fn whatever_is_cut_short_or_leads_in_a_circle_asks_nothing() {
        let whole = asking(0);
        for length in 0..whole.len() {
            assert!(questions(&whole[..length]).is_empty(), "{length}");
        }
        let circle = [0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xc0, 12, 0, 12, 0, 1];
        assert!(questions(&circle).is_empty());
    }
}
