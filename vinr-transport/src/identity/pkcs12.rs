//! PKCS#12 (RFC 7292): the MAC first, then what is encrypted, then the one key and every certificate.
//!
//! Read by our own hand, with the ciphers of the crates: what is opened is wiped, the rounds of everything in the file
//! are counted to one sum, passphrases beyond the Basic Multilingual Plane open what OpenSSL made with them, and each
//! fault has its own name. Written by `p12-keystore`, whose buffers are freed without being wiped.

mod cipher;
mod derive;
mod mac;

use p12_keystore::error::Error;
use p12_keystore::{Certificate, KeyStore, KeyStoreEntry, PrivateKey, PrivateKeyChain};
use rustls_pki_types::CertificateDer;
use zeroize::Zeroizing;

use super::der::{CONTEXT_0, CONTEXT_0_PLAIN, Der, INTEGER, OCTET_STRING, OID, SEQUENCE};
use super::oid::{CERTIFICATE_BAG, ENCRYPTED_DATA, KEY_BAG, SHROUDED_KEY_BAG, X509_CERTIFICATE};
use super::{Identity, IdentityError, kdf};
use derive::Passphrase;

/// Rounds for what we write: a tenth of a second on a till.
const ITERATIONS: u32 = 100_000;

/// The only version that there is.
const VERSION: [u8; 1] = [3];

/// What a file holds.
#[derive(Default)]
struct Contents {
    keys: Vec<Zeroizing<Vec<u8>>>,
    certificates: Vec<CertificateDer<'static>>,
}

/// Reads the one key and every certificate.
pub(super) fn read(
    bytes: &[u8],
    passphrase: &str,
) -> Result<(Zeroizing<Vec<u8>>, Vec<CertificateDer<'static>>), IdentityError> {
    let mut rounds = kdf::check(bytes)?;
    let passphrase = Passphrase::new(passphrase);
    let mut contents = Contents::default();
    let mut safes = opened(bytes, &passphrase)?;
    while !safes.is_empty() {
        let (bags, was_encrypted) = safe(safes.take(SEQUENCE)?, &passphrase)?;
        if was_encrypted {
            rounds.add_bags(Der(&bags))?;
        }
        contents.read(Der(&bags), &passphrase)?;
    }
    match contents.keys.len() {
        0 => Err(IdentityError::NoKey),
        1 => Ok((contents.keys.swap_remove(0), contents.certificates)),
        count => Err(IdentityError::SeveralKeys { count }),
    }
}

/// The parts of a file whose MAC is right.
fn opened<'a>(bytes: &'a [u8], passphrase: &Passphrase) -> Result<Der<'a>, IdentityError> {
    let mut file = Der(bytes);
    let mut pfx = file.take(SEQUENCE)?;
    if !file.is_empty() || pfx.take(INTEGER)?.0 != VERSION {
        return Err(IdentityError::NotPkcs12);
    }
    let mut auth_safe = pfx.take(SEQUENCE)?;
    // What kind it is of was looked at with the rounds.
    auth_safe.take(OID)?;
    let content = auth_safe.take(CONTEXT_0)?.take(OCTET_STRING)?;
    mac::check(pfx.take(SEQUENCE)?, content.0, passphrase)?;
    let mut content = content;
    content.take(SEQUENCE)
}

/// The bags of one part, and whether it was encrypted as a whole.
fn safe(
    mut info: Der<'_>,
    passphrase: &Passphrase,
) -> Result<(Zeroizing<Vec<u8>>, bool), IdentityError> {
    let kind = info.take(OID)?.0;
    let mut content = info.take(CONTEXT_0)?;
    if kind != ENCRYPTED_DATA {
        let bags = content.take(OCTET_STRING)?;
        return Ok((Zeroizing::new(bags.0.to_vec()), false));
    }
    let mut encrypted = content.take(SEQUENCE)?;
    encrypted.take(INTEGER)?;
    let mut encrypted = encrypted.take(SEQUENCE)?;
    encrypted.take(OID)?;
    let algorithm = encrypted.take(SEQUENCE)?;
    let hidden = encrypted.take(CONTEXT_0_PLAIN)?;
    Ok((cipher::decrypt(algorithm, hidden.0, passphrase)?, true))
}

impl Contents {
    /// `SafeContents ::= SEQUENCE OF SafeBag`; lists of revoked certificates and secrets of other kinds are left alone.
    fn read(&mut self, mut bags: Der<'_>, passphrase: &Passphrase) -> Result<(), IdentityError> {
        let mut bags = bags.take(SEQUENCE)?;
        while !bags.is_empty() {
            let mut bag = bags.take(SEQUENCE)?;
            let kind = bag.take(OID)?.0;
            let mut value = bag.take(CONTEXT_0)?;
            if kind == KEY_BAG {
                self.keys.push(Zeroizing::new(value.0.to_vec()));
            } else if kind == SHROUDED_KEY_BAG {
                let mut key = value.take(SEQUENCE)?;
                let algorithm = key.take(SEQUENCE)?;
                let hidden = key.take(OCTET_STRING)?;
                let key = cipher::decrypt(algorithm, hidden.0, passphrase)?;
                self.keys.push(key);
            } else if kind == CERTIFICATE_BAG {
                self.certificates.push(certificate(value.take(SEQUENCE)?)?);
            }
        }
        Ok(())
    }
}

/// `CertBag ::= SEQUENCE { certId, certValue [0] }`
fn certificate(mut bag: Der<'_>) -> Result<CertificateDer<'static>, IdentityError> {
    if bag.take(OID)?.0 != X509_CERTIFICATE {
        return Err(IdentityError::BadCertificate);
    }
    let der = bag.take(CONTEXT_0)?.take(OCTET_STRING)?;
    Ok(CertificateDer::from(der.0.to_vec()))
}

/// Writes today's form.
pub(super) fn write(
    identity: &Identity,
    passphrase: &str,
) -> Result<Zeroizing<Vec<u8>>, IdentityError> {
    // The writer's MAC knows no character beyond the Basic Multilingual Plane.
    if passphrase.chars().any(|character| character > '\u{ffff}') {
        return Err(IdentityError::NotWritable(
            "a passphrase with emoji or other rare characters would not open everywhere".into(),
        ));
    }
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
