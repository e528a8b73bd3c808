//! What a terminal's disk holds: the last line of each attempt, and the tombstones.

use std::collections::BTreeMap;
use std::sync::Arc;

use vinr_protocol::mutant::{Mutant, is_planted};
use vinr_protocol::payment::{ConnectionMode, Status};
use vinr_protocol::terminal::{Archive, ArchiveFailed, Attempt, Record, Reversal};
use vinr_protocol::{Amount, AttemptKey, JournalId, Payment, PaymentId, Reference, Timestamp};

use super::invariant::{Checked, ensure};
use super::plan::{a_month_later, journal_id, now, payment_id};
use super::terminal::{Around, sequence};

/// Twenty years, in milliseconds: no clock here is farther off.
const FARTHEST_OFF: i64 = 20 * 365 * 24 * 3_600_000;

/// A disk that keeps what was synced, tears what was being written, and may be damaged.
#[derive(Debug, Clone, Hash)]
pub(super) struct Disk {
    terminal: usize,
    /// Which device it is: a swap puts another one in its place.
    device: u8,
    /// In the order of the journal.
    records: Vec<Record>,
    /// What was being written when the power went.
    torn: Option<Record>,
    health: Health,
    /// How many attempts were ever started under a key here, the ids of which are used up.
    started: BTreeMap<AttemptKey, usize>,
    last_sequence: u64,
    age: Age,
    /// By how many milliseconds its wall clock is off.
    off_by: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Health {
    Sound,
    Damaged,
}

/// Has a month passed?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Age {
    Today,
    AMonthLater,
}

impl Disk {
    pub(super) fn new(terminal: usize) -> Self {
        Self {
            terminal,
            device: 0,
            records: Vec::new(),
            torn: None,
            health: Health::Sound,
            started: BTreeMap::new(),
            last_sequence: 0,
            age: Age::Today,
            off_by: 0,
        }
    }

    pub(super) fn journal_id(&self) -> JournalId {
        journal_id(self.terminal, self.device)
    }

    pub(super) fn date(&self) -> Timestamp {
        let date = match self.age {
            Age::Today => now(),
            Age::AMonthLater => a_month_later(),
        };
        Timestamp::from_unix_ms(date.unix_ms() + self.off_by).unwrap_or(date)
    }

    pub(super) fn move_clock(&mut self, by_ms: i64) {
        self.off_by = (self.off_by + by_ms).clamp(-FARTHEST_OFF, FARTHEST_OFF);
    }

    /// What a boot finds; `None` where it cannot be read in full.
    pub(super) fn read(&mut self) -> Option<Vec<Record>> {
        if let Some(torn) = self.torn.take()
            && is_planted(Mutant::ReadsTornTail)
        {
            self.put(garbled(torn));
        }
        if self.health == Health::Damaged {
            if !is_planted(Mutant::DamageIsEmpty) {
                return None;
            }
            self.records.clear();
            self.health = Health::Sound;
        }
        Some(self.records.clone())
    }

    /// The power goes while this is written.
    pub(super) fn tear(&mut self, record: Record) {
        self.torn = Some(record);
    }

    pub(super) fn damage(&mut self) {
        self.health = Health::Damaged;
    }

    pub(super) fn is_damaged(&self) -> bool {
        self.health == Health::Damaged
    }

    /// Another device stands here now.
    pub(super) fn swap(&mut self) {
        *self = Self {
            device: self.device + 1,
            started: self.started.clone(),
            age: self.age,
            off_by: self.off_by,
            ..Self::new(self.terminal)
        };
    }

    /// Final records are older than 30 days now, and go.
    pub(super) fn age_by_a_month(&mut self) {
        self.age = Age::AMonthLater;
        // Whoever drops records keeps the one with the last sequence, so that the number is never given again. [OFF-15]
        let last = self.last_sequence;
        self.records.retain(|record| {
            payment_of(record)
                .is_some_and(|it| !it.status.is_final() || last > 0 && sequence(it) == last)
        });
    }

    /// Makes a record durable, if no invariant forbids it.
    pub(super) fn write(
        &mut self,
        record: Record,
        path: Option<&ConnectionMode>,
        around: &Around<'_>,
    ) -> Checked<()> {
        if let Record::Attempt(attempt) = &record {
            match self.attempt(&attempt.payment.id).map(Arc::as_ref) {
                Some(old) => check_change(old, attempt, around)?,
                None => self.check_start(attempt, path)?,
            }
            self.check_queue(&attempt.payment, around)?;
        }
        self.put(record);
        Ok(())
    }

    fn put(&mut self, record: Record) {
        let Record::Attempt(new) = &record else {
            self.records.push(record);
            return;
        };
        self.last_sequence = self.last_sequence.max(sequence(&new.payment));
        let id = &new.payment.id;
        let same = |it: &&mut Record| payment_of(it).is_some_and(|old| old.id == *id);
        if let Some(line) = self.records.iter_mut().find(same) {
            *line = record;
            return;
        }
        if let Some(key) = &new.payment.attempt_key {
            *self.started.entry(key.clone()).or_default() += 1;
        }
        self.records.push(record);
    }

