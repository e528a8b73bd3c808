//! The one task that hosts the cloud's machines: feeds them what happens and performs what they ask, strictly in order.
//!
//! A `Persist` and the events fired right after it are one write, so that no payment is known of which the merchant's
//! server is never told. \[EVT-1\]

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use vinr_protocol::cloud::outbox::{self, Delivery, Outbox, Receipt};
use vinr_protocol::cloud::relay::{self, Answer, HandOver, Input, Relay, TerminalWord, Undo};
use vinr_protocol::cloud::{Command, WebhookEndpoint, WebhookEndpointList, WebhookSecret};
use vinr_protocol::error_body::{Code, Refusal};
use vinr_protocol::id::WebhookEndpointId;
use vinr_protocol::payment::Payment;
use vinr_protocol::terminal::Caller;
use vinr_protocol::{JournalId, Machine, PaymentId, TerminalId, Timestamp};
use vinr_transport::drive::Timers;

use super::event;
use super::link::hub::Session;
use super::link::{Down, Outgoing, Said, Up};
use super::store::{Entry, Store};
use super::time::VirtualTimers;
use super::webhooks::Webhooks;
use crate::defect::Groups;

/// What reaches the desk.
pub(crate) enum Message {
    /// Somebody with the API key asks.
    Asked {
        caller: Caller,
        command: Command,
        waiting: oneshot::Sender<Word>,
    },
    /// Their connection is gone.
    HungUp(Caller),
    /// A terminal linked.
    LinkBegan {
        terminal: TerminalId,
        journal: JournalId,
        session: Session,
        outgoing: Arc<Outgoing>,
    },
    /// A terminal says something.
    Said {
        terminal: TerminalId,
        session: Session,
        up: Box<Up>,
    },
    /// A link is over; of these commands no byte left.
    LinkEnded {
        terminal: TerminalId,
        session: Session,
        unsent: Vec<PaymentId>,
    },
    /// What became of a webhook.
    Sent(Delivery, Receipt),
    /// For webhooks it is so much later.
    Advance(Duration),
    /// How things stand.
    Report(oneshot::Sender<Standing>),
}

/// The answer to a request.
#[derive(Debug)]
pub(super) enum Word {
    Relay(Box<Answer>),
    Endpoint(WebhookEndpoint),
    Endpoints(WebhookEndpointList),
}

/// How the cloud stands: for tests and for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The terminals that are linked.
    pub linked: Vec<TerminalId>,
    /// The webhooks that are not acknowledged, with how often each was sent in vain.
    pub owed: Vec<(Delivery, u32)>,
}

/// The cloud at work.
pub(super) struct Desk {
    relay: Relay,
    outbox: Outbox,
    store: Store,
    is_sound: bool,
    relay_timers: Timers<relay::Timer>,
    outbox_timers: VirtualTimers<outbox::Timer>,
    callers: BTreeMap<Caller, oneshot::Sender<Word>>,
    links: BTreeMap<TerminalId, (Session, Arc<Outgoing>)>,
    webhooks: Webhooks,
    groups: Groups,
    inbox: mpsc::UnboundedReceiver<Message>,
}

/// What a desk is made of.
pub(super) struct Parts {
    pub(super) store: Store,
    pub(super) held: Entry,
    pub(super) relay: relay::Config,
    pub(super) outbox: outbox::Config,
    pub(super) webhooks: Webhooks,
    pub(super) groups: Groups,
    pub(super) inbox: mpsc::UnboundedReceiver<Message>,
}

impl Desk {
    /// Takes up where the records end.
    pub(super) async fn recover(parts: Parts) -> Self {
        let now = now();
        let (relay, to_do) = Relay::recover(parts.relay, parts.held.relay, now);
        let (outbox, to_send) = Outbox::recover(parts.outbox, parts.held.outbox, now);
        let mut desk = Self {
            relay,
            outbox,
            store: parts.store,
            is_sound: true,
            relay_timers: Timers::new(),
            outbox_timers: VirtualTimers::new(),
            callers: BTreeMap::new(),
            links: BTreeMap::new(),
            webhooks: parts.webhooks,
            groups: parts.groups,
            inbox: parts.inbox,
        };
        desk.send(to_send).await;
        desk.perform(to_do).await;
        desk
    }

    /// Works until everybody who could ask is gone.
    pub(super) async fn run(mut self) {
        loop {
            tokio::select! {
                message = self.inbox.recv() => match message {
                    Some(message) => self.receive(message).await,
                    None => return,
                },
                timer = self.relay_timers.elapsed() => {
                    self.feed(Input::Elapsed { timer, now: now() }).await;
                }
                timer = self.outbox_timers.elapsed() => {
                    self.post(outbox::Input::Elapsed { timer }).await;
                }
            }
        }
    }

