//! Terminals and tills over real multicast sockets, on loopback alone.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use vinr_discovery::candidate::Reason;
use vinr_discovery::{Advert, Announcement, Browser, Found, Interfaces};
use vinr_protocol::TerminalId;
use vinr_protocol::device::Model;
use vinr_protocol::reader::{Activity, ReaderStatus};

mod skip;

/// A guard against hanging, far above what anything here takes.
const LONG: Duration = Duration::from_secs(20);

/// A terminal id that no other test and no other process on this machine has; with capitals, as real ones.
fn fresh_id() -> TerminalId {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    TerminalId::new(&format!("term_CT20_{}_{number}", std::process::id()))
        .expect("made of lawful characters")
}

async fn announce(id: &TerminalId, listens_on: &str) -> Announcement {
    let announcement = Announcement::start(Advert {
        terminal: id.clone(),
        model: Model::NexgoCt20,
        status: ReaderStatus::Online,
        activity: Activity::Idle,
        listens_on: listens_on.parse().expect("written in the test"),
    });
    let announcement = announcement
        .await
        .expect("where a browse starts, an announcement does, too");
    tokio::time::timeout(LONG, announcement.announced())
        .await
        .expect("not announced");
    announcement
}

/// `None` and a loud word where there is no multicast.
fn browse() -> Option<Browser> {
    match Browser::start(Interfaces::Loopback) {
        Ok(browse) => Some(browse),
        Err(error) => {
            skip::skip(&error.to_string(), skip::MULTICAST);
            None
        }
    }
}

/// Waits for what is claimed to become true of what this browse found.
async fn becomes_true(browse: &Browser, claim: impl Fn(&Found) -> bool) {
    let found = browse.until(LONG, &claim).await;
    assert!(claim(&found), "{found:#?}");
}

fn ids(found: &Found) -> Vec<&TerminalId> {
    found.candidates.iter().map(|c| &c.id).collect()
}

// [DISC-1, DISC-2, DISC-7]
#[tokio::test]
async fn a_terminal_on_loopback_is_found_with_what_it_says_of_itself() {
    let Some(browse) = browse() else { return };
    let id = fresh_id();
    let _announcement = announce(&id, "127.0.0.1:9443").await;
    let found = browse.find(&id, LONG).await.unwrap();
    assert_eq!(
        found.addresses,
        ["127.0.0.1:9443".parse::<SocketAddr>().unwrap()]
    );
    assert_eq!(found.instance, id.as_str());
    assert_eq!(found.model, Some(Model::NexgoCt20));
    assert_eq!(found.status, Some(ReaderStatus::Online));
    assert_eq!(found.activity, Some(Activity::Idle));
    assert_eq!(found.api.as_deref(), Some("vinr-local/1"));
}

// [DISC-7]
#[tokio::test]
async fn a_change_is_announced_to_those_who_listen() {
    let Some(browse) = browse() else { return };
    let id = fresh_id();
    let announcement = announce(&id, "127.0.0.1:8443").await;
    becomes_true(&browse, |found| ids(found).contains(&&id)).await;
    announcement.update(ReaderStatus::Offline, Activity::Busy);
    becomes_true(&browse, |found| {
        let us = found.candidates.iter().find(|c| c.id == id);
        us.is_some_and(|c| {
            c.activity == Some(Activity::Busy) && c.status == Some(ReaderStatus::Offline)
        })
    })
    .await;
}

// [DISC-7]
#[tokio::test]
async fn a_change_is_told_to_those_who_ask_later() {
    if browse().is_none() {
        return;
    }
    let id = fresh_id();
    let announcement = announce(&id, "127.0.0.1:8443").await;
    announcement.update(ReaderStatus::Online, Activity::Busy);
    let busy = async {
        loop {
            let browse = Browser::start(Interfaces::Loopback).unwrap();
            let found = browse
                .find(&id, LONG)
                .await
                .expect("a change does not take it off the network");
            if found.activity == Some(Activity::Busy) {
                return;
            }
        }
    };
    tokio::time::timeout(LONG, busy)
        .await
        .expect("the change was never told");
}

// [DISC-5, DISC-6]
#[tokio::test]
async fn a_terminal_that_says_goodbye_is_dropped() {
    let Some(browse) = browse() else { return };
    let id = fresh_id();
    let announcement = announce(&id, "127.0.0.1:8443").await;
    becomes_true(&browse, |found| ids(found).contains(&&id)).await;
    announcement.goodbye().await;
    becomes_true(&browse, |found| !ids(found).contains(&&id)).await;
}

// [DISC-6]
#[tokio::test]
async fn a_terminal_that_is_dropped_without_a_word_says_goodbye_all_the_same() {
    let Some(browse) = browse() else { return };
    let id = fresh_id();
    let announcement = announce(&id, "127.0.0.1:8443").await;
    becomes_true(&browse, |found| ids(found).contains(&&id)).await;
    drop(announcement);
    becomes_true(&browse, |found| !ids(found).contains(&&id)).await;
}

#[tokio::test]
async fn a_terminal_that_loses_power_says_no_goodbye() {
    let Some(browse) = browse() else { return };
    let (id, witness) = (fresh_id(), fresh_id());
    let announcement = announce(&id, "127.0.0.1:8443").await;
    let witness_announcement = announce(&witness, "127.0.0.1:8444").await;
    becomes_true(&browse, |found| {
        ids(found).contains(&&id) && ids(found).contains(&&witness)
    })
    .await;
    announcement.vanish();
    // Had there been a goodbye, it would have been heard before this one.
    witness_announcement.goodbye().await;
    let found = browse
        .until(LONG, |found| !ids(found).contains(&&witness))
        .await;
    assert!(ids(&found).contains(&&id), "{found:#?}");
}

// [DISC-5, DISC-8]
#[tokio::test]
async fn two_that_claim_one_id_are_one_candidate_with_both_addresses() {
    let Some(browse) = browse() else { return };
    let id = fresh_id();
    let _first = announce(&id, "127.0.0.1:9001").await;
    let _second = announce(&id, "127.0.0.1:9002").await;
    let same_id = Reason::SameId(id.clone());
    let found = browse
        .until(LONG, |found| {
            found.left_out.iter().any(|l| l.reason == same_id)
        })
        .await;
    let ours: Vec<_> = found.candidates.iter().filter(|c| c.id == id).collect();
    assert_eq!(ours.len(), 1, "{found:#?}");
    let mut ports: Vec<_> = ours[0].addresses.iter().map(SocketAddr::port).collect();
    ports.sort_unstable();
    assert_eq!(ports, [9001, 9002]);
}

// [DISC-2]
#[tokio::test]
async fn a_whole_browse_lists_every_terminal_by_id() {
    let Some(browse) = browse() else { return };
    let (a, b) = (fresh_id(), fresh_id());
    let _announcements = (
        announce(&b, "127.0.0.1:8443").await,
        announce(&a, "127.0.0.1:8444").await,
    );
    becomes_true(&browse, |found| {
        ids(found).contains(&&a) && ids(found).contains(&&b)
    })
    .await;
    let found = browse.during(Duration::from_millis(1)).await;
    let ours: Vec<_> = ids(&found)
        .into_iter()
        .filter(|id| **id == a || **id == b)
        .collect();
    assert_eq!(ours, [&a, &b]);
}
