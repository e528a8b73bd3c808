//! What the network hears of a terminal. \[DISC-1, DISC-5\]

#![allow(clippy::unwrap_used, reason = "what cannot be set up fails the test")]

#[path = "../../vinr-discovery/tests/skip/mod.rs"]
mod skip;
mod support;

use vinr_discovery::{Browser, Found, Interfaces};
use vinr_protocol::TerminalId;
use vinr_protocol::device::Model;
use vinr_protocol::reader::ReaderStatus;
use vinr_simulator::host::Link;
use vinr_simulator::terminal::Mdns;
use vinr_simulator::{Defect, Simulator};

/// `None` and a loud word where there is no multicast.
fn browse() -> Option<Browser> {
    let started = Browser::start(Interfaces::Loopback);
    started
        .inspect_err(|error| skip::skip(&error.to_string(), skip::MULTICAST))
        .ok()
}

/// An id that no other process on this machine has.
fn fresh_id(name: &str) -> TerminalId {
    TerminalId::new(&format!("term_{name}_{}", std::process::id())).unwrap()
}

/// A terminal that is advertised, and the directory it lives in.
async fn advertised(id: &TerminalId, defect: Option<Defect>) -> (Simulator, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let mut builder = Simulator::builder(dir.path())
        .terminal(id.clone(), Model::NexgoCt20)
        .mdns(Mdns::On);
    if let Some(defect) = defect {
        builder = builder.defect(defect);
    }
    (builder.start().await.unwrap(), dir)
}

fn has(found: &Found, id: &TerminalId) -> bool {
    found.candidates.iter().any(|candidate| candidate.id == *id)
}

// [DISC-1, DISC-5]
#[tokio::test]
async fn a_terminal_is_found_where_it_listens_and_gone_after_its_goodbye() {
    let Some(browse) = browse() else { return };
    let id = fresh_id("announced");
    let (simulator, _dir) = advertised(&id, None).await;
    let candidate = browse.find(&id, support::PATIENCE).await.unwrap();
    assert!(
        candidate
            .addresses
            .contains(&simulator.terminal().address()),
        "{candidate:?}"
    );
    assert_eq!(candidate.model, Some(Model::NexgoCt20));
    simulator.shutdown().await;
    let found = browse
        .until(support::PATIENCE, |found| !has(found, &id))
        .await;
    assert!(!has(&found, &id), "{found:?}");
}

// [DISC-7] §6
#[tokio::test]
async fn the_network_hears_that_the_internet_is_away_and_that_it_is_back() {
    let Some(browse) = browse() else { return };
    let id = fresh_id("offline");
    let dir = tempfile::tempdir().unwrap();
    let builder = Simulator::builder(dir.path()).terminal(id.clone(), Model::NexgoCt20);
    let simulator = builder.mdns(Mdns::On).simulate_offline(true).start();
    let simulator = simulator.await.unwrap();
    let candidate = browse.find(&id, support::PATIENCE).await.unwrap();
    assert_eq!(candidate.status, Some(ReaderStatus::Offline));

    simulator.terminal().set_internet(Link::Up);
    let is_online = |found: &Found| {
        let mut candidates = found.candidates.iter();
        candidates.any(|it| it.id == id && it.status == Some(ReaderStatus::Online))
    };
    let found = browse.until(support::PATIENCE, is_online).await;
    assert!(is_online(&found), "{found:?}");
}

// [DISC-5]
#[tokio::test]
async fn under_another_service_type_it_is_not_found() {
    let Some(browse) = browse() else { return };
    let (wrong, right) = (fresh_id("elsewhere"), fresh_id("afterwards"));
    let (_wrong, _dir) = advertised(&wrong, Some(Defect::WrongServiceType)).await;
    let (_right, _other_dir) = advertised(&right, None).await;
    browse.find(&right, support::PATIENCE).await.unwrap();
    let found = browse.until(std::time::Duration::ZERO, |_| true).await;
    assert!(!has(&found, &wrong), "{found:?}");
}
