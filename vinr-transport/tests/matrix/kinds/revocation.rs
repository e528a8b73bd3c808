//! Who was taken back, and lists that are none. \[TLS-12, TLS-15\]

use vinr_transport::{CrlError, Revocation, Side};

use super::{Case, IsTheReason, Kind, List, kind};
use crate::der::{bits, edited, elements, parts, replaced, tlv, whole};
use crate::paper::{Ca, DAY, Depth, NOW, Shop, Shown, below, list_of, root, root_params, show_by};
use crate::verdict::Expect;
use crate::verdict::Expect::{Accepted, AcceptedWhile, Refused};
use crate::verdict::Fault::*;

/// The serial number of whoever is shown.
const TAKEN_BACK: &[u8] = b"\x10taken back";

/// A till asks for lists only when it was given one; these are the rows of one that was.
pub(super) fn kinds(side: Side) -> Vec<Kind> {
    let mut kinds = standing(side);
    kinds.extend(listed(side));
    kinds.extend(lists_that_are_none());
    kinds
}

/// Without a list in force a terminal serves a lawful till and starts no payment; a till that asks for lists does not
/// talk to a terminal that could have been stolen.
pub(crate) fn while_list(side: Side, stands: &'static [Revocation]) -> Expect {
    match side {
        Side::Pos => AcceptedWhile(stands),
        Side::Terminal if stands == [Revocation::InForce] => Accepted,
        Side::Terminal => Refused(&[NoList]),
    }
}

/// How a list stands is for the handler: it refuses a new payment and nothing else. \[TLS-15\]
fn standing(side: Side) -> Vec<Kind> {
    let in_force = while_list(side, &[Revocation::InForce]);
    let missing = while_list(side, &[Revocation::Missing]);
    let stale = while_list(side, &[Revocation::Stale]);
    let not_in_force = while_list(side, &[Revocation::Stale, Revocation::Missing]);
    vec![
        kind("list in force", in_force, |shop| {
            Case::listed(shop.lawful(), List::InForce)
        }),
        // A till that was given no list asks for none.
        kind(
            "list missing",
            match side {
                Side::Pos => missing,
                Side::Terminal => Accepted,
            },
            |shop| Case::listed(shop.lawful(), List::Missing),
        ),
        kind("list stale for a second", stale, |shop| {
            lasting(shop, NOW - 30 * DAY, NOW - 1)
        }),
        kind("list in its last second", in_force, |shop| {
            lasting(shop, NOW - 30 * DAY, NOW)
        }),
        // A device that starts takes the list that it kept; one that runs does not take it, and has none then.
        kind("list of tomorrow", not_in_force, |shop| {
            lasting(shop, NOW + DAY, NOW + 30 * DAY)
        }),
        kind("list of another CA of the bundle", missing, |shop| {
            let other = root(&root_params("VINR CA 2", Depth::Leaves));
            let list = list_of(&other, 5, &[TAKEN_BACK], NOW - DAY..NOW + 30 * DAY);
            Case {
                also_trusted: other.pem(),
                // The same serial number of another CA is another certificate.
                ..Case::listed(shop.show_numbered(TAKEN_BACK), List::This(list))
            }
        }),
        kind("no list of its intermediate", missing, |shop| {
            let ca = below(root_params("shop CA", Depth::Leaves), &shop.root);
            let shown = show_by(shop.leaf(), &ca).beside([ca.der()]);
            Case::listed(shown, List::InForce)
        }),
    ]
}