    async fn receive(&mut self, message: Message) {
        match message {
            Message::Asked {
                caller,
                command,
                waiting,
            } => {
                self.callers.insert(caller, waiting);
                self.asked(caller, command).await;
            }
            Message::HungUp(caller) => {
                self.callers.remove(&caller);
                self.feed(Input::CallerGone { caller }).await;
            }
            Message::LinkBegan {
                terminal,
                journal,
                session,
                outgoing,
            } => {
                // Whatever came over an earlier link is over.
                let earlier = self.links.insert(terminal.clone(), (session, outgoing));
                if let Some((_, earlier)) = earlier {
                    self.not_sent(&terminal, earlier.close()).await;
                }
                let now = now();
                let input = Input::LinkUp {
                    terminal,
                    journal,
                    now,
                };
                self.feed(input).await;
            }
            Message::Said {
                terminal,
                session,
                up,
            } => {
                if self.is_current(&terminal, session) {
                    self.said(terminal, *up).await;
                }
            }
            Message::LinkEnded {
                terminal,
                session,
                unsent,
            } => {
                if self.is_current(&terminal, session) {
                    self.links.remove(&terminal);
                    self.not_sent(&terminal, unsent).await;
                    tracing::info!(%terminal, "the link is down");
                    self.feed(Input::LinkDown { terminal }).await;
                }
            }
            Message::Sent(delivery, receipt) => {
                let now = self.outbox_timers.date(now());
                let answered = outbox::Input::Answered {
                    delivery,
                    receipt,
                    now,
                };
                self.post(answered).await;
            }
            Message::Advance(by) => self.outbox_timers.advance(by),
            Message::Report(to) => drop(
                to.send(Standing {
                    linked: self.links.keys().cloned().collect(),
                    owed: self
                        .outbox
                        .owed()
                        .map(|(it, sent)| (it.clone(), sent))
                        .collect(),
                }),
            ),
        }
    }

    fn is_current(&self, terminal: &TerminalId, session: Session) -> bool {
        let current = self.links.get(terminal);
        current.is_some_and(|(current, _)| *current == session)
    }

    async fn not_sent(&mut self, terminal: &TerminalId, unsent: Vec<PaymentId>) {
        for command in unsent {
            let input = Input::HandedOver {
                terminal: terminal.clone(),
                command,
                outcome: HandOver::NothingSent,
                now: now(),
            };
            self.feed(input).await;
        }
    }

    async fn asked(&mut self, caller: Caller, command: Command) {
        let now = now();
        let input = match command {
            Command::Pay { mut request, key } => {
                request.target = self.groups.read(request.target);
                Input::Pay {
                    caller,
                    request,
                    key,
                    id: crate::terminal::fresh_payment_id(),
                    now,
                }
            }
            Command::Payments(reference) => Input::LookUp { caller, reference },
            Command::Payment(id) => Input::LookUpId { caller, id },
            Command::Cancel(id) => {
                let what = Undo::Payment(id);
                Input::Cancel { caller, what, now }
            }
            Command::CreateWebhookEndpoint(request) => {
                let (id, url) = (fresh_endpoint_id(), request.url);
                return match self.webhooks.may_send_to(&url) {
                    Err(why) => {
                        let refusal = Refusal::of_field(Code::InvalidField, "url", why);
                        self.answer(caller, Word::Relay(Box::new(Answer::Refused(refusal))));
                    }
                    Ok(()) => {
                        let made = self.with_secret(id.clone(), url, caller);
                        if let Some((secret, word)) = made {
                            let url = word.url.clone();
                            self.endpoint(
                                caller,
                                outbox::Input::Register { id, url, secret },
                                word,
                            )
                            .await;
                        }
                    }
                };
            }
            Command::WebhookEndpoints => {
                let data = self.outbox.endpoints().collect();
                let object = "list".into();
                return self.answer(
                    caller,
                    Word::Endpoints(WebhookEndpointList { object, data }),
                );
            }
            Command::RemoveWebhookEndpoint(id) => {
                return match self.endpoint_of(&id) {
                    Some(word) => {
                        self.endpoint(caller, outbox::Input::Remove { id }, word)
                            .await;
                    }
                    None => self.answer(caller, no_such_endpoint()),
                };
            }
            Command::RotateWebhookSecret(id) => {
                let Some(before) = self.endpoint_of(&id) else {
                    return self.answer(caller, no_such_endpoint());
                };
                let made = self.with_secret(id.clone(), before.url, caller);
                if let Some((secret, word)) = made {
                    let now = self.outbox_timers.date(now);
                    self.endpoint(caller, outbox::Input::Rotate { id, secret, now }, word)
                        .await;
                }
                return;
            }
        };
        self.feed(input).await;
    }

