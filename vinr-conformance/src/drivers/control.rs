//! The control port of a simulator: HTTP on loopback, with a token.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use vinr_protocol::question::{Answer, Question};
use zeroize::Zeroizing;

use crate::journal::{Event, Journal, ScreenEvent};

/// How long the port may take beyond a question's own deadline.
const GRACE: Duration = Duration::from_secs(5);

/// Where the control port is, and what opens it.
pub struct Control {
    address: SocketAddr,
    /// Wiped when it is dropped, and never shown. \[SEC-1\]
    token: Zeroizing<String>,
    script: Mutex<Option<Value>>,
    watching: Mutex<Option<JoinHandle<()>>>,
}

/// The control port cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// The file that names it cannot be read.
    #[error("the control file {} cannot be read: {source}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file does not name it.
    #[error("the control file {} does not name a loopback URL and a token", path.display())]
    NotAControlFile {
        /// Which file.
        path: PathBuf,
    },
    /// The port does not answer as it should.
    #[error("the control port at {address} cannot be used: {why}")]
    Unusable {
        /// Where.
        address: SocketAddr,
        /// Why.
        why: String,
    },
}

/// What stands in `control/ID.json`.
#[derive(Deserialize)]
struct File {
    url: String,
    token: String,
}

impl Control {
    /// The port at this URL, such as `http://127.0.0.1:8444`; none for any other kind of URL.
    pub fn new(url: &str, token: &str) -> Option<Self> {
        let address: SocketAddr = url
            .strip_prefix("http://")?
            .trim_end_matches('/')
            .parse()
            .ok()?;
        address.ip().is_loopback().then(|| Self {
            address,
            token: Zeroizing::new(token.to_owned()),
            script: Mutex::new(None),
            watching: Mutex::new(None),
        })
    }

