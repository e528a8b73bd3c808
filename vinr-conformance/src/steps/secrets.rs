//! Secrets that a terminal is given, rightly or by mistake, and where they must not come back. \[SEC-1\]

use serde_json::{Value, json};
use vinr_protocol::payment::EntryMode;
use vinr_simulator::cards::{TEST_CARDS, TestCard};

use super::scene::{Attempt, OUTCOME_WITHIN, SOON, Scene};
use super::words::Words;
use super::{hands, storage};
use crate::bundle::Secret;
use crate::drivers::Ask;
use crate::journal::Said;
use crate::probe::{Connection, Exchange, Request};

/// As long as a PIN may be (ISO 9564), so that no file and no answer holds it by chance. It is the wrong one.
const PIN: &str = "739150286414";

/// A card that was never presented: a number that somebody typed into the wrong field.
const STRAY_CARD: &str = "5555555555554444";

/// Each test card that the device can read, paid with, looked up and asked about once more.
pub(super) async fn pays_with_each_card(scene: &mut Scene, _: &Words) {
    give_away(scene, "PIN", PIN);
    let cards = TEST_CARDS.iter().filter(|card| can_be_read(scene, card));
    for card in cards.collect::<Vec<_>>() {
        let name = card.outcome;
        let attempt = scene.attempt(name, (2500, "USD"));
        let reference = attempt.reference.clone();
        let cancel = attempt.cancel(&scene.context);
        scene.pay(name, attempt).await;
        if scene.is_stopped() {
            return;
        }
        hands::present_as_it_is_read(scene, card.outcome).await;
        if card.wants_pin() {
            let ask = Ask::to("enter_pin").because("the card wants a PIN", vec!["SEC-1".into()]);
            let ask = match card.outcome {
                "incorrect_pin" => ask.with("pin", PIN),
                _ => ask,
            };
            scene.context.drivers.ask(ask).await;
        }
        let answer = scene.answer(name, OUTCOME_WITHIN).await;
        let id = answer
            .map(|answer| answer.json()["id"].clone())
            .unwrap_or_default();
        let by_reference = format!("/v1/payments?reference={reference}");
        let by_id = format!("/v1/payments/{}", id.as_str().unwrap_or("none"));
        for request in [Request::get(by_reference), Request::get(by_id), cancel] {
            scene.ask("afterwards", request).await;
        }
    }
    scene.ask("afterwards", Request::get("/v1/reader")).await;
}

/// From here on the terminal knows it, and no entry and no file of the bundle may hold it.
fn give_away(scene: &Scene, what: &str, secret: &str) {
    scene.journal().veil(what, secret);
    scene.journal().keep_out(Secret::new(what, secret));
}

fn can_be_read(scene: &Scene, card: &TestCard) -> bool {
    let by = match card.entry_mode {
        EntryMode::Contactless => "contactless",
        _ => "chip",
    };
    scene.context.has(by) && (!card.wants_pin() || scene.context.has("pin"))
}

/// A till that fills in the wrong fields, in each that there is.
pub(super) async fn sends_them_in_wrong_places(scene: &mut Scene, _: &Words) {
    let unique = |scene: &Scene| scene.context.fresh("canary");
    let api_key = format!("sk_test_{}", unique(scene));
    let passphrase = format!("open-{}", unique(scene));
    give_away(scene, "API key", &api_key);
    give_away(scene, "passphrase", &passphrase);
    for secret in [STRAY_CARD, &api_key, &passphrase] {
        let mut open = None;
        for place in PLACES {
            let attempt = scene.attempt("slip", (2500, "USD"));
            let request = place(&attempt, &attempt.body(&scene.context), scene, secret);
            open = send(scene, open, attempt, request).await;
        }
    }
}

type Place = fn(&Attempt, &Value, &Scene, &str) -> Request;

