//! One list: read, checked, and boiled down to what it is asked.

use std::sync::Arc;

use rustls_pki_types::CertificateRevocationListDer;
use rustls_pki_types::pem::PemObject;
use vinr_protocol::Timestamp;
use x509_parser::extensions::{IssuingDistributionPoint, ParsedExtension, X509Extension};
use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::CertificateRevocationList;
use x509_parser::x509::X509Version;

use super::error::CrlError;
use super::number::CrlNumber;
use super::serial::Serial;
use crate::signature::{self, Unsigned};
use crate::trust::{CaKey, TrustBundle};

/// The largest list that is looked at: some hundred thousand entries. A terminal is a small device, and whoever can put
/// a file before it shall not fill its memory.
pub const MAX_BYTES: usize = 4 * 1024 * 1024;

/// A CA's list of the certificates that it has taken back. Cheap to clone.
///
/// It was signed by a CA of the bundle that it was read with, and speaks for that CA alone.
#[derive(Clone)]
pub struct RevocationList(Arc<Contents>);

#[derive(PartialEq)]
struct Contents {
    issuer: CaKey,
    number: CrlNumber,
    this_update: Timestamp,
    next_update: Timestamp,
    /// Sorted.
    revoked: Box<[Serial]>,
}

impl RevocationList {
    /// Reads a list, PEM or DER, that a CA of this bundle must have signed.
    pub fn read(bytes: &[u8], ca: &TrustBundle) -> Result<Self, CrlError> {
        if bytes.len() > MAX_BYTES {
            return Err(CrlError::TooLarge { bytes: bytes.len() });
        }
        let der = der(bytes)?;
        let parsed = parse(&der)?;
        // Who signed it comes first: what a stranger wrote is not worth another complaint.
        let issuer = signer(&parsed, ca)?;
        is_whole_and_plain(&parsed)?;
        let number = number(&parsed)?;
        let (this_update, next_update) = dates(&parsed)?;
        let mut revoked = serials(&parsed)?;
        revoked.sort_unstable();
        Ok(Self(Arc::new(Contents {
            issuer,
            number,
            this_update,
            next_update,
            revoked: revoked.into(),
        })))
    }

    /// Its number, which never goes back.
    pub fn number(&self) -> CrlNumber {
        self.0.number
    }

    /// When it was issued.
    pub fn this_update(&self) -> Timestamp {
        self.0.this_update
    }

    /// Until when it counts.
    pub fn next_update(&self) -> Timestamp {
        self.0.next_update
    }

    /// How many certificates it takes back.
    pub fn len(&self) -> usize {
        self.0.revoked.len()
    }

    /// Does it take back none?
    pub fn is_empty(&self) -> bool {
        self.0.revoked.is_empty()
    }

    /// Does it take back the certificate with this serial number (big-endian octets) of this issuer (a DER name)?
    pub fn revokes(&self, issuer: &[u8], serial: &[u8]) -> bool {
        self.0.issuer.name() == issuer && Serial::new(serial).is_some_and(|it| self.holds(&it))
    }

    pub(super) fn holds(&self, serial: &Serial) -> bool {
        self.0.revoked.binary_search(serial).is_ok()
    }

    pub(super) fn issuer(&self) -> &CaKey {
        &self.0.issuer
    }

    /// The same in all that it says, whatever its signature looks like.
    pub(super) fn says_the_same_as(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl std::fmt::Debug for RevocationList {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (number, until) = (self.number(), self.next_update());
        write!(
            f,
            "RevocationList(number {number}, {} revoked, until {until})",
            self.len()
        )
    }
}

fn der(bytes: &[u8]) -> Result<CertificateRevocationListDer<'_>, CrlError> {
    // DER begins with the tag of a SEQUENCE, which no text does.
    if bytes.first() == Some(&0x30) {
        return Ok(bytes.into());
    }
    let mut lists = CertificateRevocationListDer::pem_slice_iter(bytes);
    match (lists.next(), lists.next()) {
        (Some(Ok(list)), None) => Ok(list),
        (Some(Ok(_)), Some(_)) => Err(CrlError::Malformed {
            what: "there is more than one list in the file",
        }),
        _ => Err(CrlError::NotACrl),
    }
}

fn parse(der: &[u8]) -> Result<CertificateRevocationList<'_>, CrlError> {
    match CertificateRevocationList::from_der(der) {
        Ok(([], parsed)) => Ok(parsed),
        _ => Err(CrlError::NotACrl),
    }
}

