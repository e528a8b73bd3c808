//! A till that holds its own keys: stock rustls up to a point, and then records of our own under the
//! traffic keys that it logged (RFC 8446 §5.2, §7.3).

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::sync::{Arc, Mutex};

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Prk};
use rustls::crypto::aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256;
use rustls::crypto::{CryptoProvider, aws_lc_rs::default_provider};
use rustls::{AlertDescription, ClientConfig, ClientConnection, Error, KeyLog, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};

use crate::hello::Hello;
use crate::support::{TERMINAL, issue_pem, pos_leaf, urn};
use crate::wire::Wire;
use crate::{Outside, support};

const REQUEST: &[u8] = b"GET /v1/reader HTTP/1.1\r\nhost: t\r\n\r\n";

/// Enough of anything that a server should not take for ever.
const MANY: usize = 10_000;

pub(crate) struct Till {
    wire: Wire,
    tls: ClientConnection,
    secrets: Arc<Secrets>,
    /// Records that were sealed here.
    sealed: u64,
}

impl Till {
    /// The whole handshake.
    pub(crate) fn connect(outside: &Outside) -> Self {
        let mut till = Self::new(outside);
        while till.tls.is_handshaking() || till.tls.wants_write() {
            till.tls.complete_io(&mut till.wire.tcp).unwrap();
        }
        till
    }

    /// Up to the terminal's Finished: a till's certificate and Finished are made and not sent.
    fn halfway(outside: &Outside) -> Self {
        let mut till = Self::new(outside);
        while till.tls.wants_write() {
            till.tls.write_tls(&mut till.wire.tcp).unwrap();
        }
        while till.tls.is_handshaking() {
            till.tls.read_tls(&mut till.wire.tcp).unwrap();
            till.tls.process_new_packets().unwrap();
        }
        till
    }

    fn new(outside: &Outside) -> Self {
        Self::speaking("http/1.1", outside)
    }

    fn speaking(protocol: &str, outside: &Outside) -> Self {
        let (certificate, key) = issue_pem(pos_leaf(vec![urn(TERMINAL)]), &outside.pki.pos_ca);
        let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap();
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(outside.pki.terminal_ca.der().clone()).unwrap();
        let provider = CryptoProvider {
            cipher_suites: vec![TLS13_AES_128_GCM_SHA256],
            ..default_provider()
        };
        let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_root_certificates(roots)
            .with_client_auth_cert(vec![certificate], key)
            .unwrap();
        let secrets = Arc::new(Secrets::default());
        config.key_log = secrets.clone();
        config.alpn_protocols = vec![protocol.into()];
        let name = ServerName::try_from(support::TERMINAL).unwrap();
        Self {
            wire: outside.dial(),
            tls: ClientConnection::new(Arc::new(config), name).unwrap(),
            secrets,
            sealed: 0,
        }
    }

    /// Asks, and is answered.
    pub(crate) fn is_answered(&mut self) {
        self.tls.writer().write_all(REQUEST).unwrap();
        let mut answer = Vec::new();
        while !answer.starts_with(b"HTTP/1.1 200 ") {
            self.tls.complete_io(&mut self.wire.tcp).unwrap();
            let mut some = [0; 1024];
            if let Ok(count) = self.tls.reader().read(&mut some) {
                assert!(count > 0, "the terminal closed");
                answer.extend(&some[..count]);
            }
        }
    }

    /// Sends a record under the keys of this secret, past rustls; false when nobody takes it any more.
    fn send(&mut self, secret: &str, kind: u8, content: &[u8]) -> bool {
        let record = seal(&self.secrets.get(secret), self.sealed, kind, content);
        self.sealed += 1;
        self.wire.tcp.write_all(&record).is_ok()
    }

