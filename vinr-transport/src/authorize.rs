//! The terminal's look at a till, in two parts.
//!
//! The handshake checks path, time and purpose and refuses with a TLS alert ([`PosVerifier`]). What is
//! left, profile and names, refuses with 403 to the first request, and is asked again, with the time, at
//! **every** request, so that an open connection is cut off too ([`Authorization`]). Revocation belongs
//! beside it (TLS-12): a list that the connection's certificate is looked up in, at the same place. \[TLS-5, TLS-6\]

use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};
use rustls_pki_types::{CertificateDer, UnixTime};
use vinr_protocol::TerminalId;
use vinr_protocol::error_body::{Code, Refusal};

use crate::check::{Check, Side};
use crate::profile::Leaf;
use crate::trust::TrustBundle;
use crate::verify;

/// Path, time and purpose of a till's certificate, in the handshake.
#[derive(Debug)]
pub(crate) struct PosVerifier {
    trust: TrustBundle,
    /// For what is the same for every certificate: signatures and the names of the CAs.
    stock: Arc<dyn ClientCertVerifier>,
}

impl PosVerifier {
    pub(crate) fn new(trust: TrustBundle) -> Self {
        let stock = verify::client_verifier(trust.all());
        Self { trust, stock }
    }
}

impl ClientCertVerifier for PosVerifier {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.stock.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        verify::path(&self.trust, Side::Pos, end_entity, intermediates, now)
            .map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.stock
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.stock
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.stock.supported_verify_schemes()
    }
}

/// What one connection's certificate allows; read once, judged at every request.
#[derive(Debug)]
pub(crate) struct Authorization {
    leaf: Result<Leaf, Check>,
}

impl Authorization {
    /// Reads the certificate that the handshake let through.
    pub(crate) fn of(chain: Option<&[CertificateDer<'_>]>) -> Self {
        let leaf = match chain.and_then(<[_]>::first) {
            Some(certificate) => Leaf::read(certificate, Side::Pos),
            None => Err(Check::NoCertificate),
        };
        Self { leaf }
    }

    /// May this connection's peer drive the terminal, now?
    pub(crate) fn check(&self, terminal: &TerminalId, now: UnixTime) -> Result<(), Check> {
        let leaf = self.leaf.as_ref().map_err(Clone::clone)?;
        leaf.in_time(now)?;
        if leaf.terminals.contains(terminal) {
            Ok(())
        } else {
            Err(Check::NotForTerminal)
        }
    }
}

/// The 403 that says which check failed.
pub(crate) fn refusal(check: &Check) -> Refusal {
    let code = match check {
        Check::NotForTerminal => Code::CertificateNotForTerminal,
        Check::Revoked => Code::CertificateRevoked,
        _ => Code::CertificateNotAcceptable,
    };
    Refusal::new(code, format!("the till's certificate is refused: {check}"))
}
