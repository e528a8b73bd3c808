//! What the card network knows of every payment, durably: the arbiter of "was the customer charged?".

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use vinr_protocol::PaymentId;
use vinr_protocol::payment::{CaptureMethod, DeclineCode, Payment};
use vinr_protocol::question::LedgerEntry;
use vinr_protocol::terminal::HostVerdict;

use crate::data_dir::DataDir;
use crate::journal::{self, Journal, Kind, OpenError, StorageFailed};

const KIND: Kind = Kind {
    file: "ledger",
    marker: "ledger.id",
    magic: *b"VINRLEDG",
};

/// The ledger of a card network's host.
///
/// It dedupes on the payment id: the same authorization again gets the same answer. A status query about a
/// payment that it does not know closes that payment in the same exchange, so that an authorization which arrives
/// later is refused. A second approval for one merchant reference is refused while the first stands.
#[derive(Debug)]
pub struct Ledger {
    journal: Journal,
    lines: BTreeMap<PaymentId, Line>,
    guard: Guard,
}

/// The ledger's file cannot be read.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct LedgerError(#[from] OpenError);

/// Does the host keep merchants from charging twice?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Guard {
    /// One approval for each reference.
    OnePerReference,
    /// Whatever is asked: only for a terminal that is broken on purpose.
    Off,
}

/// One payment, as it is from here on. The last line of a payment counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Line {
    entry: LedgerEntry,
    decline: Option<DeclineCode>,
}

impl Line {
    fn verdict(&self) -> HostVerdict {
        match &self.decline {
            _ if self.entry.voided => HostVerdict::Voided,
            Some(code) => HostVerdict::Declined(code.clone()),
            None => HostVerdict::Approved,
        }
    }

    fn is_charge(&self) -> bool {
        self.entry.approved && !self.entry.voided
    }
}

impl Ledger {
    pub(crate) fn open(dir: &DataDir, guard: Guard) -> Result<Self, OpenError> {
        let fresh_id = || format!("ldg_{}", ulid::Ulid::generate());
        let recovered = Journal::open::<Line>(dir, KIND, fresh_id)?;
        Ok(Self {
            journal: recovered.journal,
            lines: by_payment(recovered.records),
            guard,
        })
    }

    /// Reads what the ledger in this directory holds, while no terminal runs over it.
    ///
    /// A *charge* is an entry that is approved and not voided.
    pub fn read(data_dir: &Path) -> Result<Vec<LedgerEntry>, LedgerError> {
        let lines = journal::read::<Line>(&data_dir.join(KIND.file), KIND)?;
        Ok(by_payment(lines)
            .into_values()
            .map(|line| line.entry)
            .collect())
    }

    pub(crate) async fn authorize(
        &mut self,
        payment: &Payment,
        decline: Option<DeclineCode>,
    ) -> Result<HostVerdict, StorageFailed> {
        if let Some(line) = self.lines.get(&payment.id) {
            return Ok(line.verdict()); // [REC-9]
        }
        let is_paid = self.guard == Guard::OnePerReference
            && self
                .lines
                .values()
                .any(|line| line.is_charge() && line.entry.reference == payment.reference.as_str());
        let decline = decline.or(is_paid.then_some(DeclineCode::ProcessingError));
        let approved = decline.is_none();
        let entry = LedgerEntry {
            reference: payment.reference.to_string(),
            payment_id: payment.id.to_string(),
            amount: payment.amount.minor_units(),
            currency: payment.currency.to_string(),
            approved,
            voided: false,
            captured: approved && payment.capture_method == CaptureMethod::Automatic,
        };
        self.put(payment.id.clone(), Line { entry, decline }).await
    }

    pub(crate) async fn status(&mut self, id: &PaymentId) -> Result<HostVerdict, StorageFailed> {
        if let Some(line) = self.lines.get(id) {
            return Ok(line.verdict());
        }
        // Never heard of: from now on it never can be approved. §4.2
        let entry = LedgerEntry {
            reference: String::new(),
            payment_id: id.to_string(),
            amount: 0,
            currency: String::new(),
            approved: false,
            voided: true,
            captured: false,
        };
        let line = Line {
            entry,
            decline: None,
        };
        self.put(id.clone(), line).await
    }

