//! What a merchant does at the dashboard, as calls of the control port, with everything in one process.

use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use vinr_protocol::device::Model;
use vinr_simulator::Simulator;
use vinr_simulator::cardholder::Script;

use crate::api::{Api, PATIENCE};
use crate::shop::{A, id, on_any_port, provisioned, sale, waited};

async fn in_one_process() -> (tempfile::TempDir, Simulator) {
    let (dir, _) = provisioned();
    let simulator = Simulator::builder(dir.path())
        .terminal(id(A), Model::NexgoCt20)
        .cardholder(Script::default())
        .cloud(on_any_port())
        .start()
        .await
        .unwrap();
    (dir, simulator)
}

async fn call(simulator: &Simulator, path: &str, body: Value) -> (StatusCode, Value) {
    let control = simulator.control();
    let address = control.url().trim_start_matches("http://").to_owned();
    let tcp = tokio::net::TcpStream::connect(address).await.unwrap();
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(tcp)).await;
    let (mut sender, connection) = handshake.unwrap();
    tokio::spawn(connection);
    let bearer = format!("Bearer {}", control.token().reveal());
    let request = Request::builder()
        .method(Method::POST)
        .uri(path)
        .header("authorization", bearer)
        .body(Full::<bytes::Bytes>::from(body.to_string()))
        .unwrap();
    let response = sender.send_request(request).await.unwrap();
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap())
}

async fn api(simulator: &Simulator) -> Api {
    let cloud = simulator.cloud().unwrap();
    Api::connect(cloud.address(), cloud.pki(), cloud.key().reveal()).await
}

#[tokio::test]
async fn a_simulator_has_its_own_cloud_where_it_is_asked_for() {
    let (_dir, simulator) = in_one_process().await;
    let order = waited(sale(A, "order_1"));
    let said = api(&simulator).await.pay(&order, "k1").await;
    assert_eq!(said.body["status"], "completed", "{said:?}");
    let entries = simulator.terminal().ledger().await;
    assert_eq!(entries.len(), 1, "the terminal reads the cloud's ledger");
}

#[tokio::test]
async fn a_till_of_the_dashboard_is_made_and_revoked() {
    let (dir, simulator) = in_one_process().await;
    let till = json!({ "pos": "lane-2", "terminals": [A] });
    let (status, made) = call(&simulator, "/v1/provision", till.clone()).await;
    assert_eq!(status, 200, "{made}");
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    let identity =
        vinr_transport::Identity::from_p12_file(text("p12"), &text("passphrase")).unwrap();
    assert_eq!(identity.names(), [id(A)]);
    let (status, _) = call(&simulator, "/v1/provision", till).await;
    assert_eq!(status, 400, "nothing is overwritten");

    let which = json!({ "pos": made["certificate"] });
    let (status, revoked) = call(&simulator, "/v1/revoke", which).await;
    assert_eq!((status.as_u16(), &revoked["list"]), (200, &json!(2)));
    let data = dir.path().join("data").join(A);
    let kept = || std::fs::read_to_string(data.join("pos-ca.crl.pem")).unwrap_or_default();
    let list = std::fs::read_to_string(simulator.pki().pos_crl()).unwrap();
    let begun = std::time::Instant::now();
    while kept() != list {
        assert!(begun.elapsed() < PATIENCE);
        tokio::task::yield_now().await;
    }
    let (status, _) = call(&simulator, "/v1/revoke", json!({ "pos": "nobody" })).await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn a_further_terminal_is_provisioned_once() {
    let (_dir, simulator) = in_one_process().await;
    let further = json!({ "terminal": "term_c" });
    let (status, made) = call(&simulator, "/v1/provision", further.clone()).await;
    assert_eq!(status, 200, "{made}");
    assert!(simulator.pki().terminals().contains(&id("term_c")));
    let (status, _) = call(&simulator, "/v1/provision", further).await;
    assert_eq!(status, 409);
}

#[tokio::test]
async fn the_host_of_the_cloud_behaves_as_it_is_told() {
    let (_dir, simulator) = in_one_process().await;
    let declines = json!({ "host": { "decline": "expired_card" } });
    let (status, standing) = call(&simulator, "/v1/cloud", declines).await;
    assert_eq!(status, 200, "{standing}");
    assert_eq!(standing, json!({ "linked": [A], "owed": [] }));
    let mut api = api(&simulator).await;
    let said = api.pay(&waited(sale(A, "order_1")), "k1").await;
    assert_eq!(said.body["declineCode"], "expired_card");
}

// [REC-9]
#[tokio::test]
async fn an_answer_that_is_lost_is_asked_for_again_and_one_that_repeats_counts_once() {
    let (_dir, simulator) = in_one_process().await;
    let odd = json!({ "host": { "loseAnswers": 1, "repeats": 3 } });
    call(&simulator, "/v1/cloud", odd).await;
    let order = waited(sale(A, "order_1"));
    let said = api(&simulator).await.pay(&order, "k1").await;
    assert_eq!(said.body["status"], "completed");
    let entries = simulator.cloud().unwrap().ledger().await;
    assert_eq!(entries.iter().filter(|it| it.approved).count(), 1);
}
