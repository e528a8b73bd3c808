//! The stream between TLS and hyper: it hands on only what the framing cleared, bounds the time of a
//! header block, and closes so that the last answer arrives.
//!
//! hyper's own header time limit would also close idle connections, and the answers it gives by itself
//! carry neither a request id nor an error object. So a head that is refused is replaced by a request
//! that no peer can send ([`REFUSED_METHOD`]); it reaches our service like any other and is answered
//! there, in its turn, after whatever came before it.

use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::framing::{Fault, Framing, Judgement};
use super::limits::Limits;

/// The method of the request that stands for a refused one; [`Framing`] refuses it from a peer.
pub(crate) const REFUSED_METHOD: &str = "VINR-REFUSED";

/// As much as is read from TLS at a time.
const READ: usize = 4 * 1024;

pub(crate) struct Guard<S> {
    stream: S,
    framing: Framing,
    /// What came and was not handed on.
    input: BytesMut,
    /// How many bytes at its front were cleared.
    cleared: usize,
    state: State,
    head_within: Duration,
    drain_for: Duration,
}

enum State {
    /// Between requests, or in a body.
    Open,
    /// A head has begun: it must end before this.
    InHead(Pin<Box<Sleep>>),
    /// A head was refused: nothing more is read until the answer is out.
    Refused,
    /// The stream cannot be read on.
    Ended,
    /// Our side is closed; the peer's bytes are thrown away for a while.
    Draining(Pin<Box<Sleep>>),
}

/// Which fault a request of [`REFUSED_METHOD`] stands for.
pub(crate) fn refused(method: &http::Method, path: &str) -> Option<Fault> {
    if method.as_str() != REFUSED_METHOD {
        return None;
    }
    let number: usize = path.strip_prefix('/')?.parse().ok()?;
    Fault::ALL.get(number).copied()
}

fn stand_in(fault: Fault) -> BytesMut {
    let number = Fault::ALL.iter().position(|other| *other == fault);
    let number = number.expect("every fault is among all of them");
    BytesMut::from(format!("{REFUSED_METHOD} /{number} HTTP/1.1\r\n\r\n").as_bytes())
}

impl<S: AsyncRead + AsyncWrite + Unpin> Guard<S> {
    pub(crate) fn new(stream: S, limits: &Limits) -> Self {
        Self {
            stream,
            framing: Framing::new(limits),
            input: BytesMut::new(),
            cleared: 0,
            state: State::Open,
            head_within: limits.head,
            drain_for: limits.drain,
        }
    }

    fn hand_on(&mut self, to: &mut ReadBuf<'_>) {
        let count = self.cleared.min(to.remaining());
        to.put_slice(&self.input[..count]);
        self.input.advance(count);
        self.cleared -= count;
        if self.input.is_empty() {
            // Idle connections are many, and hold no buffer.
            self.input = BytesMut::new();
        }
    }

    /// Judges what is there; true where something was cleared.
    fn judge(&mut self) -> bool {
        match self.framing.judge(&self.input[self.cleared..]) {
            Judgement::Clear(count) => {
                self.cleared += count;
                self.state = State::Open;
                true
            }
            Judgement::NeedMore => false,
            Judgement::Refused(fault) => {
                self.input = stand_in(fault);
                self.cleared = self.input.len();
                self.state = State::Refused;
                true
            }
            Judgement::Broken => {
                self.state = State::Ended;
                false
            }
        }
    }

    /// Ready when the time for the header block is over.
    fn poll_head_time(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if matches!(self.state, State::Open) && self.framing.is_in_head() && !self.input.is_empty()
        {
            self.state = State::InHead(Box::pin(sleep(self.head_within)));
        }
        match &mut self.state {
            State::InHead(limit) => limit.as_mut().poll(cx),
            _ => Poll::Pending,
        }
    }

