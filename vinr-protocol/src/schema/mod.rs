//! The wire types as JSON Schema 2020-12 and OpenAPI 3.1, made from the types themselves.
//!
//! Schemas of requests are strict: what they take, a parser here takes. Schemas of answers are lenient: a field or a
//! word that they do not know is lawful. Five things that a parser sees are beyond a schema, which is told of values and
//! not of text; `vinr-protocol/schemas/README.md` lists them and a test pins each.
//!
//! `cargo run -p vinr-protocol --features schema --example schemas` writes the [`documents`]; a test compares them.

mod names;
mod openapi;
mod requests;
mod tidy;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use crate::cloud::{
    CloudPayRequest, CloudPaymentList, WebhookEndpoint, WebhookEndpointList, WebhookEndpointRequest,
};
use crate::error_body::ErrorEnvelope;
use crate::payment::{Cancellation, Payment, PaymentList};
use crate::question::{Answer, Question, WORDS};
use crate::reader::Reader;
use crate::request::{CancelRequest, PayRequest};
use crate::webhook::Event;

/// One file of `vinr-protocol/schemas/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Its name there.
    pub file: &'static str,
    /// Its text.
    pub json: String,
}

/// Every document, by name.
pub fn documents() -> Vec<Document> {
    vec![
        of::<Answer>("answer.json"),
        of::<CancelRequest>("cancel-request.json"),
        of::<Cancellation>("cancellation.json"),
        of::<CloudPayRequest>("cloud-pay-request.json"),
        of::<CloudPaymentList>("cloud-payment-list.json"),
        of::<ErrorEnvelope>("error.json"),
        document("openapi-cloud.json", openapi::cloud()),
        document("openapi-terminal.json", openapi::terminal()),
        of::<PayRequest>("pay-request.json"),
        of::<Payment>("payment.json"),
        of::<PaymentList>("payment-list.json"),
        of::<Question>("question.json"),
        of::<Reader>("reader.json"),
        of::<WebhookEndpoint>("webhook-endpoint.json"),
        of::<WebhookEndpointList>("webhook-endpoint-list.json"),
        of::<WebhookEndpointRequest>("webhook-endpoint-request.json"),
        of::<Event>("webhook-event.json"),
    ]
}

fn of<T: JsonSchema>(file: &'static str) -> Document {
    let generator = SchemaSettings::draft2020_12().into_generator();
    document(file, generator.into_root_schema_for::<T>().to_value())
}

fn document(file: &'static str, value: Value) -> Document {
    let json = tidy::text(value);
    Document { file, json }
}

/// Words whose list may grow: those that are known, or any other.
pub(crate) fn open_words(about: &str, known: &[(&str, &str)]) -> Schema {
    let known = known
        .iter()
        .map(|(word, about)| json!({ "const": word, "description": about.trim() }));
    let other = json!({ "type": "string", "description": "A word from a newer peer." });
    let any_of: Vec<Value> = known.chain([other]).collect();
    json_schema!({ "description": about.trim(), "anyOf": any_of })
}

pub(crate) fn question_words(_: &mut SchemaGenerator) -> Schema {
    let other = json!({ "type": "string", "description": "A question from a newer asker." });
    json_schema!({ "anyOf": [{ "enum": WORDS }, other] })
}

pub(crate) fn limits(generator: &mut SchemaGenerator) -> Schema {
    let currency = generator.subschema_for::<crate::Currency>();
    let amount = generator.subschema_for::<crate::Amount>();
    json_schema!({
        "type": "object",
        "propertyNames": currency,
        "additionalProperties": amount,
    })
}
