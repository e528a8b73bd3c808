//! One till's connection: handshake, then request after request, each judged before the handler sees it.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::HeaderValue;
use http::header::{CONNECTION, HeaderName, ORIGIN};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::server::Acceptor;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use vinr_protocol::error_body::{Code, Refusal};
use vinr_protocol::id::RequestId;

use super::answer::Answer;
use super::cable::Wired;
use super::door::{Answering, Door, Guest};
use super::guard::{self, Guard};
use super::message::{Reply, Request};
use super::{Handler, Limits};
use crate::authorize::{self, Authorization};
use crate::check::Check;
use crate::live::{Handshake, Live};
use crate::revocation::Revocation;

static REQUEST_ID: HeaderName = HeaderName::from_static("x-vinr-request-id");

/// What all connections of a server share.
pub(super) struct Shared<H> {
    pub(super) live: Arc<Live>,
    pub(super) limits: Limits,
    pub(super) handler: Arc<H>,
    /// No new requests; what is held finishes.
    pub(super) stop: CancellationToken,
    /// Who has a place.
    pub(super) door: Arc<Door>,
}

/// Serves a connection to its end. Each part has a place of its own, so that a connection that waits for a card holds
/// nothing of its handshake.
pub(super) async fn serve<H: Handler>(
    shared: Arc<Shared<H>>,
    tcp: Wired,
    peer: SocketAddr,
    guest: Arc<Guest>,
) {
    if let Some(rest) = Box::pin(begin(shared, tcp, peer, guest)).await {
        rest.await;
    }
}

/// Shakes hands; what follows, if anything does.
async fn begin<H: Handler>(
    shared: Arc<Shared<H>>,
    tcp: Wired,
    peer: SocketAddr,
    guest: Arc<Guest>,
) -> Option<BoxFuture<'static, ()>> {
    let handshake = shake_hands(&shared, tcp, peer, &guest);
    let (tls, handshake) = shared.stop.run_until_cancelled(handshake).await??;
    let connection = Arc::new(Connection {
        admission: Admission::Till {
            authorization: Authorization::of(
                tls.get_ref().1.peer_certificates(),
                shared.live.clone(),
                &handshake,
            ),
            guest: guest.clone(),
        },
        limits: shared.limits.clone(),
        handler: shared.handler.clone(),
        stop: shared.stop.clone(),
        peer,
    });
    if connection.may_ask().is_ok() {
        return guest.accepted().then(|| connection.run(tls).boxed());
    }
    // It can only be told that it may not: it has no till's place, and stays for no longer than that takes.
    guest.refused();
    let told = timeout(connection.limits.head, connection.run(tls));
    Some(told.map(drop).boxed())
}

/// Serves a connection whose peer showed no certificate, as strictly as a till's: the framing, the limits and the
/// error objects are the same. Who it is, is for the handler to ask.
pub async fn serve_anybody<H: Handler>(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: SocketAddr,
    limits: Limits,
    handler: Arc<H>,
    stop: CancellationToken,
) {
    let connection = Connection {
        admission: Admission::Anybody,
        limits,
        handler,
        stop,
        peer,
    };
    Arc::new(connection).run(stream).await;
}

async fn shake_hands<H>(
    shared: &Shared<H>,
    tcp: Wired,
    peer: SocketAddr,
    guest: &Guest,
) -> Option<(TlsStream<Wired>, Handshake)> {
    let ends = Instant::now() + shared.limits.handshake;
    match timeout_at(ends, accept_tls(shared, tcp, guest)).await {
        Ok(Ok(done)) => Some(done),
        Ok(Err((error, tcp))) => {
            guest.refused();
            if let Some(count) = shared.door.may_tell() {
                tracing::info!(%peer, %error, count, "the handshake was refused");
            }
            if let Some(tcp) = tcp {
                drain(tcp, &shared.limits).await;
            }
            None
        }
        Err(_) => {
            if let Some(count) = shared.door.may_tell() {
                tracing::info!(%peer, count, "the handshake took too long");
            }
            None
        }
    }
}

