//! The latest known time, kept over power cuts: for a device whose clock wakes up in 1970.
//!
//! It goes with the system's clock while that is ahead, with the running time of the device where it is not, and is
//! raised by evidence. It never goes back: a date that was reached once was reached.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use vinr_protocol::Timestamp;

use super::Clock;

/// How often it is written: what a power cut takes back is no longer than this, and flash memory lives for years.
const SAVE_EVERY: Duration = Duration::from_secs(60);

/// Two lines of one date.
const MAX_FILE: u64 = 128;

/// A date that only goes forward, kept in a file. Cheap to clone.
///
/// A system's clock that runs ahead by mistake takes it along, and setting that clock right does not bring it back:
/// delete the file and restart. A device that keeps its date needs none of this: [`Clock::system`].
#[derive(Clone)]
pub struct KnownTime(Arc<Shared>);

struct Shared {
    path: PathBuf,
    system: Clock,
    uptime: Box<dyn Fn() -> Duration + Send + Sync>,
    known: Mutex<Known>,
    /// What the file says; held while it is written.
    saved: Mutex<Option<Timestamp>>,
}

/// A date, and how long the device had run then.
#[derive(Clone, Copy)]
struct Known {
    date: Timestamp,
    at: Duration,
}

/// The latest known time cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KnownTimeError {
    /// The file is there and cannot be read.
    #[error("the latest known time {} cannot be read: {source}; check who may read it", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It cannot be written; what is known is known until the device is switched off.
    #[error("the latest known time {} cannot be written: {source}; check the disk and its folder", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl KnownTime {
    /// Goes on from the date in this file, which need not be there yet.
    ///
    /// A file that holds no date is warned of and left out: a terminal that will not start over a damaged date takes no
    /// payment, while one that starts has the system's clock, its journal, its lists and the cloud to learn the
    /// date from; and whoever can damage the file can delete it.
    pub fn open(path: impl Into<PathBuf>, system: Clock) -> Result<Self, KnownTimeError> {
        let started = Instant::now();
        Self::running(path.into(), system, move || started.elapsed())
    }

    fn running(
        path: PathBuf,
        system: Clock,
        uptime: impl Fn() -> Duration + Send + Sync + 'static,
    ) -> Result<Self, KnownTimeError> {
        let saved = read(&path).map_err(|source| KnownTimeError::Unreadable {
            path: path.clone(),
            source,
        })?;
        let now = system.now();
        let known = Known {
            date: saved.map_or(now, |saved| saved.max(now)),
            at: uptime(),
        };
        Ok(Self(Arc::new(Shared {
            path,
            system,
            uptime: Box::new(uptime),
            known: Mutex::new(known),
            saved: Mutex::new(saved),
        })))
    }

    /// The date now. Writes nothing.
    pub fn now(&self) -> Timestamp {
        self.raise_to(self.0.system.now())
    }

    /// It is at least this late: says a journal's record, a list's thisUpdate, the cloud. Only what was authenticated
    /// is evidence; whoever can raise the date can make every certificate expire.
    pub fn raise(&self, to: Timestamp) {
        self.raise_to(to);
    }

    /// A clock that shows it.
    pub fn clock(&self) -> Clock {
        let this = self.clone();
        Clock::new(move || this.now())
    }

    /// Writes the date durably, where it is later than the one in the file. Blocks for as long as the disk takes.
    pub fn save(&self) -> Result<(), KnownTimeError> {
        let mut saved = self.0.saved.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.now();
        if saved.is_none_or(|saved| saved < now) {
            let path = &self.0.path;
            write(path, now).map_err(|source| KnownTimeError::Unwritable {
                path: path.clone(),
                source,
            })?;
            *saved = Some(now);
        }
        Ok(())
    }

    /// Writes the date every minute, for as long as it is polled. A failure is warned of and tried again.
    pub async fn keep(self) {
        loop {
            let this = self.clone();
            match tokio::task::spawn_blocking(move || this.save()).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::warn!(%error),
                Err(error) => tracing::warn!(%error, "the latest known time was not written"),
            }
            tokio::time::sleep(SAVE_EVERY).await;
        }
    }

    /// The date by the running time, or this one if it is later; from then on the running time counts from there.
    fn raise_to(&self, date: Timestamp) -> Timestamp {
        let at = (self.0.uptime)();
        let mut known = self.0.known.lock().unwrap_or_else(PoisonError::into_inner);
        let by_uptime = known.after(at);
        if date > by_uptime {
            *known = Known { date, at };
            date
        } else {
            by_uptime
        }
    }
}

