//! From an HTTP request to a command, and from an answer to an HTTP response. §4

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use http::{HeaderMap, StatusCode};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use vinr_protocol::command::{Command, RawRequest};
use vinr_protocol::endpoint::NoEndpoint;
use vinr_protocol::error_body::{Code, Refusal};
use vinr_protocol::id::RequestId;
use vinr_protocol::terminal::{Activation, Answer, Caller, Revocation};
use vinr_protocol::timing;
use vinr_transport::server::{Aborted, Handler, Reply, Request};

use super::actor::{Message, Way};
use crate::defect::Wire;

const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// How long the screen took, measured on the terminal. \[PAY-14\]
const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// Where requests come in: reads them and waits for the actor's answer.
pub(crate) struct Counter {
    actor: mpsc::UnboundedSender<Message>,
    wire: Wire,
}

/// A request, apart from the server that took it.
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: Option<String>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) received: Instant,
    pub(crate) request_id: RequestId,
    /// How the revocation list stood when the till was judged.
    pub(crate) revocation: Revocation,
}

/// A response, apart from the server that sends it.
pub(crate) enum Said {
    Full {
        status: StatusCode,
        headers: HeaderMap,
        json: Bytes,
    },
    Held {
        headers: HeaderMap,
        body: oneshot::Receiver<Result<Bytes, Aborted>>,
    },
}

impl Handler for Counter {
    async fn handle(&self, request: Request) -> Reply {
        let asked = Asked {
            method: request.method.to_string(),
            path: request.path,
            query: request.query,
            headers: request.headers,
            body: request.body,
            received: request.received,
            request_id: request.request_id,
            revocation: request.revocation,
        };
        match self.ask(asked).await {
            Said::Held { headers, body } => Reply::held(headers, body),
            Said::Full {
                status,
                headers,
                json,
            } => {
                let reply = Reply::full(status, json);
                let named = headers
                    .iter()
                    .map(|(name, value)| (name.clone(), value.clone()));
                named.fold(reply, |reply, (name, value)| reply.header(name, value))
            }
        }
    }
}

impl Counter {
    pub(crate) fn new(actor: mpsc::UnboundedSender<Message>, wire: Wire) -> Self {
        Self { actor, wire }
    }

    /// Reads a request and waits for what the terminal says to it.
    pub(crate) async fn ask(&self, asked: Asked) -> Said {
        let body = self.wire.body(&asked.body);
        let command = match read(&asked, &body) {
            Ok(command) => command,
            Err(none) => {
                if let Some(flash) = self.wire.flash(&asked.path) {
                    let _ = self.actor.send(Message::Flash(flash));
                }
                let said = no_endpoint(none, &asked.request_id);
                return self.wire.said(&asked, said);
            }
        };
        let caller = next_caller();
        let (said, answer) = oneshot::channel();
        let waiting = Waiting::Head {
            said,
            received: asked.received,
            request_id: asked.request_id.clone(),
        };
        let message = Message::Asked {
            caller,
            command,
            way: Way::Local(self.wire.revocation(asked.revocation)),
            received: asked.received,
            waiting,
        };
        let _ = self.actor.send(message);
        // Dropped with this future when the till hangs up before there is an answer.
        let mut hang_up = HangUp {
            caller: Some(caller),
            actor: self.actor.clone(),
        };
        let said = answer.await;
        hang_up.caller = None;
        let said = said.unwrap_or_else(|_| {
            let message = "the terminal is shutting down";
            refusal(
                Refusal::new(Code::TerminalUnavailable, message),
                &asked.request_id,
            )
        });
        self.wire.said(&asked, said)
    }
}

fn read(asked: &Asked, body: &[u8]) -> Result<Command, NoEndpoint> {
    let all = |name: &str| -> Vec<&[u8]> {
        let values = asked.headers.get_all(name).iter();
        values.map(HeaderValue::as_bytes).collect()
    };
    Command::read(&RawRequest {
        method: &asked.method,
        path: &asked.path,
        query: asked.query.as_deref(),
        content_types: &all(CONTENT_TYPE.as_str()),
        keys: &all(IDEMPOTENCY_KEY),
        body,
    })
}

fn no_endpoint(none: NoEndpoint, request_id: &RequestId) -> Said {
    let mut said = refusal(none.refusal, request_id);
    if let (Some(allow), Said::Full { headers, .. }) = (none.allow, &mut said) {
        headers.insert(ALLOW, HeaderValue::from_static(allow));
    }
    said
}

