//! A terminal that completes every payment at once, without a screen, a card or a journal: what is left is the time of
//! the client that calls it.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use http::StatusCode;
use vinr_protocol::TerminalId;
use vinr_protocol::error_body::{Code, Refusal};
use vinr_simulator::provision::Pki;
use vinr_transport::server::{Handler, Reply, Request, Server};

use crate::shop::{Failure, serve};

/// Starts it on a free port of the loopback.
pub async fn start(pki: &Pki, terminal: &TerminalId) -> Result<Server, Failure> {
    start_noting(pki, terminal, Callers::default()).await
}

/// The same, and notes who calls.
pub async fn start_noting(
    pki: &Pki,
    terminal: &TerminalId,
    callers: Callers,
) -> Result<Server, Failure> {
    serve(pki, terminal, Counter(terminal.clone(), callers)).await
}

/// The connections on which anything was asked, by the till's end of each.
#[derive(Debug, Clone, Default)]
pub struct Callers(Arc<Mutex<BTreeSet<SocketAddr>>>);

impl Callers {
    /// How many there have been so far.
    pub fn count(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn note(&self, caller: SocketAddr) {
        let mut callers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        callers.insert(caller);
    }
}

struct Counter(TerminalId, Callers);

/// What the answer repeats.
#[derive(serde::Deserialize)]
struct Asked {
    amount: u64,
    currency: String,
    reference: String,
}

impl Handler for Counter {
    async fn handle(&self, request: Request) -> Reply {
        self.1.note(request.peer);
        match request.path.as_str() {
            "/v1/reader" => Reply::full(StatusCode::OK, reader(&self.0)),
            "/v1/pay" => self.paid(&request),
            _ => Reply::refusal(
                Refusal::new(Code::NotFound, "nothing is there"),
                &request.request_id,
            ),
        }
    }
}

impl Counter {
    fn paid(&self, request: &Request) -> Reply {
        let key = request.headers.get("idempotency-key");
        let key = key.and_then(|key| key.to_str().ok()).unwrap_or_default();
        match payment(&self.0, key, &request.body) {
            Some(payment) => Reply::full(StatusCode::OK, payment),
            None => Reply::refusal(
                Refusal::new(Code::InvalidJson, "not a payment"),
                &request.request_id,
            ),
        }
    }
}

/// What an idle terminal says of itself.
pub fn reader(terminal: &TerminalId) -> String {
    format!(
        r#"{{"object":"reader","id":"{terminal}","model":"nexgo_ct20","status":"online","activity":"idle","api":"vinr-local/1","journalId":"jrn_01JDXK3QZWV9CRMTGHBN7PSFYA"}}"#
    )
}

/// The payment that a request asks for, completed; `None` where it is no request.
pub fn payment(terminal: &TerminalId, key: &str, request: &[u8]) -> Option<String> {
    let Asked {
        amount,
        currency,
        reference,
    } = serde_json::from_slice(request).ok()?;
    Some(format!(
        r#"{{"id":"tpay_01JDXK3QZWV9CRMTGHBN7PSFYE","object":"terminal_payment","terminalId":"{terminal}","attemptKey":"{key}","amount":{amount},"currency":"{currency}","reference":"{reference}","description":null,"captureMethod":"automatic","status":"completed","amountCaptured":{amount},"amountCapturable":0,"last4":"4242","brand":"visa","entryMode":"contactless","declineCode":null,"cancelReason":null,"offline":null,"metadata":{{"connectionMode":"local"}},"createdAt":"2026-05-31T14:23:00.000Z","completedAt":"2026-05-31T14:23:07.412Z"}}"#
    ))
}
