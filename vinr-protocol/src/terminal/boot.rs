//! What a terminal does before any socket opens. §4.6

use super::attempt::{Record, Reversal};
use super::effect::{Effect, Screen};
use super::host::{ask, reverse};
use super::session::{Config, Session, Storage};
use crate::id::{JournalId, PaymentId};
use crate::mutant::{Mutant, is_planted};
use crate::payment::{CancelReason, Status};
use crate::time::Timestamp;

impl Session {
    /// A terminal that starts again over what its journal holds. The effects come first, before any socket
    /// opens. Nothing prompts again: what waited for a card is cancelled, what was sent is asked for. \[REC-15\]
    #[must_use = "the effects settle what the power cut left open"]
    pub fn recover(
        config: Config,
        journal: JournalId,
        records: impl IntoIterator<Item = Record>,
        now: Timestamp,
    ) -> (Self, Vec<Effect>) {
        let mut recovery = Recovery::keeping(Keeping::Everything, config);
        records.into_iter().for_each(|record| recovery.read(record));
        recovery.finish(journal, now)
    }

    fn settle_what_was_open(&mut self, now: Timestamp) -> Vec<Effect> {
        let mut effects = Vec::new();
        for (id, open) in self.open_attempts() {
            effects.extend(match open {
                Open::Unsent if is_planted(Mutant::PendingLeftAtBoot) => Vec::new(),
                Open::Unsent => self.withdraw(&id, CancelReason::PowerLoss, now),
                Open::Sent => {
                    self.hanging.insert(id.clone(), CancelReason::PowerLoss);
                    ask(id)
                }
                Open::Unreversed => reverse(id),
            });
        }
        effects.extend(self.resume_queue(now));
        effects.push(Effect::Show(Screen::Idle));
        effects
    }

    fn open_attempts(&self) -> Vec<(PaymentId, Open)> {
        self.book
            .attempts()
            .filter_map(|attempt| {
                let payment = &attempt.payment;
                let open = match payment.status {
                    Status::Created | Status::Pending => Open::Unsent,
                    Status::Processing if !payment.is_queued_offline() => Open::Sent,
                    _ if attempt.reversal == Reversal::Owed => Open::Unreversed,
                    _ => return None,
                };
                Some((payment.id.clone(), open))
            })
            .collect()
    }
}

/// A boot that reads one record after the other, and holds no more of them than are not settled: the session that comes
/// of it is to be stepped [over its archive](Session::step_over). A journal that turns out to be damaged ends in
/// [`Session::damaged`] instead, whatever was read of it.
#[derive(Debug)]
pub struct Recovery {
    session: Session,
    keeping: Keeping,
}

/// What a boot keeps in memory of what it reads.
#[derive(Debug, Clone, Copy)]
enum Keeping {
    Everything,
    /// The archive has the rest.
    Unsettled,
}

impl Recovery {
    /// Nothing was read yet.
    pub fn new(config: Config) -> Self {
        Self::keeping(Keeping::Unsettled, config)
    }

    fn keeping(keeping: Keeping, config: Config) -> Self {
        // Until the journal was read in full.
        let session = Session::damaged(config);
        Self { session, keeping }
    }

    /// The next record of the journal.
    pub fn read(&mut self, record: Record) {
        if is_planted(Mutant::DedupesInMemoryOnly) {
            return;
        }
        if let Record::Attempt(attempt) = &record {
            self.session.queue.learn(&attempt.payment);
        }
        match self.keeping {
            Keeping::Everything => self.session.book.apply(record),
            Keeping::Unsettled => self.session.book.apply_unsettled(record),
        }
    }

    /// The journal was read in full, and has this id.
    #[must_use = "the effects settle what the power cut left open"]
    pub fn finish(self, journal: JournalId, now: Timestamp) -> (Session, Vec<Effect>) {
        let mut session = self.session;
        session.storage = Storage::Sound(journal);
        let effects = session.settle_what_was_open(now);
        match self.keeping {
            Keeping::Everything => {}
            Keeping::Unsettled => session.book.release_settled(),
        }
        (session, effects)
    }
}

/// What a power cut left open.
enum Open {
    /// No byte of an authorization was sent.
    Unsent,
    /// One may have been.
    Sent,
    /// An approval is still to be taken back.
    Unreversed,
}
