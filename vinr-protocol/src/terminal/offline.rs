//! The offline queue: what may be taken while the host is away, and how it is forwarded. §6
//!
//! | when | then |
//! |---|---|
//! | a new `pay`, the host known unreachable | the limits are checked before a card is asked for |
//! | a card was read, the host unreachable, no byte sent | the limits are checked once more; queued, or `failed` |
//! | the host can be reached again | the head of the queue is sent; one in flight |
//! | the host's final word on the head | durable with the word, the head leaves; the next is sent |
//! | the host is silent | the head is sent again; nobody passes it |
//! | an entry has waited 24 h | an alarm; nothing new is queued until it is forwarded |
//!
//! An entry's place and its payment are one record, so that it leaves the queue with the host's word and never
//! before it. \[OFF-6, OFF-12\]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::attempt::Attempt;
use super::book::Book;
use super::effect::{Alarm, Effect, Screen, Timer};
use super::session::Session;
use crate::error_body::{Code, Refusal};
use crate::id::PaymentId;
use crate::money::{Amount, Currency};
use crate::mutant::{Mutant, is_planted};
use crate::payment::{DeclineCode, Offline, Payment, Status};
use crate::reader::{OfflineState, ReaderStatus};
use crate::time::Timestamp;
use crate::timing::{HOST_RETRY, QUEUE_AGE_MAX};

/// The queue as the book has it, ready for counting and draining.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Queue {
    /// By sequence: first in, first out.
    entries: BTreeMap<u64, PaymentId>,
    /// The last sequence that was ever given. \[OFF-15\]
    last: u64,
    /// The entries that the host is asked for and has not answered: one at most.
    in_flight: BTreeSet<PaymentId>,
    /// The entries that have waited for too long. \[OFF-17\]
    stale: BTreeSet<PaymentId>,
}

impl Queue {
    /// The journal says of a payment: a number that was given is never given again, whatever became of it.
    pub(super) fn learn(&mut self, payment: &Payment) {
        if let Some(mark) = &payment.offline
            && !is_planted(Mutant::ReusesSequence)
        {
            self.last = self.last.max(mark.sequence); // [OFF-15] the mark stays after the outcome
        }
    }

    /// What is queued when the journal was read.
    fn resume(&mut self, book: &Book) {
        for Attempt { payment, .. } in book.attempts() {
            if let Some(mark) = payment
                .offline
                .as_ref()
                .filter(|_| payment.is_queued_offline())
            {
                self.entries.insert(mark.sequence, payment.id.clone());
                self.last = self.last.max(mark.sequence);
            }
        }
    }

    pub(super) fn holds(&self, id: &PaymentId) -> bool {
        self.entries.values().any(|queued| queued == id)
    }

    /// Has the host been asked for this entry?
    pub(super) fn is_in_flight(&self, id: &PaymentId) -> bool {
        self.in_flight.contains(id)
    }

    fn put(&mut self, id: PaymentId) -> u64 {
        self.last += 1;
        self.entries.insert(self.last, id);
        self.last
    }

    pub(super) fn remove(&mut self, id: &PaymentId) {
        self.entries.retain(|_, queued| queued != id);
        self.in_flight.remove(id);
        self.stale.remove(id);
    }
}

impl Session {
    /// May a payment of this much be queued? Asked before the card is, and once more when it is queued, because
    /// limits hold at acceptance. \[OFF-2, OFF-3, OFF-4, OFF-11, OFF-13, OFF-17\]
    pub(super) fn admit(&self, amount: Amount, currency: Currency) -> Result<(), Refusal> {
        let Some(sheet) = &self.config.offline else {
            return Err(Refusal::new(
                Code::OfflineNotSupported,
                "the terminal has no internet and does not queue; nothing was started",
            ));
        };
        let Some(limit) = sheet.limits.get(&currency) else {
            return Err(Refusal::of_field(
                Code::OfflineCurrencyNotSupported,
                "currency",
                "the terminal has no internet, and no offline limit in this currency; nothing was started",
            ));
        };
        if amount > *limit {
            return Err(Refusal::of_field(
                Code::OfflineAmountExceeded,
                "amount",
                format!(
                    "the terminal has no internet and takes at most {} offline; nothing was started",
                    currency.format(limit.minor_units())
                ),
            ));
        }
        if self.queue.entries.len() >= sheet.max_queued as usize {
            return Err(Refusal::new(
                Code::OfflineQueueFull,
                "the terminal has no internet and its queue is full; nothing was started",
            ));
        }
        if !self.queue.stale.is_empty() {
            return Err(Refusal::new(
                Code::OfflineQueueStale,
                "the terminal has no internet, and a queued payment is older than 24 h; nothing was started",
            ));
        }
        Ok(())
    }

    /// The card was read, the host cannot be reached and no byte was sent: queued, or failed. Once queued it never
    /// goes another way. \[OFF-1, OFF-10, OFF-16\]
    pub(super) fn queue_or_fail(&mut self, id: &PaymentId, now: Timestamp) -> Vec<Effect> {
        let Some(attempt) = self.book.get(id) else {
            return Vec::new();
        };
        let (amount, currency) = (attempt.payment.amount, attempt.payment.currency);
        if self.admit(amount, currency).is_err() && !is_planted(Mutant::CountsAtAdmissionOnly) {
            return self.finish(id, now, |payment| {
                payment.status = Status::Failed;
                payment.decline_code = Some(DeclineCode::ProcessingError);
            });
        }
        let sequence = self.queue.put(id.clone());
        let Some(attempt) = self.book.get_mut(id) else {
            return Vec::new();
        };
        attempt.payment.status = Status::Processing; // [OFF-14] accepted, and nobody approved it
        attempt.payment.offline = Some(Offline {
            queued_at: now,
            sequence,
        });
        let payment = attempt.payment.clone();
        let mut effects: Vec<Effect> = self.persist(id).into_iter().collect();
        effects.push(Effect::Disarm(Timer::HostRetry(id.clone())));
        effects.push(Effect::Arm(Timer::QueueAge(id.clone()), QUEUE_AGE_MAX));
        effects.extend(self.free_the_screen(Screen::AcceptedOffline));
        effects.extend(self.answer_waiting(id, &payment));
        // The host may have come back between the card and the queue.
        effects.extend(self.drain());
        effects
    }

