//! What an integrator sends to support.

use std::fmt;

use serde::Serialize;
use vinr_protocol::client::attempt::StoredAttempt;
use vinr_protocol::payment::ConnectionMode;
use vinr_protocol::{JournalId, Reference, TerminalId, Timestamp};

use super::redact::{Private, redacted, short};
use super::{FIRST_STEPS, Step, Timelines};
use crate::tally::Counters;
use crate::vinr::now;

/// One sale's timeline, fit to be sent away: [`Payments::support_packet`](crate::Payments::support_packet).
///
/// As text by its `Display`, as JSON by serde. It holds no API key, passphrase or certificate, no card number, no
/// description and no metadata; of an attempt's key only the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SupportPacket {
    /// Always `vinr-support/1`.
    pub format: &'static str,
    /// The sale.
    pub reference: String,
    /// When this was written.
    pub written_at: Timestamp,
    /// By what.
    pub versions: Versions,
    /// What happened to the sale in this process, oldest first.
    pub steps: Vec<Step>,
    /// So many steps after the fiftieth are left out.
    pub left_out: u64,
    /// The attempts of the sale whose outcome this till does not know, by its store.
    pub unresolved: Vec<Unresolved>,
    /// The store could not be read, so that `unresolved` is empty.
    pub store_failed: bool,
    /// How all payments of this process travelled.
    pub counters: Counters,
}

/// What ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Versions {
    /// Of this crate.
    pub sdk: &'static str,
    /// The wire that it speaks.
    pub api: &'static str,
    /// The operating system and the processor.
    pub system: String,
}

/// An attempt whose outcome is not known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Unresolved {
    /// The terminal that may have it.
    pub reader: TerminalId,
    /// The end of its key.
    pub attempt: String,
    /// The way it was sent.
    pub path: ConnectionMode,
    /// When it was stored.
    pub stored_at: Timestamp,
    /// The terminal's journal then.
    pub journal_id: Option<JournalId>,
}

impl SupportPacket {
    pub(crate) fn of(
        timelines: &Timelines,
        reference: &Reference,
        unresolved: Option<Vec<StoredAttempt>>,
        counters: Counters,
    ) -> Self {
        let (steps, left_out) = (timelines.lock().iter())
            .find(|it| it.reference == *reference)
            .map(|it| (it.steps.clone(), it.left_out))
            .unwrap_or_default();
        Self {
            format: "vinr-support/1",
            reference: redacted(reference.as_str(), &Private::default()),
            written_at: now(),
            versions: Versions {
                sdk: env!("CARGO_PKG_VERSION"),
                api: vinr_protocol::API,
                system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            },
            steps,
            left_out,
            store_failed: unresolved.is_none(),
            unresolved: (unresolved.into_iter().flatten())
                .filter(|attempt| attempt.reference == *reference)
                .map(|attempt| Unresolved {
                    attempt: short(&attempt.key),
                    reader: attempt.terminal_id,
                    path: attempt.path,
                    stored_at: attempt.stored_at,
                    journal_id: attempt.journal_id,
                })
                .collect(),
            counters,
        }
    }
}

impl fmt::Display for SupportPacket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let versions = &self.versions;
        writeln!(
            f,
            "{} of {}, {}",
            self.format, self.reference, self.written_at
        )?;
        writeln!(
            f,
            "vinr-sdk {}, {}, {}",
            versions.sdk, versions.api, versions.system
        )?;
        if self.steps.is_empty() {
            writeln!(f, "no step of this sale in this process")?;
        }
        for (place, step) in self.steps.iter().enumerate() {
            if place == FIRST_STEPS && self.left_out > 0 {
                writeln!(f, "… {} steps are left out …", self.left_out)?;
            }
            writeln!(f, "{step}")?;
        }
        for attempt in &self.unresolved {
            writeln!(
                f,
                "unresolved: attempt {} at {}, {}, since {}",
                attempt.attempt, attempt.reader, attempt.path, attempt.stored_at
            )?;
        }
        if self.store_failed {
            writeln!(f, "the attempt store could not be read")?;
        }
        write!(f, "{:?}", self.counters)
    }
}
