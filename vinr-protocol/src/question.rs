//! The one vocabulary of questions: somebody has to tap the card.
//!
//! The conformance suite asks, and a control port, a command, an HTTP service or a person answers.
//! "Cannot" is an answer and makes could-not-test, never pass.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A question on the wire: `{"question":"present_card","id":"q17",…}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Question {
    /// What is asked, one of [`WORDS`].
    #[cfg_attr(
        feature = "schema",
        schemars(schema_with = "crate::schema::question_words")
    )]
    pub question: String,
    /// Its own id, repeated in the answer.
    pub id: String,
    /// The requirements that need it.
    #[serde(default)]
    pub requirement: Vec<String>,
    /// For people: what the answer will show.
    #[serde(default)]
    pub why: String,
    /// The terminal it is about.
    pub subject: String,
    /// Arguments, by the question's own table.
    #[serde(default)]
    pub args: Map<String, Value>,
    /// How long the asker waits for the answer.
    pub deadline_ms: u64,
}

/// Every question there is.
pub const WORDS: &[&str] = &[
    "present_card",
    "remove_card",
    "enter_pin",
    "observe_screen",
    "cut_internet",
    "restore_internet",
    "cut_lan",
    "restore_lan",
    "power_cycle",
    "toggle_local_mode",
    "set_host",
    "install_crl",
    "read_ledger",
    "read_storage",
    "till_install",
    "till_pay",
    "till_read_result",
];

/// An answer on the wire: `{"id":"q17","answer":"done"}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Answer {
    /// The question's id.
    pub id: String,
    /// What came of it.
    pub answer: Answered,
    /// With `value`: what was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    /// With `cannot`: the reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// With `saw`: when, on a monotonic clock, in nanoseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_ns: Option<u64>,
}

/// The five answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Answered {
    /// It was done.
    Done,
    /// The screen showed it.
    Saw,
    /// The screen did not show it.
    DidNotSee,
    /// Something was read: see `value`.
    Value,
    /// It cannot be done or seen here: see `why`.
    Cannot,
}

impl Answer {
    /// An answer that carries nothing else.
    pub fn plain(id: &str, answer: Answered) -> Self {
        Self {
            id: id.to_owned(),
            answer,
            value: None,
            why: None,
            at_ns: None,
        }
    }

    /// It cannot be done here.
    pub fn cannot(id: &str, why: impl Into<String>) -> Self {
        Self {
            why: Some(why.into()),
            ..Self::plain(id, Answered::Cannot)
        }
    }

    /// Something was read.
    pub fn value(id: &str, value: Value) -> Self {
        Self {
            value: Some(value),
            ..Self::plain(id, Answered::Value)
        }
    }
}

/// One line of `read_ledger`: what the card network's host knows of a payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LedgerEntry {
    /// The sale.
    pub reference: String,
    /// The payment the host dedupes on.
    pub payment_id: String,
    /// Minor units.
    pub amount: u64,
    /// ISO 4217.
    pub currency: String,
    /// The host approved it.
    pub approved: bool,
    /// The host closed it: it never will charge. A *charge* is approved and not voided.
    pub voided: bool,
    /// The money was taken with the authorization.
    pub captured: bool,
}
