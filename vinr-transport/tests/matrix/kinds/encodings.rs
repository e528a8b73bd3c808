//! Bytes that are no certificate of ours, though a lenient reader would find one in them. \[TLS-14\]

use rcgen::{KeyPair, SerialNumber};

use super::chains::unknown_critical;
use super::{Kind, kind};
use crate::der::{parts, replaced, whole};
use crate::paper::{SERIAL, Shop, Shown, extension, san};
use crate::verdict::Expect::{Accepted, Refused};
use crate::verdict::Fault::*;

pub(super) fn kinds() -> Vec<Kind> {
    vec![
        kind("edited and signed again", Accepted, |shop| {
            // The control of all that follow.
            shop.edit(|tbs| tbs)
        }),
        kind("trailing garbage", Refused(&[Encoding]), |shop| {
            spoiled(shop, |der| [der, b"garbage"].concat())
        }),
        kind("trailing zero byte", Refused(&[Encoding]), |shop| {
            spoiled(shop, |der| [der, &[0]].concat())
        }),
        kind(
            "trailing garbage in the signed part",
            Refused(&[Encoding]),
            |shop| shop.edit(|tbs| [&tbs, &b"\x04\x07garbage"[..]].concat()),
        ),
        kind("cut short", Refused(&[Encoding]), |shop| {
            spoiled(shop, |der| der[..der.len() - 1].to_vec())
        }),
        kind(
            "no bytes at all",
            Refused(&[Encoding, NoCertificate, Handshake]),
            |shop| spoiled(shop, |_| vec![]),
        ),
        kind("not DER at all", Refused(&[Encoding]), |shop| {
            spoiled(shop, |_| b"-----BEGIN CERTIFICATE-----".to_vec())
        }),
        kind("indefinite length", Refused(&[Encoding]), |shop| {
            spoiled(shop, |der| {
                let (signed, algorithm, signature) = parts(der);
                [&[0x30, 0x80][..], signed, algorithm, signature, &[0, 0]].concat()
            })
        }),
        kind(
            "length in more bytes than it needs",
            Refused(&[Encoding]),
            |shop| {
                spoiled(shop, |der| {
                    let (signed, algorithm, signature) = parts(der);
                    let content = [signed, algorithm, signature].concat();
                    let [high, low] = u16::try_from(content.len()).unwrap().to_be_bytes();
                    [&[0x30, 0x83, 0, high, low][..], &content].concat()
                })
            },
        ),
        kind("X.509 version 1", Refused(&[Encoding]), |shop| {
            shop.edit(|tbs| replaced(&tbs, b"\xa0\x03\x02\x01\x02", b""))
        }),
        kind("X.509 version 2", Refused(&[Encoding]), |shop| {
            shop.edit(|tbs| replaced(&tbs, b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x01"))
        }),
        kind("X.509 version 4", Refused(&[Encoding]), |shop| {
            shop.edit(|tbs| replaced(&tbs, b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x03"))
        }),
        kind(
            "another algorithm beside the signature than in the signed part",
            Refused(&[Encoding, Signature, Path]),
            |shop| {
                spoiled(shop, |der| {
                    let (signed, algorithm, signature) = parts(der);
                    // ecdsa-with-SHA256, and -SHA384.
                    let other = replaced(
                        algorithm,
                        b"\x2a\x86\x48\xce\x3d\x04\x03\x02",
                        b"\x2a\x86\x48\xce\x3d\x04\x03\x03",
                    );
                    whole(signed, &other, signature)
                })
            },
        ),
        kind("serial number zero", Refused(&[Encoding]), |shop| {
            numbered(shop, &[0])
        }),
        kind("serial number negative", Refused(&[Encoding]), |shop| {
            shop.edit(|tbs| {
                let mut negative = SERIAL;
                negative[0] = 0x91;
                replaced(&tbs, &SERIAL, &negative)
            })
        }),
        kind("serial number of 20 octets", Accepted, |shop| {
            numbered(shop, &[0x7f; 20])
        }),
        kind("serial number of 21 octets", Refused(&[Encoding]), |shop| {
            numbered(shop, &[0x7f; 21])
        }),
        kind(
            "serial number of 1 000 octets",
            Refused(&[Encoding]),
            |shop| numbered(shop, &[0x7f; 1000]),
        ),
        kind("unknown critical extension", Refused(&[Encoding]), |shop| {
            extended(shop, unknown_critical())
        }),
        kind("unknown extension", Accepted, |shop| {
            extended(shop, extension(&[1, 3, 6, 1, 4, 1, 55555, 1], vec![5, 0]))
        }),
        kind("unknown extension of 40 kB", Accepted, |shop| {
            let long = crate::der::tlv(4, &[0; 40_000]);
            extended(shop, extension(&[1, 3, 6, 1, 4, 1, 55555, 1], long))
        }),
        kind("names twice", Refused(&[Encoding]), |shop| {
            extended(shop, san(&[(crate::paper::DNS, b"term_X")]))
        }),
        kind("key usage twice", Refused(&[Encoding]), |shop| {
            extended(shop, extension(&[2, 5, 29, 15], vec![3, 2, 7, 0x80]))
        }),
        kind("an unknown extension twice", Refused(&[Encoding]), |shop| {
            let mut params = shop.leaf();
            let unknown = extension(&[1, 3, 6, 1, 4, 1, 55555, 1], vec![5, 0]);
            params.custom_extensions.extend([unknown.clone(), unknown]);
            shop.show(params)
        }),
        kind(
            "names that are no sequence",
            Refused(&[Encoding, Names]),
            |shop| {
                let mut params = shop.leaf();
                params.custom_extensions = vec![extension(&[2, 5, 29, 17], b"\x04\x02no".to_vec())];
                shop.show(params)
            },
        ),
        kind(
            "key usage that is no bit string",
            Refused(&[Encoding]),
            |shop| {
                let mut params = shop.leaf();
                params.key_usages = vec![];
                params
                    .custom_extensions
                    .push(extension(&[2, 5, 29, 15], b"\x04\x02no".to_vec()));
                shop.show(params)
            },
        ),
        kind(
            "basic constraints that are a number",
            Refused(&[Encoding]),
            |shop| extended(shop, extension(&[2, 5, 29, 19], vec![2, 1, 1])),
        ),
    ]
}

/// A lawful certificate whose bytes are changed without signing them again.
fn spoiled(shop: &Shop, spoil: impl FnOnce(&[u8]) -> Vec<u8>) -> Shown {
    let key = KeyPair::generate().unwrap();
    let certificate = shop.leaf().signed_by(&key, &shop.root).unwrap();
    Shown::new(spoil(certificate.der()).into(), &key)
}

fn numbered(shop: &Shop, serial: &[u8]) -> Shown {
    let mut params = shop.leaf();
    params.serial_number = Some(SerialNumber::from_slice(serial));
    shop.show(params)
}

fn extended(shop: &Shop, extension: rcgen::CustomExtension) -> Shown {
    let mut params = shop.leaf();
    params.custom_extensions.push(extension);
    shop.show(params)
}
