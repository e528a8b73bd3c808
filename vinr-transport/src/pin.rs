//! The till's look at a terminal: the terminal CA's signature, the strict profile, and the one name that
//! was meant, before a byte of payment data is sent; where the till asks for lists, that it was not revoked.
//! \[TLS-3, TLS-8, TLS-9, TLS-10, TLS-12\]

use std::sync::{Mutex, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{verify_tls12_signature, verify_tls13_signature};
use rustls::{DigitallySignedStruct, Error, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use vinr_protocol::TerminalId;

use crate::check::{Check, Side};
use crate::profile::Leaf;
use crate::revocation::{Lists, Revocation};
use crate::tls::provider;
use crate::trust::TrustBundle;
use crate::verify;

/// Which terminal a connection must lead to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Expected {
    /// This one.
    Terminal(TerminalId),
    /// Any of this PKI: a static host, whose id the certificate tells.
    Any,
}

/// Holds a terminal's certificate against one expectation. Made for one connection.
#[derive(Debug)]
pub(crate) struct TerminalVerifier {
    trust: TrustBundle,
    lists: Option<Lists>,
    expected: Expected,
    /// An onlooker lets no handshake pass.
    onlooker: bool,
    seen: Mutex<Option<Seen>>,
}

/// What a terminal showed in the handshake, and what came of it.
#[derive(Debug)]
pub(crate) struct Seen {
    /// Leaf first.
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) verdict: Result<TerminalId, Check>,
    /// The date by which it was judged.
    pub(crate) at: UnixTime,
}

impl TerminalVerifier {
    pub(crate) fn new(trust: TrustBundle, lists: Option<Lists>, expected: Expected) -> Self {
        Self {
            trust,
            lists,
            expected,
            onlooker: false,
            seen: Mutex::new(None),
        }
    }

    /// One that only looks: the handshake ends before anything of ours is said.
    pub(crate) fn onlooker(trust: TrustBundle, lists: Option<Lists>) -> Self {
        Self {
            onlooker: true,
            ..Self::new(trust, lists, Expected::Any)
        }
    }

    /// What was seen in the handshake; none where it did not come so far.
    pub(crate) fn seen(&self) -> Option<Seen> {
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    /// The whole judgement, and which terminal it is.
    pub(crate) fn judge(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<TerminalId, Error> {
        verify::path(&self.trust, Side::Terminal, certificate, intermediates, now)?;
        let leaf = Leaf::read(certificate, Side::Terminal)?;
        leaf.in_time(now)?;
        self.not_revoked(certificate, intermediates, now)?;
        let id = only_name(leaf)?;
        match &self.expected {
            // Byte for byte: a stock library's match would ignore case.
            Expected::Terminal(expected) if *expected != id => {
                Err(Check::OtherTerminal { presented: id }.into())
            }
            _ => Ok(id),
        }
    }
}

impl TerminalVerifier {
    fn not_revoked(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), Check> {
        let Some(lists) = &self.lists else {
            return Ok(());
        };
        let chain = std::iter::once(certificate).chain(intermediates);
        match lists.look_up(&self.trust, chain, now)? {
            Revocation::InForce => Ok(()),
            Revocation::Missing => Err(Check::ListMissing),
            Revocation::Stale => Err(Check::ListStale),
        }
    }
}

fn only_name(leaf: Leaf) -> Result<TerminalId, Check> {
    let [id] = <[TerminalId; 1]>::try_from(leaf.terminals).map_err(|_| Check::Names)?;
    Ok(id)
}

impl ServerCertVerifier for TerminalVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verdict = self.judge(end_entity, intermediates, now);
        let chain = std::iter::once(end_entity).chain(intermediates);
        let seen = Seen {
            chain: chain.map(|it| it.clone().into_owned()).collect(),
            verdict: verdict.clone().map_err(|error| Check::of(&error)),
            at: now,
        };
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(seen);
        if self.onlooker {
            return Err(Error::General("only looked at".into()));
        }
        verdict.map(|_| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let provider = provider();
        let algorithms = &provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let provider = provider();
        let algorithms = &provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}
