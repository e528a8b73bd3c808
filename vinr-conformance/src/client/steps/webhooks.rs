//! Webhooks, genuine and otherwise: signed as the cloud signs them.

use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign, verify};
use vinr_protocol::webhook::{self, Mac};

use crate::client::protocol::{Op, Webhook};
use crate::client::scene::Scene;
use crate::steps::words::Words;

/// HMAC-SHA256.
struct Hmac;

impl Mac for Hmac {
    fn sign(&self, secret: &[u8], message: &[u8]) -> [u8; 32] {
        let tag = sign(&Key::new(HMAC_SHA256, secret), message);
        let mut bytes = [0; 32];
        bytes.copy_from_slice(tag.as_ref());
        bytes
    }

    fn verify(&self, secret: &[u8], message: &[u8], tag: &[u8; 32]) -> bool {
        verify(&Key::new(HMAC_SHA256, secret), message, tag).is_ok()
    }
}

pub(super) async fn is_handed(scene: &mut Scene, words: &Words) {
    let now = jiff::Timestamp::now().as_second().unsigned_abs();
    let (own, next) = (
        scene.papers.webhook_secret.clone(),
        scene.papers.next_webhook_secret.clone(),
    );
    let mut body = body(scene);
    let signed = |secrets: &[&str], at: u64, body: &str| {
        let secrets: Vec<&[u8]> = secrets.iter().map(|secret| secret.as_bytes()).collect();
        webhook::sign(&Hmac, &secrets, at, body.as_bytes())
    };
    let mut secrets = vec![own.clone()];
    let signature = match words.text(0) {
        "as the cloud signs it" => signed(&[&own], now, &body),
        "signed with the next secret too" => signed(&[&next, &own], now, &body),
        "signed with the other of its two secrets" => {
            secrets.push(next.clone());
            signed(&[&next], now, &body)
        }
        "whose body is laid out as nobody would" => {
            body = body.replace("\":", "\" :\t").replace(",\"", " ,\n\"");
            signed(&[&own], now, &body)
        }
        "signed 299 s ago" => signed(&[&own], now - 299, &body),
        "signed 299 s ahead" => signed(&[&own], now + 299, &body),
        "with a signature of a scheme to come" => {
            format!("{},v2=0123456789abcdef", signed(&[&own], now, &body))
        }
        "signed with a secret of nobody" => signed(&["whsec_of_nobody_at_all"], now, &body),
        "whose body was altered" => {
            let signature = signed(&[&own], now, &body);
            body = body.replace("2500", "2501");
            signature
        }
        "whose date was altered" => {
            let signature = signed(&[&own], now - 600, &body);
            signature.replace(&format!("t={}", now - 600), &format!("t={now}"))
        }
        "signed 302 s ago" => signed(&[&own], now - 302, &body),
        "signed 302 s ahead" => signed(&[&own], now + 302, &body),
        "without a signature" => format!("t={now}"),
        "with two dates" => format!("t={},{}", now - 1, signed(&[&own], now, &body)),
        other => return scene.stop(format!("nobody knows a webhook '{other}'")),
    };
    scene
        .ask(Op::VerifyWebhook(Box::new(Webhook {
            body,
            signature,
            secrets,
            now,
        })))
        .await;
}

/// An event as the cloud fires it.
fn body(scene: &Scene) -> String {
    let (id, payment) = (ulid::Ulid::generate(), ulid::Ulid::generate());
    serde_json::json!({
        "id": format!("evt_{id}"),
        "type": "terminal_payment.completed",
        "created": "2026-05-31T14:23:08.000Z",
        "data": { "object": {
            "id": format!("tpay_{payment}"),
            "object": "terminal_payment",
            "terminalId": scene.id("A"),
            "attemptKey": null,
            "amount": 2500,
            "currency": "USD",
            "reference": scene.reference,
            "description": null,
            "captureMethod": "automatic",
            "status": "completed",
            "amountCaptured": 2500,
            "amountCapturable": 0,
            "last4": "4242",
            "brand": "visa",
            "entryMode": "contactless",
            "declineCode": null,
            "cancelReason": null,
            "offline": null,
            "metadata": { "connectionMode": "local" },
            "createdAt": "2026-05-31T14:23:00.000Z",
            "completedAt": "2026-05-31T14:23:07.412Z",
        }},
    })
    .to_string()
}
