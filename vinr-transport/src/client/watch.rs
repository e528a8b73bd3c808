//! A stream that remembers two facts about what it read: whether any byte of an answer came, and which
//! alert ended it. hyper keeps neither.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::error::{Alert, find_tls};

/// What was seen on a connection.
#[derive(Debug, Default)]
pub(super) struct Seen {
    answered: AtomicBool,
    alert: OnceLock<Alert>,
}

impl Seen {
    /// The alert that ended the connection, if no byte of an answer came before it.
    pub(super) fn alert_before_any_answer(&self) -> Option<Alert> {
        let answered = self.answered.load(Ordering::Acquire);
        self.alert.get().copied().filter(|_| !answered)
    }
}

pub(super) struct Watched<S> {
    stream: S,
    seen: Arc<Seen>,
}

impl<S> Watched<S> {
    pub(super) fn new(stream: S, seen: Arc<Seen>) -> Self {
        Self { stream, seen }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let outcome = ready!(Pin::new(&mut this.stream).poll_read(cx, buffer));
        if buffer.filled().len() > before {
            this.seen.answered.store(true, Ordering::Release);
        }
        if let Err(error) = &outcome
            && let Some(rustls::Error::AlertReceived(alert)) = find_tls(error)
        {
            // Only the first one counts, and a second is never read.
            let _ = this.seen.alert.set(Alert(*alert));
        }
        Poll::Ready(outcome)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
