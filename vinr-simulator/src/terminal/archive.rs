//! The journal as the session reads it back.

use std::sync::Arc;

use vinr_journal::{Log, ReadError};
use vinr_protocol::terminal::{Archive, ArchiveFailed, Record};
use vinr_protocol::{PaymentId, Reference};

use super::record::{self, Attempts, Journal};

/// The journal of a running terminal.
pub(super) struct Running(pub(super) Arc<Journal>);

impl Archive for Running {
    fn of(&self, reference: &Reference) -> Result<Vec<Record>, ArchiveFailed> {
        self.0.of_group(&record::group(reference)).map_err(failed)
    }

    fn get(&self, id: &PaymentId) -> Result<Option<Record>, ArchiveFailed> {
        self.0.get(&record::attempt(id)).map_err(failed)
    }
}

/// A journal without a thread.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stored<'a>(pub(crate) &'a Log<Attempts>);

impl Archive for Stored<'_> {
    fn of(&self, reference: &Reference) -> Result<Vec<Record>, ArchiveFailed> {
        self.0.of_group(&record::group(reference)).map_err(failed)
    }

    fn get(&self, id: &PaymentId) -> Result<Option<Record>, ArchiveFailed> {
        self.0.get(&record::attempt(id)).map_err(failed)
    }
}

fn failed(error: ReadError) -> ArchiveFailed {
    tracing::error!(%error, "OUT OF SERVICE: what was journaled cannot be read back");
    ArchiveFailed
}
