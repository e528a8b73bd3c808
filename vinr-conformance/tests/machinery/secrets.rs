//! No secret of a run stands in its bundle: whoever says one aloud fails the run. \[SEC-1\]
#![cfg(unix)]

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use vinr_conformance::profile::{Sheet, template};

use crate::tools::{Bench, Ran, command, ends_with, read, run, text};

const ROBOTS: &str = "hunter2-of-the-robot";
const CLOUDS: &str = "sk_test_51_of_the_cloud";

/// A bench whose profile names this driver for the card, with a cloud, a key that signs, and a script that says a secret.
async fn bench(driver: &str, says: &str) -> Bench {
    let bench = Bench::new(&[]).await;
    let cloud = "[cloud]\nurl = \"https://127.0.0.1:9\"\nca = \"terminal-ca.pem\"\napi_key_env = \"BENCH_KEY\"\n[drivers]";
    let profile = template(Sheet::NexgoCt20)
        .replace("card = []", &format!("card = [{driver:?}]"))
        .replacen("[drivers]", cloud, 1);
    write(&bench.out("bench.toml"), &profile);
    let script = format!(
        "#!/bin/sh\nread -r asked\nid=$(printf %s \"$asked\" | sed 's/.*\"id\":\"\\([^\"]*\\)\".*/\\1/')\n\
         said=$({says})\nprintf '{{\"id\":\"%s\",\"answer\":\"cannot\",\"why\":\"it said: %s\"}}\\n' \"$id\" \"$said\"\n"
    );
    write(&bench.out("robot"), &script);
    let executable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(bench.out("robot"), executable).expect("our own");
    ends_with(0, &["keygen", text(&bench.out("sign.pem"))]).await;
    bench
}

fn write(path: &Path, text: &str) {
    std::fs::write(path, text).expect("writable");
}

fn arguments(bench: &Bench) -> Vec<String> {
    let (profile, key, out) = (
        bench.out("bench.toml"),
        bench.out("sign.pem"),
        bench.out("report"),
    );
    let words = ["terminal", &bench.address, "--only", "pay.approved"];
    let paths = [
        "--profile",
        text(&profile),
        "--sign-key",
        text(&key),
        "--out",
        text(&out),
    ];
    words.into_iter().chain(paths).map(str::to_owned).collect()
}

