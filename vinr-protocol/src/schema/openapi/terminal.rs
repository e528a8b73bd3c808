//! The terminal's document. `spec/local-api.md` §4

use serde_json::{Value, json};

use super::parts::{Draft, header, idempotency_key, payment_id, reference};
use crate::error_body::Code;
use crate::payment::{Cancellation, Payment, PaymentList};
use crate::reader::Reader;
use crate::request::{CancelRequest, PayRequest};

/// What any request may get.
const ANY: &[u16] = &[400, 403, 404, 405, 431, 500, 503];

pub(in crate::schema) fn document() -> Value {
    // Only the cloud asks for a key: that of the cloud never reaches a terminal. [TLS-7]
    let codes = Code::KNOWN
        .iter()
        .filter(|code| **code != Code::InvalidApiKey);
    let mut draft = Draft::new(codes.cloned().collect());
    let paths = json!({
        "/v1/pay": { "post": pay(&mut draft) },
        "/v1/payments": { "get": payments(&mut draft) },
        "/v1/payments/{id}": { "get": payment(&mut draft) },
        "/v1/cancel": { "post": cancel(&mut draft) },
        "/v1/reader": { "get": reader(&mut draft) },
    });
    let info = json!({
        "title": "VINR Local API of a terminal",
        "version": crate::API,
        "description": "HTTP/1.1 over TLS 1.3 with client certificates. Any request with an Origin header gets 403.",
    });
    let servers = json!([{
        "url": "https://{host}:{port}",
        "description": "Whatever address a terminal advertises; its identity is its certificate.",
        "variables": {
            "host": { "default": "term_CT20_0042", "description": "A name or an address on the LAN." },
            "port": { "default": "8443" },
        },
    }]);
    let schemes = json!({
        "clientCertificate": {
            "type": "mutualTLS",
            "description": "Signed by the POS CA, with the URI urn:vinr:terminal: and the terminal's id.",
        },
    });
    let security = json!([{ "clientCertificate": [] }]);
    draft.finish(info, servers, (schemes, security), paths)
}

fn pay(draft: &mut Draft) -> Value {
    let body = draft.json_body::<PayRequest>();
    let mut outcome = draft.answer::<Payment>(
        "The head goes out as soon as the attempt is durable and on the screen; the body follows when it is final, \
         safely queued offline, or at 90 s. A decline is a 200 with status failed.",
    );
    outcome["headers"]["Server-Timing"] = header("ServerTiming");
    let errors = [ANY, &[409, 413, 415, 422]].concat();
    json!({
        "operationId": "pay",
        "summary": "Start a payment and wait for its outcome",
        "parameters": [idempotency_key(draft)],
        "requestBody": body,
        "responses": draft.responses(("200", outcome), &errors),
    })
}

fn payments(draft: &mut Draft) -> Value {
    let list = draft.answer::<PaymentList>(
        "Every attempt, newest first, never paged; empty where the reference is unknown.",
    );
    json!({
        "operationId": "payments",
        "summary": "Every attempt for a sale",
        "parameters": [reference(draft)],
        "responses": draft.responses(("200", list), ANY),
    })
}

fn payment(draft: &mut Draft) -> Value {
    let payment = draft.answer::<Payment>("The payment.");
    json!({
        "operationId": "payment",
        "summary": "One payment",
        "parameters": [payment_id(draft)],
        "responses": draft.responses(("200", payment), ANY),
    })
}

fn cancel(draft: &mut Draft) -> Value {
    let body = draft.json_body::<CancelRequest>();
    let word = draft
        .answer::<Cancellation>("cancelled, too_late or still_processing; there is no fourth.");
    let errors = [ANY, &[413, 415]].concat();
    json!({
        "operationId": "cancel",
        "summary": "Give up an attempt",
        "requestBody": body,
        "responses": draft.responses(("200", word), &errors),
    })
}

fn reader(draft: &mut Draft) -> Value {
    let reader = draft.answer::<Reader>("The terminal's description of itself.");
    json!({
        "operationId": "reader",
        "summary": "Who and how the terminal is",
        "responses": draft.responses(("200", reader), ANY),
    })
}