    /// The alert that it gets; `None` where the connection just ends.
    fn alert(&mut self) -> Option<AlertDescription> {
        loop {
            match self.tls.read_tls(&mut self.wire.tcp) {
                Ok(0) => return None,
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    panic!("neither an alert nor an end")
                }
                Err(_) => return None,
            }
            match self.tls.process_new_packets() {
                Ok(_) => {}
                Err(Error::AlertReceived(alert)) => return Some(alert),
                Err(other) => panic!("not an alert: {other}"),
            }
        }
    }
}

#[derive(Debug, Default)]
struct Secrets(Mutex<BTreeMap<String, Vec<u8>>>);

impl Secrets {
    fn get(&self, label: &str) -> Vec<u8> {
        self.0.lock().unwrap()[label].clone()
    }
}

impl KeyLog for Secrets {
    fn log(&self, label: &str, _: &[u8], secret: &[u8]) {
        self.0.lock().unwrap().insert(label.into(), secret.into());
    }
}

fn seal(secret: &[u8], number: u64, kind: u8, content: &[u8]) -> Vec<u8> {
    let key = UnboundKey::new(&AES_128_GCM, &expand::<16>(secret, b"key")).unwrap();
    let mut nonce = expand::<12>(secret, b"iv");
    for (byte, number) in nonce[4..].iter_mut().zip(number.to_be_bytes()) {
        *byte ^= number;
    }
    let mut inner = [content, &[kind]].concat();
    let length = u16::try_from(inner.len() + AES_128_GCM.tag_len()).unwrap();
    let [high, low] = length.to_be_bytes();
    let header = [23, 3, 3, high, low];
    LessSafeKey::new(key)
        .seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(header),
            &mut inner,
        )
        .unwrap();
    [&header[..], &inner].concat()
}

/// HKDF-Expand-Label with an empty context.
fn expand<const N: usize>(secret: &[u8], label: &[u8]) -> [u8; N] {
    struct Length(usize);
    impl KeyType for Length {
        fn len(&self) -> usize {
            self.0
        }
    }
    let label = [b"tls13 ", label].concat();
    let length = u16::try_from(N).unwrap().to_be_bytes();
    let info = [
        &length[..],
        &[u8::try_from(label.len()).unwrap()],
        &label,
        &[0],
    ];
    let mut out = [0; N];
    Prk::new_less_safe(HKDF_SHA256, secret)
        .expand(&info, Length(N))
        .unwrap()
        .fill(&mut out)
        .unwrap();
    out
}

const HANDSHAKE: &str = "CLIENT_HANDSHAKE_TRAFFIC_SECRET";
const TRAFFIC: &str = "CLIENT_TRAFFIC_SECRET_0";

#[test]
fn a_record_sealed_here_is_a_tills_as_good_as_any() {
    // The control of all that follow.
    let outside = Outside::new();
    let mut till = Till::connect(&outside);
    till.send(TRAFFIC, 23, REQUEST);
    while outside.terminal.calls() == 0 {
        std::thread::yield_now();
    }
}

// [TLS-13]
#[test]
fn another_protocol_is_refused_by_its_name() {
    for protocol in ["h2", "http/1.0", "HTTP/1.1", "http/1.1 "] {
        let outside = Outside::new();
        let mut till = Till::speaking(protocol, &outside);
        till.tls.write_tls(&mut till.wire.tcp).unwrap();
        assert_eq!(
            till.alert(),
            Some(AlertDescription::NoApplicationProtocol),
            "{protocol:?}"
        );
    }
}

// [TLS-13]
#[test]
fn no_ticket_comes_after_the_handshake() {
    let outside = Outside::new();
    let mut till = Till::connect(&outside);
    till.is_answered();
    assert_eq!(till.tls.tls13_tickets_received(), 0);
}

// [TLS-13]
#[test]
fn renegotiation_is_refused() {
    let outside = Outside::new();
    let mut till = Till::connect(&outside);
    till.send(TRAFFIC, 22, &Hello::lawful().message());
    assert_eq!(till.alert(), Some(AlertDescription::UnexpectedMessage));
    outside.is_unharmed();
}

