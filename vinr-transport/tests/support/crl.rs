//! Revocation lists octet by octet: lawful ones, and those that no CA software would make.

use rcgen::{CertifiedIssuer, KeyPair, SigningKey};
use vinr_protocol::Timestamp;
use vinr_transport::{Identity, RevocationList, TrustBundle};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::bundle;

type Ca = CertifiedIssuer<'static, KeyPair>;

pub const DAY: i64 = 86_400;

/// What a list is made of; tests spoil it.
#[derive(Clone)]
pub struct Crl {
    pub version: Option<u8>,
    pub algorithm: Vec<u8>,
    pub issuer: Vec<u8>,
    /// Seconds since 1970.
    pub this_update: i64,
    pub next_update: Option<i64>,
    pub serials: Vec<Vec<u8>>,
    pub number: Option<Vec<u8>>,
    /// Whole extensions.
    pub extensions: Vec<Vec<u8>>,
    /// Of every entry.
    pub entry_extensions: Vec<Vec<u8>>,
}

impl Crl {
    /// A lawful list of this CA from today for 30 days that revokes nobody.
    pub fn of(ca: &Ca) -> Self {
        let (_, certificate) = X509Certificate::from_der(ca.der()).unwrap();
        let now = jiff::Timestamp::now().as_second();
        Self {
            version: Some(1),
            algorithm: sequence(&[ECDSA_WITH_SHA256]),
            issuer: certificate.subject().as_raw().to_vec(),
            this_update: now - 3600,
            next_update: Some(now + 30 * DAY),
            serials: Vec::new(),
            number: Some(vec![1]),
            extensions: Vec::new(),
            entry_extensions: Vec::new(),
        }
    }

    pub fn number(mut self, number: u8) -> Self {
        self.number = Some(vec![number]);
        self
    }

    pub fn revoking(mut self, identity: &Identity) -> Self {
        self.serials.push(serial(identity));
        self
    }

    pub fn from(mut self, secs: i64) -> Self {
        self.this_update = secs;
        self
    }

    pub fn until(mut self, secs: i64) -> Self {
        self.next_update = Some(secs);
        self
    }

    /// As DER, signed by this CA, whoever is named as the issuer.
    pub fn signed_by(&self, ca: &Ca) -> Vec<u8> {
        let tbs = self.tbs();
        let mut signature = vec![0];
        signature.extend(ca.key().sign(&tbs).unwrap());
        sequence(&[&tbs, &self.algorithm, &tlv(0x03, &signature)])
    }

    /// Read with a bundle of this CA alone.
    pub fn read(&self, ca: &Ca) -> RevocationList {
        RevocationList::read(&self.signed_by(ca), &bundle(ca)).unwrap()
    }

    fn tbs(&self) -> Vec<u8> {
        let mut parts = Vec::new();
        parts.extend(self.version.map(|version| tlv(0x02, &[version])));
        parts.push(self.algorithm.clone());
        parts.push(self.issuer.clone());
        parts.push(time(self.this_update));
        parts.extend(self.next_update.map(time));
        let entries: Vec<_> = self.serials.iter().map(|it| self.entry(it)).collect();
        if !entries.is_empty() {
            parts.push(all(&entries));
        }
        let mut extensions = self.extensions.clone();
        let number = self.number.as_ref();
        extensions.extend(number.map(|it| extension(CRL_NUMBER, false, &tlv(0x02, it))));
        if !extensions.is_empty() {
            parts.push(tlv(0xa0, &all(&extensions)));
        }
        all(&parts)
    }

    fn entry(&self, serial: &[u8]) -> Vec<u8> {
        let mut parts = vec![tlv(0x02, serial), time(self.this_update)];
        if !self.entry_extensions.is_empty() {
            parts.push(all(&self.entry_extensions));
        }
        all(&parts)
    }
}

pub fn serial(identity: &Identity) -> Vec<u8> {
    let (_, leaf) = X509Certificate::from_der(&identity.chain()[0]).unwrap();
    leaf.raw_serial().to_vec()
}

pub fn bundle_of(cas: &[&Ca]) -> TrustBundle {
    let pem: String = cas.iter().map(|ca| ca.pem()).collect();
    TrustBundle::from_pem(pem.as_bytes()).unwrap()
}

pub fn pem(der: &[u8]) -> Vec<u8> {
    let body = base64_lines(der);
    format!("-----BEGIN X509 CRL-----\n{body}-----END X509 CRL-----\n").into_bytes()
}

fn base64_lines(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for (nth, three) in bytes.chunks(3).enumerate() {
        let bits = three
            .iter()
            .fold(0u32, |sum, byte| (sum << 8) | u32::from(*byte));
        let bits = bits << (8 * (3 - three.len()));
        for digit in 0..4 {
            let value = (bits >> (18 - 6 * digit)) & 63;
            let is_there = digit <= three.len();
            text.push(if is_there {
                char::from(DIGITS[value as usize])
            } else {
                '='
            });
        }
        if nth % 16 == 15 {
            text.push('\n');
        }
    }
    text + "\n"
}

pub fn moment(secs: i64) -> Timestamp {
    Timestamp::from_unix_ms(secs * 1000).unwrap()
}

/// `1.2.840.10045.4.3.2`.
const ECDSA_WITH_SHA256: &[u8] = &[0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
/// `1.2.840.10045.4.1`.
pub const ECDSA_WITH_SHA1: &[u8] = &[0x06, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 1];
const CRL_NUMBER: &[u8] = &[0x55, 0x1d, 20];
pub const REASON: &[u8] = &[0x55, 0x1d, 21];
pub const DELTA: &[u8] = &[0x55, 0x1d, 27];
pub const DISTRIBUTION_POINT: &[u8] = &[0x55, 0x1d, 28];
pub const CERTIFICATE_ISSUER: &[u8] = &[0x55, 0x1d, 29];
/// Nobody's.
pub const UNKNOWN: &[u8] = &[0x55, 0x1d, 0x7f];

pub fn extension(oid: &[u8], critical: bool, value: &[u8]) -> Vec<u8> {
    let mut parts = vec![tlv(0x06, oid)];
    if critical {
        parts.push(vec![0x01, 1, 0xff]);
    }
    parts.push(tlv(0x04, value));
    all(&parts)
}

pub fn tlv(tag: u8, contents: &[u8]) -> Vec<u8> {
    let mut der = vec![tag];
    match contents.len() {
        short @ 0..0x80 => der.push(short as u8),
        long => {
            der.push(0x84);
            der.extend((long as u32).to_be_bytes());
        }
    }
    // The shortest form of a length is the only one in DER.
    if der[1] == 0x84 {
        let zeros = der[2..].iter().take_while(|octet| **octet == 0).count();
        der.drain(2..2 + zeros);
        der[1] = 0x84 - zeros as u8;
    }
    der.extend(contents);
    der
}

pub fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    tlv(0x30, &parts.concat())
}

fn all(parts: &[Vec<u8>]) -> Vec<u8> {
    tlv(0x30, &parts.concat())
}

fn time(secs: i64) -> Vec<u8> {
    let moment = jiff::Timestamp::from_second(secs).unwrap();
    let text = moment.strftime("%Y%m%d%H%M%SZ").to_string();
    tlv(0x18, text.as_bytes())
}
