//! HTTP/1.1 written by hand over blocking rustls, both ends: what can be reached where HTTP and JSON are spoken. It reads
//! what its own kind and well-behaved clients send, no more, so it is a yardstick and no terminal.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::ops::Range;
use std::sync::Arc;
use std::thread;

use rustls::{ClientConfig, ClientConnection, ServerConfig, ServerConnection, StreamOwned};
use rustls_pki_types::ServerName;
use vinr_protocol::TerminalId;
use vinr_simulator::provision::Pki;

use crate::counter;
use crate::floor::{client_config, server_config};

/// Listens on a free port of the loopback, and completes every payment at once. A thread for each connection.
pub fn serve(pki: &Pki, terminal: &TerminalId) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    let (config, terminal) = (server_config(pki, terminal)?, terminal.clone());
    thread::spawn(move || {
        for tcp in listener.incoming().flatten() {
            let (config, terminal) = (config.clone(), terminal.clone());
            // A client that hangs up ends its thread.
            thread::spawn(move || answer(tcp, config, &terminal));
        }
    });
    Ok(address)
}

fn answer(tcp: TcpStream, config: Arc<ServerConfig>, terminal: &TerminalId) -> io::Result<()> {
    tcp.set_nodelay(true)?;
    let tls = ServerConnection::new(config).map_err(io::Error::other)?;
    let mut stream = StreamOwned::new(tls, tcp);
    let mut read = Vec::new();
    loop {
        let Message { head, body } = Message::read(&mut stream, &mut read)?;
        let (head, body) = (text(&read[head])?, &read[body]);
        let answer = match head.starts_with("GET /v1/reader") {
            true => counter::reader(terminal),
            false => {
                let key = header(head, "idempotency-key").unwrap_or_default();
                counter::payment(terminal, key, body).ok_or_else(not_ours)?
            }
        };
        let whole = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
             x-vinr-request-id: req_01JD0000000000000000000000\r\ncache-control: no-store\r\n\r\n{answer}",
            answer.len()
        );
        stream.write_all(whole.as_bytes())?;
        stream.flush()?;
    }
}

/// Dials.
#[derive(Debug, Clone)]
pub struct Dialler {
    to: SocketAddr,
    terminal: TerminalId,
    config: Arc<ClientConfig>,
}

/// A connection, on which one payment after another is asked for.
#[derive(Debug)]
pub struct Line {
    stream: StreamOwned<ClientConnection, TcpStream>,
    terminal: TerminalId,
    read: Vec<u8>,
}

impl Dialler {
    /// To a terminal at this address.
    pub fn new(pki: &Pki, terminal: &TerminalId, to: SocketAddr) -> io::Result<Self> {
        let (terminal, config) = (terminal.clone(), client_config(pki)?);
        Ok(Self {
            to,
            terminal,
            config,
        })
    }

    /// Connects; the handshake goes with the first payment.
    pub fn dial(&self) -> io::Result<Line> {
        let tcp = TcpStream::connect(self.to)?;
        tcp.set_nodelay(true)?;
        let name = ServerName::try_from(self.terminal.to_string()).map_err(io::Error::other)?;
        let tls = ClientConnection::new(self.config.clone(), name).map_err(io::Error::other)?;
        Ok(Line {
            stream: StreamOwned::new(tls, tcp),
            terminal: self.terminal.clone(),
            read: Vec::new(),
        })
    }
}

impl Line {
    /// Asks for a payment and returns with the head of the answer.
    pub fn ask(&mut self, reference: &str) -> io::Result<Head<'_>> {
        let terminal = &self.terminal;
        let body = format!(
            r#"{{"terminalId":"{terminal}","amount":2500,"currency":"USD","reference":"{reference}"}}"#
        );
        let message = format!(
            "POST /v1/pay HTTP/1.1\r\nhost: {terminal}\r\ncontent-type: application/json\r\n\
             idempotency-key: {reference}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        self.stream.write_all(message.as_bytes())?;
        self.stream.flush()?;
        let message = Message::read_head(&mut self.stream, &mut self.read)?;
        match self.read.starts_with(b"HTTP/1.1 200 ") {
            true => Ok(Head(self, message)),
            false => Err(not_ours()),
        }
    }
}

/// An answer that has begun.
#[derive(Debug)]
pub struct Head<'a>(&'a mut Line, Message);

impl Head<'_> {
    /// Its body.
    pub fn body(self) -> io::Result<Vec<u8>> {
        let Self(Line { stream, read, .. }, message) = self;
        message.read_body(stream, read)?;
        Ok(read[message.body].to_vec())
    }
}

/// Where a message is in what was read.
#[derive(Debug)]
struct Message {
    head: Range<usize>,
    body: Range<usize>,
}

impl Message {
    fn read(stream: &mut impl Read, read: &mut Vec<u8>) -> io::Result<Self> {
        let message = Self::read_head(stream, read)?;
        message.read_body(stream, read)?;
        Ok(message)
    }

    /// Nobody sends the next message before the answer to the last: what was read before is over.
    fn read_head(stream: &mut impl Read, read: &mut Vec<u8>) -> io::Result<Self> {
        read.clear();
        loop {
            more(stream, read)?;
            if let Some(end) = read.windows(4).position(|it| it == b"\r\n\r\n") {
                let length = header(text(&read[..end])?, "content-length");
                let length: usize = match length.map(str::parse) {
                    None => 0,
                    Some(length) => length.map_err(|_| not_ours())?,
                };
                let body = end + 4..end + 4 + length;
                return Ok(Self { head: 0..end, body });
            }
        }
    }

    fn read_body(&self, stream: &mut impl Read, read: &mut Vec<u8>) -> io::Result<()> {
        while read.len() < self.body.end {
            more(stream, read)?;
        }
        Ok(())
    }
}

fn more(stream: &mut impl Read, read: &mut Vec<u8>) -> io::Result<()> {
    let mut buffer = [0; 4096];
    match stream.read(&mut buffer)? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        more => {
            read.extend_from_slice(&buffer[..more]);
            Ok(())
        }
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.split("\r\n").skip(1).find_map(|line| {
        let (this, value) = line.split_once(':')?;
        this.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

fn text(bytes: &[u8]) -> io::Result<&str> {
    std::str::from_utf8(bytes).map_err(|_| not_ours())
}

fn not_ours() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "not what is spoken here")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_comes_in_pieces_is_read_whole() {
        struct Pieces(Vec<&'static [u8]>);
        impl Read for Pieces {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                let mut piece = self.0.remove(0);
                piece.read(buffer)
            }
        }
        let mut pieces = Pieces(vec![
            b"HTTP/1.1 200 OK\r\nContent-",
            b"Length: 4\r\n\r",
            b"\nab",
            b"cd",
        ]);
        let mut read = Vec::new();
        let message = Message::read(&mut pieces, &mut read).expect("it is whole");
        assert_eq!(&read[message.body], b"abcd");
    }
}
