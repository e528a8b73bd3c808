//! A till judges whoever answers where its terminal should be.
//!
//! The peer is a rogue: stock rustls that shows whatever it is told, takes every client, and counts the
//! decrypted bytes that reach it. \[TLS-8, TLS-9\]

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::CryptoProvider;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{DigitallySignedStruct, DistinguishedName, Error, ServerConfig, SignatureScheme};
use rustls_pki_types::{CertificateDer, UnixTime};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use vinr_protocol::TerminalId;
use vinr_transport::{CallError, ConnectError, Connection, Connector};

use crate::paper::{SOON, Shown, TERMINAL};
use crate::verdict::Outcome;

/// A terminal that is none, or is one.
pub(crate) struct Rogue {
    pub(crate) addr: SocketAddr,
    shows: Arc<Mutex<Option<Arc<CertifiedKey>>>>,
    /// Decrypted bytes of application data that ever reached it.
    bytes: Arc<AtomicUsize>,
    met: mpsc::UnboundedReceiver<Met>,
}

/// What a rogue learned of one till.
#[derive(Debug)]
pub(crate) struct Met {
    /// Decrypted bytes of application data.
    pub(crate) bytes: usize,
    /// Did it see the till's certificate?
    pub(crate) saw_certificate: bool,
}

impl Rogue {
    pub(crate) async fn listen() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let shows = Arc::new(Mutex::new(None));
        let (meets, met) = mpsc::unbounded_channel();
        let bytes = Arc::new(AtomicUsize::new(0));
        tokio::spawn(serve(listener, shows.clone(), bytes.clone(), meets));
        Self {
            addr,
            shows,
            bytes,
            met,
        }
    }

    /// What the next one who connects is shown.
    pub(crate) fn show(&self, shown: &Shown) {
        *self.shows.lock().unwrap() = shown.certified();
    }

    /// One try of a till: connect, ask, and hang up.
    pub(crate) async fn meet(&mut self, connector: &Connector) -> Outcome {
        let trying = async {
            match connector.connect(self.addr, &terminal()).await {
                Ok(mut connection) => {
                    // Whatever the rogue answers: it was asked.
                    let _ = connection.reader().await;
                    Ok(())
                }
                Err(error) => Err(error),
            }
        };
        let Ok(outcome) = tokio::time::timeout(SOON, trying).await else {
            return Outcome::Wrong("no verdict in time".into());
        };
        let Ok(Some(met)) = tokio::time::timeout(SOON, self.met.recv()).await else {
            return Outcome::Wrong("the connection stayed open".into());
        };
        match outcome {
            Ok(()) if met.bytes > 0 && met.saw_certificate => Outcome::Accepted(None),
            Ok(()) => Outcome::Wrong(format!("accepted, and yet {met:?}")),
            // [TLS-9]: not a byte, and not even who the till is.
            Err(_) if met.bytes > 0 || met.saw_certificate => {
                Outcome::Wrong(format!("refused, and yet {met:?}"))
            }
            Err(ConnectError::Identity { check, .. }) => Outcome::Check(check),
            Err(error) => Outcome::Wrong(format!("not an identity failure: {error}")),
        }
    }

    /// A till connects, and stays.
    pub(crate) async fn open(&self, connector: &Connector) -> Result<Connection, ConnectError> {
        connector.connect(self.addr, &terminal()).await
    }

    /// A till asks on a connection that is open.
    pub(crate) async fn is_asked(&self, open: &mut Connection) -> Outcome {
        let before = self.bytes();
        let answer = tokio::time::timeout(SOON, open.reader()).await;
        let said = self.bytes() - before;
        match answer {
            Ok(Err(CallError::Identity { check })) => Outcome::Check(check),
            // It was asked and answered, only not with what a terminal says of itself.
            Ok(Err(CallError::BadAnswer { .. })) if said > 0 => Outcome::Accepted(None),
            other => Outcome::Wrong(format!("{other:?}, after {said} bytes")),
        }
    }

    /// A till asks for the last time: a refused terminal gets no byte and is left at once.
    pub(crate) async fn is_asked_at_last(&mut self, mut open: Connection) -> Outcome {
        let before = self.bytes();
        let outcome = self.is_asked(&mut open).await;
        if !matches!(outcome, Outcome::Check(_)) {
            drop(open);
            self.met.recv().await.unwrap();
            return outcome;
        }
        if open.is_ready() || open.is_open() {
            return Outcome::Wrong("refused, and yet it is ready".into());
        }
        // The till still has it in its hands.
        match tokio::time::timeout(SOON, self.met.recv()).await {
            Ok(Some(_)) if self.bytes() == before => outcome,
            Ok(met) => Outcome::Wrong(format!("refused, and yet it was sent something: {met:?}")),
            Err(_) => Outcome::Wrong("refused, and yet the connection stayed open".into()),
        }
    }

    fn bytes(&self) -> usize {
        self.bytes.load(Ordering::SeqCst)
    }
}

pub(crate) fn terminal() -> TerminalId {
    TerminalId::new(TERMINAL).unwrap()
}

pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

async fn serve(
    listener: TcpListener,
    shows: Arc<Mutex<Option<Arc<CertifiedKey>>>>,
    bytes: Arc<AtomicUsize>,
    meets: mpsc::UnboundedSender<Met>,
) {
    // One configuration for all: what it remembers of one connection could help it in the next.
    let seen = Arc::new(AnyTill::default());
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_client_cert_verifier(seen.clone())
        .with_cert_resolver(Arc::new(Shows(shows)));
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.max_early_data_size = 16 * 1024;
    let acceptor = TlsAcceptor::from(Arc::new(config));
    while let Ok((tcp, _)) = listener.accept().await {
        *seen.0.lock().unwrap() = false;
        let bytes = count(&acceptor, tcp, &bytes).await;
        let saw_certificate = *seen.0.lock().unwrap();
        let met = Met {
            bytes,
            saw_certificate,
        };
        if meets.send(met).is_err() {
            return;
        }
    }
}

/// Counts what a till says, and answers every whole request.
async fn count(acceptor: &TlsAcceptor, tcp: TcpStream, all: &AtomicUsize) -> usize {
    let Ok(mut tls) = acceptor.accept(tcp).await else {
        return 0;
    };
    let mut request = Vec::new();
    let mut bytes = 0;
    while let Ok(byte) = tls.read_u8().await {
        bytes += 1;
        all.fetch_add(1, Ordering::SeqCst);
        request.push(byte);
        if request.ends_with(b"\r\n\r\n") {
            request.clear();
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
            if tls.write_all(answer).await.is_err() || tls.flush().await.is_err() {
                break;
            }
        }
    }
    bytes
}

#[derive(Debug)]
struct Shows(Arc<Mutex<Option<Arc<CertifiedKey>>>>);

impl ResolvesServerCert for Shows {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.0.lock().unwrap().clone()
    }
}

/// Takes every till, and remembers whether one introduced itself.
#[derive(Debug, Default)]
struct AnyTill(Mutex<bool>);

impl ClientCertVerifier for AnyTill {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        *self.0.lock().unwrap() = true;
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}
