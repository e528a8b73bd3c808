//! The outbox's state, and what each input does.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::{Delivery, Effect, Input, Receipt, Record, Replaced, Timer};
use crate::cloud::answer::{WebhookEndpoint, WebhookSecret};
use crate::id::{EventId, WebhookEndpointId};
use crate::machine::Machine;
use crate::time::Timestamp;
use crate::timing::{WEBHOOK_RETRIES, WEBHOOK_SECRET_OVERLAP};
use crate::webhook::Event;

/// What may be set: a sandbox need not wait a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Config {
    /// The pauses before each further sending.
    pub retries: [Duration; WEBHOOK_RETRIES.len()],
    /// How long a secret that was replaced signs beside its successor.
    pub overlap: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            retries: WEBHOOK_RETRIES,
            overlap: WEBHOOK_SECRET_OVERLAP,
        }
    }
}

/// Every endpoint, and every event that is owed to one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Outbox {
    config: Config,
    endpoints: BTreeMap<WebhookEndpointId, Endpoint>,
    fired: BTreeSet<EventId>,
    owed: BTreeMap<Delivery, Owed>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Endpoint {
    url: String,
    secret: WebhookSecret,
    replaced: Option<Replaced>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Owed {
    event: Arc<Event>,
    /// How often it was sent and not acknowledged.
    sent: u32,
    /// Only for a restart: timers measure the pauses.
    due: Timestamp,
}

impl Machine for Outbox {
    type Input = Input;
    type Effect = Effect;

    fn step(&mut self, input: Input) -> Vec<Effect> {
        match input {
            Input::Register { id, url, secret } => {
                let replaced = None;
                let endpoint = Endpoint {
                    url,
                    secret,
                    replaced,
                };
                vec![self.keep(id, endpoint)]
            }
            Input::Rotate { id, secret, now } => self.rotate(id, secret, now),
            Input::Remove { id } => self.remove(id),
            Input::Fire { event } => self.fire(*event),
            Input::Answered {
                delivery,
                receipt: Receipt::Acknowledged,
                ..
            } => self.done(delivery),
            Input::Answered {
                delivery,
                receipt: Receipt::Missing,
                now,
            } => self.rest(delivery, now),
            Input::Elapsed {
                timer: Timer::Retry(delivery),
            } => self.send(delivery).into_iter().collect(),
            Input::Elapsed {
                timer: Timer::OldSecret(id),
            } => self.drop_old_secret(id),
        }
    }
}

impl Outbox {
    /// An outbox that owes nothing to nobody.
    pub fn new(config: Config) -> Self {
        Self {
            config,
            endpoints: BTreeMap::new(),
            fired: BTreeSet::new(),
            owed: BTreeMap::new(),
        }
    }

    /// An outbox after a restart, from its records in their order. What is due is sent; what was on its way may have
    /// arrived, and is sent again with the same id.
    pub fn recover(
        config: Config,
        records: impl IntoIterator<Item = Record>,
        now: Timestamp,
    ) -> (Self, Vec<Effect>) {
        let mut outbox = Self::new(config);
        for record in records {
            outbox.apply(record);
        }
        let mut effects = Vec::new();
        for (id, endpoint) in &outbox.endpoints {
            if let Some(replaced) = &endpoint.replaced {
                let left = until(replaced.until, now).min(config.overlap);
                effects.push(Effect::Arm(Timer::OldSecret(id.clone()), left));
            }
        }
        for (delivery, owed) in &outbox.owed {
            // A date that jumped makes no pause longer than it was.
            let left = until(owed.due, now).min(outbox.pause_after(owed.sent).unwrap_or_default());
            effects.push(Effect::Arm(Timer::Retry(delivery.clone()), left));
        }
        (outbox, effects)
    }

    /// Where events are sent, in the order of their ids, without secrets.
    pub fn endpoints(&self) -> impl Iterator<Item = WebhookEndpoint> {
        self.endpoints
            .iter()
            .map(|(id, endpoint)| WebhookEndpoint::new(id.clone(), endpoint.url.clone(), None))
    }

    /// What is not acknowledged, and how often each was sent in vain: for reports.
    pub fn owed(&self) -> impl Iterator<Item = (&Delivery, u32)> {
        self.owed
            .iter()
            .map(|(delivery, owed)| (delivery, owed.sent))
    }

    fn apply(&mut self, record: Record) {
        match record {
            Record::Endpoint {
                id,
                url,
                secret,
                replaced,
            } => {
                let endpoint = Endpoint {
                    url,
                    secret,
                    replaced,
                };
                self.endpoints.insert(id, endpoint);
            }
            Record::Removed(id) => {
                self.endpoints.remove(&id);
                self.owed.retain(|delivery, _| delivery.endpoint != id);
            }
            Record::Fired { event, to } => self.owe(&Arc::new(*event), &to),
            Record::Resting {
                delivery,
                sent,
                due,
            } => {
                if let Some(owed) = self.owed.get_mut(&delivery) {
                    (owed.sent, owed.due) = (sent, due);
                }
            }
            Record::Done(delivery) => {
                self.owed.remove(&delivery);
            }
        }
    }

    fn owe(&mut self, event: &Arc<Event>, to: &[WebhookEndpointId]) {
        self.fired.insert(event.id.clone());
        for endpoint in to {
            let delivery = Delivery {
                event: event.id.clone(),
                endpoint: endpoint.clone(),
            };
            let owed = Owed {
                event: event.clone(),
                sent: 0,
                due: event.created,
            };
            self.owed.insert(delivery, owed);
        }
    }

    fn keep(&mut self, id: WebhookEndpointId, endpoint: Endpoint) -> Effect {
        let record = Record::Endpoint {
            id: id.clone(),
            url: endpoint.url.clone(),
            secret: endpoint.secret.clone(),
            replaced: endpoint.replaced.clone(),
        };
        self.endpoints.insert(id, endpoint);
        Effect::Persist(record)
    }

    fn rotate(
        &mut self,
        id: WebhookEndpointId,
        secret: WebhookSecret,
        now: Timestamp,
    ) -> Vec<Effect> {
        let Some(before) = self.endpoints.get(&id).cloned() else {
            return Vec::new();
        };
        let endpoint = Endpoint {
            url: before.url,
            secret,
            replaced: Some(Replaced {
                secret: before.secret,
                until: after(now, self.config.overlap),
            }),
        };
        vec![
            self.keep(id.clone(), endpoint),
            Effect::Arm(Timer::OldSecret(id), self.config.overlap),
        ]
    }

    fn drop_old_secret(&mut self, id: WebhookEndpointId) -> Vec<Effect> {
        let Some(endpoint) = self.endpoints.get(&id).cloned() else {
            return Vec::new();
        };
        let endpoint = Endpoint {
            replaced: None,
            ..endpoint
        };
        vec![self.keep(id, endpoint)]
    }

    fn remove(&mut self, id: WebhookEndpointId) -> Vec<Effect> {
        if self.endpoints.remove(&id).is_none() {
            return Vec::new();
        }
        let mut effects = vec![
            Effect::Persist(Record::Removed(id.clone())),
            Effect::Disarm(Timer::OldSecret(id.clone())),
        ];
        self.owed.retain(|delivery, _| {
            let stays = delivery.endpoint != id;
            if !stays {
                effects.push(Effect::Disarm(Timer::Retry(delivery.clone())));
            }
            stays
        });
        effects
    }

    fn fire(&mut self, event: Event) -> Vec<Effect> {
        if self.fired.contains(&event.id) {
            return Vec::new();
        }
        let to: Vec<WebhookEndpointId> = self.endpoints.keys().cloned().collect();
        let event = Arc::new(event);
        self.owe(&event, &to);
        let mut effects = vec![Effect::Persist(Record::Fired {
            event: Box::new((*event).clone()),
            to: to.clone(),
        })];
        let first = to.into_iter().filter_map(|endpoint| {
            self.send(Delivery {
                event: event.id.clone(),
                endpoint,
            })
        });
        effects.extend(first);
        effects
    }

    fn send(&self, delivery: Delivery) -> Option<Effect> {
        let owed = self.owed.get(&delivery)?;
        let endpoint = self.endpoints.get(&delivery.endpoint)?;
        let old = endpoint.replaced.iter().map(|it| it.secret.clone());
        Some(Effect::Send {
            delivery,
            url: endpoint.url.clone(),
            // [EVT-4] whoever has not learnt the new one yet still believes the old.
            secrets: [endpoint.secret.clone()].into_iter().chain(old).collect(),
            event: owed.event.clone(),
        })
    }

    fn rest(&mut self, delivery: Delivery, now: Timestamp) -> Vec<Effect> {
        let Some(sent) = self.owed.get(&delivery).map(|owed| owed.sent + 1) else {
            return Vec::new();
        };
        let Some(pause) = self.pause_after(sent) else {
            let mut effects = self.done(delivery.clone());
            effects.push(Effect::GivenUp { delivery });
            return effects;
        };
        let due = after(now, pause);
        if let Some(owed) = self.owed.get_mut(&delivery) {
            (owed.sent, owed.due) = (sent, due);
        }
        let timer = Timer::Retry(delivery.clone());
        vec![
            Effect::Persist(Record::Resting {
                delivery,
                sent,
                due,
            }),
            Effect::Arm(timer, pause),
        ]
    }

    fn done(&mut self, delivery: Delivery) -> Vec<Effect> {
        if self.owed.remove(&delivery).is_none() {
            return Vec::new();
        }
        vec![
            Effect::Disarm(Timer::Retry(delivery.clone())),
            Effect::Persist(Record::Done(delivery)),
        ]
    }

    /// The pause after so many sendings in vain; `None` where there is no further one.
    fn pause_after(&self, sent: u32) -> Option<Duration> {
        match usize::try_from(sent).ok()?.checked_sub(1) {
            None => Some(Duration::ZERO),
            Some(index) => self.config.retries.get(index).copied(),
        }
    }
}

fn after(now: Timestamp, pause: Duration) -> Timestamp {
    let pause = i64::try_from(pause.as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_unix_ms(now.unix_ms().saturating_add(pause)).unwrap_or(now)
}

fn until(then: Timestamp, now: Timestamp) -> Duration {
    let left = then.unix_ms().saturating_sub(now.unix_ms());
    Duration::from_millis(u64::try_from(left).unwrap_or(0))
}
