//! What needs hands: cards, plugs, the host.

use std::time::Duration;

use vinr_protocol::question::Answered;

use super::scene::Scene;
use super::till;
use super::words::Words;
use crate::drivers::Ask;

/// How long somebody with a card waits for the terminal to ask for it.
pub(super) const CARD_WITHIN: Duration = Duration::from_secs(5);

/// A tap that the terminal should not take is offered for so long.
const UNWANTED_TAP: Duration = Duration::from_millis(400);

/// Cards that want a PIN when their chip is read.
const WITH_PIN: &[&str] = &["approved_with_pin", "incorrect_pin"];

const OFF_MS: u64 = 100;

pub(super) async fn taps(scene: &mut Scene, words: &Words) {
    tap(scene, words.text(0)).await;
}

pub(super) async fn tap(scene: &mut Scene, card: &str) {
    // A device that reads no card from afar is given its chip.
    let entry = match scene.context.has("contactless") {
        true => "contactless",
        false => "chip",
    };
    present(scene, card, entry).await;
}

pub(super) async fn presents(scene: &mut Scene, words: &Words) {
    let (card, entry) = (words.text(0), words.text(1));
    present(scene, card, entry).await;
    if entry == "chip" && WITH_PIN.contains(&card) {
        let ask = Ask::to("enter_pin").because("the card wants a PIN", vec![]);
        scene.question(ask).await;
    }
}

/// Where the terminal itself no longer waits for a card, that nobody can present one is its own doing, and
/// the scenario goes on to find that out.
async fn present(scene: &mut Scene, card: &str, entry: &str) {
    let ask = Ask::to("present_card").with("card", card);
    pay(scene, ask.with("entry", entry)).await;
}

/// As the card mostly is.
pub(super) async fn present_as_it_is_read(scene: &mut Scene, card: &str) {
    pay(scene, Ask::to("present_card").with("card", card)).await;
}

async fn pay(scene: &mut Scene, ask: Ask) {
    let ask = ask.because("the customer pays", vec![]).within(CARD_WITHIN);
    let answer = scene.context.drivers.ask(ask).await;
    if answer.answer == Answered::Cannot && scene.something_waits_for_a_card().await {
        let why = answer.why.as_deref().unwrap_or("nobody says why");
        scene.stop(format!("nobody could present a card: {why}"));
    }
}

/// Nobody asked for a card; whether the terminal takes it is what the scenario wants to know.
pub(super) async fn taps_all_the_same(scene: &mut Scene, words: &Words) {
    offer(scene, words.text(0), "contactless").await;
}

/// The same, in a way in which the profile says that no card can be read.
pub(super) async fn presents_all_the_same(scene: &mut Scene, words: &Words) {
    offer(scene, words.text(0), words.text(1)).await;
}

async fn offer(scene: &mut Scene, card: &str, entry: &str) {
    let ask = Ask::to("present_card")
        .with("card", card)
        .with("entry", entry)
        .because("a tap that comes too late must charge nobody", vec![])
        .within(UNWANTED_TAP);
    scene.context.drivers.ask(ask).await;
}

pub(super) async fn slows_the_host(scene: &mut Scene, words: &Words) {
    scene.odd.host = true;
    let ask = Ask::to("set_host")
        .with("delayMs", words.number(0))
        .because("an authorization takes its time", vec![]);
    scene.question(ask).await;
}

pub(super) async fn cuts_the_power(scene: &mut Scene, words: &Words) {
    // What was shown before the cut must not look as if it were shown after it.
    scene.settle().await;
    scene.cut = scene.journal().last_seq();
    let ask = Ask::to("power_cycle")
        .with("offMs", OFF_MS)
        .because(
            "what was answered or shown must survive a power cut",
            vec![],
        )
        .within(Duration::from_secs(60));
    if scene.question(ask).await.is_some() {
        till::waits_until_idle(scene, words).await;
    }
}
