//! One connection to one terminal, primed by asking who it is.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::{Instant, timeout};
use vinr_protocol::{Reader, TerminalId};
use vinr_transport::client::Alert;
use vinr_transport::{CallError, ConnectError, Connection, Connector};

use crate::error::Error;
use crate::lines::Lease;

/// How long a terminal may take to say who it is, or to answer a question outside a payment.
pub(crate) const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Terminals keep idle connections for 10 min; one that is nearly so old is not trusted with a payment.
const IDLE_AT_MOST: Duration = Duration::from_secs(9 * 60);

/// How long a terminal may take to say that it is still there.
const STILL_THERE_WITHIN: Duration = Duration::from_secs(1);

/// A verified connection and what the terminal said of itself on it.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) connection: Connection,
    pub(crate) reader: Reader,
    used: Instant,
    /// Dropped after the connection.
    lease: Option<Lease>,
}

/// Why there is no line.
#[derive(Debug)]
pub(crate) enum NoLine {
    Connect(ConnectError),
    /// It connected, and the first request came to nothing.
    Call(CallError),
    /// It says that it is another terminal than its certificate does. \[DISC-8\]
    SaysOther(TerminalId),
    Silent(SocketAddr),
}

impl Line {
    /// Dials the terminal, or whichever terminal is there, and asks who it is: that warms the connection
    /// and gives the journal id that is stored with an attempt.
    pub(crate) async fn dial(
        connector: &Connector,
        addr: SocketAddr,
        terminal: Option<&TerminalId>,
    ) -> Result<Self, NoLine> {
        let connecting = match terminal {
            Some(terminal) => connector.connect(addr, terminal).await,
            None => connector.connect_any(addr).await,
        };
        let mut connection = connecting.map_err(NoLine::Connect)?;
        let reader = timeout(ANSWER_WITHIN, connection.reader())
            .await
            .map_err(|_| NoLine::Silent(addr))?
            .map_err(NoLine::Call)?;
        if reader.id != *connection.terminal() {
            return Err(NoLine::SaysOther(reader.id));
        }
        Ok(Self {
            connection,
            reader,
            used: Instant::now(),
            lease: None,
        })
    }

    /// Can a request be tried on it?
    pub(crate) fn is_usable(&self) -> bool {
        self.connection.is_open() && self.idle_for() <= IDLE_AT_MOST
    }

    /// How long nothing was said on it.
    pub(crate) fn idle_for(&self) -> Duration {
        self.used.elapsed()
    }

    /// The line, if its terminal answers.
    pub(crate) async fn still_there(mut self) -> Option<Self> {
        let asked = timeout(STILL_THERE_WITHIN, self.connection.reader()).await;
        self.reader = asked.ok()?.ok()?;
        Some(self.touched())
    }

    /// Counts it from now on, unless it is counted already.
    pub(crate) fn counted(mut self, lease: impl FnOnce() -> Lease) -> Self {
        if self.lease.is_none() {
            self.lease = Some(lease().of(&self.connection));
        }
        self
    }

    /// It has just been used.
    pub(crate) fn touched(mut self) -> Self {
        self.used = Instant::now();
        self
    }
}

impl NoLine {
    /// Would another address of the same terminal be worth a try?
    pub(crate) fn may_be_elsewhere(&self) -> bool {
        !matches!(self, NoLine::Call(_)) && !self.is_refusal()
    }

    /// Is it about who answered, rather than whether?
    pub(crate) fn is_about_identity(&self) -> bool {
        match self {
            NoLine::Connect(ConnectError::Identity { .. })
            | NoLine::Call(CallError::Identity { .. })
            | NoLine::SaysOther(_) => true,
            // Whoever refuses a handshake for another reason than us has not shown who it is.
            NoLine::Connect(ConnectError::Refused { alert, .. }) => !alert.is_about_a_certificate(),
            _ => false,
        }
    }

    /// Does the terminal not want this till?
    pub(crate) fn is_refusal(&self) -> bool {
        match self {
            NoLine::Connect(ConnectError::Refused { alert, .. }) => alert.is_about_a_certificate(),
            NoLine::Call(CallError::CertificateRefused { .. } | CallError::Refused(403, _)) => true,
            _ => false,
        }
    }

    /// The error of a call that needed the line: nothing was sent but the question who it is.
    pub(crate) fn into_error(self, reader: &TerminalId) -> Error {
        let reader = reader.clone();
        match self {
            why if why.is_about_identity() => Error::Identity {
                reader,
                why: why.to_string(),
            },
            NoLine::Connect(ConnectError::Refused { alert, .. })
            | NoLine::Call(CallError::CertificateRefused { alert }) => Error::CertificateRefused {
                reader,
                why: in_words(alert),
            },
            NoLine::Call(CallError::Refused(403, error)) => Error::CertificateRefused {
                reader,
                why: format!("{} ({})", error.message, error.code),
            },
            other => Error::Unreachable {
                reader,
                why: other.to_string(),
            },
        }
    }
}

/// What a terminal says of this till's certificate by a TLS alert.
pub(crate) fn in_words(alert: Alert) -> String {
    let words = match alert.name() {
        "bad_certificate" | "unsupported_certificate" | "certificate_unknown" => {
            "it is not a till's certificate as this terminal wants it"
        }
        "certificate_revoked" => "it was revoked",
        "certificate_expired" => "it is out of date, or the terminal's clock is wrong",
        "unknown_ca" => "the terminal does not know the CA that signed it",
        "decrypt_error" => "its signature could not be verified",
        "certificate_required" => "none was shown",
        _ => "access is denied",
    };
    format!("{words} (TLS alert {alert})")
}

impl std::fmt::Display for NoLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            NoLine::Connect(error) => error.fmt(f),
            // The transport's own words warn of a charge; a question about the reader charges nobody.
            NoLine::Call(CallError::Indeterminate { why }) => why.fmt(f),
            NoLine::Call(CallError::BadAnswer { what }) => {
                write!(f, "its answer cannot be understood ({what})")
            }
            NoLine::Call(error) => error.fmt(f),
            NoLine::SaysOther(id) => {
                write!(
                    f,
                    "it says that it is {id}, and its certificate says otherwise"
                )
            }
            NoLine::Silent(addr) => write!(
                f,
                "the terminal at {addr} took the connection and is silent"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use vinr_transport::Check;

    use super::*;

    // [HYB-6]
    #[test]
    fn a_terminal_that_is_trusted_no_longer_is_an_identity_error() {
        let check = Check::Revoked;
        let why = NoLine::Call(CallError::Identity { check });
        let reader = TerminalId::new("term_CT20_0042").expect("lawful");
        assert!(!why.may_be_elsewhere());
        let error = why.into_error(&reader);
        assert!(matches!(error, Error::Identity { .. }), "{error:?}");
    }
}
