//! Who signed it: the CA of the bundle, and nobody who looks like it.

use rcgen::{BasicConstraints, IsCa, KeyPair, KeyUsagePurpose};
use vinr_transport::Side;

use super::{Case, Kind, kind};
use crate::der::{bits, parts, whole};
use crate::paper::{
    DAY, Depth, NOW, Shop, Shown, below, date, other_purpose, root, root_params, show_by,
};
use crate::verdict::Expect::{Accepted, Refused};
use crate::verdict::Fault::*;

pub(super) fn kinds(side: Side) -> Vec<Kind> {
    vec![
        kind("lawful", Accepted, Shop::lawful),
        kind("none", Refused(&[NoCertificate]), |shop| Shown {
            chain: vec![],
            // A terminal cannot come without a key; what it signs is never read.
            key: match shop.side {
                Side::Terminal => shop.lawful().key,
                Side::Pos => None,
            },
        }),
        kind("wrong CA", Refused(&[Issuer]), |shop| {
            show_by(
                shop.leaf(),
                &root(&root_params("another CA", Depth::Leaves)),
            )
        }),
        kind("same-name CA", Refused(&[Issuer, Signature]), |shop| {
            show_by(shop.leaf(), &same_name())
        }),
        kind(
            "same-name CA, sent along",
            Refused(&[Issuer, Signature]),
            |shop| {
                let ca = same_name();
                show_by(shop.leaf(), &ca).beside([ca.der()])
            },
        ),
        kind("wrong CA, sent along", Refused(&[Issuer]), |shop| {
            let ca = root(&root_params("another CA", Depth::Leaves));
            show_by(shop.leaf(), &ca).beside([ca.der()])
        }),
        kind("the other side's CA", Refused(&[Issuer]), |shop| {
            show_by(shop.leaf(), &shop.other_root)
        }),
        kind(
            match side {
                Side::Terminal => "a till's certificate shown as terminal",
                Side::Pos => "a terminal's certificate shown as POS",
            },
            Refused(&[Issuer, Purpose]),
            |shop| {
                let reflected = Shop {
                    side: other(shop.side),
                    ..Shop::new(shop.side)
                };
                show_by(reflected.leaf(), &shop.other_root)
            },
        ),
        kind(
            match side {
                Side::Terminal => "a till's certificate by the terminals' CA",
                Side::Pos => "a terminal's certificate by the tills' CA",
            },
            Refused(&[Purpose]),
            |shop| {
                let mut params = shop.leaf();
                params.extended_key_usages = vec![other_purpose(shop.side)];
                shop.show(params)
            },
        ),
        kind("self-signed", Refused(&[Issuer]), |shop| {
            let key = KeyPair::generate().unwrap();
            let certificate = shop.leaf().self_signed(&key).unwrap();
            Shown::new(certificate.der().clone(), &key)
        }),
        kind(
            "self-signed in the CA's name",
            Refused(&[Issuer, Signature]),
            |shop| {
                let mut params = shop.leaf();
                params.distinguished_name = same_name_params().distinguished_name;
                let key = KeyPair::generate().unwrap();
                let certificate = params.self_signed(&key).unwrap();
                Shown::new(certificate.der().clone(), &key)
            },
        ),
        kind("CA as leaf", Refused(&[Ca]), |shop| {
            let mut params = shop.leaf();
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.key_usages.push(KeyUsagePurpose::KeyCertSign);
            shop.show(params)
        }),
        kind("the CA itself", Refused(&[Ca, Purpose]), |shop| {
            Shown::new(shop.root.der().clone(), shop.root.key())
        }),
        kind(
            "signature with one bit changed",
            Refused(&[Signature]),
            |shop| {
                let mut shown = shop.lawful();
                let mut der = shown.chain[0].to_vec();
                *der.last_mut().unwrap() ^= 1;
                shown.chain[0] = der.into();
                shown
            },
        ),
        kind("signature of its own key", Refused(&[Signature]), |shop| {
            let key = KeyPair::generate().unwrap();
            let certificate = shop.leaf().signed_by(&key, &shop.root).unwrap();
            let (signed, algorithm, _) = parts(certificate.der());
            let signature = rcgen::SigningKey::sign(&key, signed).unwrap();
            let der = whole(signed, algorithm, &bits(&signature));
            Shown::new(der.into(), &key)
        }),
        kind("signature of nothing", Refused(&[Signature]), |shop| {
            let key = KeyPair::generate().unwrap();
            let certificate = shop.leaf().signed_by(&key, &shop.root).unwrap();
            let (signed, algorithm, _) = parts(certificate.der());
            Shown::new(whole(signed, algorithm, &bits(&[])).into(), &key)
        }),
        kind(
            "key that does not fit the certificate",
            // "signature" is the check of either signature, the CA's on it and its own on the handshake.
            Refused(&[Handshake, Signature]),
            |shop| Shown {
                key: shop.lawful().key,
                ..shop.lawful()
            },
        ),
        kind("renewed with a new key", Accepted, |shop| {
            // The old one is good beside it until it ends: the control of every case.
            shop.show(shop.leaf())
        }),
        kind("renewed with the same key", Accepted, |shop| {
            let key = KeyPair::generate().unwrap();
            let mut params = shop.leaf();
            params.not_after = date!(NOW + 2 * 365 * DAY);
            let certificate = params.signed_by(&key, &shop.root).unwrap();
            Shown::new(certificate.der().clone(), &key)
        }),
        kind(
            "renewed with the same key, by another CA",
            Refused(&[Issuer]),
            |shop| {
                let key = KeyPair::generate().unwrap();
                let ca = root(&root_params("another CA", Depth::Leaves));
                let certificate = shop.leaf().signed_by(&key, &ca).unwrap();
                Shown::new(certificate.der().clone(), &key)
            },
        ),
        kind("new CA beside the old one", Accepted, |shop| {
            let ca = root(&root_params("VINR CA 2", Depth::Leaves));
            Case::trusting(show_by(shop.leaf(), &ca), ca.pem())
        }),
        kind("new CA with the old one's name", Accepted, |shop| {
            let ca = same_name();
            Case::trusting(show_by(shop.leaf(), &ca), ca.pem())
        }),
        kind("new CA, cross-signed by the old one", Accepted, |shop| {
            let ca = below(root_params("VINR CA 2", Depth::Leaves), &shop.root);
            show_by(shop.leaf(), &ca).beside([ca.der()])
        }),
        kind("CA past its date", Refused(&[Expired, Issuer]), |shop| {
            let mut params = root_params("VINR CA of old", Depth::Leaves);
            params.not_after = date!(NOW - 1);
            let ca = root(&params);
            Case::trusting(show_by(shop.leaf(), &ca), ca.pem())
        }),
        kind("CA in its last second", Accepted, |shop| {
            let mut params = root_params("VINR CA of old", Depth::Leaves);
            params.not_after = date!(NOW);
            let ca = root(&params);
            Case::trusting(show_by(shop.leaf(), &ca), ca.pem())
        }),
        kind(
            "CA before its date",
            Refused(&[NotYetValid, Issuer]),
            |shop| {
                let mut params = root_params("VINR CA to come", Depth::Leaves);
                params.not_before = date!(NOW + 1);
                let ca = root(&params);
                Case::trusting(show_by(shop.leaf(), &ca), ca.pem())
            },
        ),
    ]
}

fn other(side: Side) -> Side {
    match side {
        Side::Terminal => Side::Pos,
        Side::Pos => Side::Terminal,
    }
}

fn same_name_params() -> rcgen::CertificateParams {
    root_params("VINR CA", Depth::Any)
}

fn same_name() -> crate::paper::Ca {
    root(&same_name_params())
}
