//! Reads a ClientHello as it came: what a till offers before it trusts anybody. \[TLS-13\]

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::journal::Hello;

/// How much of a connection's beginning is kept.
const KEPT: usize = 16 * 1024;

/// A socket whose first bytes are kept.
pub(super) struct Tap {
    pub(super) tcp: TcpStream,
    first: Arc<Mutex<Vec<u8>>>,
}

/// The first bytes of a connection.
#[derive(Clone)]
pub(super) struct First(Arc<Mutex<Vec<u8>>>);

impl Tap {
    pub(super) fn new(tcp: TcpStream) -> (Self, First) {
        let first = Arc::new(Mutex::default());
        let tap = Self {
            tcp,
            first: first.clone(),
        };
        (tap, First(first))
    }
}

impl First {
    pub(super) fn bytes(&self) -> Vec<u8> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl AsyncRead for Tap {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.tcp).poll_read(context, buffer);
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        let room = KEPT.saturating_sub(first.len());
        let new = &buffer.filled()[before..];
        first.extend_from_slice(&new[..new.len().min(room)]);
        drop(first);
        polled
    }
}

impl AsyncWrite for Tap {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.tcp).poll_write(context, bytes)
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(context)
    }

    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(context)
    }
}

/// Reads the ClientHello that a connection begins with; `None` where it begins with something else, or is cut short.
pub(super) fn read(bytes: &[u8]) -> Option<Hello> {
    let mut handshake = Vec::new();
    let mut rest = bytes;
    // One hello may come in several records.
    while let [22, _, _, high, low, after @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let record = after.get(..length.min(after.len()))?;
        handshake.extend_from_slice(record);
        rest = after.get(length..).unwrap_or_default();
    }
    let mut hello = Reader(&handshake);
    if hello.take(1)? != [1] {
        return None;
    }
    let length = hello.take(3)?;
    let length =
        usize::from(length[0]) << 16 | usize::from(length[1]) << 8 | usize::from(length[2]);
    let mut hello = Reader(hello.take(length)?);
    let legacy = number(hello.take(2)?);
    hello.take(32)?;
    hello.prefixed(1)?;
    hello.prefixed(2)?;
    hello.prefixed(1)?;
    let mut extensions = Reader(hello.prefixed(2)?);
    let mut seen = Hello::default();
    while !extensions.0.is_empty() {
        let kind = number(extensions.take(2)?);
        let mut content = Reader(extensions.prefixed(2)?);
        match kind {
            16 => {
                let mut names = Reader(content.prefixed(2)?);
                while !names.0.is_empty() {
                    let name = String::from_utf8_lossy(names.prefixed(1)?).into_owned();
                    seen.alpn.push(name);
                }
            }
            41 => seen.resumes = true,
            42 => seen.early_data = true,
            43 => {
                let versions = content.prefixed(1)?;
                let lawful = |version: &u16| version & 0x0f0f != 0x0a0a;
                seen.versions = versions
                    .chunks(2)
                    .map(number)
                    .filter(lawful)
                    .map(version)
                    .collect();
            }
            _ => {}
        }
    }
    if seen.versions.is_empty() {
        seen.versions.push(version(legacy));
    }
    Some(seen)
}

fn version(number: u16) -> String {
    match number {
        0x0304 => "TLSv1_3".into(),
        0x0303 => "TLSv1_2".into(),
        0x0302 => "TLSv1_1".into(),
        0x0301 => "TLSv1_0".into(),
        other => format!("{other:#06x}"),
    }
}

fn number(bytes: &[u8]) -> u16 {
    bytes
        .iter()
        .fold(0, |number, byte| number << 8 | u16::from(*byte))
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    /// What a length of so many bytes stands before.
    fn prefixed(&mut self, width: usize) -> Option<&'a [u8]> {
        let length = self.take(width)?;
        let length = length
            .iter()
            .fold(0, |length, byte| length << 8 | usize::from(*byte));
        self.take(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello(extensions: &[u8]) -> Vec<u8> {
        let mut body = vec![3, 3];
        body.extend([7; 32]);
        body.extend([0, 0, 2, 0x13, 0x01, 1, 0]);
        body.extend((extensions.len() as u16).to_be_bytes());
        body.extend(extensions);
        let mut handshake = vec![1, 0, 0, body.len() as u8];
        handshake.extend(&body);
        let mut record = vec![22, 3, 1];
        record.extend((handshake.len() as u16).to_be_bytes());
        record.extend(handshake);
        record
    }

    #[test]
    fn the_offered_versions_and_protocols_are_read() {
        let bytes = hello(&[0, 43, 0, 3, 2, 3, 4, 0, 16, 0, 5, 0, 3, 2, b'h', b'2']);
        let seen = read(&bytes).expect("a hello");
        assert_eq!(seen.versions, ["TLSv1_3"]);
        assert_eq!(seen.alpn, ["h2"]);
        assert!(!seen.resumes && !seen.early_data);
    }

    #[test]
    fn without_the_extension_the_old_version_counts() {
        assert_eq!(read(&hello(&[])).expect("a hello").versions, ["TLSv1_2"]);
    }

    #[test]
    fn a_resumption_and_early_data_are_seen() {
        let seen = read(&hello(&[0, 42, 0, 0, 0, 41, 0, 1, 0])).expect("a hello");
        assert!(seen.resumes && seen.early_data);
    }

    #[test]
    fn whatever_is_cut_short_or_something_else_is_no_hello() {
        let whole = hello(&[0, 43, 0, 3, 2, 3, 4]);
        for length in 0..whole.len() {
            assert_eq!(read(&whole[..length]), None, "{length}");
        }
        assert_eq!(read(b"POST /v1/pay HTTP/1.1\r\n"), None);
    }
}