/// In two parts: hearing a ClientHello costs little, answering it costs a turn. [NET-5]
async fn accept_tls<H>(
    shared: &Shared<H>,
    tcp: Wired,
    guest: &Guest,
) -> Result<(TlsStream<Wired>, Handshake), (io::Error, Option<Wired>)> {
    let mut hello = LazyConfigAcceptor::new(Acceptor::default(), tcp);
    let started = match (&mut hello).await {
        Ok(started) => started,
        Err(error) => return Err((error, hello.take_io())),
    };
    guest.turn().await;
    let (config, handshake) = shared.live.handshake();
    let accept = started.into_stream(config).into_fallible();
    match accept.await {
        Ok(tls) => Ok((tls, handshake)),
        Err((error, tcp)) => Err((error, Some(tcp))),
    }
}

/// A till that was refused may have written already; closing now would reset the connection, and the
/// reset may overtake the alert that says why.
async fn drain(mut tcp: Wired, limits: &Limits) {
    const ENOUGH: usize = 64 * 1024;
    let read_on = async {
        let mut scratch = [0u8; 1024];
        let mut total = 0;
        tcp.shutdown().await?;
        while total < ENOUGH {
            match tcp.read(&mut scratch).await? {
                0 => break,
                count => total += count,
            }
        }
        io::Result::Ok(())
    };
    // However it ends, the connection is over.
    let _ = timeout(limits.drain, read_on).await;
}

struct Connection<H> {
    admission: Admission,
    limits: Limits,
    handler: Arc<H>,
    /// No new requests; what is held finishes.
    stop: CancellationToken,
    peer: SocketAddr,
}

/// Who may ask.
enum Admission {
    /// A till whose certificate is judged again at every request.
    Till {
        authorization: Authorization,
        guest: Arc<Guest>,
    },
    /// Whoever connected.
    Anybody,
}

impl<H: Handler> Connection<H> {
    /// What every request is asked again.
    fn may_ask(&self) -> Result<Revocation, Check> {
        match &self.admission {
            Admission::Till { authorization, .. } => authorization.check(),
            Admission::Anybody => Ok(Revocation::InForce),
        }
    }

    /// Not an `async fn`, which would keep room for its stream beside hyper's for as long as it runs.
    fn run(
        self: Arc<Self>,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    ) -> impl Future<Output = ()> + Send {
        let io = TokioIo::new(Guard::new(stream, &self.limits));
        let this = self.clone();
        let service = service_fn(move |request| {
            let this = this.clone();
            async move { Ok::<_, Infallible>(this.answer(request).await) }
        });
        let mut http = Box::pin(
            http1::Builder::new()
                // Ours starts at the first byte of a head, see the guard.
                .header_read_timeout(None)
                .max_buf_size(16 * 1024)
                .serve_connection(io, service),
        );
        async move {
            let ended = tokio::select! {
                ended = http.as_mut() => ended,
                () = self.is_over() => {
                    http.as_mut().graceful_shutdown();
                    http.await
                }
            };
            if let Err(error) = ended {
                tracing::debug!(peer = %self.peer, %error, "the connection broke off");
            }
        }
    }

