//! The terminals of the sandbox, and many of them. `spec/local-api.md` §10

#![allow(clippy::unwrap_used, reason = "what cannot be set up fails the test")]

mod support;

use std::sync::Arc;

use serde_json::{Value, json};
use support::{PATIENCE, Till, get, post};
use vinr_protocol::TerminalId;
use vinr_protocol::device::Model;
use vinr_protocol::reader::ReaderStatus;
use vinr_simulator::terminal::{OFFLINE_FOR, SANDBOX, TEST_BUSY, TEST_DEFAULT, TEST_OFFLINE};
use vinr_simulator::{Simulator, Terminal};

struct Sandbox {
    simulator: Simulator,
    _dir: tempfile::TempDir,
}

async fn sandbox(ids: &[&str]) -> Sandbox {
    let dir = tempfile::tempdir().unwrap();
    let mut builder = Simulator::builder(dir.path()).cardholder("tap:0".parse().unwrap());
    for id in ids {
        builder = builder.terminal(TerminalId::new(id).unwrap(), Model::Simulator);
    }
    let simulator = builder.start().await.unwrap();
    Sandbox {
        simulator,
        _dir: dir,
    }
}

impl Sandbox {
    fn terminal(&self, id: &str) -> &Arc<Terminal> {
        let mut terminals = self.simulator.terminals().iter();
        terminals.find(|it| it.id().as_str() == id).unwrap()
    }

    async fn pay(&self, id: &str, reference: &str) -> (u16, Value) {
        let body =
            json!({ "terminalId": id, "amount": 2500, "currency": "USD", "reference": reference });
        let mut till = Till::at(self.terminal(id), self.simulator.pki()).await;
        let head = till.send(post("/v1/pay", Some("k1"), &body)).await;
        (head.status.as_u16(), head.body().await.unwrap())
    }
}

#[tokio::test]
async fn one_process_runs_the_whole_sandbox_and_each_pays() {
    let sandbox = sandbox(SANDBOX).await;
    for id in [SANDBOX[0], TEST_DEFAULT] {
        assert_eq!(
            sandbox.pay(id, "order_1").await.1["status"],
            "completed",
            "{id}"
        );
    }
}

// [GRP-6]
#[tokio::test]
async fn term_test_busy_is_busy_once_and_then_pays() {
    let sandbox = sandbox(&[TEST_BUSY]).await;
    let (status, refused) = sandbox.pay(TEST_BUSY, "order_1").await;
    assert_eq!(
        (status, &refused["error"]["code"]),
        (409, &json!("terminal_busy"))
    );
    assert_eq!(
        sandbox.pay(TEST_BUSY, "order_1").await.1["status"],
        "completed"
    );
}

#[tokio::test]
async fn term_test_offline_queues_and_is_online_after_ten_seconds() {
    assert_eq!(OFFLINE_FOR.as_secs(), 10);
    let sandbox = sandbox(&[TEST_OFFLINE]).await;
    let terminal = sandbox.terminal(TEST_OFFLINE);
    let mut changes = terminal.changes();
    assert_eq!(
        sandbox.pay(TEST_OFFLINE, "order_1").await.1["offline"]["sequence"],
        1
    );

    let online = async {
        while terminal.state().status != ReaderStatus::Online || !terminal.state().queue.is_empty()
        {
            changes.changed().await.unwrap();
        }
    };
    tokio::time::timeout(PATIENCE, online).await.unwrap();
    assert_eq!(
        sandbox.pay(TEST_OFFLINE, "order_1").await.1["status"],
        "completed"
    );
}

#[tokio::test]
async fn many_terminals_run_side_by_side_each_with_its_own_name() {
    let ids: Vec<String> = (1..=40)
        .map(|number| format!("term_sim_{number:04}"))
        .collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let sandbox = sandbox(&ids).await;
    for terminal in sandbox.simulator.terminals() {
        let mut till = Till::at(terminal, sandbox.simulator.pki()).await;
        let reader = till.send(get("/v1/reader")).await.body().await.unwrap();
        assert_eq!(reader["id"], terminal.id().as_str());
    }
}
