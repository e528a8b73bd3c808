//! Who we are: a key, its certificate, and the chain up to the CA.
//!
//! Read from PKCS#12 with a passphrase or from PEM, checked before any connection, each fault with an
//! error of its own. \[TLS-11\]
//!
//! Whatever rustls can sign with is read, RSA and P-384 too: a file that an integrator was given should not look
//! broken where it is only refused. Terminals take P-256 and Ed25519 alone; [`Identity::fits`] says so before any
//! of them does, and reading such a file leaves a warning in the log. \[TLS-14\]
//!
//! Our copies of a key are wiped when they are freed, and so is what a PKCS#12 file was opened to; what the reader of
//! PEM and the signer leave behind inside themselves is not.

mod der;
mod error;
mod file;
mod kdf;
mod oid;
mod pem;
mod pkcs12;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::sign::CertifiedKey;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use vinr_protocol::{TerminalId, Timestamp};
use zeroize::{Zeroize, Zeroizing};

pub use error::IdentityError;

use crate::check::{Check, Side};
use crate::clock::{Clock, unix_time};
use crate::names;
use crate::profile::{self, Leaf};

/// A certificate with its private key. Cheap to clone; prints nothing of the key. \[SEC-1\]
#[derive(Clone)]
pub struct Identity {
    certified: Arc<CertifiedKey>,
    /// PKCS#8, for writing.
    key: Arc<Zeroizing<Vec<u8>>>,
    terminals: Vec<TerminalId>,
}

/// How strictly an identity is read; [`Identity::loader`] starts with the strictest.
#[derive(Debug, Clone)]
pub struct Loader {
    permissions: file::Permissions,
    now: Option<Timestamp>,
}

impl Identity {
    /// Reads a PKCS#12 file. Others must not be able to read the file.
    pub fn from_p12_file(path: impl AsRef<Path>, passphrase: &str) -> Result<Self, IdentityError> {
        Self::loader().p12_file(path, passphrase)
    }

    /// Reads PKCS#12 from memory.
    pub fn from_p12_bytes(bytes: &[u8], passphrase: &str) -> Result<Self, IdentityError> {
        Self::loader().p12_bytes(bytes, passphrase)
    }

    /// Reads a certificate chain, leaf first, and a key from PEM files. Others must not be able to read
    /// the file with the key.
    pub fn from_pem_files(
        certificates: impl AsRef<Path>,
        key: impl AsRef<Path>,
    ) -> Result<Self, IdentityError> {
        Self::loader().pem_files(certificates, key)
    }

    /// Reads a certificate chain, leaf first, and a key from PEM in memory.
    pub fn from_pem(certificates: &[u8], key: &[u8]) -> Result<Self, IdentityError> {
        Self::loader().pem(certificates, key)
    }

    /// A loader whose strictness can be chosen.
    pub fn loader() -> Loader {
        Loader {
            permissions: file::Permissions::OwnerOnly,
            now: Some(Clock::system().now()),
        }
    }

    /// The identity as PKCS#12 in today's form: PBES2 with AES-256 and HMAC-SHA-256.
    pub fn write_p12(&self, passphrase: &str) -> Result<Zeroizing<Vec<u8>>, IdentityError> {
        pkcs12::write(self, passphrase)
    }

    /// The terminals that the certificate names: itself, or those that a till may drive.
    pub fn names(&self) -> &[TerminalId] {
        &self.terminals
    }

    /// Whether the peer of this side will take the certificate, as far as the strict profile goes; the error names the
    /// check that it would fail. \[TLS-14\]
    pub fn fits(&self, side: Side) -> Result<(), Check> {
        Leaf::read(&self.certified.cert[0], side).map(drop)
    }

    /// The certificate chain, leaf first.
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.certified.cert
    }

    /// The chain and what signs for it, for a TLS stack of the caller's; the key's bytes stay inside.
    pub fn certified_key(&self) -> CertifiedKey {
        CertifiedKey::clone(&self.certified)
    }

    pub(crate) fn pkcs8(&self) -> &[u8] {
        &self.key
    }

    /// Puts a key and its certificates together; `certificates` may come in any order and hold others.
    fn assemble(
        key: Zeroizing<Vec<u8>>,
        certificates: Vec<CertificateDer<'static>>,
        now: Option<Timestamp>,
    ) -> Result<Self, IdentityError> {
        let mut der = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.to_vec()));
        let signing = any_supported_type(&der);
        der.zeroize();
        let signing = signing.map_err(|_| IdentityError::UnsupportedKey)?;
        let public = signing.public_key().ok_or(IdentityError::UnsupportedKey)?;
        let chain = order(&public, certificates)?;
        let terminals = inspect(&chain[0], now)?;
        let identity = Self {
            certified: Arc::new(CertifiedKey::new(chain, signing)),
            key: Arc::new(key),
            terminals,
        };
        if [Side::Pos, Side::Terminal]
            .map(|side| identity.fits(side))
            .contains(&Err(Check::KeyType))
        {
            tracing::warn!(
                "the identity's key is neither P-256 nor Ed25519: it was read, and the other side will refuse it"
            );
        }
        Ok(identity)
    }
}

