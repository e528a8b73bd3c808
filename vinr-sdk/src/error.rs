//! What went wrong. Each error answers three questions: what happened ([`Error::what`]), may the customer have been
//! charged ([`Error::charged`]), and what to do next ([`Error::next`]). Its text says all three.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use vinr_protocol::client::attempt::Lost;
use vinr_protocol::client::attempt::Unsettled;
use vinr_protocol::error_body::{Code, Next};
use vinr_protocol::{AttemptKey, ErrorBody, Payment, Reference, Status, TerminalId};

use crate::store::StoreFailure;

/// A call had no result. A decline is a result, not an error.
///
/// Its text is for the person at the till: what happened, whether the customer may have been charged, and what to do
/// next. For a program there are [`charged`](Self::charged), [`next`](Self::next) and [`report`](Self::report).
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// A value cannot be sent.
    Invalid {
        /// The argument, by its name in this crate.
        field: &'static str,
        /// What was expected.
        expected: String,
    },
    /// No address of the terminal is known: paying never waits for a discovery.
    UnknownReader {
        /// The terminal.
        reader: TerminalId,
    },
    /// No terminal's address is known.
    NoReaders,
    /// The terminal was not reached.
    Unreachable {
        /// The terminal.
        reader: TerminalId,
        /// What was tried, and what came of it.
        why: String,
    },
    /// Whoever answered is not the terminal that was meant: nothing was sent to it. \[TLS-9\]
    Identity {
        /// The terminal that was meant.
        reader: TerminalId,
        /// Where, and which check failed.
        why: String,
    },
    /// The terminal does not accept this till's certificate, and processed nothing.
    CertificateRefused {
        /// The terminal.
        reader: TerminalId,
        /// What it said.
        why: String,
    },
    /// The attempt store failed.
    Store {
        /// What it said.
        source: StoreFailure,
    },
    /// Nothing can be discovered here.
    Discovery(String),
    /// This sale is being paid by another call of this process.
    InProgress {
        /// The sale.
        reference: Reference,
    },
    /// The terminal refused the request and asked for no card.
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
    AlreadyPaid {
        /// The payment that paid it.
        payment: Box<Payment>,
    },
    /// The payment was lost on its way and durably cancelled: it never will charge.
    Voided {
        /// The terminal.
        reader: TerminalId,
        /// How it was lost.
        why: Lost,
        /// What the sale's other attempts at this terminal have come to.
        attempts: Vec<Payment>,
    },
    /// The caller gave up before anything was sent.
    GivenUp,
    /// Whether the customer was charged is not known.
    OutcomeUnknown(OutcomeUnknown),
    /// No terminal that was asked knows the sale.
    NotFound {
        /// The sale.
        reference: Reference,
    },
    /// Neither the terminal nor the cloud was reached: nothing was sent on either path. \[HYB-1\]
    NoPath {
        /// The terminal.
        reader: TerminalId,
        /// What came of the LAN.
        lan: String,
        /// What came of the cloud.
        cloud: String,
    },
    /// The cloud does not accept this till: its API key is missing, wrong or revoked.
    CloudRefused {
        /// The HTTP status.
        status: u16,
        /// Its reason.
        error: Box<ErrorBody>,
        /// What the sale's other attempts have come to.
        attempts: Vec<Payment>,
    },
    /// Every terminal of the group was busy for as long as the call would wait. \[GRP-2\]
    AllBusy {
        /// The terminals.
        members: Vec<TerminalId>,
        /// How long the call waited.
        waited: Duration,
    },
    /// No terminal of the group was reached, and nothing was sent.
    NoneReachable {
        /// Each, and why.
        unreachable: Vec<(TerminalId, String)>,
    },
    /// A terminal that may know better did not answer, and no other has the sale paid or in progress.
    Unanswered {
        /// The sale.
        reference: Reference,
        /// The latest attempt that the others know.
        found: Option<Box<Payment>>,
        /// Who did not answer for it, and why.
        unanswered: Vec<(TerminalId, String)>,
        /// Why the cloud cannot say that the sale is unpaid, where it was asked.
        cloud: Option<String>,
    },
}

