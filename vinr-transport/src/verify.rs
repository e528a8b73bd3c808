//! The whole judgement of a peer's certificate, without a connection.
//!
//! Path validation is rustls' own (webpki), against the CA bundle and nothing else; the strict profile
//! comes after it, since webpki is made for the web and is lenient where a private PKI need not be.

use std::sync::Arc;

use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::{Error, RootCertStore};
use rustls_pki_types::{CertificateDer, UnixTime};
use vinr_protocol::Timestamp;

use crate::check::{Check, Side};
use crate::clock::unix_time;
use crate::depth;
use crate::issuer;
use crate::profile::Leaf;
use crate::tls::provider;
use crate::trust::TrustBundle;

/// Judges a chain, leaf first, as a handshake with this CA bundle would at this date; the error names the
/// check that failed. Names are read last. \[TLS-14\]
pub fn verify(
    bundle: &TrustBundle,
    side: Side,
    chain: &[CertificateDer<'_>],
    now: Timestamp,
) -> Result<Leaf, Check> {
    judge(bundle, side, chain, unix_time(now))
}

/// As [`verify()`].
pub(crate) fn judge(
    bundle: &TrustBundle,
    side: Side,
    chain: &[CertificateDer<'_>],
    now: UnixTime,
) -> Result<Leaf, Check> {
    whole_path(bundle, side, chain, now)?;
    leaf(side, chain, now)
}

/// The first part: a chain, leaf first, leads to the bundle.
pub(crate) fn whole_path(
    bundle: &TrustBundle,
    side: Side,
    chain: &[CertificateDer<'_>],
    now: UnixTime,
) -> Result<(), Check> {
    let (leaf, issuers) = chain.split_first().ok_or(Check::NoCertificate)?;
    path(bundle, side, leaf, issuers, now).map_err(|error| Check::of(&error))
}

/// The second part: the leaf of such a chain fits the profile.
pub(crate) fn leaf(side: Side, chain: &[CertificateDer<'_>], now: UnixTime) -> Result<Leaf, Check> {
    let leaf = Leaf::read(chain.first().ok_or(Check::NoCertificate)?, side)?;
    leaf.in_time(now)?;
    Ok(leaf)
}

/// Path, time and purpose: what fails as a TLS alert, which says what fits best.
pub(crate) fn path(
    bundle: &TrustBundle,
    side: Side,
    leaf: &CertificateDer<'_>,
    issuers: &[CertificateDer<'_>],
    now: UnixTime,
) -> Result<(), Error> {
    depth::check_sent(issuers)?;
    let roots = bundle.roots_at(now)?;
    stock(roots, side, leaf, issuers, now).map_err(|error| Check::of(&error))?;
    issuer::check_sent(issuers, now)?;
    depth::check(bundle, leaf, issuers)?;
    Ok(())
}

/// webpki's path validation, by the way that rustls leads to it.
fn stock(
    roots: Arc<RootCertStore>,
    side: Side,
    leaf: &CertificateDer<'_>,
    issuers: &[CertificateDer<'_>],
    now: UnixTime,
) -> Result<(), Error> {
    match side {
        Side::Terminal => {
            let leaf = ParsedCertificate::try_from(leaf)?;
            let algorithms = provider().signature_verification_algorithms.all;
            verify_server_cert_signed_by_trust_anchor(&leaf, &roots, issuers, now, algorithms)
        }
        Side::Pos => client_verifier(roots)
            .verify_client_cert(leaf, issuers, now)
            .map(|_| ()),
    }
}

/// rustls' verifier of client certificates for these roots.
pub(crate) fn client_verifier(roots: Arc<RootCertStore>) -> Arc<dyn ClientCertVerifier> {
    WebPkiClientVerifier::builder_with_provider(roots, provider())
        .build()
        .expect("a bundle holds at least one CA, and there is no CRL to be wrong")
}
