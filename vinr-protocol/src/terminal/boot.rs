//! What a terminal does before any socket opens. §4.6

use std::convert::Infallible;

use super::attempt::{Record, Reversal};
use super::effect::{Effect, Screen};
use super::host::{ask, reverse};
use super::session::{Config, Session};
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
        let records = records.into_iter().map(Ok::<_, Infallible>);
        match Self::boot(config, journal, records, Keeping::Everything, now) {
            Ok(recovered) => recovered,
            Err(never) => match never {},
        }
    }

    pub(super) fn boot<E>(
        config: Config,
        journal: JournalId,
        records: impl IntoIterator<Item = Result<Record, E>>,
        keeping: Keeping,
        now: Timestamp,
    ) -> Result<(Self, Vec<Effect>), E> {
        let mut session = Self::new(config, journal);
        for record in records {
            let record = record?;
            if is_planted(Mutant::DedupesInMemoryOnly) {
                continue;
            }
            if let Record::Attempt(attempt) = &record {
                session.queue.learn(&attempt.payment);
            }
            match keeping {
                Keeping::Everything => session.book.apply(record),
                Keeping::Unsettled => session.book.apply_unsettled(record),
            }
        }
        let effects = session.settle_what_was_open(now);
        Ok((session, effects))
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

/// What a boot keeps in memory of what it reads.
#[derive(Clone, Copy)]
pub(super) enum Keeping {
    Everything,
    /// The archive has the rest.
    Unsettled,
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
