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

/// What was noted on a connection.
#[derive(Debug, Default)]
pub(super) struct Noted {
    answered: AtomicBool,
    alert: OnceLock<Alert>,
}

impl Noted {
    /// The alert that ended the connection, if no byte of an answer came before it.
    pub(super) fn alert_before_any_answer(&self) -> Option<Alert> {
        let answered = self.answered.load(Ordering::Acquire);
        self.alert.get().copied().filter(|_| !answered)
    }
}

pub(super) struct Watched<S> {
    stream: S,
    noted: Arc<Noted>,
}

impl<S> Watched<S> {
    pub(super) fn new(stream: S, noted: Arc<Noted>) -> Self {
        Self { stream, noted }
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
            this.noted.answered.store(true, Ordering::Release);
        }
        if let Err(error) = &outcome
            && let Some(rustls::Error::AlertReceived(alert)) = find_tls(error)
        {
            // Only the first one counts, and a second is never read.
            let _ = this.noted.alert.set(Alert(*alert));
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

#[cfg(test)]
mod tests {
    use rustls::AlertDescription;
    use tokio::io::{AsyncReadExt, ReadBuf};

    use super::*;

    /// Gives some bytes, then an alert.
    struct Alerting(Option<u8>);

    impl AsyncRead for Alerting {
        fn poll_read(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            buffer: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            match self.get_mut().0.take() {
                Some(byte) => {
                    buffer.put_slice(&[byte]);
                    Poll::Ready(Ok(()))
                }
                None => Poll::Ready(Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    rustls::Error::AlertReceived(AlertDescription::UnknownCA),
                ))),
            }
        }
    }

    async fn seen_on(stream: Alerting) -> Option<Alert> {
        let noted = Arc::new(Noted::default());
        let mut watched = Watched::new(stream, noted.clone());
        let mut all = Vec::new();
        let _ = watched.read_to_end(&mut all).await;
        noted.alert_before_any_answer()
    }

    #[tokio::test]
    async fn an_alert_before_any_answer_is_told() {
        let alert = seen_on(Alerting(None)).await;
        assert_eq!(alert.map(|alert| alert.name()), Some("unknown_ca"));
    }

    #[tokio::test]
    async fn an_alert_after_a_byte_of_an_answer_proves_nothing() {
        assert_eq!(seen_on(Alerting(Some(b'H'))).await, None);
    }
}
