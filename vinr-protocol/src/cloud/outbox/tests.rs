use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::id::EventId;
use crate::machine::Machine;
use crate::timing::{WEBHOOK_RETRIES, WEBHOOK_SECRET_OVERLAP};
use crate::webhook::{EventData, EventType};

fn now() -> Timestamp {
    Timestamp::from_unix_ms(1_780_000_000_000).expect("lawful")
}

fn later(by: Duration) -> Timestamp {
    let ms = i64::try_from(by.as_millis()).expect("small");
    Timestamp::from_unix_ms(now().unix_ms() + ms).expect("lawful")
}

fn endpoint(name: &str) -> WebhookEndpointId {
    WebhookEndpointId::new(name).expect("lawful")
}

fn secret(text: &str) -> WebhookSecret {
    WebhookSecret::new(text)
}

fn event(id: &str) -> Event {
    let payment = r#"{"id":"tpay_1","object":"terminal_payment","terminalId":"term_1","amount":2500,"currency":"USD",
        "reference":"order_1","status":"completed","createdAt":"2026-05-31T14:23:00.000Z"}"#;
    Event {
        id: EventId::new(id).expect("lawful"),
        kind: EventType::Completed,
        created: now(),
        data: EventData {
            object: serde_json::from_str(payment).expect("parses"),
        },
    }
}

fn delivery(event: &str, to: &str) -> Delivery {
    Delivery {
        event: EventId::new(event).expect("lawful"),
        endpoint: endpoint(to),
    }
}

/// An outbox, and the disk that holds what it persisted.
struct Post {
    outbox: Outbox,
    disk: Vec<Record>,
}

impl Post {
    fn with(endpoints: &[&str]) -> Self {
        let outbox = Outbox::new(Config::default());
        let disk = Vec::new();
        let mut it = Self { outbox, disk };
        for name in endpoints {
            it.step(Input::Register {
                id: endpoint(name),
                url: format!("http://127.0.0.1/{name}"),
                secret: secret("whsec_1"),
            });
        }
        it
    }

    fn step(&mut self, input: Input) -> Vec<Effect> {
        let effects = self.outbox.step(input);
        for effect in &effects {
            if let Effect::Persist(record) = effect {
                self.disk.push(record.clone());
            }
        }
        effects
    }

    fn fire(&mut self, id: &str) -> Vec<Effect> {
        let event = Box::new(event(id));
        self.step(Input::Fire { event })
    }

    fn answered(&mut self, delivery: &Delivery, receipt: Receipt) -> Vec<Effect> {
        let delivery = delivery.clone();
        self.step(Input::Answered {
            delivery,
            receipt,
            now: now(),
        })
    }

    fn elapsed(&mut self, timer: Timer) -> Vec<Effect> {
        self.step(Input::Elapsed { timer })
    }

    /// The cloud stops and starts again with what it wrote.
    fn restart(&mut self, at: Timestamp) -> Vec<Effect> {
        let written = serde_json::to_string(&self.disk).expect("records can be written");
        let read: Vec<Record> = serde_json::from_str(&written).expect("records can be read");
        let (outbox, effects) = Outbox::recover(Config::default(), read, at);
        self.outbox = outbox;
        effects
    }
}

fn sent(effects: &[Effect]) -> Vec<(Delivery, Vec<String>)> {
    let send = |effect: &Effect| match effect {
        Effect::Send {
            delivery, secrets, ..
        } => Some((
            delivery.clone(),
            secrets.iter().map(|it| it.expose().to_owned()).collect(),
        )),
        _ => None,
    };
    effects.iter().filter_map(send).collect()
}

fn armed(effects: &[Effect]) -> Vec<(Timer, Duration)> {
    let arm = |effect: &Effect| match effect {
        Effect::Arm(timer, pause) => Some((timer.clone(), *pause)),
        _ => None,
    };
    effects.iter().filter_map(arm).collect()
}

// [EVT-2]
#[test]
fn an_event_is_durable_before_it_is_sent_to_every_endpoint() {
    let effects = Post::with(&["we_1", "we_2"]).fire("evt_1");
    assert!(matches!(effects[0], Effect::Persist(Record::Fired { .. })));
    let to: Vec<_> = sent(&effects).into_iter().map(|(it, _)| it).collect();
    assert_eq!(to, [delivery("evt_1", "we_1"), delivery("evt_1", "we_2")]);
}

// [EVT-2]
#[test]
fn an_event_that_is_fired_again_is_not_sent_again() {
    let mut outbox = Post::with(&["we_1"]);
    outbox.fire("evt_1");
    assert_eq!(outbox.fire("evt_1"), []);
    outbox.answered(&delivery("evt_1", "we_1"), Receipt::Acknowledged);
    assert_eq!(outbox.fire("evt_1"), [], "nor after it was acknowledged");
    outbox.restart(now());
    assert_eq!(outbox.fire("evt_1"), [], "nor after a restart");
}

// [EVT-2]
#[test]
fn what_is_not_acknowledged_is_sent_again_after_each_pause_and_then_given_up() {
    let mut outbox = Post::with(&["we_1"]);
    let it = delivery("evt_1", "we_1");
    outbox.fire("evt_1");
    for pause in WEBHOOK_RETRIES {
        let effects = outbox.answered(&it, Receipt::Missing);
        assert!(matches!(effects[0], Effect::Persist(_)));
        assert_eq!(armed(&effects), [(Timer::Retry(it.clone()), pause)]);
        let again = outbox.elapsed(Timer::Retry(it.clone()));
        assert_eq!(sent(&again)[0].0, it);
    }
    let last = outbox.answered(&it, Receipt::Missing);
    assert!(last.contains(&Effect::GivenUp { delivery: it }));
    assert_eq!(outbox.outbox.owed().count(), 0);
}

