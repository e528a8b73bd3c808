//! The control port as OpenAPI 3.1; committed as `openapi/control.json`, and served by the port itself.

mod dashboard;

use serde_json::{Value, json};
use vinr_protocol::device::Model;
use vinr_protocol::question::WORDS;

use crate::cards::TEST_CARDS;

/// The document.
pub fn openapi() -> Value {
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "VINR simulator, control port",
            "version": "1",
            "description": "Who presents the card, enters the PIN, pulls the plug and watches the screen. Loopback only. \
                URL and token stand in control/<id>.json of the simulator's directory.",
        },
        "servers": [{ "url": "http://127.0.0.1:8444" }],
        "security": [{ "token": [] }],
        "paths": {
            "/v1/question": { "post": question() },
            "/v1/state": { "get": read("What runs, and how it is", json_of("#/components/schemas/State")) },
            "/v1/events": { "get": read("What happens from here on, as server-sent events", events()) },
            "/v1/openapi.json": { "get": open() },
            "/v1/power": { "post": call("Pulls the plug of a terminal, or puts it back in", switch("Is there power?")) },
            "/v1/internet": { "post": call(
                "Cuts the internet of a terminal, or restores it. The terminal knows of a cut after 3 s",
                line(),
            ) },
            "/v1/lan": { "post": call("Pulls the LAN cable of a terminal, or puts it back in", line()) },
            "/v1/clock": { "post": call(
                "Sets the clock of a terminal, or takes its date away: without one it takes no new payment",
                json!({
                    "oneOf": [
                        object(json!({ "terminal": terminal(), "offsetMs": { "type": "integer", "format": "int64",
                            "description": "ahead of the world's clock; behind it where negative" } }), &["offsetMs"]),
                        object(json!({ "terminal": terminal(), "unset": { "const": true } }), &["unset"]),
                    ],
                }),
            ) },
            "/v1/local-mode": { "post": call("Switches local mode", switch("May tills start payments over the LAN?")) },
            "/v1/limits": { "post": call(
                "Configures what a terminal queues. With neither field the model's sheet holds again; null queues nothing",
                object(json!({
                    "terminal": terminal(),
                    "limits": {
                        "type": ["object", "null"],
                        "additionalProperties": { "type": "integer", "minimum": 1 },
                        "description": "the largest amount in each currency, in minor units; comes with maxQueued",
                        "examples": [{ "USD": 15000 }],
                    },
                    "maxQueued": { "type": "integer", "minimum": 0, "maximum": u32::MAX },
                }), &[]),
            ) },
            "/v1/give-up": { "post": call(
                "The cardholder presses the red button. 409 where no payment waits for them",
                object(json!({ "terminal": terminal() }), &[]),
            ) },
            "/v1/reset": { "post": reset() },
            "/v1/revoke": { "post": dashboard::revoke() },
            "/v1/provision": { "post": dashboard::provision() },
            "/v1/cloud": { "post": dashboard::cloud() },
            "/v1/cardholder": { "post": call(
                "Gives the cardholder another script. What is absent stays as it is",
                object(json!({
                    "terminal": terminal(),
                    "script": { "type": "string", "examples": ["tap:300,card:declined,then:approved"],
                        "description": "words as --cardholder takes them; what they leave unsaid is the default" },
                    "tapAfterMs": { "type": ["integer", "null"], "minimum": 0, "description": "null is never" },
                    "card": { "type": "string", "description": "a test card's number or outcome", "examples": cards() },
                    "entersPin": { "type": "boolean" },
                }), &[]),
            ) },
        },
        "components": {
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
            "responses": {
                "Refused": { "description": "It was not done; the message says why",
                    "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Error" } } } },
            },
            "schemas": schemas(),
        },
    })
}

fn question() -> Value {
    json!({
        "summary": "Answers a question of spec/harness.md §2, at its deadline at the latest",
        "requestBody": body(object(json!({
            "question": { "enum": WORDS },
            "id": { "type": "string" },
            "subject": { "type": "string", "description": "the terminal it is about" },
            "args": { "type": "object" },
            "deadlineMs": { "type": "integer", "minimum": 0 },
            "requirement": { "type": "array", "items": { "type": "string" } },
            "why": { "type": "string" },
        }), &["question", "id", "subject", "deadlineMs"])),
        "responses": {
            "200": { "description": "The answer; cannot where it cannot be done here",
                "content": json_of("#/components/schemas/Answer") },
            "4XX": { "$ref": "#/components/responses/Refused" },
        },
    })
}

fn reset() -> Value {
    let mut reset = call(
        "Resets a terminal to the state of the factory, with a new journal id. Refused with 409 while a payment is not \
         final, unless it is forced: then those payments are exported first",
        object(
            json!({ "terminal": terminal(), "force": { "type": "boolean", "default": false } }),
            &[],
        ),
    );
    reset["responses"]["200"] = json!({
        "description": "The state after it, and the file with the payments that were not final",
        "content": { "application/json": { "schema": { "allOf": [
            { "$ref": "#/components/schemas/State" },
            { "type": "object", "properties": { "exported": { "type": ["string", "null"] } }, "required": ["exported"] },
        ] } } },
    });
    reset
}

fn call(summary: &str, schema: Value) -> Value {
    json!({
        "summary": summary,
        "requestBody": body(schema),
        "responses": {
            "200": { "description": "The state after it", "content": json_of("#/components/schemas/State") },
            "4XX": { "$ref": "#/components/responses/Refused" },
            "5XX": { "$ref": "#/components/responses/Refused" },
        },
    })
}

