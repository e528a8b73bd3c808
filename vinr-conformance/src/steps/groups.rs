//! A shop with two terminals, and sales that either may take. \[GRP-1, GRP-2, GRP-3, GRP-4\]

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::hands::CARD_WITHIN;
use super::scene::{ASK_AGAIN, Attempt, OUTCOME_WITHIN, SOON, Scene};
use super::simulators::{cloud, starts};
use super::words::Words;
use crate::drivers::Ask;
use crate::journal::{CloudAnswer, Event, Said};
use crate::merchant::ApiError;
use crate::probe::Request;
use crate::run::Context;
use crate::subject::Beside;

/// How long both terminals may take to reach their cloud.
const LINKED_WITHIN: Duration = Duration::from_secs(10);

/// A tap at a terminal that asks for no card waits no longer for it.
const TAP_WITHIN: Duration = Duration::from_millis(300);

/// How long a customer at each terminal may take for all sales.
const ALL_PAID_WITHIN: Duration = Duration::from_secs(10);

/// A sale that the cloud was given for either terminal.
#[derive(Debug, Clone)]
pub(super) struct GroupSale {
    reference: String,
    /// The cloud's id of it; none where it was refused.
    id: Option<String>,
}

pub(super) async fn opens(scene: &mut Scene, _: &Words) {
    starts(scene, Beside::Pair).await;
    let Some(own) = &scene.own else {
        return;
    };
    if !own.are_linked(LINKED_WITHIN).await {
        return scene.stop("the terminals do not reach their cloud");
    }
    let second = own.second().map_err(|error| error.to_string());
    let second = second.and_then(|subject| {
        let second = scene.context.beside(subject);
        second.map_err(|error| error.to_string())
    });
    match second {
        Ok(second) => scene.second = Some(second),
        Err(why) => scene.stop(why),
    }
}

/// A till without a LAN, which is answered at once: who takes the card it learns later.
pub(super) async fn asks(scene: &mut Scene, words: &Words) {
    let sales = vec![scene.attempt(words.text(1), words.money(0))];
    asks_for(scene, words.text(1), sales).await;
}

pub(super) async fn asks_at_once(scene: &mut Scene, words: &Words) {
    let one = |scene: &Scene| scene.attempt(words.text(2), words.money(0));
    let sales = (0..words.number(1)).map(|_| one(scene)).collect();
    asks_for(scene, words.text(2), sales).await;
}

async fn asks_for(scene: &mut Scene, name: &str, sales: Vec<Attempt>) {
    let api = match cloud(scene) {
        Ok(api) => api,
        Err(why) => return scene.stop(why),
    };
    let Some(second) = &scene.second else {
        return scene.stop("there is one terminal");
    };
    let group = [&scene.context, second].map(|it| it.subject.terminal.to_string());
    let asked = sales.iter().map(|sale| {
        let mut body = sale.body(&scene.context);
        if let Some(members) = body.as_object_mut() {
            members.remove("terminalId");
        }
        body["terminalGroup"] = json!(group);
        let key = sale.key.clone().unwrap_or_default();
        let api = &api;
        async move {
            api.call_with_key("POST", "/v1/terminal/payments", Some(&body), &key)
                .await
        }
    });
    let answers = join_all(asked.collect::<Vec<_>>()).await;
    for (sale, answer) in sales.into_iter().zip(answers) {
        let (body, id) = match answer {
            Ok(body) => {
                let id = body["id"].as_str().map(str::to_owned);
                (body.to_string(), id)
            }
            Err(ApiError::Refused { message, .. }) => (message, None),
            Err(ApiError::Unusable(why)) => (why, None),
        };
        say(scene, &sale.reference, body);
        let reference = sale.reference;
        let sales = scene.group_sales.entry(name.to_owned()).or_default();
        sales.push(GroupSale { reference, id });
    }
}

fn say(scene: &Scene, reference: &str, body: String) {
    let reference = reference.to_owned();
    let answer = CloudAnswer { reference, body };
    scene.journal().record(Event::CloudAnswer(answer));
}

pub(super) async fn asks_the_second(scene: &mut Scene, words: &Words) {
    let Some(second) = scene.second.clone() else {
        return scene.stop("there is one terminal");
    };
    let attempt = scene.attempt(words.text(1), words.money(0));
    let request = attempt.request(&second);
    send(scene, &second, words.text(1), request).await;
}

async fn send(scene: &mut Scene, to: &Context, name: &str, request: Request) {
    let till = to.subject.till.clone();
    let connection = to.probe.connect(Some(&till)).await;
    let mut exchange = connection.send(request).await;
    exchange.head_within(SOON).await;
    scene.keep(name, exchange);
}

/// At the second terminal.
pub(super) async fn taps_at_the_second(scene: &mut Scene, words: &Words) {
    let Some(second) = scene.second.clone() else {
        return scene.stop("there is one terminal");
    };
    tap(&second, words.text(0), CARD_WITHIN).await;
}

