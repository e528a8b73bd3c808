//! The journal as the report tells it: one line for each entry that a reader wants to see.

use serde_json::Value;

use crate::journal::{Entry, Event, Header, Said, SetClock, Side};
use crate::report::{TimelineEntry, Who};

/// One line for each entry that a reader wants to see.
pub fn story(entries: &[Entry]) -> Vec<TimelineEntry> {
    entries.iter().filter_map(line).collect()
}

fn line(entry: &Entry) -> Option<TimelineEntry> {
    let (who, what, detail) = match &entry.event {
        Event::Dial {
            address,
            error,
            connection,
        } => match error {
            None => (
                Who::Suite,
                format!("connection {connection} to {address}"),
                String::new(),
            ),
            Some(error) => (
                Who::Note,
                format!("no connection to {address}"),
                error.clone(),
            ),
        },
        Event::Handshake(handshake) => {
            let names = handshake
                .certificate
                .as_ref()
                .map(|own| own.names.join(", "));
            let problem = handshake.error.as_ref().or(handshake.chain_error.as_ref());
            (
                Who::Terminal,
                format!("TLS handshake, the till shows '{}'", handshake.presented),
                [names, problem.cloned()]
                    .into_iter()
                    .flatten()
                    .collect::<Vec<_>>()
                    .join("; "),
            )
        }
        Event::Request {
            method,
            path,
            headers,
            body,
            error,
            ..
        } => {
            let error = error
                .as_deref()
                .map(|error| format!(" (not whole: {error})"));
            (
                Who::Suite,
                format!("{method} {path}{}", error.unwrap_or_default()),
                joined(headers, body),
            )
        }
        Event::Head {
            status, headers, ..
        } => (
            Who::Terminal,
            format!("{status}, head"),
            joined(headers, ""),
        ),
        Event::Body { text, .. } => (Who::Terminal, "body".into(), text.clone()),
        Event::Lost { why, .. } => (Who::Terminal, "no whole answer".into(), why.clone()),
        Event::Closed {
            by,
            how,
            connection,
            ..
        } => {
            let who = if *by == Side::Suite {
                Who::Suite
            } else {
                Who::Terminal
            };
            (who, format!("connection {connection} ends"), how.clone())
        }
        Event::Plain { sent, received, .. } => (
            Who::Suite,
            format!("not TLS 1.3: {sent}"),
            format!("came back: {received:?}"),
        ),
        Event::Question(question) => (
            Who::Driver,
            format!("asked: {}", question.question),
            Value::Object(question.args.clone()).to_string(),
        ),
        Event::AnsweredBy(by) => (
            Who::Driver,
            match &by.operator {
                Some(operator) => format!("{operator} speaks, by {}", by.driver),
                None => format!("{} speaks", by.driver),
            },
            String::new(),
        ),
        Event::Answer(answer) => {
            let word = serde_json::to_value(answer.answer).unwrap_or_default();
            let said = answer
                .value
                .as_ref()
                .map(Value::to_string)
                .or_else(|| answer.why.clone());
            (
                Who::Driver,
                format!("answered: {}", word.as_str().unwrap_or_default()),
                said.unwrap_or_default(),
            )
        }
        Event::Screen(screen) => {
            let sale = screen.reference.clone().unwrap_or_default();
            (
                Who::Driver,
                format!("the screen shows {}", screen.screen),
                sale,
            )
        }
        Event::Advert(advert) => (
            Who::Terminal,
            format!(
                "advertised at {}, port {}",
                advert.addresses.join(", "),
                advert.port
            ),
            advert
                .txt
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect::<Vec<_>>()
                .join(" "),
        ),
        Event::Listened { ms, .. } => (Who::Suite, format!("listened for {ms} ms"), String::new()),
        Event::Ledger { reference, entries } => (
            Who::Driver,
            format!(
                "the host's ledger of {}",
                reference.as_deref().unwrap_or("all sales")
            ),
            serde_json::to_string(entries).unwrap_or_default(),
        ),
        Event::StorageRead(read) => (
            Who::Driver,
            format!(
                "{} files of the storage, {} bytes, searched",
                read.files, read.bytes
            ),
            read.needles
                .iter()
                .map(|needle| {
                    format!(
                        "{}: {} hits {}",
                        needle.what,
                        needle.hits.len(),
                        needle.hits.join(", ")
                    )
                })
                .collect::<Vec<_>>()
                .join("\n"),
        ),
        Event::Endpoint(endpoint) => (
            Who::Suite,
            format!("webhooks go to {}", endpoint.url),
            String::new(),
        ),
        Event::Webhook(webhook) => (
            Who::Note,
            format!("a webhook arrives, and is answered {}", webhook.answered),
            joined(&webhook.headers, &webhook.body),
        ),
        Event::CloudCommand(command) => (
            Who::Suite,
            format!("the cloud is asked to have {} paid", command.reference),
            format!(
                "answered {} {}",
                command
                    .status
                    .map_or("nothing".into(), |status| status.to_string()),
                command.code.as_deref().unwrap_or_default()
            ),
        ),
        Event::CardNumber { entry } => (
            Who::Note,
            format!("a whole card number stood in entry {entry}"),
            "it was cut out before it was written down".into(),
        ),
        Event::Secret { entry, what } => (
            Who::Note,
            format!("a secret stood in entry {entry}: {what}"),
            "it was cut out before it was written down".into(),
        ),
        Event::CloudAnswer(answer) => (
            Who::Note,
            format!("the cloud says how {} stands", answer.reference),
            answer.body.clone(),
        ),
        Event::Apart => (
            Who::Note,
            "from here on it has a terminal of its own, beside the others".into(),
            String::new(),
        ),
        Event::Trace(played) => (
            Who::Note,
            format!("the seed {} gave {} steps", played.seed, played.steps),
            played.sha256.clone(),
        ),
        Event::ClockSet { clock, ahead_s } => {
            let whose = match clock {
                SetClock::Terminal => "the terminal's clock",
                SetClock::Cloud => "the cloud's clock",
            };
            (
                Who::Note,
                format!("{whose} is set {ahead_s} s ahead"),
                String::new(),
            )
        }
        Event::Step { text } => (Who::Note, text.clone(), String::new()),
        Event::Claim(claim) => (
            Who::Note,
            format!("must be true for {}", claim.requirement),
            said(&claim.said),
        ),
        Event::Note { text } => (Who::Note, text.clone(), String::new()),
        // One line for each of hundreds of samples helps nobody; the table and the plot do.
        Event::LatencySample { .. } | Event::ColdSample { .. } | Event::Calibration { .. } => {
            return None;
        }
        Event::Till(till) => crate::client::line(till)?,
        Event::RunBegin { .. }
        | Event::RunEnd { .. }
        | Event::Claimed(_)
        | Event::ScenarioBegin { .. }
        | Event::ScenarioEnd { .. }
        | Event::ScreenWatch { .. } => return None,
    };
    Some(TimelineEntry {
        seq: entry.seq,
        at_ns: entry.at_ns,
        who,
        what,
        detail,
        scenario: entry.scenario.clone(),
    })
}

/// Who did what, and in full.
pub(crate) type Line = (Who, String, String);

pub(crate) fn joined(headers: &[Header], body: &str) -> String {
    let mut lines: Vec<_> = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    if !body.is_empty() {
        lines.push(body.to_owned());
    }
    lines.join("\n")
}

fn said(said: &Said) -> String {
    serde_json::to_string(said).unwrap_or_default()
}