#[test]
fn what_is_acknowledged_is_owed_no_more() {
    let mut outbox = Post::with(&["we_1"]);
    let it = delivery("evt_1", "we_1");
    outbox.fire("evt_1");
    let effects = outbox.answered(&it, Receipt::Acknowledged);
    assert!(effects.contains(&Effect::Persist(Record::Done(it.clone()))));
    assert_eq!(outbox.elapsed(Timer::Retry(it)), []);
    assert_eq!(outbox.restart(now()), []);
}

// [EVT-2]
#[test]
fn a_restart_forgets_no_event_and_waits_only_for_what_is_left_of_the_pause() {
    let mut outbox = Post::with(&["we_1"]);
    let it = delivery("evt_1", "we_1");
    outbox.fire("evt_1");
    let retry = Timer::Retry(it.clone());
    assert_eq!(
        armed(&outbox.restart(now())),
        [(retry.clone(), Duration::ZERO)]
    );
    outbox.answered(&it, Receipt::Missing);
    let (passed, pause) = (Duration::from_secs(20), WEBHOOK_RETRIES[0]);
    let left = armed(&outbox.restart(later(passed)));
    assert_eq!(left, [(retry.clone(), pause - passed)]);
    assert_eq!(sent(&outbox.elapsed(retry))[0].0, it, "with the same id");
}

#[test]
fn a_date_that_went_back_makes_no_pause_longer() {
    let mut outbox = Post::with(&["we_1"]);
    outbox.fire("evt_1");
    outbox.answered(&delivery("evt_1", "we_1"), Receipt::Missing);
    let long_ago = Timestamp::from_unix_ms(0).expect("lawful");
    assert_eq!(armed(&outbox.restart(long_ago))[0].1, WEBHOOK_RETRIES[0]);
}

// [EVT-4]
#[test]
fn while_a_secret_rotates_both_sign_and_afterwards_the_new_one_alone() {
    let mut outbox = Post::with(&["we_1"]);
    let effects = outbox.step(Input::Rotate {
        id: endpoint("we_1"),
        secret: secret("whsec_2"),
        now: now(),
    });
    let old = Timer::OldSecret(endpoint("we_1"));
    assert_eq!(armed(&effects), [(old.clone(), WEBHOOK_SECRET_OVERLAP)]);
    let signed = |effects: &[Effect]| sent(effects)[0].1.clone();
    assert_eq!(signed(&outbox.fire("evt_1")), ["whsec_2", "whsec_1"]);
    outbox.restart(now());
    assert_eq!(signed(&outbox.fire("evt_2")), ["whsec_2", "whsec_1"]);
    outbox.elapsed(old);
    assert_eq!(signed(&outbox.fire("evt_3")), ["whsec_2"]);
}

#[test]
fn an_endpoint_gets_what_is_fired_after_it_came_and_before_it_went() {
    let mut outbox = Post::with(&[]);
    outbox.fire("evt_1");
    outbox.step(Input::Register {
        id: endpoint("we_1"),
        url: "http://127.0.0.1/".into(),
        secret: secret("whsec_1"),
    });
    assert_eq!(sent(&outbox.fire("evt_2")).len(), 1);
    let id = endpoint("we_1");
    let effects = outbox.step(Input::Remove { id });
    assert_eq!(
        effects[0],
        Effect::Persist(Record::Removed(endpoint("we_1")))
    );
    assert_eq!(sent(&outbox.fire("evt_3")), []);
    assert_eq!(
        outbox.restart(now()),
        [],
        "what was on its way is owed no more"
    );
}

#[test]
fn what_is_said_of_an_endpoint_that_is_gone_changes_nothing() {
    let mut outbox = Post::with(&[]);
    let it = delivery("evt_1", "we_1");
    assert_eq!(outbox.answered(&it, Receipt::Acknowledged), []);
    assert_eq!(outbox.answered(&it, Receipt::Missing), []);
    assert_eq!(outbox.elapsed(Timer::OldSecret(endpoint("we_1"))), []);
    assert_eq!(
        outbox.step(Input::Remove {
            id: endpoint("we_1")
        }),
        []
    );
    let (id, secret) = (endpoint("we_1"), secret("whsec_2"));
    let rotated = outbox.step(Input::Rotate {
        id,
        secret,
        now: now(),
    });
    assert_eq!(rotated, []);
}

proptest! {
    /// Whatever is acknowledged or lost, and however often the cloud restarts: each event reaches each endpoint that
    /// ever acknowledges, and none that acknowledged it is owed it.
    // [EVT-2]
    #[test]
    fn an_event_is_owed_until_it_is_acknowledged(answers in prop::collection::vec((any::<bool>(), any::<bool>()), 1..6)) {
        let mut outbox = Post::with(&["we_1"]);
        let it = delivery("evt_1", "we_1");
        outbox.fire("evt_1");
        for (is_acknowledged, restarts) in answers {
            let receipt = if is_acknowledged { Receipt::Acknowledged } else { Receipt::Missing };
            outbox.answered(&it, receipt);
            if restarts {
                outbox.restart(now());
            }
            let again = outbox.elapsed(Timer::Retry(it.clone()));
            prop_assert_eq!(sent(&again).is_empty(), is_acknowledged);
            if is_acknowledged {
                break;
            }
        }
    }
}
