//! What went wrong, on which side, whether the customer may have been charged, and what to do next.

use std::error::Error;
use std::fmt;
use std::io;
use std::net::SocketAddr;

use rustls::{AlertDescription, InvalidMessage};
use vinr_protocol::ErrorBody;

use super::watch::Noted;
use crate::check::Check;

/// A TLS alert, by its name in RFC 8446.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Alert(pub(super) AlertDescription);

impl Alert {
    /// The name, such as `unknown_ca`.
    pub fn name(&self) -> &'static str {
        use AlertDescription::*;
        match self.0 {
            BadCertificate => "bad_certificate",
            UnsupportedCertificate => "unsupported_certificate",
            CertificateRevoked => "certificate_revoked",
            CertificateExpired => "certificate_expired",
            CertificateUnknown => "certificate_unknown",
            UnknownCA => "unknown_ca",
            AccessDenied => "access_denied",
            DecryptError => "decrypt_error",
            CertificateRequired => "certificate_required",
            ProtocolVersion => "protocol_version",
            NoApplicationProtocol => "no_application_protocol",
            HandshakeFailure => "handshake_failure",
            InternalError => "internal_error",
            _ => "another alert",
        }
    }

    /// The number on the wire.
    pub fn number(&self) -> u8 {
        self.0.into()
    }

    /// Does it say that the two share no version, cipher or protocol?
    fn is_about_the_protocol(&self) -> bool {
        use AlertDescription::*;
        matches!(
            self.0,
            ProtocolVersion
                | HandshakeFailure
                | InsufficientSecurity
                | NoApplicationProtocol
                | MissingExtension
        )
    }

    /// Does it speak about a certificate, ours where a terminal sent it?
    pub fn is_about_a_certificate(&self) -> bool {
        use AlertDescription::*;
        matches!(
            self.0,
            BadCertificate
                | UnsupportedCertificate
                | CertificateRevoked
                | CertificateExpired
                | CertificateUnknown
                | UnknownCA
                | AccessDenied
                | DecryptError
                | CertificateRequired
        )
    }
}

impl fmt::Display for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name(), self.number())
    }
}

/// Why nobody was reached.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unreachable {
    /// Nothing listens there.
    #[error("nothing listens there (connection refused)")]
    Refused,
    /// No answer in time to the dial.
    #[error("no answer in time")]
    TimedOut,
    /// Something took the connection and then said nothing, or not enough, in time.
    #[error("it took the connection and did not finish the TLS handshake in time")]
    Silent,
    /// The connection ended during the handshake, without a word.
    #[error("the connection ended during the handshake")]
    Closed,
    /// The network said no.
    #[error("{0}")]
    Network(io::Error),
}

/// No connection to the terminal was made. **Nothing was sent, so nobody was charged.** \[TLS-9\]
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The terminal was not reached; it may be tried again, or another path taken.
    #[error("the terminal at {addr} cannot be reached: {why}; nothing was sent")]
    Unreachable {
        /// Where it was looked for.
        addr: SocketAddr,
        /// Why.
        why: Unreachable,
    },
    /// Whoever answered is not the terminal that was meant. Never a reason to fall back. \[HYB-6\]
    #[error(
        "whoever answers at {addr} is not the terminal that was meant: {check}; nothing was sent; check the terminal and its CA bundle"
    )]
    Identity {
        /// Where it was.
        addr: SocketAddr,
        /// The check that the terminal's side failed.
        check: Check,
    },
    /// The terminal refused us in the handshake.
    #[error("the terminal at {addr} refused the handshake: {alert}; nothing was sent")]
    Refused {
        /// Where it is.
        addr: SocketAddr,
        /// What it said.
        alert: Alert,
    },
}

impl ConnectError {
    pub(super) fn of_dial(addr: SocketAddr, error: io::Error) -> Self {
        let why = match error.kind() {
            io::ErrorKind::ConnectionRefused => Unreachable::Refused,
            io::ErrorKind::TimedOut => Unreachable::TimedOut,
            _ => Unreachable::Network(error),
        };
        Self::Unreachable { addr, why }
    }

    pub(super) fn timed_out(addr: SocketAddr) -> Self {
        Self::Unreachable {
            addr,
            why: Unreachable::TimedOut,
        }
    }

    pub(super) fn silent(addr: SocketAddr) -> Self {
        Self::Unreachable {
            addr,
            why: Unreachable::Silent,
        }
    }