    /// Reads where it is from the file that a simulator writes.
    pub fn from_file(path: &Path) -> Result<Self, ControlError> {
        let text = std::fs::read(path).map_err(|source| ControlError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        let text = Zeroizing::new(text);
        serde_json::from_slice::<File>(&text)
            .ok()
            .and_then(|file| Self::new(&file.url, &Zeroizing::new(file.token)))
            .ok_or_else(|| ControlError::NotAControlFile {
                path: path.to_owned(),
            })
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What opens it: a secret that must stand in no report.
    pub fn token(&self) -> &str {
        &self.token
    }

    pub(super) async fn ask(&self, question: &Question, deadline: Duration) -> Answer {
        let body = serde_json::to_value(question).unwrap_or_default();
        let answered = self
            .call("POST", "/v1/question", Some(&body), deadline + GRACE)
            .await;
        answered
            .and_then(|value| {
                serde_json::from_value(value).map_err(|error| self.unusable(error.to_string()))
            })
            .unwrap_or_else(|error| Answer::cannot(&question.id, error.to_string()))
    }

    /// Makes the scripted cardholder wait until somebody is asked, and remembers the script.
    pub(super) async fn take_over_the_card(&self, terminal: &str) -> Result<(), ControlError> {
        let state = self.call("GET", "/v1/state", None, GRACE).await?;
        let script = state["terminals"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|own| own["terminal"] == terminal)
            .map(|own| json!({"terminal": terminal, "script": own["cardholder"]["script"]}));
        *self.script.lock().unwrap_or_else(PoisonError::into_inner) = script;
        let by_hand = json!({"terminal": terminal, "tapAfterMs": null, "entersPin": false});
        self.call("POST", "/v1/cardholder", Some(&by_hand), GRACE)
            .await?;
        Ok(())
    }

    pub(super) async fn hand_back_the_card(&self) {
        let script = self
            .script
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(script) = script {
            // A simulator that is gone needs no cardholder.
            let _ = self
                .call("POST", "/v1/cardholder", Some(&script), GRACE)
                .await;
        }
    }

    /// Sets the offline limits of a terminal, the largest payment of each currency; `None` sets its sheet's.
    pub(super) async fn set_limits(
        &self,
        terminal: &str,
        limits: Option<&BTreeMap<String, u64>>,
        max_queued: u32,
    ) -> Result<(), ControlError> {
        let call = match limits {
            Some(limits) => {
                json!({"terminal": terminal, "limits": limits, "maxQueued": max_queued})
            }
            None => json!({ "terminal": terminal }),
        };
        self.call("POST", "/v1/limits", Some(&call), GRACE).await?;
        Ok(())
    }

    /// Sets the clock of a terminal so far ahead of everybody else's.
    pub(super) async fn set_clock(
        &self,
        terminal: &str,
        ahead: Duration,
    ) -> Result<(), ControlError> {
        let offset = u64::try_from(ahead.as_millis()).unwrap_or(u64::MAX);
        let call = json!({"terminal": terminal, "offsetMs": offset});
        self.call("POST", "/v1/clock", Some(&call), GRACE).await?;
        Ok(())
    }

    /// Journals every change of this terminal's screen, until dropped.
    pub(super) async fn watch_screen(
        &self,
        journal: &Journal,
        terminal: &str,
    ) -> Result<(), ControlError> {
        let mut events = timeout(GRACE, self.events())
            .await
            .unwrap_or_else(|_| Err(self.unusable("no stream of events in time".into())))?;
        journal.record(Event::ScreenWatch { on: true });
        let (journal, terminal) = (journal.clone(), terminal.to_owned());
        let watch = tokio::spawn(async move {
            let mut line = String::new();
            loop {
                line.clear();
                if !matches!(events.read_line(&mut line).await, Ok(1..)) {
                    break;
                }
                match line.trim_end().strip_prefix("data: ").map(screen_event) {
                    Some(Seen::Screen(seen, event)) if seen == terminal => {
                        journal.record(Event::Screen(event));
                    }
                    // What was missed was not seen.
                    Some(Seen::Missed) => break,
                    _ => {}
                }
            }
            journal.record(Event::ScreenWatch { on: false });
        });
        *self.watching.lock().unwrap_or_else(PoisonError::into_inner) = Some(watch);
        Ok(())
    }

    /// Opens the stream of events and reads up to its first line, which says that it is open.
    async fn events(&self) -> Result<BufReader<TcpStream>, ControlError> {
        let tcp = self.send("GET", "/v1/events", None).await?;
        let mut lines = BufReader::new(tcp);
        let mut line = String::new();
        while !line.starts_with(": open") {
            line.clear();
            match lines.read_line(&mut line).await {
                Ok(0) => return Err(self.unusable("the stream of events ended".into())),
                Ok(_) if line.starts_with("HTTP/1.1 ") && !line.starts_with("HTTP/1.1 200") => {
                    return Err(self.unusable(line.trim_end().to_owned()));
                }
                Ok(_) => {}
                Err(error) => return Err(self.unusable(error.to_string())),
            }
        }
        Ok(lines)
    }

    async fn call(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
        limit: Duration,
    ) -> Result<Value, ControlError> {
        timeout(limit, self.exchange(method, path, body))
            .await
            .unwrap_or_else(|_| Err(self.unusable("no answer in time".into())))
    }

    async fn exchange(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, ControlError> {
        let mut tcp = self.send(method, path, body).await?;
        let mut bytes = Vec::new();
        tcp.read_to_end(&mut bytes)
            .await
            .map_err(|error| self.unusable(error.to_string()))?;
        let whole = crate::probe::read_whole(&bytes).map_err(|why| self.unusable(why))?;
        match whole.status {
            200 => Ok(whole.json()),
            401 => Err(self.unusable("it does not take the token of the control file".into())),
            status => Err(self.unusable(format!(
                "{status} {}",
                whole
                    .json()
                    .pointer("/error/message")
                    .and_then(Value::as_str)
                    .unwrap_or_default()
            ))),
        }
    }

    /// Writes one request on a connection of its own.
    async fn send(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Result<TcpStream, ControlError> {
        let body = body.map(Value::to_string).unwrap_or_default();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\nconnection: close\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            self.address,
            self.token.as_str(),
            body.len(),
        );
        let unusable = |error: std::io::Error| self.unusable(error.to_string());
        let mut tcp = TcpStream::connect(self.address).await.map_err(unusable)?;
        tcp.write_all(request.as_bytes()).await.map_err(unusable)?;
        Ok(tcp)
    }

    fn unusable(&self, why: String) -> ControlError {
        ControlError::Unusable {
            address: self.address,
            why,
        }
    }
}

impl std::fmt::Debug for Control {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Control({})", self.address)
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        if let Some(watch) = self
            .watching
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
        {
            watch.abort();
        }
    }
}

enum Seen {
    /// Whose screen, and what it shows.
    Screen(String, ScreenEvent),
    /// Some events went by unseen.
    Missed,
    Other,
}

fn screen_event(data: &str) -> Seen {
    let event: Value = serde_json::from_str(data).unwrap_or_default();
    let text = |name: &str| event[name].as_str().map(str::to_owned);
    match event["event"].as_str() {
        Some("screen") => Seen::Screen(
            text("terminal").unwrap_or_default(),
            ScreenEvent {
                screen: text("screen").unwrap_or_default(),
                reference: text("reference"),
                payment: text("paymentId"),
                amount: event["amount"].as_u64(),
                observer_ns: event["atNs"].as_u64(),
            },
        ),
        Some("missed") => Seen::Missed,
        _ => Seen::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_is_a_control_port() {
        assert!(Control::new("http://127.0.0.1:8444", "t").is_some());
        assert!(Control::new("http://192.168.1.51:8444", "t").is_none());
        assert!(Control::new("https://127.0.0.1:8444", "t").is_none());
    }

    #[test]
    fn a_token_is_not_shown_by_debug() {
        let control = Control::new("http://127.0.0.1:8444", "hunter2").expect("loopback");
        assert!(!format!("{control:?}").contains("hunter2"));
    }

    #[test]
    fn an_event_of_the_stream_is_a_screen() {
        let data = r#"{"event":"screen","terminal":"term_1","screen":"present_card","reference":"order_1","paymentId":"tpay_1","amount":2500,"currency":"USD","atNs":7,"activation":1.5}"#;
        let Seen::Screen(terminal, event) = screen_event(data) else {
            panic!("a screen event");
        };
        assert_eq!(
            (terminal.as_str(), event.screen.as_str(), event.observer_ns),
            ("term_1", "present_card", Some(7))
        );
    }

    #[tokio::test]
    async fn a_port_that_nobody_serves_is_unusable() {
        // Bound and never listened on by HTTP: dropped at once, so that the port is free and refused.
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = free.local_addr().expect("an address");
        drop(free);
        let control = Control::new(&format!("http://{address}"), "t").expect("loopback");
        assert!(control.take_over_the_card("term_1").await.is_err());
    }
}
