//! The lines between the suite and an adapter, protocol 1: §1 of `spec/harness.md`.
//!
//! One JSON object per line, UTF-8. Requests go to the adapter's stdin, answers come from its stdout, in any order; what
//! it writes to stderr is free text. An answer has the `id` of its request and one of `ok`, `error` and
//! `unsupported`. Names that the suite does not know are ignored in answers, and an adapter ignores those that it does not
//! know in requests.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::journal::Answered;

/// The version that `hello` names.
pub const PROTOCOL: u32 = 1;

/// No line of an adapter is longer.
pub const LONGEST_LINE: usize = 256 * 1024;

/// What an adapter is asked.
#[derive(Debug, Clone, PartialEq)]
pub enum Op {
    /// Who are you?
    Hello,
    /// This is the till's set-up.
    Configure(Box<Configure>),
    /// Which terminals are there?
    Discover {
        /// `host`, `host:port`, …; absent: by mDNS.
        hosts: Option<Vec<String>>,
        /// How long it may take.
        timeout_ms: Option<u64>,
    },
    /// Take a payment on the LAN. One `pay` is one intent: recovery happens inside.
    Pay(Sale),
    /// Take a payment on the LAN, or through the cloud.
    PayHybrid {
        /// What is sold.
        sale: Sale,
        /// How long the LAN may take to accept.
        local_timeout_ms: u64,
    },
    /// Take a payment at the first free terminal of these.
    PayGroup {
        /// What is sold; its terminal is left out.
        sale: Sale,
        /// In this order.
        terminal_group: Vec<String>,
        /// How long it may wait while all are busy.
        max_wait_ms: Option<u64>,
    },
    /// What became of a sale?
    Retrieve {
        /// The sale.
        reference: String,
        /// At this terminal; absent: wherever it may be.
        terminal_id: Option<String>,
    },
    /// Settle what the store holds open.
    Resolve,
    /// May this webhook be believed?
    VerifyWebhook(Box<Webhook>),
    /// An op that no adapter has: one that answers it with anything but `unsupported` cannot be relied on.
    Nonsense(String),
}

/// The set-up of a till. Both forms of its identity are offered; an adapter takes either.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Configure {
    /// A directory of the till's own; it outlives a restart.
    pub store: String,
    /// The terminal CA bundle, PEM.
    pub ca: String,
    /// The till's identity, PKCS#12.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p12: Option<String>,
    /// Opens it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub passphrase: Option<String>,
    /// The same identity: its certificate, PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cert: Option<String>,
    /// Its key, PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Where terminals are, by id; empty: to be discovered.
    pub hosts: BTreeMap<String, String>,
    /// Opens the cloud's API.
    pub secret_key: String,
    /// The cloud.
    pub cloud_url: String,
    /// Its CA, PEM.
    pub cloud_ca: String,
    /// What signs webhooks.
    pub webhook_secrets: Vec<String>,
    /// How long a payment may take in all.
    pub deadline_ms: u64,
}

/// What is sold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Sale {
    /// Where.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub terminal_id: Option<String>,
    /// In minor units.
    pub amount: u64,
    /// Three letters.
    pub currency: String,
    /// What the merchant calls it.
    pub reference: String,
    /// `automatic` where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capture_method: Option<String>,
}

/// A webhook as it came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Webhook {
    /// Its body, byte for byte.
    pub body: String,
    /// The value of `Vinr-Signature`.
    pub signature: String,
    /// Any of these may have signed it.
    pub secrets: Vec<String>,
    /// The receiver's clock, in seconds since 1970.
    pub now: u64,
}

impl Op {
    /// Its name on the wire.
    pub fn name(&self) -> &str {
        match self {
            Self::Hello => "hello",
            Self::Configure(_) => "configure",
            Self::Discover { .. } => "discover",
            Self::Pay(_) => "pay",
            Self::PayHybrid { .. } => "pay_hybrid",
            Self::PayGroup { .. } => "pay_group",
            Self::Retrieve { .. } => "retrieve",
            Self::Resolve => "resolve",
            Self::VerifyWebhook(_) => "verify_webhook",
            Self::Nonsense(name) => name,
        }
    }

    /// Its fields beside `id` and `op`.
    pub fn fields(&self) -> Value {
        match self {
            Self::Hello => json!({ "protocol": PROTOCOL }),
            Self::Configure(configure) => json!(configure),
            Self::Discover { hosts, timeout_ms } => without_nulls(json!({
                "hosts": hosts, "timeoutMs": timeout_ms,
            })),
            Self::Pay(sale) => json!(sale),
            Self::PayHybrid {
                sale,
                local_timeout_ms,
            } => with(json!(sale), [("localTimeoutMs", json!(local_timeout_ms))]),
            Self::PayGroup {
                sale,
                terminal_group,
                max_wait_ms,
            } => without_nulls(with(
                json!(sale),
                [
                    ("terminalGroup", json!(terminal_group)),
                    ("maxWaitMs", json!(max_wait_ms)),
                ],
            )),
            Self::Retrieve {
                reference,
                terminal_id,
            } => without_nulls(json!({ "reference": reference, "terminalId": terminal_id })),
            Self::Resolve | Self::Nonsense(_) => json!({}),
            Self::VerifyWebhook(webhook) => json!(webhook),
        }
    }

