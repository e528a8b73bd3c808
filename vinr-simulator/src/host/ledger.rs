//! What the card network knows of every payment, durably: the arbiter of "was the customer charged?".

use std::path::Path;
use std::sync::Arc;

use vinr_journal::{
    DataDir, Facts, Journal, Keep, KeyRing, OpenError, Place, Policy, RealDisk, Settings,
    StorageFailed,
};
use vinr_protocol::PaymentId;
use vinr_protocol::cloud::ledger::{self, Decision, Guard, Line};
use vinr_protocol::payment::{DeclineCode, Payment};
use vinr_protocol::question::LedgerEntry;
use vinr_protocol::terminal::HostVerdict;

/// What the journal must know of the ledger's lines: a card network forgets nothing.
#[derive(Debug, Clone, Copy)]
struct Lines;

impl Policy for Lines {
    type Record = Line;

    fn facts(&self, line: &Line) -> Facts {
        let reference = line.sale.as_ref().map(|sale| sale.reference.as_str());
        Facts {
            key: line.payment.as_str().into(),
            group: reference.unwrap_or_default().into(),
            keep: Keep::Always,
            rank: None,
        }
    }
}

/// The mark lies beside the ledger: it says that there is one, and tells no roll-back. The ledger is the card
/// network's and not on the device; everybody knows the key that it is written with.
fn place(dir: &Path) -> Place {
    Place {
        dir: dir.to_owned(),
        name: "ledger".into(),
        mark: dir.join("ledger.mark"),
    }
}

/// The ledger of a card network's host: [the rule](ledger::Ledger) over a journal.
#[derive(Debug)]
pub struct Ledger {
    journal: Journal<Lines>,
    rule: ledger::Ledger,
}

/// The ledger's file cannot be read.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct LedgerError(#[from] OpenError);

impl Ledger {
    pub(crate) fn open(dir: &DataDir, guard: Guard) -> Result<Self, OpenError> {
        let fresh_id = || format!("ldg_{}", ulid::Ulid::generate());
        let mut rule = ledger::Ledger::new(guard);
        let (place, keys) = (place(dir.path()), KeyRing::public());
        let mut each = |line| rule.apply(line);
        let opened = Journal::open(
            dir,
            place,
            keys,
            Lines,
            Settings::default(),
            fresh_id,
            &mut each,
        )?;
        Ok(Self {
            journal: opened.journal,
            rule,
        })
    }

    /// Reads what the ledger in this directory holds, while no terminal runs over it.
    ///
    /// A *charge* is an entry that is approved and not voided.
    pub fn read(data_dir: &Path) -> Result<Vec<LedgerEntry>, LedgerError> {
        let mut rule = ledger::Ledger::new(Guard::OnePerReference);
        let (place, keys) = (place(data_dir), KeyRing::public());
        let mut each = |line| rule.apply(line);
        vinr_journal::read(Arc::new(RealDisk), place, keys, Lines, &mut each)?;
        Ok(entries(&rule))
    }

    pub(crate) async fn authorize(
        &mut self,
        payment: &Payment,
        decline: Option<DeclineCode>,
    ) -> Result<HostVerdict, StorageFailed> {
        self.say(self.rule.authorize(payment, decline)).await
    }

    pub(crate) async fn status(&mut self, id: &PaymentId) -> Result<HostVerdict, StorageFailed> {
        self.say(self.rule.status(id)).await
    }

    pub(crate) async fn reverse(&mut self, id: &PaymentId) -> Result<HostVerdict, StorageFailed> {
        self.say(self.rule.reverse(id)).await
    }

    pub(crate) fn entries(&self) -> Vec<LedgerEntry> {
        entries(&self.rule)
    }

    /// Durable first, then said.
    async fn say(&mut self, decision: Decision) -> Result<HostVerdict, StorageFailed> {
        if let Some(line) = decision.line {
            self.journal.append(&line).await?;
            self.rule.apply(line);
        }
        Ok(decision.word.verdict())
    }
}

fn entries(rule: &ledger::Ledger) -> Vec<LedgerEntry> {
    rule.lines().map(Line::entry).collect()
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
}