    pub(super) fn of_handshake(addr: SocketAddr, error: io::Error) -> Self {
        use rustls::Error as Tls;
        let check = match find_tls(&error) {
            Some(Tls::AlertReceived(alert)) => match Alert(*alert) {
                // It has not seen our certificate yet: this is what a TLS 1.2 peer says. [TLS-13]
                alert if alert.is_about_the_protocol() => Check::NotOurTls,
                alert => return Self::Refused { addr, alert },
            },
            Some(Tls::InvalidCertificate(error)) => Check::from(error),
            Some(Tls::NoCertificatesPresented) => Check::NoCertificate,
            Some(Tls::InvalidMessage(InvalidMessage::InvalidContentType)) => Check::NotTls,
            Some(Tls::InvalidMessage(_)) => Check::Handshake,
            Some(Tls::PeerIncompatible(_)) => Check::NotOurTls,
            Some(Tls::NoApplicationProtocol) => Check::NotOurTls,
            Some(_) => Check::Handshake,
            None => {
                let why = match error.kind() {
                    io::ErrorKind::UnexpectedEof
                    | io::ErrorKind::ConnectionReset
                    | io::ErrorKind::BrokenPipe
                    | io::ErrorKind::ConnectionAborted => Unreachable::Closed,
                    io::ErrorKind::TimedOut => Unreachable::TimedOut,
                    _ => Unreachable::Network(error),
                };
                return Self::Unreachable { addr, why };
            }
        };
        Self::Identity { addr, check }
    }
}

/// How an answer was lost.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Lost {
    /// The connection broke before the head of an answer.
    #[error("the connection broke before an answer: {0}")]
    NoAnswer(String),
    /// The connection broke after the head: the terminal accepted, and did not say the outcome.
    #[error("the answer was cut short: {0}")]
    CutShort(String),
    /// The terminal answered that it failed.
    #[error("the terminal failed with status {status}{}", .error.as_ref().map(|it| format!(", {}: {}", it.code, it.message)).unwrap_or_default())]
    Failed {
        /// The HTTP status, 5xx.
        status: u16,
        /// Its error object, where it sent one.
        error: Option<Box<ErrorBody>>,
    },
}

/// A call had no good answer. [`is_definite`](CallError::is_definite) tells whether anything may have
/// come of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The terminal refused *this request* with a 4xx and asked for no card. It says nothing about other
    /// copies of the same key.
    #[error("the terminal refused the request ({0}, {code}): {message}; this request asked for no card", code = .1.code, message = .1.message)]
    Refused(u16, Box<ErrorBody>),
    /// The terminal refused this till's certificate before it processed anything on this connection.
    #[error(
        "the terminal refused this till's certificate: {alert}; nothing was processed and nobody was charged; renew the till's certificate"
    )]
    CertificateRefused {
        /// What it said.
        alert: Alert,
    },
    /// The terminal's certificate no longer passes: since the connection was made it has expired, or another bundle or a
    /// list came. Nothing of the request was sent, and the connection is closed. Never a reason to fall back. \[HYB-6\]
    #[error(
        "the terminal may no longer be trusted: {check}; nothing was sent and nobody was charged; check the terminal and its CA bundle"
    )]
    Identity {
        /// The check that the terminal's side fails now.
        check: Check,
    },
    /// The connection was gone before a byte of the request was written.
    #[error(
        "the connection was closed before the request was sent; nobody was charged by it; connect again"
    )]
    NotSent,
    /// The answer was lost: **the customer may have been charged**. Look the reference up; never repeat.
    #[error(
        "{why}; the customer may have been charged: look the reference up and do not repeat the payment"
    )]
    Indeterminate {
        /// How it was lost.
        why: Lost,
    },
    /// The peer's answer is not one of this API. As indeterminate as no answer.
    #[error(
        "the terminal's answer cannot be understood ({what}); the customer may have been charged: look the reference up"
    )]
    BadAnswer {
        /// What is wrong with it.
        what: String,
    },
}

impl CallError {
    /// Is it certain that this call asked for no card and changed nothing?
    pub fn is_definite(&self) -> bool {
        match self {
            Self::Refused(..)
            | Self::CertificateRefused { .. }
            | Self::Identity { .. }
            | Self::NotSent => true,
            Self::Indeterminate { .. } | Self::BadAnswer { .. } => false,
        }
    }

    pub(super) fn identity(check: &Check) -> Self {
        let check = check.clone();
        Self::Identity { check }
    }

    pub(super) fn bad(what: impl Into<String>) -> Self {
        Self::BadAnswer { what: what.into() }
    }
}

/// The request was handed back unsent; a certificate alert may be the reason.
pub(super) fn not_sent(_: hyper::Error, noted: &Noted) -> CallError {
    refused_certificate(noted).unwrap_or(CallError::NotSent)
}

/// The request was, or may have been, written.
pub(super) fn lost(error: hyper::Error, noted: &Noted) -> CallError {
    refused_certificate(noted).unwrap_or_else(|| {
        if error.is_parse() || error.is_parse_too_large() {
            return CallError::bad("not HTTP/1.1");
        }
        let why = Lost::NoAnswer(innermost(&error));
        CallError::Indeterminate { why }
    })
}

/// A fatal certificate alert before any byte of an answer proves that nothing was processed: in TLS 1.3
/// a terminal judges our certificate after we may have written, and before it reads what we wrote.
fn refused_certificate(noted: &Noted) -> Option<CallError> {
    let alert = noted.alert_before_any_answer()?;
    alert
        .is_about_a_certificate()
        .then_some(CallError::CertificateRefused { alert })
}

/// The reason at the bottom of a chain of errors.
pub(super) fn innermost(error: &dyn Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

/// rustls' error inside an I/O error.
pub(super) fn find_tls(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref::<rustls::Error>()
}