    /// The line, without its end.
    pub fn line(&self, id: u64) -> String {
        with(
            self.fields(),
            [("id", json!(id)), ("op", json!(self.name()))],
        )
        .to_string()
    }
}

fn with<const N: usize>(mut object: Value, members: [(&str, Value); N]) -> Value {
    for (name, value) in members {
        object[name] = value;
    }
    object
}

fn without_nulls(mut object: Value) -> Value {
    if let Some(members) = object.as_object_mut() {
        members.retain(|_, value| !value.is_null());
    }
    object
}

/// A line of an adapter.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Of the request that it answers.
    pub id: u64,
    /// What it says.
    pub answer: Answered,
}

#[derive(Deserialize)]
struct RawLine {
    id: u64,
    // `"ok": null` is an answer too: nobody has such a sale.
    #[serde(default, deserialize_with = "present")]
    ok: Option<Value>,
    error: Option<RawError>,
    unsupported: Option<bool>,
}

#[derive(Deserialize)]
struct RawError {
    class: String,
    #[serde(default)]
    message: String,
    code: Option<String>,
    reference: Option<String>,
}

fn present<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(from).map(Some)
}

/// The classes of an error.
pub const CLASSES: [&str; 7] = [
    "config",
    "tls",
    "refused",
    "unreachable",
    "indeterminate",
    "webhook",
    "usage",
];

impl Line {
    /// Reads a line; the error says what is wrong with it and repeats none of it.
    pub fn parse(line: &[u8]) -> Result<Self, String> {
        let raw: RawLine = serde_json::from_slice(line).map_err(|error| {
            format!(
                "a line on stdout is no answer of the protocol (column {})",
                error.column()
            )
        })?;
        let answer = match (raw.ok, raw.error, raw.unsupported) {
            (Some(value), None, None | Some(false)) => Answered::Ok { value },
            (None, None, Some(true)) => Answered::Unsupported,
            (None, Some(error), None | Some(false)) => {
                if !CLASSES.contains(&error.class.as_str()) {
                    return Err(
                        "an error on stdout has a class that the protocol does not know".into(),
                    );
                }
                Answered::Error {
                    class: error.class,
                    message: error.message,
                    code: error.code,
                    reference: error.reference,
                }
            }
            _ => {
                return Err(
                    "a line on stdout has not exactly one of ok, error and unsupported".into(),
                );
            }
        };
        Ok(Self { id: raw.id, answer })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sale() -> Sale {
        Sale {
            terminal_id: Some("term_1".into()),
            amount: 2500,
            currency: "USD".into(),
            reference: "order_1".into(),
            capture_method: None,
        }
    }

    #[test]
    fn a_payment_is_one_line_with_its_id_and_op() {
        let line: Value = serde_json::from_str(&Op::Pay(sale()).line(7)).expect("JSON");
        assert_eq!(
            line,
            json!({"id": 7, "op": "pay", "terminalId": "term_1", "amount": 2500, "currency": "USD",
                "reference": "order_1"})
        );
    }

    #[test]
    fn what_is_not_said_is_left_out() {
        let line = Op::Discover {
            hosts: None,
            timeout_ms: None,
        };
        assert_eq!(line.fields(), json!({}));
    }

    #[test]
    fn nothing_found_is_an_answer() {
        let line = Line::parse(br#"{"id":1,"ok":null}"#).expect("an answer");
        assert_eq!(line.answer, Answered::Ok { value: Value::Null });
    }

    #[test]
    fn an_error_has_a_class_that_the_protocol_knows() {
        assert!(Line::parse(br#"{"id":1,"error":{"class":"tls","message":"m"}}"#).is_ok());
        assert!(Line::parse(br#"{"id":1,"error":{"class":"oops","message":"m"}}"#).is_err());
    }

    #[test]
    fn an_answer_says_exactly_one_thing() {
        for wrong in [
            r#"{"id":1}"#,
            r#"{"id":1,"ok":{},"unsupported":true}"#,
            r#"{"id":1,"unsupported":false}"#,
            r#"{"ok":{}}"#,
            "garbage",
            "",
        ] {
            assert!(Line::parse(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_line_is_said_without_repeating_it() {
        let error = Line::parse(b"sk_test_secret").expect_err("garbage");
        assert!(!error.contains("secret"), "{error}");
    }
}
