//! A server that lets in whom it should not. Apart from `vinr-transport`, which has no switch for this.
//!
//! With [`AcceptsAnyPosCertificate`](super::Defect) the POS CA is checked and the names are not; with
//! [`AcceptsWithoutClientCertificate`](super::Defect) nobody is asked for a certificate at all. How it is lax about
//! revocation is [`LaxLists`]' part.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, Response};
use http_body_util::{BodyExt, Limited};
use hyper::body::{Body, Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, verify_tls13_signature};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    DigitallySignedStruct, DistinguishedName, RootCertStore, ServerConfig, SignatureScheme,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use vinr_protocol::TerminalId;
use vinr_protocol::id::RequestId;
use vinr_protocol::terminal::Revocation;
use vinr_transport::server::Aborted;

use super::{Defect, LaxLists};
use crate::provision::Pki;
use crate::terminal::{Asked, Counter, Said};

static REQUEST_ID: HeaderName = HeaderName::from_static("x-vinr-request-id");

/// The server; dropping it drops every connection.
#[derive(Debug)]
pub(crate) struct LaxServer {
    address: SocketAddr,
    off: CancellationToken,
    tasks: TaskTracker,
}

impl LaxServer {
    /// What takes such a server.
    pub(crate) const DEFECTS: &[Defect] = &[
        Defect::AcceptsWithoutClientCertificate,
        Defect::AcceptsAnyPosCertificate,
        Defect::RevokedOnlyInTheHandshake,
        Defect::TakesOlderLists,
        Defect::TakesForgedLists,
        Defect::TakesForeignLists,
        Defect::PlaintextServed,
        Defect::AcceptsAnyAuthority,
        Defect::AcceptsExpired,
        Defect::AcceptsAnyPurpose,
        Defect::SharedCertificate,
        Defect::OffersResumption,
        Defect::RequestIdUsedTwice,
        Defect::NoRequestId,
    ];

    pub(crate) async fn bind(
        address: SocketAddr,
        terminal: &TerminalId,
        pki: &Pki,
        lists: Arc<LaxLists>,
        counter: Arc<Counter>,
    ) -> io::Result<Self> {
        let tls = config(terminal, pki, lists.defect()).map_err(io::Error::other)?;
        let acceptor = TlsAcceptor::from(Arc::new(tls));
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let (off, tasks) = (CancellationToken::new(), TaskTracker::new());
        let (is_off, spawner) = (off.clone(), tasks.clone());
        let accept = async move {
            while let Some(Ok((tcp, _))) = is_off.run_until_cancelled(listener.accept()).await {
                let connection = serve(acceptor.clone(), tcp, lists.clone(), counter.clone());
                let is_off = is_off.clone();
                spawner.spawn(async move { is_off.run_until_cancelled(connection).await });
            }
        };
        tasks.spawn(accept);
        Ok(Self {
            address,
            off,
            tasks,
        })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn abort(&self) {
        self.off.cancel();
        self.tasks.close();
    }

    pub(crate) async fn closed(&self) {
        self.tasks.wait().await;
    }
}

impl Drop for LaxServer {
    fn drop(&mut self) {
        self.abort();
    }
}

fn config(
    terminal: &TerminalId,
    pki: &Pki,
    defect: Defect,
) -> Result<ServerConfig, Box<dyn std::error::Error + Send + Sync>> {
    let certificates = |path: &Path| -> Result<Vec<_>, rustls_pki_types::pem::Error> {
        CertificateDer::pem_file_iter(path)?.collect()
    };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[&rustls::version::TLS13])?;
    let takes_anybody = [
        Defect::AcceptsAnyAuthority,
        Defect::AcceptsExpired,
        Defect::AcceptsAnyPurpose,
    ];
    let builder = if defect == Defect::AcceptsWithoutClientCertificate {
        builder.with_no_client_auth()
    } else if takes_anybody.contains(&defect) {
        builder.with_client_cert_verifier(Arc::new(Anybody(provider)))
    } else {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(certificates(&pki.pos_ca())?);
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        builder.with_client_cert_verifier(verifier.build()?)
    };
    let mut config = if defect == Defect::SharedCertificate {
        let (chain, key) = pki.shared_identity(terminal)?;
        let chain = CertificateDer::pem_slice_iter(chain.as_bytes()).collect::<Result<_, _>>()?;
        builder.with_single_cert(chain, PrivateKeyDer::from_pem_slice(key.as_bytes())?)?
    } else {
        let key = PrivateKeyDer::from_pem_file(pki.terminal_key(terminal))?;
        builder.with_single_cert(certificates(&pki.terminal_cert(terminal))?, key)?
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.send_tls13_tickets = if defect == Defect::OffersResumption {
        2
    } else {
        0
    };
    Ok(config)
}

async fn serve(acceptor: TlsAcceptor, tcp: TcpStream, lists: Arc<LaxLists>, counter: Arc<Counter>) {
    if lists.defect() == Defect::PlaintextServed && !begins_with_tls(&tcp).await {
        let service = service_fn(move |request| {
            let (counter, lists) = (counter.clone(), lists.clone());
            async move {
                Ok::<_, Infallible>(
                    answer(&counter, lists.revocation(), lists.defect(), request).await,
                )
            }
        });
        let _ = http1::Builder::new()
            .serve_connection(TokioIo::new(tcp), service)
            .await;
        return;
    }
    let Ok(tls) = acceptor.accept(tcp).await else {
        return;
    };
    let chain = tls.get_ref().1.peer_certificates();
    let chain: Vec<_> = chain.unwrap_or_default().to_vec();
    let was_admitted = lists.admit(&chain);
    let service = service_fn(move |request| {
        let (counter, lists) = (counter.clone(), lists.clone());
        let is_admitted = was_admitted && (!lists.asks_again() || lists.admit(&chain));
        async move {
            Ok::<_, Infallible>(match is_admitted {
                true => answer(&counter, lists.revocation(), lists.defect(), request).await,
                false => forbidden(),
            })
        }
    });
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(tls), service)
        .await;
}

