//! The TLS of the cloud: an API that anybody with the CA can reach, and a link that wants a certificate.

use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::CryptoProvider;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::version::TLS13;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::join::Join;
use super::link::ALPN;
use crate::provision::{Pki, ProvisionError};

/// For a connection and its handshake.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// The two servers behind one port; the client says by ALPN which it wants.
#[derive(Debug, Clone)]
pub(super) struct Servers {
    pub(super) api: Arc<ServerConfig>,
    pub(super) link: Arc<ServerConfig>,
}

impl Servers {
    /// A fresh certificate for these names, for both.
    pub(super) fn new(pki: &Pki, names: &[String], addresses: &[IpAddr]) -> Result<Self, TlsError> {
        let (certificate, key) = pki.cloud_server(names, addresses)?;
        let chain: Vec<CertificateDer<'static>> =
            CertificateDer::pem_slice_iter(certificate.as_bytes())
                .collect::<Result<_, _>>()
                .map_err(|_| TlsError::OwnCertificate)?;
        let key =
            || PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|_| TlsError::OwnCertificate);
        let builder = || {
            ServerConfig::builder_with_provider(provider())
                .with_protocol_versions(&[&TLS13])
                .expect("the provider has cipher suites for TLS 1.3")
        };
        let links = WebPkiClientVerifier::builder_with_provider(
            Arc::new(roots(&[&pki.link_ca()])?),
            provider(),
        );
        let links = links.build().map_err(|_| TlsError::OwnCertificate)?;
        let mut api = builder()
            .with_no_client_auth()
            .with_single_cert(chain.clone(), key()?)
            .map_err(|_| TlsError::OwnCertificate)?;
        api.alpn_protocols = vec![b"http/1.1".to_vec()];
        let mut link = builder()
            .with_client_cert_verifier(links)
            .with_single_cert(chain, key()?)
            .map_err(|_| TlsError::OwnCertificate)?;
        link.alpn_protocols = vec![ALPN.to_vec()];
        for config in [&mut api, &mut link] {
            config.session_storage = Arc::new(NoServerSessionStorage {});
            config.send_tls13_tickets = 0;
        }
        Ok(Self {
            api: Arc::new(api),
            link: Arc::new(link),
        })
    }
}

/// The cloud's certificates cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file is missing or cannot be made.
    #[error(transparent)]
    Provision(#[from] ProvisionError),
    /// A CA file holds no certificate.
    #[error("{0} is no CA bundle (expected PEM)")]
    NotACa(String),
    /// What was made a moment ago cannot be read.
    #[error("the cloud's own certificate cannot be used")]
    OwnCertificate,
}

/// Opens the link of a terminal, under its own identity; whoever answers must have a certificate of the cloud's CA.
pub(super) async fn open_link(join: &Join) -> io::Result<TlsStream<TcpStream>> {
    let identity = &join.identity;
    let unusable = |path: &Path| io::Error::other(format!("{} cannot be used", path.display()));
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(&identity.certificate)
        .and_then(Iterator::collect)
        .map_err(|_| unusable(&identity.certificate))?;
    let key = PrivateKeyDer::from_pem_file(&identity.key).map_err(|_| unusable(&identity.key))?;
    let roots = roots(&[&identity.cloud_ca]).map_err(io::Error::other)?;
    let mut config = client(roots)
        .with_client_auth_cert(chain, key)
        .map_err(io::Error::other)?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.resumption = rustls::client::Resumption::disabled();
    let connect = async {
        let tcp = TcpStream::connect((join.at.host.as_str(), join.at.port)).await?;
        tcp.set_nodelay(true)?;
        let connector = TlsConnector::from(Arc::new(config));
        connector.connect(join.at.name.clone(), tcp).await
    };
    timeout(CONNECT_WITHIN, connect)
        .await
        .map_err(|_| io::ErrorKind::TimedOut)?
}

/// A client that trusts these and nothing else.
pub(super) fn client(
    roots: RootCertStore,
) -> rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert> {
    ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])
        .expect("the provider has cipher suites for TLS 1.3")
        .with_root_certificates(roots)
}

/// The certificates of CA files.
pub(super) fn roots(files: &[&Path]) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for file in files {
        let not = || TlsError::NotACa(file.display().to_string());
        let certificates: Vec<_> = CertificateDer::pem_file_iter(file)
            .and_then(Iterator::collect)
            .map_err(|_| not())?;
        let (taken, ignored) = roots.add_parsable_certificates(certificates);
        if taken == 0 || ignored > 0 {
            return Err(not());
        }
    }
    Ok(roots)
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}
