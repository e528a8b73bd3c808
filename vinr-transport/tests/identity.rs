//! Identity files: every fault has an error of its own, before any connection. \[TLS-11\]
//!
//! The fixtures were made by the openssl command line, see `fixtures/make`.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod skip;
mod support;

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use p12_keystore::{Certificate, KeyStore, KeyStoreEntry, PrivateKey, PrivateKeyChain};
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use skip::skip;
use support::{Pki, TERMINAL, ca, id, issue_pem, pos_leaf, urn};
use vinr_transport::{Identity, IdentityError};

const PASSPHRASE: &str = "correct horse";

fn fixture(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    std::fs::read(path.join(name)).unwrap()
}

fn p12(name: &str) -> Result<Identity, IdentityError> {
    Identity::from_p12_bytes(&fixture(name), PASSPHRASE)
}

// [TLS-11]
#[test]
fn todays_form_is_read() {
    assert_eq!(p12("today.p12").unwrap().names(), [id(TERMINAL)]);
}

// [TLS-11]
#[test]
fn the_legacy_form_is_read() {
    assert_eq!(p12("legacy.p12").unwrap().names(), [id(TERMINAL)]);
}

// [TLS-11]
#[test]
fn a_wrong_passphrase_is_named() {
    for name in ["today.p12", "legacy.p12"] {
        for wrong in ["", "correct hors", "Correct horse"] {
            let error = Identity::from_p12_bytes(&fixture(name), wrong).unwrap_err();
            assert!(matches!(error, IdentityError::WrongPassphrase), "{error}");
        }
    }
}

#[test]
fn a_file_without_a_mac_is_refused() {
    let error = p12("no-mac.p12").unwrap_err();
    assert!(matches!(error, IdentityError::NoMac), "{error}");
}

#[test]
fn a_file_without_a_key_is_refused() {
    let error = p12("no-key.p12").unwrap_err();
    assert!(matches!(error, IdentityError::NoKey), "{error}");
}

#[test]
fn a_file_with_two_keys_is_refused() {
    let mut store = KeyStore::new();
    for name in ["one", "two"] {
        let (certificate, key) = issue_pem(pos_leaf(vec![urn(TERMINAL)]), &ca("CA"));
        let key = PrivateKey::from_der(&KeyPair::from_pem(&key).unwrap().serialize_der()).unwrap();
        let certificate = Certificate::from_der(&der(&certificate)).unwrap();
        let chain = PrivateKeyChain::new(name, key, [certificate]);
        store.add_entry(name, KeyStoreEntry::PrivateKeyChain(chain));
    }
    let bytes = store.writer(PASSPHRASE).write().unwrap();
    let error = Identity::from_p12_bytes(&bytes, PASSPHRASE).unwrap_err();
    assert!(
        matches!(error, IdentityError::SeveralKeys { count: 2 }),
        "{error}"
    );
}

fn der(pem: &str) -> Vec<u8> {
    use rustls_pki_types::pem::PemObject;
    rustls_pki_types::CertificateDer::from_pem_slice(pem.as_bytes())
        .unwrap()
        .to_vec()
}

#[test]
fn a_file_cut_anywhere_is_refused_and_nothing_panics() {
    for name in ["today.p12", "legacy.p12"] {
        let whole = fixture(name);
        for length in 0..whole.len() {
            assert!(
                Identity::from_p12_bytes(&whole[..length], PASSPHRASE).is_err(),
                "{name} cut to {length}"
            );
        }
    }
}

