//! The shop: its terminals, its customers, its host.

use std::time::Duration;

use vinr_protocol::payment::DeclineCode;
use vinr_protocol::reader::ReaderStatus;

use crate::client::scene::{SOON, Scene};
use crate::client::stage::{Booth, Customer, Desk};
use crate::journal::{Event, Journal, TillEvent};
use crate::steps::words::Words;

/// The pause between two looks at the journal.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// How often a till asks for a terminal that is busy, before it is said to wait for that one alone.
const PASSED_BY: u32 = 10;

/// When a terminal is free for a till that waits for it and does not ask.
const FREE_AFTER: Duration = Duration::from_secs(90);

/// When a terminal is free that a till has looked at and not tried.
const IDLE_AFTER: Duration = Duration::from_secs(20);

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
    let Some(desk) = busied(scene, words.text(0)) else {
        return;
    };
    let after = Duration::from_millis(words.number(1));
    tokio::spawn(async move {
        tokio::time::sleep(after).await;
        desk.red_button();
    });
}

/// Until the till was told that this terminal is busy: however long it took to get there, it has met both of them so.
/// One that asks who is idle, and does not try, is told nothing: for it the screen is free after a while.
pub(super) async fn is_busy_until_told(scene: &mut Scene, words: &Words) {
    let Some(desk) = busied(scene, words.text(0)) else {
        return;
    };
    let journal = scene.journal().clone();
    tokio::spawn(async move {
        let at = desk.terminal().as_str();
        let mut left = IDLE_AFTER;
        while !is_refused(&journal, at) && !left.is_zero() {
            tokio::time::sleep(LOOK_AGAIN).await;
            if asked(&journal, 0, at) > 0 {
                left = left.saturating_sub(LOOK_AGAIN);
            }
        }
        desk.red_button();
    });
}

/// Until the till has gone on asking it for a while although the other one was free: nothing is hurried here by a slow
/// machine, and a till that looks at all of them has gone to the other one long before.
pub(super) async fn is_busy_until_passed_by(scene: &mut Scene, words: &Words) {
    let other = scene.terminal(words.text(1)).and_then(Booth::desk).cloned();
    let (Some(desk), Some(other)) = (busied(scene, words.text(0)), other) else {
        return scene.stop("there is no such terminal");
    };
    let journal = scene.journal().clone();
    tokio::spawn(async move {
        let mut left = FREE_AFTER;
        // It is not busy yet.
        while other.is_idle() && !left.is_zero() {
            tokio::time::sleep(LOOK_AGAIN).await;
            left = left.saturating_sub(LOOK_AGAIN);
        }
        while !other.is_idle() && !left.is_zero() {
            tokio::time::sleep(LOOK_AGAIN).await;
            left = left.saturating_sub(LOOK_AGAIN);
        }
        let free = journal.last_seq();
        let at = desk.terminal().as_str();
        while asked(&journal, free, at) < PASSED_BY && !left.is_zero() {
            tokio::time::sleep(LOOK_AGAIN).await;
            left = left.saturating_sub(LOOK_AGAIN);
        }
        desk.red_button();
    });
}

/// A `pay` to this terminal was answered with an error.
fn is_refused(journal: &Journal, terminal: &str) -> bool {
    let mut pays = Vec::new();
    journal.any_after(0, |entry| match &entry.event {
        Event::Till(TillEvent::Request {
            exchange, at, path, ..
        }) if at == terminal && path == "/v1/pay" => {
            pays.push(*exchange);
            false
        }
        Event::Till(TillEvent::Body {
            exchange, status, ..
        }) => *status >= 400 && pays.contains(exchange),
        _ => false,
    })
}

/// How much was asked of this terminal after that entry.
fn asked(journal: &Journal, after: u64, terminal: &str) -> u32 {
    let mut count = 0;
    journal.any_after(after, |entry| {
        let is_own =
            matches!(&entry.event, Event::Till(TillEvent::Request { at, .. }) if at == terminal);
        count += u32::from(is_own);
        false
    });
    count
}

/// A terminal with another till's sale on its screen.
fn busied(scene: &mut Scene, letter: &str) -> Option<Desk> {
    let Some(desk) = scene.terminal(letter).and_then(Booth::desk).cloned() else {
        scene.stop("there is no such terminal");
        return None;
    };
    desk.expect(Customer {
        taps_after: None,
        ..desk.usual()
    });
    let reference = format!("{}-of-another-till-{letter}", scene.reference);
    desk.elsewhere(&reference, "another-key");
    Some(desk)
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