/// Where a secret does not belong. No place is a field whose lawful value it could be.
const PLACES: &[Place] = &[
    |own, body, scene, secret| with(own, body, scene, "amount", json!(secret)),
    |own, body, scene, secret| with(own, body, scene, "currency", json!(secret)),
    |own, body, scene, secret| with(own, body, scene, "reference", json!(format!("{secret} "))),
    |own, body, scene, secret| with(own, body, scene, "terminalId", json!(format!("{secret} "))),
    |own, body, scene, secret| with(own, body, scene, "captureMethod", json!(secret)),
    |own, body, scene, secret| with(own, body, scene, "timeoutMs", json!(secret)),
    |own, body, scene, secret| with(own, body, scene, "metadata", json!(secret)),
    |own, body, scene, secret| with(own, body, scene, "description", json!([secret])),
    |own, body, scene, secret| with(own, body, scene, "card", json!({ "number": secret })),
    |_, _, _, secret| Request::post("/v1/pay", format!(r#"{{"card":"{secret}","#)),
    |_, _, _, secret| Request::post("/v1/pay", secret),
    |own, _, scene, secret| Request {
        headers: vec![("content-type".into(), "text/plain".into())],
        ..with(own, &json!({}), scene, "card", json!(secret))
    },
    |own, _, scene, secret| {
        let request = own.request(&scene.context);
        request.header("idempotency-key", format!("{secret} twice"))
    },
    |_, _, _, secret| {
        Request::post("/v1/pay", "{").header("authorization", format!("Bearer {secret}"))
    },
    |_, body, _, secret| {
        let mut cancel = json!({ "terminalId": body["terminalId"] });
        cancel["reference"] = format!("{secret} ").into();
        Request::post("/v1/cancel", cancel.to_string())
    },
    |_, _, _, secret| Request::get(format!("/v1/payments?reference={secret}%20")),
    |_, _, _, secret| Request::get(format!("/v1/payments/{secret}")),
    |_, _, _, secret| Request::get(format!("/v1/{secret}")),
];

/// The lawful `pay` with another value in one of its fields.
fn with(own: &Attempt, body: &Value, scene: &Scene, field: &str, value: Value) -> Request {
    let mut body = body.clone();
    body[field] = value;
    Request {
        body: body.to_string().into_bytes(),
        ..own.request(&scene.context)
    }
}

/// On the connection that is open, where one is. What a terminal takes all the same is given up at once.
async fn send(
    scene: &mut Scene,
    open: Option<Connection>,
    attempt: Attempt,
    request: Request,
) -> Option<Connection> {
    let connection = match open {
        Some(open) => open,
        None => {
            let till = scene.context.subject.till.clone();
            scene.context.probe.connect(Some(&till)).await
        }
    };
    let mut exchange: Exchange = connection.send(request).await;
    let head = exchange.head_within(SOON).await;
    if head.is_some_and(|(head, _)| head.status < 300) {
        let cancel = attempt.cancel(&scene.context);
        scene.ask("given up", cancel).await;
    }
    exchange.connection_within(SOON).await
}

/// For the cards and the PIN, and for the key of the till.
pub(super) async fn searches(scene: &mut Scene, _: &Words) {
    let cards = TEST_CARDS.iter().filter(|card| can_be_read(scene, card));
    let cards = cards.map(|card| ("card number", card.number.to_owned(), 1));
    let mut needles: Vec<_> = cards.collect();
    needles.push(("PIN", PIN.to_owned(), 1));
    let key = scene.context.subject.till.key_text();
    // A line of it is enough, and stands in a PEM file as it is.
    let line = key.lines().next().unwrap_or_default().to_owned();
    needles.push(("private key", line, 1));
    let why = "shows whether its files, logs included, hold a card number, a PIN or a key";
    storage::search_for(scene, why, "SEC-1", needles).await;
}

pub(super) async fn none_said(scene: &mut Scene, _: &Words) {
    scene.claim(Said::NothingSecretSaid {
        since: scene.since(),
    });
}

pub(super) async fn none_stored(scene: &mut Scene, _: &Words) {
    scene.claim(Said::NothingSecretStored {
        since: scene.since(),
    });
}
