//! What happens to the list of revoked tills, and what a lost till does.

use std::time::{Duration, Instant};

use serde_json::Value;
use vinr_protocol::question::Answered;

use super::scene::{ASK_AGAIN, SOON, Scene};
use super::words::Words;
use crate::drivers::Ask;
use crate::journal::Event;
use crate::probe::Request;
use crate::subject::{List, Lists};

/// A new list counts within this, on open connections too. §2
const EFFECT_WITHIN: Duration = Duration::from_secs(1);

/// A list that ends soon does so after this, when it was signed.
const ENDS_AFTER: Duration = Duration::from_secs(3);

/// Where the terminal's clock can be set, nobody waits for the end: the list ends after this on that clock.
const ENDS_IN: Duration = Duration::from_secs(3600);

/// A terminal's clock may be this much slow.
const CLOCKS_DIFFER: Duration = Duration::from_secs(2);

/// It is there when the lost till is let in: a list before it may have said otherwise.
pub(super) async fn of_nobody_is_in_force(scene: &mut Scene, _: &Words) {
    let Some(lists) = kit(scene) else {
        return;
    };
    scene.odd.list = true;
    match lists.of_nobody().await {
        Ok(list) => {
            if handed_over(scene, list).await {
                is_let_in(scene, &lists).await;
            }
        }
        Err(why) => cannot_be_signed(scene, &why),
    }
}

/// Who is let in says nothing of this one: when the list before it ended nobody was sent away.
pub(super) async fn comes_anew(scene: &mut Scene, _: &Words) {
    let Some(lists) = kit(scene) else {
        return;
    };
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

/// Its last moment is waited for, and a little more; or the terminal's clock is set to where that is past.
pub(super) async fn ends(scene: &mut Scene, _: &Words) {
    let Some(lists) = kit(scene) else {
        return;
    };
    let by_the_clock = scene.context.may_set_clocks();
    let after = if by_the_clock { ENDS_IN } else { ENDS_AFTER };
    let now = jiff::Timestamp::now();
    let until = now.checked_add(after).unwrap_or(now);
    match lists.that_ends(until.into()).await {
        Ok(list) => install(scene, list).await,
        Err(why) => cannot_be_signed(scene, &why),
    }
    if scene.is_stopped() {
        return;
    }
    if by_the_clock {
        scene.set_clock(ENDS_IN + CLOCKS_DIFFER).await;
    } else {
        tokio::time::sleep(ENDS_AFTER + CLOCKS_DIFFER).await;
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
    if handed_over(scene, list).await {
        tokio::time::sleep(EFFECT_WITHIN).await;
    }
}

async fn handed_over(scene: &mut Scene, list: List) -> bool {
    let answer = hand_over(scene, &list).await;
    if answer.answer != Answered::Done {
        let why = answer.why.as_deref().unwrap_or("nobody says why");
        scene.stop(format!("nobody could install a revocation list: {why}"));
        return false;
    }
    scene.lists.push(list);
    true
}

/// Waits until the till that is to be revoked is served, or as long as a list may take.
async fn is_let_in(scene: &mut Scene, lists: &Lists) {
    const ASKED: &str = "is it let in?";
    let deadline = Instant::now() + EFFECT_WITHIN;
    loop {
        let reader = Request::get("/v1/reader");
        scene.send_as(ASKED, Some(&lists.till), reader).await;
        let answer = scene.answer(ASKED, SOON).await;
        scene.hang_up(ASKED).await;
        if answer.is_some_and(|answer| answer.status == 200) || Instant::now() > deadline {
            return;
        }
        tokio::time::sleep(ASK_AGAIN).await;
    }
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
