//! The cloud of the shop: the production relay over a disk, and the links to its terminals.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use vinr_protocol::cloud::relay::{
    Answer, Canceller, Config, Effect, HandOver, Input, Record, Relay, TerminalWord, Timer, Undo,
};
use vinr_protocol::cloud::{CloudPayRequest, Target, Wait};
use vinr_protocol::error_body::Refusal;
use vinr_protocol::terminal::Caller;
use vinr_protocol::{AttemptKey, CancelRequest, Machine, Payment, PaymentId};

use super::invariant::Checked;
use super::message::{Ask, CloudAsk, CloudReply, Line, Message, Purpose, Reply};
use super::plan::{Sale, now, terminal_id, terminal_of};
use super::shop::{Armed, Shop};
use super::terminal::Reach;

/// The cloud.
#[derive(Debug, Clone, Hash)]
pub(super) struct Cloud {
    relay: Relay,
    /// What survives a restart, the last record of each thing.
    disk: Vec<Record>,
    pub(super) armed: BTreeMap<Timer, Duration>,
}

impl Cloud {
    pub(super) fn new() -> Self {
        Self {
            relay: Relay::new(Config::default()),
            disk: Vec::new(),
            armed: BTreeMap::new(),
        }
    }
}

impl Shop {
    pub(super) fn cloud(&mut self, input: Input) -> Checked<()> {
        let effects = self.cloud.change(|it| it.relay.step(input));
        self.cloud_does(effects)
    }

    /// The cloud loses what it had in memory, and its links.
    pub(super) fn cloud_restarts(&mut self) -> Checked<()> {
        self.air.retain(|it| {
            !matches!(&**it, Message::CloudAsk { .. } | Message::CloudReply { .. })
                && !matches!(&**it, Message::Ask { line, .. } | Message::Reply { line, .. } if line.is_the_clouds())
        });
        let effects = self.cloud.change(|it| {
            it.armed.clear();
            let (relay, effects) = Relay::recover(Config::default(), it.disk.clone(), now());
            it.relay = relay;
            effects
        });
        self.cloud_does(effects)?;
        for terminal in 0..self.terminals.len() {
            self.link(terminal)?;
        }
        Ok(())
    }

    /// A terminal's link is up or down, as its power and its internet are.
    pub(super) fn link(&mut self, nth: usize) -> Checked<()> {
        if !self.plan.has_cloud() {
            return Ok(());
        }
        let terminal = terminal_id(nth);
        let is_up = self.is_linked(nth);
        if !is_up {
            self.air.retain(|it| match &**it {
                Message::Ask { line, terminal, .. } | Message::Reply { line, terminal, .. } => {
                    !(line.is_the_clouds() && *terminal == nth)
                }
                Message::HandedOver { terminal, .. }
                | Message::Report { terminal, .. }
                | Message::Freed { terminal } => *terminal != nth,
                _ => true,
            });
        }
        if !is_up {
            return self.cloud(Input::LinkDown { terminal });
        }
        self.cloud(Input::LinkUp {
            terminal,
            journal: self.terminals[nth].disk.journal_id(),
            now: now(),
        })?;
        let payments: Vec<Payment> = self.terminals[nth].disk.payments().cloned().collect();
        for payment in payments {
            self.send(Message::Report {
                terminal: nth,
                payment: Arc::new(payment),
            });
        }
        Ok(())
    }

    pub(super) fn reported(&mut self, payment: &Payment) -> Checked<()> {
        self.cloud(Input::Report {
            payment: payment.clone(),
        })
    }

    /// I22: what the cloud has last heard of a payment.
    pub(super) fn cloud_knows(&self, id: &PaymentId) -> Option<&Payment> {
        self.cloud
            .relay
            .payments()
            .find(|payment| payment.id == *id)
    }

    pub(super) fn is_linked(&self, nth: usize) -> bool {
        self.terminals[nth].is_on() && self.terminals[nth].internet == Reach::There
    }

