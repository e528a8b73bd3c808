//! Keys and signatures: P-256 or Ed25519 in a leaf, nothing weak above it. \[TLS-14\]

use std::sync::Arc;

use rcgen::{CertifiedIssuer, PKCS_ECDSA_P384_SHA384, PKCS_ECDSA_P521_SHA512, PKCS_ED25519};

use super::{Case, Kind, kind};
use crate::der::{edited, replaced};
use crate::paper::{Depth, Shop, Shown, certify, root_params};
use crate::rsa::{RawRsa, SHA_1};
use crate::verdict::Expect::{Accepted, Refused};
use crate::verdict::Fault::*;

pub(super) fn kinds() -> Vec<Kind> {
    vec![
        kind("Ed25519", Accepted, |shop| shop.show_key(&PKCS_ED25519)),
        kind("P-384", Refused(&[KeyType]), |shop| {
            shop.show_key(&PKCS_ECDSA_P384_SHA384)
        }),
        kind("P-521", Refused(&[KeyType]), |shop| {
            shop.show_key(&PKCS_ECDSA_P521_SHA512)
        }),
        kind("RSA-2048", Refused(&[KeyType]), |shop| {
            with_rsa(shop, RawRsa::bits_2048())
        }),
        kind("RSA-1024", Refused(&[KeyType]), |shop| {
            with_rsa(shop, RawRsa::bits_1024())
        }),
        kind("signed by RSA-2048 and SHA-256", Accepted, |shop| {
            by_rsa(shop, RawRsa::bits_2048())
        }),
        kind("signed by RSA-1024", Refused(&[Signature, Path]), |shop| {
            by_rsa(shop, RawRsa::bits_1024())
        }),
        kind(
            "signed with SHA-1",
            Refused(&[Signature, Path, Encoding]),
            |shop| {
                let key = RawRsa::bits_2048();
                let mut case = by_rsa(shop, key.clone());
                // sha256WithRSAEncryption in the signed part and beside it; SHA-1 differs in the last byte.
                let sha_1 = edited(&case.shown.chain[0], &key.with(&SHA_1), |tbs| {
                    replaced(&tbs, SHA_256_WITH_RSA, SHA_1_WITH_RSA)
                });
                case.shown.chain[0] =
                    replaced_last(&sha_1, SHA_256_WITH_RSA, SHA_1_WITH_RSA).into();
                case
            },
        ),
        kind(
            "says SHA-256 and is signed with SHA-1",
            Refused(&[Signature]),
            |shop| {
                let key = RawRsa::bits_2048();
                let mut case = by_rsa(shop, key.clone());
                case.shown.chain[0] = edited(&case.shown.chain[0], &key.with(&SHA_1), |tbs| tbs);
                case
            },
        ),
    ]
}

const SHA_256_WITH_RSA: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b";
const SHA_1_WITH_RSA: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05";

fn with_rsa(shop: &Shop, key: RawRsa) -> Shown {
    Shown {
        chain: vec![certify(shop.leaf(), &key, &shop.root)],
        key: Some(Arc::new(key)),
    }
}

/// Below a CA of the bundle that has this key.
fn by_rsa(shop: &Shop, key: RawRsa) -> Case {
    let ca = CertifiedIssuer::self_signed(root_params("VINR RSA CA", Depth::Leaves), key).unwrap();
    let leaf_key = rcgen::KeyPair::generate().unwrap();
    let leaf = shop.leaf().signed_by(&leaf_key, &ca).unwrap();
    Case::trusting(Shown::new(leaf.der().clone(), &leaf_key), ca.pem())
}

fn replaced_last(der: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let place = der
        .windows(from.len())
        .rposition(|window| window == from)
        .expect("the bytes are there");
    [&der[..place], to, &der[place + from.len()..]].concat()
}
