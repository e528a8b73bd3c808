//! What can be read off a terminal from outside: its queue, its line, its power, and every record as it is made.
//!
//! It follows the journal and asks the machine nothing, so that looking never gets in a payment's way.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use tokio::sync::{broadcast, watch};
use vinr_protocol::payment::{CancelReason, DeclineCode, EntryMode, Payment, Status};
use vinr_protocol::reader::ReaderStatus;
use vinr_protocol::terminal::{Attempt, Record};
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
    /// What is not settled, by id.
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

    /// The journal is about to be read, from its first record.
    pub(crate) fn clear(&self) {
        self.now().open.clear();
    }

    /// A record was read; the last word of a payment comes last.
    pub(crate) fn read(&self, record: &Record) {
        if let Record::Attempt(attempt) = record {
            self.now().put(attempt);
        }
    }

    /// A record is durable.
    pub(crate) fn journaled(&self, terminal: &TerminalId, attempt: &Attempt, at: Timestamp) {
        self.now().put(attempt);
        let payment = &attempt.payment;
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

    /// Everything that is not settled: queued, still with the cardholder or the host, or an approval that is still to
    /// be taken back.
    pub(crate) fn open(&self) -> Vec<Payment> {
        self.now().open.values().cloned().collect()
    }

    fn now(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Now {
    fn put(&mut self, attempt: &Attempt) {
        let payment = &attempt.payment;
        if attempt.is_settled() {
            self.open.remove(&payment.id);
        } else {
            self.open.insert(payment.id.clone(), payment.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use vinr_protocol::terminal::Reversal;

    use super::*;

    fn record(status: &str, reversal: Reversal) -> Record {
        let json = serde_json::json!({ "id": "tpay_1", "object": "terminal_payment", "terminalId": "term_1",
            "amount": 2500, "currency": "USD", "reference": "order_1", "status": status,
            "createdAt": "2026-05-31T14:23:00.000Z" });
        let attempt = serde_json::json!({ "payment": json, "reversal": reversal, "place": 1 });
        Record::Attempt(serde_json::from_value(attempt).unwrap())
    }

    #[test]
    fn an_approval_that_is_still_to_be_taken_back_is_not_settled() {
        let board = Board::new();
        for (reversal, open) in [
            (Reversal::None, 0),
            (Reversal::Owed, 1),
            (Reversal::Done, 0),
        ] {
            board.read(&record("cancelled", reversal));
            assert_eq!(board.open().len(), open, "{reversal:?}");
        }
    }

    #[test]
    fn the_last_word_of_a_payment_counts() {
        let board = Board::new();
        board.read(&record("pending", Reversal::None));
        assert_eq!(board.open().len(), 1);
        board.read(&record("completed", Reversal::None));
        assert_eq!(board.open().len(), 0);
    }
}