    pub(super) fn cloud_timer(&mut self, timer: &Timer) -> Checked<()> {
        self.cloud.change(|it| it.armed.remove(timer));
        self.cloud(Input::Elapsed {
            timer: timer.clone(),
            now: now(),
        })
    }

    /// A till's question reaches the cloud.
    pub(super) fn cloud_asked(&mut self, line: Line, ask: &CloudAsk) -> Checked<()> {
        let caller = line.caller();
        let input = match ask {
            CloudAsk::Pay { sale, key, members } => {
                let sale = self
                    .plan
                    .sale(line.till, *sale)
                    .expect("a till asks only for its own sales");
                Input::Pay {
                    caller,
                    request: command_for(sale, members),
                    key: Some(key.clone()),
                    id: PaymentId::new(&format!("pc/{key}/0")).expect("lawful"),
                    now: now(),
                }
            }
            CloudAsk::LookUp(reference) => Input::LookUp {
                caller,
                reference: reference.clone(),
            },
            CloudAsk::Cancel {
                reference,
                key,
                terminal,
            } => Input::Cancel {
                caller,
                what: Undo::Attempt(CancelRequest {
                    terminal_id: terminal_id(*terminal),
                    reference: reference.clone(),
                    attempt_key: Some(key.clone()),
                }),
                now: now(),
            },
        };
        self.cloud(input)
    }

    /// A terminal's answer reaches the cloud.
    pub(super) fn cloud_told(&mut self, line: Line, terminal: usize, reply: &Reply) -> Checked<()> {
        let Some(key) = line.key() else {
            return Ok(());
        };
        let terminal = terminal_id(terminal);
        let command = PaymentId::new(&format!("pc/{key}/0")).expect("lawful");
        let input = match (line.purpose, reply) {
            (Purpose::Command(_), Reply::Payment(payment)) => Input::Answered {
                terminal,
                command,
                word: TerminalWord::Payment(Box::new((**payment).clone())),
                now: now(),
            },
            (Purpose::Command(_), Reply::Refused(code)) => Input::Answered {
                terminal,
                command,
                word: TerminalWord::Refused(Refusal::new(code.clone(), "")),
                now: now(),
            },
            (Purpose::Inquiry(_), Reply::List(list)) => Input::Listed {
                terminal,
                command,
                list: (**list).clone(),
                now: now(),
            },
            (Purpose::RelayedCancel(nth), reply) => Input::Cancelled {
                terminal,
                by: Canceller::Caller(
                    Line {
                        purpose: Purpose::CloudCancel(nth),
                        ..line
                    }
                    .caller(),
                ),
                answer: cancellation(reply),
                now: now(),
            },
            (Purpose::Void(_), reply) => Input::Cancelled {
                terminal,
                by: Canceller::Relay(command),
                answer: cancellation(reply),
                now: now(),
            },
            _ => return Ok(()),
        };
        self.cloud(input)
    }

