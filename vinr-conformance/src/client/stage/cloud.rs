//! The cloud of a run: it hands commands over to the suite's terminals at once, and knows what they know.
//!
//! What it leaves to the sandbox cloud of the simulator: hand-over that takes time, withdrawal, webhooks. A till sees none
//! of that in the scenarios of this suite.

use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};
use tokio::sync::mpsc;
use vinr_protocol::cloud::{CloudPayRequest, Wait};
use vinr_protocol::error_body::{Code, Refusal};
use vinr_protocol::payment::ConnectionMode;
use vinr_protocol::request::parse_key;
use vinr_protocol::terminal::{Answer, Caller};
use vinr_protocol::{AttemptKey, CancelRequest, PaymentId, Reference};

use super::desk::{Desk, Word};
use super::http::Raw;

const PAYMENTS: &str = "/v1/terminal/payments";

/// The inside of the cloud.
pub(crate) struct CloudDesk {
    key: String,
    terminals: Mutex<Vec<Desk>>,
}

/// What comes of a request.
pub(super) enum Reply {
    /// This, at once.
    Now(u16, Value),
    /// What a terminal says, at the outcome.
    Later(Desk, Caller, mpsc::UnboundedReceiver<Word>),
    /// It is refused.
    Refused(Refusal),
}

impl CloudDesk {
    pub(crate) fn new(key: &str) -> Self {
        Self {
            key: key.to_owned(),
            terminals: Mutex::default(),
        }
    }

