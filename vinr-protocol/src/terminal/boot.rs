//! What a terminal does before any socket opens. §4.6

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
        let mut session = Self::new(config, journal);
        records
            .into_iter()
            .filter(|_| !is_planted(Mutant::DedupesInMemoryOnly))
            .for_each(|record| session.book.apply(record));

        let mut effects = Vec::new();
        for (id, open) in session.open_attempts() {
            effects.extend(match open {
                Open::Unsent if is_planted(Mutant::PendingLeftAtBoot) => Vec::new(),
                Open::Unsent => session.withdraw(&id, CancelReason::PowerLoss, now),
                Open::Sent => {
                    session.hanging.insert(id.clone(), CancelReason::PowerLoss);
                    ask(id)
                }
                Open::Unreversed => reverse(id),
            });
        }
        effects.extend(session.resume_queue(now));
        effects.push(Effect::Show(Screen::Idle));
        (session, effects)
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

/// What a power cut left open.
enum Open {
    /// No byte of an authorization was sent.
    Unsent,
    /// One may have been.
    Sent,
    /// An approval is still to be taken back.
    Unreversed,
}
