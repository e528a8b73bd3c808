//! PKCS#12, the one place that knows `p12-keystore`.
//!
//! That crate takes a file without a MAC, and its own limit on key derivation is per derivation: both are
//! looked at first, in [`kdf`](super::kdf). Buffers inside it are freed without being wiped.

use p12_keystore::error::Error;
use p12_keystore::{
    Certificate, KeyStore, KeyStoreEntry, Pkcs12Archive, PrivateKey, PrivateKeyChain,
};
use rustls_pki_types::CertificateDer;
use zeroize::Zeroizing;

use super::{Identity, IdentityError, kdf};

/// Rounds for what we write: a tenth of a second on a till.
const ITERATIONS: u32 = 100_000;

/// Reads the one key and every certificate.
pub(super) fn read(
    bytes: &[u8],
    passphrase: &str,
) -> Result<(Zeroizing<Vec<u8>>, Vec<CertificateDer<'static>>), IdentityError> {
    kdf::check(bytes)?;
    let archive = Pkcs12Archive::from_pkcs12(bytes, passphrase).map_err(fault)?;
    let key = match &archive.keys[..] {
        [] => return Err(IdentityError::NoKey),
        [key] => Zeroizing::new(key.key.as_der().to_vec()),
        several => {
            return Err(IdentityError::SeveralKeys {
                count: several.len(),
            });
        }
    };
    let certificates = archive
        .certs
        .iter()
        .map(|bag| CertificateDer::from(bag.cert.as_der().to_vec()))
        .collect();
    Ok((key, certificates))
}

fn fault(error: Error) -> IdentityError {
    match error {
        // The MAC is looked at before anything is decrypted.
        Error::MacError(_) => IdentityError::WrongPassphrase,
        Error::UnsupportedEncryptionScheme
        | Error::UnsupportedMacAlgorithm
        | Error::UnsupportedContentType => IdentityError::UnsupportedProtection,
        Error::X509Error(_) | Error::UnsupportedCertificateType => IdentityError::BadCertificate,
        Error::InvalidPrivateKey => IdentityError::UnsupportedKey,
        _ => IdentityError::NotPkcs12,
    }
}

/// Writes today's form.
pub(super) fn write(
    identity: &Identity,
    passphrase: &str,
) -> Result<Zeroizing<Vec<u8>>, IdentityError> {
    let not_writable = |error: Error| IdentityError::NotWritable(error.to_string());
    let key = PrivateKey::from_der(identity.pkcs8()).map_err(not_writable)?;
    let chain = identity
        .chain()
        .iter()
        .map(|certificate| Certificate::from_der(certificate))
        .collect::<Result<Vec<_>, _>>()
        .map_err(not_writable)?;
    let mut store = KeyStore::new();
    store.add_entry(
        "vinr",
        KeyStoreEntry::PrivateKeyChain(PrivateKeyChain::new("vinr", key, chain)),
    );
    // The writer's own choice of ciphers is today's: AES-256, HMAC-SHA-256.
    store
        .writer(passphrase)
        .encryption_iterations(ITERATIONS)
        .mac_iterations(ITERATIONS)
        .write()
        .map(Zeroizing::new)
        .map_err(not_writable)
}