    /// It reaches this terminal from here on.
    pub(crate) fn knows(&self, desk: Desk) {
        self.lock().push(desk);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Desk>> {
        self.terminals
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn ask(&self, raw: &Raw) -> Reply {
        let header = |name: &str| {
            raw.headers
                .iter()
                .find(|(own, _)| own.eq_ignore_ascii_case(name))
                .map(|(_, value)| value.as_str())
        };
        let bearer = format!("Bearer {}", self.key);
        if header("authorization") != Some(&bearer) && header("x-api-key") != Some(&self.key) {
            return refuse(Code::InvalidApiKey, "this API wants its key");
        }
        let (path, query) = raw.path.split_once('?').unwrap_or((&raw.path, ""));
        let rest = path.strip_prefix(PAYMENTS);
        match (raw.method.as_str(), rest) {
            ("POST", Some("")) => self.pay(raw),
            ("GET", Some("")) => self.list(query),
            (method, Some(rest)) => {
                let rest = rest.trim_start_matches('/');
                match (method, rest.strip_suffix("/cancel")) {
                    ("POST", Some(id)) => self.cancel(id),
                    ("GET", None) => self.one(rest),
                    _ => refuse(Code::NotFound, "no such path"),
                }
            }
            _ => refuse(Code::NotFound, "no such path"),
        }
    }

    fn pay(&self, raw: &Raw) -> Reply {
        let keys = raw
            .headers
            .iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case("idempotency-key"))
            .map(|(_, value)| value.as_bytes());
        let (request, key) = match (CloudPayRequest::parse(&raw.body), parse_key(keys)) {
            (Ok(request), Ok(key)) => (request, key),
            (Err(refusal), _) | (_, Err(refusal)) => return Reply::Refused(refusal),
        };
        let desk = {
            let terminals = self.lock();
            let members = request.target.members();
            let find = |id: &vinr_protocol::TerminalId| {
                terminals.iter().find(|desk| desk.terminal() == id).cloned()
            };
            let known: Vec<_> = members.iter().filter_map(find).collect();
            let idle = known.iter().find(|desk| desk.is_idle()).cloned();
            idle.or_else(|| known.first().cloned())
        };
        let Some(desk) = desk else {
            return refuse(Code::TerminalUnavailable, "no such terminal is connected");
        };
        let pay = request.for_terminal(desk.terminal());
        let reference = pay.reference.clone();
        let (caller, mut words) = desk.pay(pay, key.clone(), ConnectionMode::Cloud);
        if request.wait == Wait::ForOutcome {
            return Reply::Later(desk, caller, words);
        }
        match words.try_recv() {
            Ok(Word::Answer(answer)) => now(*answer),
            Ok(Word::Head) | Err(_) => match pending(&desk, reference, key.as_ref()) {
                Some(payment) => Reply::Now(200, payment),
                None => refuse(Code::Internal, "the payment is not listed"),
            },
        }
    }

    fn list(&self, query: &str) -> Reply {
        let reference = query
            .split('&')
            .find_map(|pair| pair.strip_prefix("reference="))
            .map(|text| text.replace("%3A", ":").replace("%2F", "/"))
            .and_then(|text| Reference::new(&text).ok());
        let Some(reference) = reference else {
            return refuse(Code::InvalidReference, "a reference is wanted");
        };
        let data: Vec<Value> = self
            .lock()
            .iter()
            .flat_map(|desk| listed(desk, reference.clone()))
            .collect();
        Reply::Now(
            200,
            json!({ "object": "list", "data": data, "undelivered": false }),
        )
    }

    fn one(&self, id: &str) -> Reply {
        match self.find(id) {
            Some((_, payment)) => Reply::Now(200, payment),
            None => refuse(Code::NotFound, "no such payment"),
        }
    }

    fn cancel(&self, id: &str) -> Reply {
        let Some((desk, payment)) = self.find(id) else {
            return refuse(Code::NotFound, "no such payment");
        };
        let text = |name: &str| payment[name].as_str().unwrap_or_default().to_owned();
        let Ok(reference) = Reference::new(&text("reference")) else {
            return refuse(Code::Internal, "the payment has no reference");
        };
        let (_, mut words) = desk.cancel(CancelRequest {
            terminal_id: desk.terminal().clone(),
            reference,
            attempt_key: AttemptKey::new(&text("attemptKey")).ok(),
        });
        match words.try_recv() {
            Ok(Word::Answer(answer)) => now(*answer),
            _ => refuse(Code::Internal, "the terminal does not answer"),
        }
    }

    fn find(&self, id: &str) -> Option<(Desk, Value)> {
        let id = PaymentId::new(id).ok()?;
        self.lock().iter().find_map(|desk| {
            let (_, mut words) = desk.look_up_id(id.clone());
            match words.try_recv() {
                Ok(Word::Answer(answer)) => match *answer {
                    Answer::Payment(payment) => {
                        let payment = serde_json::to_value(&payment).ok()?;
                        Some((desk.clone(), payment))
                    }
                    _ => None,
                },
                _ => None,
            }
        })
    }
}

fn listed(desk: &Desk, reference: Reference) -> Vec<Value> {
    let (_, mut words) = desk.look_up(reference);
    match words.try_recv() {
        Ok(Word::Answer(answer)) => match *answer {
            Answer::Payments(list) => list
                .data
                .iter()
                .filter_map(|payment| serde_json::to_value(payment).ok())
                .collect(),
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

fn pending(desk: &Desk, reference: Reference, key: Option<&AttemptKey>) -> Option<Value> {
    let key = key.map(AttemptKey::as_str);
    listed(desk, reference)
        .into_iter()
        .find(|payment| payment["attemptKey"].as_str() == key)
}

fn now(answer: Answer) -> Reply {
    let value = match answer {
        Answer::Payment(payment) => serde_json::to_value(payment),
        Answer::Payments(list) => serde_json::to_value(list),
        Answer::Cancellation(word) => serde_json::to_value(word),
        Answer::Reader(reader) => serde_json::to_value(reader),
        Answer::Refused(refusal) => return Reply::Refused(refusal),
    };
    Reply::Now(200, value.unwrap_or_default())
}

fn refuse(code: Code, message: &str) -> Reply {
    Reply::Refused(Refusal::new(code, message))
}
