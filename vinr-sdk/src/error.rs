//! What went wrong. Each error answers three questions: what happened (its text), may the customer have
//! been charged ([`Error::charged`]), and what to do next ([`Error::next`]).

use std::fmt;
use std::time::Duration;

use vinr_protocol::client::attempt::Lost;
use vinr_protocol::client::attempt::Unsettled;
use vinr_protocol::error_body::{Code, Next};
use vinr_protocol::{AttemptKey, ErrorBody, Payment, Reference, Status, TerminalId};

use crate::store::StoreFailure;

/// A call had no result. A decline is a result, not an error.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A value cannot be sent.
    #[error("{field} is wrong: {expected}")]
    Invalid {
        /// The argument, by its name in this crate.
        field: &'static str,
        /// What was expected.
        expected: String,
    },
    /// No address of the terminal is known: paying never waits for a discovery.
    #[error("no address of {reader} is known")]
    UnknownReader {
        /// The terminal.
        reader: TerminalId,
    },
    /// No terminal's address is known.
    #[error("no terminal's address is known")]
    NoReaders,
    /// The terminal was not reached.
    #[error("{reader} cannot be reached: {why}")]
    Unreachable {
        /// The terminal.
        reader: TerminalId,
        /// What was tried, and what came of it.
        why: String,
    },
    /// Whoever answered is not the terminal that was meant: nothing was sent to it. \[TLS-9\]
    #[error("{reader} did not prove its identity: {why}")]
    Identity {
        /// The terminal that was meant.
        reader: TerminalId,
        /// Where, and which check failed.
        why: String,
    },
    /// The terminal does not accept this till's certificate, and processed nothing.
    #[error("{reader} refuses this till's certificate and processed nothing: {why}")]
    CertificateRefused {
        /// The terminal.
        reader: TerminalId,
        /// What it said.
        why: String,
    },
    /// The attempt store failed.
    #[error("the attempt store failed: {source}")]
    Store {
        /// What it said.
        source: StoreFailure,
    },
    /// Nothing can be discovered here.
    #[error("{0}")]
    Discovery(String),
    /// This sale is being paid by another call of this process.
    #[error("{reference} is being paid already")]
    InProgress {
        /// The sale.
        reference: Reference,
    },
    /// The terminal refused the request and asked for no card.
    #[error("{reader} refused: {} ({})", .error.message, .error.code)]
    Refused {
        /// The terminal.
        reader: TerminalId,
        /// The HTTP status.
        status: u16,
        /// Its reason.
        error: Box<ErrorBody>,
        /// What the sale's other attempts at this terminal have come to.
        attempts: Vec<Payment>,
    },
    /// The sale has been paid by another attempt, and is not paid again.
    #[error("{} has been paid already, by {}", .payment.reference, .payment.id)]
    AlreadyPaid {
        /// The payment that paid it.
        payment: Box<Payment>,
    },
    /// The payment was lost on its way and durably cancelled: it never will charge.
    #[error("the payment did not reach {reader} and has been cancelled there: {why}")]
    Voided {
        /// The terminal.
        reader: TerminalId,
        /// How it was lost.
        why: Lost,
        /// What the sale's other attempts at this terminal have come to.
        attempts: Vec<Payment>,
    },
    /// The caller gave up before anything was sent.
    #[error("the payment was given up before it was sent")]
    GivenUp,
    /// Whether the customer was charged is not known.
    #[error(transparent)]
    OutcomeUnknown(#[from] OutcomeUnknown),
    /// No terminal that was asked knows the sale.
    #[error("no terminal knows {reference}")]
    NotFound {
        /// The sale.
        reference: Reference,
    },
    /// Neither the terminal nor the cloud was reached: nothing was sent on either path. \[HYB-1\]
    #[error("{reader} can be reached neither over the LAN ({lan}) nor through the cloud ({cloud})")]
    NoPath {
        /// The terminal.
        reader: TerminalId,
        /// What came of the LAN.
        lan: String,
        /// What came of the cloud.
        cloud: String,
    },
    /// The cloud does not accept this till: its API key is missing, wrong or revoked.
    #[error("the cloud refused this till ({status}): {} ({})", .error.message, .error.code)]
    CloudRefused {
        /// The HTTP status.
        status: u16,
        /// Its reason.
        error: Box<ErrorBody>,
        /// What the sale's other attempts have come to.
        attempts: Vec<Payment>,
    },
    /// Every terminal of the group was busy for as long as the call would wait. \[GRP-2\]
    #[error("every terminal of the group was busy for {} s", waited.as_secs_f32())]
    AllBusy {
        /// The terminals.
        members: Vec<TerminalId>,
        /// How long the call waited.
        waited: Duration,
    },
    /// No terminal of the group was reached, and nothing was sent.
    #[error("no terminal of the group can be reached: {}", list(.unreachable))]
    NoneReachable {
        /// Each, and why.
        unreachable: Vec<(TerminalId, String)>,
    },
    /// A terminal that may know better did not answer, and no other has the sale paid or in progress.
    #[error("what became of {reference} cannot be told: {}", list(.unanswered))]
    Unanswered {
        /// The sale.
        reference: Reference,
        /// The latest attempt that the others know.
        found: Option<Box<Payment>>,
        /// Who did not answer for it, and why.
        unanswered: Vec<(TerminalId, String)>,
    },
}

