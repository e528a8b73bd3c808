//! Inputs in, effects out: each rule of §5 by itself.

use std::time::Duration;

use super::*;
use crate::error_body::{Code, ErrorType, Next};
use crate::id::{JournalId, PaymentId, Reference, TerminalId};
use crate::money::{Amount, Currency};
use crate::payment::{CancelOutcome, CaptureMethod, ConnectionMode, Offline, Status};
use crate::timing::{ASK_AGAIN_MIN, RECORDS_KEPT};

mod attempts_of_the_same_sale;
mod cancelling;
mod holding;
mod looking_up;
mod refusals;
mod starting;

const FIRST: &str = "01FIRST";
const SECOND: &str = "01SECOND";
const JOURNAL: &str = "jrn_1";
const DEADLINE: Duration = Duration::from_secs(150);

pub(in crate::client) fn key(text: &str) -> AttemptKey {
    AttemptKey::new(text).expect("lawful")
}

pub(in crate::client) fn journal(text: &str) -> JournalId {
    JournalId::new(text).expect("lawful")
}

pub(in crate::client) fn day(day: i64) -> Timestamp {
    Timestamp::from_unix_ms(day * 24 * 3600 * 1000).expect("lawful")
}

pub(in crate::client) fn stored() -> StoredAttempt {
    StoredAttempt {
        terminal_id: TerminalId::new("term_CT20_0042").expect("lawful"),
        members: Vec::new(),
        reference: Reference::new("order_8821").expect("lawful"),
        key: key(FIRST),
        amount: Amount::new(2500).expect("lawful"),
        currency: Currency::USD,
        capture_method: CaptureMethod::Automatic,
        path: ConnectionMode::Local,
        journal_id: Some(journal(JOURNAL)),
        known: Default::default(),
        stored_at: day(20_000),
    }
}

pub(in crate::client) fn payment(of: &str, status: Status) -> Payment {
    let stored = stored();
    Payment {
        id: PaymentId::new(&format!("tpay_{of}")).expect("lawful"),
        object: crate::payment::PAYMENT_OBJECT.to_owned(),
        terminal_id: stored.terminal_id,
        attempt_key: Some(key(of)),
        amount: stored.amount,
        currency: stored.currency,
        reference: stored.reference,
        description: None,
        capture_method: stored.capture_method,
        status,
        amount_captured: 0,
        amount_capturable: 0,
        last4: None,
        brand: None,
        entry_mode: None,
        decline_code: None,
        cancel_reason: None,
        offline: None,
        metadata: Default::default(),
        created_at: stored.stored_at,
        completed_at: None,
    }
}

pub(in crate::client) fn queued(of: &str) -> Payment {
    Payment {
        offline: Some(Offline {
            queued_at: day(20_000),
            sequence: 7,
        }),
        ..payment(of, Status::Processing)
    }
}

pub(in crate::client) fn list(data: Vec<Payment>) -> PaymentList {
    PaymentList {
        object: "list".to_owned(),
        data,
        journal_id: Some(journal(JOURNAL)),
    }
}

pub(in crate::client) fn cancellation(
    outcome: CancelOutcome,
    payment: Option<Payment>,
) -> Cancellation {
    Cancellation {
        object: "cancellation".to_owned(),
        reference: stored().reference,
        outcome,
        payment,
        journal_id: Some(journal(JOURNAL)),
    }
}

pub(in crate::client) fn error(code: Code) -> ErrorBody {
    ErrorBody {
        kind: ErrorType::ConflictError,
        code,
        message: "no".to_owned(),
        param: None,
        request_id: None,
        next: None,
        retry_after_ms: None,
    }
}

pub(in crate::client) fn policy(spare: Option<&str>) -> Policy {
    Policy {
        deadline: DEADLINE,
        spare_key: spare.map(key),
    }
}

/// A story that has come to a point, and its last effects.
struct Story {
    attempt: Attempt,
    effects: Vec<Effect>,
}

impl Story {
    fn new(stored: StoredAttempt, policy: Policy) -> Self {
        Self {
            attempt: Attempt::new(stored, policy),
            effects: Vec::new(),
        }
    }

    fn then(mut self, input: Input) -> Self {
        self.effects = self.attempt.step(input);
        self
    }

    /// The pay is on its way; one more attempt is allowed.
    fn sent() -> Self {
        Self::new(stored(), policy(Some(SECOND)))
            .then(Input::Begin)
            .then(Input::Stored)
    }

    /// The answer was lost before the head.
    fn lost() -> Self {
        Self::sent().then(broken())
    }

    /// The terminal has been asked to cancel a pending attempt.
    fn cancelling() -> Self {
        Self::lost().then(Input::LookedUp(list(vec![payment(FIRST, Status::Pending)])))
    }

    fn outcome(&self) -> &Outcome {
        match self.effects.last() {
            Some(Effect::Settled(outcome)) => outcome,
            other => panic!("not settled: {other:?}"),
        }
    }

    fn pauses(&self, ms: u64) {
        assert_eq!(
            self.effects,
            [
                Effect::Disarm(Timer::Reply),
                Effect::Arm(Timer::AskAgain, Duration::from_millis(ms))
            ]
        );
    }

    fn looks_up(&self) {
        assert!(self.effects.contains(&Effect::LookUp), "{:?}", self.effects);
    }

    fn cancels(&self, of: &str) {
        assert_eq!(self.effects[0], Effect::Cancel { key: key(of) });
    }

    fn is_unknown(&self) -> &Unsettled {
        match self.outcome() {
            Outcome::Unknown { why, .. } => why,
            other => panic!("not unknown: {other:?}"),
        }
    }

    fn is_final(&self, payment: Payment) {
        assert_eq!(self.outcome(), &Outcome::Final(payment));
    }
}

fn broken() -> Input {
    Input::Lost(Lost::Broken("reset".to_owned()))
}
