//! The terminal's look at a till, in two parts.
//!
//! The handshake checks path, time and purpose and refuses with a TLS alert ([`PosVerifier`]). What is
//! left, profile, revocation and names, refuses with 403 to the first request: an error object can say why,
//! and what to do, where an alert is one byte. The whole judgement is made again at **every** request, so
//! that an open connection is cut off too ([`Authorization`]). \[TLS-5, TLS-6, TLS-12\]

use std::sync::{Arc, OnceLock};

use rustls::client::danger::HandshakeSignatureValid;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};
use rustls_pki_types::{CertificateDer, UnixTime};
use tokio::sync::watch;
use vinr_protocol::error_body::{Code, Refusal};

use crate::check::{Check, Side};
use crate::live::{Handshake, Live};
use crate::revocation::Revocation;
use crate::trust::TrustBundle;
use crate::verdict::Shown;
use crate::verify;

/// Path, time and purpose of a till's certificate, in the handshake. Made for one connection.
#[derive(Debug)]
pub(crate) struct PosVerifier {
    trust: TrustBundle,
    /// For what is the same for every certificate: signatures and the names of the CAs.
    stock: Arc<dyn ClientCertVerifier>,
    /// By which date the till was let through.
    let_through: OnceLock<UnixTime>,
}

impl PosVerifier {
    /// With the stock verifier of the same bundle.
    pub(crate) fn new(trust: TrustBundle, stock: Arc<dyn ClientCertVerifier>) -> Self {
        Self {
            trust,
            stock,
            let_through: OnceLock::new(),
        }
    }

    /// By which date the till was let through, if it was.
    pub(crate) fn let_through(&self) -> Option<UnixTime> {
        self.let_through.get().copied()
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
        verify::path(&self.trust, Side::Pos, end_entity, intermediates, now)?;
        // The first date counts, should it ever be asked twice.
        self.let_through.get_or_init(|| now);
        Ok(ClientCertVerified::assertion())
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

/// What one connection's till showed; judged at every request.
#[derive(Debug)]
pub(crate) struct Authorization {
    live: Arc<Live>,
    till: Shown<Revocation>,
}

impl Authorization {
    /// Keeps the chain that the handshake let through, and judges the rest of it.
    pub(crate) fn of(
        chain: Option<&[CertificateDer<'_>]>,
        live: Arc<Live>,
        handshake: &Handshake,
    ) -> Self {
        let chain = chain.unwrap_or_default().iter();
        let chain: Vec<_> = chain.map(|it| it.clone().into_owned()).collect();
        let first = match handshake.judge_the_rest(&chain) {
            Some(first) => first,
            None => live.judge(&chain, live.now()),
        };
        let till = Shown::new(chain, first);
        Self { live, till }
    }

    /// Hears of everything that is exchanged from now on: the next check may say something else.
    pub(crate) fn exchanges(&self) -> watch::Receiver<u64> {
        self.live.exchanges()
    }

    /// May this connection's till drive the terminal, now, and how do the lists stand that say so?
    pub(crate) fn check(&self) -> Result<Revocation, Check> {
        let (live, now) = (&self.live, self.live.now());
        self.till
            .check(live.generation(), now, |chain| live.judge(chain, now))
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
