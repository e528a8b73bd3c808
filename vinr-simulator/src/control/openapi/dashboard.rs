//! The dashboard's calls in the document.

use serde_json::{Value, json};

use super::{body, object, terminal};

pub(super) fn revoke() -> Value {
    answered(
        "Revokes a till's identity: every terminal gets the POS CA's new list from the cloud",
        object(
            json!({ "pos": { "type": "string", "description": "its certificate's file, or its serial number in hexadecimal" } }),
            &["pos"],
        ),
        object(
            json!({ "serial": { "type": "string" }, "list": { "type": "integer", "description": "the number of the list" } }),
            &["serial", "list"],
        ),
    )
}

pub(super) fn provision() -> Value {
    let till = json!({
        "pos": { "type": "string", "pattern": "^[a-z0-9-]{1,32}$", "description": "the name of the till's files" },
        "terminals": { "type": "array", "items": terminal(), "description": "those it may drive; all where none is named" },
    });
    answered(
        "Makes the identity of a further till, or of a further terminal. Nothing is overwritten",
        json!({ "oneOf": [
            object(till, &["pos"]),
            object(json!({ "terminal": terminal() }), &["terminal"]),
        ] }),
        object(
            json!({
                "certificate": { "type": "string" }, "key": { "type": "string" }, "p12": { "type": "string" },
                "passphrase": { "type": "string", "description": "opens the .p12; shown this once" },
            }),
            &["certificate", "key", "p12", "passphrase"],
        ),
    )
}

pub(super) fn cloud() -> Value {
    let host = object(
        json!({
            "delayMs": { "type": "integer", "minimum": 0 },
            "loseAnswers": { "type": ["boolean", "integer"], "minimum": 0, "maximum": u32::MAX },
            "decline": { "type": ["string", "null"], "description": "every authorization, with this code" },
            "repeats": { "type": "integer", "minimum": 0, "maximum": u32::MAX,
                "description": "an answer comes so often once more" },
        }),
        &[],
    );
    let owed = object(
        json!({
            "event": { "type": "string" }, "endpoint": { "type": "string" }, "sentInVain": { "type": "integer" },
        }),
        &["event", "endpoint", "sentInVain"],
    );
    answered(
        "Changes how the host of the cloud of this process answers, and moves the time of its webhooks ahead",
        object(
            json!({ "host": host, "advanceMs": { "type": "integer", "minimum": 0 } }),
            &[],
        ),
        object(
            json!({
                "linked": { "type": "array", "items": terminal() },
                "owed": { "type": "array", "items": owed, "description": "webhooks that are not acknowledged" },
            }),
            &["linked", "owed"],
        ),
    )
}

fn answered(summary: &str, asked: Value, answer: Value) -> Value {
    json!({
        "summary": summary,
        "requestBody": body(asked),
        "responses": {
            "200": { "description": "Done", "content": { "application/json": { "schema": answer } } },
            "4XX": { "$ref": "#/components/responses/Refused" },
            "5XX": { "$ref": "#/components/responses/Refused" },
        },
    })
}
