//! The world around a terminal, as far as it outlives a power cut: the card network, what is on its way there, and
//! what anybody was told or shown.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use vinr_protocol::cloud::ledger::{Decision, Guard, Ledger, Line, Word};
use vinr_protocol::payment::{CancelOutcome, DeclineCode};
use vinr_protocol::terminal::{Answer, Caller, HostVerdict};
use vinr_protocol::{Amount, AttemptKey, Payment, PaymentId, Reference, Timestamp};

use super::script;

/// A sale and a key of it.
pub(super) type AttemptOf = (u8, u8);

/// What was sent to the card network and has not arrived.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum ToHost {
    Authorize(Box<Payment>),
    AskHost(PaymentId),
    Reverse(PaymentId),
}

/// Everything outside the terminal's case.
#[derive(Debug, Clone, Hash)]
pub(super) struct World {
    pub(super) ledger: Ledger,
    /// What the host approved against its own word.
    pub(super) contradicted: BTreeSet<PaymentId>,
    pub(super) air: VecDeque<ToHost>,
    pub(super) has_internet: bool,
    /// Which keys a start is given: the newest, or the older one beside it.
    pub(super) keys: KeysGiven,
    /// Until then, what is settled may be gone.
    pub(super) forgotten: BTreeSet<u8>,
    pub(super) tried: BTreeSet<AttemptOf>,
    /// A head came.
    pub(super) accepted: BTreeSet<AttemptOf>,
    /// `cancelled` was answered.
    pub(super) void: BTreeSet<AttemptOf>,
    /// What must be known: told, shown, or sent.
    pub(super) known: BTreeSet<PaymentId>,
    pub(super) finals: BTreeMap<PaymentId, Payment>,
    pub(super) queued: BTreeMap<PaymentId, Payment>,
    /// A number was told that is not higher than one before.
    pub(super) gave_again: bool,
    /// The highest number that was told.
    pub(super) last_sequence: u64,
    asked: BTreeMap<Caller, Asked>,
    drawn: u64,
    ms: i64,
}

/// Which keys lie beside the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum KeysGiven {
    Old,
    Both,
    New,
}

/// What a caller waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Asked {
    Pay(AttemptOf),
    Cancel(AttemptOf),
    LookUp,
}

impl World {
    pub(super) fn new(guard: Guard) -> Self {
        Self {
            ledger: Ledger::new(guard),
            contradicted: BTreeSet::new(),
            air: VecDeque::new(),
            has_internet: true,
            keys: KeysGiven::Old,
            forgotten: BTreeSet::new(),
            tried: BTreeSet::new(),
            accepted: BTreeSet::new(),
            void: BTreeSet::new(),
            known: BTreeSet::new(),
            finals: BTreeMap::new(),
            queued: BTreeMap::new(),
            gave_again: false,
            last_sequence: 0,
            asked: BTreeMap::new(),
            drawn: 0,
            ms: 1_780_237_380_000,
        }
    }

    pub(super) fn now(&mut self) -> Timestamp {
        self.ms += 1000;
        Timestamp::from_unix_ms(self.ms).expect("a date of this century")
    }

    pub(super) fn caller(&mut self, asked: Asked) -> Caller {
        self.drawn += 1;
        let caller = Caller(self.drawn);
        self.asked.insert(caller, asked);
        if let Asked::Pay(attempt) = asked {
            self.tried.insert(attempt);
        }
        caller
    }

    /// A fresh one.
    pub(super) fn payment_id(&mut self) -> PaymentId {
        self.drawn += 1;
        format!("tpay_{}", self.drawn).parse().expect("lawful")
    }

    /// Whoever waits for an answer when the power goes gets none.
    pub(super) fn power_is_gone(&mut self) {
        self.asked.clear();
    }

    pub(super) fn head(&mut self, caller: Caller) {
        if let Some(Asked::Pay(attempt)) = self.asked.get(&caller) {
            self.accepted.insert(*attempt);
        }
    }

