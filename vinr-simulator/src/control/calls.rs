//! The calls of the control port beyond the harness's questions: what a developer does to a terminal.
//!
//! Each is a `POST` with a JSON object, is about the terminal that it names, or about all where it names none, and
//! answers the state after it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use vinr_protocol::device::OfflineLimits;
use vinr_protocol::{Amount, Currency, TerminalId};

use super::state::State;
use crate::cardholder::{Act, PinHabit, Script};
use crate::cards::TestCard;
use crate::host::Link;
use crate::terminal::{ResetError, Sheet, StartError, Terminal};

/// Why a call is not served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CallError {
    pub(super) status: StatusCode,
    pub(super) message: String,
}

type Result<T = Value> = std::result::Result<T, CallError>;

type Terminals = [Arc<Terminal>];

/// Serves `POST <path>`; `None` where there is no such call.
pub(super) async fn serve(path: &str, terminals: &Terminals, body: &[u8]) -> Option<Result> {
    Some(match path {
        "/v1/power" => power(terminals, body).await,
        "/v1/internet" => internet(terminals, body),
        "/v1/lan" => lan(terminals, body).await,
        "/v1/clock" => clock(terminals, body).await,
        "/v1/local-mode" => local_mode(terminals, body).await,
        "/v1/limits" => limits(terminals, body).await,
        "/v1/give-up" => give_up(terminals, body).await,
        "/v1/reset" => reset(terminals, body).await,
        "/v1/cardholder" => cardholder(terminals, body).await,
        _ => return None,
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Switch {
    terminal: Option<TerminalId>,
    on: bool,
}

async fn power(terminals: &Terminals, body: &[u8]) -> Result {
    let Switch { terminal, on } = read(body)?;
    for it in concerned(terminals, terminal.as_ref())? {
        it.set_power(on).await?;
    }
    Ok(state(terminals))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    terminal: Option<TerminalId>,
    up: bool,
}

impl Line {
    fn link(&self) -> Link {
        if self.up { Link::Up } else { Link::Cut }
    }
}

fn internet(terminals: &Terminals, body: &[u8]) -> Result {
    let line: Line = read(body)?;
    for it in concerned(terminals, line.terminal.as_ref())? {
        it.set_internet(line.link());
    }
    Ok(state(terminals))
}

async fn lan(terminals: &Terminals, body: &[u8]) -> Result {
    let line: Line = read(body)?;
    for it in concerned(terminals, line.terminal.as_ref())? {
        it.set_lan(line.link()).await.map_err(cannot)?;
    }
    Ok(state(terminals))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Clock {
    terminal: Option<TerminalId>,
    offset_ms: Option<i64>,
    unset: Option<bool>,
}

async fn clock(terminals: &Terminals, body: &[u8]) -> Result {
    let clock: Clock = read(body)?;
    let unset = clock.unset == Some(true);
    if unset == clock.offset_ms.is_some() {
        return Err(bad("say offsetMs, or unset: true"));
    }
    for it in concerned(terminals, clock.terminal.as_ref())? {
        match clock.offset_ms {
            Some(offset_ms) => it.set_clock(offset_ms).await,
            None => it.unset_clock().await,
        }
    }
    Ok(state(terminals))
}

async fn local_mode(terminals: &Terminals, body: &[u8]) -> Result {
    let Switch { terminal, on } = read(body)?;
    for it in concerned(terminals, terminal.as_ref())? {
        it.set_local_mode(on).await.map_err(cannot)?;
    }
    Ok(state(terminals))
}

/// Without `limits` the model's sheet holds again; with `null` nothing is queued.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Limits {
    terminal: Option<TerminalId>,
    #[serde(default, deserialize_with = "present")]
    limits: Option<Option<BTreeMap<Currency, Amount>>>,
    max_queued: Option<u32>,
}

async fn limits(terminals: &Terminals, body: &[u8]) -> Result {
    let new: Limits = read(body)?;
    let sheet = match (new.limits, new.max_queued) {
        (None, None) => Sheet::OfTheModel,
        (Some(None), None) => Sheet::Off,
        (Some(Some(limits)), Some(max_queued)) => {
            Sheet::Limits(OfflineLimits { limits, max_queued })
        }
        _ => return Err(bad("limits come with maxQueued, and null without")),
    };
    for it in concerned(terminals, new.terminal.as_ref())? {
        it.set_limits(sheet.clone()).await.map_err(cannot)?;
    }
    Ok(state(terminals))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Whose {
    terminal: Option<TerminalId>,
}

/// The cardholder presses the red button.
async fn give_up(terminals: &Terminals, body: &[u8]) -> Result {
    let Whose { terminal } = read(body)?;
    let mut is_taken = false;
    for it in concerned(terminals, terminal.as_ref())? {
        is_taken |= it.act(Act::GiveUp).await;
    }
    match is_taken {
        true => Ok(state(terminals)),
        false => Err(CallError {
            status: StatusCode::CONFLICT,
            message: "no payment waits for its cardholder".into(),
        }),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reset {
    terminal: Option<TerminalId>,
    #[serde(default)]
    force: bool,
}

/// Answers where the payments went that were not final, beside the state.
async fn reset(terminals: &Terminals, body: &[u8]) -> Result {
    let Reset { terminal, force } = read(body)?;
    let [subject] = concerned(terminals, terminal.as_ref())?[..] else {
        return Err(bad("terminal says which is reset"));
    };
    let done = subject.reset(force).await.map_err(|error| match error {
        ResetError::Unsettled(_) => CallError {
            status: StatusCode::CONFLICT,
            message: error.to_string(),
        },
        ResetError::Io(_) | ResetError::Start(_) => cannot(error),
    })?;
    let mut answer = state(terminals);
    answer["exported"] = json!(done.exported);
    Ok(answer)
}

/// Another script. What is absent stays as it is; `"tapAfterMs": null` is never.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewScript {
    terminal: Option<TerminalId>,
    /// In the words of `--cardholder`; what they leave unsaid is the default.
    script: Option<String>,
    #[serde(default, deserialize_with = "present")]
    tap_after_ms: Option<Option<u64>>,
    card: Option<String>,
    enters_pin: Option<bool>,
}

async fn cardholder(terminals: &Terminals, body: &[u8]) -> Result {
    let new: NewScript = read(body)?;
    let card = match new.card.as_deref() {
        None => None,
        Some(word) => Some(
            TestCard::find(word).ok_or_else(|| bad("card is no test card and no named outcome"))?,
        ),
    };
    let words: Option<Script> = match &new.script {
        None => None,
        Some(words) => Some(words.parse().map_err(bad)?),
    };
    for terminal in concerned(terminals, new.terminal.as_ref())? {
        let old = words.clone().unwrap_or_else(|| terminal.script().clone());
        let script = Script {
            tap_after: match new.tap_after_ms {
                Some(ms) => ms.map(Duration::from_millis),
                None => old.tap_after,
            },
            card: card.unwrap_or(old.card),
            second: old.second,
            pin: match new.enters_pin {
                Some(true) => PinHabit::Enters,
                Some(false) => PinHabit::Waits,
                None => old.pin,
            },
        };
        terminal.set_script(script).await;
    }
    Ok(state(terminals))
}

fn state(terminals: &Terminals) -> Value {
    serde_json::to_value(State::of(terminals)).expect("a state has string keys")
}

fn concerned<'a>(
    terminals: &'a Terminals,
    named: Option<&TerminalId>,
) -> Result<Vec<&'a Arc<Terminal>>> {
    let Some(id) = named else {
        return Ok(terminals.iter().collect());
    };
    match terminals.iter().find(|it| it.id() == id) {
        Some(terminal) => Ok(vec![terminal]),
        None => Err(CallError {
            status: StatusCode::NOT_FOUND,
            message: format!("no terminal {id} runs here"),
        }),
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T> {
    serde_json::from_slice(body).map_err(|error| bad(format!("the body: {error}")))
}

/// Tells `null` from absent.
fn present<'de, T: Deserialize<'de>, D: serde::Deserializer<'de>>(
    value: D,
) -> std::result::Result<Option<Option<T>>, D::Error> {
    Option::deserialize(value).map(Some)
}

fn bad(message: impl ToString) -> CallError {
    CallError {
        status: StatusCode::BAD_REQUEST,
        message: message.to_string(),
    }
}

fn cannot(error: impl std::fmt::Display) -> CallError {
    CallError {
        status: StatusCode::INTERNAL_SERVER_ERROR,
        message: error.to_string(),
    }
}

impl From<StartError> for CallError {
    fn from(error: StartError) -> Self {
        cannot(error)
    }
}

#[cfg(test)]
mod tests {
    use super::super::dashboard;
    use super::*;
    use crate::provision::Pki;

    /// Every call that the document describes, and no other.
    #[tokio::test]
    async fn the_document_names_the_calls_that_are_served() {
        let document = crate::control::openapi();
        let paths = document["paths"].as_object().unwrap();
        let described = paths
            .iter()
            .filter(|(_, methods)| methods.get("post").is_some());
        let dir = tempfile::tempdir().unwrap();
        let terminal = TerminalId::new("term_1").unwrap();
        let dashboard = dashboard::Dashboard {
            pki: Pki::provision(dir.path(), &[terminal]).unwrap().pki,
            cloud: None,
        };
        let mut count = 0;
        for (path, _) in described.filter(|(path, _)| *path != "/v1/question") {
            let of_the_dashboard = dashboard::serve(path, &dashboard, b"{}").await;
            let served = serve(path, &[], b"{}").await.or(of_the_dashboard);
            assert!(served.is_some(), "{path}");
            count += 1;
        }
        assert_eq!(count, 12);
        assert!(serve("/v1/sing", &[], b"{}").await.is_none());
    }
}
