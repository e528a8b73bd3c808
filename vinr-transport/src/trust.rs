//! The CA bundles: the only roots that either side ever trusts. \[TLS-3, TLS-5\]

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::RootCertStore;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, UnixTime};
use x509_parser::certificate::X509Certificate;

use crate::check::Check;
use crate::issuer;
use crate::profile::{self, Validity};
use crate::signature;

/// Far more than any bundle needs.
const MAX_FILE: u64 = 1024 * 1024;

/// As many certificates that a CA signed are remembered: those of a shop's tills, or of its terminals.
const SIGNED: usize = 32;

/// The certificates of one issuing CA, old and new while it is being replaced.
///
/// System roots are never consulted: what is not in the bundle is not trusted.
#[derive(Clone)]
pub struct TrustBundle {
    anchors: Arc<[Anchor]>,
    all: Arc<RootCertStore>,
}

/// One CA certificate of a bundle.
pub(crate) struct Anchor {
    certificate: CertificateDer<'static>,
    validity: Validity,
    ca: CaKey,
    signs_lists: bool,
    /// How many CAs may stand below it, where it says so.
    path_length: Option<u32>,
    /// The latest certificates that its key was found to have signed. That a key signed something is true for ever,
    /// whatever becomes of either; it tells nothing of dates and revocations, which are looked at each time.
    signed: Mutex<VecDeque<Box<[u8]>>>,
}

/// Which CA it is: a name and a key. A renewed certificate of the same key is the same CA; a new key under the old
/// name is another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CaKey {
    name: Arc<[u8]>,
    key: Arc<[u8]>,
}

/// A CA bundle cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
    /// The file cannot be read.
    #[error("the CA bundle {} cannot be read: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is larger than any bundle.
    #[error("the CA bundle {} is larger than 1 MiB", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// There is no certificate in it.
    #[error(
        "the CA bundle{} holds no certificate (expected PEM, '-----BEGIN CERTIFICATE-----')",
        of(path)
    )]
    Empty {
        /// The file, where it was one.
        path: Option<PathBuf>,
    },
    /// The PEM is broken off or not base64.
    #[error("the CA bundle{} is not readable as PEM", of(path))]
    NotPem {
        /// The file, where it was one.
        path: Option<PathBuf>,
    },
    /// A certificate in it is not a CA's, or not as a CA's should be.
    #[error(
        "certificate {number} of the CA bundle{} is not a well-formed CA certificate",
        of(path)
    )]
    NotACa {
        /// The file, where it was one.
        path: Option<PathBuf>,
        /// Which one, from 1.
        number: usize,
    },
}

fn of(path: &Option<PathBuf>) -> String {
    path.as_ref()
        .map(|path| format!(" {}", path.display()))
        .unwrap_or_default()
}

impl TrustBundle {
    /// Reads a bundle from PEM.
    pub fn from_pem(pem: &[u8]) -> Result<Self, TrustError> {
        Self::read(pem, None)
    }

    /// Reads a bundle from a PEM file.
    pub fn from_pem_file(path: impl AsRef<Path>) -> Result<Self, TrustError> {
        let path = path.as_ref();
        let unreadable = |source| TrustError::Unreadable {
            path: path.into(),
            source,
        };
        let size = std::fs::metadata(path).map_err(unreadable)?.len();
        if size > MAX_FILE {
            return Err(TrustError::TooLarge { path: path.into() });
        }
        let pem = std::fs::read(path).map_err(unreadable)?;
        Self::read(&pem, Some(path.into()))
    }