    fn cloud_does(&mut self, effects: Vec<Effect>) -> Checked<()> {
        for effect in effects {
            match effect {
                Effect::Persist(record) => self.cloud.change(|it| keep(&mut it.disk, record)),
                Effect::Deliver { terminal, command } => {
                    let line = Line::new(&command.key, Purpose::Command);
                    self.ask_terminal(line, terminal_of(&terminal), Ask::Command(command));
                }
                Effect::Withdraw { terminal, command } => self.withdraw(&terminal, &command)?,
                Effect::Ask {
                    terminal,
                    command,
                    reference,
                } => {
                    let line = Line::new(&key_of(&command), Purpose::Inquiry);
                    self.ask_terminal(line, terminal_of(&terminal), Ask::LookUp(reference));
                }
                Effect::Cancel { by, request } => {
                    let line = match by {
                        Canceller::Caller(caller) => relayed(caller),
                        Canceller::Relay(command) => Line::new(&key_of(&command), Purpose::Void),
                    };
                    let terminal = terminal_of(&request.terminal_id);
                    if let Some(key) = request.attempt_key {
                        let reference = request.reference;
                        self.ask_terminal(line, terminal, Ask::Cancel { reference, key });
                    }
                }
                Effect::Answer { caller, answer } => {
                    let line = Line::of(caller);
                    let reply = match answer {
                        Answer::Payment(payment) => CloudReply::Payment(Arc::new(payment)),
                        Answer::Payments(list) => CloudReply::List(Arc::new(list)),
                        Answer::Cancellation(it) => CloudReply::Cancellation(Arc::new(it)),
                        Answer::Refused(refusal) => CloudReply::Refused(refusal.code),
                    };
                    self.send(Message::CloudReply { line, reply });
                }
                Effect::Arm(timer, after) => {
                    self.cloud
                        .change(|it| it.armed.insert(timer.clone(), after));
                    self.armed.push(Armed::Cloud(timer, after));
                }
                Effect::Disarm(timer) => drop(self.cloud.change(|it| it.armed.remove(&timer))),
                Effect::Fire { .. } | Effect::Acknowledge { .. } => {}
            }
        }
        Ok(())
    }

    fn ask_terminal(&mut self, line: Line, terminal: usize, ask: Ask) {
        if self.is_linked(terminal) {
            self.send(Message::Ask {
                line,
                terminal,
                ask,
            });
        }
    }

    /// What is still under way here has not left: the link takes it back.
    fn withdraw(
        &mut self,
        terminal: &vinr_protocol::TerminalId,
        command: &PaymentId,
    ) -> Checked<()> {
        let before = self.air.len();
        self.air.retain(
            |it| !matches!(&**it, Message::Ask { ask: Ask::Command(it), .. } if it.payment == *command),
        );
        if self.air.len() == before {
            return Ok(());
        }
        self.cloud(Input::HandedOver {
            terminal: terminal.clone(),
            command: command.clone(),
            outcome: HandOver::NothingSent,
            now: now(),
        })
    }
}

fn command_for(sale: &Sale, members: &[usize]) -> CloudPayRequest {
    let request = sale.request(members[0]);
    CloudPayRequest {
        target: match members {
            [only] => Target::Terminal(terminal_id(*only)),
            several => Target::Group(several.iter().map(|nth| terminal_id(*nth)).collect()),
        },
        amount: request.amount,
        currency: request.currency,
        reference: request.reference,
        capture_method: request.capture_method,
        description: None,
        metadata: BTreeMap::new(),
        timeout_ms: None,
        wait: Wait::ForOutcome,
    }
}

fn cancellation(reply: &Reply) -> Option<vinr_protocol::Cancellation> {
    match reply {
        Reply::Cancellation(it) => Some((**it).clone()),
        _ => None,
    }
}

/// The key of the command with this id.
fn key_of(command: &PaymentId) -> AttemptKey {
    let key = command.as_str().split('/').nth(1).unwrap_or_default();
    AttemptKey::new(key).expect("every command here has a key")
}

fn relayed(caller: Caller) -> Line {
    let line = Line::of(caller);
    let purpose = match line.purpose {
        Purpose::CloudCancel(nth) => Purpose::RelayedCancel(nth),
        other => other,
    };
    Line { purpose, ..line }
}

/// Keeps the last record of each thing, in the order in which things were first recorded.
fn keep(disk: &mut Vec<Record>, record: Record) {
    let same = |old: &&mut Record| match (&**old, &record) {
        (Record::Command { command: old, .. }, Record::Command { command: new, .. }) => {
            old.payment == new.payment
        }
        (Record::Payment(old), Record::Payment(new)) => old.id == new.id,
        _ => false,
    };
    if let Some(old) = disk.iter_mut().find(same) {
        *old = record;
    } else if !disk.contains(&record) {
        disk.push(record);
    }
}
