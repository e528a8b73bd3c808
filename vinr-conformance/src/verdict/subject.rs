//! What is known of the terminal that was judged.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What the subject said of itself, and what its certificate says.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SubjectFacts {
    /// What people call it: `simulator`, or the vendor's product.
    pub name: String,
    /// Where it was reached.
    pub address: String,
    /// The terminal id that the certificate names.
    pub terminal: Option<String>,
    /// The answer of `GET /v1/reader`, as it came; foreign data.
    pub reader: Option<Value>,
    /// Its certificate, where it showed one.
    pub certificate: Option<CertificateFacts>,
}

impl SubjectFacts {
    /// A text field of the subject's own description, such as `softwareVersion`.
    pub fn said(&self, field: &str) -> Option<&str> {
        self.reader.as_ref()?.get(field)?.as_str()
    }
}

/// What a certificate says, as text: it is shown, never judged.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CertificateFacts {
    /// The names it carries.
    pub names: Vec<String>,
    /// Who signed it.
    pub issuer: String,
    /// In force from, RFC 3339.
    pub not_before: String,
    /// In force until, RFC 3339.
    pub not_after: String,
    /// The kind of key, such as `P-256`.
    pub key: String,
    /// SHA-256 of the DER, in hexadecimal.
    pub sha256: String,
}
