//! The terminal's idea of the date: a label on records, and what certificates are judged by.
//!
//! Durations never ask it: timers run on the monotonic clock, whatever the date does. `spec/safety.md` I27

use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::Instant;
use vinr_protocol::Timestamp;
use vinr_protocol::terminal::ClockState;
use vinr_transport::clock::Clock;

/// A device's clock; clones show the same date.
#[derive(Debug, Clone, Default)]
pub(crate) struct DeviceClock(Arc<Mutex<Setting>>);

/// How a device's clock is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setting {
    /// So many milliseconds ahead of the world's clock; behind it where negative.
    Offset(i64),
    /// Not at all: the device goes on from the latest date that it knew, and takes no new payment. §2
    Unset {
        /// The latest date that it knew.
        known: Timestamp,
        /// When that was.
        since: Instant,
    },
}

impl Default for Setting {
    fn default() -> Self {
        Self::Offset(0)
    }
}

impl DeviceClock {
    /// The date that the device shows.
    pub(crate) fn now(&self) -> Timestamp {
        let world = Timestamp::from(jiff::Timestamp::now());
        match self.setting() {
            Setting::Offset(ms) => shifted(world, ms),
            Setting::Unset { known, since } => {
                let on = i64::try_from(since.elapsed().as_millis()).unwrap_or(i64::MAX);
                shifted(known, on)
            }
        }
    }

    pub(crate) fn setting(&self) -> Setting {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets it this far ahead of the world's clock.
    pub(crate) fn set(&self, offset_ms: i64) {
        self.put(Setting::Offset(offset_ms));
    }

    /// Takes its date away, as an empty battery does.
    pub(crate) fn unset(&self) {
        if let Setting::Offset(_) = self.setting() {
            self.put(Setting::Unset {
                known: self.now(),
                since: Instant::now(),
            });
        }
    }

    pub(crate) fn state(&self) -> ClockState {
        match self.setting() {
            Setting::Offset(_) => ClockState::Set,
            Setting::Unset { .. } => ClockState::Unset,
        }
    }

    /// The same clock, for the server.
    pub(crate) fn of_certificates(&self) -> Clock {
        let clock = self.clone();
        Clock::new(move || clock.now())
    }

    fn put(&self, setting: Setting) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = setting;
    }
}

/// A date beyond the calendar is not taken: the clock stays where it was.
fn shifted(from: Timestamp, ms: i64) -> Timestamp {
    Timestamp::from_unix_ms(from.unix_ms().saturating_add(ms)).unwrap_or(from)
}

#[cfg(test)]
mod tests {
    use super::*;

    const YEAR_MS: i64 = 365 * 24 * 3600 * 1000;

    #[test]
    fn a_clock_is_as_far_off_as_it_was_set() {
        let (right, wrong) = (DeviceClock::default(), DeviceClock::default());
        for years in [10, -10] {
            wrong.set(years * YEAR_MS);
            let off = wrong.now().unix_ms() - right.now().unix_ms();
            assert!((off - years * YEAR_MS).abs() < 1000, "{off}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_unset_clock_goes_on_from_what_it_knew_and_never_back() {
        let clock = DeviceClock::default();
        clock.set(10 * YEAR_MS);
        let known = clock.now();
        clock.unset();
        assert!(clock.now() >= known);
        tokio::time::advance(std::time::Duration::from_secs(60)).await;
        assert!(clock.now().unix_ms() - known.unix_ms() >= 60_000);
    }

    #[test]
    fn a_date_beyond_the_calendar_is_not_shown() {
        let clock = DeviceClock::default();
        clock.set(i64::MAX);
        assert!(clock.now().unix_ms() < i64::MAX / 2);
    }
}