impl Loader {
    /// Takes files that others may read: for a container that mounts its secrets so.
    pub fn readable_by_others(mut self) -> Self {
        self.permissions = file::Permissions::Any;
        self
    }

    /// Takes a certificate that is expired or not valid yet: for tests of the other side.
    pub fn out_of_time(mut self) -> Self {
        self.now = None;
        self
    }

    /// Judges the certificate at this date.
    pub fn at(mut self, now: Timestamp) -> Self {
        self.now = Some(now);
        self
    }

    /// As [`Identity::from_p12_file`].
    pub fn p12_file(
        &self,
        path: impl AsRef<Path>,
        passphrase: &str,
    ) -> Result<Identity, IdentityError> {
        let path = path.as_ref();
        let bytes = file::read_secret(path, self.permissions)?;
        self.p12_bytes(&bytes, passphrase)
            .map_err(|error| error.in_file(path))
    }

    /// As [`Identity::from_p12_bytes`].
    pub fn p12_bytes(&self, bytes: &[u8], passphrase: &str) -> Result<Identity, IdentityError> {
        let (key, certificates) = pkcs12::read(bytes, passphrase)?;
        Identity::assemble(key, certificates, self.now)
    }

    /// As [`Identity::from_pem_files`].
    pub fn pem_files(
        &self,
        certificates: impl AsRef<Path>,
        key: impl AsRef<Path>,
    ) -> Result<Identity, IdentityError> {
        let (certificates, key) = (certificates.as_ref(), key.as_ref());
        let certificate_pem = file::read_public(certificates)?;
        let key_pem = file::read_secret(key, self.permissions)?;
        let chain =
            pem::certificates(&certificate_pem).map_err(|error| error.in_file(certificates))?;
        let secret = pem::key(&key_pem).map_err(|error| error.in_file(key))?;
        Identity::assemble(secret, chain, self.now).map_err(|error| error.in_file(certificates))
    }

    /// As [`Identity::from_pem`].
    pub fn pem(&self, certificates: &[u8], key: &[u8]) -> Result<Identity, IdentityError> {
        Identity::assemble(pem::key(key)?, pem::certificates(certificates)?, self.now)
    }
}

/// The certificate of the key first, then each one's issuer, without the self-signed root at the end:
/// a peer has that already or would not believe it.
fn order(
    public: &[u8],
    mut certificates: Vec<CertificateDer<'static>>,
) -> Result<Vec<CertificateDer<'static>>, IdentityError> {
    if certificates.is_empty() {
        return Err(IdentityError::NoCertificate);
    }
    let is_ours = |certificate: &CertificateDer<'_>| {
        profile::parse(certificate).is_ok_and(|parsed| parsed.public_key().raw == public)
    };
    let leaf = certificates
        .iter()
        .position(is_ours)
        .ok_or(IdentityError::KeyMismatch)?;
    let mut chain = vec![certificates.swap_remove(leaf)];
    while let Some(next) = issuer_of(&chain[chain.len() - 1], &certificates) {
        chain.push(certificates.swap_remove(next));
    }
    Ok(chain)
}

fn issuer_of(child: &CertificateDer<'_>, among: &[CertificateDer<'_>]) -> Option<usize> {
    let child = profile::parse(child).ok()?;
    among.iter().position(|candidate| {
        profile::parse(candidate).is_ok_and(|candidate| {
            let is_root = candidate.subject().as_raw() == candidate.issuer().as_raw();
            !is_root && candidate.subject().as_raw() == child.issuer().as_raw()
        })
    })
}

/// What can be said before any connection: is it in time, and whom does it name?
fn inspect(
    leaf: &CertificateDer<'_>,
    now: Option<Timestamp>,
) -> Result<Vec<TerminalId>, IdentityError> {
    let parsed = profile::parse(leaf).map_err(|_| IdentityError::BadCertificate)?;
    let validity = profile::validity(&parsed);
    if let Some(now) = now {
        match validity.holds_at(unix_time(now)) {
            Err(Check::NotYetValid) => {
                return Err(IdentityError::NotYetValid {
                    from: moment(validity.not_before),
                });
            }
            Err(_) => {
                return Err(IdentityError::Expired {
                    on: moment(validity.not_after),
                });
            }
            Ok(()) => {}
        }
    }
    let san = parsed.subject_alternative_name().ok().flatten();
    let names = san.map_or(&[][..], |san| &san.value.general_names[..]);
    // Whether the names fit the profile is for the peer to judge; here they are only shown.
    Ok([Side::Terminal, Side::Pos]
        .into_iter()
        .filter_map(|side| names::of(side, names).ok())
        .find(|terminals| !terminals.is_empty())
        .unwrap_or_default())
}

fn moment(secs: i64) -> String {
    secs.checked_mul(1000)
        .and_then(Timestamp::from_unix_ms)
        .map_or_else(
            || "a date beyond the calendar".to_owned(),
            |at| at.to_string(),
        )
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("terminals", &self.terminals)
            .finish_non_exhaustive()
    }
}
