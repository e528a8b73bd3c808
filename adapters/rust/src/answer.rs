//! What the harness is answered: the SDK's errors, by their class.

use serde_json::{Value, json};
use vinr_sdk::webhooks::WebhookError;
use vinr_sdk::{BuildError, CloudError, Error, OutcomeUnknown};

/// An error object. Its class says what a till may do next.
pub(crate) type Wrong = Value;

/// An answer as a line.
pub(crate) trait Answer {
    fn to_line(self, id: Value) -> Value;
}

impl Answer for Result<Value, Wrong> {
    fn to_line(self, id: Value) -> Value {
        match self {
            Ok(ok) => json!({ "id": id, "ok": ok }),
            Err(error) => json!({ "id": id, "error": error }),
        }
    }
}

pub(crate) fn usage(message: impl Into<String>) -> Wrong {
    wrong("usage", message.into())
}

fn wrong(class: &str, message: String) -> Wrong {
    json!({ "class": class, "message": message })
}

pub(crate) fn not_built(error: BuildError) -> Wrong {
    wrong("config", error.to_string())
}

pub(crate) fn no_cloud(error: CloudError) -> Wrong {
    wrong("config", error.to_string())
}

pub(crate) fn not_believed(error: WebhookError) -> Wrong {
    wrong("webhook", error.to_string())
}

/// [REC-10]
pub(crate) fn unknown(unknown: &OutcomeUnknown) -> Wrong {
    about(
        &unknown.reference.to_string(),
        wrong("indeterminate", unknown.to_string()),
    )
}

/// What came of a sale that has no payment to show.
pub(crate) fn failed(reference: &str, error: Error) -> Wrong {
    let text = error.to_string();
    let answer = match error {
        Error::Store { .. } | Error::Discovery(_) => wrong("config", text),
        Error::Identity { .. } | Error::CertificateRefused { .. } => wrong("tls", text),
        Error::Refused { error, .. } | Error::CloudRefused { error, .. } => {
            refused(error.code.as_str(), text)
        }
        Error::AlreadyPaid { .. } => refused("reference_already_paid", text),
        Error::AllBusy { .. } => refused("terminal_busy", text),
        // It is durably cancelled, before the terminal knew it: there is no payment, and never will be.
        Error::Voided { .. } => refused("voided", text),
        Error::UnknownReader { .. }
        | Error::NoReaders
        | Error::Unreachable { .. }
        | Error::NoPath { .. }
        | Error::NoneReachable { .. } => wrong("unreachable", text),
        Error::OutcomeUnknown(_) | Error::Unanswered { .. } => wrong("indeterminate", text),
        Error::Invalid { .. }
        | Error::InProgress { .. }
        | Error::GivenUp
        | Error::NotFound { .. } => wrong("usage", text),
        // An error of a later SDK: whatever it is, nobody pays again before it is understood.
        _ => wrong("indeterminate", text),
    };
    about(reference, answer)
}

fn refused(code: &str, message: String) -> Wrong {
    json!({ "class": "refused", "code": code, "message": message })
}

fn about(reference: &str, mut answer: Wrong) -> Wrong {
    answer["reference"] = json!(reference);
    answer
}
