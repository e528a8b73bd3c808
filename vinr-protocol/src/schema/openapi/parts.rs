//! What both documents are put together from.

use std::collections::BTreeMap;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::error_body::{Code, ErrorEnvelope};

/// A document in the making: its schemas are collected as they are named.
pub(super) struct Draft {
    generator: SchemaGenerator,
    codes: Vec<Code>,
}

impl Draft {
    /// A document whose errors are these.
    pub(super) fn new(codes: Vec<Code>) -> Self {
        let settings = SchemaSettings::draft2020_12().with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        });
        Self {
            generator: settings.into_generator(),
            codes,
        }
    }

    /// A reference to the schema of a type.
    pub(super) fn schema<T: JsonSchema>(&mut self) -> Value {
        self.generator.subschema_for::<T>().to_value()
    }

    /// A JSON body of a type.
    pub(super) fn json_body<T: JsonSchema>(&mut self) -> Value {
        json!({ "required": true, "content": self.content::<T>() })
    }

    /// A 200 with a body of a type.
    pub(super) fn answer<T: JsonSchema>(&mut self, about: &str) -> Value {
        json!({
            "description": about,
            "headers": { "x-vinr-request-id": header("RequestId") },
            "content": self.content::<T>(),
        })
    }

    /// The responses of an operation: its success, and the errors with these statuses.
    pub(super) fn responses(&self, success: (&str, Value), errors: &[u16]) -> Value {
        let mut responses = Map::new();
        let (status, answer) = success;
        responses.insert(status.to_owned(), answer);
        for status in errors {
            let there = json!({ "$ref": format!("#/components/responses/{status}") });
            responses.insert(status.to_string(), there);
        }
        Value::Object(responses)
    }

    /// The document.
    pub(super) fn finish(
        mut self,
        info: Value,
        servers: Value,
        security: (Value, Value),
        paths: Value,
    ) -> Value {
        let (schemes, security) = security;
        let content = self.content::<ErrorEnvelope>();
        let mut responses = Map::new();
        for (status, codes) in by_status(&self.codes) {
            responses.insert(status.to_string(), error(status, &codes, &content));
        }
        let request_id = self.schema::<crate::id::RequestId>();
        json!({
            "openapi": "3.1.1",
            "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
            "info": info,
            "servers": servers,
            "security": security,
            "paths": paths,
            "components": {
                "schemas": self.generator.take_definitions(true),
                "responses": responses,
                "securitySchemes": schemes,
                "headers": {
                    "RequestId": {
                        "description": "The id of this answer, equal to request_id in an error.",
                        "required": true,
                        "schema": request_id,
                    },
                    "RetryAfter": {
                        "description": "Seconds after which a busy terminal may be tried again, 1 to 5.",
                        "schema": { "type": "integer", "minimum": 1, "maximum": 5 },
                    },
                    "Allow": {
                        "description": "The methods that this path takes.",
                        "schema": { "type": "string" },
                    },
                    "ServerTiming": {
                        "description": "`activation;dur=<ms>`: from the last byte of the request to the screen. \
                            Only on the answer to the request that lit the screen or joined it in time; not on a replay.",
                        "schema": { "type": "string", "pattern": "^activation;dur=[0-9]+(\\.[0-9]+)?$" },
                    },
                },
            },
        })
    }

    fn content<T: JsonSchema>(&mut self) -> Value {
        json!({ "application/json": { "schema": self.schema::<T>() } })
    }
}

/// A reference to a header of the document.
pub(super) fn header(name: &str) -> Value {
    json!({ "$ref": format!("#/components/headers/{name}") })
}

/// `Idempotency-Key`, the attempt key.
pub(super) fn idempotency_key(draft: &mut Draft) -> Value {
    json!({
        "name": "Idempotency-Key",
        "in": "header",
        "required": false,
        "description": "The attempt key, compared byte for byte within terminal and reference; sent once or not at all. \
            Without it a late copy of a finished command may prompt again.",
        "schema": draft.schema::<crate::AttemptKey>(),
    })
}

/// `?reference=`, exactly once.
pub(super) fn reference(draft: &mut Draft) -> Value {
    json!({
        "name": "reference",
        "in": "query",
        "required": true,
        "description": "The sale; given exactly once. A `+` is a plus.",
        "schema": draft.schema::<crate::Reference>(),
    })
}

/// `{id}` of a payment.
pub(super) fn payment_id(draft: &mut Draft) -> Value {
    json!({
        "name": "id",
        "in": "path",
        "required": true,
        "schema": draft.schema::<crate::PaymentId>(),
    })
}

/// `{id}` of a webhook endpoint.
pub(super) fn webhook_endpoint_id(draft: &mut Draft) -> Value {
    json!({
        "name": "id",
        "in": "path",
        "required": true,
        "schema": draft.schema::<crate::id::WebhookEndpointId>(),
    })
}

/// The codes of §4.5 under their statuses.
fn by_status(codes: &[Code]) -> BTreeMap<u16, Vec<&Code>> {
    let mut by_status = BTreeMap::<u16, Vec<&Code>>::new();
    for code in codes {
        by_status.entry(code.status()).or_default().push(code);
    }
    by_status
}

fn error(status: u16, codes: &[&Code], content: &Value) -> Value {
    let lines: Vec<String> = codes
        .iter()
        .map(|code| {
            let (_, kind, next) = code.meaning();
            format!("`{code}` ({kind}): {next}")
        })
        .collect();
    let mut headers = json!({ "x-vinr-request-id": header("RequestId") });
    match status {
        405 => headers["Allow"] = header("Allow"),
        409 => headers["Retry-After"] = header("RetryAfter"),
        _ => {}
    }
    json!({ "description": lines.join("; "), "headers": headers, "content": content })
}
