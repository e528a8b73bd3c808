//! Certificates and keys in PEM.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use rustls_pki_types::pem::{Error, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use zeroize::{Zeroize, Zeroizing};

use super::IdentityError;

pub(super) fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, IdentityError> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match certificates {
        Ok(none) if none.is_empty() => Err(IdentityError::NoCertificate),
        Ok(certificates) => Ok(certificates),
        Err(_) => Err(IdentityError::NotPem),
    }
}

/// The one private key, as PKCS#8.
pub(super) fn key(pem: &[u8]) -> Result<Zeroizing<Vec<u8>>, IdentityError> {
    if contains(pem, b"ENCRYPTED") {
        return Err(IdentityError::EncryptedPem);
    }
    let mut keys = Vec::new();
    for key in PrivateKeyDer::pem_slice_iter(pem) {
        match key {
            Ok(key) => keys.push(key),
            Err(Error::NoItemsFound) => return Err(IdentityError::NoKey),
            Err(_) => return Err(IdentityError::NotPem),
        }
    }
    match keys.len() {
        0 => Err(IdentityError::NoKey),
        1 => as_pkcs8(keys.swap_remove(0)),
        count => Err(IdentityError::SeveralKeys { count }),
    }
}

fn as_pkcs8(mut key: PrivateKeyDer<'static>) -> Result<Zeroizing<Vec<u8>>, IdentityError> {
    let pkcs8 = match &key {
        PrivateKeyDer::Pkcs8(pkcs8) => Ok(Zeroizing::new(pkcs8.secret_pkcs8_der().to_vec())),
        // What `openssl ecparam -genkey` writes.
        PrivateKeyDer::Sec1(sec1) => from_sec1(sec1.secret_sec1_der()),
        _ => Err(IdentityError::UnsupportedKey),
    };
    key.zeroize();
    pkcs8
}

fn from_sec1(der: &[u8]) -> Result<Zeroizing<Vec<u8>>, IdentityError> {
    EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_ASN1_SIGNING, der)
        .ok()
        .and_then(|pair| pair.to_pkcs8v1().ok())
        .map(|pkcs8| Zeroizing::new(pkcs8.as_ref().to_vec()))
        .ok_or(IdentityError::UnsupportedKey)
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|window| window == word)
}
