//! A shop's certificates: two CAs, whoever is shown by them, and everything that can be wrong with it.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer,
    CustomExtension, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyIdMethod,
    KeyPair, KeyUsagePurpose, PublicKeyData, RevokedCertParams, SerialNumber, date_time_ymd,
};
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::sign::{CertifiedKey, SigningKey};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use vinr_protocol::Timestamp;
use vinr_transport::{Identity, Side, TrustBundle};

use crate::der::{SEQUENCE, edited, tlv};

pub(crate) type Ca = CertifiedIssuer<'static, KeyPair>;

/// The terminal of every case.
pub(crate) const TERMINAL: &str = "term_CT20_0042";

/// The moment at which every case begins: 2030-01-01, far from the machine's own clock.
pub(crate) const NOW: u64 = 1_893_456_000;
pub(crate) const DAY: u64 = 86_400;

/// Tags of a GeneralName.
pub(crate) const EMAIL: u8 = 0x81;
pub(crate) const DNS: u8 = 0x82;
pub(crate) const DIRECTORY: u8 = 0xa4;
pub(crate) const URI: u8 = 0x86;
pub(crate) const IP: u8 = 0x87;

/// The place of the serial number in an edited certificate.
pub(crate) const SERIAL: [u8; 16] = *b"\x11SERIAL-OF-LEAF\x22";

pub(crate) fn at(secs: u64) -> Timestamp {
    Timestamp::from_unix_ms(i64::try_from(secs * 1000).unwrap()).unwrap()
}

/// rcgen's date of a second; its type is not ours to name.
macro_rules! date {
    ($secs:expr) => {
        rcgen::date_time_ymd(1970, 1, 1) + std::time::Duration::from_secs($secs)
    };
}
pub(crate) use date;

/// What a peer shows, and the key that it signs the handshake with.
#[derive(Debug, Clone)]
pub(crate) struct Shown {
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) key: Option<Arc<dyn SigningKey>>,
}

impl Shown {
    pub(crate) fn new(certificate: CertificateDer<'static>, key: &KeyPair) -> Self {
        Self {
            chain: vec![certificate],
            key: Some(signs(key)),
        }
    }

    /// Sends these beside the leaf.
    pub(crate) fn beside<'a>(
        mut self,
        others: impl IntoIterator<Item = &'a CertificateDer<'static>>,
    ) -> Self {
        self.chain.extend(others.into_iter().cloned());
        self
    }

    pub(crate) fn certified(&self) -> Option<Arc<CertifiedKey>> {
        let key = self.key.clone()?;
        Some(Arc::new(CertifiedKey::new(self.chain.clone(), key)))
    }
}

fn signs(key: &KeyPair) -> Arc<dyn SigningKey> {
    let der = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    any_supported_type(&der).unwrap()
}

/// One case's PKI, seen by one judge.
pub(crate) struct Shop {
    /// Whose certificates are judged.
    pub(crate) side: Side,
    /// The CA that the judge trusts.
    pub(crate) root: Ca,
    /// The CA of the other side: the judge's own certificate is signed by it.
    pub(crate) other_root: Ca,
}

impl Shop {
    pub(crate) fn new(side: Side) -> Self {
        Self {
            side,
            root: root(&root_params("VINR CA", Depth::Any)),
            other_root: root(&root_params("VINR other CA", Depth::Leaves)),
        }
    }

    pub(crate) fn bundle(&self, more: &str) -> TrustBundle {
        TrustBundle::from_pem((self.root.pem() + more).as_bytes()).unwrap()
    }

    /// The CA's list that takes back only what is named; in force for a month.
    pub(crate) fn list(&self, number: u64, revoked: &[&[u8]]) -> Vec<u8> {
        list_of(&self.root, number, revoked, NOW - DAY..NOW + 30 * DAY)
    }

    /// The judge's own certificate, lawful.
    pub(crate) fn judge(&self) -> Identity {
        let side = match self.side {
            Side::Terminal => Side::Pos,
            Side::Pos => Side::Terminal,
        };
        let key = KeyPair::generate().unwrap();
        let certificate = leaf(side).signed_by(&key, &self.other_root).unwrap();
        Identity::loader()
            .out_of_time()
            .pem(certificate.pem().as_bytes(), key.serialize_pem().as_bytes())
            .unwrap()
    }

    /// A lawful leaf, to be spoiled.
    pub(crate) fn leaf(&self) -> CertificateParams {
        leaf(self.side)
    }

    /// A lawful leaf with these names instead.
    pub(crate) fn named(&self, names: &[(u8, &[u8])]) -> CertificateParams {
        let mut params = self.leaf();
        params.custom_extensions = vec![san(names)];
        params
    }

    /// A lawful leaf with the names that it has by itself, where these are of the other side's kind too.
    pub(crate) fn named_for(&self, terminals: &[&str]) -> CertificateParams {
        let names: Vec<_> = terminals.iter().map(|id| name(self.side, id)).collect();
        let names: Vec<_> = names
            .iter()
            .map(|(tag, it)| (*tag, it.as_bytes()))
            .collect();
        self.named(&names)
    }

    pub(crate) fn lawful(&self) -> Shown {
        self.show(self.leaf())
    }

    /// Signed by the CA.
    pub(crate) fn show(&self, params: CertificateParams) -> Shown {
        show_by(params, &self.root)
    }

