//! The till's side: connect to a terminal that was verified, ask, and say exactly what is known.
//!
//! Nothing here retries, and nothing decides: a lost answer is [`CallError::Indeterminate`], and what to
//! do about it is the attempt machine's business in `vinr-protocol`.

mod answer;
mod connect;
mod error;
#[doc(hidden)]
pub mod fuzz;
mod peer;
mod till;
mod watch;

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, HeaderName};
use http::{HeaderValue, Method, Request, Response, Uri};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use rustls_pki_types::CertificateDer;
use serde::Serialize;
use vinr_protocol::endpoint::payments_path;
use vinr_protocol::{
    AttemptKey, CancelRequest, Cancellation, PayRequest, Payment, PaymentId, PaymentList, Reader,
    Reference, TerminalId,
};

pub use answer::Accepted;
pub use connect::{Connector, Inspection};
pub use error::{Alert, CallError, ConnectError, Lost, Unreachable};

use crate::check::Check;
use answer::{LIST_LIMIT, OBJECT_LIMIT};
use peer::Peer;
use watch::Noted;

static IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// A connection to one terminal, whose identity was verified when it was made and is judged again before every request:
/// against the bundle, the lists and the date of that moment. Whoever fails then is sent nothing more, the connection is
/// closed, and the call ends with [`CallError::Identity`]. An answer that was under way is still read. \[TLS-8, TLS-9\]
///
/// It carries one request at a time. A held `pay` blocks only its own connection: look-ups go through
/// another. There is **no time limit on a call**: a payment is held for at least 120 s, and how long to
/// wait is the caller's decision. Dropping a call's future hangs up, which stops nothing at the terminal.
#[derive(Debug)]
pub struct Connection {
    /// Or the check that the terminal has failed, for which the connection was closed.
    sender: Result<SendRequest<Full<Bytes>>, Check>,
    noted: Arc<Noted>,
    /// Its sender is dropped when the connection has ended.
    ended: tokio::sync::watch::Receiver<()>,
    terminal: TerminalId,
    host: HeaderValue,
    addr: SocketAddr,
    peer: Peer,
}

impl Connection {
    /// Asks for a payment and resolves at the head of the answer: *accepted and active*. \[PAY-1, PAY-14\]
    ///
    /// After [`CallError::Indeterminate`] the outcome is not known, and the money may have been taken.
    pub async fn pay(
        &mut self,
        request: &PayRequest,
        key: Option<&AttemptKey>,
    ) -> Result<Accepted, CallError> {
        let mut message = self.post("/v1/pay", request);
        if let Some(key) = key {
            let key = HeaderValue::from_str(key.as_str())
                .expect("an attempt key is visible ASCII, which a header may hold");
            message.headers_mut().insert(&IDEMPOTENCY_KEY, key);
        }
        let response = self.send(message).await?;
        Accepted::read(response).await
    }

    /// Every attempt for a sale.
    pub async fn payments(&mut self, reference: &Reference) -> Result<PaymentList, CallError> {
        let message = self.get(&payments_path(reference));
        self.ask(message, LIST_LIMIT).await
    }

    /// One payment.
    pub async fn payment(&mut self, id: &PaymentId) -> Result<Payment, CallError> {
        let message = self.get(&format!("/v1/payments/{}", escaped(id.as_str())));
        self.ask(message, OBJECT_LIMIT).await
    }

    /// Gives up an attempt, or every live attempt of a sale. \[REC-11\]
    pub async fn cancel(&mut self, request: &CancelRequest) -> Result<Cancellation, CallError> {
        let message = self.post("/v1/cancel", request);
        self.ask(message, OBJECT_LIMIT).await
    }

    /// Who and how the terminal is. Also primes the connection: the first request on one costs more.
    pub async fn reader(&mut self) -> Result<Reader, CallError> {
        let message = self.get("/v1/reader");
        self.ask(message, OBJECT_LIMIT).await
    }

    /// The terminal that was verified.
    pub fn terminal(&self) -> &TerminalId {
        &self.terminal
    }

    /// Where it is.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The certificates that the terminal showed, leaf first.
    pub fn peer_certificates(&self) -> &[CertificateDer<'static>] {
        self.peer.chain()
    }

    /// Can another request be tried on it? A `true` may be outdated the moment it is read.
    pub fn is_open(&self) -> bool {
        self.trusted().is_some_and(|sender| !sender.is_closed())
    }

    /// Can a request be sent at once, with no answer still under way?
    pub fn is_ready(&self) -> bool {
        self.trusted().is_some_and(SendRequest::is_ready)
    }

    /// The way to the terminal, if it may be trusted at this moment.
    fn trusted(&self) -> Option<&SendRequest<Full<Bytes>>> {
        let sender = self.sender.as_ref().ok()?;
        self.peer.check().ok()?;
        Some(sender)
    }

    /// Resolves when the connection has ended, whoever ended it.
    pub fn closed(&self) -> impl Future<Output = ()> + Send + 'static + use<> {
        let mut ended = self.ended.clone();
        // Nothing is ever sent: the one change is the end.
        async move { while ended.changed().await.is_ok() {} }
    }

    async fn ask<T: serde::de::DeserializeOwned>(
        &mut self,
        message: Request<Full<Bytes>>,
        limit: usize,
    ) -> Result<T, CallError> {
        let response = self.send(message).await?;
        let response = answer::refused_or(response).await?;
        answer::json(response.into_body(), limit).await
    }

    async fn send(
        &mut self,
        message: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, CallError> {
        let sender = match &mut self.sender {
            Ok(sender) => sender,
            Err(check) => return Err(CallError::identity(check)),
        };
        // The answer before must be over; without this a second request is refused by hyper.
        if let Err(error) = sender.ready().await {
            return Err(error::not_sent(error, &self.noted));
        }
        // After the wait, which may have been a long one: nothing comes between this and the request. [TLS-9]
        if let Err(check) = self.peer.check() {
            tracing::warn!(terminal = %self.terminal, addr = %self.addr, %check, "a terminal is trusted no longer");
            let error = CallError::identity(&check);
            // Who has no sender is closed.
            self.sender = Err(check);
            return Err(error);
        }
        sender
            .try_send_request(message)
            .await
            .map_err(|mut failed| match failed.take_message() {
                Some(_) => error::not_sent(failed.into_error(), &self.noted),
                None => error::lost(failed.into_error(), &self.noted),
            })
    }

    fn get(&self, path: &str) -> Request<Full<Bytes>> {
        self.message(Method::GET, path, Bytes::new())
    }

    fn post(&self, path: &'static str, body: &impl Serialize) -> Request<Full<Bytes>> {
        let json = serde_json::to_vec(body)
            .expect("a request is names, numbers and text, which is always JSON");
        let mut message = self.message(Method::POST, path, json.into());
        message
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        message
    }

    fn message(&self, method: Method, path: &str, body: Bytes) -> Request<Full<Bytes>> {
        let mut message = Request::new(Full::new(body));
        *message.method_mut() = method;
        *message.uri_mut() = path
            .parse::<Uri>()
            .expect("our paths and what is put into them are lawful in a URI");
        message.headers_mut().insert(HOST, self.host.clone());
        message
    }
}

/// An id in a path: a stranger's may hold any visible character.
fn escaped(id: &str) -> String {
    id.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect()
}
