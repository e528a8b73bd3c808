//! Asks once, from a port of its own, and takes the direct answers (RFC 6762 §5.1 and §6.7).
//!
//! This is the quick half of a browse. A responder holds back every multicast record that it sent within
//! the last second, so the second till that asks in one second would hear nothing for a whole second, and
//! so would anybody who asks just after a terminal announced itself. A query that comes from another port
//! than 5353 is exempt: it is answered at once, to the asker alone. The other half, [`crate::listen`], is
//! for the networks where a firewall lets no such answer in.

use std::io;
use std::net::{IpAddr, SocketAddr, SocketAddrV6, UdpSocket};

use simple_dns::{CLASS, Packet, QCLASS, QTYPE, Question, TYPE};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tracing::{debug, trace};

use crate::answer::{self, service_name};
use crate::gather::Sighting;
use crate::interfaces::Interface;
use crate::multicast;

/// The largest multicast DNS message (RFC 6762 §17).
const PACKET_MAX: usize = 9000;

/// How many sightings wait for the browse to take them; more are dropped, as the network drops packets.
const WAITING_MAX: usize = 256;

/// A question that was asked; answers come until it is dropped.
pub(crate) struct Asking {
    answers: mpsc::Receiver<Sighting>,
    _readers: JoinSet<()>,
}

impl Asking {
    /// Asks on each of the interfaces; one that cannot multicast is passed over.
    pub(crate) fn start(interfaces: &[Interface]) -> Self {
        let (sender, answers) = mpsc::channel(WAITING_MAX);
        let mut readers = JoinSet::new();
        for interface in interfaces {
            match ask_on(*interface) {
                Ok((socket, query_id)) => {
                    readers.spawn(read_answers(socket, query_id, *interface, sender.clone()));
                }
                Err(error) => debug!(address = %interface.address, %error, "cannot ask here"),
            }
        }
        Self {
            answers,
            _readers: readers,
        }
    }

    /// The next answer; `None` when there was no interface to ask on.
    pub(crate) async fn next(&mut self) -> Option<Sighting> {
        self.answers.recv().await
    }
}

fn ask_on(interface: Interface) -> io::Result<(tokio::net::UdpSocket, u16)> {
    let (socket, group) = match interface.address {
        IpAddr::V4(v4) => {
            let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
            socket.set_multicast_if_v4(&v4)?;
            (
                socket,
                SocketAddr::from((multicast::GROUP_V4, multicast::PORT)),
            )
        }
        IpAddr::V6(_) => {
            let socket = Socket::new(Domain::IPV6, Type::DGRAM, Some(Protocol::UDP))?;
            socket.set_only_v6(true)?;
            socket.set_multicast_if_v6(interface.index)?;
            (
                socket,
                SocketAddrV6::new(multicast::GROUP_V6, multicast::PORT, 0, interface.index).into(),
            )
        }
    };
    let from = match interface.address {
        IpAddr::V4(v4) => SocketAddr::from((v4, 0)),
        IpAddr::V6(v6) => SocketAddrV6::new(v6, 0, 0, interface.index).into(),
    };
    socket.bind(&from.into())?;
    socket.set_nonblocking(true)?;
    let socket = UdpSocket::from(socket);
    // Answers repeat the id of the query; one number for each socket is enough to pass over strays.
    let query_id = socket.local_addr()?.port();
    socket.send_to(&query(query_id)?, group)?;
    Ok((tokio::net::UdpSocket::from_std(socket)?, query_id))
}

fn query(id: u16) -> io::Result<Vec<u8>> {
    let mut packet = Packet::new_query(id);
    let class = QCLASS::CLASS(CLASS::IN);
    packet.questions.push(Question::new(
        service_name(),
        QTYPE::TYPE(TYPE::PTR),
        class,
        false,
    ));
    packet.build_bytes_vec().map_err(io::Error::other)
}

async fn read_answers(
    socket: tokio::net::UdpSocket,
    query_id: u16,
    interface: Interface,
    sender: mpsc::Sender<Sighting>,
) {
    let mut buffer = vec![0; PACKET_MAX];
    loop {
        // An ICMP error of an earlier packet surfaces here and says nothing about the next.
        let Ok((length, from)) = socket.recv_from(&mut buffer).await else {
            continue;
        };
        let bytes = &buffer[..length];
        if from.port() != multicast::PORT || bytes.get(..2) != Some(&query_id.to_be_bytes()) {
            continue;
        }
        for sighting in answer::sightings(bytes, interface.heard_on()) {
            trace!(instance = sighting.instance, %from, "answered directly");
            if let Err(mpsc::error::TrySendError::Closed(_)) = sender.try_send(sighting) {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interfaces::Interfaces;
    use crate::{Advert, Announcement};
    use std::time::Duration;
    use vinr_protocol::TerminalId;
    use vinr_protocol::device::Model;
    use vinr_protocol::reader::{Activity, ReaderStatus};

    /// A guard against hanging, far above what an answer takes.
    const LONG: Duration = Duration::from_secs(10);

    async fn first_answer(instance: &str) {
        let interfaces = Interfaces::Loopback.list().unwrap();
        let mut asking = Asking::start(&interfaces);
        let answers = async {
            while asking
                .next()
                .await
                .expect("loopback can multicast")
                .instance
                != instance
            {}
        };
        tokio::time::timeout(LONG, answers)
            .await
            .expect("no direct answer");
    }

    #[tokio::test]
    async fn everybody_who_asks_is_answered_directly_however_soon_after_another() {
        let interfaces = Interfaces::Loopback.list().unwrap();
        if let Err(error) = crate::multicast::probe(&interfaces) {
            return crate::skip::skip(&error.to_string(), crate::skip::MULTICAST);
        }
        let id = format!("term_ask_{}", std::process::id());
        let announcement = Announcement::start(Advert {
            terminal: TerminalId::new(&id).unwrap(),
            model: Model::Simulator,
            status: ReaderStatus::Online,
            activity: Activity::Idle,
            listens_on: "127.0.0.1:8443".parse().unwrap(),
        });
        let announcement = announcement.await.unwrap();
        announcement.announced().await;
        first_answer(&id).await;
        first_answer(&id).await;
    }
}
