//! What the cloud may be asked, read as strictly as a terminal reads. \[PAY-10\]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error_body::{Code, Refusal};
use crate::id::{Reference, TerminalId};
use crate::json::Members;
use crate::money::{Amount, Currency};
use crate::payment::CaptureMethod;
use crate::request::{self, MoneyFields, PayRequest};
use crate::timing::TIMEOUT_MAX;

/// How many terminals a group may name.
pub const MAX_GROUP: usize = 32;

/// The longest URL of a webhook endpoint.
const MAX_URL: usize = 2_000;

/// Where a payment may be taken: exactly one of `terminalId` and `terminalGroup`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Target {
    /// On this terminal and no other.
    Terminal(TerminalId),
    /// On the first free one of these, in their order; never empty, none twice. \[GRP-1\]
    Group(Vec<TerminalId>),
}

impl Target {
    /// The terminals that may be tried, in order.
    pub fn members(&self) -> &[TerminalId] {
        match self {
            Target::Terminal(terminal) => std::slice::from_ref(terminal),
            Target::Group(members) => members,
        }
    }
}

/// When a `pay` through the cloud is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Wait {
    /// At once, with `pending`.
    #[default]
    AtOnce,
    /// At the outcome.
    ForOutcome,
}

/// The body of `POST /terminal/payments`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CloudPayRequest {
    /// Where it may be taken.
    pub target: Target,
    /// Minor units.
    pub amount: Amount,
    /// ISO 4217.
    pub currency: Currency,
    /// What the merchant calls the sale.
    pub reference: Reference,
    /// When the money is taken.
    pub capture_method: CaptureMethod,
    /// For people, at most 200 characters, none of them a control character.
    pub description: Option<String>,
    /// At most 20 pairs of strings without control characters, 2 KiB.
    pub metadata: BTreeMap<String, String>,
    /// How long the caller will listen; `None` is 120 000.
    pub timeout_ms: Option<u32>,
    /// When it is answered.
    pub wait: Wait,
}

impl CloudPayRequest {
    /// Reads a body. The rules and refusals are those of [`PayRequest::parse`].
    pub fn parse(body: &[u8]) -> Result<Self, Refusal> {
        let mut members = Members::parse(body)?;
        let request = Self {
            target: target(&mut members)?,
            amount: request::amount(&mut members)?,
            currency: request::currency(&mut members)?,
            reference: request::reference(&mut members)?,
            capture_method: request::capture_method(&mut members)?,
            description: request::description(&mut members)?,
            metadata: request::metadata(&mut members)?,
            timeout_ms: request::timeout_ms(&mut members)?,
            wait: wait(&mut members)?,
        };
        members.finish()?;
        Ok(request)
    }

    /// The request as one terminal gets it.
    pub fn for_terminal(&self, terminal: &TerminalId) -> PayRequest {
        PayRequest {
            terminal_id: terminal.clone(),
            amount: self.amount,
            currency: self.currency,
            reference: self.reference.clone(),
            capture_method: self.capture_method,
            description: self.description.clone(),
            metadata: self.metadata.clone(),
            timeout_ms: self.timeout_ms,
        }
    }

    /// How long the caller will listen.
    pub fn timeout(&self) -> Duration {
        self.timeout_ms
            .map_or(TIMEOUT_MAX, |ms| Duration::from_millis(u64::from(ms)))
    }

    /// The fields that must not differ under one key. \[PAY-11\]
    pub fn money_fields(&self) -> MoneyFields {
        MoneyFields {
            amount: self.amount,
            currency: self.currency,
            capture_method: self.capture_method,
        }
    }
}

impl From<PayRequest> for CloudPayRequest {
    /// The same payment on the same terminal through the cloud, answered at the outcome: a fallback.
    fn from(request: PayRequest) -> Self {
        Self {
            target: Target::Terminal(request.terminal_id),
            amount: request.amount,
            currency: request.currency,
            reference: request.reference,
            capture_method: request.capture_method,
            description: request.description,
            metadata: request.metadata,
            timeout_ms: request.timeout_ms,
            wait: Wait::ForOutcome,
        }
    }
}