/// Nobody can say yet whether the customer was charged: **do not pay again**. \[REC-10\]
///
/// A type of its own, so that nothing that retries errors takes it for one that may be retried. The attempt
/// stays in the store; [`Attempts::resolve`](crate::Attempts::resolve) finds out later, also after a
/// restart, and so does paying the same reference again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
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

const OTHER_ATTEMPTS: &str = "look at the sale's other attempts before paying again";

/// May the customer have been charged?
///
/// Complete by nature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Charged {
    /// Not by this call, and nothing else is known of the sale.
    No,
    /// Perhaps: nobody is told anything, and nothing is paid, before it is found out.
    Perhaps,
    /// The sale has been paid.
    Yes,
}

impl fmt::Display for Charged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Charged::No => "the customer was not charged by this",
            Charged::Perhaps => "the customer may have been charged",
            Charged::Yes => "the sale has been paid",
        })
    }
}

impl Error {
    /// What happened, and no more.
    pub fn what(&self) -> String {
        match self {
            Error::Invalid { field, expected } => format!("{field} is wrong: {expected}"),
            Error::UnknownReader { reader } => format!("no address of {reader} is known"),
            Error::NoReaders => "no terminal's address is known".to_owned(),
            Error::Unreachable { reader, why } => format!("{reader} cannot be reached: {why}"),
            Error::Identity { reader, why } => {
                format!("{reader} did not prove its identity: {why}")
            }
            Error::CertificateRefused { reader, why } => {
                format!("{reader} refuses this till's certificate and processed nothing: {why}")
            }
            Error::Store { source } => format!("the attempt store failed: {source}"),
            Error::Discovery(why) => why.clone(),
            Error::InProgress { reference } => format!("{reference} is being paid already"),
            Error::Refused { reader, error, .. } => {
                format!("{reader} refused: {} ({})", error.message, error.code)
            }
            Error::AlreadyPaid { payment } => {
                format!(
                    "{} has been paid already, by {}",
                    payment.reference, payment.id
                )
            }
            Error::Voided { reader, why, .. } => {
                format!("the payment did not reach {reader} and has been cancelled there: {why}")
            }
            Error::GivenUp => "the payment was given up before it was sent".to_owned(),
            Error::OutcomeUnknown(unknown) => unknown.what(),
            Error::NotFound { reference } => format!("no terminal knows {reference}"),
            Error::NoPath { reader, lan, cloud } => format!(
                "{reader} can be reached neither over the LAN ({lan}) nor through the cloud ({cloud})"
            ),
            Error::CloudRefused { status, error, .. } => format!(
                "the cloud refused this till ({status}): {} ({})",
                error.message, error.code
            ),
            Error::AllBusy { waited, .. } => format!(
                "every terminal of the group was busy for {} s",
                waited.as_secs_f32()
            ),
            Error::NoneReachable { unreachable } => format!(
                "no terminal of the group can be reached: {}",
                list(unreachable, None)
            ),
            Error::Unanswered {
                reference,
                unanswered,
                cloud,
                ..
            } => format!(
                "what became of {reference} cannot be told: {}",
                list(unanswered, cloud.as_deref())
            ),
        }
    }

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
            Error::Refused { error, .. } => match error.allows() {
                _ if looks_up(error) => "retrieve the sale by its reference before telling anyone",
                _ if self.charged() != Charged::No => OTHER_ATTEMPTS,
                Next::RetryLater => "pay the same reference again in a moment",
                Next::CallSupport => "have the terminal's settings checked",
                _ => "correct the request",
            },
            Error::AlreadyPaid { .. } => "use the payment that is there",
            Error::Voided { .. } if self.charged() == Charged::No => "pay the same reference again",
            Error::Voided { .. } => OTHER_ATTEMPTS,
            Error::GivenUp => "pay the same reference again if it is still wanted",
            Error::OutcomeUnknown(_) => OutcomeUnknown::NEXT,
            Error::NotFound { .. } => "the sale may be paid",
            Error::NoPath { .. } => {
                "check the terminal's power, the LAN and the internet, then pay the same reference again"
            }
            Error::CloudRefused { .. } if self.charged() == Charged::No => {
                "give this till a valid API secret key"
            }
            Error::CloudRefused { .. } => OTHER_ATTEMPTS,
            Error::AllBusy { .. } => "pay the same reference again in a moment",
            Error::NoneReachable { .. } => {
                "check the terminals' power and network, then pay the same reference again"
            }
            Error::Unanswered { .. } => "do not pay again: ask once the terminal can be reached",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, charged, next) = (self.what(), self.charged(), self.next());
        write!(f, "{what}; {charged}; {next}")
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Store { source } => Some(&**source),
            _ => None,
        }
    }
}