    /// Signed by the CA, with a serial number that lists can name.
    pub(crate) fn show_numbered(&self, serial: &[u8]) -> Shown {
        let mut params = self.leaf();
        params.serial_number = Some(SerialNumber::from_slice(serial));
        self.show(params)
    }

    /// Signed by the CA, for this kind of key.
    pub(crate) fn show_key(&self, algorithm: &'static rcgen::SignatureAlgorithm) -> Shown {
        let key = KeyPair::generate_for(algorithm).unwrap();
        let certificate = self.leaf().signed_by(&key, &self.root).unwrap();
        Shown::new(certificate.der().clone(), &key)
    }

    /// Signed by the CA, and the content of the signed part edited and signed again.
    pub(crate) fn edit(&self, edit: impl FnOnce(Vec<u8>) -> Vec<u8>) -> Shown {
        let key = KeyPair::generate().unwrap();
        let mut params = self.leaf();
        params.serial_number = Some(SerialNumber::from_slice(&SERIAL));
        let certificate = params.signed_by(&key, &self.root).unwrap();
        Shown::new(edited(certificate.der(), self.root.key(), edit), &key)
    }
}

/// A CA's list, in force from one moment to the other.
pub(crate) fn list_of(ca: &Ca, number: u64, revoked: &[&[u8]], when: Range<u64>) -> Vec<u8> {
    let revoked = revoked.iter().map(|serial| RevokedCertParams {
        serial_number: SerialNumber::from_slice(serial),
        revocation_time: date!(NOW - 2 * DAY),
        reason_code: None,
        invalidity_date: None,
    });
    let list = CertificateRevocationListParams {
        this_update: date!(when.start),
        next_update: date!(when.end),
        crl_number: number.into(),
        issuing_distribution_point: None,
        revoked_certs: revoked.collect(),
        key_identifier_method: KeyIdMethod::Sha256,
    };
    list.signed_by(ca).unwrap().der().to_vec()
}

/// Signed by this CA.
pub(crate) fn show_by(params: CertificateParams, ca: &Ca) -> Shown {
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, ca).unwrap();
    Shown::new(certificate.der().clone(), &key)
}

/// Signed by this CA for a key that is not rcgen's.
pub(crate) fn certify(
    params: CertificateParams,
    key: &impl PublicKeyData,
    ca: &Ca,
) -> CertificateDer<'static> {
    params.signed_by(key, ca).unwrap().der().clone()
}

fn leaf(side: Side) -> CertificateParams {
    let (tag, name) = name(side, TERMINAL);
    let mut params = CertificateParams::default();
    params.not_before = date!(NOW - DAY);
    params.not_after = date!(NOW + 365 * DAY);
    params.distinguished_name.push(DnType::CommonName, "leaf");
    params.custom_extensions = vec![san(&[(tag, name.as_bytes())])];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![purpose(side)];
    params.use_authority_key_identifier_extension = true;
    params
}

pub(crate) fn purpose(side: Side) -> ExtendedKeyUsagePurpose {
    match side {
        Side::Terminal => ExtendedKeyUsagePurpose::ServerAuth,
        Side::Pos => ExtendedKeyUsagePurpose::ClientAuth,
    }
}

pub(crate) fn other_purpose(side: Side) -> ExtendedKeyUsagePurpose {
    match side {
        Side::Terminal => purpose(Side::Pos),
        Side::Pos => purpose(Side::Terminal),
    }
}

/// How a certificate of this side names a terminal.
pub(crate) fn name(side: Side, terminal: &str) -> (u8, String) {
    match side {
        Side::Terminal => (DNS, terminal.into()),
        Side::Pos => (URI, format!("urn:vinr:terminal:{terminal}")),
    }
}

pub(crate) fn san(names: &[(u8, &[u8])]) -> CustomExtension {
    let names: Vec<u8> = names
        .iter()
        .flat_map(|(tag, name)| tlv(*tag, name))
        .collect();
    extension(&[2, 5, 29, 17], tlv(SEQUENCE, &names))
}

pub(crate) fn extension(oid: &[u64], content: Vec<u8>) -> CustomExtension {
    CustomExtension::from_oid_content(oid, content)
}

pub(crate) fn critical(mut extension: CustomExtension) -> CustomExtension {
    extension.set_criticality(true);
    extension
}

/// How many CAs may stand below one.
pub(crate) enum Depth {
    Leaves,
    Any,
}

pub(crate) fn root_params(name: &str, depth: Depth) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.not_before = date_time_ymd(2000, 1, 1);
    params.not_after = date!(NOW + 3650 * DAY);
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(match depth {
        Depth::Leaves => BasicConstraints::Constrained(0),
        Depth::Any => BasicConstraints::Unconstrained,
    });
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.use_authority_key_identifier_extension = true;
    params
}

pub(crate) fn root(params: &CertificateParams) -> Ca {
    CertifiedIssuer::self_signed(params.clone(), KeyPair::generate().unwrap()).unwrap()
}

/// A CA below another.
pub(crate) fn below(params: CertificateParams, ca: &Ca) -> Ca {
    CertifiedIssuer::signed_by(params, KeyPair::generate().unwrap(), ca).unwrap()
}

/// A lawful CA below another.
pub(crate) fn intermediate(name: &str, ca: &Ca) -> Ca {
    below(root_params(name, Depth::Any), ca)
}

/// For a connection's ends that wait for nothing.
pub(crate) const SOON: Duration = Duration::from_secs(10);
