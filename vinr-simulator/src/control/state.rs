//! What runs, and how it is: `GET /v1/state`, and the event `state` of the stream.

use std::net::SocketAddr;
use std::sync::Arc;

use serde::Serialize;
use vinr_protocol::device::Model;
use vinr_protocol::payment::{EntryMode, Payment};
use vinr_protocol::reader::{OfflineState, ReaderStatus};
use vinr_protocol::{Amount, Currency, PaymentId, Reference, TerminalId, Timestamp};

use crate::cardholder::{PinHabit, Script};
use crate::cards::TEST_CARDS;
use crate::host::Link;
use crate::screen::ScreenEvent;
use crate::terminal::{Setting, Terminal};

/// All of it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct State {
    terminals: Vec<TerminalState>,
    /// What can be presented.
    cards: Vec<Card>,
}

/// One terminal.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TerminalState {
    /// Its id.
    pub terminal: TerminalId,
    /// Its model.
    pub model: Model,
    /// Where it listens.
    pub address: SocketAddr,
    /// Is it switched on?
    pub power: OnOff,
    /// Is its LAN cable in?
    pub lan: UpDown,
    /// Is its line to the internet there? It takes 3 s without an answer to know that it is not: see `status`.
    pub internet: UpDown,
    /// What it knows of the line, as in `GET /v1/reader`.
    pub status: ReaderStatus,
    /// May tills start payments over the LAN?
    pub local_mode: bool,
    /// How far its clock is ahead of the world's.
    pub clock_offset_ms: i64,
    /// It has no date, and takes no new payment.
    pub clock_unset: bool,
    /// What its screen shows.
    pub screen: ScreenEvent,
    /// What it has queued, first in first.
    pub queue: Vec<Queued>,
    /// What it may queue, as in `GET /v1/reader`.
    pub offline: OfflineState,
    /// What its cardholder does unasked.
    pub cardholder: Cardholder,
}

/// A queued payment.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Queued {
    /// Its id.
    pub payment_id: PaymentId,
    /// Its sale.
    pub reference: Reference,
    /// Minor units.
    pub amount: Amount,
    /// ISO 4217.
    pub currency: Currency,
    /// Its place.
    pub sequence: u64,
    /// Since when.
    pub queued_at: Timestamp,
    /// For how long, by the terminal's clock.
    pub age_ms: i64,
}

/// A script, as `POST /v1/cardholder` takes it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Cardholder {
    /// How long after the prompt the card is presented; null is never.
    pub tap_after_ms: Option<u64>,
    /// Which card.
    pub card: &'static str,
    /// Does it enter its PIN?
    pub enters_pin: bool,
    /// The whole script, as `--cardholder` takes it.
    pub script: String,
}

/// A test card.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct Card {
    number: &'static str,
    outcome: &'static str,
    last4: &'static str,
    entry_mode: EntryMode,
    wants_pin: bool,
}

/// Is something switched on?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum OnOff {
    /// It is.
    On,
    /// It is not.
    Off,
}

/// Is a line there?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum UpDown {
    /// It is.
    Up,
    /// It is cut.
    Down,
}

impl State {
    pub(super) fn of(terminals: &[Arc<Terminal>]) -> Self {
        let cards = TEST_CARDS.iter().map(|card| Card {
            number: card.number,
            outcome: card.outcome,
            last4: card.last4(),
            entry_mode: card.entry_mode.clone(),
            wants_pin: card.wants_pin(),
        });
        Self {
            terminals: terminals.iter().map(|it| it.state()).collect(),
            cards: cards.collect(),
        }
    }
}

impl Terminal {
    /// How it is now. [`changes`](Terminal::changes) says when to look again.
    pub fn state(&self) -> TerminalState {
        let settings = self.settings();
        let limits = settings.limits(self.sheet());
        let now = self.clock().now();
        let queue: Vec<_> = self
            .board()
            .queue()
            .iter()
            .filter_map(|it| queued(it, now))
            .collect();
        let (clock_offset_ms, clock_unset) = match self.clock().setting() {
            Setting::Offset(ms) => (ms, false),
            Setting::Unset { .. } => (0, true),
        };
        TerminalState {
            terminal: self.id().clone(),
            model: self.model().clone(),
            address: self.address(),
            power: if self.is_on() { OnOff::On } else { OnOff::Off },
            lan: self.lan().into(),
            internet: self.internet().into(),
            status: self.board().status(),
            local_mode: settings.local_mode,
            clock_offset_ms,
            clock_unset,
            screen: self.screen(),
            offline: OfflineState {
                supported: limits.is_some(),
                max_queued: limits.as_ref().map_or(0, |it| it.max_queued),
                queued: u32::try_from(queue.len()).unwrap_or(u32::MAX),
                oldest_queued_at: queue.first().map(|it| it.queued_at),
                limits: limits.map(|it| it.limits).unwrap_or_default(),
            },
            queue,
            cardholder: Cardholder::of(&self.script()),
        }
    }
}

impl Cardholder {
    fn of(script: &Script) -> Self {
        Self {
            tap_after_ms: script
                .tap_after
                .map(|pause| u64::try_from(pause.as_millis()).unwrap_or(u64::MAX)),
            card: script.card.number,
            enters_pin: matches!(script.pin, PinHabit::Enters | PinHabit::EntersAfter(_)),
            script: script.to_string(),
        }
    }
}

impl From<Link> for UpDown {
    fn from(link: Link) -> Self {
        match link {
            Link::Up => UpDown::Up,
            Link::Cut => UpDown::Down,
        }
    }
}

fn queued(payment: &Payment, now: Timestamp) -> Option<Queued> {
    let mark = payment.offline.as_ref()?;
    Some(Queued {
        payment_id: payment.id.clone(),
        reference: payment.reference.clone(),
        amount: payment.amount,
        currency: payment.currency,
        sequence: mark.sequence,
        queued_at: mark.queued_at,
        age_ms: now.unix_ms().saturating_sub(mark.queued_at.unix_ms()),
    })
}