fn listed(side: Side) -> Vec<Kind> {
    let in_force = while_list(side, &[Revocation::InForce]);
    vec![
        kind("revoked leaf", Refused(&[Revoked]), revoked),
        kind(
            "revoked leaf, the first of a thousand",
            Refused(&[Revoked]),
            |shop| among_a_thousand(shop, 0),
        ),
        kind(
            "revoked leaf, the last of a thousand",
            Refused(&[Revoked]),
            |shop| among_a_thousand(shop, 999),
        ),
        kind("revoked leaf, list stale", Refused(&[Revoked]), |shop| {
            let list = list_of(&shop.root, 5, &[TAKEN_BACK], NOW - 30 * DAY..NOW - 1);
            Case::listed(shop.show_numbered(TAKEN_BACK), List::Stale(list))
        }),
        kind(
            "revoked leaf of a serial number with a high bit",
            Refused(&[Revoked]),
            |shop| {
                let serial = b"\xf0high";
                let list = shop.list(5, &[serial]);
                Case::listed(shop.show_numbered(serial), List::This(list))
            },
        ),
        kind(
            "revoked leaf of one byte of serial number",
            Refused(&[Revoked]),
            |shop| {
                let list = shop.list(5, &[&[7]]);
                Case::listed(shop.show_numbered(&[7]), List::This(list))
            },
        ),
        kind(
            "revoked leaf of 20 octets of serial number",
            Refused(&[Revoked]),
            |shop| {
                let list = shop.list(5, &[&[0x7f; 20]]);
                Case::listed(shop.show_numbered(&[0x7f; 20]), List::This(list))
            },
        ),
        kind(
            "revoked leaf, the CA sent along",
            Refused(&[Revoked]),
            |shop| {
                let mut case = revoked(shop);
                case.shown = case.shown.beside([shop.root.der()]);
                case
            },
        ),
        kind(
            "revoked leaf, renewed with the same serial number in front of zeros",
            in_force,
            |shop| {
                let longer = [TAKEN_BACK, &[0]].concat();
                Case::listed(
                    shop.show_numbered(&longer),
                    List::This(shop.list(5, &[TAKEN_BACK])),
                )
            },
        ),
        kind("revoked issuer", Refused(&[Revoked]), |shop| {
            let (ca, list) = revoked_ca(shop);
            Case::listed(
                show_by(shop.leaf(), &ca).beside([ca.der()]),
                List::This(list),
            )
        }),
        kind(
            "revoked issuer above another",
            Refused(&[Revoked]),
            |shop| {
                let (ca, list) = revoked_ca(shop);
                let lower = below(root_params("lane CA", Depth::Leaves), &ca);
                let shown = show_by(shop.leaf(), &lower).beside([lower.der(), ca.der()]);
                Case::listed(shown, List::This(list))
            },
        ),
        kind(
            "revoked issuer, whose certificate the bundle has too",
            Refused(&[Revoked]),
            |shop| {
                let (ca, list) = revoked_ca(shop);
                Case {
                    also_trusted: ca.pem(),
                    ..Case::listed(
                        show_by(shop.leaf(), &ca).beside([ca.der()]),
                        List::This(list),
                    )
                }
            },
        ),
        kind(
            "old certificate of a renewed one, revoked",
            Refused(&[Revoked]),
            |shop| {
                let key = rcgen::KeyPair::generate().unwrap();
                let mut params = shop.leaf();
                params.serial_number = Some(TAKEN_BACK.to_vec().into());
                let old = params.signed_by(&key, &shop.root).unwrap();
                let list = shop.list(5, &[TAKEN_BACK]);
                Case::listed(Shown::new(old.der().clone(), &key), List::This(list))
            },
        ),
        kind("renewed with the key of a revoked one", in_force, |shop| {
            Case::listed(shop.lawful(), List::This(shop.list(5, &[TAKEN_BACK])))
        }),
    ]
}

/// Each would give the revoked till its place back. None is taken, and the list in use stays.
fn lists_that_are_none() -> Vec<Kind> {
    type Make = fn(&Shop) -> Vec<u8>;
    let rows: Vec<(&'static str, Make, IsTheReason)> = vec![
        (
            "list forged in the CA's name",
            |_| list_of(&same_name(), 6, &[], month()),
            |error| *error == CrlError::Forged,
        ),
        (
            "list with one bit of its signature changed",
            |shop| {
                let mut list = shop.list(6, &[]);
                *list.last_mut().unwrap() ^= 1;
                list
            },
            |error| *error == CrlError::Forged,
        ),
        (
            "list with one entry changed",
            |shop| replaced(&shop.list(6, &[TAKEN_BACK]), TAKEN_BACK, b"\x10taken bacc"),
            |error| *error == CrlError::Forged,
        ),
        (
            "list by another issuer",
            |_| {
                let other = root(&root_params("another CA", Depth::Leaves));
                list_of(&other, 6, &[], month())
            },
            |error| *error == CrlError::OtherIssuer,
        ),
        (
            "list by the other side's CA",
            |shop| list_of(&shop.other_root, 6, &[], month()),
            |error| *error == CrlError::OtherIssuer,
        ),
        (
            "list by a CA below the CA",
            |shop| {
                let ca = below(root_params("shop CA", Depth::Leaves), &shop.root);
                list_of(&ca, 6, &[], month())
            },
            |error| *error == CrlError::OtherIssuer,
        ),
        (
            "list of an older number",
            |shop| shop.list(4, &[]),
            |error| matches!(error, CrlError::Older { .. }),
        ),
        (
            "list of number zero",
            |shop| shop.list(0, &[]),
            |error| matches!(error, CrlError::Older { .. }),
        ),
        (
            "another list of the same number",
            |shop| shop.list(5, &[]),
            |error| matches!(error, CrlError::SameNumber { .. }),
        ),
        (
            "list of 50 MB",
            |shop| {
                let mut list = shop.list(6, &[]);
                list.resize(50_000_000, 0);
                list
            },
            |error| matches!(error, CrlError::TooLarge { .. }),
        ),
        (
            "list of tomorrow, offered",
            |shop| list_of(&shop.root, 6, &[], NOW + DAY..NOW + 31 * DAY),
            |error| matches!(error, CrlError::NotYet { .. }),
        ),
        (
            "list with garbage behind it",
            |shop| [&shop.list(6, &[])[..], b"garbage"].concat(),
            |error| *error == CrlError::NotACrl,
        ),
        (
            "list cut short",
            |shop| {
                let list = shop.list(6, &[]);
                list[..list.len() - 1].to_vec()
            },
            |error| *error == CrlError::NotACrl,
        ),
        (
            "list of no bytes",
            |_| vec![],
            |error| *error == CrlError::NotACrl,
        ),
        (
            "a certificate for a list",
            |shop| shop.root.der().to_vec(),
            |error| *error == CrlError::NotACrl,
        ),
        (
            "list without a number",
            // cRLNumber becomes an extension that nobody knows.
            |shop| {
                signed_again(shop, |tbs| {
                    replaced(&tbs, b"\x06\x03\x55\x1d\x14", b"\x06\x03\x55\x1d\x7f")
                })
            },
            |error| *error == CrlError::NoNumber,
        ),
        (
            "list without a next one's date",
            |shop| signed_again(shop, |tbs| without(&tbs, b"\x17\x0d300131000000Z")),
            |error| *error == CrlError::NoNextUpdate,
        ),
        (
            "list of version 1",
            |shop| signed_again(shop, |tbs| tbs[3..].to_vec()),
            |error| matches!(error, CrlError::Malformed { .. } | CrlError::NotACrl),
        ),
        (
            "delta list",
            |shop| with_extension(shop, b"\x06\x03\x55\x1d\x1b", &[2, 1, 5]),
            |error| *error == CrlError::NotWhole,
        ),
        (
            "indirect list",
            |shop| with_extension(shop, b"\x06\x03\x55\x1d\x1c", b"\x30\x03\x84\x01\xff"),
            |error| *error == CrlError::NotWhole,
        ),
        (
            "list of CAs only",
            |shop| with_extension(shop, b"\x06\x03\x55\x1d\x1c", b"\x30\x03\x82\x01\xff"),
            |error| *error == CrlError::NotWhole,
        ),
        (
            "list with an unknown critical extension",
            |shop| with_extension(shop, b"\x06\x03\x55\x1d\x7f", &[5, 0]),
            |error| *error == CrlError::UnknownCritical,
        ),
        (
            "list signed with an algorithm that it does not name",
            |shop| {
                let list = shop.list(6, &[]);
                let (signed, algorithm, signature) = parts(&list);
                let other = replaced(
                    algorithm,
                    b"\x2a\x86\x48\xce\x3d\x04\x03\x02",
                    b"\x2a\x86\x48\xce\x3d\x04\x03\x03",
                );
                whole(signed, &other, signature)
            },
            |error| matches!(error, CrlError::Malformed { .. } | CrlError::Forged),
        ),
        (
            "list signed by nobody",
            |shop| {
                let list = shop.list(6, &[]);
                let (signed, algorithm, _) = parts(&list);
                whole(signed, algorithm, &bits(&[]))
            },
            |error| *error == CrlError::Forged,
        ),
    ];
    rows.into_iter()
        .map(|(name, list, reason)| {
            kind(name, Refused(&[Revoked]), move |shop| {
                revoked(shop).refusing(list(shop), reason)
            })
        })
        .collect()
}