/// The CA of the bundle that signed it.
fn signer(list: &CertificateRevocationList<'_>, ca: &TrustBundle) -> Result<CaKey, CrlError> {
    let mut fault = CrlError::OtherIssuer;
    for anchor in ca.named(list.issuer().as_raw()) {
        let signed = signature::verify(
            list.tbs_cert_list.as_ref(),
            &list.signature_algorithm,
            &list.signature_value,
            anchor.key(),
        );
        match signed {
            Ok(()) if list.signature_algorithm != list.tbs_cert_list.signature => {
                let what = "it names two signature algorithms";
                return Err(CrlError::Malformed { what });
            }
            Ok(()) if anchor.may_sign_lists() => return Ok(anchor.ca().clone()),
            Ok(()) => fault = CrlError::MayNotSign,
            Err(Unsigned::Unsupported) if fault == CrlError::OtherIssuer => {
                fault = CrlError::UnsupportedSignature;
            }
            Err(Unsigned::Wrong) if fault != CrlError::MayNotSign => fault = CrlError::Forged,
            Err(_) => {}
        }
    }
    Err(fault)
}

fn is_whole_and_plain(list: &CertificateRevocationList<'_>) -> Result<(), CrlError> {
    if list.version() != Some(X509Version::V2) {
        let what = "it is not of version 2";
        return Err(CrlError::Malformed { what });
    }
    if list.tbs_cert_list.extensions_map().is_err() {
        let what = "it has an extension twice";
        return Err(CrlError::Malformed { what });
    }
    list.extensions().iter().try_for_each(is_known)?;
    list.iter_revoked_certificates()
        .flat_map(|entry| entry.extensions())
        .try_for_each(is_known_of_an_entry)
}

fn is_known(extension: &X509Extension<'_>) -> Result<(), CrlError> {
    /// deltaCRLIndicator, RFC 5280 §5.2.4.
    const DELTA: &str = "2.5.29.27";
    match extension.parsed_extension() {
        _ if extension.oid.to_id_string() == DELTA => Err(CrlError::NotWhole),
        ParsedExtension::IssuingDistributionPoint(point) if !is_whole(point) => {
            Err(CrlError::NotWhole)
        }
        // RFC 5280 §5.2.3: it must not be.
        ParsedExtension::CRLNumber(_) if extension.critical => Err(CrlError::Malformed {
            what: "its number is marked critical",
        }),
        ParsedExtension::IssuingDistributionPoint(_)
        | ParsedExtension::CRLNumber(_)
        | ParsedExtension::AuthorityKeyIdentifier(_) => Ok(()),
        ParsedExtension::ParseError { .. } => Err(CrlError::Malformed {
            what: "an extension cannot be read",
        }),
        _ if extension.critical => Err(CrlError::UnknownCritical),
        _ => Ok(()),
    }
}

fn is_whole(point: &IssuingDistributionPoint<'_>) -> bool {
    !point.only_contains_user_certs
        && !point.only_contains_ca_certs
        && !point.only_contains_attribute_certs
        && !point.indirect_crl
        && point.only_some_reasons.is_none()
}

/// Why and since when is of no interest: whatever is listed is revoked.
fn is_known_of_an_entry(extension: &X509Extension<'_>) -> Result<(), CrlError> {
    /// certificateIssuer, RFC 5280 §5.3.3: the entry is another CA's.
    const OTHER_CA: &str = "2.5.29.29";
    match extension.parsed_extension() {
        _ if extension.oid.to_id_string() == OTHER_CA => Err(CrlError::NotWhole),
        ParsedExtension::ReasonCode(_) | ParsedExtension::InvalidityDate(_) => Ok(()),
        _ if extension.critical => Err(CrlError::UnknownCritical),
        _ => Ok(()),
    }
}

fn number(list: &CertificateRevocationList<'_>) -> Result<CrlNumber, CrlError> {
    let number = list.crl_number().ok_or(CrlError::NoNumber)?;
    CrlNumber::from_be(&number.to_bytes_be()).ok_or(CrlError::Malformed {
        what: "its number has more than 20 octets",
    })
}

fn dates(list: &CertificateRevocationList<'_>) -> Result<(Timestamp, Timestamp), CrlError> {
    let next = list.next_update().ok_or(CrlError::NoNextUpdate)?;
    let moment = |secs: i64| secs.checked_mul(1000).and_then(Timestamp::from_unix_ms);
    match (
        moment(list.last_update().timestamp()),
        moment(next.timestamp()),
    ) {
        (Some(this), Some(next)) if this < next => Ok((this, next)),
        _ => Err(CrlError::Malformed {
            what: "its nextUpdate is not later than its thisUpdate",
        }),
    }
}

fn serials(list: &CertificateRevocationList<'_>) -> Result<Vec<Serial>, CrlError> {
    list.iter_revoked_certificates()
        .map(|entry| Serial::new(entry.raw_serial()))
        .collect::<Option<_>>()
        .ok_or(CrlError::Malformed {
            what: "a serial number has more than 20 octets",
        })
}
