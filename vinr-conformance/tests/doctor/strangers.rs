//! Whoever else may sit at an address: certificates and servers made on the spot.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, SanType, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::server::WebPkiClientVerifier;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// The terminal of every test.
pub(crate) const TERMINAL: &str = "term_CT20_0042";

pub(crate) type Authority = CertifiedIssuer<'static, KeyPair>;

pub(crate) fn authority(name: &str) -> Authority {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A lawful terminal's certificate, to be spoilt.
pub(crate) fn leaf() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, TERMINAL);
    params.subject_alt_names = vec![SanType::DnsName(TERMINAL.try_into().unwrap())];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    params.not_before = date_time_ymd(2020, 1, 1);
    params
}

/// Writes an authority as a CA bundle.
pub(crate) fn bundle(authority: &Authority, dir: &tempfile::TempDir) -> PathBuf {
    let path = dir.path().join("own-ca.pem");
    std::fs::write(&path, authority.pem()).unwrap();
    path
}

/// A server with a certificate of ours, and what it does differently.
pub(crate) struct Stranger {
    chain: Vec<CertificateDer<'static>>,
    key: KeyPair,
    /// Whose clients it asks for; nobody's where absent.
    clients: Option<CertificateDer<'static>>,
    alpn: &'static [u8],
    /// What it answers to `GET /v1/reader`.
    answer: String,
    /// And to anything else.
    otherwise: String,
}

/// What a stranger was told, above TLS.
#[derive(Debug, Default)]
pub(crate) struct Told {
    connections: AtomicUsize,
    bytes: AtomicUsize,
    pays: AtomicUsize,
}

impl Told {
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::SeqCst)
    }

    pub(crate) fn pays(&self) -> usize {
        self.pays.load(Ordering::SeqCst)
    }
}

impl Stranger {
    pub(crate) fn new(params: CertificateParams, authority: &Authority) -> Self {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, authority).unwrap();
        Self {
            chain: vec![certificate.der().clone()],
            key,
            clients: None,
            alpn: b"http/1.1",
            answer: reader_answer(""),
            otherwise: refusal("certificate_revoked"),
        }
    }

    /// With this certificate and a key that is not its own.
    pub(crate) fn impostor(certificate: CertificateDer<'static>) -> Self {
        let lawful = Self::new(leaf(), &authority("x"));
        Self {
            chain: vec![certificate],
            ..lawful
        }
    }

    /// The certificate that it shows.
    pub(crate) fn certificate(&self) -> CertificateDer<'static> {
        self.chain[0].clone()
    }

    /// Asks for certificates of this authority's.
    pub(crate) fn asks_for(mut self, authority: CertificateDer<'static>) -> Self {
        self.clients = Some(authority);
        self
    }

    pub(crate) fn alpn(mut self, alpn: &'static [u8]) -> Self {
        self.alpn = alpn;
        self
    }

    pub(crate) fn answers(mut self, answer: String) -> Self {
        self.answer = answer;
        self
    }

    /// Answers this to anything but `GET /v1/reader`.
    pub(crate) fn otherwise(mut self, answer: String) -> Self {
        self.otherwise = answer;
        self
    }

    /// Serves until the test ends.
    pub(crate) async fn serve(self) -> (SocketAddr, Arc<Told>) {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let key = PrivateKeyDer::Pkcs8(self.key.serialize_der().into());
        let signing = rustls::crypto::aws_lc_rs::sign::any_supported_type(&key).unwrap();
        let certified = CertifiedKey::new(self.chain, signing);
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap();
        let builder = match self.clients {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                let mut roots = rustls::RootCertStore::empty();
                roots.add(authority).unwrap();
                let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider)
                    .build()
                    .unwrap();
                builder.with_client_cert_verifier(verifier)
            }
        };
        let mut config = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
        config.alpn_protocols = vec![self.alpn.to_vec()];
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let told = Arc::new(Told::default());
        let (noting, answers) = (told.clone(), Arc::new((self.answer, self.otherwise)));
        let address = serve(move |tcp| {
            let (acceptor, told) = (acceptor.clone(), noting.clone());
            let answers = answers.clone();
            told.connections.fetch_add(1, Ordering::SeqCst);
            async move {
                let Ok(mut tls) = acceptor.accept(tcp).await else {
                    return;
                };
                let mut question = [0; 4096];
                loop {
                    let length = tls.read(&mut question).await.unwrap_or_default();
                    let question = &question[..length];
                    told.bytes.fetch_add(length, Ordering::SeqCst);
                    let answer = if question.starts_with(b"GET /v1/reader") {
                        &answers.0
                    } else {
                        &answers.1
                    };
                    if question.starts_with(b"POST /v1/pay") {
                        told.pays.fetch_add(1, Ordering::SeqCst);
                    }
                    let is_over = length == 0 || answer.is_empty();
                    if is_over || tls.write_all(answer.as_bytes()).await.is_err() {
                        let _ = tls.shutdown().await;
                        return;
                    }
                    let _ = tls.flush().await;
                }
            }
        })
        .await;
        (address, told)
    }
}

/// A reader's answer with one more header line.
pub(crate) fn reader_answer(header: &str) -> String {
    let body = format!(
        r#"{{"object":"reader","id":"{TERMINAL}","model":"nexgo_ct20","status":"online","activity":"idle"}}"#
    );
    answer("200 OK", header, &body)
}

/// The same of a device that keeps a journal, and so lists keys. \[REC-23\]
pub(crate) fn reader_answer_with_journal() -> String {
    let body = format!(
        r#"{{"object":"reader","id":"{TERMINAL}","model":"nexgo_ct20","status":"online","activity":"idle","journalId":"01JD0000000000000000000000"}}"#
    );
    answer("200 OK", "", &body)
}

/// A refusal with this code.
pub(crate) fn refusal(code: &str) -> String {
    let body = format!(
        r#"{{"error":{{"type":"authentication_error","code":"{code}","message":"refused"}}}}"#
    );
    answer("403 Forbidden", "", &body)
}

fn answer(status: &str, header: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\n{header}content-length: {length}\r\n\r\n{body}")
}

/// Hands every connection to this, until the test ends.
pub(crate) async fn serve<F>(talk: impl Fn(TcpStream) -> F + Send + 'static) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            tokio::spawn(talk(tcp));
        }
    });
    address
}

/// Answers whatever it hears with what this makes of it, and hangs up.
pub(crate) async fn serve_bytes(answer: fn(&[u8]) -> Vec<u8>) -> SocketAddr {
    serve(move |mut tcp| async move {
        let mut heard = vec![0; 4096];
        let length = tcp.read(&mut heard).await.unwrap_or_default();
        let _ = tcp.write_all(&answer(&heard[..length])).await;
        let _ = tcp.shutdown().await;
    })
    .await
}
