//! TLS 1.3 and nothing else, on one crypto provider. \[TLS-13\]

use std::sync::Arc;

use rustls::client::Resumption;
use rustls::server::NoServerSessionStorage;
use rustls::sign::SingleCertAndKey;
use rustls::version::TLS13;
use rustls::{ClientConfig, ServerConfig};

use crate::authorize::PosVerifier;
use crate::clock::Clock;
use crate::identity::Identity;
use crate::pin::TerminalVerifier;

const ALPN: &[u8] = b"http/1.1";

/// The one provider; its algorithms verify every signature of both sides.
pub(crate) fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    use std::sync::LazyLock;
    static PROVIDER: LazyLock<Arc<rustls::crypto::CryptoProvider>> =
        LazyLock::new(|| Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
    PROVIDER.clone()
}

/// The terminal's side: demands a certificate, remembers nobody. \[TLS-1\]
pub(crate) fn server_config(
    identity: &Identity,
    verifier: Arc<PosVerifier>,
    clock: &Clock,
) -> Arc<ServerConfig> {
    let mut config = ServerConfig::builder_with_details(provider(), Arc::new(clock.clone()))
        .with_protocol_versions(&[&TLS13])
        .expect("the provider has cipher suites for TLS 1.3")
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(identity.certified_key())));
    config.alpn_protocols = vec![ALPN.to_vec()];
    // With resumption nobody would look at a certificate again. [TLS-13]
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.max_early_data_size = 0;
    Arc::new(config)
}

/// The till's side: pins the terminal, shows its own certificate on every connection. \[TLS-1, TLS-4\]
pub(crate) fn client_config(
    identity: &Identity,
    verifier: Arc<TerminalVerifier>,
    clock: &Clock,
) -> Arc<ClientConfig> {
    let mut config = ClientConfig::builder_with_details(provider(), Arc::new(clock.clone()))
        .with_protocol_versions(&[&TLS13])
        .expect("the provider has cipher suites for TLS 1.3")
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_client_cert_resolver(Arc::new(SingleCertAndKey::from(identity.certified_key())));
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.resumption = Resumption::disabled();
    config.enable_early_data = false;
    // The name is for the verifier; a terminal ignores SNI and the LAN need not read it.
    config.enable_sni = false;
    Arc::new(config)
}
