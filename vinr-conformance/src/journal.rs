//! Everything that was seen, in order, as it was seen.
//!
//! The journal is the only thing a verdict rests on: [`judge`](crate::judge::judge) reads it and nothing else, so an
//! old bundle can be judged again. Each entry is one line of `journal.ndjson`, written while the suite
//! runs, so that a run that was interrupted leaves what it saw. Secrets are taken out before an entry
//! exists: see `redact`.

mod event;
mod numbers;
mod redact;
mod seen;
mod till;
mod torn;
mod veil;

pub(crate) use numbers::Numbers;

pub use event::{
    Advert, Certificate, Claim, Ended, Event, Handshake, Header, Said, ScreenEvent, Side,
};
pub use seen::{
    AnsweredBy, Claimed, CloudAnswer, CloudCommand, Endpoint, Needle, RepeatedTrace, SetClock,
    StorageRead, Webhook,
};
pub use till::{Answered, Hello, Place, Shows, TillClaim, TillEvent, Whose};
pub use torn::Torn;

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::bundle::Secret;

/// One thing that was seen, sent, asked or claimed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Its place in the journal, from 1 without gaps: what a finding cites.
    pub seq: u64,
    /// When it was written, in nanoseconds since the journal began, on a monotonic clock.
    pub at_ns: u64,
    /// The date, for people only.
    pub wall: String,
    /// The scenario that was running.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scenario: Option<String>,
    /// What it is.
    #[serde(flatten)]
    pub event: Event,
}

/// A journal that is being written. Clones write to the same one.
#[derive(Clone)]
pub struct Journal {
    start: Instant,
    /// What its clock showed when this part of it began.
    base_ns: u64,
    inner: Arc<Mutex<Inner>>,
    /// Whose entries this clone writes, where scenarios run side by side.
    own: Option<Arc<str>>,
}

impl std::fmt::Debug for Journal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Journal({} entries)", self.last_seq())
    }
}

struct Inner {
    entries: Vec<Entry>,
    scenario: Option<String>,
    file: Option<BufWriter<File>>,
    broken: Option<std::io::Error>,
    is_closed: bool,
    secrets: Vec<Secret>,
    veil: veil::Veil,
}

/// The journal's file cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file cannot be opened, written or read.
    #[error("the journal {} cannot be used: {source}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A line is not an entry.
    #[error("line {line} of the journal is not an entry: {source}")]
    Line {
        /// Which line, from 1.
        line: usize,
        /// Why.
        source: serde_json::Error,
    },
    /// The numbers of the entries have a gap.
    #[error("entry {entry} of the journal is missing")]
    Missing {
        /// Which.
        entry: u64,
    },
}

impl Journal {
    /// A journal in memory only.
    pub fn in_memory() -> Self {
        Self::new(None)
    }

    /// A journal that goes on where a run stopped: the file holds these entries, and what comes is written behind them.
    pub fn going_on(path: &Path, entries: Vec<Entry>) -> Result<Self, JournalError> {
        let file = File::options().append(true).open(path);
        let file = file.map_err(|source| JournalError::File {
            path: path.to_owned(),
            source,
        })?;
        let mut journal = Self::new(Some(BufWriter::new(file)));
        journal.base_ns = Numbers::of(&entries).at_ns;
        journal.lock().entries = entries;
        Ok(journal)
    }

