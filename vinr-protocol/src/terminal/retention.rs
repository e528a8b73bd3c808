//! How long the journal keeps a record. §4.6

use std::time::Duration;

use super::attempt::Record;
use crate::timing::RECORDS_KEPT;

/// The clocks of a terminal and of its tills do not run alike: records are kept for a day more than a till relies on.
const MARGIN: Duration = Duration::from_secs(24 * 3600);

/// For how long a record stays, once no later one of its attempt takes its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// For ever: it is not settled.
    Always,
    /// For so much time with the power on, since it was written.
    ///
    /// The journal counts that by a clock that only runs, and carries the count over its restarts. No date comes into
    /// it: one that jumps by years, forth or back, makes no record older. Time that passed while the power was off is
    /// not counted, nor is what a power cut took from the count: either keeps a record longer.
    For(Duration),
}

/// How long compaction keeps the last record of an attempt, or a tombstone. All have the same time, so the oldest goes
/// first. The one with the highest [`sequence`](Record::sequence) stays in any case.
pub fn retention(record: &Record) -> Keep {
    match record {
        Record::Attempt(attempt) if !attempt.is_settled() => Keep::Always,
        Record::Attempt(_) | Record::Tombstone { .. } => Keep::For(RECORDS_KEPT + MARGIN),
    }
}
