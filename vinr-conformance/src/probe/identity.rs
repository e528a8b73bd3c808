//! Who the suite can pretend to be.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use zeroize::Zeroizing;

/// A client certificate with its key, and the name under which the journal speaks of it.
#[derive(Clone)]
pub struct Identity {
    name: String,
    chain: Vec<CertificateDer<'static>>,
    /// Wiped when the last clone is dropped. \[SEC-1\]
    key: Arc<Zeroizing<PrivateKeyDer<'static>>>,
}

/// Certificates or keys that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The file cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Group or others may read the key.
    #[error("the key {} can be read by others (mode {mode:04o}); run: chmod 600 {}", path.display(), path.display())]
    ReadableByOthers {
        /// Which file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// The text holds no certificate or key.
    #[error("{what} is not in PEM form: {source}")]
    NotPem {
        /// Which text.
        what: String,
        /// Why.
        source: rustls_pki_types::pem::Error,
    },
    /// TLS does not take it.
    #[error("{what} cannot be used for TLS: {why}")]
    NotUsable {
        /// Which.
        what: String,
        /// Why.
        why: String,
    },
}

impl Identity {
    /// Reads a certificate chain and its key from PEM text.
    pub fn from_pem(name: &str, chain: &[u8], key: &[u8]) -> Result<Self, IdentityError> {
        let not_pem = |source| IdentityError::NotPem {
            what: format!("the identity '{name}'"),
            source,
        };
        let chain = CertificateDer::pem_slice_iter(chain)
            .collect::<Result<Vec<_>, _>>()
            .map_err(not_pem)?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(not_pem)?;
        Ok(Self {
            name: name.to_owned(),
            chain,
            key: Arc::new(Zeroizing::new(key)),
        })
    }

    /// The key as the body of a PEM file, to look for where it must not be.
    pub fn key_text(&self) -> Zeroizing<String> {
        let engine = base64::engine::general_purpose::STANDARD;
        let text = Zeroizing::new(engine.encode(self.key.secret_der()));
        let lines: Vec<_> = text
            .as_bytes()
            .chunks(64)
            .map(String::from_utf8_lossy)
            .collect();
        Zeroizing::new(lines.join("\n"))
    }

    /// Reads it from `STEM.pem` and `STEM.key`.
    pub fn from_files(name: &str, stem: &Path) -> Result<Self, IdentityError> {
        Self::from_pem(
            name,
            &read(&stem.with_extension("pem"))?,
            &read_key(&stem.with_extension("key"))?,
        )
    }

    /// A certificate for this terminal from an authority that nobody knows. \[TLS-5\]
    pub fn of_a_foreign_authority(name: &str, terminal_urn: &str) -> Result<Self, IdentityError> {
        foreign(name, terminal_urn).map_err(|error| IdentityError::NotUsable {
            what: format!("the identity '{name}'"),
            why: error.to_string(),
        })
    }

    /// Its own certificate, without those that lead to it, as PEM.
    pub fn certificate_pem(&self) -> String {
        let der = self.chain.first().map(|own| own.as_ref());
        let text = base64::engine::general_purpose::STANDARD.encode(der.unwrap_or_default());
        let lines = text.as_bytes().chunks(64).map(String::from_utf8_lossy);
        let lines: Vec<_> = lines.collect();
        format!(
            "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
            lines.join("\n")
        )
    }

    /// What the journal calls it.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn chain(&self) -> Vec<CertificateDer<'static>> {
        self.chain.clone()
    }

    pub(super) fn key(&self) -> PrivateKeyDer<'static> {
        self.key.clone_key()
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Identity({})", self.name)
    }
}

/// Reads a file, and says which one where that fails.
pub fn read(path: &Path) -> Result<Vec<u8>, IdentityError> {
    std::fs::read(path).map_err(|source| IdentityError::Unreadable {
        path: path.to_owned(),
        source,
    })
}

/// Reads a private key that nobody else may read. \[TLS-11\]
pub fn read_key(path: &Path) -> Result<Vec<u8>, IdentityError> {
    #[cfg(unix)]
    if let Ok(metadata) = std::fs::metadata(path) {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = metadata.permissions().mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(IdentityError::ReadableByOthers {
                path: path.to_owned(),
                mode,
            });
        }
    }
    read(path)
}

fn foreign(name: &str, terminal_urn: &str) -> Result<Identity, rcgen::Error> {
    use rcgen::{
        BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose,
        IsCa, KeyPair, KeyUsagePurpose, SanType,
    };
    let mut authority = CertificateParams::default();
    authority
        .distinguished_name
        .push(DnType::CommonName, "Nobody's authority");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;

    let mut leaf = CertificateParams::default();
    leaf.distinguished_name.push(DnType::CommonName, "A till");
    leaf.subject_alt_names = vec![SanType::URI(terminal_urn.try_into()?)];
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let key = KeyPair::generate()?;
    let certificate = leaf.signed_by(&key, &authority)?;
    Ok(Identity {
        name: name.to_owned(),
        chain: vec![certificate.der().clone()],
        key: Arc::new(Zeroizing::new(PrivateKeyDer::Pkcs8(
            key.serialize_der().into(),
        ))),
    })
}