    /// Reads more; false at the end of the stream.
    fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        let mut space = [MaybeUninit::uninit(); READ];
        let mut buffer = ReadBuf::uninit(&mut space);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer))?;
        self.input.extend_from_slice(buffer.filled());
        Poll::Ready(Ok(!buffer.filled().is_empty()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Guard<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            if this.cleared > 0 {
                this.hand_on(to);
                return Poll::Ready(Ok(()));
            }
            match this.state {
                // The answer closes the connection; an end of the stream would overtake it.
                State::Refused => return Poll::Pending,
                State::Ended | State::Draining(_) => return Poll::Ready(Ok(())),
                State::Open | State::InHead(_) => {}
            }
            if this.judge() || matches!(this.state, State::Ended) {
                continue;
            }
            if this.poll_head_time(cx).is_ready() {
                tracing::debug!("a header block did not end in time");
                this.state = State::Ended;
                continue;
            }
            match ready!(this.poll_more(cx)) {
                Ok(true) => {}
                Ok(false) => return Poll::Ready(Ok(())),
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Guard<S> {
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

    /// Closes our side, then reads the peer's until it closes too or the time is over: a socket that is
    /// closed with bytes unread sends a reset, which may overtake the answer.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            match &mut this.state {
                State::Draining(limit) => {
                    if limit.as_mut().poll(cx).is_ready() {
                        return Poll::Ready(Ok(()));
                    }
                    this.input.clear();
                    match ready!(this.poll_more(cx)) {
                        Ok(true) => {}
                        Ok(false) | Err(_) => return Poll::Ready(Ok(())),
                    }
                }
                _ => {
                    ready!(Pin::new(&mut this.stream).poll_shutdown(cx))?;
                    this.cleared = 0;
                    this.state = State::Draining(Box::pin(sleep(this.drain_for)));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
    use tokio::time::advance;

    use super::*;

    const JUST_UNDER_5_S: Duration = Duration::from_millis(4_990);
    const OVER_5_S: Duration = Duration::from_millis(5_010);

    fn guarded() -> (DuplexStream, Guard<DuplexStream>) {
        let (peer, ours) = duplex(64 * 1024);
        (peer, Guard::new(ours, &Limits::default()))
    }

    /// What the guard hands on now; `None` while it waits.
    async fn handed_on(guard: &mut Guard<DuplexStream>) -> Option<String> {
        let mut buffer = [0; 1024];
        let count = tokio::select! {
            biased;
            count = guard.read(&mut buffer) => count.expect("a duplex has no errors"),
            () = std::future::ready(()) => return None,
        };
        Some(String::from_utf8_lossy(&buffer[..count]).into_owned())
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_is_handed_on_only_when_it_is_whole() {
        let (mut peer, mut guard) = guarded();
        peer.write_all(b"GET / HTTP/1.1\r\n").await.expect("room");
        assert_eq!(handed_on(&mut guard).await, None);
        peer.write_all(b"\r\n").await.expect("room");
        let head = handed_on(&mut guard).await;
        assert_eq!(head.as_deref(), Some("GET / HTTP/1.1\r\n\r\n"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_may_take_just_under_5_s() {
        let (mut peer, mut guard) = guarded();
        peer.write_all(b"GET / HTTP/1.1\r\n").await.expect("room");
        assert_eq!(handed_on(&mut guard).await, None);
        advance(JUST_UNDER_5_S).await;
        peer.write_all(b"\r\n").await.expect("room");
        assert!(handed_on(&mut guard).await.is_some());
    }

    // [NET-5]
    #[tokio::test(start_paused = true)]
    async fn a_head_that_takes_over_5_s_ends_the_stream() {
        let (mut peer, mut guard) = guarded();
        peer.write_all(b"G").await.expect("room");
        assert_eq!(handed_on(&mut guard).await, None);
        // A byte now and then gives no more time.
        advance(JUST_UNDER_5_S).await;
        peer.write_all(b"E").await.expect("room");
        assert_eq!(handed_on(&mut guard).await, None);
        advance(OVER_5_S - JUST_UNDER_5_S).await;
        assert_eq!(handed_on(&mut guard).await.as_deref(), Some(""));
    }

    #[tokio::test(start_paused = true)]
    async fn neither_idleness_nor_a_slow_body_is_bound_by_the_time_for_heads() {
        let (mut peer, mut guard) = guarded();
        assert_eq!(handed_on(&mut guard).await, None);
        advance(Duration::from_secs(3600)).await;
        assert_eq!(handed_on(&mut guard).await, None);
        let head = b"GET / HTTP/1.1\r\ncontent-length: 2\r\n\r\na";
        peer.write_all(head).await.expect("room");
        assert!(handed_on(&mut guard).await.is_some());
        assert_eq!(handed_on(&mut guard).await.as_deref(), Some("a"));
        assert_eq!(handed_on(&mut guard).await, None);
        advance(Duration::from_secs(3600)).await;
        peer.write_all(b"b").await.expect("room");
        assert_eq!(handed_on(&mut guard).await.as_deref(), Some("b"));
        advance(Duration::from_secs(3600)).await;
        assert_eq!(handed_on(&mut guard).await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_head_is_replaced_and_nothing_follows_it() {
        let (mut peer, mut guard) = guarded();
        let smuggled = b"GET / HTTP/1.0\r\n\r\nGET / HTTP/1.1\r\n\r\n";
        peer.write_all(smuggled).await.expect("room");
        let head = handed_on(&mut guard).await.expect("the stand-in");
        assert!(head.starts_with("VINR-REFUSED /1 "), "{head}");
        assert_eq!(handed_on(&mut guard).await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_shutdown_reads_on_for_a_second_while_the_peer_stays() {
        let (mut peer, mut guard) = guarded();
        peer.write_all(b"unread").await.expect("room");
        let begun = tokio::time::Instant::now();
        guard.shutdown().await.expect("a duplex has no errors");
        assert_eq!(begun.elapsed().as_secs(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_shutdown_is_over_when_the_peer_closes() {
        let (peer, mut guard) = guarded();
        drop(peer);
        let begun = tokio::time::Instant::now();
        guard.shutdown().await.expect("a duplex has no errors");
        assert_eq!(begun.elapsed(), Duration::ZERO);
    }
}