    /// The certificates, for showing.
    pub fn certificates(&self) -> impl Iterator<Item = &CertificateDer<'static>> {
        self.anchors.iter().map(|anchor| &anchor.certificate)
    }

    /// The roots that are in time. A trust anchor has no dates in path validation (RFC 5280 §6.1.1); in
    /// a private PKI the end of a CA's life must be the end of what it signed.
    pub(crate) fn roots_at(&self, now: UnixTime) -> Result<Arc<RootCertStore>, Check> {
        let in_time = |anchor: &&Anchor| anchor.validity.holds_at(now).is_ok();
        let count = self.anchors.iter().filter(in_time).count();
        if count == self.anchors.len() {
            return Ok(self.all.clone());
        }
        let mut roots = RootCertStore::empty();
        for anchor in self.anchors.iter().filter(in_time) {
            roots
                .add(anchor.certificate.clone())
                .map_err(|_| Check::Encoding)?;
        }
        match self.anchors.first() {
            Some(first) if roots.is_empty() => {
                Err(first.validity.holds_at(now).err().unwrap_or(Check::Issuer))
            }
            _ => Ok(Arc::new(roots)),
        }
    }

    pub(crate) fn all(&self) -> Arc<RootCertStore> {
        self.all.clone()
    }

    /// The CAs of this name (DER): two while a key is being replaced.
    pub(crate) fn named<'a, 'n>(
        &'a self,
        name: &'n [u8],
    ) -> impl Iterator<Item = &'a Anchor> + use<'a, 'n> {
        let anchors = self.anchors.iter();
        anchors.filter(move |anchor| *anchor.ca.name == *name)
    }

    /// The CA of the bundle whose key signed this certificate.
    pub(crate) fn signer_of(&self, certificate: &X509Certificate<'_>) -> Option<&CaKey> {
        self.signers_of(certificate).first().map(|it| it.ca())
    }

    /// Has a CA of the bundle signed this certificate that lets so many CAs stand between itself and a leaf?
    pub(crate) fn lets_stand_below(&self, certificate: &X509Certificate<'_>, cas: u32) -> bool {
        self.signers_of(certificate)
            .iter()
            .any(|anchor| anchor.path_length.is_none_or(|most| cas <= most))
    }

    fn signers_of(&self, certificate: &X509Certificate<'_>) -> Vec<&Anchor> {
        self.named(certificate.issuer().as_raw())
            .filter(|anchor| anchor.has_signed(certificate))
            .collect()
    }

    /// Every CA of the bundle.
    pub(crate) fn cas(&self) -> impl Iterator<Item = &CaKey> {
        self.anchors.iter().map(Anchor::ca)
    }

    /// When each CA is in time.
    pub(crate) fn validities(&self) -> impl Iterator<Item = Validity> {
        self.anchors.iter().map(|anchor| anchor.validity)
    }

    fn read(pem: &[u8], path: Option<PathBuf>) -> Result<Self, TrustError> {
        let mut anchors = Vec::new();
        let mut all = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let Ok(certificate) = certificate else {
                return Err(TrustError::NotPem { path });
            };
            let number = anchors.len() + 1;
            match (Anchor::read(&certificate), all.add(certificate)) {
                (Ok(anchor), Ok(())) => anchors.push(anchor),
                _ => return Err(TrustError::NotACa { path, number }),
            }
        }
        if anchors.is_empty() {
            return Err(TrustError::Empty { path });
        }
        Ok(Self {
            anchors: anchors.into(),
            all: Arc::new(all),
        })
    }
}

impl Anchor {
    fn read(certificate: &CertificateDer<'static>) -> Result<Self, Check> {
        let validity = issuer::read(certificate)?;
        let parsed = profile::parse(certificate)?;
        let usage = parsed.key_usage().map_err(|_| Check::Encoding)?;
        let constraints = parsed.basic_constraints().map_err(|_| Check::Encoding)?;
        Ok(Self {
            path_length: constraints.and_then(|it| it.value.path_len_constraint),
            validity,
            ca: CaKey {
                name: parsed.subject().as_raw().into(),
                key: parsed.public_key().raw.into(),
            },
            // An old root may leave open what its key is for.
            signs_lists: usage.is_none_or(|usage| usage.value.crl_sign()),
            certificate: certificate.clone(),
            signed: Mutex::default(),
        })
    }

    fn has_signed(&self, certificate: &X509Certificate<'_>) -> bool {
        let whole = certificate.as_raw();
        if self.signed().iter().any(|it| **it == *whole) {
            return true;
        }
        let has_signed = signature::is_on(certificate, self.key());
        if has_signed {
            let mut signed = self.signed();
            signed.truncate(SIGNED - 1);
            signed.push_front(whole.into());
        }
        has_signed
    }

    fn signed(&self) -> MutexGuard<'_, VecDeque<Box<[u8]>>> {
        self.signed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn ca(&self) -> &CaKey {
        &self.ca
    }

    /// Its SubjectPublicKeyInfo.
    pub(crate) fn key(&self) -> &[u8] {
        &self.ca.key
    }

    pub(crate) fn may_sign_lists(&self) -> bool {
        self.signs_lists
    }
}

impl CaKey {
    /// DER.
    pub(crate) fn name(&self) -> &[u8] {
        &self.name
    }
}

impl std::fmt::Debug for TrustBundle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TrustBundle({} CA certificates)", self.anchors.len())
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{
        BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, KeyUsagePurpose,
    };

    use super::*;

    /// Each has the same name and a key of its own.
    fn ca() -> CertifiedIssuer<'static, KeyPair> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate().expect("a key");
        CertifiedIssuer::self_signed(params, key).expect("a CA")
    }

    fn leaf(ca: &CertifiedIssuer<'_, KeyPair>) -> CertificateDer<'static> {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::default();
        let leaf = params.signed_by(&key, ca).expect("a leaf");
        leaf.der().clone()
    }

    #[test]
    fn who_signed_a_certificate_stays_the_same_however_many_are_looked_at() {
        let (old, new, stranger) = (ca(), ca(), ca());
        let both = [old.pem(), new.pem()].concat();
        let bundle = TrustBundle::from_pem(both.as_bytes()).expect("two CAs");
        let all: Vec<_> = (0..=SIGNED)
            .flat_map(|_| {
                [
                    (leaf(&old), Some(0)),
                    (leaf(&new), Some(1)),
                    (leaf(&stranger), None),
                ]
            })
            .collect();
        // They are one more than are remembered, so that each is forgotten by the time it comes again.
        for (leaf, signer) in all.iter().chain(&all).chain(&all[all.len() - 3..]) {
            let leaf = profile::parse(leaf).expect("a certificate");
            let expected = signer.map(|number: usize| bundle.anchors[number].ca());
            assert_eq!(bundle.signer_of(&leaf), expected);
        }
        assert!(
            bundle
                .anchors
                .iter()
                .all(|anchor| anchor.signed().len() == SIGNED)
        );
    }
}
