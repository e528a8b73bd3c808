//! Records on a socket, and what a server says in the clear.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// The random of a HelloRetryRequest (RFC 8446 §4.1.3).
const RETRY: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

pub(crate) fn record(kind: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    [&[kind, 3, 1][..], &length, content].concat()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Alert {
    pub(crate) level: u8,
    pub(crate) description: u8,
}

/// What a server says next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Said {
    Hello(ServerHello),
    Alert(Alert),
    ChangeCipherSpec,
    /// Another record, by its kind.
    Other(u8),
    /// Not TLS.
    Foreign(Vec<u8>),
    Closed,
    Nothing,
}

/// A ServerHello or a HelloRetryRequest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServerHello {
    pub(crate) is_retry: bool,
    pub(crate) suite: u16,
    /// From supported_versions.
    pub(crate) version: Option<u16>,
    /// From key_share.
    pub(crate) group: Option<u16>,
    pub(crate) takes_psk: bool,
}

impl Said {
    pub(crate) fn server_hello(self) -> ServerHello {
        match self {
            Self::Hello(hello) => hello,
            other => panic!("not a hello: {other:?}"),
        }
    }
}

/// A socket to a server.
pub(crate) struct Wire {
    pub(crate) tcp: TcpStream,
}

impl Wire {
    pub(crate) fn dial(addr: SocketAddr) -> Self {
        let tcp = TcpStream::connect(addr).unwrap();
        tcp.set_nodelay(true).unwrap();
        tcp.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        tcp.set_write_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        Self { tcp }
    }

    /// A server may have closed already: what it said is still to be read.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        let _ = self.tcp.write_all(bytes);
    }

    /// The next record.
    pub(crate) fn next(&mut self) -> Said {
        let mut header = [0; 5];
        match self.tcp.read_exact(&mut header) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return Said::Nothing,
            Err(_) => return Said::Closed,
        }
        let [kind, 3, _, high, low] = header else {
            return Said::Foreign(header.to_vec());
        };
        let mut content = vec![0; usize::from(u16::from_be_bytes([high, low]))];
        if self.tcp.read_exact(&mut content).is_err() {
            return Said::Closed;
        }
        match (kind, content.as_slice()) {
            (20, _) => Said::ChangeCipherSpec,
            (21, &[level, description]) => Said::Alert(Alert { level, description }),
            (22, [2, ..]) => Said::Hello(server_hello(&content)),
            _ => Said::Other(kind),
        }
    }

    /// Repeats these bytes; has the server closed, or refused with an alert, before so many of them?
    pub(crate) fn takes_less_than(&mut self, limit: usize, bytes: &[u8]) -> bool {
        let mut sent = 0;
        while sent < limit && !bytes.is_empty() {
            if self.tcp.write_all(bytes).is_err() {
                return true;
            }
            sent += bytes.len();
        }
        // It may have closed while the rest was on its way; what it takes in silence, it takes.
        let _ = self.tcp.set_read_timeout(Some(Duration::from_secs(3)));
        loop {
            match self.next() {
                Said::Alert(Alert { level: 2, .. }) | Said::Closed => return true,
                Said::Nothing | Said::Foreign(_) => return false,
                Said::Hello(_) | Said::ChangeCipherSpec | Said::Other(_) | Said::Alert(_) => {}
            }
        }
    }
}

fn server_hello(message: &[u8]) -> ServerHello {
    let mut read = Reader(&message[4..]);
    read.take(2);
    let is_retry = read.take(32) == RETRY;
    let session = read.u8();
    read.take(usize::from(session));
    let mut hello = ServerHello {
        is_retry,
        suite: read.u16(),
        version: None,
        group: None,
        takes_psk: false,
    };
    read.take(3);
    while !read.0.is_empty() {
        let (kind, length) = (read.u16(), read.u16());
        let mut content = Reader(read.take(usize::from(length)));
        match kind {
            41 => hello.takes_psk = true,
            43 => hello.version = Some(content.u16()),
            51 => hello.group = Some(content.u16()),
            _ => {}
        }
    }
    hello
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count);
        self.0 = rest;
        taken
    }

    fn u8(&mut self) -> u8 {
        self.take(1)[0]
    }

    fn u16(&mut self) -> u16 {
        u16::from_be_bytes(self.take(2).try_into().unwrap())
    }
}
