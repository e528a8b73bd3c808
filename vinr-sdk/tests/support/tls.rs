//! Both ends of a connection, for whoever stands in its middle with everybody's keys.

use std::path::Path;
use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use vinr_simulator::Pki;

use super::id;

/// Who answers as this terminal does.
pub(crate) fn as_terminal(name: &str, pki: &Pki) -> ServerConfig {
    let key = PrivateKeyDer::from_pem_file(pki.terminal_key(&id(name))).unwrap();
    server(chain(&pki.terminal_cert(&id(name))), key)
}

/// Who asks a terminal as this till does.
pub(crate) fn as_till(pki: &Pki) -> ClientConfig {
    let key = PrivateKeyDer::from_pem_file(pki.pos_key()).unwrap();
    let mut config = client(&pki.terminal_ca())
        .with_client_auth_cert(chain(&pki.pos_cert()), key)
        .unwrap();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config
}

/// TLS 1.3, with this certificate.
pub(crate) fn server(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> ServerConfig {
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config
}

/// TLS 1.3, for whoever this authority signed.
pub(crate) fn client(
    authority: &Path,
) -> rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(chain(authority));
    ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots)
}

fn chain(path: &Path) -> Vec<CertificateDer<'static>> {
    let certificates = CertificateDer::pem_file_iter(path).unwrap();
    certificates.collect::<Result<_, _>>().unwrap()
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}
