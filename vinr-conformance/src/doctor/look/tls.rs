//! What answers a TLS 1.3 hello: the handshake is broken off before anything of the till's is said.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls13_signature};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use vinr_protocol::{TerminalId, Timestamp};
use vinr_transport::{Check, Side, TrustBundle, verify};

use super::wire::{Overheard, say};
use super::{alert, files};
use crate::doctor::seen::Spoken;
use crate::probe::{facts, old_client_hello};

/// A question that any web server answers, without a word about the till.
const PLAIN_QUESTION: &[u8] = b"GET / HTTP/1.1\r\nHost: terminal\r\nConnection: close\r\n\r\n";

/// The alert of a server that knows none of the offered protocols.
const NO_APPLICATION_PROTOCOL: u8 = 120;

/// How many certificates of a chain are read.
const CHAIN_MAX: usize = 16;

pub(super) async fn look(
    address: SocketAddr,
    tcp: TcpStream,
    files: &files::Read,
    within: Duration,
) -> Spoken {
    let onlooker = Arc::new(Onlooker::default());
    let config = config(onlooker.clone()).with_no_client_auth();
    let (stream, first) = Overheard::new(tcp);
    let shaken = shake_hands(config, address, stream, within).await;
    if let Some(chain) = onlooker.chain() {
        return shown(&chain, files);
    }
    match shaken {
        Ok(_) => Spoken::Odd("it showed no certificate".into()),
        Err(Failed::Silent) if first.bytes().is_empty() => {
            let said = say(address, PLAIN_QUESTION, within).await;
            plain(&said).unwrap_or(Spoken::Silent(within))
        }
        Err(Failed::Silent) => Spoken::Silent(within),
        Err(Failed::Io(error)) => stranger(address, &error, &first.bytes(), within).await,
    }
}

/// Why a handshake ended.
pub(super) enum Failed {
    Silent,
    Io(io::Error),
}

pub(super) async fn shake_hands<S>(
    mut config: ClientConfig,
    address: SocketAddr,
    stream: S,
    within: Duration,
) -> Result<tokio_rustls::client::TlsStream<S>, Failed>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.resumption = Resumption::disabled();
    // As the SDK does: the name is for the verifier.
    config.enable_sni = false;
    let name = ServerName::IpAddress(address.ip().into());
    let shaking = TlsConnector::from(Arc::new(config)).connect(name, stream);
    match timeout(within, shaking).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => Err(Failed::Io(error)),
        Err(_) => Err(Failed::Silent),
    }
}

pub(super) fn config<J: Judge + 'static>(
    judge: Arc<J>,
) -> rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert> {
    ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("the provider has cipher suites for TLS 1.3")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Verifier(judge)))
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