/// Someone who waits, and for what.
pub(crate) enum Waiting {
    /// For everything.
    Head {
        said: oneshot::Sender<Said>,
        received: Instant,
        request_id: RequestId,
    },
    /// For the body: the head is out.
    Body(oneshot::Sender<Result<Bytes, Aborted>>),
    /// For the answer alone: somebody who does not speak HTTP.
    Apart(oneshot::Sender<Answer>),
}

impl Waiting {
    /// Sends the head of a payment; the body stays to be waited for. \[PAY-14\]
    pub(crate) fn head(
        self,
        caller: Caller,
        activation: Activation,
        actor: &mpsc::UnboundedSender<Message>,
    ) -> Self {
        let Waiting::Head { said, received, .. } = self else {
            return self;
        };
        let headers = match activation {
            Activation::First => server_timing(received.elapsed()),
            Activation::Joined => HeaderMap::new(),
        };
        let (sender, body) = oneshot::channel();
        let _ = said.send(Said::Held { headers, body });
        Waiting::Body(notice_hang_up(caller, sender, actor.clone()))
    }

    /// Sends the answer, or the rest of it. \[PAY-3\]
    pub(crate) fn answer(self, answer: Answer) {
        match (self, answer) {
            (Waiting::Apart(apart), answer) => drop(apart.send(answer)),
            // A till that has its head and gets no body knows that it must look up.
            (Waiting::Body(body), Answer::Refused(_)) => drop(body.send(Err(Aborted))),
            (Waiting::Body(body), answer) => drop(body.send(Ok(json(&answer)))),
            (
                Waiting::Head {
                    said, request_id, ..
                },
                Answer::Refused(refused),
            ) => drop(said.send(refusal(refused, &request_id))),
            (Waiting::Head { said, .. }, answer) => drop(said.send(Said::Full {
                status: StatusCode::OK,
                headers: HeaderMap::new(),
                json: json(&answer),
            })),
        }
    }
}

/// Between the actor and the server: tells the actor when the connection is gone.
fn notice_hang_up(
    caller: Caller,
    mut to_server: oneshot::Sender<Result<Bytes, Aborted>>,
    actor: mpsc::UnboundedSender<Message>,
) -> oneshot::Sender<Result<Bytes, Aborted>> {
    let (sender, from_actor) = oneshot::channel();
    tokio::spawn(async move {
        tokio::select! {
            () = to_server.closed() => drop(actor.send(Message::HungUp(caller))),
            body = from_actor => drop(to_server.send(body.unwrap_or(Err(Aborted)))),
        }
    });
    sender
}

/// Tells the actor that a caller left before there was a head.
struct HangUp {
    caller: Option<Caller>,
    actor: mpsc::UnboundedSender<Message>,
}

impl Drop for HangUp {
    fn drop(&mut self) {
        if let Some(caller) = self.caller.take() {
            let _ = self.actor.send(Message::HungUp(caller));
        }
    }
}

pub(super) fn next_caller() -> Caller {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    Caller(NEXT.fetch_add(1, Ordering::Relaxed))
}

fn server_timing(took: Duration) -> HeaderMap {
    let value = format!("activation;dur={:.3}", took.as_secs_f64() * 1000.0);
    let value = HeaderValue::from_str(&value).expect("digits are lawful in a header");
    HeaderMap::from_iter([(SERVER_TIMING, value)])
}

fn refusal(refusal: Refusal, request_id: &RequestId) -> Said {
    let code = refusal.code.clone();
    let mut headers = HeaderMap::new();
    if code == Code::TerminalBusy {
        headers.insert(
            RETRY_AFTER,
            HeaderValue::from(timing::RETRY_AFTER.as_secs()),
        ); // [GRP-6]
    }
    Said::Full {
        status: StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
        headers,
        json: to_json(&refusal.into_body(request_id.clone())),
    }
}

fn json(answer: &Answer) -> Bytes {
    match answer {
        Answer::Payment(payment) => to_json(payment),
        Answer::Payments(list) => to_json(list),
        Answer::Cancellation(cancellation) => to_json(cancellation),
        Answer::Reader(reader) => to_json(reader),
        Answer::Refused(refusal) => to_json(&refusal.to_string()),
    }
}

fn to_json(value: &impl serde::Serialize) -> Bytes {
    serde_json::to_vec(value)
        .expect("wire types have string keys and no fallible parts")
        .into()
}