/// Nobody can say yet whether the customer was charged: **do not pay again**. \[REC-10\]
///
/// A type of its own, so that nothing that retries errors takes it for one that may be retried. The attempt
/// stays in the store; [`Attempts::resolve`](crate::Attempts::resolve) finds out later, also after a
/// restart, and so does paying the same reference again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the outcome of {reference} at {reader} is unknown: {why}")]
pub struct OutcomeUnknown {
    /// The terminal that was to take the payment.
    pub reader: TerminalId,
    /// The sale.
    pub reference: Reference,
    /// The attempt.
    pub key: AttemptKey,
    /// What kept it from being learned.
    pub why: Unsettled,
}

/// May the customer have been charged?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Charged {
    /// Not by this call, and nothing else is known of the sale.
    No,
    /// Perhaps: nobody is told anything, and nothing is paid, before it is found out.
    Perhaps,
    /// The sale has been paid.
    Yes,
}

impl Error {
    /// May the customer have been charged?
    pub fn charged(&self) -> Charged {
        match self {
            Error::OutcomeUnknown(_)
            | Error::InProgress { .. }
            | Error::Unanswered { .. }
            | Error::NoReaders => Charged::Perhaps,
            Error::AlreadyPaid { .. } => Charged::Yes,
            Error::Refused {
                attempts, error, ..
            } => match by(attempts) {
                Charged::No if looks_up(error) => Charged::Perhaps,
                charged => charged,
            },
            Error::Voided { attempts, .. } | Error::CloudRefused { attempts, .. } => by(attempts),
            Error::NoPath { .. } | Error::AllBusy { .. } | Error::NoneReachable { .. } => {
                Charged::No
            }
            Error::Invalid { .. }
            | Error::UnknownReader { .. }
            | Error::Unreachable { .. }
            | Error::Identity { .. }
            | Error::CertificateRefused { .. }
            | Error::Store { .. }
            | Error::Discovery(_)
            | Error::GivenUp
            | Error::NotFound { .. } => Charged::No,
        }
    }

