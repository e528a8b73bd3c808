//! Bounded memory: what is settled lives on the disk and is fetched when an input concerns it.
//!
//! Between two steps a terminal holds what is not settled, that is its screen, its offline queue, what hangs at the
//! host and the reversals it owes. A month of final attempts and tombstones stays in the [`Archive`], so that a million
//! payments cost no more memory than ten. Nothing is forgotten by it: before each step what the input concerns is
//! recalled, and the step is that of [`Session`], which knows nothing of this.

use super::attempt::Record;
use super::effect::Effect;
use super::input::Input;
use super::session::{Session, Storage};
use crate::id::{PaymentId, Reference};
use crate::machine::Machine;
use crate::mutant::{Mutant, is_planted};

/// What was made durable, for reading: the journal.
///
/// It must hold every [`Effect::Persist`] of the steps before. A host that performs effects in order, before the next
/// input, and feeds [`Input::StorageFailed`] where it cannot, gives that.
pub trait Archive {
    /// The last record of each attempt of the sale, and the tombstones of the sale, in any order.
    fn of(&self, reference: &Reference) -> Result<Vec<Record>, ArchiveFailed>;

    /// The last record of an attempt; none where there never was one.
    fn get(&self, id: &PaymentId) -> Result<Option<Record>, ArchiveFailed>;
}

/// A record that was durable cannot be read. "Damaged" is never "empty": whoever asks is refused. \[REC-21\]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[error("a record of the journal cannot be read")]
pub struct ArchiveFailed;

/// A terminal that holds what is not settled, over an archive that holds everything.
///
/// Its effects are those of a [`Session`] that never forgot anything.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Archived<A> {
    session: Session,
    archive: A,
}

impl<A: Archive> Archived<A> {
    /// The session that comes of a new journal, of a [`Recovery`](super::Recovery), or of a damaged one, with the
    /// archive that it is about.
    pub fn over(session: Session, archive: A) -> Self {
        Self { session, archive }
    }

    /// The machine with what it holds now.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// What it reads.
    pub fn archive(&self) -> &A {
        &self.archive
    }
}

impl<A: Archive> Machine for Archived<A> {
    type Input = Input;
    type Effect = Effect;

    fn step(&mut self, input: Input) -> Vec<Effect> {
        self.session.step_over(&self.archive, input)
    }
}

impl Session {
    /// One step of [`Archived`], for whoever owns the archive itself.
    #[must_use = "an effect that is dropped is a payment that is lost"]
    pub fn step_over(&mut self, archive: &impl Archive, input: Input) -> Vec<Effect> {
        if is_planted(Mutant::DedupesInMemoryOnly) {
            return self.step(input);
        }
        let effects = match self.recall(archive, &input) {
            Ok(()) => self.step(input),
            Err(ArchiveFailed) => {
                let undone = Vec::new();
                let mut effects = self.step(Input::StorageFailed { undone }); // [REC-21]
                effects.extend(self.step(input));
                effects
            }
        };
        self.book.release_settled();
        effects
    }

    /// Fetches what the input concerns. What is not settled is here anyway.
    fn recall(&mut self, archive: &impl Archive, input: &Input) -> Result<(), ArchiveFailed> {
        if self.storage == Storage::Failed {
            return Ok(());
        }
        match input {
            Input::Pay { request, id, .. } => {
                self.recall_sale(archive, &request.reference)?;
                self.recall_payment(archive, id) // so that no id is given twice
            }
            Input::LookUp { reference, .. } => self.recall_sale(archive, reference),
            Input::Cancel { request, .. } => self.recall_sale(archive, &request.reference),
            Input::LookUpId { id, .. } => self.recall_payment(archive, id),
            // An approval of what was cancelled is taken back, however late it comes. §4.3
            Input::HostAnswered { payment, .. } => self.recall_payment(archive, payment),
            // These change, and tell of, nothing that is settled.
            Input::HostReversed { .. }
            | Input::NotSent { .. }
            | Input::Elapsed { .. }
            | Input::Describe { .. }
            | Input::CallerGone { .. }
            | Input::CardRead { .. }
            | Input::PinEntered { .. }
            | Input::CardRemoved { .. }
            | Input::CustomerGaveUp { .. }
            | Input::Internet { .. }
            | Input::OfflineLimits { .. }
            | Input::LocalMode { .. }
            | Input::Space { .. }
            | Input::Clock { .. }
            | Input::StorageFailed { .. } => Ok(()),
        }
    }

    fn recall_sale(
        &mut self,
        archive: &impl Archive,
        reference: &Reference,
    ) -> Result<(), ArchiveFailed> {
        for record in archive.of(reference)? {
            self.book.recall(record);
        }
        Ok(())
    }

    fn recall_payment(
        &mut self,
        archive: &impl Archive,
        id: &PaymentId,
    ) -> Result<(), ArchiveFailed> {
        if self.book.get(id).is_none()
            && let Some(record) = archive.get(id)?
        {
            self.book.recall(record);
        }
        Ok(())
    }
}
