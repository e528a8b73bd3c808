//! Keys, signatures, schemas, completions, manuals, and what programs read.

use std::path::Path;

use serde_json::Value;

use crate::tools::{alone, ends_with, json, read, run, text};

async fn bundle(out: &Path, more: &[&str]) -> String {
    let _alone = alone().await;
    let only = [
        "terminal",
        "--simulator",
        "--only",
        "pay.approved",
        "--out",
        text(out),
    ];
    ends_with(0, &[&only, more].concat()).await.out
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_bundle_is_checked_by_whoever_has_the_public_key() {
    let folder = tempfile::tempdir().expect("a folder");
    let key = |name: &str| folder.path().join(name);
    for name in ["own.pem", "other.pem"] {
        ends_with(0, &["keygen", text(&key(name))]).await;
    }
    ends_with(64, &["keygen", text(&key("own.pem"))]).await;
    let out = folder.path().join("report");
    bundle(&out, &["--sign-key", text(&key("own.pem"))]).await;

    let verify = async |name: &str, code: i32| {
        ends_with(code, &["verify", text(&out), "--key", text(&key(name))]).await
    };
    let own = verify("own.pem.pub", 0).await;
    assert!(own.out.contains("signed by the key"), "{}", own.out);
    let other = verify("other.pem.pub", 1).await;
    assert!(other.out.contains("statement.dsse.json"), "{}", other.out);
    verify("own.pem", 64).await;

    let statement = json(&out.join("statement.json"));
    assert_eq!(statement["_type"], "https://in-toto.io/Statement/v1");
    assert_eq!(
        statement["predicateType"],
        "https://in-toto.io/attestation/test-result/v0.1"
    );
    assert_eq!(statement["subject"][0]["name"], "MANIFEST.sha256");
    // One scenario certifies nothing, and the predicate has no word between.
    assert_eq!(statement["predicate"]["result"], "FAILED");
    let envelope = json(&out.join("statement.dsse.json"));
    assert_eq!(envelope["payloadType"], "application/vnd.in-toto+json");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_openssl_signs_and_openssl_checks_what_we_signed() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let openssl = async |arguments: &[&str]| {
        let ran = tokio::process::Command::new("openssl")
            .args(arguments)
            .output()
            .await;
        let ran = ran.expect("openssl runs");
        assert!(
            ran.status.success(),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&ran.stderr)
        );
    };
    let (private, public) = (at("key.pem"), at("key.pub"));
    openssl(&["genpkey", "-algorithm", "ed25519", "-out", text(&private)]).await;
    openssl(&[
        "pkey",
        "-in",
        text(&private),
        "-pubout",
        "-out",
        text(&public),
    ])
    .await;
    let out = at("report");
    bundle(&out, &["--sign-key", text(&private)]).await;
    ends_with(0, &["verify", text(&out), "--key", text(&public)]).await;

    use base64::Engine as _;
    let statement = read(&out.join("statement.json"));
    let envelope = json(&out.join("statement.dsse.json"));
    let signature = envelope["signatures"][0]["sig"].as_str().expect("a text");
    let signature = base64::engine::general_purpose::STANDARD
        .decode(signature)
        .expect("base64");
    let kind = "application/vnd.in-toto+json";
    let signed = format!(
        "DSSEv1 {} {kind} {} {statement}",
        kind.len(),
        statement.len()
    );
    std::fs::write(at("signed"), signed).expect("writable");
    std::fs::write(at("signature"), signature).expect("writable");
    let (signed, signature) = (at("signed"), at("signature"));
    let verify = [
        "pkeyutl",
        "-verify",
        "-pubin",
        "-rawin",
        "-inkey",
        text(&public),
    ];
    let files = ["-in", text(&signed), "-sigfile", text(&signature)];
    openssl(&[&verify[..], &files].concat()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_gets_one_document_and_a_quiet_person_one_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("report");
    let document: Value = serde_json::from_str(&bundle(&out, &["--json"]).await).expect("JSON");
    assert_eq!(document["verdict"], "inconclusive");
    assert_eq!(document["gate"]["exitCode"], 0);
    assert_eq!(document["bundle"], text(&out));
    let line = bundle(&out, &["--quiet"]).await;
    assert_eq!(line.trim_end().lines().count(), 1, "{line}");

    for arguments in [
        &["verify", text(&out)][..],
        &["rejudge", text(&out)],
        &["diff", text(&out), text(&out)],
        &["list"],
        &["plan"],
        &["explain", "REC-4"],
    ] {
        let said = ends_with(0, &[arguments, &["--json"]].concat()).await.out;
        assert!(
            serde_json::from_str::<Value>(&said).is_ok(),
            "{arguments:?}: {said}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_holds_everything_that_is_promised_of_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("report");
    bundle(&out, &[]).await;
    let guide = include_str!("../../../docs/certifying.md");
    let promised = guide
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let is_file = |name: &&str| name.contains('.') && !name.contains(['/', ' ']);
    let names: Vec<_> = promised.filter(is_file).collect();
    assert!(names.len() > 10, "{names:?}");
    // Only where there are samples, a key, a list.
    let sometimes = ["latency.hgrm", "statement.dsse.json", "known-failures.toml"];
    for name in names.iter().filter(|name| !sometimes.contains(name)) {
        assert!(out.join(name).is_file(), "{name}");
    }
    let asked = read(&out.join("questions.ndjson"));
    assert!(asked.contains("\"question\":\"present_card\""), "{asked}");
    let ctrf = json(&out.join("ctrf.json"));
    let summary = &ctrf["results"]["summary"];
    let of = |name: &str| summary[name].as_u64().expect("a number");
    let parts = ["passed", "failed", "skipped", "pending", "other"].map(of);
    assert_eq!(of("tests"), parts.iter().sum::<u64>());
    let validator = validator();
    let result = json(&out.join("result.json"));
    let errors: Vec<_> = validator
        .iter_errors(&result)
        .map(|error| error.to_string())
        .collect();
    assert!(errors.is_empty(), "{errors:#?}");
}

fn validator() -> jsonschema::Validator {
    let schema = include_str!("../../schema/result.schema.json");
    let schema: Value = serde_json::from_str(schema).expect("JSON");
    jsonschema::draft202012::new(&schema).expect("a schema")
}

#[tokio::test]
async fn the_schema_is_printed_as_it_is_published() {
    let printed = ends_with(0, &["schema"]).await.out;
    assert_eq!(printed, include_str!("../../schema/result.schema.json"));
}

#[tokio::test]
async fn shells_complete_and_manuals_tell_every_command() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = ends_with(0, &["completions", shell]).await.out;
        assert!(
            script.contains("rejudge") && script.contains("shard"),
            "{shell}"
        );
    }
    let page = ends_with(0, &["man"]).await.out;
    assert!(page.contains(".TH vinr-conformance"), "{page}");
    let folder = tempfile::tempdir().expect("a folder");
    ends_with(0, &["man", "--out", text(folder.path())]).await;
    for command in ["terminal", "merge", "verify", "keygen"] {
        let page = folder.path().join(format!("vinr-conformance-{command}.1"));
        assert!(page.is_file(), "{command}");
    }
    assert_eq!(run(&["completions", "none"]).await.code, Some(64));
}