#[test]
fn a_hostile_round_count_is_refused_before_any_derivation() {
    let error = p12("many-rounds.p12").unwrap_err();
    assert!(
        matches!(
            error,
            IdentityError::TooManyIterations {
                iterations: 2_700_000,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn the_largest_and_a_negative_round_count_are_refused() {
    // 900 000 stands there as the three bytes of an INTEGER.
    let places = |bytes: &[u8]| {
        let count = [0x02, 0x03, 0x0d, 0xbb, 0xa0];
        (0..=bytes.len() - 5)
            .filter(|&at| bytes[at..at + 5] == count)
            .collect::<Vec<_>>()
    };
    let whole = fixture("many-rounds.p12");
    let places = places(&whole);
    // The encrypted part, the key bag and the MAC.
    assert_eq!(places.len(), 3);
    for place in places {
        for count in [[0x7f, 0xff, 0xff], [0xff, 0xff, 0xff]] {
            let mut hostile = whole.clone();
            hostile[place + 2..place + 5].copy_from_slice(&count);
            let error = Identity::from_p12_bytes(&hostile, PASSPHRASE).unwrap_err();
            assert!(
                matches!(error, IdentityError::TooManyIterations { .. }),
                "{error}"
            );
        }
    }
}

#[test]
fn what_we_write_we_read() {
    let identity = Pki::new().pos();
    let written = identity.write_p12(PASSPHRASE).unwrap();
    let read = Identity::from_p12_bytes(&written, PASSPHRASE).unwrap();
    assert_eq!(read.chain(), identity.chain());
}

#[test]
fn openssl_reads_what_we_write_in_todays_form() {
    let written = Pki::new().pos().write_p12(PASSPHRASE).unwrap();
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&written).unwrap();
    let openssl = Command::new("openssl")
        .args(["pkcs12", "-info", "-nodes", "-passin"])
        .arg(format!("pass:{PASSPHRASE}"))
        .arg("-in")
        .arg(file.path())
        .output();
    let Ok(output) = openssl else {
        skip(
            "the openssl command is not there",
            "apt-get install openssl",
        );
        return;
    };
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(
        said.contains(
            "Shrouded Keybag: PBES2, PBKDF2, AES-256-CBC, Iteration 100000, PRF hmacWithSHA256"
        ),
        "{said}"
    );
    assert!(said.contains("MAC: sha256"), "{said}");
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(shown.contains("BEGIN PRIVATE KEY") && shown.contains("BEGIN CERTIFICATE"));
}

#[test]
fn an_expired_identity_says_when() {
    let mut params = pos_leaf(vec![urn(TERMINAL)]);
    params.not_after = date_time_ymd(2020, 1, 1);
    let error = load(params).unwrap_err();
    assert!(matches!(error, IdentityError::Expired { .. }), "{error}");
    assert!(error.to_string().contains("2020-01-01T00:00:00"), "{error}");
}

#[test]
fn an_identity_that_is_not_valid_yet_says_from_when() {
    let mut params = pos_leaf(vec![urn(TERMINAL)]);
    params.not_before = date_time_ymd(4000, 1, 1);
    let error = load(params).unwrap_err();
    assert!(
        matches!(error, IdentityError::NotYetValid { .. }),
        "{error}"
    );
}

fn load(params: CertificateParams) -> Result<Identity, IdentityError> {
    let (certificate, key) = issue_pem(params, &ca("CA"));
    Identity::from_pem(certificate.as_bytes(), key.as_bytes())
}

#[test]
fn a_key_of_another_certificate_is_refused() {
    let (certificate, _) = issue_pem(pos_leaf(vec![]), &ca("CA"));
    let other = KeyPair::generate().unwrap().serialize_pem();
    let error = Identity::from_pem(certificate.as_bytes(), other.as_bytes()).unwrap_err();
    assert!(matches!(error, IdentityError::KeyMismatch), "{error}");
}

#[test]
fn a_key_as_openssl_ecparam_writes_it_is_read() {
    let identity = Identity::from_pem(&fixture("cert.pem"), &fixture("sec1.pem")).unwrap();
    assert_eq!(identity.names(), [id(TERMINAL)]);
    assert!(identity.write_p12(PASSPHRASE).is_ok());
}

#[test]
fn a_pem_file_without_its_part_is_named() {
    let (certificate, key) = issue_pem(pos_leaf(vec![]), &ca("CA"));
    let (certificate, key) = (certificate.as_bytes(), key.as_bytes());
    let fault = |certificate, key| Identity::from_pem(certificate, key).unwrap_err();
    assert!(matches!(fault(certificate, b""), IdentityError::NoKey));
    assert!(matches!(fault(b"", key), IdentityError::NoCertificate));
    assert!(matches!(
        fault(certificate, b"-----BEGIN ENCRYPTED PRIVATE KEY-----"),
        IdentityError::EncryptedPem
    ));
    assert!(matches!(
        fault(certificate, &key[..key.len() / 2]),
        IdentityError::NotPem
    ));
}

#[test]
fn the_chain_is_put_in_order_and_the_root_left_out() {
    let root = ca("root");
    let (certificate, key) = issue_pem(pos_leaf(vec![]), &root);
    let wrong_order = format!("{}{certificate}", root.pem());
    let identity = Identity::from_pem(wrong_order.as_bytes(), key.as_bytes()).unwrap();
    assert_eq!(identity.chain().len(), 1);
    assert_eq!(identity.chain()[0].as_ref(), der(&certificate));
}

#[test]
fn a_file_that_others_can_read_is_refused_unless_allowed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("pos.p12");
    std::fs::write(&path, fixture("today.p12")).unwrap();
    for mode in [0o644, 0o640, 0o620, 0o601] {
        std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
        let error = Identity::from_p12_file(&path, PASSPHRASE).unwrap_err();
        assert!(
            matches!(error, IdentityError::ReadableByOthers { mode: found, .. } if found == mode),
            "{error}"
        );
        assert!(error.to_string().contains("pos.p12"), "{error}");
        let allowed = Identity::loader().readable_by_others();
        assert!(allowed.p12_file(&path, PASSPHRASE).is_ok());
    }
    for mode in [0o600, 0o400] {
        std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
        assert!(Identity::from_p12_file(&path, PASSPHRASE).is_ok());
    }
}

#[test]
fn only_the_key_of_a_pem_pair_must_be_private() {
    let directory = tempfile::tempdir().unwrap();
    let (cert, key) = (
        directory.path().join("c.pem"),
        directory.path().join("k.pem"),
    );
    std::fs::write(&cert, fixture("cert.pem")).unwrap();
    std::fs::write(&key, fixture("sec1.pem")).unwrap();
    std::fs::set_permissions(&cert, PermissionsExt::from_mode(0o644)).unwrap();
    std::fs::set_permissions(&key, PermissionsExt::from_mode(0o600)).unwrap();
    assert!(Identity::from_pem_files(&cert, &key).is_ok());
    std::fs::set_permissions(&key, PermissionsExt::from_mode(0o644)).unwrap();
    assert!(matches!(
        Identity::from_pem_files(&cert, &key),
        Err(IdentityError::ReadableByOthers { .. })
    ));
}

#[test]
fn a_missing_file_is_named_in_one_sentence() {
    let error = Identity::from_p12_file("/nowhere/pos.p12", PASSPHRASE).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the identity file /nowhere/pos.p12 cannot be read: No such file or directory (os error 2)"
    );
}

#[test]
fn an_error_about_a_file_names_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("pos.p12");
    std::fs::write(&path, fixture("today.p12")).unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
    let error = Identity::from_p12_file(&path, "wrong").unwrap_err();
    assert!(matches!(error.fault(), IdentityError::WrongPassphrase));
    assert!(error.to_string().contains("pos.p12"), "{error}");
}

// [SEC-1]
#[test]
fn debug_prints_nothing_of_the_key() {
    let identity = p12("today.p12").unwrap();
    assert_eq!(
        format!("{identity:?}"),
        "Identity { terminals: [TerminalId(term_CT20_0042)], .. }"
    );
}