fn shown(chain: &[CertificateDer<'static>], files: &files::Read) -> Spoken {
    let bundle = files.bundle.as_ref().ok();
    Spoken::Shown {
        verdict: bundle.map(|bundle| judge(bundle, chain)),
        chain: chain.iter().take(CHAIN_MAX).map(|der| facts(der)).collect(),
    }
}

/// Which terminal this is, by the very rules of the SDK.
fn judge(bundle: &TrustBundle, chain: &[CertificateDer<'_>]) -> Result<TerminalId, Check> {
    let now = Timestamp::from(jiff::Timestamp::now());
    let leaf = verify(bundle, Side::Terminal, chain, now)?;
    let [id] = <[TerminalId; 1]>::try_from(leaf.terminals).map_err(|_| Check::Names)?;
    Ok(id)
}

/// What somebody is who showed no certificate.
async fn stranger(
    address: SocketAddr,
    error: &io::Error,
    first: &[u8],
    within: Duration,
) -> Spoken {
    if let Some(plain) = plain(first) {
        return plain;
    }
    let alert = alert::received(error);
    if let Some((NO_APPLICATION_PROTOCOL, _)) = alert {
        return Spoken::OtherAlpn;
    }
    let hello = old_client_hello();
    let is_old = is_server_hello(first) || is_server_hello(&say(address, &hello, within).await);
    match (alert, is_old, first.is_empty()) {
        (_, true, _) => Spoken::OldTls,
        (Some((number, name)), false, _) => Spoken::Alert(number, name),
        (None, false, true) => {
            let said = say(address, PLAIN_QUESTION, within).await;
            plain(&said).unwrap_or(Spoken::Closed)
        }
        (None, false, false) => Spoken::Odd(error.to_string()),
    }
}

/// What these bytes are, where they are not TLS.
fn plain(first: &[u8]) -> Option<Spoken> {
    let is_tls = matches!(first, [0x14..=0x17, 0x03, ..]) || matches!(first, [0x14..=0x17]);
    if first.is_empty() || is_tls {
        return None;
    }
    let text = String::from_utf8_lossy(first);
    let line = text.lines().next().unwrap_or_default().to_owned();
    Some(if first.starts_with(b"HTTP/") {
        Spoken::Http(line)
    } else {
        Spoken::Plain(line)
    })
}

/// A handshake record that begins with a ServerHello.
fn is_server_hello(bytes: &[u8]) -> bool {
    matches!(bytes, [0x16, 0x03, _, _, _, 0x02, ..])
}

/// Keeps the chain and lets no handshake pass.
#[derive(Default)]
struct Onlooker(Mutex<Option<Chain>>);

impl Onlooker {
    fn chain(&self) -> Option<Chain> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Judge for Onlooker {
    fn judge(&self, chain: Chain) -> Result<(), rustls::Error> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(chain);
        Err(rustls::Error::General("only looked at".into()))
    }
}

/// Lets nobody pass but the terminal that was seen before, judged again. \[TLS-8\]
pub(super) struct Strict {
    pub(super) bundle: TrustBundle,
    pub(super) terminal: TerminalId,
}

impl Judge for Strict {
    fn judge(&self, chain: Chain) -> Result<(), rustls::Error> {
        match judge(&self.bundle, &chain) {
            Ok(id) if id == self.terminal => Ok(()),
            _ => Err(rustls::CertificateError::ApplicationVerificationFailure.into()),
        }
    }
}

/// Leaf first.
type Chain = Vec<CertificateDer<'static>>;

/// Says whether the handshake goes on after this chain.
pub(super) trait Judge: Send + Sync {
    fn judge(&self, chain: Chain) -> Result<(), rustls::Error>;
}

/// All else that rustls asks of a verifier.
struct Verifier<J>(Arc<J>);

impl<J> std::fmt::Debug for Verifier<J> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Verifier")
    }
}

impl<J: Judge> ServerCertVerifier for Verifier<J> {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let chain = std::iter::once(end_entity).chain(intermediates);
        let chain = chain.map(|it| it.clone().into_owned()).collect();
        self.0
            .judge(chain)
            .map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::General("TLS 1.2 is never offered".into()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let provider = provider();
        let algorithms = &provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_as_a_tls_record_is_not_plain() {
        assert_eq!(plain(b""), None);
        assert_eq!(plain(&[0x15, 0x03, 0x03, 0, 2, 2, 70]), None);
        assert_eq!(plain(&[0x16]), None);
        assert_eq!(
            plain(b"SSH-2.0-x\r\n"),
            Some(Spoken::Plain("SSH-2.0-x".into()))
        );
        let http = plain(b"HTTP/1.1 400 Bad Request\r\nServer: x");
        assert_eq!(http, Some(Spoken::Http("HTTP/1.1 400 Bad Request".into())));
    }

    #[test]
    fn a_server_hello_is_told_from_an_alert() {
        assert!(is_server_hello(&[0x16, 0x03, 0x03, 0, 80, 0x02, 0]));
        assert!(!is_server_hello(&[0x15, 0x03, 0x03, 0, 2, 2, 70]));
        assert!(!is_server_hello(&[0x16, 0x03, 0x03]));
    }
}