async fn tap(at: &Context, card: &str, within: Duration) {
    let ask = Ask::to("present_card").with("card", card);
    let ask = ask.because("the customer pays", vec![]).within(within);
    // A terminal that asks for no card is seen by its look-ups.
    at.drivers.ask(ask).await;
}

/// Until either terminal has it; then once more at both, so that neither look-up is older than that.
pub(super) async fn appears(scene: &mut Scene, words: &Words) {
    let name = words.text(0);
    let deadline = Instant::now() + SOON;
    while !looks_up_at_both(scene, name).await && Instant::now() < deadline {
        tokio::time::sleep(ASK_AGAIN).await;
    }
    looks_up_at_both(scene, name).await;
}

/// Looks each sale of this name up at both terminals; does either show one?
async fn looks_up_at_both(scene: &mut Scene, name: &str) -> bool {
    let both = [Some(scene.context.clone()), scene.second.clone()];
    let mut is_there = false;
    for sale in scene.group_sales.get(name).cloned().unwrap_or_default() {
        for (place, context) in PLACES.into_iter().zip(&both) {
            let Some(context) = context else {
                continue;
            };
            let look_up = format!("{name} {place}");
            let request = Request::get(format!("/v1/payments?reference={}", sale.reference));
            send(scene, context, &look_up, request).await;
            let answer = scene.answer(&look_up, SOON).await;
            let listed = answer.map(|answer| answer.json()["data"].clone());
            is_there |= listed.is_some_and(|it| it.as_array().is_some_and(|it| !it.is_empty()));
        }
    }
    is_there
}

const PLACES: [&str; 2] = ["at the first", "at the second"];

/// Customers with cards at both terminals, until the cloud says of every sale how it ended.
pub(super) async fn all_pay(scene: &mut Scene, words: &Words) {
    let name = words.text(0);
    let deadline = Instant::now() + ALL_PAID_WITHIN;
    while Instant::now() < deadline {
        looks_up_at_both(scene, name).await;
        let both = [Some(scene.context.clone()), scene.second.clone()];
        let taps = both.iter().flatten();
        join_all(taps.map(|at| tap(at, "approved", TAP_WITHIN))).await;
        if all_ended(scene, name).await {
            break;
        }
    }
    looks_up_at_both(scene, name).await;
    for sale in scene.group_sales.get(name).cloned().unwrap_or_default() {
        scene.read_ledger(&sale.reference).await;
    }
}

/// Does the cloud say of each sale of this name how it ended?
async fn all_ended(scene: &Scene, name: &str) -> bool {
    let Ok(api) = cloud(scene) else {
        return true;
    };
    for sale in scene.group_sales.get(name).into_iter().flatten() {
        let Some(id) = &sale.id else {
            continue;
        };
        let path = format!("/v1/terminal/payments/{id}");
        let payment = api.call("GET", &path, None).await.unwrap_or_default();
        if !is_final(&payment) {
            return false;
        }
        say(scene, &sale.reference, payment.to_string());
    }
    true
}

fn is_final(payment: &Value) -> bool {
    ["completed", "failed", "cancelled"]
        .iter()
        .any(|status| payment["status"] == *status)
}

pub(super) async fn cloud_says_how(scene: &mut Scene, words: &Words) {
    let deadline = Instant::now() + OUTCOME_WITHIN;
    while !all_ended(scene, words.text(0)).await && Instant::now() < deadline {
        tokio::time::sleep(ASK_AGAIN).await;
    }
}

pub(super) async fn is_at_the(scene: &mut Scene, words: &Words) {
    let name = words.text(0);
    let [first, second] = PLACES.map(|place| scene.number(&format!("{name} {place}")));
    let (exchange, other) = match words.text(1) {
        "first" => (first, second),
        _ => (second, first),
    };
    scene.claim(Said::StandsAt { exchange, other });
}

pub(super) async fn named_is_the(scene: &mut Scene, words: &Words) {
    let context = match words.text(0) {
        "first" => Some(&scene.context),
        _ => scene.second.as_ref(),
    };
    let terminal = context.map(|context| context.subject.terminal.to_string());
    let sales = scene.group_sales.get(words.text(1)).into_iter().flatten();
    for sale in sales {
        scene.claim(Said::NamedBy {
            reference: sale.reference.clone(),
            terminal: terminal.clone().unwrap_or_default(),
        });
    }
}

pub(super) async fn live_on_one(scene: &mut Scene, words: &Words) {
    let sales = scene.group_sales.get(words.text(0)).into_iter().flatten();
    scene.claim(Said::LiveOnOne {
        references: sales.map(|sale| sale.reference.clone()).collect(),
    });
}

/// Two tills at the terminals themselves, in the very moment in which the cloud chooses.
pub(super) async fn lanes_ask(scene: &mut Scene, words: &Words) {
    let Some(second) = scene.second.clone() else {
        return scene.stop("there is one terminal");
    };
    let first = scene.context.clone();
    let lanes = [(&first, "first lane"), (&second, "second lane")];
    for (at, name) in lanes {
        let attempt = scene.attempt(name, words.money(0));
        let request = attempt.request(at);
        send(scene, at, name, request).await;
    }
}
