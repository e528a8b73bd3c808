//! Random days at the counter: tills, cards, a host that loses and repeats answers, power cuts after any
//! effect. The invariants of `spec/safety.md` hold at every step.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use vinr_protocol::payment::CancelOutcome;
use vinr_protocol::terminal::{
    Answer, Effect, HostVerdict, Input, Record, Revocation, Screen, Timer,
};
use vinr_protocol::{Machine, Payment, PaymentId, Status};

use crate::shop::*;
use crate::twin::Twin;

#[derive(Debug, Clone)]
enum Event {
    Pay {
        sale: u8,
        key: u8,
        amount: u64,
    },
    Cancel {
        sale: u8,
        key: Option<u8>,
    },
    Tap,
    InsertPinCard,
    Pin,
    GiveUp,
    Elapse(u8),
    /// The host handles the oldest message; its answer arrives or is lost.
    Host {
        approves: bool,
        arrives: bool,
    },
    /// The power goes after this many effects of the next step.
    PowerCutAfter(usize),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (0..2u8, 0..3u8, 0..2u64).prop_map(|(sale, key, more)| Event::Pay { sale, key, amount: 2500 + more }),
        2 => (0..2u8, proptest::option::of(0..3u8)).prop_map(|(sale, key)| Event::Cancel { sale, key }),
        3 => Just(Event::Tap),
        1 => Just(Event::InsertPinCard),
        1 => Just(Event::Pin),
        1 => Just(Event::GiveUp),
        2 => (0..4u8).prop_map(Event::Elapse),
        4 => (any::<bool>(), any::<bool>()).prop_map(|(approves, arrives)| Event::Host { approves, arrives }),
        1 => (0..6usize).prop_map(Event::PowerCutAfter),
    ]
}

/// What one payment is at the card network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AtHost {
    Approved,
    Declined,
    Voided,
}

/// The terminal, the card network, and what was promised to anyone.
struct World {
    shop: Shop,
    to_host: Vec<Effect>,
    host: BTreeMap<PaymentId, AtHost>,
    durable: BTreeSet<PaymentId>,
    durably_processing: BTreeSet<PaymentId>,
    finals: BTreeMap<PaymentId, Payment>,
    void: BTreeSet<(String, String)>,
    armed: BTreeSet<Timer>,
    prompting: bool,
    cut_after: Option<usize>,
}

impl World {
    fn new() -> Self {
        Self {
            shop: Shop::open(),
            to_host: Vec::new(),
            host: BTreeMap::new(),
            durable: BTreeSet::new(),
            durably_processing: BTreeSet::new(),
            finals: BTreeMap::new(),
            void: BTreeSet::new(),
            armed: BTreeSet::new(),
            prompting: false,
            cut_after: None,
        }
    }

    fn happens(&mut self, event: Event) {
        match event {
            Event::PowerCutAfter(effects) => self.cut_after = Some(effects),
            Event::Pay { sale, key, amount } => {
                let caller = self.shop.caller();
                let input = Input::Pay {
                    caller,
                    request: request(&format!("order_{sale}"), amount),
                    key: Some(format!("k{key}").parse().expect("lawful")),
                    path: vinr_protocol::payment::ConnectionMode::Local,
                    expires_at: None,
                    id: format!("tpay_{}", caller.0).parse().expect("lawful"),
                    now: now(),
                    revocation: Revocation::InForce,
                };
                self.feed(input);
            }
            Event::Cancel { sale, key } => {
                let request = vinr_protocol::CancelRequest {
                    terminal_id: TERMINAL.parse().expect("lawful"),
                    reference: format!("order_{sale}").parse().expect("lawful"),
                    attempt_key: key.map(|key| format!("k{key}").parse().expect("lawful")),
                };
                let caller = self.shop.caller();
                self.feed(Input::Cancel {
                    caller,
                    request,
                    now: now(),
                });
            }
            Event::Tap => self.feed(Input::CardRead {
                card: card(vinr_protocol::terminal::PinEntry::NotRequired),
                now: now(),
            }),
            Event::InsertPinCard => self.feed(Input::CardRead {
                card: card(vinr_protocol::terminal::PinEntry::Required),
                now: now(),
            }),
            Event::Pin => self.feed(Input::PinEntered { now: now() }),
            Event::GiveUp => self.feed(Input::CustomerGaveUp { now: now() }),
            Event::Elapse(nth) => {
                if let Some(timer) = self.armed.iter().nth(usize::from(nth)).cloned() {
                    self.armed.remove(&timer);
                    self.feed(Input::Elapsed { timer, now: now() });
                }
            }
            Event::Host { approves, arrives } => self.host_works(approves, arrives),
        }
    }

    fn host_works(&mut self, approves: bool, arrives: bool) {
        if self.to_host.is_empty() {
            return;
        }
        let (payment, unknown) = match self.to_host.remove(0) {
            Effect::Authorize { payment } if approves => (payment.id, AtHost::Approved),
            Effect::Authorize { payment } => (payment.id, AtHost::Declined),
            Effect::AskHost { payment } => (payment, AtHost::Voided),
            other => panic!("{other:?} is no message to the host"),
        };
        // The host dedupes on the payment id.
        let word = *self.host.entry(payment.clone()).or_insert(unknown);
        if arrives {
            let verdict = match word {
                AtHost::Approved => HostVerdict::Approved,
                AtHost::Declined => declined(),
                AtHost::Voided => HostVerdict::Voided,
            };
            self.feed(Input::HostAnswered {
                payment,
                verdict,
                now: now(),
            });
        }
    }

