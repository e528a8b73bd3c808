//! The date that certificates are judged by, and one for devices that lose it.

mod known;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rustls::time_provider::TimeProvider;
use rustls_pki_types::UnixTime;
use vinr_protocol::Timestamp;

pub use known::{KnownTime, KnownTimeError};

/// Where the date comes from: the system's clock, or a device's own that never goes back.
///
/// Only certificates are judged by it. Durations come from the runtime's monotonic clock, so a jump of
/// the date ends no wait and starts none.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Self::new(|| Timestamp::from(jiff::Timestamp::now()))
    }

    /// A clock of the caller's; it is asked at every handshake and at every request.
    pub fn new(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// The date now.
    pub fn now(&self) -> Timestamp {
        (self.0)()
    }

    pub(crate) fn unix_now(&self) -> UnixTime {
        unix_time(self.now())
    }
}

/// Dates before 1970 count as 1970: no certificate of ours is valid then.
pub(crate) fn unix_time(moment: Timestamp) -> UnixTime {
    let ms = u64::try_from(moment.unix_ms()).unwrap_or(0);
    UnixTime::since_unix_epoch(Duration::from_millis(ms))
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Clock({})", self.now())
    }
}

impl TimeProvider for Clock {
    fn current_time(&self) -> Option<UnixTime> {
        Some(self.unix_now())
    }
}
