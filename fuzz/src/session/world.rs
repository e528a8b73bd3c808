//! The world around one terminal, and what must hold in it.

use std::collections::{BTreeMap, BTreeSet};

use vinr_protocol::device::Model;
use vinr_protocol::error_body::Code;
use vinr_protocol::payment::{Brand, ConnectionMode, DeclineCode, EntryMode, Payment};
use vinr_protocol::reader::ReaderStatus;
use vinr_protocol::request::{CancelRequest, PayRequest};
use vinr_protocol::terminal::{
    Answer, Caller, CardFacts, Config, Effect, HostVerdict, Input, PinEntry, Record, Revocation,
    Screen, Session, Timer,
};
use vinr_protocol::{
    Amount, AttemptKey, Currency, JournalId, Machine, PaymentId, Reference, Status, TerminalId,
    Timestamp,
};

use super::script::{Event, Order, Write};

pub(super) struct World {
    session: Session,
    /// Every record that is durable.
    journal: Vec<Record>,
    /// The card network: what it was asked, and what it decided, once.
    asked: BTreeSet<PaymentId>,
    decided: BTreeMap<PaymentId, HostVerdict>,
    reversing: BTreeSet<PaymentId>,
    armed: BTreeSet<Timer>,
    /// Callers that wait, and whether they have the head already.
    waiting: BTreeMap<Caller, Head>,
    next: u64,
    next_write: Write,
    journal_failed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Head {
    Owed,
    Sent,
}

impl World {
    pub(super) fn new() -> Self {
        Self {
            session: Session::new(config(), journal_id()),
            journal: Vec::new(),
            asked: BTreeSet::new(),
            decided: BTreeMap::new(),
            reversing: BTreeSet::new(),
            armed: BTreeSet::new(),
            waiting: BTreeMap::new(),
            next: 0,
            next_write: Write::Succeeds,
            journal_failed: false,
        }
    }

    pub(super) fn play(&mut self, event: Event) {
        let now = now();
        let input = match event {
            Event::Pay(order) => {
                let id = format!("tpay_{}", self.next);
                Input::Pay {
                    caller: self.caller(),
                    request: pay_request(order),
                    key: key(order),
                    path: ConnectionMode::Local,
                    expires_at: None,
                    id: PaymentId::new(&id).expect("lawful"),
                    now,
                    revocation: Revocation::InForce,
                }
            }
            Event::LookUp(order) => Input::LookUp {
                caller: self.caller(),
                reference: reference(order),
            },
            Event::Cancel(order) => {
                let request = CancelRequest {
                    terminal_id: terminal(),
                    reference: reference(order),
                    attempt_key: key(order),
                };
                Input::Cancel {
                    caller: self.caller(),
                    request,
                    now,
                }
            }
            Event::CallerGone(which) => {
                let Some(caller) = pick(self.waiting.keys(), which) else {
                    return;
                };
                self.waiting.remove(&caller);
                Input::CallerGone { caller }
            }
            Event::CardRead { wants_pin } => Input::CardRead {
                card: card(wants_pin),
                now,
            },
            Event::PinEntered => Input::PinEntered { now },
            Event::CardRemoved => Input::CardRemoved { now },
            Event::CustomerGaveUp => Input::CustomerGaveUp { now },
            Event::HostAnswers {
                which,
                verdict,
                again,
            } => {
                let Some(payment) = pick(self.asked.iter(), which) else {
                    return;
                };
                let verdict = self
                    .decided
                    .entry(payment.clone())
                    .or_insert_with(|| verdict_of(verdict))
                    .clone();
                if !again {
                    self.asked.remove(&payment);
                }
                Input::HostAnswered {
                    payment,
                    verdict,
                    now,
                }
            }
            Event::HostReverses(which) => {
                let Some(payment) = pick(self.reversing.iter(), which) else {
                    return;
                };
                self.reversing.remove(&payment);
                Input::HostReversed { payment }
            }
            Event::Internet { is_up } => {
                let status = if is_up {
                    ReaderStatus::Online
                } else {
                    ReaderStatus::Offline
                };
                Input::Internet { status }
            }
            Event::TimerEnds(which) => {
                let Some(timer) = pick(self.armed.iter(), which) else {
                    return;
                };
                self.armed.remove(&timer);
                Input::Elapsed { timer, now }
            }
            Event::PowerCut => return self.restart(),
            Event::Write(fate) => {
                self.next_write = fate;
                return;
            }
        };
        let effects = self.session.step(input);
        self.perform(effects);
    }