    fn feed(&mut self, input: Input) {
        let effects = self.shop.session.step(input);
        let performed = self.cut_after.take();
        for (nth, effect) in effects.into_iter().enumerate() {
            if performed == Some(nth) {
                return self.power_cut();
            }
            self.perform(effect);
        }
        if performed.is_some() {
            self.power_cut();
        }
    }

    fn power_cut(&mut self) {
        self.armed.clear();
        self.prompting = false;
        let journal = self.shop.journal.clone();
        let (session, effects) = Twin::recover(config(), journal_id(), journal, now());
        self.shop.session = session;
        for effect in effects {
            assert!(
                !matches!(
                    effect,
                    Effect::Show(Screen::PresentCard { .. }) | Effect::Authorize { .. }
                ),
                "REC-15"
            );
            self.perform(effect);
        }
    }

    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Persist(record) => self.persisted(record),
            Effect::Show(screen) => self.shown(&screen),
            Effect::Answer { answer, .. } => self.answered(answer),
            Effect::Authorize { ref payment } => {
                assert!(self.durably_processing.contains(&payment.id), "I7");
                self.to_host.push(effect);
            }
            Effect::AskHost { .. } => self.to_host.push(effect),
            Effect::Arm(timer, _) => drop(self.armed.insert(timer)),
            Effect::Disarm(timer) => drop(self.armed.remove(&timer)),
            Effect::Head { .. } => assert!(!self.durable.is_empty(), "I6"),
            Effect::Reverse { .. } => panic!("this host never approves what it voided"),
            Effect::Announce(_) | Effect::Alarm(_) => {}
        }
    }

    fn persisted(&mut self, record: Record) {
        if let Record::Attempt(attempt) = &record {
            let payment = &attempt.payment;
            self.durable.insert(payment.id.clone());
            if payment.status == Status::Processing {
                self.durably_processing.insert(payment.id.clone());
            }
            if let Some(before) = self.finals.get(&payment.id) {
                assert_eq!(before, payment, "I3");
            }
            if payment.status.is_final() {
                self.finals.insert(payment.id.clone(), payment.clone());
            }
        }
        self.shop.journal.push(record);
    }

    fn shown(&mut self, screen: &Screen) {
        if let Screen::PresentCard { payment, .. } = screen {
            assert!(!self.prompting, "I13");
            assert!(self.durable.contains(payment), "I6");
            self.check_not_void(payment);
        }
        self.prompting = matches!(
            screen,
            Screen::PresentCard { .. } | Screen::EnterPin | Screen::Authorizing
        );
    }

    fn check_not_void(&self, id: &PaymentId) {
        let attempt = self
            .shop
            .session
            .attempts()
            .find(|it| it.payment.id == *id)
            .expect("is in the book");
        let payment = &attempt.payment;
        let key = payment
            .attempt_key
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default();
        assert!(
            !self.void.contains(&(payment.reference.to_string(), key)),
            "I10"
        );
    }

    fn answered(&mut self, answer: Answer) {
        match answer {
            Answer::Payment(payment) => self.is_true(&payment),
            Answer::Cancellation(it) if it.outcome == CancelOutcome::Cancelled => {
                if let Some(payment) = it.payment {
                    self.is_true(&payment);
                    let key = payment.attempt_key.expect("every attempt here has a key");
                    self.void
                        .insert((it.reference.to_string(), key.to_string()));
                }
            }
            _ => {}
        }
    }

    /// I4: what is said of the host is what the host did.
    fn is_true(&self, payment: &Payment) {
        let at_host = self.host.get(&payment.id);
        match payment.status {
            Status::Completed => assert_eq!(at_host, Some(&AtHost::Approved), "I4"),
            Status::Failed => assert_eq!(at_host, Some(&AtHost::Declined), "I4"),
            Status::Cancelled => assert!(matches!(at_host, None | Some(AtHost::Voided)), "I4"),
            _ => {}
        }
        assert!(self.durable.contains(&payment.id), "I6");
    }

    /// I1 and I2 at rest.
    fn check(&self) {
        let mut paid = BTreeMap::new();
        let mut live = BTreeMap::new();
        for attempt in self.shop.session.attempts() {
            let payment = &attempt.payment;
            if self.host.get(&payment.id) == Some(&AtHost::Approved) {
                *paid.entry(&payment.reference).or_insert(0) += 1;
            }
            if !payment.status.is_final() {
                *live.entry(&payment.reference).or_insert(0) += 1;
            }
        }
        assert!(paid.values().all(|count| *count <= 1), "I1: {paid:?}");
        assert!(live.values().all(|count| *count <= 1), "I2: {live:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    // [REC-9] [PAY-15] [PAY-16] [PAY-22]
    #[test]
    fn no_day_at_the_counter_breaks_an_invariant(day in proptest::collection::vec(event(), 1..60)) {
        let mut world = World::new();
        for event in day {
            world.happens(event);
            world.check();
        }
    }
}