impl Serialize for CloudPayRequest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Body<'a> {
            #[serde(skip_serializing_if = "Option::is_none")]
            terminal_id: Option<&'a TerminalId>,
            #[serde(skip_serializing_if = "Option::is_none")]
            terminal_group: Option<&'a [TerminalId]>,
            amount: Amount,
            currency: Currency,
            reference: &'a Reference,
            capture_method: CaptureMethod,
            #[serde(skip_serializing_if = "Option::is_none")]
            description: Option<&'a str>,
            #[serde(skip_serializing_if = "BTreeMap::is_empty")]
            metadata: &'a BTreeMap<String, String>,
            #[serde(skip_serializing_if = "Option::is_none")]
            timeout_ms: Option<u32>,
            wait: bool,
        }
        let (terminal_id, terminal_group) = match &self.target {
            Target::Terminal(terminal) => (Some(terminal), None),
            Target::Group(members) => (None, Some(members.as_slice())),
        };
        let body = Body {
            terminal_id,
            terminal_group,
            amount: self.amount,
            currency: self.currency,
            reference: &self.reference,
            capture_method: self.capture_method,
            description: self.description.as_deref(),
            metadata: &self.metadata,
            timeout_ms: self.timeout_ms,
            wait: self.wait == Wait::ForOutcome,
        };
        body.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for CloudPayRequest {
    /// As strictly as [`CloudPayRequest::parse`]: for records, which hold the wire form.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        Self::parse(value.to_string().as_bytes()).map_err(serde::de::Error::custom)
    }
}

/// The body of `POST /webhook-endpoints`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct WebhookEndpointRequest {
    /// Where events are sent: `http://` or `https://`, at most 2 000 visible ASCII characters.
    pub url: String,
}

impl WebhookEndpointRequest {
    /// Reads a body.
    pub fn parse(body: &[u8]) -> Result<Self, Refusal> {
        let mut members = Members::parse(body)?;
        let url = members.require_text("url", Code::InvalidField)?;
        members.finish()?;
        let rest = url
            .strip_prefix("https://")
            .or_else(|| url.strip_prefix("http://"));
        let is_lawful = rest.is_some_and(|rest| !rest.is_empty())
            && url.len() <= MAX_URL
            && url.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_lawful {
            let message =
                "url begins with http:// or https:// and is at most 2000 visible ASCII characters";
            return Err(Refusal::of_field(Code::InvalidField, "url", message));
        }
        Ok(Self { url })
    }
}

fn target(members: &mut Members<'_>) -> Result<Target, Refusal> {
    let expected = "a list of 1 to 32 terminal ids, none twice";
    let of_field =
        |param: &str, message: String| Refusal::of_field(Code::InvalidField, param, message);
    let terminal = members.take::<String>("terminalId", Code::InvalidField, "a string")?;
    let group = members.take::<Vec<String>>("terminalGroup", Code::InvalidField, expected)?;
    let read = |text: &str, param: &str| {
        TerminalId::new(text).map_err(|error| of_field(param, error.to_string()))
    };
    match (terminal, group) {
        (Some(terminal), None) => read(&terminal, "terminalId").map(Target::Terminal),
        (None, Some(group)) => {
            let group: Vec<TerminalId> = group
                .iter()
                .map(|text| read(text, "terminalGroup"))
                .collect::<Result<_, _>>()?;
            let distinct: BTreeSet<&TerminalId> = group.iter().collect();
            if distinct.len() != group.len() || !(1..=MAX_GROUP).contains(&group.len()) {
                return Err(of_field(
                    "terminalGroup",
                    format!("terminalGroup is {expected}"),
                ));
            }
            Ok(Target::Group(group))
        }
        (None, None) => Err(crate::json::missing("terminalId")),
        (Some(_), Some(_)) => {
            let message = "exactly one of terminalId and terminalGroup is given";
            Err(of_field("terminalGroup", message.into()))
        }
    }
}

