//! The commands: a cloud alone, and a terminal of another process that joins it.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use vinr_simulator::cloud::ApiKey;

use crate::api::Api;
use crate::shop::{A, provisioned, sale, waited};

/// A process that ends with its test.
struct Running {
    process: Child,
    said: String,
}

impl Running {
    /// Starts the binary and waits until it says how it is ended.
    fn start(dir: &Path, arguments: &[&str]) -> Self {
        let mut process = command(dir, arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = String::new();
        for line in BufReader::new(process.stdout.take().unwrap()).lines() {
            said.push_str(&line.unwrap());
            said.push('\n');
            if said.contains("Ctrl-C") {
                break;
            }
        }
        Self { process, said }
    }

    /// Where the cloud said that it is.
    fn cloud(&self) -> SocketAddr {
        let line = self
            .said
            .lines()
            .find_map(|it| it.strip_prefix("Cloud: https://"));
        let line = line.unwrap_or_else(|| panic!("no cloud: {}", self.said));
        line.split_once(',').unwrap().0.parse().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn command(dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vinr-simulator"));
    command
        .args(arguments)
        .arg("--dir")
        .arg(dir)
        .env("RUST_LOG", "error");
    command
}

const TERMINAL: &[&str] = &[
    "run",
    "--no-mdns",
    "--id",
    A,
    "--tap-after",
    "50",
    "--listen",
    "127.0.0.1:0",
    "--control",
    "127.0.0.1:0",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_joins_a_cloud_of_another_process() {
    let (dir, pki) = provisioned();
    let cloud = Running::start(dir.path(), &["cloud", "--listen", "127.0.0.1:0"]);
    let url = format!("https://{}", cloud.cloud());
    let _terminal = Running::start(dir.path(), &[TERMINAL, &["--cloud-url", &url]].concat());
    let key = ApiKey::read(&pki.api_key()).unwrap();
    let mut api = Api::connect(cloud.cloud(), &pki, key.reveal()).await;
    let said = api.pay(&waited(sale(A, "order_1")), "k1").await;
    assert_eq!(said.body["status"], "completed", "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_runs_beside_a_cloud_unless_it_is_told_otherwise() {
    let (dir, pki) = provisioned();
    let both = Running::start(dir.path(), TERMINAL);
    let key = ApiKey::read(&pki.api_key()).unwrap();
    let mut api = Api::connect(both.cloud(), &pki, key.reveal()).await;
    let said = api.pay(&waited(sale(A, "order_1")), "k1").await;
    assert_eq!(said.body["status"], "completed", "{said:?}");
    drop(both);
    let alone = Running::start(dir.path(), &[TERMINAL, &["--no-cloud"]].concat());
    assert!(!alone.said.contains("Cloud"), "{}", alone.said);
}

#[test]
fn what_cannot_be_revoked_is_said_in_one_sentence() {
    let (dir, _) = provisioned();
    let output = command(dir.path(), &["revoke", "--pos", "nobody"])
        .output()
        .unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        said,
        "vinr-simulator: \"nobody\" is neither a file nor a serial number in hexadecimal\n"
    );
}