    pub(crate) async fn reverse(&mut self, id: &PaymentId) -> Result<(), StorageFailed> {
        let Some(line) = self.lines.get(id).filter(|line| line.is_charge()) else {
            return self.status(id).await.map(drop);
        };
        let mut line = line.clone();
        line.entry.voided = true;
        line.entry.captured = false;
        self.put(id.clone(), line).await.map(drop)
    }

    pub(crate) fn entries(&self) -> Vec<LedgerEntry> {
        self.lines.values().map(|line| line.entry.clone()).collect()
    }

    /// Durable first, then said.
    async fn put(&mut self, id: PaymentId, line: Line) -> Result<HostVerdict, StorageFailed> {
        self.journal.append(&line).await?;
        let verdict = line.verdict();
        self.lines.insert(id, line);
        Ok(verdict)
    }
}

fn by_payment(lines: Vec<Line>) -> BTreeMap<PaymentId, Line> {
    lines
        .into_iter()
        .filter_map(|line| Some((PaymentId::new(&line.entry.payment_id).ok()?, line)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAYMENT: &str = r#"{"id":"tpay_1","object":"terminal_payment","terminalId":"term_1","amount":2500,
        "currency":"USD","reference":"order_1","status":"processing","createdAt":"2026-05-31T14:23:00.000Z"}"#;

    fn payment(id: &str, reference: &str) -> Payment {
        let json = PAYMENT.replace("tpay_1", id).replace("order_1", reference);
        serde_json::from_str(&json).unwrap()
    }

    fn id(text: &str) -> PaymentId {
        PaymentId::new(text).unwrap()
    }

    fn open(dir: &tempfile::TempDir) -> Ledger {
        let data = DataDir::open(dir.path()).unwrap();
        Ledger::open(&data, Guard::OnePerReference).unwrap()
    }

    // [REC-9]
    #[tokio::test]
    async fn the_same_authorization_again_is_one_charge() {
        let dir = tempfile::tempdir().unwrap();
        let mut ledger = open(&dir);
        let payment = payment("tpay_1", "order_1");
        for _ in 0..2 {
            assert_eq!(
                ledger.authorize(&payment, None).await,
                Ok(HostVerdict::Approved)
            );
        }
        assert_eq!(ledger.entries().len(), 1);
    }

    #[tokio::test]
    async fn a_restart_forgets_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let payment = payment("tpay_1", "order_1");
        let mut ledger = open(&dir);
        ledger.authorize(&payment, None).await.unwrap();
        drop(ledger);
        let again = open(&dir)
            .authorize(&payment, Some(DeclineCode::CardDeclined))
            .await;
        assert_eq!(again, Ok(HostVerdict::Approved));
        assert!(Ledger::read(dir.path()).unwrap()[0].approved);
    }

    #[tokio::test]
    async fn a_status_query_closes_what_the_host_does_not_know() {
        let dir = tempfile::tempdir().unwrap();
        let mut ledger = open(&dir);
        assert_eq!(ledger.status(&id("tpay_1")).await, Ok(HostVerdict::Voided));
        let late = ledger.authorize(&payment("tpay_1", "order_1"), None).await;
        assert_eq!(late, Ok(HostVerdict::Voided));
    }

    // [REC-9]
    #[tokio::test]
    async fn a_second_payment_of_a_paid_reference_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let mut ledger = open(&dir);
        ledger
            .authorize(&payment("tpay_1", "order_1"), None)
            .await
            .unwrap();
        let second = ledger.authorize(&payment("tpay_2", "order_1"), None).await;
        let refused = HostVerdict::Declined(DeclineCode::ProcessingError);
        assert_eq!(second, Ok(refused));
    }

    #[tokio::test]
    async fn a_reversed_reference_may_be_paid_again() {
        let dir = tempfile::tempdir().unwrap();
        let mut ledger = open(&dir);
        ledger
            .authorize(&payment("tpay_1", "order_1"), None)
            .await
            .unwrap();
        ledger.reverse(&id("tpay_1")).await.unwrap();
        let second = ledger.authorize(&payment("tpay_2", "order_1"), None).await;
        assert_eq!(second, Ok(HostVerdict::Approved));
    }
}