fn wait(members: &mut Members<'_>) -> Result<Wait, Refusal> {
    match members.take::<bool>("wait", Code::InvalidField, "true or false")? {
        Some(true) => Ok(Wait::ForOutcome),
        Some(false) | None => Ok(Wait::AtOnce),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(target: &str) -> String {
        format!(r#"{{{target},"amount":2500,"currency":"USD","reference":"order_1"}}"#)
    }

    fn refusal(body: &str) -> (Code, Option<String>) {
        let refusal = CloudPayRequest::parse(body.as_bytes()).expect_err("must be refused");
        (refusal.code, refusal.param)
    }

    fn of(code: Code, param: &str) -> (Code, Option<String>) {
        (code, Some(param.to_owned()))
    }

    #[test]
    fn exactly_one_of_terminal_and_group_is_named() {
        assert!(CloudPayRequest::parse(body(r#""terminalId":"term_1""#).as_bytes()).is_ok());
        assert!(CloudPayRequest::parse(body(r#""terminalGroup":["term_1"]"#).as_bytes()).is_ok());
        assert_eq!(
            refusal(&body(r#""wait":true"#)),
            of(Code::MissingField, "terminalId")
        );
        assert_eq!(
            refusal(&body(r#""terminalId":"term_1","terminalGroup":["term_1"]"#)),
            of(Code::InvalidField, "terminalGroup")
        );
    }

    #[test]
    fn a_null_target_is_absent() {
        let request = body(r#""terminalId":null,"terminalGroup":["term_1"]"#);
        assert!(CloudPayRequest::parse(request.as_bytes()).is_ok());
    }

    #[test]
    fn a_group_has_1_to_32_members_and_none_twice() {
        let with = |count: usize| {
            let ids: Vec<String> = (0..count).map(|i| format!(r#""term_{i}""#)).collect();
            let group = format!(r#""terminalGroup":[{}]"#, ids.join(","));
            CloudPayRequest::parse(body(&group).as_bytes()).is_ok()
        };
        assert!(!with(0));
        assert!(with(1));
        assert!(with(32));
        assert!(!with(33));
        assert_eq!(
            refusal(&body(r#""terminalGroup":["term_1","term_1"]"#)),
            of(Code::InvalidField, "terminalGroup")
        );
    }

    // [PAY-10]
    #[test]
    fn the_rules_of_the_terminal_hold_here_too() {
        let terminal = body(r#""terminalId":"term_1""#);
        assert_eq!(
            refusal(&terminal.replace("2500", "2500.0")),
            of(Code::InvalidAmount, "amount")
        );
        assert_eq!(
            refusal(&terminal.replace("2500", r#"2500,"capturemethod":"manual""#)),
            of(Code::InvalidField, "capturemethod")
        );
        assert_eq!(
            refusal(&terminal.replace("2500", r#"2500,"wait":"yes""#)),
            of(Code::InvalidField, "wait")
        );
        assert_eq!(
            refusal(&terminal.replace("2500", r#"2500,"description":"a\u001fb""#)),
            of(Code::InvalidField, "description")
        );
        assert_eq!(
            refusal(&terminal.replace("2500", r#"2500,"metadata":{"a\u0085":"1"}"#)),
            of(Code::InvalidField, "metadata")
        );
    }

    #[test]
    fn a_request_survives_its_own_wire_form() {
        for target in [
            r#""terminalId":"term_1""#,
            r#""terminalGroup":["term_1","term_2"]"#,
        ] {
            let request = CloudPayRequest::parse(body(target).as_bytes()).expect("lawful");
            let wire = serde_json::to_vec(&request).expect("serializes");
            assert_eq!(CloudPayRequest::parse(&wire), Ok(request));
        }
    }

    #[test]
    fn a_webhook_goes_to_an_http_url() {
        let with = |url: &str| {
            WebhookEndpointRequest::parse(format!(r#"{{"url":"{url}"}}"#).as_bytes()).is_ok()
        };
        assert!(with("https://shop.example/hooks"));
        assert!(with("http://127.0.0.1:8080/"));
        for wrong in ["", "https://", "ftp://shop.example", "https://shop example"] {
            assert!(!with(wrong), "{wrong}");
        }
        let of_length = |len: usize| with(&format!("http://{}", "a".repeat(len - 7)));
        assert!(of_length(2_000));
        assert!(!of_length(2_001));
    }
}
