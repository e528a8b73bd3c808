//! A terminal judges whoever connects.
//!
//! The peer is stock rustls that shows whatever it is told and does not look at the terminal. It keeps
//! what a server gives it to remember, and would resume if it could. \[TLS-5, TLS-6, TLS-13\]

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use http::StatusCode;
use rustls::client::ResolvesClientCert;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use vinr_transport::{Handler, Reply, Request, Revocation};

use crate::paper::{SOON, Shown};
use crate::till_side::provider;
use crate::verdict::Outcome;

/// Counts the requests that reach it, and remembers how the revocation lists stood at the last one.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicUsize, Mutex<Option<Revocation>>);

impl Counter {
    pub(crate) fn calls(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    /// A refused till's request never reaches the handler, and a lawful one's does.
    fn judged(&self, outcome: Outcome, before: usize) -> Outcome {
        match (&outcome, self.calls() - before) {
            (Outcome::Accepted(_), 1) => Outcome::Accepted(*self.1.lock().unwrap()),
            (Outcome::Alert(_) | Outcome::Forbidden { .. } | Outcome::Closed, 0) => outcome,
            (Outcome::Wrong(_), _) => outcome,
            (_, calls) => Outcome::Wrong(format!(
                "{outcome:?}, and the handler was called {calls} times"
            )),
        }
    }
}

impl Handler for Counter {
    async fn handle(&self, request: Request) -> Reply {
        *self.1.lock().unwrap() = Some(request.revocation);
        self.0.fetch_add(1, Ordering::SeqCst);
        Reply::full(StatusCode::OK, "{}")
    }
}

/// A till that is none, or is one.
pub(crate) struct Till {
    config: Arc<ClientConfig>,
    shows: Arc<Mutex<Option<Arc<CertifiedKey>>>>,
}

impl Till {
    pub(crate) fn new() -> Self {
        let shows = Arc::new(Mutex::new(None));
        let mut config = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyTerminal))
            .with_client_cert_resolver(Arc::new(Shows(shows.clone())));
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config.enable_early_data = true;
        Self {
            config: Arc::new(config),
            shows,
        }
    }

    /// What it shows on its next connections.
    pub(crate) fn show(&self, shown: &Shown) {
        *self.shows.lock().unwrap() = shown.certified();
    }

    /// One try: connect, ask, and hang up.
    pub(crate) async fn meet(&self, addr: SocketAddr, handler: &Counter) -> Outcome {
        let before = handler.calls();
        let trying = async {
            match self.open(addr).await {
                Ok(mut open) => open.say("close").await,
                Err(error) => outcome(Err(error)),
            }
        };
        let outcome = tokio::time::timeout(SOON, trying).await;
        let outcome = outcome.unwrap_or_else(|_| Outcome::Wrong("no verdict in time".into()));
        handler.judged(outcome, before)
    }

    /// Connects; a terminal's refusal comes with the first answer.
    pub(crate) async fn open(&self, addr: SocketAddr) -> std::io::Result<Open> {
        let tcp = TcpStream::connect(addr).await.unwrap();
        let name = ServerName::try_from("terminal").unwrap();
        let connector = TlsConnector::from(self.config.clone());
        Ok(Open(connector.connect(name, tcp).await?))
    }
}

/// A connection of a till.
pub(crate) struct Open(TlsStream<TcpStream>);

impl Open {
    /// Asks, and stays.
    pub(crate) async fn ask(&mut self, handler: &Counter) -> Outcome {
        let before = handler.calls();
        let outcome = tokio::time::timeout(SOON, self.say("keep-alive")).await;
        let outcome = outcome.unwrap_or_else(|_| Outcome::Wrong("no verdict in time".into()));
        handler.judged(outcome, before)
    }

    /// Asks; with `close` the terminal closes after its answer, with `keep-alive` only if it refuses.
    async fn say(&mut self, connection: &str) -> Outcome {
        let request =
            format!("GET /v1/reader HTTP/1.1\r\nhost: t\r\nconnection: {connection}\r\n\r\n");
        // The terminal may have refused already, and its reason is still to be read.
        let _ = self.0.write_all(request.as_bytes()).await;
        let _ = self.0.flush().await;
        outcome(self.answer().await)
    }

    /// To the end of the connection, or of an answer that does not end it.
    async fn answer(&mut self) -> std::io::Result<String> {
        let mut answer = String::new();
        while !(answer.starts_with("HTTP/1.1 200") && answer.ends_with("\r\n\r\n{}")) {
            match self.0.read_u8().await {
                Ok(byte) => answer.push(char::from(byte)),
                Err(error)
                    if error.kind() == std::io::ErrorKind::UnexpectedEof && !answer.is_empty() =>
                {
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(answer)
    }
}

fn outcome(answer: std::io::Result<String>) -> Outcome {
    match answer {
        Ok(answer) if answer.starts_with("HTTP/1.1 200 ") => Outcome::Accepted(None),
        Ok(answer) if answer.starts_with("HTTP/1.1 403 ") => {
            let (_, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
            let body: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
            let text = |name| body["error"][name].as_str().unwrap_or_default().to_owned();
            Outcome::Forbidden {
                code: text("code"),
                reason: text("message"),
            }
        }
        Ok(answer) => Outcome::Wrong(format!("answered {answer:?}")),
        Err(error) => {
            let tls = error.get_ref().and_then(|it| it.downcast_ref::<Error>());
            match tls {
                Some(Error::AlertReceived(alert)) => Outcome::Alert(format!("{alert:?}")),
                None => Outcome::Closed,
                _ => Outcome::Wrong(format!("neither an alert nor a 403: {error}")),
            }
        }
    }
}

#[derive(Debug)]
struct Shows(Arc<Mutex<Option<Arc<CertifiedKey>>>>);

impl ResolvesClientCert for Shows {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.0.lock().unwrap().clone()
    }

    fn has_certs(&self) -> bool {
        true
    }
}

#[derive(Debug)]
struct AnyTerminal;

impl ServerCertVerifier for AnyTerminal {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
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
