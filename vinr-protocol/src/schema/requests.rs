//! The schemas of requests, strict as the parsers of [`crate::request`] and [`crate::cloud`]: no unknown name, `null`
//! as absent, bounds on both sides.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use crate::cloud::{CloudPayRequest, MAX_GROUP, WebhookEndpointRequest};
use crate::id::{AttemptKey, Reference, TerminalId};
use crate::money::{Amount, Currency};
use crate::payment::CaptureMethod;
use crate::request::{CancelRequest, PayRequest};
use crate::timing::{TIMEOUT_MAX, TIMEOUT_MIN};

impl JsonSchema for PayRequest {
    fn schema_name() -> Cow<'static, str> {
        "PayRequest".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut properties = sale(generator);
        properties["terminalId"] = generator.subschema_for::<TerminalId>().to_value();
        json_schema!({
            "description": "The body of POST /v1/pay, at most 4 KiB.",
            "type": "object",
            "properties": properties,
            "required": ["terminalId", "amount", "currency", "reference"],
            "additionalProperties": false,
        })
    }
}

impl JsonSchema for CancelRequest {
    fn schema_name() -> Cow<'static, str> {
        "CancelRequest".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "The body of POST /v1/cancel, at most 4 KiB.",
            "type": "object",
            "properties": {
                "terminalId": generator.subschema_for::<TerminalId>(),
                "reference": generator.subschema_for::<Reference>(),
                "attemptKey": or_null(
                    generator.subschema_for::<AttemptKey>(),
                    "The attempt; without it every attempt of the sale that is not final.",
                ),
            },
            "required": ["terminalId", "reference"],
            "additionalProperties": false,
        })
    }
}

impl JsonSchema for CloudPayRequest {
    fn schema_name() -> Cow<'static, str> {
        "CloudPayRequest".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut properties = sale(generator);
        let terminal = generator.subschema_for::<TerminalId>();
        properties["terminalId"] = or_null(terminal.clone(), "This terminal and no other.");
        properties["terminalGroup"] = json!({
            "type": ["array", "null"],
            "items": terminal,
            "minItems": 1,
            "maxItems": MAX_GROUP,
            "uniqueItems": true,
            "description": "The first free one of these, in their order.",
        });
        properties["wait"] = json!({
            "type": ["boolean", "null"],
            "default": false,
            "description": "Answer at the outcome; otherwise `pending` at once.",
        });
        json_schema!({
            "description": "The body of POST /v1/terminal/payments: exactly one of terminalId and terminalGroup.",
            "type": "object",
            "properties": properties,
            "required": ["amount", "currency", "reference"],
            "additionalProperties": false,
            "oneOf": [
                {
                    "properties": { "terminalId": { "type": "string" }, "terminalGroup": { "type": "null" } },
                    "required": ["terminalId"],
                },
                {
                    "properties": { "terminalGroup": { "type": "array" }, "terminalId": { "type": "null" } },
                    "required": ["terminalGroup"],
                },
            ],
        })
    }
}

impl JsonSchema for WebhookEndpointRequest {
    fn schema_name() -> Cow<'static, str> {
        "WebhookEndpointRequest".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "The body of POST /v1/webhook-endpoints.",
            "type": "object",
            "properties": {
                "url": {
                    "type": "string",
                    "pattern": "^https?://[!-~]+$",
                    "maxLength": 2000,
                    "description": "Where events are sent.",
                },
            },
            "required": ["url"],
            "additionalProperties": false,
        })
    }
}

/// Neither C0, DEL nor C1.
const ONE_LINE: &str = r"^[^\u0000-\u001f\u007f-\u009f]*$";

/// The members that a terminal and the cloud read alike.
fn sale(generator: &mut SchemaGenerator) -> Value {
    let capture = generator.subschema_for::<CaptureMethod>();
    json!({
        "amount": generator.subschema_for::<Amount>(),
        "currency": generator.subschema_for::<Currency>(),
        "reference": generator.subschema_for::<Reference>(),
        "captureMethod": or_null(capture, "When the money is taken; `automatic` where it is absent."),
        "description": {
            "type": ["string", "null"],
            "maxLength": 200,
            "pattern": ONE_LINE,
            "description": "For people, without control characters.",
        },
        "metadata": {
            "type": ["object", "null"],
            "propertyNames": { "pattern": ONE_LINE },
            "additionalProperties": { "type": "string", "pattern": ONE_LINE },
            "maxProperties": 20,
            "description": "Pairs of strings without control characters; names and values together are at most 2 KiB.",
        },
        "timeoutMs": {
            "type": ["integer", "null"],
            "minimum": milliseconds(TIMEOUT_MIN),
            "maximum": milliseconds(TIMEOUT_MAX),
            "default": milliseconds(TIMEOUT_MAX),
            "description": "How long the caller will listen, from the last byte of the first request of the attempt.",
        },
    })
}

/// A member that may be absent, of which `null` says the same.
fn or_null(schema: Schema, about: &str) -> Value {
    json!({ "anyOf": [schema, { "type": "null" }], "description": about })
}

fn milliseconds(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).expect("the protocol's durations are minutes")
}