impl Known {
    fn after(self, uptime: Duration) -> Timestamp {
        let passed = uptime.saturating_sub(self.at).as_millis();
        let passed = i64::try_from(passed).unwrap_or(i64::MAX);
        Timestamp::from_unix_ms(self.date.unix_ms().saturating_add(passed)).unwrap_or(self.date)
    }
}

impl std::fmt::Debug for KnownTime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KnownTime({}, {})", self.now(), self.0.path.display())
    }
}

/// None where there is no file, or nothing in it that is a date.
fn read(path: &Path) -> io::Result<Option<Timestamp>> {
    let mut text = Vec::new();
    match File::open(path) {
        Ok(file) => file.take(MAX_FILE).read_to_end(&mut text)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let date = parse(&text);
    if date.is_none() {
        tracing::warn!(path = %path.display(), "the latest known time is damaged and is left out; the system's clock counts until better is known");
    }
    Ok(date)
}

/// The date stands there twice, so that half a file or a flipped bit is no other date.
fn parse(text: &[u8]) -> Option<Timestamp> {
    let (first, second) = std::str::from_utf8(text).ok()?.split_once('\n')?;
    (second.strip_suffix('\n')? == first).then_some(())?;
    Timestamp::parse(first)
}

/// Whole or not at all, and after a power cut too.
fn write(path: &Path, date: Timestamp) -> io::Result<()> {
    let beside = path.with_extension("new");
    let mut file = File::create(&beside)?;
    write!(file, "{date}\n{date}\n")?;
    file.sync_all()?;
    std::fs::rename(&beside, path)?;
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty());
    File::open(dir.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

    use super::*;

    const DAY: i64 = 86_400_000;

    /// A device with a clock, a running time and a disk that a test sets.
    struct Device {
        dir: tempfile::TempDir,
        system: Arc<AtomicI64>,
        uptime: Arc<AtomicU64>,
    }

    impl Device {
        fn new() -> Self {
            Self {
                dir: tempfile::tempdir().expect("a folder"),
                system: Arc::default(),
                uptime: Arc::default(),
            }
        }

        fn path(&self) -> PathBuf {
            self.dir.path().join("known-time")
        }

        fn set(&self, day: i64) {
            self.system.store(day * DAY, Ordering::SeqCst);
        }

        fn start(&self) -> KnownTime {
            let (system, uptime) = (self.system.clone(), self.uptime.clone());
            let clock = Clock::new(move || at_ms(system.load(Ordering::SeqCst)));
            KnownTime::running(self.path(), clock, move || {
                Duration::from_millis(uptime.load(Ordering::SeqCst))
            })
            .expect("readable")
        }
    }

    fn at_ms(ms: i64) -> Timestamp {
        Timestamp::from_unix_ms(ms).expect("in the calendar")
    }

    fn day(day: i64) -> Timestamp {
        at_ms(day * DAY)
    }

    #[test]
    fn a_clock_that_is_ahead_is_followed() {
        let device = Device::new();
        let known = device.start();
        device.set(20_000);
        assert_eq!(known.now(), day(20_000));
    }

    #[test]
    fn a_clock_that_jumps_back_is_not_followed() {
        let device = Device::new();
        device.set(20_000);
        let known = device.start();
        device.set(0);
        assert_eq!(known.now(), day(20_000));
    }

    #[test]
    fn without_a_clock_it_goes_on_with_the_running_time() {
        let device = Device::new();
        device.set(20_000);
        let known = device.start();
        device.set(0);
        device.uptime.store(1_500, Ordering::SeqCst);
        assert_eq!(known.now(), at_ms(20_000 * DAY + 1_500));
    }

    #[test]
    fn evidence_raises_it() {
        let known = Device::new().start();
        known.raise(day(20_000));
        assert_eq!(known.now(), day(20_000));
    }

    #[test]
    fn older_evidence_does_not_lower_it() {
        let known = Device::new().start();
        known.raise(day(20_000));
        known.raise(day(19_999));
        assert_eq!(known.now(), day(20_000));
    }

    #[test]
    fn what_was_saved_is_known_after_a_restart_without_a_clock() {
        let device = Device::new();
        device.set(20_000);
        device.start().save().expect("room");
        device.set(0);
        assert_eq!(device.start().now(), day(20_000));
    }

    #[test]
    fn nothing_is_written_until_it_is_saved() {
        let device = Device::new();
        device.start().raise(day(20_000));
        assert!(!device.path().exists());
    }

    #[test]
    fn a_later_date_in_the_file_is_not_replaced_by_an_earlier_one() {
        let device = Device::new();
        device.set(20_000);
        device.start().save().expect("room");
        device.set(0);
        device.start().save().expect("room");
        assert_eq!(device.start().now(), day(20_000));
    }

    #[test]
    fn half_a_file_is_left_out() {
        let device = Device::new();
        device.set(20_000);
        device.start().save().expect("room");
        let whole = std::fs::read(device.path()).expect("saved");
        device.set(10_000);
        for length in 0..whole.len() {
            std::fs::write(device.path(), &whole[..length]).expect("room");
            assert_eq!(device.start().now(), day(10_000), "{length} bytes");
        }
    }

    #[test]
    fn a_flipped_bit_is_left_out() {
        let device = Device::new();
        device.set(20_000);
        device.start().save().expect("room");
        let whole = std::fs::read(device.path()).expect("saved");
        device.set(10_000);
        for place in 0..whole.len() {
            let mut torn = whole.clone();
            torn[place] ^= 1;
            std::fs::write(device.path(), torn).expect("room");
            assert_eq!(device.start().now(), day(10_000), "byte {place}");
        }
    }

    #[test]
    fn a_damaged_file_is_mended_by_the_next_save() {
        let device = Device::new();
        device.set(20_000);
        std::fs::write(device.path(), "not a date").expect("room");
        device.start().save().expect("room");
        device.set(0);
        assert_eq!(device.start().now(), day(20_000));
    }

    #[test]
    fn a_file_left_beside_it_by_a_power_cut_does_not_matter() {
        let device = Device::new();
        device.set(20_000);
        std::fs::write(device.path().with_extension("new"), "2999-").expect("room");
        device.start().save().expect("room");
        device.set(0);
        assert_eq!(device.start().now(), day(20_000));
    }

    #[test]
    fn what_cannot_be_read_is_an_error() {
        let device = Device::new();
        std::fs::create_dir(device.path()).expect("room");
        let error = KnownTime::open(device.path(), Clock::system());
        assert!(matches!(error, Err(KnownTimeError::Unreadable { .. })));
    }

    #[test]
    fn what_cannot_be_written_is_an_error() {
        let device = Device::new();
        device.set(20_000);
        let known = device.start();
        std::fs::remove_dir_all(device.dir.path()).expect("there");
        let error = known.save();
        assert!(matches!(error, Err(KnownTimeError::Unwritable { .. })));
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_written_once_a_minute() {
        let device = Device::new();
        device.set(20_000);
        let known = device.start();
        let keeping = tokio::spawn(known.keep());
        tokio::time::sleep(Duration::from_secs(1)).await;
        let at_first = std::fs::read(device.path()).expect("saved at once");
        device.set(20_001);
        tokio::time::sleep(Duration::from_secs(58)).await;
        let before = std::fs::read(device.path()).expect("still there");
        tokio::time::sleep(Duration::from_secs(2)).await;
        keeping.abort();
        assert_eq!(at_first, before);
        device.set(0);
        assert_eq!(device.start().now(), day(20_001));
    }
}
