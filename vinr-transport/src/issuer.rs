//! What a CA certificate looks like, in a bundle or beside a peer's leaf.
//!
//! Path validation takes a trust anchor as it is, skips the certificates that it does not need, and is
//! lenient with some that it uses; here each of them has to be what it should be. \[TLS-14\]

use rustls_pki_types::{CertificateDer, UnixTime};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{NameConstraints, ParsedExtension};

use crate::check::Check;
use crate::profile::{self, Validity};

/// What a peer sends beside its leaf are CAs in time, and nothing else.
pub(crate) fn check_sent(issuers: &[CertificateDer<'_>], now: UnixTime) -> Result<(), Check> {
    issuers
        .iter()
        .try_for_each(|issuer| read(issuer)?.holds_at(now))
}

/// Reads a certificate of a CA bundle, or one that claims to stand between it and a leaf.
pub(crate) fn read(certificate: &CertificateDer<'_>) -> Result<Validity, Check> {
    let parsed = profile::parse(certificate)?;
    if parsed.is_ca() && may_sign(&parsed)? && is_well_formed(&parsed) {
        Ok(profile::validity(&parsed))
    } else {
        Err(Check::Path("an issuer is not a well-formed CA".into()))
    }
}

/// It says that it signs certificates (RFC 5280 §4.2.1.3); an old root may leave that open.
fn may_sign(parsed: &X509Certificate<'_>) -> Result<bool, Check> {
    let usage = parsed.key_usage().map_err(|_| Check::Encoding)?;
    let is_root = parsed.subject().as_raw() == parsed.issuer().as_raw();
    Ok(usage.map_or(is_root, |usage| usage.value.key_cert_sign()))
}

/// It has a name, nothing critical that we do not know, and no constraint that constrains nothing.
fn is_well_formed(parsed: &X509Certificate<'_>) -> bool {
    let is_fine = |extension: &ParsedExtension<'_>, critical: bool| match extension {
        ParsedExtension::ParseError { .. } => false,
        ParsedExtension::UnsupportedExtension { .. } => !critical,
        ParsedExtension::NameConstraints(constraints) => says_something(constraints),
        _ => true,
    };
    parsed.subject().iter().next().is_some()
        && parsed
            .extensions()
            .iter()
            .all(|extension| is_fine(extension.parsed_extension(), extension.critical))
}

fn says_something(constraints: &NameConstraints<'_>) -> bool {
    let has_some = |subtrees: &Option<Vec<_>>| subtrees.as_ref().is_some_and(|it| !it.is_empty());
    has_some(&constraints.permitted_subtrees) || has_some(&constraints.excluded_subtrees)
}
