//! How long the journal keeps a record. §4.6

use std::time::Duration;

use super::attempt::Record;
use crate::timing::RECORDS_KEPT;

/// The clocks of a terminal and of its tills do not run alike: records are kept for a day more than a till relies on.
const MARGIN: Duration = Duration::from_secs(24 * 3600);

/// For how long the terminal was on since its journal began.
///
/// The journal counts it by a clock that only runs, and carries it over its restarts. No date comes into it: one that
/// jumps by years, forth or back, makes no record older. Time that passed while the power was off is not counted, nor
/// is what a power cut took from the count: either keeps a record longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct PoweredTime(pub Duration);

/// What compaction does with the last record of an attempt, or with a tombstone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Keep {
    /// It stays.
    Yes,
    /// It may go: nobody relies on it any more.
    MayGo,
}

/// May a record go that was written then?
///
/// `last_sequence` is the highest that the journal ever gave: the record that has it stays, for a restarted terminal
/// knows the next one by it. \[OFF-15\] Of two records that may ever go the older may go first, so whoever asks from the
/// oldest on and stops at the first that stays drops the oldest first.
pub fn retention(
    record: &Record,
    written: PoweredTime,
    now: PoweredTime,
    last_sequence: u64,
) -> Keep {
    let stays = match record {
        Record::Attempt(attempt) => {
            let mark = attempt.payment.offline.as_ref();
            !attempt.is_settled() || mark.is_some_and(|mark| mark.sequence >= last_sequence)
        }
        Record::Tombstone { .. } => false,
    };
    // A count that went back proves no age.
    let age = now.0.checked_sub(written.0).unwrap_or_default();
    if stays || age <= RECORDS_KEPT + MARGIN {
        Keep::Yes
    } else {
        Keep::MayGo
    }
}
