//! A private PKI made on the spot, a terminal with a scripted handler, and streams that can misbehave.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses its part")]

pub mod crl;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, SanType, date_time_ymd,
};
use rustls::client::WantsClientCert;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio_rustls::TlsConnector;
use vinr_protocol::{Amount, Currency, PayRequest, Reference, TerminalId};
use vinr_transport::server::{Aborted, Limits};
use vinr_transport::{
    Clock, Connector, Handler, Identity, Reply, Request, Server, ServerOptions, TrustBundle,
};

pub const TERMINAL: &str = "term_CT20_0042";

pub fn id(text: &str) -> TerminalId {
    TerminalId::new(text).unwrap()
}

pub fn urn(text: &str) -> SanType {
    SanType::URI(format!("urn:vinr:terminal:{text}").try_into().unwrap())
}

pub fn uri(text: &str) -> SanType {
    SanType::URI(text.try_into().unwrap())
}

pub fn dns(text: &str) -> SanType {
    SanType::DnsName(text.try_into().unwrap())
}

pub fn ca(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    ca_for(name, IsCa::Ca(BasicConstraints::Constrained(0)))
}

pub fn ca_for(name: &str, is_ca: IsCa) -> CertifiedIssuer<'static, KeyPair> {
    self_signed(name, is_ca, 4000)
}

pub fn expired_ca() -> CertifiedIssuer<'static, KeyPair> {
    let is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    self_signed("expired CA", is_ca, 2020)
}

fn self_signed(name: &str, is_ca: IsCa, year: i32) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_after = date_time_ymd(year, 1, 1);
    params.is_ca = is_ca;
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

pub fn bundle(ca: &CertifiedIssuer<'static, KeyPair>) -> TrustBundle {
    TrustBundle::from_pem(ca.pem().as_bytes()).unwrap()
}

/// The parameters of a lawful leaf; tests spoil them.
pub fn leaf(purpose: ExtendedKeyUsagePurpose, names: Vec<SanType>) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "leaf");
    params.subject_alt_names = names;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![purpose];
    params.use_authority_key_identifier_extension = true;
    params
}

pub fn pos_leaf(names: Vec<SanType>) -> CertificateParams {
    leaf(ExtendedKeyUsagePurpose::ClientAuth, names)
}

pub fn terminal_leaf(names: Vec<SanType>) -> CertificateParams {
    leaf(ExtendedKeyUsagePurpose::ServerAuth, names)
}

pub fn issue_with(
    params: CertificateParams,
    ca: &CertifiedIssuer<'static, KeyPair>,
    key: &KeyPair,
) -> Identity {
    let certificate = params.signed_by(key, ca).unwrap();
    Identity::loader()
        .out_of_time()
        .pem(certificate.pem().as_bytes(), key.serialize_pem().as_bytes())
        .unwrap()
}

/// A certificate and its key as PEM.
pub fn issue_pem(
    params: CertificateParams,
    ca: &CertifiedIssuer<'static, KeyPair>,
) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, ca).unwrap();
    (certificate.pem(), key.serialize_pem())
}

pub fn issue(params: CertificateParams, ca: &CertifiedIssuer<'static, KeyPair>) -> Identity {
    issue_with(params, ca, &KeyPair::generate().unwrap())
}

/// Two CAs and everything lawful.
pub struct Pki {
    pub terminal_ca: CertifiedIssuer<'static, KeyPair>,
    pub pos_ca: CertifiedIssuer<'static, KeyPair>,
}

impl Pki {
    pub fn new() -> Self {
        Self {
            terminal_ca: ca("VINR terminal CA"),
            pos_ca: ca("VINR POS CA"),
        }
    }

    pub fn terminal(&self) -> Identity {
        issue(terminal_leaf(vec![dns(TERMINAL)]), &self.terminal_ca)
    }

    pub fn pos(&self) -> Identity {
        issue(pos_leaf(vec![urn(TERMINAL)]), &self.pos_ca)
    }

    pub fn options(&self) -> ServerOptions {
        ServerOptions {
            terminal: id(TERMINAL),
            identity: self.terminal(),
            pos_ca: bundle(&self.pos_ca),
            limits: Limits::default(),
            crl: None,
        }
    }

    pub fn connector(&self) -> Connector {
        self.connector_of(self.pos())
    }

    pub fn connector_of(&self, pos: Identity) -> Connector {
        Connector::new(bundle(&self.terminal_ca), pos).unwrap()
    }
}

/// A held answer, in the hands of the test.
pub type Outcome = oneshot::Sender<Result<Bytes, Aborted>>;

/// Counts calls; holds every `pay` and hands its outcome to the test; answers the rest at once.
pub struct Scripted {
    pub calls: AtomicUsize,
    held: mpsc::UnboundedSender<(Request, Outcome)>,
}

