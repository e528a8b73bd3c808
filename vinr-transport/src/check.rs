//! The checks that a peer's certificate has to pass, and which of them it failed.

use rustls::CertificateError;
use vinr_protocol::TerminalId;

/// Whose certificate it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// A payment terminal's: for server authentication, named by one dNSName.
    Terminal,
    /// A till's: for client authentication, naming the terminals that it may drive.
    Pos,
}

/// The check that a peer's identity failed. Each is a reason of its own: a till never falls back, retries
/// or pays after one of them. \[TLS-14, HYB-6\]
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Check {
    /// The answer was not TLS at all; nothing is ever sent in the clear. \[TLS-1\]
    #[error("protocol: the answer is not TLS, and there is no plaintext fallback")]
    NotTls,
    /// TLS, and not the version, cipher or protocol of this API. \[TLS-13\]
    #[error("protocol: the peer does not speak TLS 1.3 as this API uses it")]
    NotOurTls,
    /// The peer broke the handshake, or holds no key to the certificate it showed.
    #[error(
        "handshake: the peer's handshake is not lawful, or not made with the certificate's key"
    )]
    Handshake,
    /// No certificate was shown.
    #[error("certificate: none was shown")]
    NoCertificate,
    /// The chain does not end at the CA bundle. \[TLS-3, TLS-5\]
    #[error("issuer: no CA of the bundle signed it")]
    Issuer,
    /// A CA of the right name, and not the right key.
    #[error("signature: it was not made by the CA that it names")]
    Signature,
    /// The certificate or one of its extensions is not well-formed.
    #[error("encoding: the certificate or one of its extensions is not well-formed")]
    Encoding,
    /// Past its notAfter.
    #[error("time: it has expired")]
    Expired,
    /// Before its notBefore.
    #[error("time: it is not valid yet")]
    NotYetValid,
    /// Revoked by its CA. \[TLS-12\]
    #[error("revocation: it was revoked")]
    Revoked,
    /// The list of its CA that says who was revoked is past its date. \[TLS-12\]
    #[error("revocation: the list of its CA is past its date; install a new one")]
    ListStale,
    /// Lists are asked for, and there is none of its CA. \[TLS-12\]
    #[error("revocation: there is no list of its CA; install it")]
    ListMissing,
    /// Not exactly the one extended key usage of its side.
    #[error("purpose: extended key usage is not exactly the one of its side")]
    Purpose,
    /// keyUsage is absent, lacks digitalSignature, or allows signing certificates.
    #[error("key usage: it is not digitalSignature, or more than a leaf may have")]
    KeyUsage,
    /// A CA certificate shown as a leaf, or a leaf with what only a CA has.
    #[error("leaf: it is a CA certificate")]
    Ca,
    /// Neither P-256 nor Ed25519.
    #[error("key: it is neither P-256 nor Ed25519")]
    KeyType,
    /// A terminal carries exactly one name, its id; this one does not, or carries a malformed one.
    #[error("names: they are missing, too many, or malformed")]
    Names,
    /// A good certificate of another terminal. \[TLS-10\]
    #[error("terminal: the certificate belongs to {presented}")]
    OtherTerminal {
        /// The terminal that it belongs to.
        presented: TerminalId,
    },
    /// A good certificate of a till that may not drive this terminal. \[TLS-6\]
    #[error("terminal: the certificate is not for this terminal")]
    NotForTerminal,
    /// Path validation failed in another way.
    #[error("path: {0}")]
    Path(String),
}

impl From<&CertificateError> for Check {
    fn from(error: &CertificateError) -> Self {
        use CertificateError::*;
        match error {
            BadEncoding | UnhandledCriticalExtension => Check::Encoding,
            Expired | ExpiredContext { .. } => Check::Expired,
            NotValidYet | NotValidYetContext { .. } => Check::NotYetValid,
            Revoked => Check::Revoked,
            UnknownIssuer => Check::Issuer,
            BadSignature => Check::Signature,
            InvalidPurpose | InvalidPurposeContext { .. } => Check::Purpose,
            NotValidForName | NotValidForNameContext { .. } => Check::Names,
            Other(inner) => match inner.0.downcast_ref::<Check>() {
                Some(check) => check.clone(),
                None => Self::of_webpki(inner.0.to_string()),
            },
            other => Check::Path(other.to_string()),
        }
    }
}

impl Check {
    /// webpki's own words where rustls has none: names of fields, nothing of the peer's.
    fn of_webpki(words: String) -> Self {
        match words.as_str() {
            "CaUsedAsEndEntity" => Check::Ca,
            "EmptyEkuExtension" => Check::Purpose,
            "UnsupportedCertVersion"
            | "UnsupportedCriticalExtension"
            | "ExtensionValueInvalid"
            | "MalformedExtensions"
            | "InvalidSerialNumber" => Check::Encoding,
            _ => Check::Path(words),
        }
    }

    /// What rustls' error says about the certificate.
    pub(crate) fn of(error: &rustls::Error) -> Self {
        match error {
            rustls::Error::InvalidCertificate(error) => Self::from(error),
            other => Check::Path(other.to_string()),
        }
    }
}

impl From<Check> for rustls::Error {
    fn from(check: Check) -> Self {
        use std::sync::Arc;
        // The alert is the one that fits best; the check itself rides along for our own errors.
        let error = match check {
            Check::Expired => CertificateError::Expired,
            Check::NotYetValid => CertificateError::NotValidYet,
            Check::Encoding => CertificateError::BadEncoding,
            Check::Issuer => CertificateError::UnknownIssuer,
            Check::Signature => CertificateError::BadSignature,
            Check::Purpose => CertificateError::InvalidPurpose,
            Check::Revoked => CertificateError::Revoked,
            other => CertificateError::Other(rustls::OtherError(Arc::new(other))),
        };
        error.into()
    }
}
