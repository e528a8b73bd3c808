//! A relay with its caller's words short enough for a test to read like a story.

use std::time::Duration;

use super::super::{
    Answer, Canceller, Config, Effect, HandOver, Input, Record, Relay, TerminalWord, Timer, Undo,
};
use crate::cloud::{CloudPayRequest, Target, Wait};
use crate::error_body::{Code, Refusal};
use crate::id::{AttemptKey, JournalId, PaymentId, Reference, TerminalId};
use crate::machine::Machine;
use crate::payment::{CancelOutcome, Cancellation, Payment, PaymentList, Status};
use crate::request::{CancelRequest, PayRequest};
use crate::terminal::Caller;
use crate::time::Timestamp;
use crate::webhook::EventType;
use crate::{Amount, Currency};

pub(super) const A: &str = "term_a";
pub(super) const B: &str = "term_b";

pub(super) struct Desk {
    pub(super) relay: Relay,
    pub(super) disk: Vec<Record>,
    drawn: u32,
}

impl Desk {
    /// A relay to which these terminals are linked.
    pub(super) fn linked(terminals: &[&str]) -> Self {
        let mut desk = Self {
            relay: Relay::new(Config::default()),
            disk: Vec::new(),
            drawn: 0,
        };
        for terminal in terminals {
            desk.link_up(terminal);
        }
        desk
    }

    pub(super) fn step(&mut self, input: Input) -> Vec<Effect> {
        let effects = self.relay.step(input);
        for effect in &effects {
            if let Effect::Persist(record) = effect {
                self.disk.push(record.clone());
            }
        }
        effects
    }

    /// The cloud stops and starts again with what it wrote.
    pub(super) fn restart(&mut self) -> Vec<Effect> {
        let written = serde_json::to_string(&self.disk).expect("records can be written");
        let read: Vec<Record> = serde_json::from_str(&written).expect("records can be read");
        assert_eq!(read, self.disk);
        let (relay, effects) = Relay::recover(Config::default(), read, now());
        for effect in &effects {
            if let Effect::Persist(record) = effect {
                self.disk.push(record.clone());
            }
        }
        self.relay = relay;
        effects
    }

    pub(super) fn pay(&mut self, caller: u64, request: CloudPayRequest, key: &str) -> Vec<Effect> {
        self.drawn += 1;
        self.step(Input::Pay {
            caller: Caller(caller),
            request,
            key: Some(key.parse().expect("lawful")).filter(|_: &AttemptKey| key != "none"),
            id: command(self.drawn),
            now: now(),
        })
    }

    pub(super) fn link_up(&mut self, terminal: &str) -> Vec<Effect> {
        self.link_up_with(terminal, journal("jrn_1"))
    }

    /// The terminal, or what stands in its place.
    pub(super) fn link_up_with(&mut self, terminal: &str, journal: JournalId) -> Vec<Effect> {
        self.step(Input::LinkUp {
            terminal: term(terminal),
            journal,
            now: now(),
        })
    }

    pub(super) fn link_down(&mut self, terminal: &str) -> Vec<Effect> {
        let terminal = term(terminal);
        self.step(Input::LinkDown { terminal })
    }

    pub(super) fn link_says(&mut self, terminal: &str, id: u32, outcome: HandOver) -> Vec<Effect> {
        self.step(Input::HandedOver {
            terminal: term(terminal),
            command: command(id),
            outcome,
            now: now(),
        })
    }

    pub(super) fn refuses(&mut self, terminal: &str, id: u32, code: Code) -> Vec<Effect> {
        self.step(Input::Answered {
            terminal: term(terminal),
            command: command(id),
            word: TerminalWord::Refused(Refusal::new(code, "no")),
            now: now(),
        })
    }

    pub(super) fn answers(&mut self, terminal: &str, id: u32, payment: Payment) -> Vec<Effect> {
        self.step(Input::Answered {
            terminal: term(terminal),
            command: command(id),
            word: TerminalWord::Payment(Box::new(payment)),
            now: now(),
        })
    }

    pub(super) fn reports(&mut self, payment: Payment) -> Vec<Effect> {
        self.step(Input::Report { payment })
    }

    pub(super) fn lists(&mut self, terminal: &str, id: u32, data: Vec<Payment>) -> Vec<Effect> {
        self.step(Input::Listed {
            terminal: term(terminal),
            command: command(id),
            list: PaymentList {
                object: "list".into(),
                data,
                journal_id: Some(journal("jrn_1")),
            },
            now: now(),
        })
    }

    pub(super) fn frees(&mut self, terminal: &str) -> Vec<Effect> {
        let (terminal, now) = (term(terminal), now());
        self.step(Input::Freed { terminal, now })
    }

    pub(super) fn elapses(&mut self, timer: Timer) -> Vec<Effect> {
        self.step(Input::Elapsed { timer, now: now() })
    }

