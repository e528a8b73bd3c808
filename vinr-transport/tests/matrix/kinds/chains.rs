//! What stands between the leaf and the CA, and what is sent beside it.

use rcgen::{
    BasicConstraints, GeneralSubtree, IsCa, KeyPair, KeyUsagePurpose, NameConstraints,
    PKCS_ECDSA_P256_SHA256,
};
use rustls_pki_types::CertificateDer;
use vinr_transport::Side;

use super::{Case, Kind, kind};
use crate::der::edited;
use crate::paper::{
    Ca, DAY, Depth, NOW, Shop, Shown, below, critical, date, extension, intermediate,
    other_purpose, purpose, root, root_params, show_by,
};
use crate::verdict::Expect::{Accepted, Refused};
use crate::verdict::Fault::*;

pub(super) fn kinds() -> Vec<Kind> {
    vec![
        kind("below an intermediate", Accepted, |shop| {
            under(shop, &intermediate("shop CA", &shop.root))
        }),
        kind("below two intermediates", Accepted, |shop| {
            let (upper, lower) = two(shop);
            show_by(shop.leaf(), &lower).beside([lower.der(), upper.der()])
        }),
        kind("intermediates in the wrong order", Accepted, |shop| {
            // RFC 8446 §4.4.2: implementations should be prepared for arbitrary orderings.
            let (upper, lower) = two(shop);
            show_by(shop.leaf(), &lower).beside([upper.der(), lower.der()])
        }),
        kind("leaf not first", Refused(&[Ca, Purpose]), |shop| {
            let (upper, lower) = two(shop);
            let shown = show_by(shop.leaf(), &lower);
            Shown {
                chain: vec![
                    lower.der().clone(),
                    shown.chain[0].clone(),
                    upper.der().clone(),
                ],
                ..shown
            }
        }),
        kind("CA sent along", Accepted, |shop| {
            shop.lawful().beside([shop.root.der()])
        }),
        kind("intermediate not sent", Refused(&[Issuer]), |shop| {
            show_by(shop.leaf(), &intermediate("shop CA", &shop.root))
        }),
        kind(
            "one of two intermediates not sent",
            Refused(&[Issuer]),
            |shop| {
                let (_, lower) = two(shop);
                show_by(shop.leaf(), &lower).beside([lower.der()])
            },
        ),
        kind("expired intermediate", Refused(&[Expired]), |shop| {
            let mut params = root_params("shop CA", Depth::Leaves);
            params.not_after = date!(NOW - 1);
            under(shop, &below(params, &shop.root))
        }),
        kind("intermediate in its last second", Accepted, |shop| {
            let mut params = root_params("shop CA", Depth::Leaves);
            params.not_after = date!(NOW);
            under(shop, &below(params, &shop.root))
        }),
        kind(
            "intermediate not yet valid",
            Refused(&[NotYetValid]),
            |shop| {
                let mut params = root_params("shop CA", Depth::Leaves);
                params.not_before = date!(NOW + 1);
                under(shop, &below(params, &shop.root))
            },
        ),
        kind("intermediate of another PKI", Refused(&[Issuer]), |shop| {
            let stranger = root(&root_params("another CA", Depth::Any));
            under(shop, &intermediate("shop CA", &stranger))
        }),
        kind(
            "intermediate of a same-name CA",
            Refused(&[Issuer, Signature]),
            |shop| {
                let stranger = root(&root_params("VINR CA", Depth::Any));
                under(shop, &intermediate("shop CA", &stranger))
            },
        ),
        kind(
            "intermediate with a forged signature",
            Refused(&[Signature]),
            |shop| {
                let ca = intermediate("shop CA", &shop.root);
                let mut forged = ca.der().to_vec();
                *forged.last_mut().unwrap() ^= 1;
                show_by(shop.leaf(), &ca).beside(&[CertificateDer::from(forged)])
            },
        ),
        kind("intermediate without CA bit", Refused(&[Path]), |shop| {
            let mut params = root_params("shop CA", Depth::Leaves);
            params.is_ca = IsCa::ExplicitNoCa;
            under(shop, &below(params, &shop.root))
        }),
        kind(
            "intermediate without basic constraints",
            Refused(&[Path]),
            |shop| {
                let mut params = root_params("shop CA", Depth::Leaves);
                params.is_ca = IsCa::NoCa;
                under(shop, &below(params, &shop.root))
            },
        ),
        kind("signed by a lawful leaf", Refused(&[Path]), |shop| {
            under(shop, &below(shop.leaf(), &shop.root))
        }),
        kind("intermediate that may not sign", Refused(&[Path]), |shop| {
            let mut params = root_params("shop CA", Depth::Leaves);
            params.key_usages = vec![KeyUsagePurpose::CrlSign];
            under(shop, &below(params, &shop.root))
        }),
        kind("intermediate without key usage", Refused(&[Path]), |shop| {
            let mut params = root_params("shop CA", Depth::Leaves);
            params.key_usages = vec![];
            under(shop, &below(params, &shop.root))
        }),
        kind("intermediate for the side's purpose", Accepted, |shop| {
            let mut params = root_params("shop CA", Depth::Leaves);
            params.extended_key_usages = vec![purpose(shop.side)];
            under(shop, &below(params, &shop.root))
        }),
        kind(
            "intermediate for the other side's purpose",
            Refused(&[Purpose]),
            |shop| {
                let mut params = root_params("shop CA", Depth::Leaves);
                params.extended_key_usages = vec![other_purpose(shop.side)];
                under(shop, &below(params, &shop.root))
            },
        ),
        kind(
            "intermediate with an unknown critical extension",
            Refused(&[Encoding, Path]),
            |shop| {
                let mut params = root_params("shop CA", Depth::Leaves);
                params.custom_extensions = vec![unknown_critical()];
                under(shop, &below(params, &shop.root))
            },
        ),
        kind(
            "intermediate for other names",
            Refused(&[Names, Path]),
            |shop| {
                let mut params = root_params("shop CA", Depth::Leaves);
                params.name_constraints = Some(NameConstraints {
                    permitted_subtrees: vec![only("elsewhere.example")],
                    excluded_subtrees: vec![],
                });
                let ca = below(params, &shop.root);
                // A till's names are URIs; a dNSName puts it under the constraint as well.
                let mut params = shop.leaf();
                if shop.side == Side::Pos {
                    params.custom_extensions = vec![crate::paper::san(&[
                        (crate::paper::URI, b"urn:vinr:terminal:term_CT20_0042"),
                        (crate::paper::DNS, b"till.example"),
                    ])];
                }
                show_by(params, &ca).beside([ca.der()])
            },
        ),
        kind(
            "path length exceeded, the root's",
            Refused(&[Path]),
            |shop| {
                let ca = root(&root_params("VINR CA 0", Depth::Leaves));
                let lower = intermediate("shop CA", &ca);
                Case::trusting(show_by(shop.leaf(), &lower).beside([lower.der()]), ca.pem())
            },
        ),
        kind(
            "path length exceeded, an intermediate's",
            Refused(&[Path]),
            |shop| {
                let upper = below(root_params("region CA", Depth::Leaves), &shop.root);
                let lower = intermediate("shop CA", &upper);
                show_by(shop.leaf(), &lower).beside([lower.der(), upper.der()])
            },
        ),
        kind("path length just enough, the root's", Accepted, |shop| {
            let mut params = root_params("VINR CA 1", Depth::Any);
            params.is_ca = IsCa::Ca(BasicConstraints::Constrained(1));
            let ca = root(&params);
            let lower = below(root_params("shop CA", Depth::Leaves), &ca);
            Case::trusting(
                show_by(shop.leaf(), &lower).beside([lower.der(), ca.der()]),
                ca.pem(),
            )
        }),
        kind(
            "path length exceeded, the root's by one of two",
            Refused(&[Path]),
            |shop| {
                let mut params = root_params("VINR CA 1", Depth::Any);
                params.is_ca = IsCa::Ca(BasicConstraints::Constrained(1));
                let ca = root(&params);
                let upper = intermediate("region CA", &ca);
                let lower = intermediate("shop CA", &upper);
                Case::trusting(
                    show_by(shop.leaf(), &lower).beside([lower.der(), upper.der()]),
                    ca.pem(),
                )
            },
        ),
        kind("path length just enough", Accepted, |shop| {
            let mut params = root_params("region CA", Depth::Leaves);
            params.is_ca = IsCa::Ca(BasicConstraints::Constrained(1));
            let upper = below(params, &shop.root);
            let lower = below(root_params("shop CA", Depth::Leaves), &upper);
            show_by(shop.leaf(), &lower).beside([lower.der(), upper.der()])
        }),
        kind("long chain, as many as may be sent", Accepted, |shop| {
            // Two that are needed and six that are not.
            let (upper, lower) = two(shop);
            let unneeded = [shop.root.der(); 6];
            show_by(shop.leaf(), &lower)
                .beside([lower.der(), upper.der()])
                .beside(unneeded)
        }),
        kind(
            "long chain, one more than may be sent",
            Refused(&[Path]),
            |shop| {
                let (upper, lower) = two(shop);
                let unneeded = [shop.root.der(); 7];
                show_by(shop.leaf(), &lower)
                    .beside([lower.der(), upper.der()])
                    .beside(unneeded)
            },
        ),
        kind(
            "huge chain, eight intermediates",
            Refused(&[Path]),
            |shop| ladder(shop, 8),
        ),
        kind(
            "huge chain, ninety intermediates",
            Refused(&[Path]),
            |shop| ladder(shop, 90),
        ),
        kind(
            "huge chain, a maze of cross-signed CAs",
            Refused(&[Path]),
            |shop| maze(shop, 12),
        ),
        kind(
            "a maze of as many CAs as may be sent",
            Refused(&[Path, Issuer, Signature]),
            |shop| {
                let mut shown = maze(shop, 3);
                shown.chain.truncate(9);
                shown
            },
        ),
        kind(
            "huge chain, more than a handshake message",
            Refused(&[TooLong]),
            |shop| {
                let mut params = root_params("shop CA", Depth::Any);
                params.custom_extensions = vec![extension(&[1, 3, 6, 1, 4, 1, 1], vec![0; 3000])];
                let ca = below(params, &shop.root);
                show_by(shop.leaf(), &ca).beside(std::iter::repeat_n(ca.der(), 30))
            },
        ),
        kind(
            "duplicate leaf in the chain",
            Refused(&[Path, Ca]),
            |shop| {
                let shown = shop.lawful();
                let again = shown.chain[0].clone();
                shown.beside([&again])
            },
        ),
        kind("another leaf beside", Refused(&[Path, Ca]), |shop| {
            shop.lawful().beside(&shop.lawful().chain)
        }),
        kind("an unneeded intermediate beside", Accepted, |shop| {
            shop.lawful()
                .beside([intermediate("shop CA", &shop.root).der()])
        }),
        kind(
            "an unneeded expired intermediate beside",
            Refused(&[Expired]),
            |shop| {
                let mut params = root_params("shop CA", Depth::Leaves);
                params.not_after = date!(NOW - DAY);
                shop.lawful().beside([below(params, &shop.root).der()])
            },
        ),
        kind("garbage beside", Refused(&[Encoding, Path]), |shop| {
            shop.lawful()
                .beside(&[CertificateDer::from(b"not a certificate".to_vec())])
        }),
        kind(
            "an empty certificate beside",
            Refused(&[Encoding, Path, Handshake]),
            |shop| shop.lawful().beside(&[CertificateDer::from(vec![])]),
        ),
        kind(
            "intermediate with garbage behind it",
            Refused(&[Encoding, Path]),
            |shop| {
                let ca = intermediate("shop CA", &shop.root);
                let padded = [ca.der(), &b"garbage"[..]].concat();
                show_by(shop.leaf(), &ca).beside(&[CertificateDer::from(padded)])
            },
        ),
        kind(
            "intermediate of X.509 version 1",
            Refused(&[Encoding, Path]),
            |shop| {
                let ca = intermediate("shop CA", &shop.root);
                let old = edited(ca.der(), shop.root.key(), |tbs| {
                    crate::der::replaced(&tbs, b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x00")
                });
                show_by(shop.leaf(), &ca).beside(&[old])
            },
        ),
    ]
}

fn under(shop: &Shop, ca: &Ca) -> Shown {
    show_by(shop.leaf(), ca).beside([ca.der()])
}

fn two(shop: &Shop) -> (Ca, Ca) {
    let upper = intermediate("region CA", &shop.root);
    let lower = intermediate("shop CA", &upper);
    (upper, lower)
}

pub(super) fn unknown_critical() -> rcgen::CustomExtension {
    critical(extension(&[1, 3, 6, 1, 4, 1, 55555, 1], vec![0x05, 0x00]))
}

fn only(domain: &str) -> GeneralSubtree {
    GeneralSubtree::DnsName(domain.into())
}

/// A chain of so many CAs, every one lawful.
fn ladder(shop: &Shop, rungs: usize) -> Shown {
    let mut cas: Vec<Ca> = Vec::new();
    for rung in 0..rungs {
        let above = cas.last().unwrap_or(&shop.root);
        cas.push(intermediate(&format!("CA {rung}"), above));
    }
    let lowest = cas.last().unwrap();
    show_by(shop.leaf(), lowest).beside(cas.iter().rev().map(|ca| ca.der()))
}

/// CAs that all have one name and sign each other, and no way out: the work must be bounded.
fn maze(shop: &Shop, cas: usize) -> Shown {
    let keys: Vec<_> = (0..cas)
        .map(|_| KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap())
        .collect();
    let params = root_params("maze CA", Depth::Any);
    let walls: Vec<CertificateDer<'static>> = keys
        .iter()
        .flat_map(|below| keys.iter().map(move |above| (below, above)))
        .map(|(below, above)| {
            let above = rcgen::Issuer::from_params(&params, above);
            params.signed_by(below, &above).unwrap().der().clone()
        })
        .collect();
    let issuer = rcgen::Issuer::from_params(&params, &keys[0]);
    let key = KeyPair::generate().unwrap();
    let leaf = shop.leaf().signed_by(&key, &issuer).unwrap();
    Shown::new(leaf.der().clone(), &key).beside(&walls)
}
