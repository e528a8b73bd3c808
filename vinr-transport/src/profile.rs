//! The strict profile of a leaf: what a certificate of this PKI looks like, whatever path validation
//! would let through. \[TLS-14\]
//!
//! Path validation was made for the web: it takes a leaf without extended key usage, one with
//! `anyExtendedKeyUsage`, names that nobody meant. In a private PKI everything that is not exactly as
//! issued is suspicious.

use rustls_pki_types::{CertificateDer, UnixTime};
use vinr_protocol::TerminalId;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{ExtendedKeyUsage, GeneralName, KeyUsage, ParsedExtension};
use x509_parser::oid_registry::{OID_EC_P256, OID_KEY_TYPE_EC_PUBLIC_KEY, OID_SIG_ED25519, Oid};
use x509_parser::prelude::FromDer;
use x509_parser::x509::X509Version;

use crate::check::{Check, Side};
use crate::names;

/// What is kept of a certificate that fits the profile: enough to judge it again at every request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    /// The terminals that it names: exactly one where it is a terminal's.
    pub terminals: Vec<TerminalId>,
    validity: Validity,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Validity {
    /// Seconds since 1970, both inclusive.
    pub(crate) not_before: i64,
    pub(crate) not_after: i64,
}

impl Leaf {
    /// Reads a certificate and holds it against the profile of its side; the error names the check.
    pub fn read(certificate: &CertificateDer<'_>, side: Side) -> Result<Self, Check> {
        let parsed = parse(certificate)?;
        let extensions = Extensions::of(&parsed)?;
        has_lawful_serial(&parsed)?;
        extensions.is_leaf()?;
        extensions.may_only_sign()?;
        extensions.has_exactly_the_purpose_of(side)?;
        has_modern_key(&parsed)?;
        Ok(Self {
            terminals: names::of(side, extensions.names)?,
            validity: validity(&parsed),
        })
    }

    /// Is it in time? Asked again at every request, since connections live long. \[TLS-5\]
    pub fn in_time(&self, now: UnixTime) -> Result<(), Check> {
        self.validity.holds_at(now)
    }
}

impl Validity {
    /// The first seconds in which the answer is another one.
    pub(crate) fn turns(self) -> [i64; 2] {
        [self.not_before, self.not_after.saturating_add(1)]
    }

    pub(crate) fn holds_at(self, now: UnixTime) -> Result<(), Check> {
        let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        if now < self.not_before {
            Err(Check::NotYetValid)
        } else if now > self.not_after {
            Err(Check::Expired)
        } else {
            Ok(())
        }
    }
}

pub(crate) fn parse<'a>(certificate: &'a CertificateDer<'_>) -> Result<X509Certificate<'a>, Check> {
    let (rest, parsed) = X509Certificate::from_der(certificate).map_err(|_| Check::Encoding)?;
    if rest.is_empty() && parsed.version() == X509Version::V3 {
        Ok(parsed)
    } else {
        Err(Check::Encoding)
    }
}

pub(crate) fn validity(parsed: &X509Certificate<'_>) -> Validity {
    Validity {
        not_before: parsed.validity().not_before.timestamp(),
        not_after: parsed.validity().not_after.timestamp(),
    }
}

/// The extensions that the profile speaks about, each at most once.
#[derive(Default)]
struct Extensions<'a> {
    is_ca: bool,
    constrains_names: bool,
    usage: Option<&'a KeyUsage>,
    purposes: Option<&'a ExtendedKeyUsage<'a>>,
    names: &'a [GeneralName<'a>],
}

impl<'a> Extensions<'a> {
    fn of(parsed: &'a X509Certificate<'_>) -> Result<Self, Check> {
        // Says no where an extension appears twice.
        parsed.extensions_map().map_err(|_| Check::Encoding)?;
        let mut found = Self::default();
        for extension in parsed.extensions() {
            match extension.parsed_extension() {
                ParsedExtension::BasicConstraints(constraints) => found.is_ca = constraints.ca,
                ParsedExtension::NameConstraints(_) => found.constrains_names = true,
                ParsedExtension::KeyUsage(usage) => found.usage = Some(usage),
                ParsedExtension::ExtendedKeyUsage(purposes) => found.purposes = Some(purposes),
                ParsedExtension::SubjectAlternativeName(san) => found.names = &san.general_names,
                ParsedExtension::ParseError { .. } => return Err(Check::Encoding),
                _ => {}
            }
        }
        Ok(found)
    }

    fn is_leaf(&self) -> Result<(), Check> {
        // Constraints on names are a CA's.
        if self.is_ca || self.constrains_names {
            Err(Check::Ca)
        } else {
            Ok(())
        }
    }

    fn may_only_sign(&self) -> Result<(), Check> {
        match self.usage {
            Some(usage)
                if usage.digital_signature() && !usage.key_cert_sign() && !usage.crl_sign() =>
            {
                Ok(())
            }
            _ => Err(Check::KeyUsage),
        }
    }

    fn has_exactly_the_purpose_of(&self, side: Side) -> Result<(), Check> {
        let purposes = self.purposes.ok_or(Check::Purpose)?;
        let (wanted, unwanted) = match side {
            Side::Terminal => (purposes.server_auth, purposes.client_auth),
            Side::Pos => (purposes.client_auth, purposes.server_auth),
        };
        let has_others = purposes.any
            || purposes.code_signing
            || purposes.email_protection
            || purposes.time_stamping
            || purposes.ocsp_signing
            || !purposes.other.is_empty();
        if wanted && !unwanted && !has_others {
            Ok(())
        } else {
            Err(Check::Purpose)
        }
    }
}

/// A certificate is revoked by its serial number: positive, and at most 20 octets (RFC 5280 §4.1.2.2).
fn has_lawful_serial(parsed: &X509Certificate<'_>) -> Result<(), Check> {
    let serial = parsed.raw_serial();
    let is_negative = serial.first().is_none_or(|first| first & 0x80 != 0);
    let is_zero = serial.iter().all(|byte| *byte == 0);
    if is_negative || is_zero || serial.len() > 20 {
        Err(Check::Encoding)
    } else {
        Ok(())
    }
}

fn has_modern_key(parsed: &X509Certificate<'_>) -> Result<(), Check> {
    let algorithm = &parsed.public_key().algorithm;
    let curve = || -> Option<Oid<'_>> { algorithm.parameters.as_ref()?.as_oid().ok() };
    if algorithm.algorithm == OID_SIG_ED25519
        || (algorithm.algorithm == OID_KEY_TYPE_EC_PUBLIC_KEY && curve() == Some(OID_EC_P256))
    {
        Ok(())
    } else {
        Err(Check::KeyType)
    }
}
