//! What it may be used for: exactly the purpose of its side, and signing handshakes. \[TLS-14\]

use rcgen::{BasicConstraints, CustomExtension, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose};

use super::{Kind, kind};
use crate::der::{SEQUENCE, tlv};
use crate::paper::{Shop, Shown, critical, extension, other_purpose, purpose};
use crate::verdict::Expect::{Accepted, Refused};
use crate::verdict::Fault::*;

pub(super) fn kinds() -> Vec<Kind> {
    use ExtendedKeyUsagePurpose::{Any, CodeSigning, EmailProtection, OcspSigning, TimeStamping};
    use KeyUsagePurpose::{
        ContentCommitment, CrlSign, DigitalSignature, KeyAgreement, KeyCertSign, KeyEncipherment,
    };
    let mut kinds = vec![
        kind("wrong EKU, the other side's", Refused(&[Purpose]), |shop| {
            for_purposes(shop, vec![other_purpose(shop.side)])
        }),
        kind("both sides' EKU", Refused(&[Purpose]), |shop| {
            for_purposes(shop, vec![purpose(shop.side), other_purpose(shop.side)])
        }),
        kind("any EKU beside its own", Refused(&[Purpose]), |shop| {
            for_purposes(shop, vec![purpose(shop.side), Any])
        }),
        kind(
            "code signing beside its own EKU",
            Refused(&[Purpose]),
            |shop| for_purposes(shop, vec![purpose(shop.side), CodeSigning]),
        ),
        kind(
            "an unknown EKU beside its own",
            Refused(&[Purpose]),
            |shop| {
                let unknown = ExtendedKeyUsagePurpose::Other(vec![1, 3, 6, 1, 4, 1, 55555, 2]);
                for_purposes(shop, vec![purpose(shop.side), unknown])
            },
        ),
        kind(
            "an EKU of no purpose",
            Refused(&[Purpose, Encoding]),
            |shop| extended(shop, vec![], purposes_of(&[])),
        ),
        kind("an EKU that is critical", Accepted, |shop| {
            let oid: &[u8] = match purpose(shop.side) {
                ExtendedKeyUsagePurpose::ServerAuth => b"\x2b\x06\x01\x05\x05\x07\x03\x01",
                _ => b"\x2b\x06\x01\x05\x05\x07\x03\x02",
            };
            extended(shop, vec![], critical(purposes_of(&[oid])))
        }),
        kind("key usage absent", Refused(&[KeyUsage]), |shop| {
            may(shop, vec![])
        }),
        kind(
            "key usage of nothing",
            Refused(&[KeyUsage, Encoding]),
            |shop| {
                let mut params = shop.leaf();
                params.key_usages = vec![];
                let none = extension(&[2, 5, 29, 15], vec![0x03, 0x01, 0x00]);
                params.custom_extensions.push(critical(none));
                shop.show(params)
            },
        ),
        kind("CA of path length zero as leaf", Refused(&[Ca]), |shop| {
            let mut params = shop.leaf();
            params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
            shop.show(params)
        }),
        kind("says that it is no CA", Accepted, |shop| {
            let mut params = shop.leaf();
            params.is_ca = IsCa::ExplicitNoCa;
            shop.show(params)
        }),
    ];
    for (name, other) in [
        ("wrong EKU, any", Any),
        ("wrong EKU, code signing", CodeSigning),
        ("wrong EKU, e-mail", EmailProtection),
        ("wrong EKU, OCSP signing", OcspSigning),
        ("wrong EKU, time stamping", TimeStamping),
    ] {
        kinds.push(kind(name, Refused(&[Purpose]), move |shop| {
            for_purposes(shop, vec![other.clone()])
        }));
    }
    kinds.push(kind("no EKU", Refused(&[Purpose]), |shop| {
        for_purposes(shop, vec![])
    }));
    for (name, usages) in [
        ("key usage keyCertSign", vec![KeyCertSign]),
        (
            "key usage keyCertSign beside its own",
            vec![DigitalSignature, KeyCertSign],
        ),
        (
            "key usage cRLSign beside its own",
            vec![DigitalSignature, CrlSign],
        ),
        ("key usage keyEncipherment", vec![KeyEncipherment]),
        ("key usage keyAgreement", vec![KeyAgreement]),
        ("key usage nonRepudiation", vec![ContentCommitment]),
    ] {
        kinds.push(kind(name, Refused(&[KeyUsage]), move |shop| {
            may(shop, usages.clone())
        }));
    }
    kinds
}

fn for_purposes(shop: &Shop, purposes: Vec<ExtendedKeyUsagePurpose>) -> Shown {
    let mut params = shop.leaf();
    params.extended_key_usages = purposes;
    shop.show(params)
}

fn may(shop: &Shop, usages: Vec<KeyUsagePurpose>) -> Shown {
    let mut params = shop.leaf();
    params.key_usages = usages;
    shop.show(params)
}

fn purposes_of(oids: &[&[u8]]) -> CustomExtension {
    let oids: Vec<u8> = oids.iter().flat_map(|oid| tlv(0x06, oid)).collect();
    extension(&[2, 5, 29, 37], tlv(SEQUENCE, &oids))
}

fn extended(
    shop: &Shop,
    purposes: Vec<ExtendedKeyUsagePurpose>,
    extension: CustomExtension,
) -> Shown {
    let mut params = shop.leaf();
    params.extended_key_usages = purposes;
    params.custom_extensions.push(extension);
    shop.show(params)
}
