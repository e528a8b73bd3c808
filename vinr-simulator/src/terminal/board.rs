//! What can be read off a terminal from outside: its queue, its line, its power, and every record as it is made.
//!
//! It follows the journal and asks the machine nothing, so that looking never gets in a payment's way.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use tokio::sync::{broadcast, watch};
use vinr_protocol::payment::{CancelReason, DeclineCode, EntryMode, Payment, Status};
use vinr_protocol::reader::ReaderStatus;
use vinr_protocol::{Amount, Currency, PaymentId, Reference, TerminalId, Timestamp};

/// How many records a slow listener may lag behind before it misses some.
const BACKLOG: usize = 1024;

/// A record that was made durable, as the control port streams it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JournalEvent {
    /// Whose journal.
    pub terminal: TerminalId,
    /// When, by the terminal's clock.
    pub at: Timestamp,
    /// The payment.
    pub payment_id: PaymentId,
    /// Its sale.
    pub reference: Reference,
    /// Its amount, in minor units.
    pub amount: Amount,
    /// The currency of the amount.
    pub currency: Currency,
    /// What it is now.
    pub status: Status,
    /// The last four digits of its card.
    pub last4: Option<String>,
    /// How its card was read.
    pub entry_mode: Option<EntryMode>,
    /// Why it failed.
    pub decline_code: Option<DeclineCode>,
    /// Why it was cancelled.
    pub cancel_reason: Option<CancelReason>,
    /// Its place in the offline queue, for as long as it has one.
    pub sequence: Option<u64>,
}

/// The board of one terminal. It outlives power cuts.
#[derive(Debug)]
pub(crate) struct Board {
    now: Mutex<Now>,
    version: watch::Sender<u64>,
    journal: broadcast::Sender<JournalEvent>,
}

#[derive(Debug)]
struct Now {
    status: ReaderStatus,
    /// What is not final, by id.
    open: BTreeMap<PaymentId, Payment>,
}

impl Board {
    pub(crate) fn new() -> Self {
        Self {
            now: Mutex::new(Now {
                status: ReaderStatus::Online,
                open: BTreeMap::new(),
            }),
            version: watch::Sender::new(0),
            journal: broadcast::channel(BACKLOG).0,
        }
    }

    /// Counts on with every change of anything that can be seen.
    pub(crate) fn version(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }

    /// Something changed.
    pub(crate) fn touch(&self) {
        self.version.send_modify(|version| *version += 1);
    }

    /// Every record that is made durable from here on.
    pub(crate) fn journal(&self) -> broadcast::Receiver<JournalEvent> {
        self.journal.subscribe()
    }

    /// The journal was read: these are its payments, the last word of each last.
    pub(crate) fn recovered(&self, payments: impl Iterator<Item = Payment>) {
        {
            let mut now = self.now();
            now.open.clear();
            payments.for_each(|payment| now.put(payment));
        }
        self.touch();
    }

    /// A record is durable.
    pub(crate) fn journaled(&self, terminal: &TerminalId, payment: &Payment, at: Timestamp) {
        self.now().put(payment.clone());
        let queued = payment.is_queued_offline();
        let sequence = payment.offline.as_ref().filter(|_| queued);
        // No listener is no fault.
        let _ = self.journal.send(JournalEvent {
            terminal: terminal.clone(),
            at,
            payment_id: payment.id.clone(),
            reference: payment.reference.clone(),
            amount: payment.amount,
            currency: payment.currency,
            status: payment.status.clone(),
            last4: payment.last4.clone(),
            entry_mode: payment.entry_mode.clone(),
            decline_code: payment.decline_code.clone(),
            cancel_reason: payment.cancel_reason.clone(),
            sequence: sequence.map(|mark| mark.sequence),
        });
        self.touch();
    }

    /// The line is known to be so.
    pub(crate) fn internet(&self, status: ReaderStatus) {
        self.now().status = status;
        self.touch();
    }

    pub(crate) fn status(&self) -> ReaderStatus {
        self.now().status.clone()
    }

    /// The offline queue, in its order.
    pub(crate) fn queue(&self) -> Vec<Payment> {
        let now = self.now();
        let mut queue: Vec<Payment> = now
            .open
            .values()
            .filter(|payment| payment.is_queued_offline())
            .cloned()
            .collect();
        queue.sort_by_key(|payment| payment.offline.as_ref().map(|mark| mark.sequence));
        queue
    }

    /// Everything that is not final: queued, or still with the cardholder or the host.
    pub(crate) fn open(&self) -> Vec<Payment> {
        self.now().open.values().cloned().collect()
    }

    fn now(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Now {
    fn put(&mut self, payment: Payment) {
        if payment.status.is_final() {
            self.open.remove(&payment.id);
        } else {
            self.open.insert(payment.id.clone(), payment);
        }
    }
}
