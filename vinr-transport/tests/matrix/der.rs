//! Just enough DER to spoil a certificate and sign it again.

use rcgen::SigningKey;
use rustls_pki_types::CertificateDer;

pub(crate) const SEQUENCE: u8 = 0x30;
const BIT_STRING: u8 = 0x03;

/// One element: tag, length, content.
pub(crate) fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let mut der = vec![tag];
    match length {
        0..=0x7f => der.push(u8::try_from(length).unwrap()),
        _ => {
            let bytes = u32::try_from(length).unwrap().to_be_bytes();
            let skip = bytes.iter().take_while(|byte| **byte == 0).count();
            der.push(0x80 | u8::try_from(4 - skip).unwrap());
            der.extend(&bytes[skip..]);
        }
    }
    der.extend(content);
    der
}

/// The element at the front, its content, and what follows it.
pub(crate) fn first(der: &[u8]) -> (&[u8], &[u8], &[u8]) {
    let (header, length) = match der[1] {
        short @ 0..=0x7f => (2, usize::from(short)),
        long => {
            let count = usize::from(long & 0x7f);
            let length = der[2..2 + count]
                .iter()
                .fold(0, |sum, byte| (sum << 8) | usize::from(*byte));
            (2 + count, length)
        }
    };
    let end = header + length;
    (&der[..end], &der[header..end], &der[end..])
}

/// The elements, one after the other.
pub(crate) fn elements(mut der: &[u8]) -> Vec<&[u8]> {
    let mut elements = Vec::new();
    while !der.is_empty() {
        let (element, _, rest) = first(der);
        elements.push(element);
        der = rest;
    }
    elements
}

/// The three parts of a certificate or a revocation list: what is signed, the algorithm, the signature.
pub(crate) fn parts(der: &[u8]) -> (&[u8], &[u8], &[u8]) {
    let (_, content, _) = first(der);
    let (signed, _, rest) = first(content);
    let (algorithm, _, signature) = first(rest);
    (signed, algorithm, signature)
}

/// Puts the three parts together.
pub(crate) fn whole(signed: &[u8], algorithm: &[u8], signature: &[u8]) -> Vec<u8> {
    tlv(SEQUENCE, &[signed, algorithm, signature].concat())
}

/// Changes the content of what is signed, and signs it as its CA would.
pub(crate) fn edited(
    certificate: &CertificateDer<'_>,
    ca: &impl SigningKey,
    edit: impl FnOnce(Vec<u8>) -> Vec<u8>,
) -> CertificateDer<'static> {
    let (signed, algorithm, _) = parts(certificate);
    let (_, content, _) = first(signed);
    let signed = tlv(SEQUENCE, &edit(content.to_vec()));
    let signature = ca.sign(&signed).unwrap();
    whole(&signed, algorithm, &bits(&signature)).into()
}

/// A bit string of whole octets.
pub(crate) fn bits(octets: &[u8]) -> Vec<u8> {
    tlv(BIT_STRING, &[&[0], octets].concat())
}

/// Replaces the one place where these bytes are.
pub(crate) fn replaced(der: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut places = der
        .windows(from.len())
        .enumerate()
        .filter(|(_, window)| *window == from);
    let (place, _) = places.next().expect("the bytes are there");
    assert!(places.next().is_none(), "the bytes are there once");
    [&der[..place], to, &der[place + from.len()..]].concat()
}
