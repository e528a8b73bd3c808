//! Who takes part in a shop, what they want, and how often each fault may happen.

use vinr_protocol::cloud::ledger::Guard;
use vinr_protocol::device::{Model, OfflineLimits};
use vinr_protocol::terminal::Config;
use vinr_protocol::{
    Amount, AttemptKey, Currency, JournalId, PayRequest, PaymentId, Reference, TerminalId,
    Timestamp,
};

/// A shop before anything has happened.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Plan {
    /// What it is called in reports.
    pub name: &'static str,
    /// Each till, with what it wants in turn.
    pub tills: Vec<Vec<Sale>>,
    /// How many terminals there are.
    pub terminals: usize,
    /// What may go wrong, and how often.
    pub faults: Faults,
    /// Does the host refuse a second approval of one sale? Off wherever the machines must do without.
    pub guard: Guard,
    /// How many payments a terminal may queue while the internet is away.
    pub max_queued: u32,
    /// Does the card want a PIN?
    pub pin: Pin,
}

/// One sale that a till wants paid.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Sale {
    /// Sales with one number are one sale: two tills may share it.
    pub number: u8,
    /// In minor units.
    pub amount: u64,
    /// How the till goes about it.
    pub way: Way,
}

/// How a till gets a sale paid.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Way {
    /// Over the LAN, at this terminal.
    Local(usize),
    /// Over the LAN, and through the cloud where that fails.
    Hybrid(usize),
    /// At the first of these that is free.
    Group(Vec<usize>),
    /// At the first of these that is free, and through the cloud where none can be reached.
    HybridGroup(Vec<usize>),
}

/// Does the card want a PIN?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pin {
    /// No: it is tapped.
    NotWanted,
    /// Yes.
    Wanted,
}

/// How often each fault may still happen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Faults {
    /// A message is lost, or a connection breaks.
    pub losses: u8,
    /// A command arrives a second time.
    pub repeats: u8,
    /// A terminal loses power: between two inputs, or after any effect.
    pub power_cuts: u8,
    /// A till crashes.
    pub crashes: u8,
    /// A terminal loses the internet.
    pub outages: u8,
    /// A terminal loses the LAN.
    pub lan_outages: u8,
    /// A write is not durable, and the disk says so.
    pub failed_syncs: u8,
    /// A disk is damaged while the power is off.
    pub damages: u8,
    /// A terminal is swapped for another while the power is off.
    pub swaps: u8,
    /// A month passes while till and terminal are off.
    pub months: u8,
    /// The host approves what it had declined or closed.
    pub contradictions: u8,
    /// The cloud restarts.
    pub cloud_restarts: u8,
}

impl Plan {
    /// A shop with one till, one sale and one terminal, in which nothing goes wrong.
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            tills: vec![vec![Sale::local(1, 0)]],
            terminals: 1,
            faults: Faults::default(),
            guard: Guard::Off,
            max_queued: 1,
            pin: Pin::NotWanted,
        }
    }

    pub(super) fn sale(&self, till: usize, nth: usize) -> Option<&Sale> {
        self.tills.get(till)?.get(nth)
    }

    pub(super) fn config(&self, terminal: usize) -> Config {
        let limit = Amount::new(LIMIT).expect("a lawful amount");
        let sheet = OfflineLimits {
            limits: [(Currency::USD, limit)].into(),
            max_queued: self.max_queued,
        };
        Config {
            offline: Some(sheet),
            ..Config::new(terminal_id(terminal), Model::NexgoCt20, "1.0")
        }
    }
}

impl Sale {
    /// A sale at one terminal, over the LAN.
    pub fn local(number: u8, terminal: usize) -> Self {
        Self {
            number,
            amount: 2500,
            way: Way::Local(terminal),
        }
    }

    /// The same sale, paid another way.
    pub fn by(self, way: Way) -> Self {
        Self { way, ..self }
    }

    pub(super) fn reference(&self) -> Reference {
        Reference::new(&format!("order_{}", self.number)).expect("lawful")
    }

    pub(super) fn request(&self, terminal: usize) -> PayRequest {
        PayRequest::new(
            terminal_id(terminal),
            Amount::new(self.amount).expect("a lawful amount"),
            Currency::USD,
            self.reference(),
        )
    }
}

/// The offline limit of every terminal here, in cents.
pub(super) const LIMIT: u64 = 15_000;

pub(super) fn terminal_id(nth: usize) -> TerminalId {
    TerminalId::new(&format!("term_{nth}")).expect("lawful")
}

/// Which terminal an id names.
pub(super) fn terminal_of(id: &TerminalId) -> usize {
    let number = id.as_str().trim_start_matches("term_");
    number.parse().expect("every terminal here has a number")
}

/// The nth fresh key of a till.
pub(super) fn key(till: usize, nth: u8) -> AttemptKey {
    AttemptKey::new(&format!("{till}.{nth}")).expect("lawful")
}

/// Whose key it is, and which of its.
pub(super) fn till_and_nth(key: &AttemptKey) -> (usize, u8) {
    let (till, nth) = key
        .as_str()
        .split_once('.')
        .expect("every key here is a till's");
    (
        till.parse().expect("a till's number"),
        nth.parse().expect("a key's number"),
    )
}

/// The id of the nth attempt that a terminal starts under a key: one id in every order of events.
pub(super) fn payment_id(terminal: usize, key: &AttemptKey, nth: usize) -> PaymentId {
    PaymentId::new(&format!("p{terminal}/{key}/{nth}")).expect("lawful")
}

/// Whose key a payment was started under.
pub(super) fn till_of(payment: &PaymentId) -> usize {
    let key = payment.as_str().split('/').nth(1).unwrap_or_default();
    let till = key.split('.').next().unwrap_or_default();
    till.parse().expect("every payment here has a till's key")
}

pub(super) fn journal_id(terminal: usize, device: u8) -> JournalId {
    JournalId::new(&format!("jrn_{terminal}.{device}")).expect("lawful")
}

/// The date of everything, unless a month passes.
pub(super) fn now() -> Timestamp {
    Timestamp::from_unix_ms(1_780_237_380_000).expect("a date of this century")
}

pub(super) fn a_month_later() -> Timestamp {
    let month = 31 * 24 * 3_600_000;
    Timestamp::from_unix_ms(now().unix_ms() + month).expect("a date of this century")
}
