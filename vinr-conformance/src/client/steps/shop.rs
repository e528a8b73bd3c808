//! The shop: its terminals, its customers, its host.

use std::time::Duration;

use vinr_protocol::payment::DeclineCode;
use vinr_protocol::reader::ReaderStatus;

use crate::client::scene::{SOON, Scene};
use crate::client::stage::{Booth, Customer};
use crate::journal::{Event, TillEvent};
use crate::steps::words::Words;

pub(super) async fn opens(scene: &mut Scene, _: &Words) {
    scene.open(1).await;
}

pub(super) async fn opens_several(scene: &mut Scene, words: &Words) {
    let count = usize::try_from(words.number(0)).unwrap_or(1);
    scene.open(count).await;
}

pub(super) async fn taps_after(scene: &mut Scene, words: &Words) {
    usually(scene, |customer| {
        customer.taps_after = Some(Duration::from_millis(words.number(0)));
    });
}

/// The first customer waits until somebody asks what became of the sale, and taps a moment later.
pub(super) async fn taps_at_a_look_up(scene: &mut Scene, words: &Words) {
    first_does_not_tap(scene, words).await;
    let Some(desk) = scene.first().and_then(Booth::desk).cloned() else {
        return;
    };
    let journal = scene.journal().clone();
    let name = journal.scenario();
    tokio::spawn(async move {
        let is_look_up = |entry: &crate::journal::Entry| {
            entry.scenario.as_deref() == name.as_deref()
                && matches!(&entry.event, Event::Till(TillEvent::Request { method, path, .. })
                    if method == "GET" && path.starts_with("/v1/payments"))
        };
        for _ in 0..20_000 {
            if journal.any_after(0, is_look_up) {
                return desk.tap();
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
}

pub(super) async fn first_does_not_tap(scene: &mut Scene, _: &Words) {
    for desk in scene.terminals.iter().filter_map(Booth::desk) {
        desk.expect(Customer {
            taps_after: None,
            ..desk.usual()
        });
    }
}

pub(super) async fn nobody_taps(scene: &mut Scene, _: &Words) {
    usually(scene, |customer| customer.taps_after = None);
}

pub(super) async fn is_declined(scene: &mut Scene, _: &Words) {
    usually(scene, |customer| {
        customer.declined = Some(DeclineCode::CardDeclined);
    });
}

pub(super) async fn host_takes(scene: &mut Scene, words: &Words) {
    usually(scene, |customer| {
        customer.host_after = Duration::from_millis(words.number(0));
    });
}

fn usually(scene: &Scene, change: impl Fn(&mut Customer)) {
    for desk in scene.terminals.iter().filter_map(Booth::desk) {
        let mut customer = desk.usual();
        change(&mut customer);
        desk.usually(customer);
    }
}

pub(super) async fn has_no_internet(scene: &mut Scene, _: &Words) {
    if let Some(desk) = scene.first().and_then(Booth::desk) {
        desk.internet(ReaderStatus::Offline);
    }
}

/// Another till, which the terminal serves as well, tried the same sale before.
pub(super) async fn has_an_older_attempt(scene: &mut Scene, _: &Words) {
    let reference = scene.reference.clone();
    if let Some(desk) = scene.first().and_then(Booth::desk) {
        desk.expect(Customer {
            declined: Some(DeclineCode::CardDeclined),
            taps_after: Some(Duration::ZERO),
            ..desk.usual()
        });
        desk.elsewhere(&reference, "an-older-key");
    }
    scene
        .wait_for("the older attempt did not end", SOON, |till| {
            stands(till, "failed")
        })
        .await;
}

/// Another till's sale is on the screen for a while.
pub(super) async fn is_busy(scene: &mut Scene, words: &Words) {
    let reference = format!("{}-of-another-till-{}", scene.reference, words.text(0));
    let Some(desk) = scene.terminal(words.text(0)).and_then(Booth::desk) else {
        return scene.stop("there is no such terminal");
    };
    desk.expect(Customer {
        taps_after: None,
        ..desk.usual()
    });
    desk.elsewhere(&reference, "another-key");
    let (desk, after) = (desk.clone(), Duration::from_millis(words.number(1)));
    tokio::spawn(async move {
        tokio::time::sleep(after).await;
        desk.red_button();
    });
}

pub(super) async fn has_the_payment(scene: &mut Scene, _: &Words) {
    scene
        .wait_for("no terminal had the payment", SOON, |till| {
            stands(till, "pending")
        })
        .await;
}

pub(super) async fn has_completed_it(scene: &mut Scene, _: &Words) {
    scene
        .wait_for("the payment was not completed", SOON, |till| {
            stands(till, "completed")
        })
        .await;
}

pub(super) async fn taps_now(scene: &mut Scene, _: &Words) {
    if let Some(desk) = scene.first().and_then(Booth::desk) {
        desk.tap();
    }
}

fn stands(till: &TillEvent, status: &str) -> bool {
    matches!(till, TillEvent::Stands { payment, .. } if payment["status"] == status)
}