fn read(summary: &str, content: Value) -> Value {
    json!({
        "summary": summary,
        "responses": {
            "200": { "description": summary, "content": content },
            "4XX": { "$ref": "#/components/responses/Refused" },
        },
    })
}

fn open() -> Value {
    json!({
        "summary": "This document; no token is asked for",
        "security": [],
        "responses": { "200": { "description": "This document",
            "content": { "application/json": { "schema": { "type": "object" } } } } },
    })
}

fn events() -> Value {
    json!({ "text/event-stream": { "schema": {
        "type": "string",
        "description": "`event: screen` with a Screen, `event: state` with a Terminal whenever it changed, \
            `event: journal` with a Record when it is durable, `event: missed` with {\"count\"} for a listener that is too \
            slow. The line `: open` says that what happens after it is seen.",
    } } })
}

fn schemas() -> Value {
    let text = || json!({ "type": "string" });
    let maybe = || json!({ "type": ["string", "null"] });
    let count = || json!({ "type": "integer", "minimum": 0 });
    json!({
        "Error": all(json!({ "error": object(json!({ "message": text() }), &["message"]) })),
        "Answer": object(json!({
            "id": text(),
            "answer": { "enum": ["done", "saw", "did_not_see", "value", "cannot"] },
            "value": true,
            "why": text(),
            "atNs": count(),
        }), &["id", "answer"]),
        "State": all(json!({
            "terminals": { "type": "array", "items": { "$ref": "#/components/schemas/Terminal" } },
            "cards": { "type": "array", "items": { "$ref": "#/components/schemas/Card" } },
        })),
        "Terminal": all(json!({
            "terminal": text(),
            "model": { "type": "string", "examples": Model::KNOWN.iter().map(Model::as_str).collect::<Vec<_>>() },
            "address": text(),
            "power": { "enum": ["on", "off"] },
            "lan": { "enum": ["up", "down"] },
            "internet": { "enum": ["up", "down"] },
            "status": { "enum": ["online", "offline"], "description": "what the terminal knows of its internet" },
            "localMode": { "type": "boolean" },
            "clockOffsetMs": { "type": "integer", "format": "int64" },
            "clockUnset": { "type": "boolean" },
            "screen": { "$ref": "#/components/schemas/Screen" },
            "queue": { "type": "array", "items": { "$ref": "#/components/schemas/Queued" } },
            "offline": { "type": "object", "description": "as in GET /v1/reader" },
            "cardholder": all(json!({
                "tapAfterMs": { "type": ["integer", "null"] },
                "card": text(),
                "entersPin": { "type": "boolean" },
                "script": text(),
            })),
        })),
        "Queued": all(json!({
            "paymentId": text(), "reference": text(), "amount": count(), "currency": text(), "sequence": count(),
            "queuedAt": { "type": "string", "format": "date-time" },
            "ageMs": { "type": "integer", "description": "by the terminal's clock" },
        })),
        "Card": all(json!({
            "number": text(), "outcome": text(), "last4": text(),
            "entryMode": { "enum": ["contactless", "chip", "swipe", "manual"] },
            "wantsPin": { "type": "boolean" },
        })),
        "Screen": all(json!({
            "event": { "const": "screen" },
            "terminal": text(),
            "screen": { "enum": ["off", "idle", "present_card", "enter_pin", "authorizing", "approved", "declined",
                "cancelled", "accepted_offline", "out_of_service"] },
            "reference": maybe(), "paymentId": maybe(),
            "amount": { "type": ["integer", "null"] },
            "currency": maybe(),
            "atNs": { "type": "integer", "description": "monotonic, since the terminal was started" },
            "activation": { "type": ["number", "null"],
                "description": "with present_card: milliseconds from the last byte of the command" },
        })),
        "Record": {
            "type": "object",
            "properties": {
                "terminal": text(), "at": { "type": "string", "format": "date-time" },
                "paymentId": text(), "reference": text(), "amount": count(), "currency": text(), "status": text(),
                "last4": maybe(), "entryMode": maybe(), "declineCode": maybe(), "cancelReason": maybe(),
                "sequence": { "type": ["integer", "null"] },
            },
            "required": ["terminal", "at", "paymentId", "reference", "status"],
        },
    })
}

fn terminal() -> Value {
    json!({ "type": "string", "description": "all terminals, where it is absent" })
}

fn switch(what: &str) -> Value {
    let on = json!({ "type": "boolean", "description": what });
    object(json!({ "terminal": terminal(), "on": on }), &["on"])
}

fn line() -> Value {
    let up = json!({ "type": "boolean" });
    object(json!({ "terminal": terminal(), "up": up }), &["up"])
}

fn cards() -> Vec<&'static str> {
    TEST_CARDS.iter().map(|card| card.outcome).collect()
}

fn body(schema: Value) -> Value {
    json!({ "required": true, "content": { "application/json": { "schema": schema } } })
}

fn json_of(schema: &str) -> Value {
    json!({ "application/json": { "schema": { "$ref": schema } } })
}

fn object(properties: Value, required: &[&str]) -> Value {
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}

/// An object that has all of its properties.
fn all(properties: Value) -> Value {
    let names: Vec<String> = properties
        .as_object()
        .map(|it| it.keys().cloned().collect())
        .unwrap_or_default();
    json!({ "type": "object", "properties": properties, "required": names, "additionalProperties": false })
}
