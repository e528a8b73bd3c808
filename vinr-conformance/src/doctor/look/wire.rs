//! A stream that keeps the first bytes of a stranger, and bytes said to strangers in the clear.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::dial::dial;

/// How much is kept.
const KEPT: usize = 96;

/// The first bytes that were read.
#[derive(Clone, Default)]
pub(super) struct First(Arc<Mutex<Vec<u8>>>);

impl First {
    pub(super) fn bytes(&self) -> Vec<u8> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn keep(&self, bytes: &[u8]) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = KEPT - kept.len();
        kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }
}

pub(super) struct Overheard {
    tcp: TcpStream,
    first: First,
}

impl Overheard {
    pub(super) fn new(tcp: TcpStream) -> (Self, First) {
        let first = First::default();
        let kept = first.clone();
        (Self { tcp, first }, kept)
    }
}

impl AsyncRead for Overheard {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let outcome = ready!(Pin::new(&mut this.tcp).poll_read(cx, buffer));
        this.first.keep(&buffer.filled()[before..]);
        Poll::Ready(outcome)
    }
}

impl AsyncWrite for Overheard {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().tcp).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().tcp).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().tcp).poll_shutdown(cx)
    }
}

/// Says these bytes on a connection of its own and returns the beginning of what comes back.
pub(super) async fn say(address: SocketAddr, bytes: &[u8], within: Duration) -> Vec<u8> {
    let (_, Some(mut tcp)) = dial(address, within).await else {
        return Vec::new();
    };
    let mut received = vec![0; KEPT];
    let talked = timeout(within, async {
        tcp.write_all(bytes).await?;
        tcp.read(&mut received).await
    });
    match talked.await {
        Ok(Ok(count)) => received.truncate(count),
        _ => received.clear(),
    }
    received
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_stranger_96_bytes_are_kept() {
        let first = First::default();
        first.keep(&[1; 60]);
        first.keep(&[2; 60]);
        first.keep(&[3; 60]);
        assert_eq!(first.bytes(), [vec![1; 60], vec![2; 36]].concat());
    }
}
