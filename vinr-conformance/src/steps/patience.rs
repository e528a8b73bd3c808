//! How long a till may have to wait, when nobody else answers the terminal either.

use std::time::Duration;

use super::scene::Scene;
use super::simulators::starts;
use super::words::Words;
use crate::drivers::Ask;
use crate::journal::{Event, Said};
use crate::subject::Beside;

/// A simulator of the suite's own lives through its 90 s in three.
const PACE: u32 = 30;

/// Longer than anybody waits.
const SILENT_MS: u64 = 600_000;

/// A till gives up after 120 s; what has not come by then is never seen. §4.1
const LONG: Duration = Duration::from_secs(115);

/// Where the terminal is a simulator of this process, one with a fast clock takes its place.
pub(super) async fn keeps_silent(scene: &mut Scene, _: &Words) {
    if scene.context.subject.embedded.is_some() && scene.context.real_time {
        starts(scene, Beside::Plain).await;
    } else if scene.context.subject.embedded.is_some() {
        starts(scene, Beside::Hastened(PACE)).await;
        let text = format!("the terminal's own waits go by {PACE} times as fast as real time");
        scene.journal().record(Event::Note { text });
    }
    scene.odd.host = scene.own.is_none();
    let ask = Ask::to("set_host").with("delayMs", SILENT_MS).because(
        "shows that the till is answered although nobody answers the terminal",
        vec![],
    );
    scene.question(ask).await;
}

/// Every answer that is still to come.
pub(super) async fn waits(scene: &mut Scene, _: &Words) {
    let patience = LONG / pace(scene);
    let names: Vec<_> = scene.attempts.keys().cloned().collect();
    for name in names {
        scene.answer(&name, patience).await;
    }
}

pub(super) async fn answered_within(scene: &mut Scene, words: &Words) {
    scene.claim(Said::Within {
        exchange: scene.number(words.text(0)),
        limit_ms: words.number(1) * 1000,
        pace: pace(scene),
    });
}

fn pace(scene: &Scene) -> u32 {
    match scene.own.is_some() && !scene.context.real_time {
        true => PACE,
        false => 1,
    }
}
