//! The internet and what a till does without it.

use std::time::{Duration, Instant};

use serde_json::Value;
use vinr_protocol::timing::HOST_UNREACHABLE_AFTER;

use super::hands;
use super::scene::{ASK_AGAIN, Attempt, OUTCOME_WITHIN, Scene};
use super::words::Words;
use crate::drivers::Ask;
use crate::journal::Event;
use crate::probe::Request;

/// How long a terminal may take to notice that the internet is away, or back: five times what `vinr-local/1` says.
const NOTICED_WITHIN: Duration = Duration::from_secs(15);

/// How long a queue may take to be sent.
const SENT_WITHIN: Duration = Duration::from_secs(30);

/// Currencies of which one has no offline limit on any device that we know.
const CURRENCIES: &[&str] = &["EUR", "GBP", "CHF", "JPY", "USD"];

/// Cuts the internet unless the scenario before left it so, and waits until the terminal knows it: a till would see
/// the same after some seconds.
pub(super) async fn is_away(scene: &mut Scene, _: &Words) {
    if !scene.odd.internet_is_away {
        cut(scene).await;
    }
    if !scene.is_stopped() {
        notices(scene, "offline").await;
    }
}

/// What the scenarios before left in the queue is sent.
pub(super) async fn is_empty(scene: &mut Scene, _: &Words) {
    if scene.odd.internet_is_away && restore(scene).await {
        notices(scene, "online").await;
    }
    if !empties(scene, SENT_WITHIN).await {
        scene.stop("what earlier scenarios queued is never sent");
    }
}

pub(super) async fn goes_away_this_moment(scene: &mut Scene, _: &Words) {
    cut(scene).await;
}

async fn cut(scene: &mut Scene) {
    let ask = Ask::to("cut_internet").because(
        "shows what the terminal does without the card network",
        vec![],
    );
    scene.odd.was_offline = true;
    scene.odd.internet_is_away = scene.question(ask).await.is_some();
    if !scene.odd.internet_is_away {
        // Whoever says that they cannot may have done half of it.
        let ask = Ask::to("restore_internet").because("nobody could cut it", vec![]);
        scene.context.drivers.ask(ask).await;
    }
}

pub(super) async fn comes_back(scene: &mut Scene, _: &Words) {
    if restore(scene).await {
        notices(scene, "online").await;
    }
}

/// Comes back, and is gone again before the queue is through.
pub(super) async fn comes_back_for(scene: &mut Scene, words: &Words) {
    if restore(scene).await {
        tokio::time::sleep(Duration::from_millis(words.number(0))).await;
        cut(scene).await;
    }
}

async fn restore(scene: &mut Scene) -> bool {
    let ask = Ask::to("restore_internet").because("what was queued can be sent now", vec![]);
    let is_back = scene.question(ask).await.is_some();
    if is_back {
        scene.odd.internet_is_away = false;
    }
    is_back
}

/// Waits until the terminal says so. One that does not say is given the time that it should need; one that says
/// otherwise for too long is taken at its deeds.
async fn notices(scene: &mut Scene, status: &str) {
    let began = Instant::now();
    loop {
        let said = reader(scene).await["status"].clone();
        let patience = match &said {
            Value::String(said) if said == status => return,
            Value::String(_) => NOTICED_WITHIN,
            _ => HOST_UNREACHABLE_AFTER * 2,
        };
        if began.elapsed() > patience {
            let text = format!("the terminal does not say that it is {status}: {said}");
            scene.journal().record(Event::Note { text });
            return;
        }
        tokio::time::sleep(ASK_AGAIN * 2).await;
    }
}

async fn reader(scene: &mut Scene) -> Value {
    let answer = scene.ask("how is it?", Request::get("/v1/reader")).await;
    answer.map(|answer| answer.json()).unwrap_or_default()
}

/// Where the terminal does not say how many it holds, the look-ups that follow wait for each of them.
pub(super) async fn is_sent(scene: &mut Scene, _: &Words) {
    empties(scene, SENT_WITHIN).await;
}

/// Waits until nothing is queued.
pub(super) async fn empties(scene: &mut Scene, limit: Duration) -> bool {
    let deadline = Instant::now() + limit;
    loop {
        match reader(scene).await["offline"]["queued"].as_u64() {
            Some(0) | None => return true,
            Some(_) if Instant::now() > deadline => return false,
            Some(_) => tokio::time::sleep(ASK_AGAIN).await,
        }
    }
}

pub(super) async fn asks_with_a_word(scene: &mut Scene, words: &Words) {
    let (money, name) = (words.money(0), words.text(1));
    let mut attempt = scene.attempt(name, money);
    let canary = scene.context.fresh("canary");
    attempt
        .further
        .insert("description".into(), canary.as_str().into());
    attempt
        .further
        .insert("metadata".into(), serde_json::json!({ "note": canary }));
    scene.pay(name, attempt).await;
}