    /// Sends the head of the queue, if the host can be reached and nothing else is in flight. A resend is harmless:
    /// the host dedupes on the payment id. \[OFF-6, OFF-15\]
    pub(super) fn drain(&mut self) -> Vec<Effect> {
        if self.internet == ReaderStatus::Offline {
            return Vec::new();
        }
        let head = if is_planted(Mutant::DrainsInTwoTasks) {
            let mut entries = self.queue.entries.values();
            entries.find(|id| !self.queue.in_flight.contains(id))
        } else if self.queue.in_flight.is_empty() {
            self.queue.entries.values().next()
        } else {
            None
        };
        let Some(id) = head.cloned() else {
            return Vec::new();
        };
        self.queue.in_flight.insert(id.clone());
        let mut effects = Vec::new();
        if is_planted(Mutant::RemovesBeforeDurable) {
            self.queue.entries.retain(|_, queued| *queued != id);
            if let Some(attempt) = self.book.get_mut(&id) {
                attempt.payment.offline = None;
            }
            effects.extend(self.persist(&id));
        }
        effects.extend(self.forward(&id));
        effects
    }

    fn forward(&self, id: &PaymentId) -> Vec<Effect> {
        let Some(attempt) = self.book.get(id) else {
            return Vec::new();
        };
        let payment = attempt.payment.clone();
        vec![
            Effect::Authorize { payment },
            Effect::Arm(Timer::HostRetry(id.clone()), HOST_RETRY),
        ]
    }

    /// The host left the head of the queue unanswered: it is sent again, and nobody passes it. \[OFF-15\]
    pub(super) fn forward_again(&mut self, id: &PaymentId, now: Timestamp) -> Vec<Effect> {
        if is_planted(Mutant::RemovesAfterSilence) {
            return self.finish(id, now, |payment| {
                payment.status = Status::Failed;
                payment.decline_code = Some(DeclineCode::OfflineAuthDeclined);
            });
        }
        if self.internet == ReaderStatus::Offline || !self.queue.is_in_flight(id) {
            return Vec::new();
        }
        self.forward(id)
    }

    /// The internet came or went.
    pub(super) fn internet(&mut self, status: ReaderStatus) -> Vec<Effect> {
        self.internet = status;
        if self.internet != ReaderStatus::Offline {
            return self.drain();
        }
        // What is in flight stays the head: it is sent again, under the same id, when the internet is back.
        std::mem::take(&mut self.queue.in_flight)
            .into_iter()
            .map(|id| Effect::Disarm(Timer::HostRetry(id)))
            .collect()
    }

    /// An entry has waited for 24 h: it blocks new ones, somebody is told, and it is still forwarded. \[OFF-17\]
    pub(super) fn queue_aged(&mut self, id: PaymentId) -> Vec<Effect> {
        if !self.queue.holds(&id) {
            return Vec::new();
        }
        self.queue.stale.insert(id.clone());
        vec![Effect::Alarm(Alarm::QueueStale { payment: id })]
    }

    /// At boot: every entry ages on from where the clock says it is, and the head is sent. A clock that was set back
    /// makes nothing younger.
    pub(super) fn resume_queue(&mut self, now: Timestamp) -> Vec<Effect> {
        self.queue.resume(&self.book);
        let ids: Vec<PaymentId> = self.queue.entries.values().cloned().collect();
        let mut effects: Vec<Effect> = ids
            .into_iter()
            .map(|id| {
                let age = self.age(&id, now);
                Effect::Arm(Timer::QueueAge(id), QUEUE_AGE_MAX.saturating_sub(age))
            })
            .collect();
        effects.extend(self.drain());
        effects
    }

    fn age(&self, id: &PaymentId, now: Timestamp) -> Duration {
        let mark = self
            .book
            .get(id)
            .and_then(|attempt| attempt.payment.offline.as_ref());
        let ms = mark.map_or(0, |mark| now.unix_ms().abs_diff(mark.queued_at.unix_ms()));
        Duration::from_millis(ms)
    }

    /// The queue as `GET /v1/reader` shows it.
    pub(super) fn offline_state(&self) -> OfflineState {
        let head = self.queue.entries.values().next();
        let oldest = head.and_then(|id| self.book.get(id)?.payment.offline.clone());
        let sheet = self.config.offline.as_ref();
        OfflineState {
            supported: sheet.is_some(),
            limits: sheet.map(|it| it.limits.clone()).unwrap_or_default(),
            max_queued: sheet.map_or(0, |it| it.max_queued),
            // What is queued already is shown and forwarded, whatever the limits are now.
            queued: u32::try_from(self.queue.entries.len()).unwrap_or(u32::MAX),
            oldest_queued_at: oldest.map(|mark| mark.queued_at),
        }
    }
}
