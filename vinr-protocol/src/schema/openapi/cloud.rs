//! The sandbox cloud's document. `spec/local-api.md` §9

use serde_json::{Value, json};

use super::parts::{Draft, idempotency_key, payment_id, reference, webhook_endpoint_id};
use crate::cloud::{
    CloudPayRequest, CloudPaymentList, WebhookEndpoint, WebhookEndpointList, WebhookEndpointRequest,
};
use crate::error_body::Code;
use crate::payment::{Cancellation, Payment};
use crate::webhook::{Event, SIGNATURE_HEADER};

/// What any request may get.
const ANY: &[u16] = &[400, 401, 403, 404, 405, 413, 431, 500];

/// What the cloud says itself, or relays from a terminal: all but what is about certificates and one terminal's LAN.
/// A terminal in an odd state may say more; a till reads that by its status and by `next`.
const CODES: &[Code] = &[
    Code::InvalidJson,
    Code::MissingField,
    Code::InvalidAmount,
    Code::InvalidCurrency,
    Code::InvalidReference,
    Code::InvalidField,
    Code::InvalidRequest,
    Code::InvalidApiKey,
    Code::BrowserNotAllowed,
    Code::NotFound,
    Code::MethodNotAllowed,
    Code::BodyTooLarge,
    Code::UnsupportedMediaType,
    Code::HeadersTooLarge,
    Code::TerminalBusy,
    Code::IdempotencyConflict,
    Code::ReferenceInProgress,
    Code::ReferenceAlreadyPaid,
    Code::OfflineNotSupported,
    Code::OfflineAmountExceeded,
    Code::OfflineCurrencyNotSupported,
    Code::OfflineQueueFull,
    Code::OfflineQueueStale,
    Code::Internal,
    Code::StorageFailed,
    Code::TerminalUnavailable,
];

pub(in crate::schema) fn document() -> Value {
    let mut draft = Draft::new(CODES.to_vec());
    let paths = json!({
        "/v1/terminal/payments": { "post": pay(&mut draft), "get": payments(&mut draft) },
        "/v1/terminal/payments/{id}": { "get": payment(&mut draft) },
        "/v1/terminal/payments/{id}/cancel": { "post": cancel(&mut draft) },
        "/v1/webhook-endpoints": {
            "post": create_webhook_endpoint(&mut draft),
            "get": webhook_endpoints(&mut draft),
        },
        "/v1/webhook-endpoints/{id}": { "delete": remove_webhook_endpoint(&mut draft) },
        "/v1/webhook-endpoints/{id}/rotate-secret": { "post": rotate_webhook_secret(&mut draft) },
    });
    let event = event(&mut draft);
    let info = json!({
        "title": "VINR Cloud API, sandbox",
        "version": crate::API,
        "description": "Brings a command to a terminal, once or not at all.",
    });
    let servers = json!([{
        "url": "https://{host}",
        "variables": { "host": { "default": "127.0.0.1:8445", "description": "Where the sandbox listens." } },
    }]);
    let schemes = json!({
        "bearer": { "type": "http", "scheme": "bearer", "description": "sk_test_…" },
        "apiKey": { "type": "apiKey", "in": "header", "name": "X-Api-Key" },
    });
    let security = json!([{ "bearer": [] }, { "apiKey": [] }]);
    let mut document = draft.finish(info, servers, (schemes, security), paths);
    document["webhooks"] = json!({ "terminal_payment": { "post": event } });
    document
}

fn pay(draft: &mut Draft) -> Value {
    let body = draft.json_body::<CloudPayRequest>();
    let payment = draft.answer::<Payment>(
        "With wait: the outcome, or what there is. Without: pending. 503 means that the command was withdrawn and never \
         is delivered; 500 that it may have been handed over: look the reference up.",
    );
    let errors = [ANY, &[409, 415, 422, 503]].concat();
    json!({
        "operationId": "createTerminalPayment",
        "summary": "Have a payment taken on a terminal, or on the first free one of a group",
        "parameters": [idempotency_key(draft)],
        "requestBody": body,
        "responses": draft.responses(("200", payment), &errors),
    })
}

fn payments(draft: &mut Draft) -> Value {
    let list = draft.answer::<CloudPaymentList>(
        "Every attempt that the cloud knows of, newest first, and whether a command of the sale is undelivered.",
    );
    json!({
        "operationId": "terminalPayments",
        "summary": "Every attempt for a sale",
        "parameters": [reference(draft)],
        "responses": draft.responses(("200", list), ANY),
    })
}

fn payment(draft: &mut Draft) -> Value {
    let payment = draft.answer::<Payment>("The payment.");
    json!({
        "operationId": "terminalPayment",
        "summary": "One payment",
        "parameters": [payment_id(draft)],
        "responses": draft.responses(("200", payment), ANY),
    })
}

fn cancel(draft: &mut Draft) -> Value {
    let word = draft.answer::<Cancellation>(
        "The terminal's own acknowledgement; still_processing where there is none.",
    );
    json!({
        "operationId": "cancelTerminalPayment",
        "summary": "Give up an attempt",
        "parameters": [payment_id(draft)],
        "responses": draft.responses(("200", word), ANY),
    })
}

fn create_webhook_endpoint(draft: &mut Draft) -> Value {
    let body = draft.json_body::<WebhookEndpointRequest>();
    let endpoint =
        draft.answer::<WebhookEndpoint>("The endpoint, with its secret: shown this once.");
    let errors = [ANY, &[415]].concat();
    json!({
        "operationId": "createWebhookEndpoint",
        "summary": "Have events sent somewhere",
        "requestBody": body,
        "responses": draft.responses(("200", endpoint), &errors),
    })
}

fn webhook_endpoints(draft: &mut Draft) -> Value {
    let list = draft.answer::<WebhookEndpointList>("Every endpoint, without its secret.");
    json!({
        "operationId": "webhookEndpoints",
        "summary": "Where events are sent",
        "responses": draft.responses(("200", list), ANY),
    })
}

fn remove_webhook_endpoint(draft: &mut Draft) -> Value {
    let endpoint = draft.answer::<WebhookEndpoint>("The endpoint that was.");
    json!({
        "operationId": "removeWebhookEndpoint",
        "summary": "Have no more events sent there; what is on its way is given up",
        "parameters": [webhook_endpoint_id(draft)],
        "responses": draft.responses(("200", endpoint), ANY),
    })
}

fn rotate_webhook_secret(draft: &mut Draft) -> Value {
    let endpoint = draft.answer::<WebhookEndpoint>(
        "The endpoint with its new secret: shown this once. The old one signs beside it for 24 h.",
    );
    json!({
        "operationId": "rotateWebhookSecret",
        "summary": "Have another secret sign",
        "parameters": [webhook_endpoint_id(draft)],
        "responses": draft.responses(("200", endpoint), ANY),
    })
}

fn event(draft: &mut Draft) -> Value {
    json!({
        "operationId": "terminalPaymentEvent",
        "summary": "Something happened to a payment. Sent at least once, with the same event id each time.",
        "parameters": [{
            "name": SIGNATURE_HEADER,
            "in": "header",
            "required": true,
            "description": "`t=<unix seconds>,v1=<hex HMAC-SHA256 of \"<t>.<raw body>\">`; several v1 while a secret \
                rotates. Any one valid suffices; unknown schemes are ignored; 300 s tolerance both ways.",
            "schema": { "type": "string" },
        }],
        "requestBody": draft.json_body::<Event>(),
        "security": [],
        "responses": {
            "2XX": { "description": "Received. Anything else, or nothing within 5 s, is sent again." },
        },
    })
}
