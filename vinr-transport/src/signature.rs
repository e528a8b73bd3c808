//! Did this key sign this? By the same algorithms as every handshake, and no others.

use x509_parser::asn1_rs::{BitString, ToDer};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use x509_parser::x509::{AlgorithmIdentifier, SubjectPublicKeyInfo};

use crate::tls::provider;

/// What keeps a signature from counting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unsigned {
    /// The algorithm, or the algorithm with this kind of key, is none that we take.
    Unsupported,
    /// The key did not make it.
    Wrong,
}

/// Checks a signature with a key (a DER SubjectPublicKeyInfo).
pub(crate) fn verify(
    message: &[u8],
    algorithm: &AlgorithmIdentifier<'_>,
    signature: &BitString<'_>,
    key: &[u8],
) -> Result<(), Unsigned> {
    let (_, key) = SubjectPublicKeyInfo::from_der(key).map_err(|_| Unsigned::Wrong)?;
    let (wanted, of_key) = (contents(algorithm), contents(&key.algorithm));
    let provider = provider();
    let algorithm = provider
        .signature_verification_algorithms
        .all
        .iter()
        .find(|known| {
            known.signature_alg_id().as_ref() == wanted
                && known.public_key_alg_id().as_ref() == of_key
        })
        .ok_or(Unsigned::Unsupported)?;
    if signature.unused_bits != 0 {
        return Err(Unsigned::Wrong);
    }
    algorithm
        .verify_signature(&key.subject_public_key.data, message, &signature.data)
        .map_err(|_| Unsigned::Wrong)
}

/// Did this key (a DER SubjectPublicKeyInfo) sign this certificate?
pub(crate) fn is_on(certificate: &X509Certificate<'_>, key: &[u8]) -> bool {
    verify(
        certificate.tbs_certificate.as_ref(),
        &certificate.signature_algorithm,
        &certificate.signature_value,
        key,
    )
    .is_ok()
}

/// An AlgorithmIdentifier without its outermost tag and length, as rustls compares it; what cannot be written again
/// is no algorithm that it knows.
fn contents(algorithm: &AlgorithmIdentifier<'_>) -> Vec<u8> {
    let mut der = algorithm.algorithm.to_der_vec().unwrap_or_default();
    if let Some(parameters) = &algorithm.parameters {
        der.extend(parameters.to_der_vec().unwrap_or_default());
    }
    der
}
