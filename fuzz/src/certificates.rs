//! Certificates as a stranger shows them, and the files that they come in.

use std::sync::LazyLock;

use aws_lc_rs::signature::Ed25519KeyPair;
use rustls_pki_types::CertificateDer;
use vinr_protocol::Timestamp;
use vinr_transport::check::Side;
use vinr_transport::profile::Leaf;
use vinr_transport::{Identity, RevocationList, TrustBundle, verify};

/// A CA whose key nobody has, and the two leaves that it signed; and one that signs whatever comes: see `fixtures/make`.
const CA: &[u8] = include_bytes!("../fixtures/ca.pem");
const SIGNER: &[u8] = include_bytes!("../fixtures/signer.pem");
const SIGNER_KEY: &[u8] = include_bytes!("../fixtures/signer.pk8");
const TERMINAL: &[u8] = include_bytes!("../fixtures/terminal.der");
const POS: &[u8] = include_bytes!("../fixtures/pos.der");

/// 2030-01-01, when all of them are in time.
const NOW_MS: i64 = 1_893_456_000_000;

/// A chain, each certificate after its length in two bytes, leaf first: as it is, and with the leaf signed anew.
pub(crate) fn certificate(mut data: &[u8]) {
    let mut chain = Vec::new();
    while let Some((length, rest)) = data.split_first_chunk() {
        let length = usize::from(u16::from_be_bytes(*length)).min(rest.len());
        chain.push(CertificateDer::from(&rest[..length]));
        data = &rest[length..];
    }
    let Some(leaf) = chain.first().cloned() else {
        return;
    };
    if believed(&chain) {
        assert!(
            [TERMINAL, POS]
                .iter()
                .any(|own| signed_part(own) == signed_part(&leaf))
                || is_signed_by_us(&leaf),
            "no CA signed this"
        );
    }
    if let Some(leaf) = signed_anew(&leaf) {
        chain[0] = CertificateDer::from(leaf);
        believed(&chain);
    }
}

/// Whether either side believes this chain; what is believed fits the profile.
fn believed(chain: &[CertificateDer<'_>]) -> bool {
    let of_terminal = Leaf::read(&chain[0], Side::Terminal);
    let of_pos = Leaf::read(&chain[0], Side::Pos);
    assert!(
        of_terminal.is_err() || of_pos.is_err(),
        "one certificate is not for both sides"
    );
    let mut is_believed = false;
    for (side, read) in [(Side::Terminal, of_terminal), (Side::Pos, of_pos)] {
        if let Ok(read) = &read {
            assert!(side == Side::Pos || read.terminals.len() == 1);
        }
        if let Ok(leaf) = verify(&BUNDLE, side, chain, now()) {
            assert_eq!(Ok(leaf), read, "what is believed fits the profile");
            is_believed = true;
        }
    }
    is_believed
}

/// A revocation list, DER or PEM: as it is, and signed anew.
pub(crate) fn crl(data: &[u8]) {
    if let Ok(list) = RevocationList::read(data, &BUNDLE) {
        is_in_order(&list);
    }
    if let Some(data) = signed_anew(data)
        && let Ok(list) = RevocationList::read(&data, &BUNDLE)
    {
        is_in_order(&list);
        let again = RevocationList::read(&data, &BUNDLE).expect("it was read before");
        assert_eq!(format!("{list:?}"), format!("{again:?}"));
        assert!(
            RevocationList::read(&data, &WITHOUT_SIGNER).is_err(),
            "read with a bundle that lacks its CA"
        );
    }
}

fn is_in_order(list: &RevocationList) {
    assert!(list.this_update() <= list.next_update(), "{list:?}");
    assert!(!list.revokes(b"", &[1]), "of no other issuer");
}

/// What stands in the place of what is signed, with a signature of our own that is right.
fn signed_anew(der: &[u8]) -> Option<Vec<u8>> {
    /// `SEQUENCE { OID 1.3.101.112 }`
    const ED25519: &[u8] = &[0x30, 5, 6, 3, 0x2b, 0x65, 0x70];
    let signed = signed_part(der)?;
    let signature = SIGNER_PAIR.sign(signed);
    let contents = [signed, ED25519, &[0x03, 65, 0], signature.as_ref()].concat();
    let length = u16::try_from(contents.len()).ok()?.to_be_bytes();
    let header = match length {
        [0, low @ 0..=127] => vec![0x30, low],
        [0, low] => vec![0x30, 0x81, low],
        [high, low] => vec![0x30, 0x82, high, low],
    };
    Some([header, contents].concat())
}

fn is_signed_by_us(der: &[u8]) -> bool {
    signed_anew(der).is_some_and(|anew| anew == der)
}

/// The first element inside the first element; whoever has an ECDSA signature can write what follows in another way.
fn signed_part(der: &[u8]) -> Option<&[u8]> {
    let inner = contents(der)?;
    let rest = contents(inner)?;
    let header = inner.len() - after_header(inner)?.len();
    inner.get(..header + rest.len())
}

fn contents(der: &[u8]) -> Option<&[u8]> {
    let rest = after_header(der)?;
    let length = match der.get(1)? {
        length @ 0..=0x7f => usize::from(*length),
        0x81 => usize::from(*der.get(2)?),
        0x82 => usize::from(u16::from_be_bytes([*der.get(2)?, *der.get(3)?])),
        _ => return None,
    };
    rest.get(..length)
}

fn after_header(der: &[u8]) -> Option<&[u8]> {
    let header = match der.get(1)? {
        0..=0x7f => 2,
        0x81 => 3,
        0x82 => 4,
        _ => return None,
    };
    der.get(header..)
}

fn now() -> Timestamp {
    Timestamp::from_unix_ms(NOW_MS).expect("a date of the calendar")
}

static BUNDLE: LazyLock<TrustBundle> =
    LazyLock::new(|| TrustBundle::from_pem(&[CA, SIGNER].concat()).expect("made by fixtures/make"));

static SIGNER_PAIR: LazyLock<Ed25519KeyPair> =
    LazyLock::new(|| Ed25519KeyPair::from_pkcs8(SIGNER_KEY).expect("made by fixtures/make"));

/// The bundle without the signer's own certificate.
static WITHOUT_SIGNER: LazyLock<TrustBundle> =
    LazyLock::new(|| TrustBundle::from_pem(CA).expect("made by fixtures/make"));

/// A CA bundle, a certificate chain and a key in PEM, all three the same bytes.
pub(crate) fn pem(data: &[u8]) {
    match TrustBundle::from_pem(data) {
        Ok(bundle) => {
            assert!(bundle.certificates().next().is_some());
            // Whatever it says of them, it says without a panic.
            for side in [Side::Terminal, Side::Pos] {
                let leaf = CertificateDer::from(TERMINAL);
                let _ = verify(&bundle, side, &[leaf], now());
            }
        }
        Err(error) => assert!(repeats_nothing(&error.to_string(), data), "{error}"),
    }
    match Identity::from_pem(data, data) {
        Ok(identity) => {
            let shown = format!("{identity:?}");
            assert!(repeats_nothing(&shown, data), "{shown}");
        }
        Err(error) => assert!(repeats_nothing(&error.to_string(), data), "{error}"),
    }
}

/// No line of base64 stands in what is shown: it could be the key's.
fn repeats_nothing(shown: &str, data: &[u8]) -> bool {
    data.split(|byte| *byte == b'\n')
        .filter_map(|line| std::str::from_utf8(line).ok())
        .filter(|line| line.len() >= 40 && !line.starts_with("-----"))
        .all(|line| !shown.contains(line))
}
