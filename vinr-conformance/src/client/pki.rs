//! The authorities of a run, and every certificate that a terminal of the suite may show. P-256 throughout.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, SanType, string::Ia5String,
};
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::sign::CertifiedKey;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use vinr_protocol::TerminalId;
use vinr_transport::Identity;

/// What could not be made.
#[derive(Debug, thiserror::Error)]
pub enum PkiError {
    /// A certificate.
    #[error("a certificate of the suite cannot be made: {0}")]
    Certificate(#[from] rcgen::Error),
    /// A signer.
    #[error("a key of the suite cannot be used: {0}")]
    Key(#[from] rustls::Error),
    /// The till's identity.
    #[error("the till's identity cannot be packed: {0}")]
    Identity(#[from] vinr_transport::IdentityError),
}

/// Which certificate a terminal shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Shown {
    /// Its own, lawful.
    Own,
    /// With its name, by a CA that nobody knows. \[TLS-3\]
    ForeignCa,
    /// With its name, signed by itself. \[TLS-3\]
    SelfSigned,
    /// Lawful, and another terminal's. \[TLS-10\]
    OtherTerminal,
    /// Lawful, and its name in other letters. \[TLS-14\]
    OtherCase,
    /// Its own, past its last day.
    Expired,
    /// Its own, before its first day.
    NotYetValid,
    /// With its name, for clients. \[TLS-14\]
    ForClients,
    /// With its name, without a purpose. \[TLS-14\]
    NoPurpose,
    /// With its name and another. \[TLS-14\]
    TwoNames,
}

impl Shown {
    /// Each of them.
    pub(crate) const ALL: [Self; 10] = [
        Self::Own,
        Self::ForeignCa,
        Self::SelfSigned,
        Self::OtherTerminal,
        Self::OtherCase,
        Self::Expired,
        Self::NotYetValid,
        Self::ForClients,
        Self::NoPurpose,
        Self::TwoNames,
    ];

    /// In words, for the journal.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Own => "its own certificate",
            Self::ForeignCa => "a certificate of another CA",
            Self::SelfSigned => "a certificate that it signed itself",
            Self::OtherTerminal => "the certificate of another terminal",
            Self::OtherCase => "a certificate with its name in other letters",
            Self::Expired => "a certificate that has expired",
            Self::NotYetValid => "a certificate that is not valid yet",
            Self::ForClients => "a certificate for clients",
            Self::NoPurpose => "a certificate without a purpose",
            Self::TwoNames => "a certificate with two names",
        }
    }

    /// The one that a feature means.
    pub(crate) fn of(words: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|shown| shown.words() == words)
    }
}

/// Everybody who signs in a run.
pub(crate) struct Authorities {
    terminals: Authority,
    tills: Authority,
    cloud: Authority,
    nobody: Authority,
}

struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// A till's identity in both forms.
pub(crate) struct TillIdentity {
    pub(crate) certificate: String,
    pub(crate) key: String,
    pub(crate) p12: Vec<u8>,
    /// SHA-256 of the certificate, in hexadecimal: by this a connection of the till is known.
    pub(crate) sha256: String,
}

impl Authorities {
    /// New ones, for one run.
    pub(crate) fn new() -> Result<Self, PkiError> {
        Ok(Self {
            terminals: Authority::new("Terminals of a conformance run")?,
            tills: Authority::new("Tills of a conformance run")?,
            cloud: Authority::new("Cloud of a conformance run")?,
            nobody: Authority::new("Nobody's authority")?,
        })
    }

    /// What a till trusts.
    pub(crate) fn terminal_ca(&self) -> &str {
        &self.terminals.pem
    }

    /// What it must not trust.
    pub(crate) fn foreign_ca(&self) -> &str {
        &self.nobody.pem
    }

    /// What it trusts for the cloud.
    pub(crate) fn cloud_ca(&self) -> &str {
        &self.cloud.pem
    }

