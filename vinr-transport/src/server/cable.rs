//! The terminal's LAN cable, for a simulator to pull: nothing is read, written or accepted until it is back in, and
//! nobody is told.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// One cable for all connections of a server.
#[derive(Debug, Default)]
pub(super) struct Cable {
    is_out: AtomicBool,
    waiting: Mutex<Vec<Waker>>,
}

impl Cable {
    pub(super) fn pull(&self) {
        self.is_out.store(true, Ordering::SeqCst);
    }

    pub(super) fn plug_in(&self) {
        self.is_out.store(false, Ordering::SeqCst);
        let waiting =
            std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        waiting.into_iter().for_each(Waker::wake);
    }

    /// Ready while it is in.
    fn poll_in(&self, context: &Context<'_>) -> Poll<()> {
        if !self.is_out.load(Ordering::SeqCst) {
            return Poll::Ready(());
        }
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        // Asked again under the lock: whoever plugs it in wakes only whom it finds here.
        if !self.is_out.load(Ordering::SeqCst) {
            return Poll::Ready(());
        }
        if !waiting.iter().any(|waker| waker.will_wake(context.waker())) {
            waiting.push(context.waker().clone());
        }
        Poll::Pending
    }

    pub(super) async fn is_in(&self) {
        poll_fn(|context| self.poll_in(context)).await;
    }
}

/// A connection over the cable.
#[derive(Debug)]
pub(super) struct Wired {
    tcp: TcpStream,
    cable: Arc<Cable>,
}

impl Wired {
    pub(super) fn new(tcp: TcpStream, cable: Arc<Cable>) -> Self {
        Self { tcp, cable }
    }
}

impl AsyncRead for Wired {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.cable.poll_in(context));
        Pin::new(&mut self.tcp).poll_read(context, buffer)
    }
}

impl AsyncWrite for Wired {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.cable.poll_in(context));
        Pin::new(&mut self.tcp).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.cable.poll_in(context));
        Pin::new(&mut self.tcp).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.cable.poll_in(context));
        Pin::new(&mut self.tcp).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.cable.poll_in(context));
        Pin::new(&mut self.tcp).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn what_is_sent_over_a_pulled_cable_arrives_when_it_is_back_and_not_before() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut till = TcpStream::connect(address).await.unwrap();
        let cable = Arc::new(Cable::default());
        let (tcp, _) = listener.accept().await.unwrap();
        let mut terminal = Wired::new(tcp, cable.clone());

        cable.pull();
        till.write_all(b"pay").await.unwrap();
        let mut word = [0; 3];
        let heard = tokio::time::timeout(Duration::from_millis(20), terminal.read_exact(&mut word));
        assert!(heard.await.is_err());
        cable.plug_in();
        terminal.read_exact(&mut word).await.unwrap();
        assert_eq!(&word, b"pay");
    }

    #[tokio::test]
    async fn whoever_waits_is_woken() {
        let cable = Arc::new(Cable::default());
        cable.pull();
        let waits = tokio::spawn({
            let cable = cable.clone();
            async move { cable.is_in().await }
        });
        tokio::task::yield_now().await;
        cable.plug_in();
        waits.await.unwrap();
    }
}