    /// A journal that is also written to this file, line by line.
    pub fn in_file(path: &Path) -> Result<Self, JournalError> {
        let file = File::create(path).map_err(|source| JournalError::File {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self::new(Some(BufWriter::new(file))))
    }

    fn new(file: Option<BufWriter<File>>) -> Self {
        Self {
            start: Instant::now(),
            base_ns: 0,
            own: None,
            inner: Arc::new(Mutex::new(Inner {
                entries: Vec::new(),
                scenario: None,
                file,
                broken: None,
                is_closed: false,
                secrets: Vec::new(),
                veil: veil::Veil::default(),
            })),
        }
    }

    /// Nanoseconds since the journal began: the clock of every `…_ns` in it.
    pub fn now_ns(&self) -> u64 {
        self.ns_of(Instant::now())
    }

    /// The same for a moment that was taken elsewhere.
    pub fn ns_of(&self, moment: Instant) -> u64 {
        let since = moment.saturating_duration_since(self.start);
        let since = u64::try_from(since.as_nanos()).unwrap_or(u64::MAX);
        self.base_ns.saturating_add(since)
    }

    /// Writes an entry and gives its number. What comes after the last entry is no part of the journal.
    pub fn record(&self, event: Event) -> u64 {
        let at_ns = self.now_ns();
        self.write(&mut self.lock(), at_ns, event)
    }

    /// Writes the last entry. Whatever still reads from a socket somewhere is too late.
    pub fn close(&self, event: Event) -> Vec<Entry> {
        let at_ns = self.now_ns();
        let mut inner = self.lock();
        self.write(&mut inner, at_ns, event);
        inner.is_closed = true;
        inner.entries.clone()
    }

    fn write(&self, inner: &mut Inner, at_ns: u64, mut event: Event) -> u64 {
        if inner.is_closed {
            return inner.entries.len() as u64;
        }
        let said_by_others = redact::is_said_by_others(&event);
        let numbers = redact::redact(&mut event);
        let secrets = inner.veil.cover(&mut event);
        let seq = self.append(inner, at_ns, event);
        if said_by_others {
            // What is cut out above must not be forgotten: it should never have been said.
            if numbers > 0 {
                self.append(inner, at_ns, Event::CardNumber { entry: seq });
            }
            for what in secrets {
                self.append(inner, at_ns, Event::Secret { entry: seq, what });
            }
        }
        seq
    }

    /// From here on no entry holds this text: where it is said `\u{2026}` stands, and that it was said is written down.
    pub fn veil(&self, what: &str, text: &str) {
        self.lock().veil.add(what, text);
    }

    fn append(&self, inner: &mut Inner, at_ns: u64, event: Event) -> u64 {
        let entry = Entry {
            seq: inner.entries.len() as u64 + 1,
            at_ns,
            wall: format!("{:.3}", jiff::Timestamp::now()),
            scenario: match &self.own {
                Some(own) => Some(own.to_string()),
                None => inner.scenario.clone(),
            },
            event,
        };
        let seq = entry.seq;
        if let Some(file) = &mut inner.file {
            let written =
                write_line(file, &entry).and_then(|()| match is_milestone(&entry.event) {
                    true => file.get_ref().sync_data(),
                    false => Ok(()),
                });
            if let Err(error) = written {
                // The run goes on; whoever closes the journal learns that the file is not whole.
                inner.broken.get_or_insert(error);
            }
        }
        inner.entries.push(entry);
        seq
    }

    /// Names the scenario that the entries from now on belong to.
    pub fn enter(&self, scenario: Option<&str>) {
        self.lock().scenario = scenario.map(str::to_owned);
    }

    /// The same journal for one of several scenarios that run side by side: what is written through it is that one's.
    #[must_use]
    pub fn of_scenario(&self, scenario: &str) -> Self {
        Self {
            own: Some(scenario.into()),
            ..self.clone()
        }
    }

    /// The scenario that is written for, where it is the only one of this clone.
    pub fn scenario(&self) -> Option<Arc<str>> {
        self.own.clone()
    }

    /// The number of the last entry, 0 in an empty journal.
    pub fn last_seq(&self) -> u64 {
        self.lock().entries.len() as u64
    }

    /// Remembers a secret that came up during the run: whoever closes the bundle looks for it there. \[SEC-1\]
    pub fn keep_out(&self, secret: Secret) {
        self.lock().secrets.push(secret);
    }

    /// The secrets that came up during the run.
    pub fn secrets(&self) -> Vec<Secret> {
        self.lock().secrets.clone()
    }

    /// A copy of everything so far.
    pub fn entries(&self) -> Vec<Entry> {
        self.lock().entries.clone()
    }

    /// Looks at the entries after `seq` without copying them.
    pub fn any_after(&self, seq: u64, wanted: impl FnMut(&Entry) -> bool) -> bool {
        let inner = self.lock();
        let from = usize::try_from(seq)
            .unwrap_or(usize::MAX)
            .min(inner.entries.len());
        inner.entries[from..].iter().any(wanted)
    }

    /// Makes the file whole, or says why it is not.
    pub fn flush(&self) -> std::io::Result<()> {
        let mut inner = self.lock();
        if let Some(error) = inner.broken.take() {
            return Err(error);
        }
        inner.file.as_mut().map_or(Ok(()), BufWriter::flush)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // An entry is pushed whole or not at all, so a panic elsewhere leaves nothing half done.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn write_line(file: &mut BufWriter<File>, entry: &Entry) -> std::io::Result<()> {
    serde_json::to_writer(&mut *file, entry)?;
    file.write_all(b"\n")?;
    file.flush()
}

/// What a power cut must not take back: a scenario that ended is not run again. Each entry reaches the system at once, so
/// that it outlives the process; to wait for the disk at each would be in the timing of what is measured.
fn is_milestone(event: &Event) -> bool {
    matches!(
        event,
        Event::RunBegin { .. } | Event::ScenarioEnd { .. } | Event::RunEnd { .. }
    )
}

/// A journal that is being written anew.
const DRAFT: &str = ".draft-journal";

/// Writes entries as a journal writes them; what was in the file before stays until all of them are written.
pub fn write(path: &Path, entries: &[Entry]) -> Result<(), JournalError> {
    let unwritable = |source| JournalError::File {
        path: path.to_owned(),
        source,
    };
    let draft = path.with_file_name(DRAFT);
    let mut file = BufWriter::new(File::create(&draft).map_err(unwritable)?);
    for entry in entries {
        write_line(&mut file, entry).map_err(unwritable)?;
    }
    file.get_ref().sync_data().map_err(unwritable)?;
    std::fs::rename(&draft, path).map_err(unwritable)
}

/// Reads a journal back.
pub fn read(path: &Path) -> Result<Vec<Entry>, JournalError> {
    let unreadable = |source| JournalError::File {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(unreadable)?;
    let mut entries = Vec::new();
    for (index, line) in BufReader::new(file).lines().enumerate() {
        let line = line.map_err(unreadable)?;
        let entry = serde_json::from_str(&line).map_err(|source| JournalError::Line {
            line: index + 1,
            source,
        })?;
        entries.push(entry);
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(text: &str) -> Event {
        Event::Note { text: text.into() }
    }

    #[test]
    fn entries_are_numbered_from_1_without_gaps() {
        let journal = Journal::in_memory();
        assert_eq!(journal.record(note("a")), 1);
        assert_eq!(journal.record(note("b")), 2);
    }

    #[test]
    fn a_journal_is_read_back_as_it_was_written() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("journal.ndjson");
        let journal = Journal::in_file(&path).expect("writable");
        journal.enter(Some("payments/one"));
        journal.record(note("a"));
        journal.record(Event::Dial {
            connection: 1,
            address: "127.0.0.1:8443".into(),
            error: None,
        });
        journal.flush().expect("whole");
        assert_eq!(read(&path).expect("readable"), journal.entries());
    }

    #[test]
    fn what_comes_after_the_last_entry_is_no_part_of_it() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("journal.ndjson");
        let journal = Journal::in_file(&path).expect("writable");
        let entries = journal.close(Event::RunEnd { interrupted: true });
        journal.record(note("too late"));
        assert_eq!(read(&path).expect("readable"), entries);
        assert_eq!(journal.entries(), entries);
    }

    #[test]
    fn a_journal_goes_on_where_it_stopped() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("journal.ndjson");
        let before = Journal::in_file(&path).expect("writable");
        before.record(note("a"));
        before.record(note("b"));
        let entries = read(&path).expect("readable");
        let went_on = Journal::going_on(&path, entries.clone()).expect("it is there");
        assert_eq!(went_on.record(note("c")), 3);
        let whole = read(&path).expect("readable");
        assert_eq!(whole, went_on.entries());
        assert!(whole[2].at_ns >= entries[1].at_ns);
    }

    #[test]
    fn a_claim_about_an_event_is_read_back_as_it_was_written() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("journal.ndjson");
        let journal = Journal::in_file(&path).expect("writable");
        journal.record(Event::Claim(Claim {
            requirement: "OFF-8".into(),
            said: Said::Told {
                exchange: 1,
                kind: "terminal_payment.failed".into(),
                decline_code: Some("offline_auth_declined".into()),
            },
        }));
        journal.record(Event::Webhook(Webhook::default()));
        journal.record(Event::StorageRead(StorageRead::default()));
        journal.record(Event::Endpoint(Endpoint::default()));
        journal.record(Event::Trace(RepeatedTrace::default()));
        journal.flush().expect("whole");
        assert_eq!(read(&path).expect("readable"), journal.entries());
    }