    fn endpoint_of(&self, id: &WebhookEndpointId) -> Option<WebhookEndpoint> {
        self.outbox.endpoints().find(|it| &it.id == id)
    }

    /// An endpoint with a fresh secret; nothing where there are no random bytes, and then the caller knows.
    fn with_secret(
        &mut self,
        id: WebhookEndpointId,
        url: String,
        caller: Caller,
    ) -> Option<(WebhookSecret, WebhookEndpoint)> {
        let Some(secret) = fresh_secret() else {
            let refusal = Refusal::new(Code::Internal, "the system gives no random bytes");
            self.answer(caller, Word::Relay(Box::new(Answer::Refused(refusal))));
            return None;
        };
        let word = WebhookEndpoint::new(id, url, Some(secret.clone()));
        Some((secret, word))
    }

    /// Changes an endpoint, durably, and then says so.
    async fn endpoint(&mut self, caller: Caller, input: outbox::Input, word: WebhookEndpoint) {
        self.post(input).await;
        let word = match self.is_sound {
            true => Word::Endpoint(word),
            false => storage_failed(),
        };
        self.answer(caller, word);
    }

    async fn said(&mut self, terminal: TerminalId, up: Up) {
        let now = now();
        let is_its_own = |payment: &Payment| payment.terminal_id == terminal;
        let input = match up {
            Up::Report { payment } if is_its_own(&payment) => Input::Report { payment: *payment },
            Up::HandedOver { command } => Input::HandedOver {
                terminal,
                command,
                outcome: HandOver::Confirmed,
                now,
            },
            Up::Answered { command, word } => Input::Answered {
                terminal,
                command,
                word: match word {
                    Said::Payment(payment) => TerminalWord::Payment(payment),
                    Said::Refused {
                        code,
                        message,
                        param,
                    } => TerminalWord::Refused(Refusal {
                        code,
                        message,
                        param,
                    }),
                },
                now,
            },
            Up::Listed { command, list } => Input::Listed {
                terminal,
                command,
                list,
                now,
            },
            Up::Cancelled { by, answer } => Input::Cancelled {
                terminal,
                by: by.into(),
                answer: answer.map(|it| *it),
                now,
            },
            Up::Freed => Input::Freed { terminal, now },
            Up::Report { payment } => {
                tracing::warn!(%terminal, payment = %payment.id, "a report of another terminal's payment is ignored");
                return;
            }
            // The hub keeps these to itself.
            Up::Hello { .. }
            | Up::Ping
            | Up::Authorize { .. }
            | Up::Status { .. }
            | Up::Reverse { .. } => return,
        };
        self.feed(input).await;
    }

    async fn feed(&mut self, input: Input) {
        let effects = self.relay.step(input);
        self.perform(effects).await;
    }

    async fn post(&mut self, input: outbox::Input) {
        if self.is_sound {
            let effects = self.outbox.step(input);
            self.send(effects).await;
        }
    }

    /// Performs the relay's effects, one after the other.
    async fn perform(&mut self, effects: Vec<relay::Effect>) {
        let mut effects = VecDeque::from(effects);
        while let Some(effect) = effects.pop_front() {
            match effect {
                relay::Effect::Persist(record) => {
                    let mut entry = Entry::default();
                    entry.relay.push(record);
                    let mut to_send = Vec::new();
                    while let Some(relay::Effect::Fire { event, payment }) =
                        effects.pop_front_if(|it| matches!(it, relay::Effect::Fire { .. }))
                    {
                        let fired = self.fire(event, payment);
                        to_send.extend(take_records(fired, &mut entry));
                    }
                    if self.persist(entry).await {
                        self.send(to_send).await;
                    } else {
                        let undone = effects.into();
                        effects = self.relay.step(Input::StorageFailed { undone }).into();
                    }
                }
                relay::Effect::Fire { event, payment } => {
                    let fired = self.fire(event, payment);
                    self.send(fired).await;
                }
                relay::Effect::Deliver { terminal, command } => {
                    for other in self.groups.also(&command.request.target, &terminal) {
                        let command = command.clone();
                        self.push(&other, Down::Command { command });
                    }
                    self.push(&terminal, Down::Command { command });
                }
                relay::Effect::Withdraw { terminal, command } => {
                    let link = self.links.get(&terminal);
                    if link.is_some_and(|(_, outgoing)| outgoing.take_back(&command)) {
                        let input = Input::HandedOver {
                            terminal,
                            command,
                            outcome: HandOver::NothingSent,
                            now: now(),
                        };
                        effects.extend(self.relay.step(input));
                    }
                }
                relay::Effect::Ask {
                    terminal,
                    command,
                    reference,
                } => self.push(&terminal, Down::Ask { command, reference }),
                relay::Effect::Cancel { by, request } => {
                    let cancel = Down::Cancel {
                        by: by.into(),
                        reference: request.reference,
                        key: request.attempt_key,
                    };
                    self.push(&request.terminal_id, cancel);
                }
                relay::Effect::Answer { caller, mut answer } => {
                    if let Answer::Payment(payment) = &mut answer
                        && let Some(other) =
                            self.groups.named(&payment.terminal_id, self.links.keys())
                    {
                        payment.terminal_id = other;
                    }
                    self.answer(caller, Word::Relay(Box::new(answer)));
                }
                relay::Effect::Acknowledge { payment } => {
                    let terminal = payment.terminal_id.clone();
                    let payment = Box::new(payment);
                    self.push(&terminal, Down::Acknowledge { payment });
                }
                relay::Effect::Arm(timer, after) => {
                    self.relay_timers.arm(timer, Instant::now() + after);
                }
                relay::Effect::Disarm(timer) => self.relay_timers.disarm(&timer),
            }
        }
    }

