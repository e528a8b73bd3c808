//! The terminal's idea of the date: a label on records, and what certificates and lists are judged by.
//!
//! Durations never ask it: timers run on the monotonic clock, whatever the date does. `spec/safety.md` I27
//!
//! A device whose clock is not set goes on from the latest date that it knew, and never back: each date is durable
//! before it is shown. So that not every second is written, some minutes are reserved ahead, and lost at a restart. §2

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use vinr_protocol::Timestamp;
use vinr_protocol::terminal::ClockState;
use vinr_transport::clock::Clock;

use crate::provision::files::{self, Audience};

const FILE: &str = "clock.json";

/// How much is reserved at once: a device whose clock is not set may be this much ahead after a restart.
const AHEAD: Duration = Duration::from_secs(600);

/// A clock that is set is written down when this much of it is used up.
const HALF: Duration = Duration::from_secs(300);

/// A terminal that was just started has other things to write.
const AT_FIRST: Duration = Duration::from_secs(30);

/// A device's clock; clones show the same date.
#[derive(Debug, Clone)]
pub(crate) struct DeviceClock(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// None where nothing is kept.
    file: Option<PathBuf>,
    booted: Instant,
}

#[derive(Debug)]
struct State {
    setting: Setting,
    /// No date from here on is durable yet.
    latest: Option<Timestamp>,
}

/// What is kept.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Kept {
    /// Every date that was shown is earlier.
    latest: Timestamp,
    /// Nobody has set the clock since its date was lost.
    unset: bool,
}

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
    /// The clock of the device whose data is here. One whose date was lost has not found it since.
    pub(crate) fn open(data: &Path) -> io::Result<Self> {
        let file = data.join(FILE);
        let kept: Option<Kept> = match std::fs::read(&file) {
            Ok(json) => Some(serde_json::from_slice(&json)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let setting = match &kept {
            Some(kept) if kept.unset => Setting::Unset {
                known: kept.latest,
                since: Instant::now(),
            },
            _ => Setting::default(),
        };
        let latest = kept.map(|kept| kept.latest);
        Ok(Self::new(setting, latest, Some(file)))
    }

    fn new(setting: Setting, latest: Option<Timestamp>, file: Option<PathBuf>) -> Self {
        Self(Arc::new(Shared {
            state: Mutex::new(State { setting, latest }),
            file,
            booted: Instant::now(),
        }))
    }

    /// The date that the device shows.
    pub(crate) fn now(&self) -> Timestamp {
        let mut state = self.lock();
        let date = state.setting.date();
        if matches!(state.setting, Setting::Unset { .. })
            && state.latest.is_none_or(|latest| latest <= date)
        {
            self.reserve(&mut state, date);
        }
        date
    }

    pub(crate) fn setting(&self) -> Setting {
        self.lock().setting
    }

    /// Sets it this far ahead of the world's clock. Whoever sets it knows the date: what was known before is forgotten.
    pub(crate) fn set(&self, offset_ms: i64) {
        self.put(Setting::Offset(offset_ms));
    }

    /// Takes its date away, as an empty battery does.
    pub(crate) fn unset(&self) {
        if let setting @ Setting::Offset(_) = self.setting() {
            self.put(Setting::Unset {
                known: setting.date(),
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

    /// Writes down how late it is, now and then, for the day on which the battery is empty.
    pub(crate) fn note(&self) {
        if self.0.booted.elapsed() < AT_FIRST {
            return;
        }
        let mut state = self.lock();
        let date = state.setting.date();
        if state
            .latest
            .is_none_or(|latest| latest <= shifted(date, in_ms(HALF)))
        {
            self.reserve(&mut state, date);
        }
    }

    fn put(&self, setting: Setting) {
        let mut state = self.lock();
        state.setting = setting;
        self.reserve(&mut state, setting.date());
    }

    /// A disk that fails costs the date after the next restart, and not this one.
    fn reserve(&self, state: &mut State, date: Timestamp) {
        let latest = shifted(date, in_ms(AHEAD));
        state.latest = Some(latest);
        let Some(file) = &self.0.file else {
            return;
        };
        let unset = matches!(state.setting, Setting::Unset { .. });
        let json = serde_json::to_vec(&Kept { latest, unset }).expect("a date and a flag are JSON");
        if let Err(error) = files::replace(file, &json, Audience::Owner) {
            tracing::error!(file = %file.display(), %error, "the date cannot be kept");
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for DeviceClock {
    /// A clock that is forgotten with its process.
    fn default() -> Self {
        Self::new(Setting::default(), None, None)
    }
}

impl Setting {
    fn date(self) -> Timestamp {
        match self {
            Setting::Offset(ms) => shifted(jiff::Timestamp::now().into(), ms),
            Setting::Unset { known, since } => shifted(known, in_ms(since.elapsed())),
        }
    }
}

fn in_ms(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
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
        tokio::time::advance(Duration::from_secs(60)).await;
        assert!(clock.now().unix_ms() - known.unix_ms() >= 60_000);
    }

    #[test]
    fn a_date_beyond_the_calendar_is_not_shown() {
        let clock = DeviceClock::default();
        clock.set(i64::MAX);
        assert!(clock.now().unix_ms() < i64::MAX / 2);
    }

    #[tokio::test(start_paused = true)]
    async fn an_unset_clock_is_unset_after_a_restart_and_never_earlier_than_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let mut shown = Timestamp::from(jiff::Timestamp::now());
        DeviceClock::open(dir.path()).unwrap().unset();
        for minutes in [0, 1, 9, 11, 60] {
            let clock = DeviceClock::open(dir.path()).unwrap();
            assert_eq!(clock.state(), ClockState::Unset);
            assert!(clock.now() >= shown, "after {minutes} minutes");
            tokio::time::advance(Duration::from_secs(60 * minutes)).await;
            shown = clock.now();
        }
    }

    #[test]
    fn whoever_sets_the_clock_is_believed_after_a_restart_too() {
        let dir = tempfile::tempdir().unwrap();
        let clock = DeviceClock::open(dir.path()).unwrap();
        clock.set(10 * YEAR_MS);
        clock.unset();
        clock.set(0);
        let after = DeviceClock::open(dir.path()).unwrap();
        assert_eq!(after.state(), ClockState::Set);
        after.unset();
        let world = Timestamp::from(jiff::Timestamp::now());
        assert!(after.now().unix_ms() - world.unix_ms() < YEAR_MS);
    }

    #[test]
    fn a_damaged_date_is_not_taken_for_none() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(FILE), b"{").unwrap();
        assert!(DeviceClock::open(dir.path()).is_err());
    }
}
