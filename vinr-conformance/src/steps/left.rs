//! What a sitting of the run left behind in the world, when it was killed: nobody tidied up after its last scenario.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;

use super::scene::{Attempt, Odd, Scene};
use crate::drivers::Ask;
use crate::journal::{Entry, Event, SetClock};
use crate::run::Context;
use vinr_protocol::question::Answered;

/// How long the terminal may take to give up what it held.
const IDLE_WITHIN: Duration = Duration::from_secs(2);

/// Gives back what the journal says was taken and never given back, before the run goes on.
pub(crate) async fn put_right(context: &Context) {
    let entries = context.journal.entries();
    let odd = left(&entries);
    let mut scene = Scene::new(context.clone());
    scene.odd = odd;
    scene.give_back(false).await;
    // No question asks for these two: where nobody can set them, nobody has.
    context.drivers.set_limits(None).await.ok();
    if odd.clock {
        context.drivers.set_clock(Duration::ZERO).await.ok();
    }
    let open = open_attempts(&entries);
    for attempt in &open {
        let cancel = attempt.cancel(context);
        scene.ask("tidying up", cancel).await;
    }
    if !open.is_empty() && !scene.becomes_idle(IDLE_WITHIN).await {
        let ask = Ask::to("present_card").with("card", "declined");
        let ask = ask.because("the terminal went on asking after its cancel", vec![]);
        context.drivers.ask(ask).await;
    }
}

/// What is not as the run found it. A question that nobody had time to answer may have been done.
fn left(entries: &[Entry]) -> Odd {
    let refused: BTreeSet<_> = entries.iter().filter_map(refused).collect();
    let mut odd = Odd::default();
    for entry in entries {
        match &entry.event {
            Event::Question(question) if !refused.contains(question.id.as_str()) => {
                match question.question.as_str() {
                    "cut_internet" => odd.internet_is_away = true,
                    "restore_internet" => odd.internet_is_away = false,
                    "set_host" => odd.host = !question.args.is_empty(),
                    "toggle_local_mode" => {
                        odd.local_mode = question.args.get("on") == Some(&Value::Bool(false));
                    }
                    _ => {}
                }
            }
            Event::ClockSet {
                clock: SetClock::Terminal,
                ahead_s,
            } => odd.clock = *ahead_s > 0,
            _ => {}
        }
    }
    // A list that revokes somebody is in force only within a scenario, which ends with one that revokes nobody.
    odd.list = last_scenario(entries).any(|entry| {
        matches!(&entry.event, Event::Question(question) if question.question == "install_crl")
    });
    odd
}

fn refused(entry: &Entry) -> Option<&str> {
    match &entry.event {
        Event::Answer(answer) if answer.answer == Answered::Cannot => Some(&answer.id),
        _ => None,
    }
}

fn last_scenario(entries: &[Entry]) -> impl Iterator<Item = &Entry> {
    let begins = |entry: &Entry| matches!(entry.event, Event::ScenarioBegin { .. });
    let began = entries.iter().rposition(begins);
    entries[began.unwrap_or(entries.len())..].iter()
}

/// The payments that the last scenario asked for and whose outcome it did not see.
fn open_attempts(entries: &[Entry]) -> Vec<Attempt> {
    let last: Vec<_> = last_scenario(entries).collect();
    let has_outcome = |wanted: u64| {
        last.iter().any(
            |entry| matches!(&entry.event, Event::Body { exchange, .. } if *exchange == wanted),
        )
    };
    last.iter()
        .filter_map(|entry| match &entry.event {
            Event::Request {
                exchange,
                method,
                path,
                headers,
                body,
                ..
            } if method == "POST" && path.ends_with("/pay") && !has_outcome(*exchange) => {
                let body: Value = serde_json::from_str(body).ok()?;
                let key = headers
                    .iter()
                    .find(|(name, _)| name.eq_ignore_ascii_case("idempotency-key"));
                Some(Attempt {
                    reference: body["reference"].as_str()?.to_owned(),
                    key: key.map(|(_, key)| key.clone()),
                    amount: 0,
                    currency: String::new(),
                    further: serde_json::Map::new(),
                })
            }
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::Journal;
    use serde_json::json;

    fn journal(events: Vec<Event>) -> Vec<Entry> {
        let journal = Journal::in_memory();
        events.into_iter().for_each(|event| {
            journal.record(event);
        });
        journal.entries()
    }

    fn question(id: &str, question: &str, args: &Value) -> Event {
        let question = json!({"question": question, "id": id, "subject": "term_1", "args": args, "deadlineMs": 1});
        Event::Question(serde_json::from_value(question).expect("a question"))
    }

    fn begins() -> Event {
        Event::ScenarioBegin {
            title: "A sale".into(),
            requirements: Vec::new(),
        }
    }

    fn pay(exchange: u64, path: &str) -> Event {
        Event::Request {
            connection: 1,
            exchange,
            method: "POST".into(),
            path: path.into(),
            headers: vec![("idempotency-key".into(), format!("key-{exchange}"))],
            body: format!(r#"{{"reference":"order-{exchange}"}}"#),
            body_len: 0,
            last_byte_ns: 5,
            error: None,
        }
    }

    fn answered(exchange: u64) -> Event {
        Event::Body {
            exchange,
            text: "{}".into(),
            len: 2,
            last_byte_ns: 6,
        }
    }

    #[test]
    fn what_was_taken_is_given_back_and_what_was_given_back_is_not() {
        let cut = || question("q1", "cut_internet", &json!({}));
        let back = || question("q2", "restore_internet", &json!({}));
        assert!(left(&journal(vec![cut()])).internet_is_away);
        assert!(!left(&journal(vec![cut(), back()])).internet_is_away);
        let slow = || question("q1", "set_host", &json!({"delayMs": 9}));
        let quick = || question("q2", "set_host", &json!({}));
        assert!(left(&journal(vec![slow()])).host);
        assert!(!left(&journal(vec![slow(), quick()])).host);
        let off = || question("q1", "toggle_local_mode", &json!({"on": false}));
        assert!(left(&journal(vec![off()])).local_mode);
    }

    #[test]
    fn what_nobody_could_do_was_not_done() {
        let cannot = vinr_protocol::question::Answer::cannot("q1", "no hands");
        let cut = question("q1", "cut_internet", &json!({}));
        assert!(!left(&journal(vec![cut, Event::Answer(cannot)])).internet_is_away);
    }

    #[test]
    fn a_payment_of_the_last_scenario_without_an_outcome_is_open() {
        let entries = journal(vec![
            begins(),
            pay(1, "/v1/pay"),
            begins(),
            pay(2, "/v1/pay"),
            answered(2),
            pay(3, "/v1/pay"),
            pay(4, "/v1/cancel"),
        ]);
        let open = open_attempts(&entries);
        let of: Vec<_> = open.iter().map(|one| one.reference.as_str()).collect();
        assert_eq!(of, ["order-3"]);
        assert_eq!(open[0].key.as_deref(), Some("key-3"));
    }
}
