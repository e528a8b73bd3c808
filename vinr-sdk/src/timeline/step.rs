//! One step of a payment.

use std::fmt;

use serde::Serialize;
use vinr_protocol::client::attempt::StoredAttempt;
use vinr_protocol::client::hybrid::Path;
use vinr_protocol::{ErrorBody, Payment, TerminalId, Timestamp};

use super::redact::short;

/// One step of a payment, as support may see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Step {
    /// Milliseconds since the first step of the sale in this process.
    pub ms: u64,
    /// The date of this till's clock, UTC.
    pub at: Timestamp,
    /// What happened, such as `sending the pay` or `answered`.
    pub what: &'static str,
    /// `lan` or `cloud`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<&'static str>,
    /// The terminal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reader: Option<TerminalId>,
    /// The end of the attempt's key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt: Option<String>,
    /// The HTTP status of an answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_status: Option<u16>,
    /// The error code of an answer, or the kind of an error of this SDK.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The request id of an answer, where it says one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The payment's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment: Option<String>,
    /// The payment's status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// More words, redacted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

impl Step {
    pub(crate) fn of(what: &'static str) -> Self {
        Self {
            ms: 0,
            at: crate::vinr::now(),
            what,
            path: None,
            reader: None,
            attempt: None,
            http_status: None,
            code: None,
            request_id: None,
            payment: None,
            status: None,
            why: None,
        }
    }

    pub(crate) fn at_reader(mut self, reader: &TerminalId) -> Self {
        self.reader = Some(reader.clone());
        self
    }

    pub(crate) fn of_attempt(mut self, stored: &StoredAttempt) -> Self {
        self.attempt = Some(short(&stored.key));
        self.at_reader(&stored.terminal_id)
    }

    pub(crate) fn over(mut self, path: Path) -> Self {
        self.path = Some(match path {
            Path::Lan => "lan",
            Path::Cloud => "cloud",
        });
        self
    }

    pub(crate) fn why(mut self, why: impl Into<String>) -> Self {
        self.why = Some(why.into());
        self
    }

    pub(crate) fn code(mut self, code: impl Into<String>) -> Self {
        self.code = Some(code.into());
        self
    }

    /// What the answer says that is not for people.
    pub(crate) fn refused(mut self, status: u16, error: &ErrorBody) -> Self {
        self.http_status = Some(status);
        self.request_id = error.request_id.as_ref().map(ToString::to_string);
        self.code(known(&error.code.to_string(), error.code.is_known()))
    }

    pub(crate) fn answered(mut self) -> Self {
        self.http_status = Some(200);
        self
    }

    /// What a payment says of its course. Nothing of the card and nothing that the shop wrote.
    pub(crate) fn of_payment(mut self, payment: &Payment) -> Self {
        self.payment = Some(payment.id.to_string());
        self.status = Some(known(payment.status.as_str(), payment.status.is_known()));
        let mut words = Vec::new();
        if let Some(code) = &payment.decline_code {
            words.push(known(code.as_str(), code.is_known()));
        }
        if let Some(reason) = &payment.cancel_reason {
            words.push(known(reason.as_str(), reason.is_known()));
        }
        if let Some(offline) = &payment.offline {
            words.push(format!("queued offline as {}", offline.sequence));
        }
        if let Some(mode) = payment.connection_mode().filter(|mode| mode.is_known()) {
            words.push(format!("first command: {mode}"));
        }
        if !words.is_empty() {
            self.why = Some(words.join(", "));
        }
        self.at_reader(&payment.terminal_id)
    }

    /// Everything that a peer may have had a part in.
    pub(super) fn texts(&mut self) -> impl Iterator<Item = &mut String> {
        let texts = [
            &mut self.code,
            &mut self.request_id,
            &mut self.payment,
            &mut self.status,
            &mut self.why,
        ];
        texts.into_iter().flatten()
    }
}

/// A word that this version does not know may be anything.
fn known(word: &str, is_known: bool) -> String {
    if is_known { word } else { "unknown word" }.to_owned()
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} +{:>6} ms  {}", self.at, self.ms, self.what)?;
        let status = self.http_status.map(|it| it.to_string());
        let reader = self.reader.as_ref().map(TerminalId::as_str);
        for (name, word) in [
            (" over ", self.path),
            (" at ", reader),
            (", attempt ", self.attempt.as_deref()),
            (", HTTP ", status.as_deref()),
            (", ", self.code.as_deref()),
            (", request ", self.request_id.as_deref()),
            (", ", self.payment.as_deref()),
            (" is ", self.status.as_deref()),
            (": ", self.why.as_deref()),
        ] {
            if let Some(word) = word {
                write!(f, "{name}{word}")?;
            }
        }
        Ok(())
    }
}
