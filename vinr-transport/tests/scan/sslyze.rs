//! A stranger's scanner: sslyze sees what its authors thought of, and we did not.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::Outside;
use crate::skip::skip;
use crate::support::{TERMINAL, issue_pem, pos_leaf, urn};

const INSTALL: &str =
    "python3 -m venv target/sslyze && target/sslyze/bin/pip install sslyze==6.3.1";

const SCANS: &[&str] = &[
    "--sslv2",
    "--sslv3",
    "--tlsv1",
    "--tlsv1_1",
    "--tlsv1_2",
    "--tlsv1_3",
    "--early_data",
    "--resum",
    "--reneg",
    "--compression",
    "--heartbleed",
    "--openssl_ccs",
    "--robot",
    "--elliptic_curves",
];

/// One scan for all the claims below.
static SCAN: LazyLock<Option<Value>> = LazyLock::new(|| installed().map(scan));

/// What a scan says of one command; `None` where there is no scanner.
fn result_of(command: &str) -> Option<&'static Value> {
    let scanned = &SCAN.as_ref()?["server_scan_results"][0]["scan_result"][command];
    assert_eq!(scanned["status"], "COMPLETED", "{command}: {scanned}");
    Some(&scanned["result"])
}

// [TLS-13]
#[test]
fn sslyze_finds_no_version_before_tls_1_3() {
    for version in ["ssl_2_0", "ssl_3_0", "tls_1_0", "tls_1_1", "tls_1_2"] {
        let Some(result) = result_of(&format!("{version}_cipher_suites")) else {
            return;
        };
        assert_eq!(result["is_tls_version_supported"], false, "{version}");
        assert_eq!(result["accepted_cipher_suites"], json!([]), "{version}");
        // It was asked for, and not passed over.
        let rejected = result["rejected_cipher_suites"].as_array().unwrap();
        assert!(!rejected.is_empty(), "{version}");
    }
}

// [TLS-13]
#[test]
fn sslyze_finds_the_three_suites_of_tls_1_3() {
    let Some(result) = result_of("tls_1_3_cipher_suites") else {
        return;
    };
    let accepted = result["accepted_cipher_suites"].as_array().unwrap();
    let names: BTreeSet<_> = accepted
        .iter()
        .map(|suite| suite["cipher_suite"]["name"].as_str().unwrap())
        .collect();
    let ours = [
        "TLS_AES_128_GCM_SHA256",
        "TLS_AES_256_GCM_SHA384",
        "TLS_CHACHA20_POLY1305_SHA256",
    ];
    assert_eq!(names, BTreeSet::from(ours));
}

// [TLS-13]
#[test]
fn sslyze_finds_only_modern_curves() {
    let Some(result) = result_of("elliptic_curves") else {
        return;
    };
    let supported = result["supported_curves"].as_array().unwrap();
    let names: BTreeSet<_> = supported
        .iter()
        .map(|curve| curve["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, BTreeSet::from(["X25519", "secp256r1", "secp384r1"]));
}

// [TLS-13]
#[test]
fn sslyze_finds_no_early_data() {
    let result = result_of("tls_1_3_early_data");
    assert!(result.is_none_or(|it| it["supports_early_data"] == false));
}

// [TLS-13]
#[test]
fn sslyze_resumes_nothing() {
    let Some(result) = result_of("session_resumption") else {
        return;
    };
    // Session ids and tickets of before TLS 1.3; those of TLS 1.3 are in `inside.rs`.
    assert_eq!(result["session_id_successful_resumptions_count"], 0);
    assert_eq!(result["tls_ticket_successful_resumptions_count"], 0);
}

// [TLS-13]
#[test]
fn sslyze_renegotiates_nothing() {
    let Some(result) = result_of("session_renegotiation") else {
        return;
    };
    assert_eq!(result["client_renegotiations_success_count"], 0);
}

#[test]
fn sslyze_finds_no_compression() {
    let result = result_of("tls_compression");
    assert!(result.is_none_or(|it| it["supports_compression"] == false));
}

#[test]
fn sslyze_finds_no_heartbleed() {
    let result = result_of("heartbleed");
    assert!(result.is_none_or(|it| it["is_vulnerable_to_heartbleed"] == false));
}

#[test]
fn sslyze_finds_no_injection_of_change_cipher_spec() {
    let result = result_of("openssl_ccs_injection");
    assert!(result.is_none_or(|it| it["is_vulnerable_to_ccs_injection"] == false));
}

#[test]
fn sslyze_finds_no_rsa_to_attack() {
    let result = result_of("robot");
    assert!(result.is_none_or(|it| it["robot_result"] == "NOT_VULNERABLE_RSA_NOT_SUPPORTED"));
}

/// With a lawful till's certificate, without which it would see less.
fn scan(sslyze: PathBuf) -> Value {
    let outside = Outside::new();
    let dir = tempfile::tempdir().unwrap();
    let (certificate, key) = issue_pem(pos_leaf(vec![urn(TERMINAL)]), &outside.pki.pos_ca);
    let write = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let result = dir.path().join("result.json");
    let output = Command::new(sslyze)
        .arg("--cert")
        .arg(write("pos.pem", &certificate))
        .arg("--key")
        .arg(write("pos.key", &key))
        .arg("--json_out")
        .arg(&result)
        .args(["--quiet", "--mozilla_config", "disable"])
        .args(SCANS)
        .arg(outside.terminal.addr().to_string())
        .output()
        .unwrap();
    let Ok(json) = std::fs::read(&result) else {
        panic!("{output:?}");
    };
    serde_json::from_slice(&json).unwrap()
}

fn installed() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let sslyze = root.join("target/sslyze/bin/sslyze");
    if sslyze.exists() {
        return Some(sslyze);
    }
    skip("sslyze is not installed", INSTALL);
    None
}
