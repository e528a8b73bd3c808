//! TLS 1.3 that refuses nothing and remembers everything.

use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{
    ResolvesClientCert, Resumption, WebPkiServerVerifier, verify_server_cert_signed_by_trust_anchor,
};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls13_signature};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use super::certificate;
use super::identity::{Identity, IdentityError};
use crate::journal::Certificate;

/// What the terminal's certificate should lead to, and whom it should name.
#[derive(Clone)]
pub(super) struct Trust {
    pub(super) name: ServerName<'static>,
    verifier: Arc<WebPkiServerVerifier>,
    roots: Arc<RootCertStore>,
    /// The certificate has to carry the name.
    checks_name: bool,
    provider: Arc<CryptoProvider>,
}

impl Trust {
    pub(super) fn new(terminal: &str, ca_pem: &[u8]) -> Result<Self, IdentityError> {
        let not_usable = |why: String| IdentityError::NotUsable {
            what: "the terminal CA bundle".into(),
            why,
        };
        let mut roots = RootCertStore::empty();
        for root in CertificateDer::pem_slice_iter(ca_pem) {
            let root = root.map_err(|source| IdentityError::NotPem {
                what: "the terminal CA bundle".into(),
                source,
            })?;
            roots
                .add(root)
                .map_err(|error| not_usable(error.to_string()))?;
        }
        let provider = Arc::new(aws_lc_rs::default_provider());
        let roots = Arc::new(roots);
        let verifier = WebPkiServerVerifier::builder_with_provider(roots.clone(), provider.clone())
            .build()
            .map_err(|error| not_usable(error.to_string()))?;
        let name =
            ServerName::try_from(terminal.to_owned()).map_err(|_| IdentityError::NotUsable {
                what: "the terminal id".into(),
                why: "no certificate can carry it".into(),
            })?;
        Ok(Self {
            name,
            verifier,
            roots,
            checks_name: true,
            provider,
        })
    }

    /// Which name the id stands in is a rule of `vinr-local/1`: it fails no vendor's certificate. \[TLS-2\]
    pub(super) fn for_any_name(self) -> Self {
        Self {
            checks_name: false,
            ..self
        }
    }

    /// What is wrong with a chain.
    fn verify(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<(), rustls::Error> {
        if self.checks_name {
            let checked = self
                .verifier
                .verify_server_cert(leaf, intermediates, name, ocsp, now);
            return checked.map(drop);
        }
        verify_server_cert_signed_by_trust_anchor(
            &ParsedCertificate::try_from(leaf)?,
            &self.roots,
            intermediates,
            now,
            self.provider.signature_verification_algorithms.all,
        )
    }

    /// A configuration for one connection, and what it will have seen after the handshake.
    pub(super) fn config(
        &self,
        identity: Option<&Identity>,
    ) -> Result<(ClientConfig, Arc<Seen>), IdentityError> {
        let not_usable = |error: rustls::Error| IdentityError::NotUsable {
            what: "the identity".into(),
            why: error.to_string(),
        };
        let seen = Arc::new(Seen::default());
        let own = identity
            .map(|identity| {
                CertifiedKey::from_der(identity.chain(), identity.key(), &self.provider)
                    .map(Arc::new)
            })
            .transpose()
            .map_err(not_usable)?;
        let mut config = ClientConfig::builder_with_provider(self.provider.clone())
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(not_usable)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Witness {
                trust: self.clone(),
                seen: seen.clone(),
            }))
            .with_client_cert_resolver(Arc::new(Offer {
                own,
                seen: seen.clone(),
            }));
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        // A resumed session would hide the certificate from the judge. [TLS-13]
        config.resumption = Resumption::disabled();
        Ok((config, seen))
    }
}

/// What a handshake showed.
#[derive(Debug, Default)]
pub(super) struct Seen {
    facts: Mutex<Facts>,
}

/// See [`Seen`].
#[derive(Debug, Default, Clone)]
pub(super) struct Facts {
    pub(super) asked: bool,
    pub(super) certificate: Option<Certificate>,
    pub(super) chain_error: Option<String>,
}

impl Seen {
    pub(super) fn facts(&self) -> Facts {
        self.facts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn note(&self, note: impl FnOnce(&mut Facts)) {
        note(&mut self.facts.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Looks at the terminal's certificate, says what is wrong with it, and lets it pass.
#[derive(Debug)]
struct Witness {
    trust: Trust,
    seen: Arc<Seen>,
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let checked = self
            .trust
            .verify(end_entity, intermediates, server_name, ocsp_response, now);
        self.seen.note(|facts| {
            facts.certificate = Some(certificate::facts(end_entity));
            facts.chain_error = checked.err().map(|error| error.to_string());
        });
        Ok(ServerCertVerified::assertion())
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
        // The one thing that is not let pass: without it the certificate proves nothing at all.
        verify_tls13_signature(
            message,
            certificate,
            signed,
            &self.trust.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.trust.verifier.supported_verify_schemes()
    }
}

impl std::fmt::Debug for Trust {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Trust({:?})", self.name)
    }
}

/// Notes that a client certificate was asked for, and offers ours whatever authorities are hinted at.
#[derive(Debug)]
struct Offer {
    own: Option<Arc<CertifiedKey>>,
    seen: Arc<Seen>,
}

impl ResolvesClientCert for Offer {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.seen.note(|facts| facts.asked = true);
        self.own.clone()
    }

    fn has_certs(&self) -> bool {
        // True even with none to offer, so that rustls asks us and the question is seen.
        true
    }
}
