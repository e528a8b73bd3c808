//! What the harness asks.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;
use serde_json::{Value, json};
use vinr_sdk::CaptureMethod;

use crate::answer::{Answer, usage};

/// One line.
pub(crate) struct Request {
    /// Its answer carries the same.
    pub(crate) id: Value,
    pub(crate) op: Op,
}

pub(crate) enum Op {
    Hello,
    Configure(Box<Configure>),
    Discover(Discover),
    Pay(Pay),
    Retrieve(Retrieve),
    Resolve,
    VerifyWebhook(VerifyWebhook),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Configure {
    pub(crate) store: PathBuf,
    pub(crate) ca: PathBuf,
    pub(crate) p12: Option<PathBuf>,
    #[serde(default)]
    pub(crate) passphrase: String,
    pub(crate) cert: Option<PathBuf>,
    pub(crate) key: Option<PathBuf>,
    #[serde(default)]
    pub(crate) hosts: BTreeMap<String, String>,
    pub(crate) secret_key: Option<String>,
    pub(crate) cloud_url: Option<String>,
    pub(crate) cloud_ca: Option<PathBuf>,
    pub(crate) deadline_ms: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Discover {
    pub(crate) hosts: Option<Vec<String>>,
    pub(crate) timeout_ms: Option<u64>,
}

/// All three kinds of payment: what is there says which it is.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Pay {
    pub(crate) terminal_id: Option<String>,
    pub(crate) terminal_group: Option<Vec<String>>,
    pub(crate) amount: u64,
    pub(crate) currency: String,
    pub(crate) reference: String,
    #[serde(default)]
    pub(crate) capture_method: CaptureMethod,
    pub(crate) local_timeout_ms: Option<u64>,
    pub(crate) max_wait_ms: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Retrieve {
    pub(crate) reference: String,
    pub(crate) terminal_id: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct VerifyWebhook {
    pub(crate) body: String,
    pub(crate) signature: String,
    pub(crate) secrets: Vec<String>,
    /// Unix seconds.
    pub(crate) now: i64,
}

impl Request {
    /// Reads a line, or says what to answer instead.
    pub(crate) fn parse(line: &str) -> Result<Self, Value> {
        let fields: Value = serde_json::from_str(line)
            .map_err(|error| Err(usage(format!("not JSON: {error}"))).to_line(Value::Null))?;
        let id = fields["id"].clone();
        let op = match fields["op"].as_str() {
            Some("hello") => Ok(Op::Hello),
            Some("resolve") => Ok(Op::Resolve),
            Some("configure") => read(fields).map(Op::Configure),
            Some("discover") => read(fields).map(Op::Discover),
            Some("pay") => read(fields).map(Op::Pay),
            Some("pay_hybrid") => read(hybrid(fields)).map(Op::Pay),
            Some("pay_group") => read(fields).map(Op::Pay),
            Some("retrieve") => read(fields).map(Op::Retrieve),
            Some("verify_webhook") => read(fields).map(Op::VerifyWebhook),
            _ => return Err(json!({ "id": id, "unsupported": true })),
        };
        match op {
            Ok(op) => Ok(Self { id, op }),
            Err(error) => Err(Err(usage(error.to_string())).to_line(id)),
        }
    }
}

fn read<T: for<'de> Deserialize<'de>>(fields: Value) -> serde_json::Result<T> {
    serde_json::from_value(fields)
}

/// Hybrid is hybrid where the time-out is left out, too.
fn hybrid(mut fields: Value) -> Value {
    if fields["localTimeoutMs"].is_null() {
        fields["localTimeoutMs"] = json!(2000);
    }
    fields
}
