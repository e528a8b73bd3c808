//! `statement.dsse.json`: the statement in a DSSE envelope, signed with an Ed25519 key of the certifier's own.

use std::path::Path;

use aws_lc_rs::encoding::{AsBigEndian as _, AsDer as _, Pkcs8V1Der};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{PrivatePkcs8KeyDer, SubjectPublicKeyInfoDer};
use serde::{Deserialize, Serialize};

use super::Secret;
use crate::plan::sha256;
use crate::probe::{read, read_key};

/// What is signed.
const PAYLOAD: &str = "application/vnd.in-toto+json";

/// An Ed25519 key as a SubjectPublicKeyInfo is these bytes and the key. RFC 8410
const SPKI: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

/// A key that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read, or others may read it.
    #[error(transparent)]
    File(#[from] crate::probe::IdentityError),
    /// It is no such key.
    #[error(
        "{file} is no Ed25519 {what}; `vinr-conformance keygen` makes a pair, and so does \
         `openssl genpkey -algorithm ed25519`"
    )]
    NoKey {
        /// Which file.
        file: String,
        /// What it should be.
        what: &'static str,
    },
    /// The random generator failed.
    #[error("no key could be made")]
    Random,
}

/// Whoever signs a bundle.
pub struct Signer {
    pair: Ed25519KeyPair,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Signer({})", self.public().id())
    }
}

impl Signer {
    /// Reads a PKCS#8 PEM file that nobody else may read.
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let pem = read_key(path)?;
        let pair = PrivatePkcs8KeyDer::from_pem_slice(&pem)
            .ok()
            .and_then(|der| Ed25519KeyPair::from_pkcs8(der.secret_pkcs8_der()).ok());
        let pair = pair.ok_or_else(|| KeyError::NoKey {
            file: path.display().to_string(),
            what: "private key (PKCS#8, PEM)",
        })?;
        Ok(Self { pair })
    }

    /// A new one, and its private key as PKCS#8 PEM.
    pub fn generate() -> Result<(Self, String), KeyError> {
        let pair = Ed25519KeyPair::generate().map_err(|_| KeyError::Random)?;
        let der: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| KeyError::Random)?;
        let text = pem("PRIVATE KEY", der.as_ref());
        Ok((Self { pair }, text))
    }

    /// What others check its signatures with.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.pair.public_key().as_ref().to_vec())
    }

    /// Its private key, to look for where it must not be. \[SEC-1\]
    pub fn secret(&self) -> Option<Secret> {
        let seed = self.pair.seed().and_then(|seed| seed.as_be_bytes()).ok()?;
        Some(Secret::of_bytes("the key that signs", seed.as_ref()))
    }

    /// The envelope around a statement.
    pub(super) fn envelope(&self, statement: &str) -> String {
        let signature = self.pair.sign(&pre_authentication(statement.as_bytes()));
        let envelope = Envelope {
            payload: STANDARD.encode(statement),
            payload_type: PAYLOAD.to_owned(),
            signatures: vec![Signature {
                keyid: self.public().id(),
                sig: STANDARD.encode(signature.as_ref()),
            }],
        };
        let mut text = serde_json::to_string(&envelope).expect("texts are always JSON");
        text.push('\n');
        text
    }
}

/// Whose signature is to be checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey(Vec<u8>);

impl PublicKey {
    /// Reads a PEM file, as `keygen` writes it or `openssl pkey -pubout`.
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let pem = read(path)?;
        SubjectPublicKeyInfoDer::from_pem_slice(&pem)
            .ok()
            .and_then(|der| der.strip_prefix(&SPKI).map(<[u8]>::to_vec))
            .filter(|key| key.len() == 32)
            .map(Self)
            .ok_or_else(|| KeyError::NoKey {
                file: path.display().to_string(),
                what: "public key (PEM)",
            })
    }

    /// As PEM.
    pub fn pem(&self) -> String {
        pem("PUBLIC KEY", &self.spki())
    }

    /// SHA-256 of its DER: the `keyid` of an envelope.
    pub fn id(&self) -> String {
        sha256(&self.spki())
    }

    fn spki(&self) -> Vec<u8> {
        [&SPKI[..], &self.0].concat()
    }

    fn has_signed(&self, statement: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.0)
            .verify(&pre_authentication(statement), signature)
            .is_ok()
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    payload: String,
    payload_type: String,
    signatures: Vec<Signature>,
}

