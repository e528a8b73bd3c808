//! A stranger's fuzzer reads our OpenAPI and asks whatever comes to its mind: no 5xx, and no answer that the
//! document does not describe.
//!
//! Left out is one check, "data that fits the schema is accepted": to JSON Schema 39.0 is an integer, to §1 it is none.

#[path = "../../vinr-transport/tests/skip/mod.rs"]
mod skip;
mod support;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use skip::skip;
use support::{TERMINAL, shop_with};
use vinr_simulator::cardholder::Script;

const INSTALL: &str = "python3 -m venv target/schemathesis && target/schemathesis/bin/pip install schemathesis==4.32.5";

/// How long it asks, in seconds.
const FOR: &str = "20";

// [PAY-10, NET-5]
#[tokio::test(flavor = "multi_thread")]
async fn the_terminal_gives_every_request_an_answer_that_its_openapi_describes() {
    let Some(schemathesis) = installed() else {
        return;
    };
    let shop = shop_with(|builder| {
        builder.cardholder(Script {
            tap_after: Some(Duration::from_millis(5)),
            ..Script::default()
        })
    })
    .await;
    let api = shop.dir.path().join("openapi.json");
    let about_this_terminal = only_for_this_terminal(include_str!(
        "../../vinr-protocol/schemas/openapi-terminal.json"
    ));
    std::fs::write(&api, about_this_terminal).expect("writable");

    let pki = shop.simulator.pki();
    let mut command = Command::new(schemathesis);
    command
        .arg("run")
        .arg(&api)
        .arg(format!("--url=https://{}", shop.terminal().address()))
        .arg("--request-cert")
        .arg(pki.pos_cert())
        .arg("--request-cert-key")
        .arg(pki.pos_key())
        // Its library looks for an address in the certificate; whose certificate it is, is other tests' business.
        .arg("--tls-verify=false");
    let said = tokio::task::spawn_blocking(move || finds_nothing(command));
    said.await.expect("runs");
}

// [NET-5, NET-6]
#[tokio::test(flavor = "multi_thread")]
async fn the_cloud_gives_every_request_an_answer_that_its_openapi_describes() {
    let Some(schemathesis) = installed() else {
        return;
    };
    let shop = shop_with(|builder| {
        let any_port = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
        builder.cloud(any_port).cardholder(Script {
            tap_after: Some(Duration::from_millis(5)),
            ..Script::default()
        })
    })
    .await;
    let api = shop.dir.path().join("openapi.json");
    let about_this_terminal = only_for_this_terminal(include_str!(
        "../../vinr-protocol/schemas/openapi-cloud.json"
    ));
    std::fs::write(&api, about_this_terminal).expect("writable");

    let cloud = shop.simulator.cloud().expect("it was asked for");
    let mut command = Command::new(schemathesis);
    command
        .arg("run")
        .arg(&api)
        .arg(format!("--url={}", cloud.url()))
        .arg(format!(
            "--header=Authorization: Bearer {}",
            cloud.key().reveal()
        ))
        .arg(format!("--tls-verify={}", cloud.pki().cloud_ca().display()));
    let said = tokio::task::spawn_blocking(move || finds_nothing(command));
    said.await.expect("runs");
}

/// Runs the fuzzer; whatever it finds fails the test, in its own words.
fn finds_nothing(mut command: Command) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let output = command
        .args(["--max-time", FOR])
        .args(["--exclude-checks", "positive_data_acceptance"])
        // Its own health checks are about a slow machine, not about the subject.
        .args(["--suppress-health-check", "all"])
        .args(["--request-timeout", "100", "--no-color"])
        .current_dir(dir.path())
        .stdin(Stdio::null())
        .output()
        .expect("starts");
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{errors}");
    assert!(said.contains("Test cases"), "it asked nothing: {said}");
}

/// Most requests should get past the question whether they were meant for another terminal, and for another machine.
fn only_for_this_terminal(api: &str) -> String {
    fn narrow(value: &mut Value) {
        match value {
            Value::Object(members) => {
                let Some(Value::Object(properties)) = members.get_mut("properties") else {
                    members.values_mut().for_each(narrow);
                    return;
                };
                let may_be_a_group = properties.contains_key("terminalGroup");
                for (name, it) in properties.iter_mut() {
                    match name.as_str() {
                        "terminalId" if may_be_a_group => {
                            *it = json!({ "enum": [TERMINAL, null] });
                        }
                        "terminalId" => *it = json!({ "const": TERMINAL }),
                        "terminalGroup" => *it = json!({ "enum": [[TERMINAL], null] }),
                        // An example forbids nothing else: whatever is no lawful endpoint must be refused anyway.
                        "url" => it["examples"] = json!(["http://127.0.0.1:9/webhooks"]),
                        _ => narrow(it),
                    }
                }
            }
            Value::Array(values) => values.iter_mut().for_each(narrow),
            _ => {}
        }
    }
    let mut api: Value = serde_json::from_str(api).expect("our own document");
    narrow(&mut api);
    api.to_string()
}

/// The program; says so where there is none.
fn installed() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let ours = root.join("target/schemathesis/bin/schemathesis");
    for program in [ours, "schemathesis".into()] {
        let answers = Command::new(&program)
            .arg("--version")
            .stdin(Stdio::null())
            .output();
        if answers.is_ok_and(|output| output.status.success()) {
            return Some(program);
        }
    }
    skip("schemathesis is not installed", INSTALL);
    None
}