    /// Comes back over the journal, and nothing else.
    fn restart(&mut self) {
        self.armed.clear();
        self.asked.clear();
        self.reversing.clear();
        self.waiting.clear();
        self.next_write = Write::Succeeds;
        self.journal_failed = false;
        let (session, effects) =
            Session::recover(config(), journal_id(), self.journal.clone(), now());
        self.session = session;
        assert!(
            !effects
                .iter()
                .any(|e| matches!(e, Effect::Show(Screen::PresentCard { .. }))),
            "nothing prompts again"
        );
        self.perform(effects);
    }

    fn perform(&mut self, effects: Vec<Effect>) {
        let mut effects = effects.into_iter();
        while let Some(effect) = effects.next() {
            match effect {
                Effect::Persist(record) => match self.next_write {
                    Write::Succeeds => self.persist(record),
                    Write::Fails => return self.fail(effects.collect()),
                    Write::CutBefore => return self.restart(),
                    Write::CutAfter => {
                        self.persist(record);
                        return self.restart();
                    }
                },
                other => self.perform_one(other),
            }
        }
    }

    /// From here on nothing is written, and nothing is answered but that the journal failed.
    fn fail(&mut self, undone: Vec<Effect>) {
        self.journal_failed = true;
        for effect in self.session.step(Input::StorageFailed { undone }) {
            self.perform_one(effect);
        }
    }

    /// I3 and I10: what is final or tombstoned stays so.
    fn persist(&mut self, record: Record) {
        if let Record::Attempt(attempt) = &record {
            let new = &attempt.payment;
            if let Some(old) = self.durable(&new.id) {
                let money = |p: &Payment| {
                    (
                        p.amount,
                        p.currency,
                        p.reference.clone(),
                        p.attempt_key.clone(),
                    )
                };
                assert_eq!(money(old), money(new));
                assert!(
                    !old.status.is_final() || old == new,
                    "a final payment changed: {old:?} {new:?}"
                );
            } else if new.attempt_key.is_some() && self.is_tombstoned(new) {
                assert_eq!(
                    new.status,
                    Status::Cancelled,
                    "a tombstoned key started an attempt"
                );
            }
        }
        self.journal.push(record);
    }

    fn perform_one(&mut self, effect: Effect) {
        match effect {
            Effect::Persist(_) => panic!("written to a journal that failed"),
            // I6: shown is durable.
            Effect::Show(Screen::PresentCard {
                payment,
                amount,
                currency,
            }) => {
                let durable = self.durable(&payment).expect("shown before it was durable");
                assert_eq!(durable.status, Status::Pending);
                assert_eq!(
                    (durable.amount, durable.currency),
                    (amount, currency),
                    "another amount is shown"
                );
            }
            Effect::Show(_) | Effect::Announce(_) | Effect::Alarm(_) => {}
            Effect::Head { caller, .. } => {
                let head = self.waiting.get_mut(&caller);
                // A caller that left may still be sent its head.
                if let Some(head) = head {
                    assert_eq!(*head, Head::Owed, "two heads");
                    *head = Head::Sent;
                }
            }
            Effect::Answer { caller, answer } => {
                let is_honest = match &answer {
                    Answer::Refused(refusal) => refusal.code == Code::StorageFailed,
                    // Who and how it is, a terminal tells without its journal.
                    answer => matches!(answer, Answer::Reader(_)),
                };
                assert!(
                    !self.journal_failed || is_honest,
                    "answered from a journal that failed"
                );
                self.waiting.remove(&caller);
            }
            // I7: sent is durable.
            Effect::Authorize { payment } => {
                let durable = self
                    .durable(&payment.id)
                    .expect("sent before it was durable");
                assert_eq!(durable.status, Status::Processing);
                self.asked.insert(payment.id);
            }
            Effect::AskHost { payment } => {
                self.asked.insert(payment);
            }
            Effect::Reverse { payment } => {
                self.reversing.insert(payment);
            }
            Effect::Arm(timer, _) => {
                self.armed.insert(timer);
            }
            Effect::Disarm(timer) => {
                self.armed.remove(&timer);
            }
        }
    }

