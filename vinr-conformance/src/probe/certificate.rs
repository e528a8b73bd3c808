//! The facts of a certificate, for the journal.

use std::fmt::Write as _;

use aws_lc_rs::digest::{SHA256, digest};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::*;

use crate::journal::Certificate;

/// Reads what a judge wants to know of a certificate; the hash alone where it cannot be read.
pub(crate) fn facts(der: &[u8]) -> Certificate {
    let sha256 = hex(digest(&SHA256, der).as_ref());
    let Ok((_, certificate)) = X509Certificate::from_der(der) else {
        return Certificate {
            sha256,
            subject: "not a certificate".into(),
            ..Certificate::default()
        };
    };
    let names = certificate
        .subject_alternative_name()
        .ok()
        .flatten()
        .map(|extension| extension.value.general_names.iter().map(name).collect())
        .unwrap_or_default();
    let purposes = certificate
        .extended_key_usage()
        .ok()
        .flatten()
        .map(|extension| purposes(extension.value))
        .unwrap_or_default();
    Certificate {
        sha256,
        key_sha256: hex(digest(&SHA256, certificate.public_key().raw).as_ref()),
        key_kind: key_kind(certificate.public_key()),
        issuer: certificate.issuer().to_string(),
        subject: certificate.subject().to_string(),
        names,
        purposes,
        is_ca: certificate.is_ca(),
        not_before: date(certificate.validity().not_before),
        not_after: date(certificate.validity().not_after),
    }
}

fn key_kind(key: &SubjectPublicKeyInfo<'_>) -> String {
    const P_256: &str = "1.2.840.10045.3.1.7";
    let curve = key
        .algorithm
        .parameters
        .as_ref()
        .and_then(|curve| curve.as_oid().ok());
    match key.algorithm.algorithm.to_id_string().as_str() {
        "1.2.840.10045.2.1"
            if curve
                .as_ref()
                .is_some_and(|oid| oid.to_id_string() == P_256) =>
        {
            "P-256".into()
        }
        "1.3.101.112" => "Ed25519".into(),
        "1.2.840.113549.1.1.1" => "RSA".into(),
        other => other.to_owned(),
    }
}

fn name(name: &GeneralName<'_>) -> String {
    match name {
        GeneralName::DNSName(dns) => format!("dns:{dns}"),
        GeneralName::URI(uri) => format!("uri:{uri}"),
        GeneralName::IPAddress(bytes) => format!("ip:{}", hex(bytes)),
        other => format!("other:{other:?}"),
    }
}

fn purposes(usage: &ExtendedKeyUsage<'_>) -> Vec<String> {
    [
        (usage.any, "any"),
        (usage.server_auth, "serverAuth"),
        (usage.client_auth, "clientAuth"),
        (usage.code_signing, "codeSigning"),
        (usage.email_protection, "emailProtection"),
        (usage.time_stamping, "timeStamping"),
        (usage.ocsp_signing, "ocspSigning"),
    ]
    .into_iter()
    .filter(|(has, _)| *has)
    .map(|(_, name)| name.to_owned())
    .chain(usage.other.iter().map(ToString::to_string))
    .collect()
}

fn date(time: ASN1Time) -> String {
    jiff::Timestamp::from_second(time.timestamp())
        .map_or_else(|_| time.to_string(), |at| at.to_string())
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