    fn fire(
        &mut self,
        kind: vinr_protocol::webhook::EventType,
        payment: Payment,
    ) -> Vec<outbox::Effect> {
        if !self.is_sound {
            return Vec::new();
        }
        let event = Box::new(event::of(kind, payment, now()));
        self.outbox.step(outbox::Input::Fire { event })
    }

    /// Performs the outbox's effects; its records that are not durable yet become so first.
    async fn send(&mut self, effects: Vec<outbox::Effect>) {
        for effect in effects {
            match effect {
                outbox::Effect::Persist(record) => {
                    let mut entry = Entry::default();
                    entry.outbox.push(record);
                    if !self.persist(entry).await {
                        return;
                    }
                }
                outbox::Effect::Send {
                    delivery,
                    url,
                    secrets,
                    event,
                } => self.webhooks.send(delivery, url, secrets, event),
                outbox::Effect::GivenUp { delivery } => {
                    tracing::error!(event = %delivery.event, endpoint = %delivery.endpoint, "a webhook was sent six times and never acknowledged: it is given up");
                }
                outbox::Effect::Arm(timer, after) => self.outbox_timers.arm(timer, after),
                outbox::Effect::Disarm(timer) => self.outbox_timers.disarm(&timer),
            }
        }
    }

    async fn persist(&mut self, entry: Entry) -> bool {
        self.is_sound = self.is_sound && self.store.append(entry).await.is_ok();
        if !self.is_sound {
            tracing::error!(
                "the cloud's records cannot be written: it refuses everything until a restart"
            );
        }
        self.is_sound
    }

    fn push(&self, terminal: &TerminalId, value: Down) {
        // A link that just ended says so by a message of its own.
        if let Some((_, outgoing)) = self.links.get(terminal) {
            outgoing.push(value);
        }
    }

    fn answer(&mut self, caller: Caller, word: Word) {
        if let Some(waiting) = self.callers.remove(&caller) {
            let _ = waiting.send(word);
        }
    }
}

/// Puts the records of the outbox into an entry, and leaves what is to be done when it is durable.
fn take_records(effects: Vec<outbox::Effect>, entry: &mut Entry) -> Vec<outbox::Effect> {
    let take = |effect| match effect {
        outbox::Effect::Persist(record) => {
            entry.outbox.push(record);
            None
        }
        effect => Some(effect),
    };
    effects.into_iter().filter_map(take).collect()
}

fn no_such_endpoint() -> Word {
    let refusal = Refusal::new(Code::NotFound, "no such webhook endpoint");
    Word::Relay(Box::new(Answer::Refused(refusal)))
}

fn storage_failed() -> Word {
    let refusal = Refusal::new(Code::StorageFailed, "the cloud cannot write its records");
    Word::Relay(Box::new(Answer::Refused(refusal)))
}

fn fresh_endpoint_id() -> WebhookEndpointId {
    WebhookEndpointId::new(&format!("we_{}", ulid::Ulid::generate()))
        .expect("a prefix and a ULID are visible ASCII")
}

fn fresh_secret() -> Option<WebhookSecret> {
    let mut random = [0u8; 32];
    aws_lc_rs::rand::fill(&mut random).ok()?;
    let digits: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    Some(WebhookSecret::new(format!("whsec_{digits}")))
}

fn now() -> Timestamp {
    jiff::Timestamp::now().into()
}
