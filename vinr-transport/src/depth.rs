//! How long a path may be: no longer than the CA of the bundle at its end allows.
//!
//! Path validation takes a trust anchor as a name and a key. Its own path length is not looked at (RFC 5280
//! §6.1.1 leaves it to the verifier), and a CA that signs leaves only must not become one that makes CAs. \[TLS-14\]

use rustls_pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;

use crate::check::Check;
use crate::profile;
use crate::signature;
use crate::trust::TrustBundle;

/// As many certificates as may be sent beside a leaf. A path of this PKI has one or two; what a stranger sends
/// beyond that costs signatures to look at, and a maze of CAs that sign each other costs seconds.
const MOST_SENT: usize = 8;

/// Before anything of it is looked at.
pub(crate) fn check_sent(issuers: &[CertificateDer<'_>]) -> Result<(), Check> {
    if issuers.len() > MOST_SENT {
        return Err(Check::Path(format!(
            "more than {MOST_SENT} certificates were sent beside the leaf"
        )));
    }
    Ok(())
}

/// On a path that holds in every other respect: is there one that is short enough for the CA at its end?
pub(crate) fn check(
    bundle: &TrustBundle,
    leaf: &CertificateDer<'_>,
    issuers: &[CertificateDer<'_>],
) -> Result<(), Check> {
    if issuers.is_empty() {
        // It leads from the leaf to a CA of the bundle, and each of those may sign leaves.
        return Ok(());
    }
    let mut unseen = issuers
        .iter()
        .map(|issuer| profile::parse(issuer))
        .collect::<Result<Vec<_>, _>>()?;
    let mut level = vec![profile::parse(leaf)?];
    let mut below = 0;
    while !level.is_empty() {
        if level.iter().any(|it| bundle.lets_stand_below(it, below)) {
            return Ok(());
        }
        let signs_one = |issuer: &X509Certificate<'_>| level.iter().any(|it| signs(issuer, it));
        let (next, rest) = unseen.into_iter().partition(signs_one);
        (level, unseen) = (next, rest);
        below += 1;
    }
    Err(Check::Path(
        "more CAs stand between the leaf and the bundle than the bundle's CA allows".into(),
    ))
}

fn signs(issuer: &X509Certificate<'_>, certificate: &X509Certificate<'_>) -> bool {
    issuer.subject().as_raw() == certificate.issuer().as_raw()
        && signature::is_on(certificate, issuer.public_key().raw)
}
