//! The binary, as people and programs call it.

use std::process::Output;

use tokio::process::Command;

use crate::shop::Shop;

async fn doctor(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vinr-conformance"));
    command.arg("doctor").args(arguments).kill_on_drop(true);
    command.output().await.unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_is_enough_and_the_last_line_is_the_verdict() {
    let shop = Shop::open().await;
    let (address, dir) = (shop.address().to_string(), shop.pki().dir());
    let dir = dir.to_str().unwrap();
    let ran = doctor(&[&address, "--dir", dir, "--no-mdns"]).await;
    let out = text(&ran.stdout);
    assert_eq!(ran.status.code(), Some(0), "{out}{}", text(&ran.stderr));
    let last = out.lines().last().unwrap();
    assert!(last.starts_with("All is well: term_CT20_0042"), "{out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn json_names_the_cause_and_repeats_the_exit_code() {
    let shop = Shop::open().await;
    let dir = shop.pki().dir().to_str().unwrap();
    let arguments = ["127.0.0.1:1", "--dir", dir, "--no-mdns", "--json"];
    let ran = doctor(&arguments).await;
    let json: serde_json::Value = serde_json::from_slice(&ran.stdout).unwrap();
    assert_eq!(json["schema"], "vinr-doctor/1");
    assert_eq!(json["cause"], "dial.refused");
    assert_eq!(json["charged"], "no");
    assert_eq!(json["exit"], 69);
    assert_eq!(ran.status.code(), Some(69));
}

#[tokio::test]
async fn a_doctor_without_files_is_told_which_to_name() {
    let ran = doctor(&["127.0.0.1"]).await;
    assert_eq!(ran.status.code(), Some(64));
    let said = text(&ran.stderr);
    assert!(
        said.contains("--dir") && said.contains("--terminal-ca"),
        "{said}"
    );
}

#[tokio::test]
async fn an_address_that_is_none_is_bad_usage() {
    let shop = Shop::open().await;
    let dir = shop.pki().dir().to_str().unwrap();
    let ran = doctor(&["https://terminal", "--dir", dir]).await;
    assert_eq!(ran.status.code(), Some(64), "{}", text(&ran.stderr));
}

#[tokio::test]
async fn two_ids_that_disagree_are_bad_usage() {
    let shop = Shop::open().await;
    let dir = shop.pki().dir().to_str().unwrap();
    let ran = doctor(&["term_A", "--id", "term_B", "--dir", dir]).await;
    assert_eq!(ran.status.code(), Some(64), "{}", text(&ran.stderr));
}
