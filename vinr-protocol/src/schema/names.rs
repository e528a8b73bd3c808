//! The schemas of ids, amounts, currencies and times.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::id::{
    AttemptKey, EventId, JournalId, PaymentId, Reference, RequestId, TerminalId, WebhookEndpointId,
};
use crate::money::{Amount, Currency};
use crate::time::Timestamp;

macro_rules! name {
    ($name:ident, $pattern:literal, $about:literal) => {
        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "pattern": $pattern, "description": $about })
            }
        }
    };
}

name!(
    TerminalId,
    "^term_[A-Za-z0-9_-]{1,58}$",
    "The id of one terminal. Unique regardless of case, compared byte for byte."
);
name!(
    Reference,
    "^[A-Za-z0-9._:/-]{1,64}$",
    "What the merchant calls the sale. Compared byte for byte."
);
name!(
    AttemptKey,
    "^[!-~]{1,255}$",
    "The Idempotency-Key of one attempt to get a sale paid. Compared byte for byte."
);
name!(
    PaymentId,
    "^[!-~]{1,255}$",
    "The id of a payment: `tpay_` and a ULID; a stranger's may look otherwise."
);
name!(
    JournalId,
    "^[!-~]{1,255}$",
    "The random id of a terminal's journal: another one means that the device was wiped or swapped."
);
name!(
    RequestId,
    "^[!-~]{1,255}$",
    "The id of one answer, equal to its header x-vinr-request-id."
);
name!(
    EventId,
    "^[!-~]{1,255}$",
    "The id of one webhook event: the same each time it is sent."
);
name!(
    WebhookEndpointId,
    "^[!-~]{1,255}$",
    "The id of a place where webhooks are sent."
);
// As it is written. Our reader takes any RFC 3339 time.
name!(
    Timestamp,
    r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\.[0-9]{3}Z$",
    "A moment in UTC with milliseconds, RFC 3339."
);

impl JsonSchema for Amount {
    fn schema_name() -> Cow<'static, str> {
        "Amount".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "integer",
            "minimum": Amount::MIN.minor_units(),
            "maximum": Amount::MAX.minor_units(),
            "description": "Minor units of the currency, written as digits only: 2500 is 25.00 USD; 2500.0 and 2.5e3 are refused.",
        })
    }
}

impl JsonSchema for Currency {
    fn schema_name() -> Cow<'static, str> {
        "Currency".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "enum": every_currency(),
            "description": "An ISO 4217 code with a minor unit, upper case.",
        })
    }
}

fn every_currency() -> Vec<String> {
    let letters = || (b'A'..=b'Z').map(char::from);
    letters()
        .flat_map(|a| letters().flat_map(move |b| letters().map(move |c| [a, b, c])))
        .map(|code| code.iter().collect::<String>())
        .filter(|code| Currency::new(code).is_ok())
        .collect()
}