async fn certify(bench: &Bench) -> Ran {
    let arguments = arguments(bench);
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let ran = command(&arguments)
        .current_dir(bench.dir.path())
        .env("BENCH_KEY", CLOUDS)
        .output();
    let output = ran.await.expect("the binary runs");
    Ran {
        code: output.status.code(),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// The run is the suite's own failure, says which secret it was and not the secret, and leaves no bundle.
fn leaked(bench: &Bench, ran: &Ran, what: &str, secret: &str) {
    assert_eq!(ran.code, Some(70), "{}{}", ran.out, ran.err);
    let said = format!("a secret ({what}) leaked into");
    assert!(ran.err.contains(&said), "{}", ran.err);
    let out = bench.out("report");
    assert!(!out.join("MANIFEST.sha256").exists());
    let mark = read(&out.join("PARTIAL"));
    assert!(mark.contains(&said) && !mark.contains(secret), "{mark}");
}

async fn robot_says(says: &str, what: &str, secret: impl FnOnce(&Bench) -> String) {
    let bench = bench(&format!("exec:./robot --token {ROBOTS}"), says).await;
    let secret = secret(&bench);
    let ran = certify(&bench).await;
    leaked(&bench, &ran, what, &secret);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_uses_every_kind_of_secret_and_tells_none_leaves_a_whole_bundle() {
    let bench = bench(&format!("exec:./robot --token {ROBOTS}"), "echo no hands").await;
    let ran = certify(&bench).await;
    // Nobody taps the card; what else a busy machine makes of that is not this test's claim.
    assert!(matches!(ran.code, Some(1 | 3)), "{}{}", ran.out, ran.err);
    ends_with(0, &["verify", text(&bench.out("report"))]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_a_drivers_command_fails_the_run() {
    let secret = |_: &Bench| ROBOTS.to_owned();
    robot_says("echo $2", "a token of a driver's command", secret).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_from_the_environment_fails_the_run_also_in_base64() {
    let secret = |_: &Bench| CLOUDS.to_owned();
    robot_says("echo $BENCH_KEY", "the cloud's API key", secret).await;
    robot_says(
        "printf %s \"$BENCH_KEY:\" | base64",
        "the cloud's API key",
        secret,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_that_signs_fails_the_run() {
    let secret = |bench: &Bench| second_line(&bench.out("sign.pem"));
    robot_says("sed -n 2p sign.pem", "the key that signs", secret).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_of_a_till_that_must_be_refused_fails_the_run() {
    let secret = |bench: &Bench| second_line(&bench.out("certification/pos-expired.key"));
    let what = "the private key of pos-expired";
    robot_says("sed -n 2p certification/pos-expired.key", what, secret).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_in_the_url_of_a_service_fails_the_run() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("it has one").port();
    let service = tokio::spawn(async move {
        loop {
            let (tcp, _) = listener.accept().await.expect("a question");
            echo_the_url(tcp).await;
        }
    });
    let url = format!("http://127.0.0.1:{port}/tap?token={ROBOTS}");
    let bench = bench(&url, "true").await;
    let ran = certify(&bench).await;
    service.abort();
    leaked(&bench, &ran, "a token of a driver's URL", ROBOTS);
}

/// Cannot, and why: the very line with which it was asked.
async fn echo_the_url(mut tcp: TcpStream) {
    let mut asked = Vec::new();
    while !asked.ends_with(b"}") {
        assert!(tcp.read_buf(&mut asked).await.expect("readable") > 0);
    }
    let asked = String::from_utf8_lossy(&asked).into_owned();
    let (line, rest) = asked.split_once("\r\n").expect("a request line");
    let (_, body) = rest.split_once("\r\n\r\n").expect("a head");
    let question: Value = serde_json::from_str(body).expect("JSON");
    let answer = serde_json::json!({ "id": question["id"], "answer": "cannot", "why": line });
    let answer = answer.to_string();
    let length = answer.len();
    let head = format!("HTTP/1.0 200 OK\r\ncontent-length: {length}\r\n\r\n");
    tcp.write_all(format!("{head}{answer}").as_bytes())
        .await
        .expect("it listens");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_of_the_operators_page_fails_the_run() {
    let bench = bench("operator:web:127.0.0.1:0", "true").await;
    let arguments = arguments(&bench);
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let mut child = command(&arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines();
    let (address, token) = loop {
        let line = lines.next_line().await.expect("readable");
        let line = line.expect("the link comes");
        if let Some((_, link)) = line.split_once("http://") {
            let (address, token) = link.split_once("/#token=").expect("a token");
            break (address.to_owned(), token.to_owned());
        }
    };
    // Somebody pastes the link where the reason should stand.
    let board = asked(&address, &token, "GET /v1/board?seen=0", "").await;
    let id = board["question"]["id"].as_str().expect("a question");
    let answer = serde_json::json!({ "id": id, "name": "Ada", "answer": "cannot",
        "why": format!("see http://{address}/#token={token}") });
    asked(&address, &token, "POST /v1/answer", &answer.to_string()).await;
    let mut err = String::new();
    while let Some(line) = lines.next_line().await.expect("readable") {
        err += &line;
    }
    let code = child.wait().await.expect("it ends").code();
    let out = String::new();
    leaked(
        &bench,
        &Ran { code, out, err },
        "the token of the operator's page",
        &token,
    );
}

async fn asked(address: &str, token: &str, line: &str, body: &str) -> Value {
    let mut tcp = TcpStream::connect(address).await.expect("it listens");
    let length = body.len();
    let request = format!(
        "{line} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    tcp.write_all(request.as_bytes()).await.expect("writable");
    let mut answer = String::new();
    tcp.read_to_string(&mut answer).await.expect("readable");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    serde_json::from_str(body).expect("JSON")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_that_signs_a_merge_is_looked_for_there_too() {
    let bench = Bench::new(&[]).await;
    ends_with(0, &["keygen", text(&bench.out("sign.pem"))]).await;
    // Whoever wrote the list of known failures pasted the key into it.
    let key = second_line(&bench.out("sign.pem"));
    let list = format!(
        "[[known]]\nrequirement = \"PAY-8\"\nscenario = \"pay.smallest\"\nreason = \"PAY-8.amount_altered\"\n\
         why = \"{key}\"\nissue = \"https://tracker.example/1\"\nuntil = \"2999-12-31\"\n"
    );
    write(&bench.out("known.toml"), &list);
    let (known, shard, out) = (
        bench.out("known.toml"),
        bench.out("shard"),
        bench.out("report"),
    );
    let only = [
        "--only",
        "pay.approved",
        "--shard",
        "1/1",
        "--out",
        text(&shard),
    ];
    let listed = ["--known-failures", text(&known)];
    let ran = bench.certify(&[&only[..], &listed].concat()).await;
    assert!(
        ran.code.is_some_and(|code| code < 5),
        "{}{}",
        ran.out,
        ran.err
    );
    let key = bench.out("sign.pem");
    let ran = run(&[
        "merge",
        text(&shard),
        "--sign-key",
        text(&key),
        "--out",
        text(&out),
    ])
    .await;
    leaked(&bench, &ran, "the key that signs", &second_line(&key));
}

fn second_line(path: &Path) -> String {
    read(path).lines().nth(1).expect("a PEM file").to_owned()
}
