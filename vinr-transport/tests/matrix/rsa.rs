//! RSA as no library lets one have it any more: 1 024 bits, SHA-1. Slow, leaky, and for refusals only.

use aws_lc_rs::digest::{self, Algorithm, SHA256};
use num_bigint::BigUint;
use rcgen::{PKCS_RSA_SHA256, PublicKeyData};
use rustls::sign::{Signer, SigningKey};
use rustls::{SignatureAlgorithm, SignatureScheme};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;

use crate::der::{SEQUENCE, first, tlv};

/// A private key, from a fixture.
#[derive(Debug, Clone)]
pub(crate) struct RawRsa {
    modulus: BigUint,
    exponent: BigUint,
    public: Vec<u8>,
    hash: &'static Hash,
}

/// How a certificate is signed: PKCS#1 v1.5 with this digest.
#[derive(Debug)]
pub(crate) struct Hash {
    algorithm: &'static Algorithm,
    /// The DigestInfo before the digest.
    prefix: &'static [u8],
}

pub(crate) static SHA_256: Hash = Hash {
    algorithm: &SHA256,
    prefix: b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20",
};
pub(crate) static SHA_1: Hash = Hash {
    algorithm: &digest::SHA1_FOR_LEGACY_USE_ONLY,
    prefix: b"\x30\x21\x30\x09\x06\x05\x2b\x0e\x03\x02\x1a\x05\x00\x04\x14",
};

impl RawRsa {
    pub(crate) fn bits_1024() -> Self {
        Self::read(include_bytes!("../fixtures/rsa-1024.pem"))
    }

    pub(crate) fn bits_2048() -> Self {
        Self::read(include_bytes!("../fixtures/rsa-2048.pem"))
    }

    pub(crate) fn with(self, hash: &'static Hash) -> Self {
        Self { hash, ..self }
    }

    /// RSAPrivateKey: version, modulus, public exponent, private exponent, and what is not needed here.
    fn read(pem: &[u8]) -> Self {
        let PrivateKeyDer::Pkcs1(key) = PrivateKeyDer::from_pem_slice(pem).unwrap() else {
            panic!("the fixture is a PKCS#1 key");
        };
        let (_, fields, _) = first(key.secret_pkcs1_der());
        let (_, _, fields) = first(fields);
        let (n, modulus, fields) = first(fields);
        let (e, _, fields) = first(fields);
        let (_, exponent, _) = first(fields);
        Self {
            modulus: BigUint::from_bytes_be(modulus),
            exponent: BigUint::from_bytes_be(exponent),
            public: tlv(SEQUENCE, &[n, e].concat()),
            hash: &SHA_256,
        }
    }

    fn size(&self) -> usize {
        usize::try_from(self.modulus.bits()).unwrap().div_ceil(8)
    }

    fn raise(&self, message: &[u8]) -> Vec<u8> {
        let raised = BigUint::from_bytes_be(message).modpow(&self.exponent, &self.modulus);
        let bytes = raised.to_bytes_be();
        [vec![0; self.size() - bytes.len()], bytes].concat()
    }
}

impl PublicKeyData for RawRsa {
    fn der_bytes(&self) -> &[u8] {
        &self.public
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        &PKCS_RSA_SHA256
    }
}

/// For certificates.
impl rcgen::SigningKey for RawRsa {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        let digest = digest::digest(self.hash.algorithm, message);
        let info = [self.hash.prefix, digest.as_ref()].concat();
        let padding = vec![0xff; self.size() - info.len() - 3];
        let padded = [&[0, 1][..], &padding, &[0], &info].concat();
        Ok(self.raise(&padded))
    }
}

/// For handshakes: RSASSA-PSS with SHA-256 and a salt of 32 zeros (RFC 8017 §9.1.1).
impl Signer for RawRsa {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rustls::Error> {
        let salt = [0; 32];
        let digest = digest::digest(&SHA256, message);
        let hash = digest::digest(&SHA256, &[&[0; 8], digest.as_ref(), &salt].concat());
        let block = [vec![0; self.size() - 66], vec![1], salt.to_vec()].concat();
        let mask = (0u32..).flat_map(|counter| {
            let seed = [hash.as_ref(), &counter.to_be_bytes()].concat();
            digest::digest(&SHA256, &seed).as_ref().to_vec()
        });
        let mut masked: Vec<_> = block.iter().zip(mask).map(|(a, b)| a ^ b).collect();
        masked[0] &= 0x7f;
        Ok(self.raise(&[&masked, hash.as_ref(), &[0xbc]].concat()))
    }

    fn scheme(&self) -> SignatureScheme {
        SignatureScheme::RSA_PSS_SHA256
    }
}

impl SigningKey for RawRsa {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        let offers = offered.contains(&SignatureScheme::RSA_PSS_SHA256);
        offers.then(|| Box::new(self.clone()) as Box<dyn Signer>)
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::RSA
    }
}