fn month() -> std::ops::Range<u64> {
    NOW - DAY..NOW + 30 * DAY
}

fn lasting(shop: &Shop, from: u64, to: u64) -> Case {
    let list = list_of(&shop.root, 5, &[TAKEN_BACK], from..to);
    Case::listed(shop.lawful(), List::This(list))
}

fn revoked(shop: &Shop) -> Case {
    let list = shop.list(5, &[TAKEN_BACK]);
    Case::listed(shop.show_numbered(TAKEN_BACK), List::This(list))
}

fn revoked_ca(shop: &Shop) -> (Ca, Vec<u8>) {
    let mut params = root_params("shop CA", Depth::Any);
    params.serial_number = Some(TAKEN_BACK.to_vec().into());
    (below(params, &shop.root), shop.list(5, &[TAKEN_BACK]))
}

fn among_a_thousand(shop: &Shop, which: usize) -> Case {
    let serials: Vec<_> = (0..1000).map(|number| format!("\x01{number:04}")).collect();
    let serials: Vec<_> = serials.iter().map(String::as_bytes).collect();
    Case::listed(
        shop.show_numbered(serials[which]),
        List::This(shop.list(5, &serials)),
    )
}

fn same_name() -> Ca {
    root(&root_params("VINR CA", Depth::Any))
}

fn signed_again(shop: &Shop, edit: impl FnOnce(Vec<u8>) -> Vec<u8>) -> Vec<u8> {
    let list = shop.list(6, &[]);
    edited(&list.into(), shop.root.key(), edit).to_vec()
}

fn without(tbs: &[u8], bytes: &[u8]) -> Vec<u8> {
    replaced(tbs, bytes, b"")
}

/// With a critical extension of this id in place of the authority's key identifier.
fn with_extension(shop: &Shop, id: &[u8], value: &[u8]) -> Vec<u8> {
    let extension = tlv(0x30, &[id, b"\x01\x01\xff", &tlv(0x04, value)].concat());
    signed_again(shop, |tbs| {
        let mut elements = elements(&tbs);
        let old = elements.pop().unwrap();
        assert_eq!(old[0], 0xa0, "the extensions come last");
        let number: &[u8] = b"\x30\x0a\x06\x03\x55\x1d\x14\x04\x03\x02\x01\x06";
        let extensions = tlv(0x30, &[&extension, number].concat());
        [elements.concat(), tlv(0xa0, &extensions)].concat()
    })
}
