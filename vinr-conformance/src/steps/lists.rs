//! What happens to the list of revoked tills, and what a lost till does.

use std::time::Duration;

use serde_json::Value;
use vinr_protocol::question::Answered;

use super::scene::{SOON, Scene};
use super::words::Words;
use crate::drivers::Ask;
use crate::journal::Event;
use crate::probe::Request;
use crate::subject::{List, Lists};

/// A new list counts within this, on open connections too. §2
const EFFECT_WITHIN: Duration = Duration::from_secs(1);

/// A list that ends soon does so after this, when it was signed.
const ENDS_AFTER: Duration = Duration::from_secs(3);

/// A terminal's clock may be this much slow.
const CLOCKS_DIFFER: Duration = Duration::from_secs(2);

pub(super) async fn of_nobody_is_in_force(scene: &mut Scene, _: &Words) {
    let Some(lists) = kit(scene) else {
        return;
    };
    scene.odd.list = true;
    match lists.of_nobody().await {
        Ok(list) => install(scene, list).await,
        Err(why) => cannot_be_signed(scene, &why),
    }
}

pub(super) async fn revokes(scene: &mut Scene, _: &Words) {
    let Some(lists) = kit(scene) else {
        return;
    };
    match lists.of_the_till().await {
        Ok(list) => install(scene, list).await,
        Err(why) => cannot_be_signed(scene, &why),
    }
}

/// Its last moment is waited for, and a little more.
pub(super) async fn ends(scene: &mut Scene, _: &Words) {
    let Some(lists) = kit(scene) else {
        return;
    };
    let now = jiff::Timestamp::now();
    let until = now.checked_add(ENDS_AFTER).unwrap_or(now);
    match lists.that_ends(until.into()).await {
        Ok(list) => {
            install(scene, list).await;
            if !scene.is_stopped() {
                tokio::time::sleep(ENDS_AFTER + CLOCKS_DIFFER).await;
            }
        }
        Err(why) => cannot_be_signed(scene, &why),
    }
}

/// The list before the newest, which was in force.
pub(super) async fn offers_the_older(scene: &mut Scene, _: &Words) {
    match scene.lists.iter().rev().nth(1).cloned() {
        Some(list) => offer(scene, &list).await,
        None => scene.stop("there is no older list"),
    }
}

pub(super) async fn offers_a_forged(scene: &mut Scene, _: &Words) {
    let Some(lists) = kit(scene) else {
        return;
    };
    match lists.forged(&scene.context.subject.till).await {
        Ok(list) => offer(scene, &list).await,
        Err(why) => cannot_be_signed(scene, &why),
    }
}

pub(super) async fn offers_a_foreign(scene: &mut Scene, _: &Words) {
    let (Some(lists), Some(newest)) = (kit(scene), scene.lists.last().cloned()) else {
        scene.stop("there is no list that it could be newer than");
        return;
    };
    match lists.foreign(&scene.context.subject.till, &newest) {
        Ok(list) => offer(scene, &list).await,
        Err(why) => cannot_be_signed(scene, &why),
    }
}

pub(super) async fn asks_who(scene: &mut Scene, words: &Words) {
    let Some(lists) = kit(scene) else {
        return;
    };
    let request = Request::get("/v1/reader");
    scene
        .send_as(words.text(0), Some(&lists.till), request)
        .await;
    scene.answer(words.text(0), SOON).await;
}

pub(super) async fn asks(scene: &mut Scene, words: &Words) {
    let Some(lists) = kit(scene) else {
        return;
    };
    let name = words.text(1);
    let attempt = scene.attempt(name, words.money(0));
    let request = attempt.request(&scene.context);
    scene.attempts.insert(name.to_owned(), attempt);
    scene.send_as(name, Some(&lists.till), request).await;
}

/// A connection that was closed meanwhile says no, too: then the request is lost on it.
pub(super) async fn asks_on_the_open_connection(scene: &mut Scene, words: &Words) {
    let name = words.text(2);
    let attempt = scene.attempt(name, words.money(0));
    let request = attempt.request(&scene.context);
    scene.attempts.insert(name.to_owned(), attempt);
    if !scene.send_on(words.text(1), name, request).await {
        scene.stop("the terminal keeps no connection open: there was none to go on with");
    }
}

pub(super) async fn answered_all_the_same(scene: &mut Scene, words: &Words) {
    scene.claim(crate::journal::Said::StillAnswered {
        exchange: scene.number(words.text(0)),
    });
}

/// A list that nobody needs, whatever became of those before it.
pub(super) async fn puts_right(scene: &mut Scene) {
    let Some(lists) = scene.context.subject.lists.clone() else {
        return;
    };
    if let Ok(list) = lists.of_nobody().await {
        hand_over(scene, &list).await;
    }
}

fn kit(scene: &mut Scene) -> Option<std::sync::Arc<Lists>> {
    let kit = scene.context.subject.lists.clone();
    if kit.is_none() {
        scene.stop(
            "nobody signs revocation lists for the suite: certification/pos-to-be-revoked, or [revocation] sign, is missing",
        );
    }
    kit
}

fn cannot_be_signed(scene: &mut Scene, why: &str) {
    scene.stop(format!("no revocation list can be signed: {why}"));
}

/// The terminal must get it: without that nothing is shown by what it does afterwards.
async fn install(scene: &mut Scene, list: List) {
    let answer = hand_over(scene, &list).await;
    if answer.answer != Answered::Done {
        let why = answer.why.as_deref().unwrap_or("nobody says why");
        scene.stop(format!("nobody could install a revocation list: {why}"));
        return;
    }
    scene.lists.push(list);
    tokio::time::sleep(EFFECT_WITHIN).await;
}

/// Whether it is refused aloud or in silence, what counts is what it changes.
async fn offer(scene: &mut Scene, list: &List) {
    hand_over(scene, list).await;
    tokio::time::sleep(EFFECT_WITHIN).await;
}

async fn hand_over(scene: &mut Scene, list: &List) -> vinr_protocol::question::Answer {
    scene.journal().record(Event::Note {
        text: list.words.clone(),
    });
    let path = Value::from(list.path.display().to_string());
    let why = "shows whom the terminal takes for a till, and until when";
    let ask = Ask::to("install_crl")
        .with("path", path)
        .because(why, vec![]);
    scene.context.drivers.ask(ask).await
}