// [TLS-8]
#[test]
fn data_before_the_tills_finished_is_refused() {
    let outside = Outside::new();
    let mut till = Till::halfway(&outside);
    till.send(HANDSHAKE, 23, REQUEST);
    assert_eq!(till.alert(), Some(AlertDescription::UnexpectedMessage));
    outside.is_unharmed();
}

// [TLS-1]
#[test]
fn a_finished_without_a_certificate_before_it_is_refused() {
    let outside = Outside::new();
    let mut till = Till::halfway(&outside);
    till.send(HANDSHAKE, 22, &[&[20, 0, 0, 32][..], &[0; 32]].concat());
    assert_eq!(till.alert(), Some(AlertDescription::UnexpectedMessage));
    outside.is_unharmed();
}

// [TLS-1]
#[test]
fn data_under_the_keys_of_later_before_any_certificate_is_refused() {
    let outside = Outside::new();
    let mut till = Till::halfway(&outside);
    till.send(TRAFFIC, 23, REQUEST);
    assert_eq!(till.alert(), Some(AlertDescription::BadRecordMac));
    outside.is_unharmed();
}

#[test]
fn a_second_finished_is_refused() {
    let outside = Outside::new();
    let mut till = Till::connect(&outside);
    till.send(TRAFFIC, 22, &[&[20, 0, 0, 32][..], &[0; 32]].concat());
    assert_eq!(till.alert(), Some(AlertDescription::UnexpectedMessage));
    outside.is_unharmed();
}

#[test]
fn a_certificate_after_the_handshake_is_refused() {
    let outside = Outside::new();
    let mut till = Till::connect(&outside);
    till.send(TRAFFIC, 22, &[11, 0, 0, 4, 0, 0, 0, 0]);
    assert_eq!(till.alert(), Some(AlertDescription::UnexpectedMessage));
    outside.is_unharmed();
}

#[test]
fn a_record_of_an_unknown_kind_is_refused() {
    let outside = Outside::new();
    let mut till = Till::connect(&outside);
    till.send(TRAFFIC, 24, &[1, 0x40, 0x00, 0]);
    assert!(till.alert().is_some());
    outside.is_unharmed();
}

#[test]
fn a_record_that_was_changed_on_its_way_is_refused() {
    let outside = Outside::new();
    let mut till = Till::connect(&outside);
    let mut record = seal(&till.secrets.get(TRAFFIC), 0, 23, REQUEST);
    *record.last_mut().unwrap() ^= 1;
    till.wire.send(&record);
    assert_eq!(till.alert(), Some(AlertDescription::BadRecordMac));
    outside.is_unharmed();
}

#[test]
fn a_record_that_comes_twice_is_refused() {
    let outside = Outside::new();
    let mut till = Till::connect(&outside);
    let record = seal(&till.secrets.get(TRAFFIC), 0, 23, b"GET ");
    till.wire.send(&[&record[..], &record].concat());
    assert_eq!(till.alert(), Some(AlertDescription::BadRecordMac));
    outside.is_unharmed();
}

#[test]
fn key_updates_are_not_taken_for_ever() {
    let outside = Outside::new();
    let mut till = Till::connect(&outside);
    let ended = (0..MANY).any(|_| {
        till.tls.refresh_traffic_keys().unwrap();
        till.tls.write_tls(&mut till.wire.tcp).is_err()
    });
    assert!(ended || till.alert().is_some());
    outside.is_unharmed();
}

#[test]
fn records_of_nothing_are_not_taken_for_ever_after_the_handshake() {
    let outside = Outside::new();
    let mut till = Till::connect(&outside);
    let ended = (0..MANY).any(|_| !till.send(TRAFFIC, 23, &[]));
    assert!(ended || till.alert().is_some());
    outside.is_unharmed();
}
