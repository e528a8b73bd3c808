//! What should happen and what did, in the words of spec/local-api.md §2.

use vinr_transport::{Check, Revocation};

use Fault::*;

/// Which check a certificate must fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    NoCertificate,
    Issuer,
    Signature,
    Encoding,
    Expired,
    NotYetValid,
    Revoked,
    Purpose,
    KeyUsage,
    Ca,
    KeyType,
    Names,
    OtherTerminal,
    NotForTerminal,
    Handshake,
    Path,
    /// More than a handshake message holds: nothing of it is judged, and no alert is due.
    TooLong,
    /// A till asks for the CA's list, and there is none in force.
    NoList,
}

impl Fault {
    /// What a till's error must say.
    pub(crate) fn is(self, check: &Check) -> bool {
        match self {
            NoCertificate => *check == Check::NoCertificate,
            Issuer => *check == Check::Issuer,
            Signature => *check == Check::Signature,
            Encoding => *check == Check::Encoding,
            Expired => *check == Check::Expired,
            NotYetValid => *check == Check::NotYetValid,
            Revoked => *check == Check::Revoked,
            Purpose => *check == Check::Purpose,
            KeyUsage => *check == Check::KeyUsage,
            Ca => *check == Check::Ca,
            KeyType => *check == Check::KeyType,
            Names => *check == Check::Names,
            OtherTerminal => matches!(check, Check::OtherTerminal { .. }),
            NotForTerminal => *check == Check::NotForTerminal,
            Handshake => *check == Check::Handshake,
            Path => matches!(check, Check::Path(_)),
            TooLong => *check == Check::Handshake,
            NoList => matches!(check, Check::ListMissing | Check::ListStale),
        }
    }

    /// The alerts of RFC 8446 §6.2 that say so.
    pub(crate) fn alerts(self) -> &'static [&'static str] {
        match self {
            NoCertificate => &["CertificateRequired"],
            Issuer => &["UnknownCA"],
            Signature => &["DecryptError", "BadCertificate"],
            Encoding => &["BadCertificate", "DecodeError", "IllegalParameter"],
            Expired | NotYetValid => &["CertificateExpired"],
            Revoked => &["CertificateRevoked"],
            Purpose => &["UnsupportedCertificate"],
            KeyType => &["UnsupportedCertificate", "BadCertificate", "DecryptError"],
            KeyUsage | Ca | Names | Path => &[
                "CertificateUnknown",
                "BadCertificate",
                "UnsupportedCertificate",
            ],
            OtherTerminal | NotForTerminal => &["AccessDenied", "CertificateUnknown"],
            NoList => &[],
            TooLong => &["DecodeError", "IllegalParameter"],
            Handshake => &["DecryptError", "IllegalParameter", "BadCertificate"],
        }
    }

    /// The code of the 403 that says so, and the beginning of its reason.
    pub(crate) fn forbidden(self) -> (&'static str, &'static str) {
        let code = match self {
            NotForTerminal | OtherTerminal => "certificate_not_for_terminal",
            Revoked => "certificate_revoked",
            _ => "certificate_not_acceptable",
        };
        let reason = match self {
            NoCertificate => "certificate: none",
            Issuer => "issuer: ",
            Signature => "signature: ",
            Encoding => "encoding: ",
            Expired => "time: it has expired",
            NotYetValid => "time: it is not valid yet",
            Revoked => "revocation: ",
            Purpose => "purpose: ",
            KeyUsage => "key usage: ",
            Ca => "leaf: ",
            KeyType => "key: ",
            Names => "names: ",
            OtherTerminal | NotForTerminal => "terminal: ",
            Handshake => "handshake: ",
            Path => "path: ",
            TooLong | NoList => "never said in a 403",
        };
        (code, reason)
    }
}

/// What the specification wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expect {
    Accepted,
    /// Accepted, and the handler is told how the revocation lists stand.
    AcceptedWhile(&'static [Revocation]),
    /// Refused for this reason; where two are true of the certificate, either may be named.
    Refused(&'static [Fault]),
}

/// What a peer met with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// With how the revocation lists stood, where a terminal said so to its handler.
    Accepted(Option<Revocation>),
    /// A till named this check.
    Check(Check),
    /// A terminal sent this alert before any byte of an answer.
    Alert(String),
    /// A terminal answered 403 and closed.
    Forbidden { code: String, reason: String },
    /// The connection ended without a word.
    Closed,
    /// Neither: refused without a reason, in silence, too late, or not at all as it should be.
    Wrong(String),
}

impl Expect {
    pub(crate) fn is_accepted(self) -> bool {
        match self {
            Self::Accepted | Self::AcceptedWhile(_) => true,
            Self::Refused(_) => false,
        }
    }

    /// Is it what should have happened?
    pub(crate) fn is_met_by(self, outcome: &Outcome) -> bool {
        match (self, outcome) {
            (Self::Accepted, Outcome::Accepted(_)) => true,
            (Self::AcceptedWhile(wanted), Outcome::Accepted(Some(stood))) => wanted.contains(stood),
            (Self::Refused(faults), outcome) => faults.iter().any(|fault| match outcome {
                Outcome::Check(check) => fault.is(check),
                Outcome::Alert(alert) => fault.alerts().contains(&alert.as_str()),
                Outcome::Forbidden { code, reason } => {
                    let (wanted, begin) = fault.forbidden();
                    code == wanted && reason.contains(begin)
                }
                Outcome::Closed => *fault == TooLong,
                Outcome::Accepted(_) | Outcome::Wrong(_) => false,
            }),
            (Self::Accepted | Self::AcceptedWhile(_), _) => false,
        }
    }
}