    /// I29, I2, and that a key starts one attempt.
    fn check_start(&self, new: &Attempt, path: Option<&ConnectionMode>) -> Checked<()> {
        let payment = &new.payment;
        ensure(
            path.is_none() || payment.connection_mode().as_ref() == path,
            "I29: connectionMode is not the way that the command came",
        )?;
        if payment.status.is_final() {
            return Ok(());
        }
        let same_key = self
            .payments()
            .any(|old| old.attempt_key == payment.attempt_key);
        ensure(!same_key, "PAY-11: a key starts a second attempt")?;
        let live = self
            .payments()
            .any(|old| old.reference == payment.reference && !old.status.is_final());
        ensure(!live, "I2: two attempts of one sale live on one terminal")?;
        let paid = self
            .payments()
            .any(|old| old.reference == payment.reference && old.status == Status::Completed);
        ensure(!paid, "PAY-12: a sale that is paid starts a second attempt")
    }

    /// I15, I16, I17.
    fn check_queue(&self, payment: &Payment, around: &Around<'_>) -> Checked<()> {
        let old = self.payment(&payment.id);
        let was_queued = old.is_some_and(Payment::is_queued_offline);
        if payment.is_queued_offline() && !was_queued {
            ensure(
                payment.amount.minor_units() <= super::plan::LIMIT,
                "I15: an amount above the limit is queued",
            )?;
            ensure(
                self.queued().count() < around.plan.max_queued as usize,
                "I16: one payment too many is queued",
            )?;
            ensure(
                sequence(payment) == self.last_sequence + 1,
                "I17: a sequence number is used again or left out",
            )?;
        }
        if was_queued && !payment.is_queued_offline() {
            ensure(
                old.and_then(|it| it.offline.clone()) == payment.offline,
                "I17: a queued payment is no longer known as one",
            )?;
            ensure(
                matches!(payment.status, Status::Completed | Status::Failed),
                "I17: a queued payment is lost",
            )?;
            ensure(
                around.bank.has_decided(&payment.id),
                "I18: a queued payment leaves before the host's final answer",
            )?;
        }
        Ok(())
    }

    fn readable(&self) -> Result<impl Iterator<Item = &Record>, ArchiveFailed> {
        match self.health {
            Health::Sound => Ok(self.records.iter()),
            Health::Damaged => Err(ArchiveFailed),
        }
    }

    pub(super) fn payments(&self) -> impl Iterator<Item = &Payment> {
        self.records.iter().filter_map(payment_of)
    }

    pub(super) fn queued(&self) -> impl Iterator<Item = &Payment> {
        self.payments().filter(|it| it.is_queued_offline())
    }

    fn attempt(&self, id: &PaymentId) -> Option<&Arc<Attempt>> {
        self.records.iter().find_map(|record| match record {
            Record::Attempt(attempt) if attempt.payment.id == *id => Some(attempt),
            _ => None,
        })
    }

    pub(super) fn payment(&self, id: &PaymentId) -> Option<&Payment> {
        self.attempt(id).map(|attempt| &attempt.payment)
    }

    /// Is a reversal of it under way?
    pub(super) fn is_owed(&self, id: &PaymentId) -> bool {
        self.attempt(id)
            .is_some_and(|attempt| attempt.reversal != Reversal::None)
    }

    pub(super) fn with_key(&self, key: &AttemptKey) -> impl Iterator<Item = &Payment> {
        self.payments()
            .filter(move |it| it.attempt_key.as_ref() == Some(key))
    }

    pub(super) fn is_tombstoned(&self, key: &AttemptKey) -> bool {
        self.records
            .iter()
            .any(|record| matches!(record, Record::Tombstone { key: void, .. } if void == key))
    }

    pub(super) fn knows(&self, key: &AttemptKey) -> bool {
        self.with_key(key).next().is_some()
    }

    pub(super) fn fresh_id(&self, key: &AttemptKey) -> PaymentId {
        let started = self.started.get(key).copied().unwrap_or(0);
        payment_id(self.terminal, key, started)
    }
}

/// As it is now: what a power cut would take is not in it, and nothing reads it once it is damaged.
impl Archive for Disk {
    fn of(&self, reference: &Reference) -> Result<Vec<Record>, ArchiveFailed> {
        let is_of = |record: &&Record| match record {
            Record::Attempt(attempt) => attempt.payment.reference == *reference,
            Record::Tombstone { reference: of, .. } => of == reference,
        };
        self.readable()
            .map(|it| it.filter(is_of).cloned().collect())
    }

    fn get(&self, id: &PaymentId) -> Result<Option<Record>, ArchiveFailed> {
        let is_it = |record: &&Record| payment_of(record).is_some_and(|it| it.id == *id);
        self.readable().map(|mut it| it.find(is_it).cloned())
    }
}

/// I3: what is final stays as it is.
fn check_change(old: &Attempt, new: &Attempt, around: &Around<'_>) -> Checked<()> {
    let (was, is) = (&old.payment, &new.payment);
    ensure(
        !was.status.is_final() || was == is,
        "I3: a final payment changes",
    )?;
    let money = |it: &Payment| (it.amount, it.currency, it.terminal_id.clone());
    ensure(money(was) == money(is), "I28: a payment's money changes")?;
    super::invariant::is_true(is, around, new.reversal != Reversal::None)
}

fn payment_of(record: &Record) -> Option<&Payment> {
    match record {
        Record::Attempt(attempt) => Some(&attempt.payment),
        Record::Tombstone { .. } => None,
    }
}

/// A record whose second half never reached the disk.
fn garbled(record: Record) -> Record {
    match record {
        Record::Attempt(attempt) => {
            let mut attempt = Attempt::clone(&attempt);
            attempt.payment.amount = Amount::MIN;
            Record::Attempt(Arc::new(attempt))
        }
        tombstone @ Record::Tombstone { .. } => tombstone,
    }
}