    pub(super) fn cancels(&mut self, caller: u64, id: u32) -> Vec<Effect> {
        self.step(Input::Cancel {
            caller: Caller(caller),
            what: Undo::Payment(command(id)),
            now: now(),
        })
    }

    pub(super) fn cancels_attempt(&mut self, caller: u64, request: CancelRequest) -> Vec<Effect> {
        self.step(Input::Cancel {
            caller: Caller(caller),
            what: Undo::Attempt(request),
            now: now(),
        })
    }

    pub(super) fn acknowledges(
        &mut self,
        terminal: &str,
        by: Canceller,
        outcome: CancelOutcome,
        payment: Option<Payment>,
    ) -> Vec<Effect> {
        self.step(Input::Cancelled {
            terminal: term(terminal),
            by,
            answer: Some(Cancellation {
                object: "cancellation".into(),
                journal_id: Some(journal("jrn_1")),
                reference: reference(),
                outcome,
                payment,
            }),
            now: now(),
        })
    }

    /// What a look-up shows: the statuses, and whether something is undelivered.
    pub(super) fn shows(&mut self) -> (Vec<Status>, bool) {
        let effects = self.step(Input::LookUp {
            caller: Caller(99),
            reference: reference(),
        });
        match effects.as_slice() {
            [
                Effect::Answer {
                    answer: Answer::Payments(list),
                    ..
                },
            ] => (
                list.data.iter().map(|it| it.status.clone()).collect(),
                list.undelivered,
            ),
            other => panic!("a list was expected: {other:?}"),
        }
    }
}

pub(super) fn now() -> Timestamp {
    Timestamp::from_unix_ms(1_780_000_000_000).expect("in the calendar")
}

pub(super) fn term(text: &str) -> TerminalId {
    text.parse().expect("lawful")
}

pub(super) fn journal(text: &str) -> JournalId {
    text.parse().expect("lawful")
}

pub(super) fn reference() -> Reference {
    "order_1".parse().expect("lawful")
}

/// The id of the n-th command that was asked for.
pub(super) fn command(n: u32) -> PaymentId {
    format!("tpay_{n}").parse().expect("lawful")
}

pub(super) fn to(terminal: &str) -> CloudPayRequest {
    let amount = Amount::new(2500).expect("lawful");
    PayRequest::new(term(terminal), amount, Currency::USD, reference()).into()
}

pub(super) fn to_group(terminals: &[&str]) -> CloudPayRequest {
    CloudPayRequest {
        target: Target::Group(terminals.iter().map(|it| term(it)).collect()),
        ..to(A)
    }
}

pub(super) fn at_once(request: CloudPayRequest) -> CloudPayRequest {
    let wait = Wait::AtOnce;
    CloudPayRequest { wait, ..request }
}

/// The payment as a terminal tells of it.
pub(super) fn payment(terminal: &str, n: u32, key: &str, status: &str) -> Payment {
    let json = format!(
        r#"{{"id":"tpay_{n}","object":"terminal_payment","terminalId":"{terminal}","attemptKey":"{key}","amount":2500,
        "currency":"USD","reference":"order_1","status":"{status}","createdAt":"2026-05-31T14:23:00.000Z"}}"#
    );
    serde_json::from_str(&json).expect("parses")
}

/// To whom the command was given.
pub(super) fn delivered(effects: &[Effect]) -> Vec<String> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Deliver { terminal, .. } => Some(terminal.to_string()),
            _ => None,
        })
        .collect()
}

/// The events, and what each is about.
pub(super) fn fired(effects: &[Effect]) -> Vec<(EventType, Payment)> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Fire { event, payment } => Some((event.clone(), payment.clone())),
            _ => None,
        })
        .collect()
}

/// Each answer as caller and one word: a status, a code, or a cancel's outcome.
pub(super) fn answers(effects: &[Effect]) -> Vec<(u64, String)> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Answer { caller, answer } => Some((caller.0, word(answer))),
            _ => None,
        })
        .collect()
}

pub(super) fn answered(caller: u64, word: &str) -> Vec<(u64, String)> {
    vec![(caller, word.to_owned())]
}

pub(super) fn word(answer: &Answer) -> String {
    match answer {
        Answer::Payment(payment) => payment.status.to_string(),
        Answer::Payments(list) => format!("{} listed", list.data.len()),
        Answer::Cancellation(cancellation) => cancellation.outcome.to_string(),
        Answer::Refused(refusal) => refusal.code.to_string(),
    }
}

pub(super) fn hand_over(n: u32) -> Timer {
    Timer::HandOver(command(n))
}

pub(super) fn arms(effects: &[Effect], timer: &Timer) -> Option<Duration> {
    effects.iter().find_map(|effect| match effect {
        Effect::Arm(armed, after) if armed == timer => Some(*after),
        _ => None,
    })
}
