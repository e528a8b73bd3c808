//! The cloud's API: who may ask, what is asked, and the desk's answer as an HTTP response. §9

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http::StatusCode;
use http::header::{ALLOW, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use serde::Serialize;
use tokio::sync::{mpsc, oneshot};
use vinr_protocol::cloud::Command;
use vinr_protocol::cloud::relay::Answer;
use vinr_protocol::command::RawRequest;
use vinr_protocol::endpoint::NoEndpoint;
use vinr_protocol::error_body::{Code, Refusal};
use vinr_protocol::id::RequestId;
use vinr_protocol::terminal::Caller;
use vinr_protocol::timing;
use vinr_transport::server::{Handler, Reply, Request};

use super::desk::{Message, Word};
use super::key::ApiKey;

const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// Where requests come in.
pub(super) struct Api {
    key: ApiKey,
    desk: mpsc::UnboundedSender<Message>,
}

impl Api {
    pub(super) fn new(key: ApiKey, desk: mpsc::UnboundedSender<Message>) -> Self {
        Self { key, desk }
    }
}

impl Handler for Api {
    async fn handle(&self, request: Request) -> Reply {
        if !self.key.opens(&request.headers) {
            return no_key(&request.request_id);
        }
        match read(&request) {
            Ok(command) => self.ask(command, &request.request_id).await,
            Err(NoEndpoint { refusal, allow }) => {
                let reply = Reply::refusal(refusal, &request.request_id);
                match allow {
                    Some(allow) => reply.header(ALLOW, HeaderValue::from_static(allow)),
                    None => reply,
                }
            }
        }
    }
}

impl Api {
    async fn ask(&self, command: Command, request_id: &RequestId) -> Reply {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let caller = Caller(NEXT.fetch_add(1, Ordering::Relaxed));
        let (waiting, word) = oneshot::channel();
        let asked = Message::Asked {
            caller,
            command,
            waiting,
        };
        let _ = self.desk.send(asked);
        // Dropped with this future when the caller hangs up. The command goes on.
        let mut hang_up = HangUp {
            caller: Some(caller),
            desk: self.desk.clone(),
        };
        let word = word.await;
        hang_up.caller = None;
        match word {
            Ok(Word::Relay(answer)) => match *answer {
                Answer::Payment(payment) => ok(&payment),
                Answer::Payments(list) => ok(&list),
                Answer::Cancellation(word) => ok(&word),
                Answer::Refused(refusal) => refused(refusal, request_id),
            },
            Ok(Word::Endpoint(endpoint)) => ok(&endpoint),
            Ok(Word::Endpoints(list)) => ok(&list),
            Err(_) => {
                let message = "the cloud is shutting down; look the reference up";
                refused(Refusal::new(Code::Internal, message), request_id)
            }
        }
    }
}

fn read(request: &Request) -> Result<Command, NoEndpoint> {
    let all = |name: &str| -> Vec<&[u8]> {
        let values = request.headers.get_all(name).iter();
        values.map(HeaderValue::as_bytes).collect()
    };
    Command::read(&RawRequest {
        method: request.method.as_str(),
        path: &request.path,
        query: request.query.as_deref(),
        content_types: &all(CONTENT_TYPE.as_str()),
        keys: &all(IDEMPOTENCY_KEY),
        body: &request.body,
    })
}

fn no_key(request_id: &RequestId) -> Reply {
    let message = "this API wants its key: Authorization: Bearer sk_test_…, or X-Api-Key; the sandbox keeps it in cloud/api-key";
    Reply::refusal(Refusal::new(Code::InvalidApiKey, message), request_id)
        .header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
}

fn refused(refusal: Refusal, request_id: &RequestId) -> Reply {
    let is_busy = refusal.code == Code::TerminalBusy;
    let reply = Reply::refusal(refusal, request_id);
    match is_busy {
        // [GRP-6]
        true => reply.header(
            RETRY_AFTER,
            HeaderValue::from(timing::RETRY_AFTER.as_secs()),
        ),
        false => reply,
    }
}

fn ok(value: &impl Serialize) -> Reply {
    let json =
        serde_json::to_vec(value).expect("wire types have string keys and no fallible parts");
    Reply::full(StatusCode::OK, Bytes::from(json))
}

/// Tells the desk that a caller left.
struct HangUp {
    caller: Option<Caller>,
    desk: mpsc::UnboundedSender<Message>,
}

impl Drop for HangUp {
    fn drop(&mut self) {
        if let Some(caller) = self.caller.take() {
            let _ = self.desk.send(Message::HungUp(caller));
        }
    }
}
