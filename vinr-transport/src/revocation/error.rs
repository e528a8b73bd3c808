//! Why a list is not taken. The list before it stays.

use vinr_protocol::Timestamp;

use super::list::MAX_BYTES;
use super::number::CrlNumber;

/// A revocation list cannot be used. Whatever list was in use stays in use. \[TLS-15\]
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CrlError {
    /// It is larger than any list may be; nothing of it was parsed.
    #[error(
        "the revocation list has {bytes} bytes, more than the {MAX_BYTES} that are taken; let the CA drop entries of expired certificates"
    )]
    TooLarge {
        /// How large it is.
        bytes: usize,
    },
    /// It is no revocation list, or broken off.
    #[error(
        "this is not a revocation list (expected DER, or PEM with '-----BEGIN X509 CRL-----'); fetch it again"
    )]
    NotACrl,
    /// It can be read, and is not as a list must be.
    #[error("the revocation list is malformed: {what}; the CA must issue it again")]
    Malformed {
        /// What is wrong.
        what: &'static str,
    },
    /// No CA of the bundle has its issuer's name.
    #[error(
        "the revocation list was issued by a CA that is not in the bundle; check which CA's list it is"
    )]
    OtherIssuer,
    /// It names a CA of the bundle, whose key did not sign it.
    #[error(
        "the revocation list names a CA of the bundle and is not signed by it; do not trust where it came from, and fetch it again"
    )]
    Forged,
    /// It is signed with an algorithm that proves nothing any more, or that nobody here knows.
    #[error(
        "the revocation list is signed with an algorithm that is not accepted; let the CA sign it with ECDSA or Ed25519"
    )]
    UnsupportedSignature,
    /// The CA that signed it may not sign lists.
    #[error(
        "the revocation list is signed by a CA whose keyUsage lacks cRLSign; the CA's certificate must be issued again"
    )]
    MayNotSign,
    /// There is no cRLNumber.
    #[error(
        "the revocation list has no cRLNumber, so nobody can tell an old one from a new one; let the CA number its lists"
    )]
    NoNumber,
    /// There is no nextUpdate.
    #[error(
        "the revocation list has no nextUpdate, so it would count for ever; let the CA set one, 30 days or more ahead"
    )]
    NoNextUpdate,
    /// It has a critical extension that is not understood, so what it says is not either.
    #[error(
        "the revocation list has a critical extension that is not known here; let the CA issue a plain one"
    )]
    UnknownCritical,
    /// It is a delta, speaks for other CAs, or only about some certificates.
    #[error(
        "the revocation list is not the CA's whole list (a delta, an indirect or a partial one); use the complete one"
    )]
    NotWhole,
    /// It is dated later than now.
    #[error(
        "the revocation list is dated {this_update}, and here it is {now}; check this device's clock"
    )]
    NotYet {
        /// Its date.
        this_update: Timestamp,
        /// The date here.
        now: Timestamp,
    },
    /// There is a newer one.
    #[error(
        "the revocation list has number {number}, and number {installed} is installed; an older list is never taken"
    )]
    Older {
        /// The number of this one.
        number: CrlNumber,
        /// The number of the one in use.
        installed: CrlNumber,
    },
    /// There is another one of the same number.
    #[error(
        "another revocation list of number {number} is installed; the CA must give each list a number of its own"
    )]
    SameNumber {
        /// The number of both.
        number: CrlNumber,
    },
}