/// In each currency that has a limit, a cent above it; nobody presents a card.
pub(super) async fn asks_above_each_limit(scene: &mut Scene, words: &Words) {
    for (currency, limit) in limits(scene) {
        let name = scene.one_more(words.text(0));
        let attempt = scene.attempt(&name, (limit + 1, &currency));
        scene.pay(&name, attempt).await;
    }
}

pub(super) async fn asks_above_a_limit(scene: &mut Scene, words: &Words) {
    if let Some((currency, limit)) = limits(scene).into_iter().next() {
        let attempt = scene.attempt(words.text(0), (limit + 1, &currency));
        scene.pay(words.text(0), attempt).await;
    }
}

pub(super) async fn pays_each_limit(scene: &mut Scene, words: &Words) {
    for (currency, limit) in limits(scene) {
        let name = scene.one_more(words.text(0));
        let attempt = scene.attempt(&name, (limit, &currency));
        pay(scene, &name, attempt, words.text(1)).await;
    }
}

pub(super) async fn asks_in_another_currency(scene: &mut Scene, words: &Words) {
    let limits = limits(scene);
    let foreign = CURRENCIES
        .iter()
        .find(|code| !limits.iter().any(|(own, _)| own == *code));
    match foreign {
        Some(currency) => {
            let attempt = scene.attempt(words.text(1), (words.digits(0), currency));
            scene.pay(words.text(1), attempt).await;
        }
        None => scene.stop("the profile has a limit for every currency that the suite knows"),
    }
}

/// As many as the profile says, not as the terminal does.
pub(super) async fn fills_the_queue(scene: &mut Scene, words: &Words) {
    let places = scene.context.offline.as_ref().map(|sheet| sheet.max_queued);
    queue(
        scene,
        u64::from(places.unwrap_or_default()),
        words.money(0),
        words.text(1),
    )
    .await;
}

pub(super) async fn queues(scene: &mut Scene, words: &Words) {
    queue(scene, words.number(0), words.money(1), words.text(2)).await;
}

async fn queue(scene: &mut Scene, count: u64, money: (u64, &str), group: &str) {
    for _ in 0..count {
        let name = scene.one_more(group);
        let attempt = scene.attempt(&name, money);
        pay(scene, &name, attempt, "approved").await;
        if scene.is_stopped() {
            return;
        }
    }
}

/// One sale from the command to its answer.
async fn pay(scene: &mut Scene, name: &str, attempt: Attempt, card: &str) {
    scene.pay(name, attempt).await;
    if !scene.is_stopped() && scene.is_accepted(name).await {
        hands::tap(scene, card).await;
        scene.answer(name, OUTCOME_WITHIN).await;
    }
}

/// What the profile allows in each currency, in minor units.
fn limits(scene: &Scene) -> Vec<(String, u64)> {
    let sheet = scene.context.offline.as_ref();
    let limits = sheet.into_iter().flat_map(|sheet| &sheet.limits);
    limits
        .map(|(currency, limit)| {
            let limit = if scene.odd.limits {
                half(limit.minor_units())
            } else {
                limit.minor_units()
            };
            (currency.code().to_owned(), limit)
        })
        .collect()
}

fn half(limit: u64) -> u64 {
    (limit / 2).max(1)
}

/// The limits of [`limits`] are halved from here on, too.
pub(super) async fn halves_the_limits(scene: &mut Scene, _: &Words) {
    let places = scene.context.offline.as_ref().map(|sheet| sheet.max_queued);
    let halved = limits(scene)
        .into_iter()
        .map(|(currency, limit)| (currency, half(limit)));
    let sheet = (halved.collect(), places.unwrap_or_default());
    scene.odd.limits = true;
    if let Err(why) = scene.context.drivers.set_limits(Some(sheet)).await {
        scene.stop(why);
    }
}

pub(super) async fn moves_the_clock(scene: &mut Scene, words: &Words) {
    let ahead = Duration::from_secs(words.number(0) * 3600 + words.number(1) * 60);
    if scene.context.real_time {
        scene.stop("with --real-time no clock is set, and nobody waits for a day");
        return;
    }
    scene.set_clock(ahead).await;
}

pub(super) async fn switches_local_mode_off(scene: &mut Scene, _: &Words) {
    scene.odd.local_mode = true;
    let ask = Ask::to("toggle_local_mode").with("on", false).because(
        "shows that nothing new begins and nothing is left hanging",
        vec![],
    );
    scene.question(ask).await;
}
