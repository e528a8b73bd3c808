//! Our SDK as a client under test: an adapter that `vinr-conformance client` starts and speaks to in JSON lines. The
//! protocol is §1 of `spec/harness.md`; `docs/certify-a-till.md` says how to write one like it.
//!
//! Only translation is here. What a till must do about lost answers, certificates and groups, the SDK does inside.

mod answer;
mod request;
mod till;

use std::io::{BufRead, Write};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};
use tokio::sync::{RwLock, mpsc};
use tokio::task::JoinSet;

use answer::Answer;
use request::{Op, Request};
use till::Till;

/// What it can do, as `hello` says it.
const OPS: [&str; 9] = [
    "hello",
    "configure",
    "discover",
    "pay",
    "pay_hybrid",
    "pay_group",
    "retrieve",
    "resolve",
    "verify_webhook",
];

/// SIGTERM ends it where it stands: the store is durable, so there is nothing to tidy up.
#[tokio::main]
async fn main() {
    let mut lines = lines();
    let till = Arc::new(RwLock::new(None));
    let out = Arc::new(Mutex::new(std::io::stdout()));
    let mut working = JoinSet::new();
    while let Some(line) = lines.recv().await {
        let (till, out) = (till.clone(), out.clone());
        // Side by side: a payment that waits for its card keeps no other request waiting.
        working.spawn(async move {
            let answer = answered(&line, &till).await;
            let mut out = out.lock().unwrap_or_else(PoisonError::into_inner);
            // A harness that has gone away needs no answer.
            let _ = writeln!(out, "{answer}").and_then(|()| out.flush());
        });
    }
    while working.join_next().await.is_some() {}
}

/// The lines of stdin, read on a thread of their own, for a read of stdin cannot be given up.
fn lines() -> mpsc::UnboundedReceiver<String> {
    let (sender, lines) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    lines
}

async fn answered(line: &str, till: &RwLock<Option<Till>>) -> Value {
    let Request { id, op } = match Request::parse(line) {
        Ok(request) => request,
        Err(wrong) => return wrong,
    };
    let answer = match op {
        Op::Hello => Ok(json!({
            "name": "vinr-sdk",
            "version": env!("CARGO_PKG_VERSION"),
            "wire": "vinr-local/1",
            "ops": OPS,
        })),
        Op::VerifyWebhook(webhook) => till::verify(&webhook),
        Op::Configure(configure) => {
            let mut till = till.write().await;
            // First: one store is one till's at a time.
            *till = None;
            match Till::new(*configure).await {
                Ok((new, unresolved)) => {
                    *till = Some(new);
                    Ok(unresolved)
                }
                Err(wrong) => Err(wrong),
            }
        }
        other => match till.read().await.as_ref() {
            Some(till) => till.asked(other).await,
            None => Err(answer::usage("configure comes first")),
        },
    };
    answer.to_line(id)
}