impl From<OutcomeUnknown> for Error {
    fn from(unknown: OutcomeUnknown) -> Self {
        Error::OutcomeUnknown(unknown)
    }
}

impl OutcomeUnknown {
    const NEXT: &'static str =
        "do not pay again: resolve the attempt once the terminal can be reached";

    fn what(&self) -> String {
        let (reference, reader, why) = (&self.reference, &self.reader, &self.why);
        format!("the outcome of {reference} at {reader} is unknown: {why}")
    }
}

impl fmt::Display for OutcomeUnknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, charged, next) = (self.what(), Charged::Perhaps, Self::NEXT);
        write!(f, "{what}; {charged}; {next}")
    }
}

impl std::error::Error for OutcomeUnknown {}

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
    match error.allows() {
        Next::LookUp | Next::UseStoredResult => true,
        Next::FixRequest | Next::CallSupport | Next::RetryLater => false,
        // A word from a newer peer.
        _ => true,
    }
}

fn list(unanswered: &[(TerminalId, String)], cloud: Option<&str>) -> String {
    let terminals = unanswered
        .iter()
        .map(|(reader, why)| format!("{reader}: {why}"));
    let cloud = cloud.map(|why| format!("the cloud: {why}"));
    terminals.chain(cloud).collect::<Vec<_>>().join("; ")
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

    #[test]
    fn every_error_says_what_happened_who_was_charged_and_what_to_do() {
        for error in Error::one_of_each() {
            let text = error.to_string();
            let (what, charged) = (error.what(), error.charged().to_string());
            let expected = [what.as_str(), &charged, error.next()];
            assert!(
                expected.iter().all(|answer| !answer.is_empty()),
                "{error:?}"
            );
            assert_eq!(text, expected.join("; "), "{error:?}");
        }
    }

    // [REC-10]
    #[test]
    fn no_error_after_which_the_customer_may_have_been_charged_says_to_pay() {
        let charged = |error: &Error| error.charged() != Charged::No;
        let attempts = [&["processing"][..], &["completed"]];
        let with_attempts = attempts.map(|attempts| refused(Code::TerminalBusy, attempts));
        let mut seen = 0;
        for error in Error::one_of_each().into_iter().chain(with_attempts) {
            if charged(&error) {
                seen += 1;
                let next = error.next();
                assert!(!next.contains("pay the same reference again"), "{error}");
                assert!(!next.contains("may be paid"), "{error}");
            }
        }
        assert!(seen > 5, "{seen}");
    }

    #[test]
    fn an_unknown_outcome_alone_says_the_same_as_in_an_error() {
        let all = Error::one_of_each();
        let unknown = all.iter().find_map(|error| match error {
            Error::OutcomeUnknown(unknown) => Some((error.to_string(), unknown.to_string())),
            _ => None,
        });
        let (error, alone) = unknown.unwrap();
        assert_eq!(error, alone);
    }

    #[test]
    fn a_code_from_a_newer_terminal_is_read_by_what_it_says_to_do_and_else_looked_up() {
        let with = |next: Option<Next>| {
            let mut error = refused(Code::from("quota"), &[]);
            if let Error::Refused { error, .. } = &mut error {
                error.next = next;
            }
            error.charged()
        };
        assert_eq!(with(Some(Next::RetryLater)), Charged::No);
        assert_eq!(with(Some(Next::LookUp)), Charged::Perhaps);
        assert_eq!(with(None), Charged::Perhaps);
    }

    fn refused(code: Code, attempts: &[&str]) -> Error {
        Error::Refused {
            reader: TerminalId::new("term_1").unwrap(),
            status: code.status(),
            error: Box::new(body(code)),
            attempts: attempts.iter().map(|status| payment(status)).collect(),
        }
    }

    impl Error {
        /// Every variant once, for tests about all of them.
        pub(crate) fn one_of_each() -> Vec<Error> {
            let reader = TerminalId::new("term_1").unwrap();
            let reference = Reference::new("order_1").unwrap();
            let why = "the reason".to_owned();
            let silent = vec![(reader.clone(), why.clone())];
            let all = vec![
                Error::Invalid {
                    field: "amount",
                    expected: why.clone(),
                },
                Error::UnknownReader {
                    reader: reader.clone(),
                },
                Error::NoReaders,
                Error::Unreachable {
                    reader: reader.clone(),
                    why: why.clone(),
                },
                Error::Identity {
                    reader: reader.clone(),
                    why: why.clone(),
                },
                Error::CertificateRefused {
                    reader: reader.clone(),
                    why: why.clone(),
                },
                Error::Store {
                    source: why.clone().into(),
                },
                Error::Discovery(why.clone()),
                Error::InProgress {
                    reference: reference.clone(),
                },
                refused(Code::TerminalBusy, &[]),
                Error::AlreadyPaid {
                    payment: Box::new(payment("completed")),
                },
                Error::Voided {
                    reader: reader.clone(),
                    why: Lost::HeldTooLong,
                    attempts: vec![payment("processing")],
                },
                Error::GivenUp,
                Error::OutcomeUnknown(OutcomeUnknown {
                    reader: reader.clone(),
                    reference: reference.clone(),
                    key: AttemptKey::new("01A").unwrap(),
                    why: Unsettled::TooOld,
                }),
                Error::NotFound {
                    reference: reference.clone(),
                },
                Error::NoPath {
                    reader: reader.clone(),
                    lan: why.clone(),
                    cloud: why.clone(),
                },
                Error::CloudRefused {
                    status: 401,
                    error: Box::new(body(Code::InvalidApiKey)),
                    attempts: Vec::new(),
                },
                Error::AllBusy {
                    members: vec![reader],
                    waited: Duration::from_secs(60),
                },
                Error::NoneReachable {
                    unreachable: silent.clone(),
                },
                Error::Unanswered {
                    reference,
                    found: None,
                    unanswered: silent,
                    cloud: Some(why),
                },
            ];
            for error in &all {
                // A variant that is missing above does not compile here.
                match error {
                    Error::Invalid { .. }
                    | Error::UnknownReader { .. }
                    | Error::NoReaders
                    | Error::Unreachable { .. }
                    | Error::Identity { .. }
                    | Error::CertificateRefused { .. }
                    | Error::Store { .. }
                    | Error::Discovery(_)
                    | Error::InProgress { .. }
                    | Error::Refused { .. }
                    | Error::AlreadyPaid { .. }
                    | Error::Voided { .. }
                    | Error::GivenUp
                    | Error::OutcomeUnknown(_)
                    | Error::NotFound { .. }
                    | Error::NoPath { .. }
                    | Error::CloudRefused { .. }
                    | Error::AllBusy { .. }
                    | Error::NoneReachable { .. }
                    | Error::Unanswered { .. } => {}
                }
            }
            let kinds: std::collections::BTreeSet<_> = all.iter().map(Error::kind).collect();
            assert_eq!(kinds.len(), 20, "one of each: {kinds:?}");
            all
        }
    }

    fn body(code: Code) -> ErrorBody {
        let (_, kind, next) = code.meaning();
        ErrorBody {
            kind,
            code,
            message: "the reason".to_owned(),
            param: None,
            request_id: None,
            next: Some(next),
            retry_after_ms: None,
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