    /// What must hold between any two events.
    pub(super) fn check(&self) {
        let mut latest: BTreeMap<&PaymentId, &Payment> = BTreeMap::new();
        for record in &self.journal {
            if let Record::Attempt(attempt) = record {
                latest.insert(&attempt.payment.id, &attempt.payment);
            }
        }
        // I13: one prompt.
        assert!(
            latest
                .values()
                .filter(|p| p.status == Status::Pending)
                .count()
                <= 1,
            "two prompts"
        );
        let mut live = BTreeSet::new();
        let mut paid = BTreeSet::new();
        for payment in latest.values() {
            // I2: one live attempt for each sale. I1: one charge for each sale.
            assert!(
                payment.status.is_final() || live.insert(&payment.reference),
                "two live attempts of a sale"
            );
            if payment.status == Status::Completed {
                assert!(paid.insert(&payment.reference), "a sale charged twice");
            }
            self.check_truth(payment);
        }
    }

    /// I4: `completed` is approved, and nothing else that is final is.
    fn check_truth(&self, payment: &Payment) {
        let approved = self.decided.get(&payment.id) == Some(&HostVerdict::Approved);
        match payment.status {
            Status::Completed => assert!(
                approved,
                "completed, and the host never approved: {payment:?}"
            ),
            Status::Failed | Status::Cancelled if approved => {
                let takes_back = self.journal.iter().any(|record| match record {
                    Record::Attempt(a) => {
                        a.payment.id == payment.id
                            && a.reversal != vinr_protocol::terminal::Reversal::None
                    }
                    Record::Tombstone { .. } => false,
                });
                assert!(
                    takes_back,
                    "the host approved, and nobody takes it back: {payment:?}"
                );
            }
            _ => {}
        }
    }

    fn durable(&self, id: &PaymentId) -> Option<&Payment> {
        self.journal.iter().rev().find_map(|record| match record {
            Record::Attempt(attempt) if attempt.payment.id == *id => Some(&attempt.payment),
            _ => None,
        })
    }

    fn is_tombstoned(&self, payment: &Payment) -> bool {
        self.journal.iter().any(|record| match record {
            Record::Tombstone { reference, key } => {
                *reference == payment.reference && Some(key) == payment.attempt_key.as_ref()
            }
            Record::Attempt(_) => false,
        })
    }

    fn caller(&mut self) -> Caller {
        self.next += 1;
        let caller = Caller(self.next);
        self.waiting.insert(caller, Head::Owed);
        caller
    }
}

fn pick<'a, T: Clone + 'a>(mut from: impl ExactSizeIterator<Item = &'a T>, which: u8) -> Option<T> {
    let length = from.len();
    (length > 0)
        .then(|| from.nth(usize::from(which) % length).cloned())
        .flatten()
}

fn config() -> Config {
    Config::new(terminal(), Model::Simulator, "fuzz")
}

fn terminal() -> TerminalId {
    TerminalId::new("term_fuzz").expect("lawful")
}

fn journal_id() -> JournalId {
    JournalId::new("jrn_fuzz").expect("lawful")
}

fn now() -> Timestamp {
    Timestamp::from_unix_ms(1_780_000_000_000).expect("a date in this century")
}

fn reference(order: Order) -> Reference {
    Reference::new(&format!("order_{}", order.sale)).expect("lawful")
}

fn key(order: Order) -> Option<AttemptKey> {
    (order.key > 0).then(|| AttemptKey::new(&format!("key_{}", order.key)).expect("lawful"))
}

fn pay_request(order: Order) -> PayRequest {
    let amount = Amount::new(2500 + u64::from(order.amount)).expect("lawful");
    let mut request = PayRequest::new(terminal(), amount, Currency::USD, reference(order));
    request.capture_method = order.capture;
    request
}

fn card(wants_pin: bool) -> CardFacts {
    CardFacts {
        last4: "4242".to_owned(),
        brand: Brand::Visa,
        entry_mode: if wants_pin {
            EntryMode::Chip
        } else {
            EntryMode::Contactless
        },
        pin: if wants_pin {
            PinEntry::Required
        } else {
            PinEntry::NotRequired
        },
    }
}

fn verdict_of(byte: u8) -> HostVerdict {
    match byte % 4 {
        0 => HostVerdict::Declined(DeclineCode::CardDeclined),
        1 => HostVerdict::Voided,
        2 => HostVerdict::Duplicate,
        _ => HostVerdict::Approved,
    }
}
