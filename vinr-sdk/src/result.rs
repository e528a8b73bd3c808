//! What came of a payment.

use std::ops::Deref;

use serde::{Deserialize, Serialize};
use vinr_protocol::client::attempt::{Lost, NotSent, Outcome, StoredAttempt, Unsettled};
use vinr_protocol::client::hybrid::Path;
use vinr_protocol::{Payment, Status, TerminalId};

use crate::attempts::Resolution;
use crate::error::{Error, OutcomeUnknown, is_about_our_certificate};
use crate::hands::Noted;
use crate::vinr::Inner;

/// What came of a payment. Reads like the [`Payment`] it holds: `result.last4`, `result.status`.
///
/// As JSON it is `{"result":"completed","payment":{…}}`, with `failed`, `cancelled` and `accepted_offline` for the others.
/// Complete by nature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", content = "payment", rename_all = "snake_case")]
#[must_use = "only a completed payment, or one accepted offline, has been paid"]
pub enum PaymentResult {
    /// Approved.
    Completed(Payment),
    /// Declined; `decline_code` says why.
    Failed(Payment),
    /// Given up before a charge; `cancel_reason` says by whom.
    Cancelled(Payment),
    /// **Not approved yet**: the terminal was without the internet, keeps the payment and forwards it later.
    /// The issuer may still decline it, at the shop's risk. \[OFF-10\]
    AcceptedOffline(Payment),
}

impl PaymentResult {
    /// The payment, whatever came of it.
    pub fn payment(&self) -> &Payment {
        match self {
            Self::Completed(payment)
            | Self::Failed(payment)
            | Self::Cancelled(payment)
            | Self::AcceptedOffline(payment) => payment,
        }
    }

    /// The payment, whatever came of it.
    pub fn into_payment(self) -> Payment {
        match self {
            Self::Completed(payment)
            | Self::Failed(payment)
            | Self::Cancelled(payment)
            | Self::AcceptedOffline(payment) => payment,
        }
    }

    /// The result that a final payment is.
    fn of(payment: Payment) -> Self {
        match payment.status {
            Status::Completed => Self::Completed(payment),
            Status::Cancelled => Self::Cancelled(payment),
            _ => Self::Failed(payment),
        }
    }
}

impl Deref for PaymentResult {
    type Target = Payment;

    fn deref(&self) -> &Payment {
        self.payment()
    }
}

/// What an outcome is to the caller, with what was noted on the way to it.
pub(crate) fn result(
    inner: &Inner,
    reader: &TerminalId,
    outcome: Outcome,
    noted: &Noted,
) -> Result<PaymentResult, Error> {
    let result = translate(reader.clone(), outcome, noted);
    if let Ok(payment) = &result {
        inner.tally.paid(payment);
        let path = payment.connection_mode().map(|it| it.to_string());
        tracing::info!(
            reader = %payment.terminal_id, reference = %payment.reference, status = %payment.status,
            path = path.unwrap_or_default(), "a payment has come to its end"
        );
    }
    result
}

fn translate(reader: TerminalId, outcome: Outcome, noted: &Noted) -> Result<PaymentResult, Error> {
    Err(match outcome {
        Outcome::Final(payment) => return Ok(PaymentResult::of(payment)),
        Outcome::AcceptedOffline(payment) => return Ok(PaymentResult::AcceptedOffline(payment)),
        Outcome::Refused {
            status,
            error,
            attempts,
        } => match attempts
            .iter()
            .find(|attempt| attempt.status == Status::Completed)
        {
            Some(payment) => Error::AlreadyPaid {
                payment: Box::new(payment.clone()),
            },
            // [TLS-5] nothing else is known of the sale, so that this till has no certificate is the error.
            None if is_about_our_certificate(&error) && attempts.is_empty() => {
                Error::CertificateRefused {
                    reader,
                    why: format!("{} ({})", error.message, error.code),
                }
            }
            // The cloud relays what a terminal says; about the API key it is its own word.
            None if noted.refused_by == Some(Path::Cloud) && status == 401 => Error::CloudRefused {
                status,
                error: Box::new(error),
                attempts,
            },
            None => Error::Refused {
                reader,
                status,
                error: Box::new(error),
                attempts,
            },
        },
        Outcome::NotSent { why } => match why {
            NotSent::StoreFailed(why) => Error::Store { source: why.into() },
            NotSent::CertificateRefused(why) => Error::CertificateRefused { reader, why },
            NotSent::GivenUp => Error::GivenUp,
            NotSent::Identity(why) => Error::Identity { reader, why },
            why @ (NotSent::Unreachable(_) | NotSent::ConnectionClosed) => {
                let why = unreachable(&why);
                match &noted.cloud_not_sent {
                    Some(cloud) => Error::NoPath {
                        reader,
                        lan: why,
                        cloud: unreachable(cloud),
                    },
                    None => Error::Unreachable { reader, why },
                }
            }
        },
        Outcome::Voided { why, attempts } => Error::Voided {
            reader,
            why,
            attempts,
        },
        Outcome::Unknown {
            reference,
            key,
            why,
        } => OutcomeUnknown {
            reader,
            reference,
            key,
            why,
        }
        .into(),
    })
}

/// Why nothing was sent, without the words that an error puts before it.
fn unreachable(why: &NotSent) -> String {
    match why {
        NotSent::Unreachable(why) => why.clone(),
        other => other.to_string(),
    }
}

/// What a resumed attempt has come to.
pub(crate) fn resolution(attempt: StoredAttempt, outcome: Outcome) -> Resolution {
    match outcome {
        Outcome::Final(payment) => Resolution::Result(PaymentResult::of(payment)),
        Outcome::AcceptedOffline(payment) => {
            Resolution::Result(PaymentResult::AcceptedOffline(payment))
        }
        Outcome::Voided { why, attempts } => Resolution::NeverCharged { why, attempts },
        Outcome::Unknown {
            reference,
            key,
            why,
        } => Resolution::StillUnknown(OutcomeUnknown {
            reader: attempt.terminal_id,
            reference,
            key,
            why,
        }),
        // A resumed attempt sends no pay, which alone can be refused or not sent.
        Outcome::Refused { .. } | Outcome::NotSent { .. } => {
            Resolution::StillUnknown(unknown(attempt))
        }
    }
}

/// Nobody could say in time.
pub(crate) fn unknown(attempt: StoredAttempt) -> OutcomeUnknown {
    OutcomeUnknown {
        reader: attempt.terminal_id,
        reference: attempt.reference,
        key: attempt.key,
        why: Unsettled::Deadline(Lost::Restarted),
    }
}