fn forbidden() -> Response<Out> {
    let mut response = Response::new(Out::Full(None));
    *response.status_mut() = http::StatusCode::FORBIDDEN;
    let close = HeaderValue::from_static("close");
    response.headers_mut().insert(CONNECTION, close);
    response
}

async fn answer(
    counter: &Counter,
    revocation: Revocation,
    defect: Defect,
    request: http::Request<Incoming>,
) -> Response<Out> {
    let (parts, body) = request.into_parts();
    let limited = Limited::new(body, vinr_protocol::request::MAX_BODY);
    let body = limited
        .collect()
        .await
        .map(|it| it.to_bytes())
        .unwrap_or_default();
    let fresh = match defect {
        Defect::RequestIdUsedTwice => "of_all".to_owned(),
        _ => ulid::Ulid::generate().to_string(),
    };
    let request_id =
        RequestId::new(&format!("req_{fresh}")).expect("a prefix and a ULID are visible ASCII");
    let asked = Asked {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().map(str::to_owned),
        headers: parts.headers,
        body,
        received: Instant::now(),
        request_id: request_id.clone(),
        revocation,
    };
    let (status, headers, body) = match counter.ask(asked).await {
        Said::Full {
            status,
            headers,
            json,
        } => (status, headers, Out::Full(Some(json))),
        Said::Held { headers, body } => (http::StatusCode::OK, headers, Out::Held(body)),
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let all: &mut HeaderMap = response.headers_mut();
    all.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Ok(id) = HeaderValue::from_str(request_id.as_str())
        && defect != Defect::NoRequestId
    {
        all.insert(REQUEST_ID.clone(), id);
    }
    all.extend(headers);
    response
}

/// A record of type 22 begins a handshake.
async fn begins_with_tls(tcp: &TcpStream) -> bool {
    let mut first = [0];
    tcp.peek(&mut first).await.is_ok() && first == [22]
}

/// Takes whoever has a key for the certificate that they show.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ClientCertVerifier for Anybody {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::General("TLS 1.2 is never spoken".into()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

enum Out {
    Full(Option<Bytes>),
    Held(oneshot::Receiver<Result<Bytes, Aborted>>),
}

impl Body for Out {
    type Data = Bytes;
    type Error = Aborted;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Aborted>>> {
        let this = self.get_mut();
        let outcome = match this {
            Out::Full(bytes) => return Poll::Ready(bytes.take().map(|it| Ok(Frame::data(it)))),
            Out::Held(outcome) => ready!(Pin::new(outcome).poll(cx)),
        };
        *this = Out::Full(None);
        Poll::Ready(Some(outcome.unwrap_or(Err(Aborted)).map(Frame::data)))
    }
}
