//! Requests that should not be served: malformed, monstrous, from a browser, from a stranger.

use std::time::Duration;

use serde_json::{Value, json};

use super::scene::Scene;
use super::words::Words;
use crate::probe::{Framing, Identity, Request};
use crate::subject::Stranger;

/// The connection of the slow peer, and its exchange.
pub(super) const SLOW_PEER: &str = "the slow peer";

/// A terminal gives a header block 5 s; it is shown out a little later at the latest.
const SHOWN_OUT_WITHIN: Duration = Duration::from_secs(8);

pub(super) async fn sends_malformed(scene: &mut Scene, words: &Words) {
    let (what, name) = (words.text(0), words.text(1));
    let attempt = scene.attempt(name, (2500, "USD"));
    let body = attempt.body(&scene.context);
    let Some(text) = malform(&body, what) else {
        panic!("nobody knows how to send a payment with {what}");
    };
    let mut request = attempt.request(&scene.context);
    request.body = text.into_bytes();
    scene.attempts.insert(name.to_owned(), attempt);
    scene.send(name, request).await;
    scene.refusal(name).await;
}

/// The body, wrong in this way; none where nobody knows the way.
fn malform(body: &Value, what: &str) -> Option<String> {
    let with = |name: &str, raw: &str| {
        let lawful = body.to_string();
        let inside = lawful.trim_end_matches('}');
        match body.get(name) {
            Some(value) => lawful.replacen(
                &format!("\"{name}\":{value}"),
                &format!("\"{name}\":{raw}"),
                1,
            ),
            None => format!("{inside},\"{name}\":{raw}}}"),
        }
    };
    let text = match what {
        "no JSON" => "amount=2500&currency=USD".to_owned(),
        "half a body" => body.to_string().chars().take(40).collect(),
        "a field twice" => body.to_string().replacen('{', r#"{"amount":1,"#, 1),
        "no amount" => without(body, "amount"),
        "an empty reference" => with("reference", r#""""#),
        "a reference of 65 letters" => with("reference", &format!("\"{}\"", "a".repeat(65))),
        "a reference with a control character" => with("reference", r#""a\u0007b""#),
        _ => {
            let (name, raw) = [
                ("the amount ", "amount"),
                ("the currency ", "currency"),
                ("the time-out ", "timeoutMs"),
                ("the capture method ", "captureMethod"),
                ("the field ", ""),
            ]
            .into_iter()
            .find_map(|(words, name)| Some((name, what.strip_prefix(words)?)))?;
            if name.is_empty() {
                with(raw, "\"manual\"")
            } else {
                with(name, raw)
            }
        }
    };
    Some(text)
}

fn without(body: &Value, name: &str) -> String {
    let mut body = body.clone();
    if let Some(members) = body.as_object_mut() {
        members.remove(name);
    }
    body.to_string()
}

pub(super) async fn sends_as(scene: &mut Scene, words: &Words) {
    let attempt = scene.attempt(words.text(1), (2500, "USD"));
    let mut request = attempt.request(&scene.context);
    request.headers.retain(|(name, _)| name != "content-type");
    let request = request.header("content-type", words.text(0));
    scene.attempts.insert(words.text(1).to_owned(), attempt);
    scene.send(words.text(1), request).await;
    scene.refusal(words.text(1)).await;
}

pub(super) async fn sends_the_body(scene: &mut Scene, words: &Words) {
    let body = words.text(0).trim_matches('`').to_owned();
    scene
        .ask(words.text(1), Request::post("/v1/pay", body))
        .await;
}

pub(super) async fn sends_a_monster(scene: &mut Scene, words: &Words) {
    let (what, name) = (words.text(0), words.text(1));
    let attempt = scene.attempt(name, (2500, "USD"));
    let lawful = attempt.request(&scene.context);
    let length = lawful.body.len().to_string();
    let request = match what {
        "a header of 100 KB" => lawful.header("x-monster", "x".repeat(100 * 1024)),
        "33 headers too many" => (0..33).fold(lawful, |request, number| {
            request.header(&format!("x-{number}"), "x")
        }),
        "a body of 1 MB" => Request {
            body: format!("{{\"description\":\"{}\"}}", "x".repeat(1024 * 1024)).into_bytes(),
            ..lawful
        },
        "a body 17 levels deep" => {
            let deep = format!("{}{}", "[".repeat(16), "]".repeat(16));
            let body = attempt.body(&scene.context).to_string();
            Request {
                body: body
                    .replacen('{', &format!("{{\"x\":{deep},"), 1)
                    .into_bytes(),
                ..lawful
            }
        }
        "two Content-Lengths" => lawful
            .framed(Framing::AsWritten)
            .header("content-length", &length)
            .header("content-length", "3"),
        "a length and chunks" => lawful
            .framed(Framing::AsWritten)
            .header("content-length", &length)
            .header("transfer-encoding", "chunked"),
        _ => panic!("nobody knows how to send a request with {what}"),
    };
    scene.attempts.insert(name.to_owned(), attempt);
    scene.send(name, request).await;
    scene.refusal(name).await;
}

pub(super) async fn browses(scene: &mut Scene, words: &Words) {
    let attempt = scene.attempt(words.text(1), words.money(0));
    let request = attempt
        .request(&scene.context)
        .header("origin", "https://shop.example");
    scene.attempts.insert(words.text(1).to_owned(), attempt);
    scene.send(words.text(1), request).await;
    scene.refusal(words.text(1)).await;
}

pub(super) async fn knocks(scene: &mut Scene, words: &Words) {
    let (whom, name) = (words.text(0), words.text(2));
    let identity = match stranger(whom) {
        None => None,
        Some(stranger) => match scene.context.subject.strangers.get(&stranger) {
            Some(identity) => Some(identity.clone()),
            None => {
                scene.stop(format!("the profile gives no till with {whom}"));
                return;
            }
        },
    };
    let attempt = scene.attempt(name, words.money(1));
    let request = attempt.request(&scene.context);
    scene.attempts.insert(name.to_owned(), attempt);
    scene.send_as(name, identity.as_ref(), request).await;
}

fn stranger(whom: &str) -> Option<Stranger> {
    Some(match whom {
        "no certificate" => return None,
        "another authority's certificate" => Stranger::ForeignAuthority,
        "an expired certificate" => Stranger::Expired,
        "a certificate of next year" => Stranger::NotYetValid,
        "a server's certificate" => Stranger::ServerAuth,
        "a certificate for no purpose" => Stranger::NoPurpose,
        "another terminal's certificate" => Stranger::OtherTerminal,
        _ => panic!("nobody knows a till with {whom}"),
    })
}

pub(super) async fn begins_and_never_ends(scene: &mut Scene, _: &Words) {
    let till: Identity = scene.context.subject.till.clone();
    let connection = scene.context.probe.connect(Some(&till)).await;
    let request = Request {
        headers: vec![("x-slow".into(), json!("yes").to_string())],
        ..Request::get("/v1/reader")
    };
    let exchange = connection.send(request.framed(Framing::NeverEnds)).await;
    scene.keep(SLOW_PEER, exchange);
}

pub(super) async fn waits(scene: &mut Scene, _: &Words) {
    scene.answer(SLOW_PEER, SHOWN_OUT_WITHIN).await;
}

#[cfg(test)]
mod tests {
    use super::malform;

    fn body() -> serde_json::Value {
        serde_json::json!({"terminalId": "term_1", "amount": 2500, "currency": "USD", "reference": "order_1"})
    }

    #[test]
    fn an_amount_is_written_as_the_feature_says() {
        for raw in ["2500.0", "2.5e3", "\"2500\"", "9223372036854775808"] {
            let text = malform(&body(), &format!("the amount {raw}")).expect("known");
            assert!(text.contains(&format!("\"amount\":{raw},")), "{text}");
        }
    }

    #[test]
    fn a_field_twice_is_twice_in_the_text() {
        let text = malform(&body(), "a field twice").expect("known");
        assert_eq!(text.matches("\"amount\"").count(), 2);
    }

    #[test]
    fn a_field_that_a_payment_has_not_is_added() {
        let text = malform(&body(), "the field capturemethod").expect("known");
        assert!(text.ends_with(",\"capturemethod\":\"manual\"}"), "{text}");
        let text = malform(&body(), "the time-out 999").expect("known");
        assert!(text.ends_with(",\"timeoutMs\":999}"), "{text}");
    }

    #[test]
    fn what_nobody_knows_is_not_sent() {
        assert_eq!(malform(&body(), "a bad mood"), None);
    }
}
