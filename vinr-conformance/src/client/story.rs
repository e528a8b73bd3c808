//! What a till and its shop did, as the report tells it.

use serde_json::Value;

use crate::journal::{Answered, Place, TillEvent, Whose};
use crate::report::Who;
use crate::run::{Line, joined};

/// One line for an entry, where a reader wants to see it.
pub(crate) fn line(till: &TillEvent) -> Option<Line> {
    // In this role the till is the subject, and the suite plays the terminal.
    Some(match till {
        TillEvent::Started { life: 0 } => (Who::Suite, "the till is started".into(), String::new()),
        TillEvent::Started { .. } => (
            Who::Suite,
            "the till is started again".into(),
            String::new(),
        ),
        TillEvent::AtItsScreen { .. } => (
            Who::Suite,
            "somebody uses the till at its screen".into(),
            String::new(),
        ),
        TillEvent::Gone { how } => (Who::Note, "the till is gone".into(), how.clone()),
        TillEvent::Broke { why } => (
            Who::Note,
            "the adapter does not keep to its protocol".into(),
            why.clone(),
        ),
        TillEvent::Asked { op, name, fields } => (
            Who::Driver,
            format!("the till is asked, {op}: {name}"),
            fields.to_string(),
        ),
        TillEvent::Told { op, answer } => {
            (Who::Driver, format!("the till says, {op}"), said(answer))
        }
        TillEvent::Leaked { what, place } => (
            Who::Note,
            format!("{what} stands in {}", at(place)),
            String::new(),
        ),
        TillEvent::Listens { at, address } => {
            (Who::Suite, format!("{at} listens"), address.clone())
        }
        TillEvent::Accepted { connection, at } => (
            Who::Suite,
            format!("connection {connection} to {at}"),
            String::new(),
        ),
        TillEvent::Met {
            connection,
            shown,
            refused,
            error,
            ..
        } => (
            Who::Terminal,
            format!("connection {connection}: {shown} is shown"),
            [refused.clone(), error.clone()]
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
                .join("; "),
        ),
        TillEvent::Plain { connection, text } => (
            Who::Suite,
            format!("connection {connection}: not TLS"),
            text.clone(),
        ),
        TillEvent::Request {
            exchange,
            at,
            method,
            path,
            headers,
            body,
            ..
        } => (
            Who::Suite,
            format!("{exchange}: {method} {path} to {at}"),
            joined(headers, body),
        ),
        TillEvent::Head { exchange, status } => (
            Who::Terminal,
            format!("{exchange}: {status}, head"),
            String::new(),
        ),
        TillEvent::Body {
            exchange,
            status,
            text,
        } => (
            Who::Terminal,
            format!("{exchange}: {status}, whole"),
            text.clone(),
        ),
        TillEvent::Lost { exchange, how } => (
            Who::Terminal,
            format!("{exchange}: the answer is lost"),
            how.clone(),
        ),
        TillEvent::Ended {
            connection,
            by,
            how,
        } => {
            let who = match by {
                Whose::Suite => Who::Terminal,
                Whose::Till => Who::Suite,
            };
            (who, format!("connection {connection} ends"), how.clone())
        }
        TillEvent::Stands { at, payment } => (
            Who::Terminal,
            format!(
                "{at}: the payment is {}",
                payment["status"].as_str().unwrap_or_default()
            ),
            payment.to_string(),
        ),
        TillEvent::Buried { at, reference, key } => (
            Who::Terminal,
            format!("{at}: {reference} is not paid by this key"),
            key.clone(),
        ),
        TillEvent::Charged {
            at,
            reference,
            payment,
        } => (
            Who::Note,
            format!("the customer is charged for {reference} at {at}"),
            payment.clone(),
        ),
        TillEvent::Reversed { payment } => {
            (Who::Note, "a charge is taken back".into(), payment.clone())
        }
        TillEvent::Advertised {
            instance,
            terminal,
            address,
            ..
        } => (
            Who::Terminal,
            format!("{terminal} is advertised at {address}"),
            instance.clone(),
        ),
        TillEvent::Goodbye { terminal } => (
            Who::Terminal,
            format!("{terminal} says goodbye"),
            String::new(),
        ),
        TillEvent::Queried { from, names } => {
            (Who::Suite, format!("{from} asks by mDNS"), names.join(", "))
        }
        TillEvent::Hello { .. } | TillEvent::Searched { .. } | TillEvent::Listening => return None,
    })
}

fn said(answer: &Answered) -> String {
    match answer {
        Answered::Ok { value: Value::Null } => "nothing".into(),
        Answered::Ok { value } => value.to_string(),
        Answered::Error { class, message, .. } => format!("{class}: {message}"),
        Answered::Unsupported => "unsupported".into(),
        Answered::Read { result, terminal } => match terminal {
            Some(terminal) => format!("its screen shows {}, at {terminal}", result.word()),
            None => format!("its screen shows {}", result.word()),
        },
    }
}

fn at(place: &Place) -> String {
    match place {
        Place::Terminal { at } => format!("a request to {at}"),
        Place::Stderr => "what the adapter wrote to stderr".into(),
        Place::Answers => "an answer of the adapter".into(),
    }
}
