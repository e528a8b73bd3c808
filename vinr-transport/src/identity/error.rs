//! Why an identity cannot be used. Each sentence can be shown to whoever installs a till.

use std::path::{Path, PathBuf};

/// An identity cannot be read, before any connection was tried.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// The file is missing, or we may not read it.
    #[error("the identity file {} cannot be read: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Group or others may read the file with the key.
    #[error(
        "the identity file {} can be read by others (mode {mode:04o}); run: chmod 600 {}",
        path.display(), path.display()
    )]
    ReadableByOthers {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// Larger than any identity.
    #[error("the identity is larger than 256 KiB")]
    TooLarge,
    /// The passphrase does not open it.
    #[error("the passphrase does not open the identity")]
    WrongPassphrase,
    /// Nothing shows that the file is as it was made.
    #[error("the PKCS#12 identity has no MAC, so nobody can tell whether it was changed")]
    NoMac,
    /// Broken off, or not PKCS#12 at all.
    #[error("the identity is not a complete PKCS#12 file")]
    NotPkcs12,
    /// Neither today's protection nor the legacy one.
    #[error(
        "the PKCS#12 identity is protected in a way that is not supported (supported: PBES2 with PBKDF2, and the legacy SHA-1 with 3DES or RC2)"
    )]
    UnsupportedProtection,
    /// Opening it would keep the processor busy for too long: a hostile file.
    #[error(
        "the PKCS#12 identity asks for {iterations} rounds of key derivation; at most {limit} are done"
    )]
    TooManyIterations {
        /// What the file asks for in all.
        iterations: u64,
        /// What is done at most.
        limit: u64,
    },
    /// Not readable as PEM.
    #[error("the identity is not readable as PEM")]
    NotPem,
    /// No private key in it.
    #[error("the identity holds no private key")]
    NoKey,
    /// More than one private key: which one is meant?
    #[error("the identity holds {count} private keys, and exactly one is expected")]
    SeveralKeys {
        /// How many.
        count: usize,
    },
    /// The PEM key is encrypted.
    #[error("the PEM key is encrypted; use PKCS#12 for a key with a passphrase")]
    EncryptedPem,
    /// A key that cannot be used.
    #[error("the private key is of a kind that cannot be used (expected: P-256 or Ed25519)")]
    UnsupportedKey,
    /// No certificate in it.
    #[error("the identity holds no certificate")]
    NoCertificate,
    /// No certificate belongs to the key.
    #[error("no certificate of the identity belongs to its private key")]
    KeyMismatch,
    /// The certificate is not well-formed.
    #[error("the certificate of the identity is not well-formed")]
    BadCertificate,
    /// Past its date.
    #[error("the certificate of the identity expired on {on}; a new one must be issued")]
    Expired {
        /// Its last moment.
        on: String,
    },
    /// Before its date.
    #[error(
        "the certificate of the identity is valid only from {from}; check this machine's clock"
    )]
    NotYetValid {
        /// Its first moment.
        from: String,
    },
    /// Writing PKCS#12 failed.
    #[error("the identity cannot be written as PKCS#12: {0}")]
    NotWritable(String),
    /// One of the others, about this file.
    #[error("{}: {fault}", path.display())]
    InFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        fault: Box<IdentityError>,
    },
}

impl IdentityError {
    /// The fault itself, without the file that it is about.
    pub fn fault(&self) -> &IdentityError {
        match self {
            Self::InFile { fault, .. } => fault,
            other => other,
        }
    }

    pub(super) fn in_file(self, path: &Path) -> Self {
        Self::InFile {
            path: path.into(),
            fault: Box::new(self),
        }
    }
}