#[derive(Serialize, Deserialize)]
struct Signature {
    #[serde(default)]
    keyid: String,
    sig: String,
}

/// Why an envelope is not one around this statement; with a key, why it is not signed by it.
pub(super) fn fault(
    envelope: &str,
    statement: &str,
    key: Option<&PublicKey>,
) -> Result<(), &'static str> {
    let envelope: Envelope =
        serde_json::from_str(envelope).map_err(|_| "it is no DSSE envelope")?;
    if envelope.payload_type != PAYLOAD {
        return Err("it holds no in-toto statement");
    }
    let payload = STANDARD.decode(&envelope.payload);
    if payload.map_err(|_| "its payload is no base64")? != statement.as_bytes() {
        return Err("it holds another statement than statement.json");
    }
    let Some(key) = key else {
        return Ok(());
    };
    let signed = envelope.signatures.iter().any(|one| {
        let signature = STANDARD.decode(&one.sig).unwrap_or_default();
        key.has_signed(statement.as_bytes(), &signature)
    });
    if signed {
        Ok(())
    } else {
        Err("it is not signed by the key that --key names")
    }
}

/// What a DSSE signature is over: PAE, version 1.
fn pre_authentication(payload: &[u8]) -> Vec<u8> {
    let head = format!("DSSEv1 {} {PAYLOAD} {} ", PAYLOAD.len(), payload.len());
    [head.as_bytes(), payload].concat()
}

fn pem(label: &str, der: &[u8]) -> String {
    let body = STANDARD.encode(der);
    let lines: Vec<_> = body
        .as_bytes()
        .chunks(64)
        .map(String::from_utf8_lossy)
        .collect();
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        lines.join("\n")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_signed_is_the_pre_authentication_encoding() {
        // The example of the DSSE specification has another type, so the shape is checked by hand.
        let encoded = pre_authentication(b"hello");
        let expected = b"DSSEv1 28 application/vnd.in-toto+json 5 hello";
        assert_eq!(encoded, expected);
    }

    #[test]
    fn an_envelope_is_that_of_its_statement_and_its_key_alone() {
        let (signer, _) = Signer::generate().expect("a key");
        let (other, _) = Signer::generate().expect("a key");
        let envelope = signer.envelope("{}\n");
        assert_eq!(fault(&envelope, "{}\n", None), Ok(()));
        assert_eq!(fault(&envelope, "{}\n", Some(&signer.public())), Ok(()));
        assert!(fault(&envelope, "{}\n", Some(&other.public())).is_err());
        assert!(fault(&envelope, "{ }\n", None).is_err());
        assert!(fault("{}", "{}\n", None).is_err());
    }

    // [SEC-1]
    #[test]
    fn a_key_is_found_in_its_own_file() {
        let (signer, private) = Signer::generate().expect("a key");
        let (other, _) = Signer::generate().expect("a key");
        let leaks = |signer: &Signer| {
            let secrets = [signer.secret().expect("it has a seed")];
            let canary = super::super::Canary::new(&secrets);
            canary.find(format!("said: {private}").as_bytes()).is_some()
        };
        assert!(leaks(&signer) && !leaks(&other));
    }

    #[cfg(unix)]
    #[test]
    fn a_pair_is_read_back_and_a_private_key_that_others_may_read_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().expect("a directory");
        let (private, public) = (dir.path().join("a.pem"), dir.path().join("a.pub.pem"));
        let (signer, text) = Signer::generate().expect("a key");
        std::fs::write(&private, text).expect("writable");
        std::fs::write(&public, signer.public().pem()).expect("writable");
        let mode = |mode| {
            let mode = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(&private, mode).expect("our own");
        };
        mode(0o600);
        let read = Signer::read(&private).expect("our own key");
        assert_eq!(
            read.public(),
            PublicKey::read(&public).expect("our own key")
        );
        mode(0o640);
        assert!(matches!(Signer::read(&private), Err(KeyError::File(_))));
        assert!(matches!(
            PublicKey::read(&private),
            Err(KeyError::NoKey { .. })
        ));
    }
}