    /// Waits until no further request is to be waited for. What is held finishes.
    async fn is_over(&self) {
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = self.lost_its_right() => {}
        }
    }

    /// Waits until the till may not ask any more, by something that was exchanged, and had the time to ask and be told
    /// why. Its place is free at once. [NET-5, TLS-12]
    async fn lost_its_right(&self) {
        let Admission::Till {
            authorization,
            guest,
        } = &self.admission
        else {
            return std::future::pending().await;
        };
        let mut exchanges = authorization.exchanges();
        loop {
            if authorization.check().is_ok() {
                // The sender lives as long as we do.
                let _ = exchanges.changed().await;
                continue;
            }
            guest.refused();
            sleep(self.limits.head).await;
            let may_ask = authorization.check().is_ok() && guest.accepted();
            if !may_ask {
                tracing::info!(peer = %self.peer, "closed: the till may not ask any more");
                return;
            }
        }
    }

    async fn answer(&self, request: http::Request<Incoming>) -> http::Response<Answer> {
        let request_id = fresh_request_id();
        let header = HeaderValue::from_str(request_id.as_str())
            .expect("a request id is visible ASCII, which a header may hold");
        let (reply, answering) = match self.admit(request, &request_id).await {
            Ok(request) => {
                let answering = self.begin_answer().await;
                (self.handle(request).await, answering)
            }
            Err(refusal) => {
                let refusal = Reply::refusal(refusal, &request_id);
                let close = HeaderValue::from_static("close");
                (refusal.header(CONNECTION, close), None)
            }
        };
        let mut response = http::Response::new(Answer {
            body: reply.body,
            _answering: answering,
        });
        *response.status_mut() = reply.status;
        *response.headers_mut() = reply.headers;
        response.headers_mut().insert(&REQUEST_ID, header);
        response
    }

    /// Who may, then whether it is a request at all, then its body. Whatever fails here ends the
    /// connection after the answer.
    async fn admit(
        &self,
        request: http::Request<Incoming>,
        request_id: &RequestId,
    ) -> Result<Request, Refusal> {
        let revocation = self.may_ask().map_err(|check| {
            tracing::warn!(peer = %self.peer, %check, "a till was refused");
            authorize::refusal(&check)
        })?;
        if let Some(fault) = guard::refused(request.method(), request.uri().path()) {
            return Err(fault.refusal());
        }
        if request.headers().contains_key(ORIGIN) {
            // [NET-6]
            return Err(Refusal::new(
                Code::BrowserNotAllowed,
                "no request is taken from a browser (an Origin header)",
            ));
        }
        let (head, body) = request.into_parts();
        let body = self.read(body).await?;
        Ok(Request {
            path: head.uri.path().to_owned(),
            query: head.uri.query().map(str::to_owned),
            method: head.method,
            headers: head.headers,
            body,
            received: Instant::now(),
            request_id: request_id.clone(),
            peer: self.peer,
            revocation,
        })
    }

    async fn read(&self, body: Incoming) -> Result<Bytes, Refusal> {
        if body.is_end_stream() {
            return Ok(Bytes::new());
        }
        let limits = &self.limits;
        match timeout(limits.body, collect(body, limits.body_bytes)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Refusal::new(
                Code::InvalidRequest,
                format!("the body did not come within {} s", limits.body.as_secs()),
            )),
        }
    }

    /// From here on the connection keeps its place. Where another has it already, no handler shall see the request:
    /// the connection is being closed, and this never returns.
    async fn begin_answer(&self) -> Option<Answering> {
        match &self.admission {
            Admission::Anybody => None,
            Admission::Till { guest, .. } => match guest.asked() {
                Some(answering) => Some(answering),
                None => std::future::pending().await,
            },
        }
    }

    async fn handle(&self, request: Request) -> Reply {
        let request_id = request.request_id.clone();
        let handled = async { self.handler.handle(request).await };
        // A fault in one request must not end the others.
        match AssertUnwindSafe(handled).catch_unwind().await {
            Ok(reply) => reply,
            Err(_) => {
                tracing::error!(peer = %self.peer, %request_id, "the handler panicked");
                let refusal = Refusal::new(Code::Internal, "the request failed here; look up");
                Reply::refusal(refusal, &request_id)
            }
        }
    }
}

async fn collect(mut body: Incoming, limit: usize) -> Result<Bytes, Refusal> {
    let too_large = || {
        let message = format!("the body is larger than {limit} bytes");
        Refusal::new(Code::BodyTooLarge, message)
    };
    if body.size_hint().lower() > limit as u64 {
        return Err(too_large());
    }
    let mut whole = Bytes::new();
    while let Some(frame) = body.frame().await {
        let broken = |_| Refusal::new(Code::InvalidRequest, "the body broke off");
        let Ok(data) = frame.map_err(broken)?.into_data() else {
            continue;
        };
        if whole.len() + data.len() > limit {
            return Err(too_large());
        }
        whole = if whole.is_empty() {
            data
        } else {
            let mut longer = BytesMut::from(whole);
            longer.extend_from_slice(&data);
            longer.freeze()
        };
    }
    Ok(whole)
}

fn fresh_request_id() -> RequestId {
    RequestId::new(&format!("req_{}", ulid::Ulid::generate()))
        .expect("'req_' and 26 letters and digits are a request id")
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    struct Nothing;

    impl Handler for Nothing {
        async fn handle(&self, _: Request) -> Reply {
            Reply::full(StatusCode::OK, "{}")
        }
    }

    fn size_of_task<A, B, C, D, F: Future>(_: impl FnOnce(A, B, C, D) -> F) -> usize {
        size_of::<F>()
    }

    // [NET-5] It was 62 KB where each future held the ones before it; all that hyper holds is 20.
    #[test]
    fn a_connection_that_waits_holds_nothing_of_its_handshake() {
        let size = size_of_task(serve::<Nothing>);
        assert!(size <= 512, "{size} bytes");
    }
}
