//! The till while it is judged: an adapter that is asked in lines, or a till that somebody uses at its screen.

use std::time::Duration;

use super::adapter::{self, Adapter};
use super::protocol::Op;
use super::screen::{self, Screen};
use crate::journal::Answered;

/// See the module.
pub(super) enum Till {
    Adapter(Adapter),
    Screen(Screen),
}

/// What was asked, and whose answer may still come.
pub(super) enum Waiting {
    Adapter(adapter::Waiting),
    Screen(Box<screen::Waiting>),
}

impl Till {
    /// Asks for something; the error says why this till is not asked for it.
    pub(super) fn begin(&self, op: &Op) -> Result<Waiting, String> {
        match self {
            Self::Adapter(adapter) => Ok(Waiting::Adapter(adapter.begin(op))),
            Self::Screen(screen) => screen
                .begin(op)
                .map(|waiting| Waiting::Screen(Box::new(waiting))),
        }
    }

    /// Why nothing that it says counts any more.
    pub(super) fn broke(&self) -> Option<String> {
        match self {
            Self::Adapter(adapter) => adapter.broke(),
            Self::Screen(_) => None,
        }
    }

    /// Its power fails. What is left of a till is what its power comes back to; an adapter is started anew.
    pub(super) async fn kill(self) -> Result<Option<Self>, String> {
        match self {
            Self::Adapter(adapter) => {
                adapter.kill().await;
                Ok(None)
            }
            Self::Screen(screen) => Ok(Some(Self::Screen(screen.cut().await?))),
        }
    }

    /// Ends in good order what the suite has started.
    pub(super) async fn end(self) {
        match self {
            Self::Adapter(adapter) => adapter.end().await,
            // It is not the suite's to end.
            Self::Screen(_) => {}
        }
    }
}

impl Waiting {
    /// The suite's number for what was asked.
    pub(super) fn op(&self) -> u64 {
        match self {
            Self::Adapter(waiting) => waiting.op,
            Self::Screen(waiting) => waiting.op,
        }
    }

    /// The answer, or why there is none.
    pub(super) async fn within(self, limit: Duration) -> Result<Answered, String> {
        match self {
            Self::Adapter(waiting) => waiting.within(limit).await,
            Self::Screen(waiting) => waiting.within(limit).await,
        }
    }
}
