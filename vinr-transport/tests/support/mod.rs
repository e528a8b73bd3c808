//! A private PKI made on the spot, a terminal with a scripted handler, and streams that can misbehave.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses its part")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, SanType,
};
use tokio::sync::{mpsc, oneshot};
use vinr_protocol::{Amount, Currency, PayRequest, Reference, TerminalId};
use vinr_transport::server::{Aborted, Limits};
use vinr_transport::{
    Connector, Handler, Identity, Reply, Request, Server, ServerOptions, TrustBundle,
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
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
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
        let (sender, held) = mpsc::unbounded_channel();
        let handler = Arc::new(Scripted {
            calls: AtomicUsize::new(0),
            held: sender,
        });
        let server = Server::bind(loopback(), options, handler.clone())
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
