//! What a handler is given and what it gives back.

use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::oneshot;
use tokio::time::Instant;
use vinr_protocol::error_body::Refusal;
use vinr_protocol::id::RequestId;

use crate::revocation::Revocation;

/// A request from a till that may make it, whole and well framed.
#[derive(Debug, Clone)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The path as it was sent, without the query.
    pub path: String,
    /// The query as it was sent.
    pub query: Option<String>,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, at most [`Limits::body_bytes`](super::Limits::body_bytes).
    pub body: Bytes,
    /// When its last byte had come: what §4.1 counts its times from.
    pub received: Instant,
    /// The id of its answer; an error must carry the same. \[NET-7\]
    pub request_id: RequestId,
    /// Who sent it.
    pub peer: SocketAddr,
    /// How the revocation lists stood when the till was judged: without one in force no payment is started.
    /// \[TLS-15\]
    pub revocation: Revocation,
}

/// An answer, at once or in two moments.
#[derive(Debug)]
#[must_use = "a reply that is dropped is an answer that is lost"]
pub struct Reply {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: ReplyBody,
}

/// The outcome will not be told on this connection: the body is cut short, which a till reads as a lost
/// answer. \[PAY-14\]
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the answer was given up after its head")]
pub struct Aborted;

impl Reply {
    /// An answer whose JSON is known.
    pub fn full(status: StatusCode, json: impl Into<Bytes>) -> Self {
        Self::new(status, ReplyBody::Full(Some(json.into())))
    }

    /// An error object with the status of its code.
    pub fn refusal(refusal: Refusal, request_id: &RequestId) -> Self {
        let status = StatusCode::from_u16(refusal.code.status())
            .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let envelope = refusal.into_body(request_id.clone());
        let json = serde_json::to_vec(&envelope)
            .expect("an error object holds text only, which is always JSON");
        Self::full(status, json)
    }

    /// A `200` whose head goes out now and whose body follows when it is known. \[PAY-14\]
    ///
    /// An [`Aborted`] and a dropped sender both cut the body short.
    pub fn held(headers: HeaderMap, body: oneshot::Receiver<Result<Bytes, Aborted>>) -> Self {
        let mut reply = Self::new(StatusCode::OK, ReplyBody::Held(body));
        reply.headers.extend(headers);
        reply
    }

    /// Adds a header.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.append(name, value);
        self
    }

    fn new(status: StatusCode, body: ReplyBody) -> Self {
        let mut headers = HeaderMap::with_capacity(4);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Self {
            status,
            headers,
            body,
        }
    }
}

/// A body of one piece. While [`ReplyBody::Held`] is pending, hyper flushes the head.
#[derive(Debug)]
pub(super) enum ReplyBody {
    Full(Option<Bytes>),
    Held(oneshot::Receiver<Result<Bytes, Aborted>>),
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = Aborted;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Aborted>>> {
        let this = self.get_mut();
        let outcome = match this {
            Self::Full(bytes) => return Poll::Ready(bytes.take().map(|it| Ok(Frame::data(it)))),
            Self::Held(outcome) => ready!(Pin::new(outcome).poll(cx)),
        };
        *this = Self::Full(None);
        Poll::Ready(Some(outcome.unwrap_or(Err(Aborted)).map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Full(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Full(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64),
            Self::Held(_) => SizeHint::default(),
        }
    }
}
