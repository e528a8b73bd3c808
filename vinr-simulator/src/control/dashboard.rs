//! The calls of the control port that a merchant makes at the dashboard, and those about the cloud of this process.
//!
//! They concern the directory of identities, not one terminal. `docs/cloud.md`

use std::time::Duration;

use http::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use vinr_protocol::TerminalId;
use vinr_protocol::payment::DeclineCode;

use super::calls::CallError;
use crate::cloud::{Controls, HostBehaviour};
use crate::host::Lost;
use crate::provision::{Pki, ProvisionError};

/// What the calls work with.
#[derive(Debug, Clone)]
pub(crate) struct Dashboard {
    pub(crate) pki: Pki,
    /// The cloud of this process, if there is one.
    pub(crate) cloud: Option<Controls>,
}

type Result<T = Value> = std::result::Result<T, CallError>;

/// Serves `POST <path>`; `None` where there is no such call.
pub(super) async fn serve(path: &str, dashboard: &Dashboard, body: &[u8]) -> Option<Result> {
    Some(match path {
        "/v1/revoke" => revoke(&dashboard.pki, body),
        "/v1/provision" => provision(&dashboard.pki, body).await,
        "/v1/cloud" => cloud(dashboard.cloud.as_ref(), body).await,
        _ => return None,
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Revoke {
    pos: String,
}

fn revoke(pki: &Pki, body: &[u8]) -> Result {
    let Revoke { pos } = read(body)?;
    let revoked = pki.revoke(&pos)?;
    Ok(json!({ "serial": revoked.serial, "list": revoked.list }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Provision {
    /// A further till: the name of its files.
    pos: Option<String>,
    /// The terminals that it may drive.
    #[serde(default)]
    terminals: Vec<TerminalId>,
    /// A further terminal.
    terminal: Option<TerminalId>,
}

async fn provision(pki: &Pki, body: &[u8]) -> Result {
    let Provision {
        pos,
        terminals,
        terminal,
    } = read(body)?;
    let pki = pki.clone();
    // Packing an identity derives a key, which is slow by design.
    let made = match (pos, terminal) {
        (Some(name), None) => tokio::task::spawn_blocking(move || {
            let passphrase = pki.provision_till(&name, &terminals)?;
            let file = |end: &str| pki.dir().join(format!("{name}.{end}"));
            Ok(json!({
                "certificate": file("pem"), "key": file("key"), "p12": file("p12"),
                "passphrase": passphrase.reveal(),
            }))
        }),
        (None, Some(terminal)) if terminals.is_empty() => tokio::task::spawn_blocking(move || {
            let made = Pki::provision(pki.dir(), std::slice::from_ref(&terminal))?;
            Ok(json!({
                "certificate": pki.terminal_cert(&terminal), "key": pki.terminal_key(&terminal),
                "p12": pki.pos_p12(), "passphrase": made.passphrase.reveal(),
            }))
        }),
        _ => return Err(bad("say pos, with terminals or without, or terminal")),
    };
    let made = made.await.unwrap_or(Err(ProvisionError::Random));
    made.map_err(CallError::from)
}

/// What is absent stays as it is.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct OfCloud {
    host: Option<OfHost>,
    advance_ms: Option<u64>,
}

/// What is absent is as in production.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct OfHost {
    #[serde(default)]
    delay_ms: u64,
    /// So many answers are lost; all where it is true.
    #[serde(default)]
    lose_answers: Value,
    decline: Option<String>,
    /// An answer comes so often once more.
    #[serde(default)]
    repeats: u32,
}

async fn cloud(cloud: Option<&Controls>, body: &[u8]) -> Result {
    let OfCloud { host, advance_ms } = read(body)?;
    let here = cloud.ok_or_else(|| bad("no cloud runs in this process"))?;
    if let Some(host) = host {
        let lost = Lost::read(&host.lose_answers)
            .ok_or_else(|| bad("loseAnswers is true, false or how many"))?;
        here.set_host(HostBehaviour {
            delay: Duration::from_millis(host.delay_ms),
            lost,
            decline: host.decline.as_deref().map(DeclineCode::from),
            repeats: host.repeats,
        });
    }
    if let Some(ms) = advance_ms {
        here.advance(Duration::from_millis(ms));
    }
    let standing = here
        .standing()
        .await
        .ok_or_else(|| bad("the cloud is shutting down"))?;
    let owed: Vec<Value> = standing
        .owed
        .iter()
        .map(|(delivery, sent)| json!({ "event": delivery.event, "endpoint": delivery.endpoint, "sentInVain": sent }))
        .collect();
    Ok(json!({ "linked": standing.linked, "owed": owed }))
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T> {
    serde_json::from_slice(body).map_err(|error| bad(format!("the body: {error}")))
}

fn bad(message: impl Into<String>) -> CallError {
    CallError {
        status: StatusCode::BAD_REQUEST,
        message: message.into(),
    }
}

impl From<ProvisionError> for CallError {
    fn from(error: ProvisionError) -> Self {
        let status = match &error {
            ProvisionError::NotRevocable(_)
            | ProvisionError::NotAName(_)
            | ProvisionError::NoTerminal
            | ProvisionError::NoSuchTerminal(..)
            | ProvisionError::NoSuchTill(..)
            | ProvisionError::SameName(..) => StatusCode::BAD_REQUEST,
            ProvisionError::Exists(..) => StatusCode::CONFLICT,
            ProvisionError::Missing(_)
            | ProvisionError::Io { .. }
            | ProvisionError::Certificate(_)
            | ProvisionError::Identity(_)
            | ProvisionError::Random => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let message = error.to_string();
        CallError { status, message }
    }
}
