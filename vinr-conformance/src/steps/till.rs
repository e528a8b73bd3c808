//! What a till does.

use std::time::{Duration, Instant};

use super::scene::{ASK_AGAIN, OUTCOME_WITHIN, SOON, Scene};
use super::words::Words;
use crate::probe::Request;

/// How long a terminal may take to be idle again, a restart included.
const IDLE_WITHIN: Duration = Duration::from_secs(20);

pub(super) async fn waits_until_idle(scene: &mut Scene, _: &Words) {
    if !scene.becomes_idle(IDLE_WITHIN).await {
        scene.stop("the terminal did not become idle");
    }
}

pub(super) async fn asks(scene: &mut Scene, words: &Words) {
    let attempt = scene.attempt(words.text(1), words.money(0));
    scene.pay(words.text(1), attempt).await;
}

pub(super) async fn asks_without_a_key(scene: &mut Scene, words: &Words) {
    let mut attempt = scene.attempt(words.text(1), words.money(0));
    attempt.key = None;
    scene.pay(words.text(1), attempt).await;
}

pub(super) async fn asks_for_a_later_capture(scene: &mut Scene, words: &Words) {
    let mut attempt = scene.attempt(words.text(1), words.money(0));
    attempt
        .further
        .insert("captureMethod".into(), "manual".into());
    scene.pay(words.text(1), attempt).await;
}

pub(super) async fn asks_with_a_time_out(scene: &mut Scene, words: &Words) {
    let mut attempt = scene.attempt(words.text(2), words.money(0));
    attempt
        .further
        .insert("timeoutMs".into(), words.number(1).into());
    scene.pay(words.text(2), attempt).await;
}

pub(super) async fn asks_another(scene: &mut Scene, words: &Words) {
    let mut attempt = scene.attempt(words.text(1), words.money(0));
    attempt
        .further
        .insert("terminalId".into(), "term_of_another_shop".into());
    scene.pay(words.text(1), attempt).await;
}

pub(super) async fn sends_again(scene: &mut Scene, words: &Words) {
    let attempt = scene.known(words.text(0));
    scene.pay(words.text(1), attempt).await;
}

pub(super) async fn sends_again_for(scene: &mut Scene, words: &Words) {
    let mut attempt = scene.known(words.text(0));
    (attempt.amount, _) = words.money(1);
    scene.pay(words.text(2), attempt).await;
}

pub(super) async fn sends_again_with_a_new_key(scene: &mut Scene, words: &Words) {
    let mut attempt = scene.known(words.text(0));
    attempt.key = Some(scene.context.fresh("key"));
    scene.pay(words.text(1), attempt).await;
}

pub(super) async fn sends_after_all(scene: &mut Scene, words: &Words) {
    let attempt = scene.known(words.text(0));
    scene.pay(words.text(0), attempt).await;
}

pub(super) async fn hangs_up(scene: &mut Scene, words: &Words) {
    scene.hang_up(words.text(0)).await;
}

pub(super) async fn closes(scene: &mut Scene, words: &Words) {
    scene.answer(words.text(0), SOON).await;
    scene.hang_up(words.text(0)).await;
}

pub(super) async fn waits_for_the_answer(scene: &mut Scene, words: &Words) {
    scene.answer(words.text(0), OUTCOME_WITHIN).await;
}

pub(super) async fn asks_who(scene: &mut Scene, words: &Words) {
    scene.ask(words.text(0), Request::get("/v1/reader")).await;
}

pub(super) async fn looks_up(scene: &mut Scene, words: &Words) {
    let reference = scene.known(words.text(0)).reference;
    scene.ask(words.text(1), of(&reference)).await;
}

/// Compared byte for byte: the same letters in another case are another sale.
pub(super) async fn looks_up_in_other_letters(scene: &mut Scene, words: &Words) {
    let reference = scene.known(words.text(0)).reference;
    let swapped: String = reference
        .chars()
        .map(|letter| {
            if letter.is_ascii_lowercase() {
                letter.to_ascii_uppercase()
            } else {
                letter.to_ascii_lowercase()
            }
        })
        .collect();
    scene.ask(words.text(1), of(&swapped)).await;
}

pub(super) async fn looks_up_nothing(scene: &mut Scene, words: &Words) {
    let reference = scene.context.fresh("never");
    scene.ask(words.text(0), of(&reference)).await;
}

pub(super) async fn looks_up_until_final(scene: &mut Scene, words: &Words) {
    until_final(scene, words.text(0), words.text(1)).await;
}

pub(super) async fn looks_up_each_until_final(scene: &mut Scene, words: &Words) {
    for name in scene.each(words.text(0)) {
        until_final(scene, &name, &format!("look-up of {name}")).await;
    }
}

async fn until_final(scene: &mut Scene, name: &str, look_up: &str) {
    let reference = scene.known(name).reference;
    let deadline = Instant::now() + OUTCOME_WITHIN;
    while Instant::now() < deadline {
        let answer = scene.ask(look_up, of(&reference)).await;
        let status = answer.map(|answer| answer.json()["data"][0]["status"].clone());
        let is_final = |status: &serde_json::Value| {
            ["completed", "failed", "cancelled"]
                .iter()
                .any(|word| status == word)
        };
        if status.as_ref().is_some_and(is_final) {
            return;
        }
        tokio::time::sleep(ASK_AGAIN).await;
    }
}

pub(super) async fn cancels(scene: &mut Scene, words: &Words) {
    let request = scene.known(words.text(0)).cancel(&scene.context);
    scene.ask(words.text(1), request).await;
}

pub(super) async fn cancels_before(scene: &mut Scene, words: &Words) {
    let attempt = scene.attempt(words.text(0), (2500, "USD"));
    let request = attempt.cancel(&scene.context);
    scene.attempts.insert(words.text(0).to_owned(), attempt);
    scene.ask(words.text(1), request).await;
}

/// About the sale, not the attempt: the cancel carries no key, the later `pay` does.
pub(super) async fn cancels_the_sale(scene: &mut Scene, words: &Words) {
    let name = words.text(0);
    if !scene.attempts.contains_key(name) {
        let attempt = scene.attempt(name, (2500, "USD"));
        scene.attempts.insert(name.to_owned(), attempt);
    }
    let mut attempt = scene.known(name);
    attempt.key = None;
    let request = attempt.cancel(&scene.context);
    scene.ask(words.text(1), request).await;
}

fn of(reference: &str) -> Request {
    Request::get(format!("/v1/payments?reference={reference}"))
}