    #[test]
    fn a_line_that_is_no_entry_is_named() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("journal.ndjson");
        std::fs::write(&path, "{}\n").expect("writable");
        assert!(matches!(
            read(&path),
            Err(JournalError::Line { line: 1, .. })
        ));
    }

    #[test]
    fn scenarios_side_by_side_keep_their_entries_apart() {
        let journal = Journal::in_memory();
        let (one, other) = (journal.of_scenario("one"), journal.of_scenario("other"));
        one.record(note("a"));
        other.record(note("b"));
        one.record(note("c"));
        let entries = journal.entries();
        let own = |entry: &Entry| entry.scenario.clone().unwrap_or_default();
        assert_eq!(
            entries.iter().map(own).collect::<Vec<_>>(),
            ["one", "other", "one"]
        );
        assert_eq!(entries[2].seq, 3);
    }

    #[test]
    fn an_entry_belongs_to_the_scenario_that_runs() {
        let journal = Journal::in_memory();
        journal.record(note("before"));
        journal.enter(Some("s"));
        journal.record(note("during"));
        let scenarios: Vec<_> = journal
            .entries()
            .into_iter()
            .map(|entry| entry.scenario)
            .collect();
        assert_eq!(scenarios, [None, Some("s".to_owned())]);
    }
}
