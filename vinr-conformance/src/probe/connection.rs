//! One TLS connection to the terminal, and what became of it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::AlertDescription;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::exchange::{self, Exchange};
use super::http::Request;
use super::identity::Identity;
use super::{Probe, tls};
use crate::journal::{Event, Handshake, Journal, Side};

/// How long the suite waits for a connection and its handshake.
const OPEN_WITHIN: Duration = Duration::from_secs(5);

/// A connection, or what is left of the attempt to get one: every question to it is answered, at worst by
/// a lost exchange in the journal.
pub struct Connection {
    number: u64,
    probe: Probe,
    stream: Option<Stream>,
}

pub(super) type Stream = Box<TlsStream<TcpStream>>;

impl Connection {
    /// The suite's number for it.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The handshake ended well. Whether the terminal accepts the client's certificate is seen on the first
    /// read only, as always in TLS 1.3.
    pub fn is_open(&self) -> bool {
        self.stream.is_some()
    }

    /// Writes a request; its answer is read in the background.
    pub async fn send(self, request: Request) -> Exchange {
        exchange::start(self.probe, self.number, self.stream, request).await
    }

    /// Ends it.
    pub fn hang_up(mut self) {
        if let Some(stream) = self.stream.take() {
            closed(
                self.probe.journal(),
                self.number,
                &stream,
                Side::Suite,
                "hung up",
            );
        }
    }

    pub(super) fn resume(probe: Probe, number: u64, stream: Stream) -> Self {
        Self {
            number,
            probe,
            stream: Some(stream),
        }
    }
}

pub(super) async fn open(probe: &Probe, number: u64, identity: Option<&Identity>) -> Connection {
    let none = Connection {
        number,
        probe: probe.clone(),
        stream: None,
    };
    let Some(tcp) = dial(probe, number).await else {
        return none;
    };
    let mut handshake = Handshake {
        connection: number,
        presented: identity.map_or("none", Identity::name).to_owned(),
        ..Handshake::default()
    };
    let (config, seen) = match probe.trust.config(identity) {
        Ok(ready) => ready,
        Err(error) => {
            handshake.error = Some(error.to_string());
            probe
                .journal()
                .record(Event::Handshake(Box::new(handshake)));
            return none;
        }
    };
    let shaken = shake_hands(probe, config, tcp).await;
    let tls::Facts {
        asked,
        certificate,
        chain_error,
    } = seen.facts();
    handshake.asked = asked;
    handshake.certificate = certificate;
    handshake.chain_error = chain_error;
    let stream = match shaken {
        Ok(stream) => {
            let (_, session) = stream.get_ref();
            handshake.version = session
                .protocol_version()
                .map(|version| format!("{version:?}"));
            handshake.alpn = session
                .alpn_protocol()
                .map(|name| String::from_utf8_lossy(name).into_owned());
            Some(Box::new(stream))
        }
        Err(error) => {
            handshake.alert = alert(&error).map(|alert| format!("{alert:?}"));
            handshake.error = Some(error.to_string());
            None
        }
    };
    probe
        .journal()
        .record(Event::Handshake(Box::new(handshake)));
    Connection { stream, ..none }
}

/// Opens a TCP connection and journals it.
pub(super) async fn dial(probe: &Probe, number: u64) -> Option<TcpStream> {
    let dialled = timeout(OPEN_WITHIN, TcpStream::connect(probe.address())).await;
    let dialled = dialled.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
    probe.journal().record(Event::Dial {
        connection: number,
        address: probe.address().to_string(),
        error: dialled.as_ref().err().map(ToString::to_string),
    });
    let tcp = dialled.ok()?;
    // A till that wants to be quick does the same; without it Nagle is measured, not the terminal.
    let _ = tcp.set_nodelay(true);
    Some(tcp)
}

async fn shake_hands(
    probe: &Probe,
    config: rustls::ClientConfig,
    tcp: TcpStream,
) -> io::Result<TlsStream<TcpStream>> {
    let connector = TlsConnector::from(Arc::new(config));
    timeout(
        OPEN_WITHIN,
        connector.connect(probe.trust.name.clone(), tcp),
    )
    .await
    .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// The fatal alert that the terminal sent, if that is what ended a connection.
pub(super) fn alert(error: &io::Error) -> Option<AlertDescription> {
    match error.get_ref()?.downcast_ref::<rustls::Error>()? {
        rustls::Error::AlertReceived(alert) => Some(*alert),
        _ => None,
    }
}

/// Says in a few stable words how a read or write ended a connection.
pub(super) fn how(error: &io::Error) -> String {
    if let Some(alert) = alert(error) {
        return format!("alert: {alert:?}");
    }
    match error.kind() {
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => "reset".into(),
        io::ErrorKind::BrokenPipe => "reset while writing".into(),
        io::ErrorKind::UnexpectedEof => "end of stream without close_notify".into(),
        _ => error.to_string(),
    }
}

pub(super) fn closed(journal: &Journal, number: u64, stream: &Stream, by: Side, how: &str) {
    journal.record(Event::Closed {
        connection: number,
        by,
        how: how.to_owned(),
        tickets: stream.get_ref().1.tls13_tickets_received(),
    });
}