impl Handler for Scripted {
    async fn handle(&self, request: Request) -> Reply {
        self.calls.fetch_add(1, Ordering::SeqCst);
        match request.path.as_str() {
            "/v1/pay" => {
                let (outcome, body) = oneshot::channel();
                self.held.send((request, outcome)).unwrap();
                let mut headers = HeaderMap::new();
                headers.insert("server-timing", "activation;dur=1.5".parse().unwrap());
                Reply::held(headers, body)
            }
            // Never answers.
            "/v1/cancel" => std::future::pending().await,
            "/panic" => panic!("on purpose"),
            _ => Reply::full(
                StatusCode::OK,
                format!("{{\"bytes\":{}}}", request.body.len()),
            ),
        }
    }
}

pub struct Terminal {
    pub server: Server,
    pub handler: Arc<Scripted>,
    pub held: mpsc::UnboundedReceiver<(Request, Outcome)>,
}

impl Terminal {
    pub async fn start(options: ServerOptions) -> Self {
        Self::start_with_clock(options, Clock::system()).await
    }

    pub async fn start_with_clock(options: ServerOptions, clock: Clock) -> Self {
        let (sender, held) = mpsc::unbounded_channel();
        let handler = Arc::new(Scripted {
            calls: AtomicUsize::new(0),
            held: sender,
        });
        let server = Server::bind_with_clock(loopback(), options, clock, handler.clone())
            .await
            .unwrap();
        Self {
            server,
            handler,
            held,
        }
    }

    pub fn addr(&self) -> SocketAddr {
        self.server.local_addr()
    }

    pub fn calls(&self) -> usize {
        self.handler.calls.load(Ordering::SeqCst)
    }
}

pub fn loopback() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

pub fn pay_request() -> PayRequest {
    PayRequest::new(
        id(TERMINAL),
        Amount::new(2500).unwrap(),
        Currency::new("USD").unwrap(),
        Reference::new("order_8821").unwrap(),
    )
}

pub const PAYMENT: &str = r#"{"id":"tpay_01JD","object":"terminal_payment","terminalId":"term_CT20_0042",
    "amount":2500,"currency":"USD","reference":"order_8821","status":"completed","amountCaptured":2500,
    "createdAt":"2026-05-31T14:23:00.000Z"}"#;

/// A stock rustls client that asks for the terminal's name and speaks bytes.
pub struct Raw {
    tls: tokio_rustls::client::TlsStream<TcpStream>,
}

impl Raw {
    pub async fn connect(pki: &Pki, addr: SocketAddr) -> Self {
        Self::connect_for(TERMINAL, pki, addr).await
    }

    /// With the certificate of a till for this terminal.
    pub async fn connect_for(terminal: &str, pki: &Pki, addr: SocketAddr) -> Self {
        let (certificate, key) = issue_pem(pos_leaf(vec![urn(terminal)]), &pki.pos_ca);
        let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap();
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
        let config = stock(pki)
            .with_client_auth_cert(vec![certificate], key)
            .unwrap();
        Self::handshake(config, addr).await.unwrap()
    }

    pub async fn connect_without_certificate(pki: &Pki, addr: SocketAddr) -> Self {
        let config = stock(pki).with_no_client_auth();
        Self::handshake(config, addr).await.unwrap()
    }

    pub async fn handshake(config: ClientConfig, addr: SocketAddr) -> std::io::Result<Self> {
        let tcp = TcpStream::connect(addr).await.unwrap();
        let name = ServerName::try_from(TERMINAL).unwrap();
        let connector = TlsConnector::from(Arc::new(config));
        let tls = connector.connect(name, tcp).await?;
        Ok(Self { tls })
    }

    /// The socket below TLS.
    pub fn tcp(&mut self) -> &mut TcpStream {
        self.tls.get_mut().0
    }

    pub fn tickets(&self) -> u32 {
        self.tls.get_ref().1.tls13_tickets_received()
    }

    pub async fn write(&mut self, bytes: &[u8]) {
        self.tls.write_all(bytes).await.unwrap();
        self.tls.flush().await.unwrap();
    }

    /// Reads until the peer closes.
    pub async fn read_to_end(&mut self) -> std::io::Result<String> {
        let mut answer = Vec::new();
        self.tls.read_to_end(&mut answer).await?;
        Ok(String::from_utf8(answer).unwrap())
    }

    /// Writes and reads until the peer closes.
    pub async fn exchange(&mut self, bytes: &[u8]) -> std::io::Result<String> {
        self.write(bytes).await;
        self.read_to_end().await
    }

    /// Writes and reads one answer that has a length.
    pub async fn exchange_one(&mut self, bytes: &[u8]) -> std::io::Result<String> {
        self.write(bytes).await;
        let mut answer = String::new();
        while !is_whole(&answer) {
            let byte = self.tls.read_u8().await?;
            answer.push(char::from(byte));
        }
        Ok(answer)
    }
}

fn is_whole(answer: &str) -> bool {
    let Some((head, body)) = answer.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .expect("an answer at once has a length");
    body.len() == length.parse::<usize>().unwrap()
}

pub fn stock(pki: &Pki) -> rustls::ConfigBuilder<ClientConfig, WantsClientCert> {
    let mut roots = RootCertStore::empty();
    roots.add(pki.terminal_ca.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots)
}