    pub(super) fn answer(&mut self, caller: Caller, answer: &Answer) {
        let asked = self.asked.remove(&caller);
        match answer {
            Answer::Payment(payment) => self.hear(payment),
            Answer::Payments(list) => list.data.iter().for_each(|payment| self.hear(payment)),
            Answer::Cancellation(word) => {
                word.payment.iter().for_each(|payment| self.hear(payment));
                if let (CancelOutcome::Cancelled, Some(Asked::Cancel(attempt))) =
                    (&word.outcome, asked)
                {
                    self.void.insert(attempt);
                }
            }
            Answer::Reader(_) | Answer::Refused(_) => {}
        }
    }

    fn hear(&mut self, payment: &Payment) {
        let id = payment.id.clone();
        self.known.insert(id.clone());
        let sequence = payment.offline.as_ref().map_or(0, |mark| mark.sequence);
        let is_news = payment.is_queued_offline() && !self.queued.contains_key(&id);
        self.gave_again |= is_news && sequence <= self.last_sequence;
        self.last_sequence = self.last_sequence.max(sequence);
        if payment.status.is_final() {
            self.finals.insert(id, payment.clone());
        } else if payment.is_queued_offline() {
            self.queued.insert(id, payment.clone());
        }
    }

    pub(super) fn send(&mut self, message: ToHost) {
        if let ToHost::Authorize(payment) = &message {
            self.known.insert(payment.id.clone());
        }
        if self.has_internet {
            self.air.push_back(message);
        }
    }

    /// The host handles a message; what it says, and of which payment.
    pub(super) fn host_handles(
        &mut self,
        message: &ToHost,
        word: script::Word,
    ) -> (PaymentId, HostVerdict) {
        let decline = match word {
            script::Word::Approves => None,
            script::Word::Declines => Some(DeclineCode::CardDeclined),
        };
        let (id, decision) = match message {
            ToHost::Authorize(payment) => (&payment.id, self.ledger.authorize(payment, decline)),
            ToHost::AskHost(id) => (id, self.ledger.status(id)),
            ToHost::Reverse(id) => (id, self.ledger.reverse(id)),
        };
        (id.clone(), self.decided(decision).verdict())
    }

    fn decided(&mut self, decision: Decision) -> Word {
        if let Some(line) = decision.line {
            self.ledger.apply(line);
        }
        decision.word
    }

    /// The host grants what it had refused, or never heard of.
    pub(super) fn contradict(&mut self, payment: &Payment) {
        let known = self.ledger.lines().find(|line| line.payment == payment.id);
        let grants = known.map_or(0, |line| line.grants) + 1;
        self.contradicted.insert(payment.id.clone());
        self.ledger.apply(line_of(payment, grants));
    }

    /// Another terminal took the money for this sale.
    pub(super) fn pay_elsewhere(&mut self, mut payment: Payment) {
        payment.id = self.payment_id();
        self.ledger.apply(line_of(&payment, 1));
    }

    pub(super) fn has_approved(&self, id: &PaymentId) -> bool {
        self.ledger.word(id) == Some(&Word::Approved)
    }

    /// Nobody relies on what is settled any more.
    pub(super) fn forget(&mut self, sale: u8, payments: &[Payment]) {
        self.forgotten.insert(sale);
        for payment in payments {
            self.known.remove(&payment.id);
            self.finals.remove(&payment.id);
            self.queued.remove(&payment.id);
        }
        for told in [&mut self.tried, &mut self.accepted, &mut self.void] {
            told.retain(|(of, _)| *of != sale);
        }
    }
}

fn line_of(payment: &Payment, grants: u32) -> Line {
    Line {
        payment: payment.id.clone(),
        sale: Some(vinr_protocol::cloud::ledger::Sale {
            reference: payment.reference.clone(),
            amount: payment.amount,
            currency: payment.currency,
            capture_method: payment.capture_method,
        }),
        word: Word::Approved,
        grants,
    }
}

pub(super) fn reference(sale: u8) -> Reference {
    format!("order_{sale}").parse().expect("lawful")
}

pub(super) fn key(key: u8) -> AttemptKey {
    format!("k{key}").parse().expect("lawful")
}

/// Each sale has another amount.
pub(super) fn amount(sale: u8) -> Amount {
    Amount::new(2500 + u64::from(sale)).expect("lawful")
}