    /// What to do next, for the person at the till or for whoever set it up.
    pub fn next(&self) -> &'static str {
        match self {
            Error::Invalid { .. } => "correct the request",
            Error::UnknownReader { .. } | Error::NoReaders => {
                "discover the terminals first, or name the terminal's address when building"
            }
            Error::Unreachable { .. } => {
                "check the terminal's power and network, then pay the same reference again"
            }
            Error::Identity { .. } => {
                "do not pay there: check which device has this address, and the terminal CA bundle"
            }
            Error::CertificateRefused { .. } => {
                "provision a certificate for this till and this terminal"
            }
            Error::Store { .. } => {
                "make room for the attempt store, or repair it; nothing is sent before"
            }
            Error::Discovery(_) => "name the terminals' addresses instead (static hosts)",
            Error::InProgress { .. } => "wait for the other call",
            Error::Refused { error, .. } => match &error.next {
                _ if looks_up(error) => "retrieve the sale by its reference before telling anyone",
                Some(Next::RetryLater) => "pay the same reference again in a moment",
                Some(Next::CallSupport) => "have the terminal's settings checked",
                _ => "correct the request",
            },
            Error::AlreadyPaid { .. } => "use the payment that is there",
            Error::Voided { .. } if self.charged() == Charged::No => "pay the same reference again",
            Error::Voided { .. } => "look at the sale's other attempts before paying again",
            Error::GivenUp => "pay the same reference again if it is still wanted",
            Error::OutcomeUnknown(_) => {
                "do not pay again: resolve the attempt once the terminal can be reached"
            }
            Error::NotFound { .. } => "the sale may be paid",
            Error::NoPath { .. } => {
                "check the terminal's power, the LAN and the internet, then pay the same reference again"
            }
            Error::CloudRefused { .. } if self.charged() == Charged::No => {
                "give this till a valid API secret key; nothing was charged"
            }
            Error::CloudRefused { .. } => "look at the sale's other attempts before paying again",
            Error::AllBusy { .. } => "pay the same reference again in a moment",
            Error::NoneReachable { .. } => {
                "check the terminals' power and network, then pay the same reference again"
            }
            Error::Unanswered { .. } => "do not pay again: ask once the terminal can be reached",
        }
    }
}

/// What a sale's other attempts say about the money.
fn by(attempts: &[Payment]) -> Charged {
    let any = |test: fn(&Status) -> bool| attempts.iter().any(|attempt| test(&attempt.status));
    if any(|status| *status == Status::Completed) {
        Charged::Yes
    } else if any(|status| !status.is_final()) {
        Charged::Perhaps
    } else {
        Charged::No
    }
}

/// Is it a refusal of this till rather than of what it asked for?
pub(crate) fn is_about_our_certificate(error: &ErrorBody) -> bool {
    matches!(
        error.code,
        Code::CertificateNotForTerminal | Code::CertificateNotAcceptable | Code::CertificateRevoked
    )
}

fn looks_up(error: &ErrorBody) -> bool {
    matches!(error.code.meaning().2, Next::LookUp | Next::UseStoredResult)
}

fn list(unanswered: &[(TerminalId, String)]) -> impl fmt::Display {
    let each: Vec<_> = unanswered
        .iter()
        .map(|(reader, why)| format!("{reader}: {why}"))
        .collect();
    each.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_of_the_request_alone_charged_nobody() {
        assert_eq!(refused(Code::TerminalBusy, &[]).charged(), Charged::No);
    }

    #[test]
    fn a_conflict_of_the_sale_may_have_charged_even_if_nothing_is_listed() {
        let error = refused(Code::ReferenceInProgress, &[]);
        assert_eq!(error.charged(), Charged::Perhaps);
    }

    #[test]
    fn other_attempts_of_the_sale_say_whether_it_is_paid() {
        let voided = |attempts: &[&str]| {
            Error::Voided {
                reader: TerminalId::new("term_1").unwrap(),
                why: Lost::HeldTooLong,
                attempts: attempts.iter().map(|status| payment(status)).collect(),
            }
            .charged()
        };
        assert_eq!(voided(&[]), Charged::No);
        assert_eq!(voided(&["failed", "cancelled"]), Charged::No);
        assert_eq!(voided(&["failed", "processing"]), Charged::Perhaps);
        assert_eq!(voided(&["failed", "settling"]), Charged::Perhaps);
        assert_eq!(voided(&["processing", "completed"]), Charged::Yes);
    }

    fn refused(code: Code, attempts: &[&str]) -> Error {
        let (status, kind, next) = code.meaning();
        Error::Refused {
            reader: TerminalId::new("term_1").unwrap(),
            status,
            error: Box::new(ErrorBody {
                kind,
                code,
                message: String::new(),
                param: None,
                request_id: None,
                next: Some(next),
            }),
            attempts: attempts.iter().map(|status| payment(status)).collect(),
        }
    }

    fn payment(status: &str) -> Payment {
        let json = format!(
            r#"{{"id":"tpay_1","object":"terminal_payment","terminalId":"term_1","amount":1,"currency":"USD",
            "reference":"order_1","status":"{status}","createdAt":"2026-05-31T14:23:00.000Z"}}"#
        );
        serde_json::from_str(&json).unwrap()
    }
}