    /// What this terminal shows.
    pub(crate) fn terminal(
        &self,
        terminal: &TerminalId,
        shown: Shown,
    ) -> Result<Arc<CertifiedKey>, PkiError> {
        let mut leaf = leaf([terminal.as_str()])?;
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let mut by = Some(&self.terminals);
        match shown {
            Shown::Own => {}
            Shown::ForeignCa => by = Some(&self.nobody),
            Shown::SelfSigned => by = None,
            Shown::OtherTerminal => {
                let other = format!("{terminal}x");
                leaf.subject_alt_names = names([other.as_str()])?;
            }
            Shown::OtherCase => {
                let other = terminal.as_str().to_ascii_lowercase();
                leaf.subject_alt_names = names([other.as_str()])?;
            }
            Shown::Expired => days(&mut leaf, -30, -2),
            Shown::NotYetValid => days(&mut leaf, 2, 30),
            Shown::ForClients => {
                leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
            }
            Shown::NoPurpose => leaf.extended_key_usages.clear(),
            Shown::TwoNames => {
                let other = format!("{terminal}x");
                leaf.subject_alt_names = names([terminal.as_str(), other.as_str()])?;
            }
        }
        certified(&leaf, by)
    }

    /// What the cloud shows at this address.
    pub(crate) fn cloud(&self, ip: std::net::IpAddr) -> Result<Arc<CertifiedKey>, PkiError> {
        let mut leaf = leaf(["localhost"])?;
        leaf.subject_alt_names.push(SanType::IpAddress(ip));
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        certified(&leaf, Some(&self.cloud))
    }

    /// Who a till of these terminals is.
    pub(crate) fn till(
        &self,
        terminals: &[TerminalId],
        passphrase: &str,
    ) -> Result<TillIdentity, PkiError> {
        let mut leaf = leaf([])?;
        for terminal in terminals {
            let urn = Ia5String::try_from(terminal.urn())?;
            leaf.subject_alt_names.push(SanType::URI(urn));
        }
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let key = key()?;
        let signed = leaf.signed_by(&key, &self.tills.issuer)?;
        let (certificate, key) = (signed.pem(), key.serialize_pem());
        let identity = Identity::from_pem(certificate.as_bytes(), key.as_bytes())?;
        Ok(TillIdentity {
            p12: identity.write_p12(passphrase)?.to_vec(),
            sha256: crate::plan::sha256(signed.der()),
            certificate,
            key,
        })
    }
}

impl Authority {
    fn new(name: &str) -> Result<Self, PkiError> {
        let key = key()?;
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        days(&mut params, -1, 30);
        let pem = params.self_signed(&key)?.pem();
        Ok(Self {
            issuer: Issuer::new(params, key),
            pem,
        })
    }
}

fn leaf<const N: usize>(names_of: [&str; N]) -> Result<CertificateParams, PkiError> {
    let mut leaf = CertificateParams::default();
    leaf.distinguished_name
        .push(DnType::CommonName, "of a conformance run");
    leaf.subject_alt_names = names(names_of)?;
    leaf.is_ca = IsCa::ExplicitNoCa;
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    leaf.use_authority_key_identifier_extension = true;
    days(&mut leaf, -1, 30);
    Ok(leaf)
}

fn names<const N: usize>(names: [&str; N]) -> Result<Vec<SanType>, PkiError> {
    let name = |name: &str| Ok(SanType::DnsName(Ia5String::try_from(name)?));
    names.into_iter().map(name).collect()
}

fn certified(
    leaf: &CertificateParams,
    by: Option<&Authority>,
) -> Result<Arc<CertifiedKey>, PkiError> {
    let key = key()?;
    let certificate = match by {
        Some(authority) => leaf.signed_by(&key, &authority.issuer)?,
        None => leaf.self_signed(&key)?,
    };
    let chain = vec![CertificateDer::from(certificate.der().to_vec())];
    let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let signer = any_supported_type(&key)?;
    Ok(Arc::new(CertifiedKey::new(chain, signer)))
}

fn key() -> Result<KeyPair, PkiError> {
    Ok(KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?)
}

/// Valid from so many days after today until so many days after today.
fn days(params: &mut CertificateParams, from: i32, until: i32) {
    let today = jiff::Timestamp::now()
        .to_zoned(jiff::tz::TimeZone::UTC)
        .date();
    let day = |offset: i32| {
        let date = today
            .checked_add(jiff::Span::new().days(offset))
            .unwrap_or(today);
        let (month, day) = (date.month().unsigned_abs(), date.day().unsigned_abs());
        rcgen::date_time_ymd(i32::from(date.year()), month, day)
    };
    params.not_before = day(from);
    params.not_after = day(until);
}
