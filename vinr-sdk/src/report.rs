//! An error as data: for a till's own log, its screen in another language, or another process.

use serde::{Deserialize, Serialize, Serializer};
use vinr_protocol::error_body::Code;
use vinr_protocol::id::RequestId;
use vinr_protocol::{AttemptKey, ErrorBody, Payment, Reference, TerminalId};

use crate::error::{Charged, Error};

/// An [`Error`] as it is serialized: what happened, may the customer have been charged, what next, and what it is about.
///
/// ```
/// # let error = vinr_sdk::Error::GivenUp;
/// let json = serde_json::to_value(&error).unwrap();
/// assert_eq!(json["error"], "given_up");
/// assert_eq!(json["charged"], "no");
/// assert_eq!(json["next"], "pay the same reference again if it is still wanted");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Report {
    /// The variant of the error, such as `outcome_unknown`.
    pub error: String,
    /// What happened.
    pub what: String,
    /// May the customer have been charged?
    pub charged: Charged,
    /// What to do next.
    pub next: String,
    /// The sale.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<Reference>,
    /// The terminals that it is about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub readers: Vec<TerminalId>,
    /// The attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt_key: Option<AttemptKey>,
    /// Of the answer that it comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_status: Option<u16>,
    /// Of the answer that it comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Code>,
    /// Of the answer that it comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<RequestId>,
    /// What is known of the sale's attempts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub payments: Vec<Payment>,
}

impl Error {
    /// The error as data.
    pub fn report(&self) -> Report {
        let mut report = Report {
            error: self.kind().to_owned(),
            what: self.what(),
            charged: self.charged(),
            next: self.next().to_owned(),
            reference: None,
            readers: Vec::new(),
            attempt_key: None,
            http_status: None,
            code: None,
            request_id: None,
            payments: Vec::new(),
        };
        match self {
            Error::Invalid { .. }
            | Error::NoReaders
            | Error::Store { .. }
            | Error::Discovery(_)
            | Error::GivenUp => {}
            Error::UnknownReader { reader }
            | Error::Unreachable { reader, .. }
            | Error::Identity { reader, .. }
            | Error::CertificateRefused { reader, .. }
            | Error::NoPath { reader, .. } => report.readers.push(reader.clone()),
            Error::InProgress { reference } | Error::NotFound { reference } => {
                report.reference = Some(reference.clone());
            }
            Error::Refused {
                reader,
                status,
                error,
                attempts,
            } => {
                report.readers.push(reader.clone());
                report.answered(*status, error, attempts);
            }
            Error::CloudRefused {
                status,
                error,
                attempts,
            } => report.answered(*status, error, attempts),
            Error::AlreadyPaid { payment } => {
                report.reference = Some(payment.reference.clone());
                report.payments.push((**payment).clone());
            }
            Error::Voided {
                reader, attempts, ..
            } => {
                report.readers.push(reader.clone());
                report.payments.clone_from(attempts);
            }
            Error::OutcomeUnknown(unknown) => {
                report.reference = Some(unknown.reference.clone());
                report.readers.push(unknown.reader.clone());
                report.attempt_key = Some(unknown.key.clone());
            }
            Error::AllBusy { members, .. } => report.readers.clone_from(members),
            Error::NoneReachable { unreachable } => report.readers = ids(unreachable),
            Error::Unanswered {
                reference,
                found,
                unanswered,
                ..
            } => {
                report.reference = Some(reference.clone());
                report.readers = ids(unanswered);
                report.payments.extend(found.as_deref().cloned());
            }
        }
        report
    }

    /// The variant's name on the wire.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Error::Invalid { .. } => "invalid",
            Error::UnknownReader { .. } => "unknown_reader",
            Error::NoReaders => "no_readers",
            Error::Unreachable { .. } => "unreachable",
            Error::Identity { .. } => "identity",
            Error::CertificateRefused { .. } => "certificate_refused",
            Error::Store { .. } => "store",
            Error::Discovery(_) => "discovery",
            Error::InProgress { .. } => "in_progress",
            Error::Refused { .. } => "refused",
            Error::AlreadyPaid { .. } => "already_paid",
            Error::Voided { .. } => "voided",
            Error::GivenUp => "given_up",
            Error::OutcomeUnknown(_) => "outcome_unknown",
            Error::NotFound { .. } => "not_found",
            Error::NoPath { .. } => "no_path",
            Error::CloudRefused { .. } => "cloud_refused",
            Error::AllBusy { .. } => "all_busy",
            Error::NoneReachable { .. } => "none_reachable",
            Error::Unanswered { .. } => "unanswered",
        }
    }
}

impl Report {
    fn answered(&mut self, status: u16, error: &ErrorBody, attempts: &[Payment]) {
        self.http_status = Some(status);
        self.code = Some(error.code.clone());
        self.request_id.clone_from(&error.request_id);
        self.reference = attempts.first().map(|it| it.reference.clone());
        self.payments = attempts.to_vec();
    }
}

/// As its [`Report`].
impl Serialize for Error {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.report().serialize(serializer)
    }
}

fn ids(whys: &[(TerminalId, String)]) -> Vec<TerminalId> {
    whys.iter().map(|(reader, _)| reader.clone()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use vinr_protocol::client::attempt::{Lost, Unsettled};

    use super::*;
    use crate::error::OutcomeUnknown;

    #[test]
    fn an_unknown_outcome_is_this_json() {
        let error = Error::OutcomeUnknown(OutcomeUnknown {
            reader: TerminalId::new("term_CT20_0042").unwrap(),
            reference: Reference::new("order_8821").unwrap(),
            key: AttemptKey::new("01JD7").unwrap(),
            why: Unsettled::Deadline(Lost::HeldTooLong),
        });
        assert_eq!(
            serde_json::to_value(&error).unwrap(),
            json!({
                "error": "outcome_unknown",
                "what": "the outcome of order_8821 at term_CT20_0042 is unknown: no answer for 120 s, and the terminal \
                         did not say before the deadline what became of the payment",
                "charged": "perhaps",
                "next": "do not pay again: resolve the attempt once the terminal can be reached",
                "reference": "order_8821",
                "readers": ["term_CT20_0042"],
                "attemptKey": "01JD7",
            })
        );
    }

    #[test]
    fn every_error_comes_back_from_its_json_as_the_same_report() {
        for error in Error::one_of_each() {
            let json = serde_json::to_string(&error).unwrap();
            let back: Report = serde_json::from_str(&json).unwrap();
            assert_eq!(back, error.report(), "{json}");
        }
    }

    #[test]
    fn a_refusal_has_the_answers_status_and_code() {
        let all = Error::one_of_each();
        let refused = all.iter().find(|it| it.kind() == "refused").unwrap();
        let json = serde_json::to_value(refused).unwrap();
        assert_eq!(json["httpStatus"], 409);
        assert_eq!(json["code"], "terminal_busy");
    }
}
