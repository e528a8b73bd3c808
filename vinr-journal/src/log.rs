//! The journal without a thread: every call does what it does before it returns. The [`Journal`](crate::Journal) is
//! this with a writer of its own; a simulation that cuts the power at every step drives this.

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crate::core::{Core, Segment};
use crate::disk::{self, Access, DiskFile};
use crate::error::{CompactError, ReadError, StorageFailed, is_full};
use crate::frame::{self, Scope};
use crate::header::{HEADER, Header, Kind};
use crate::index::At;
use crate::key::{KeyId, KeyRing};
use crate::mark::MarkFile;
use crate::pages::Pages;
use crate::policy::{Facts, Policy};
use crate::seal::Sealer;

/// An open journal. The first failed write is its last.
#[derive(Debug)]
pub struct Log<P> {
    pub(crate) core: Arc<Core<P>>,
    pub(crate) active: Active,
    pub(crate) mark: MarkFile,
    pub(crate) next_sequence: u64,
    pub(crate) meter: Meter,
    pub(crate) space: Space,
    /// What ended it.
    pub(crate) failure: Option<io::Error>,
}

/// The segment that is written.
#[derive(Debug)]
pub(crate) struct Active {
    pub(crate) file: Arc<dyn DiskFile>,
    pub(crate) scope: Arc<Scope>,
    pub(crate) number: u32,
    /// Where the next frame goes.
    pub(crate) end: u64,
    /// How long the file is; zeros from `end` on.
    pub(crate) length: u64,
}

/// Time with the power on, whatever the clock says.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Meter {
    /// As far as the disk knew when the journal was opened.
    pub(crate) before: u32,
    /// Since then.
    pub(crate) since: Duration,
}

impl Meter {
    pub(crate) fn minutes(self) -> u32 {
        let since = u32::try_from(self.since.as_secs() / 60).unwrap_or(u32::MAX);
        self.before.saturating_add(since)
    }
}

/// Is there room for more?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Space {
    /// Yes.
    Enough,
    /// The disk is full. A chunk or less is left, for the records of what was begun: begin nothing new.
    Low,
}

/// What a journal is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stats {
    /// How many files.
    pub segments: usize,
    /// How many records stand in them.
    pub records: u64,
    /// How many of them no later record has taken the place of.
    pub latest: usize,
    /// How many bytes the frames take.
    pub bytes: u64,
    /// How many bytes of memory the index takes.
    pub index_bytes: usize,
    /// The sequence of the last durable record.
    pub sequence: u64,
}

impl<P: Policy> Log<P> {
    /// The id that was drawn when the journal was made.
    pub fn id(&self) -> &str {
        &self.core.journal
    }

    /// Makes records durable, all or none of them; they are one write and cost one sync. Of more than 32, or 256 KiB,
    /// none is written.
    pub fn append(&mut self, records: &[P::Record]) -> Result<(), StorageFailed> {
        let prepared: Result<Vec<_>, _> = records
            .iter()
            .map(|record| prepare(&self.core.policy, record))
            .collect();
        self.append_prepared(&prepared?)
    }

    pub(crate) fn append_prepared(&mut self, records: &[Prepared]) -> Result<(), StorageFailed> {
        let text = frame::text_length(records.iter().map(|record| &record.json[..]));
        let is_too_much = text > frame::MAX_TEXT || records.len() > frame::MAX_RECORDS;
        if self.failure.is_some() || is_too_much {
            return Err(StorageFailed);
        }
        if records.is_empty() {
            return Ok(());
        }
        // [REC-21] Nothing is known about what the disk holds, and a second sync would succeed without having written.
        self.write(records)
            .map_err(|error| self.end(error, "a record could not be made durable"))
    }

    /// The first error is the last.
    fn end(&mut self, error: io::Error, what: &str) -> StorageFailed {
        tracing::error!(journal = %self.core.place.name, %error, "{what}");
        self.failure = Some(error);
        StorageFailed
    }

    /// What ended it; `None` where it goes on, and only a record was too long.
    pub fn failure(&self) -> Option<&io::Error> {
        self.failure.as_ref()
    }

    fn write(&mut self, records: &[Prepared]) -> io::Result<()> {
        let minutes = self.meter.minutes();
        let numbered: Vec<(u64, &[u8])> = (self.next_sequence..)
            .zip(records.iter().map(|record| &record.json[..]))
            .collect();
        let epoch = self.mark.mark.epoch;
        let frame = self.active.scope.encode(epoch, minutes, &numbered);
        let frame = frame.map_err(io::Error::other)?;
        let end = self.active.end + frame.len() as u64;
        if end > self.active.length {
            self.grow_to(end)?;
        }
        self.active.file.write_at(&frame, self.active.end)?;
        self.active.file.sync_data()?;

        let (number, begin) = (self.active.number, self.active.end as usize);
        self.active.end = end;
        self.next_sequence += records.len() as u64;
        let mut state = self.core.state();
        for (nth, record) in records.iter().enumerate() {
            let at = At::new(number, begin, nth).ok_or(ErrorKind::FileTooLarge)?;
            state.add(&record.facts, at, minutes);
        }
        if let Some(segment) = state.segments.get_mut(&number) {
            (segment.end, segment.last) = (end, self.next_sequence - 1);
        }
        Ok(())
    }

    /// Does what can be done ahead of need, while nobody waits: makes room, and begins the next segment. A full disk
    /// is no error here, and is tried again by the next call.
    pub fn tidy(&mut self) -> Result<Space, StorageFailed> {
        if self.failure.is_some() {
            return Err(StorageFailed);
        }
        let current = self.core.state().keys.current().id();
        let is_other_key = self.active.scope.sealer().key_id() != current;
        let begun = self.begin_next(is_other_key);
        let space = self.judge(begun)?;
        let made = self.make_room();
        let space = match self.judge(made)? {
            Space::Low => Space::Low,
            Space::Enough => space,
        };
        if space != self.space {
            self.space = space;
            match space {
                Space::Low => {
                    tracing::error!(journal = %self.core.place.name, "the disk is full: nothing new may be begun")
                }
                Space::Enough => {
                    tracing::info!(journal = %self.core.place.name, "the disk has room again")
                }
            }
        }
        Ok(space)
    }

    /// What was done ahead of need may fail for want of room, and for nothing else.
    fn judge(&mut self, done: io::Result<()>) -> Result<Space, StorageFailed> {
        match done {
            Ok(()) => Ok(Space::Enough),
            Err(error) if is_full(&error) => Ok(Space::Low),
            Err(error) => Err(self.end(error, "the journal can grow no more")),
        }
    }

    fn grow_to(&mut self, end: u64) -> io::Result<()> {
        let chunk = self.core.settings.chunk.max(1);
        Self::grow(&mut self.active, end.next_multiple_of(chunk))
    }

    /// Adds zeros, durably: then the length and the blocks of the file do not change with a record, and one
    /// `fdatasync` writes data alone. \[LAT-1\]
    fn grow(active: &mut Active, length: u64) -> io::Result<()> {
        write_zeros(&*active.file, active.length, length)?;
        active.file.sync_all()?;
        active.length = length;
        Ok(())
    }

    /// Keeps two chunks ready: when the disk is full, one at least is left for what is live.
    fn make_room(&mut self) -> io::Result<()> {
        let chunk = self.core.settings.chunk;
        while self.active.length - self.active.end < 2 * chunk {
            let longer = self.active.length + chunk;
            Self::grow(&mut self.active, longer)?;
        }
        Ok(())
    }

    /// Begins the next segment where this one is long enough. All that was appended is durable, in the one before.
    fn begin_next(&mut self, is_other_key: bool) -> io::Result<()> {
        if self.active.end < self.core.settings.segment && !is_other_key {
            return Ok(());
        }
        let (number, sequence) = (self.active.number + 1, self.next_sequence - 1);
        let (file, scope) = make_segment(&self.core, number, self.next_sequence)?;
        self.active = Active {
            file,
            scope,
            number,
            end: HEADER as u64,
            length: initial_length(self.core.settings.chunk),
        };
        self.mark.write(|mark| {
            mark.segment = number;
            if sequence > mark.sequence {
                (mark.sequence, mark.sequence_epoch) = (sequence, mark.epoch);
            }
        })
    }

    /// Raises the mark to what is durable, if it is lower.
    pub fn write_mark(&mut self) -> Result<(), StorageFailed> {
        let (sequence, minutes) = (self.next_sequence - 1, self.meter.minutes());
        if self.failure.is_some() {
            return Err(StorageFailed);
        }
        if !self.is_unmarked() {
            return Ok(());
        }
        let written = self.mark.write(|mark| {
            (mark.sequence, mark.sequence_epoch) = (sequence, mark.epoch);
            mark.minutes = minutes;
        });
        written.map_err(|error| self.end(error, "the mark cannot be written"))
    }

    /// Was anything appended since the mark was written?
    pub fn is_unmarked(&self) -> bool {
        self.next_sequence - 1 > self.mark.mark.sequence
    }

    /// How long the power has been on since the journal was opened, by a clock that nobody sets.
    pub fn set_powered(&mut self, since_opening: Duration) {
        self.meter.since = since_opening;
    }

    /// Encrypts with these keys from the next [`tidy`](Self::tidy) on. What an older key encrypted is read with it
    /// until it was [compacted](Self::compact), so it must be among them.
    pub fn rotate(&mut self, keys: KeyRing) {
        self.core.state().keys = keys;
    }

    /// Rewrites the segments that hold what may go, what an older key encrypted, or little.
    pub fn compact(&self) -> Result<(), CompactError> {
        self.core
            .compact(self.meter.minutes(), &AtomicBool::new(false))
    }

    /// How many closed segments a [`compact`](Self::compact) would make shorter by much.
    pub fn untidy_segments(&self) -> usize {
        self.core.untidy_segments(self.meter.minutes())
    }

    /// Which keys encrypted what there is.
    pub fn keys_in_use(&self) -> Vec<KeyId> {
        self.core.keys_in_use()
    }

    /// The latest record of a key.
    pub fn get(&self, key: &[u8]) -> Result<Option<P::Record>, ReadError> {
        self.core.get(key)
    }

    /// The latest records of a group, in the order in which they were written.
    pub fn of_group(&self, group: &[u8]) -> Result<Vec<P::Record>, ReadError> {
        self.core.of_group(group)
    }

    /// The latest record of every key, some at a time.
    pub fn pages(&self) -> Pages<P> {
        Pages::over(self.core.clone())
    }

    /// What it is made of.
    pub fn stats(&self) -> Stats {
        self.core.stats()
    }

    /// Is there room for more, as far as is known?
    pub fn space(&self) -> Space {
        self.space
    }
}

/// A record, ready to be written.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) json: Vec<u8>,
    pub(crate) facts: Facts,
}

pub(crate) fn prepare<P: Policy>(
    policy: &P,
    record: &P::Record,
) -> Result<Prepared, StorageFailed> {
    let json = serde_json::to_vec(record).map_err(|_| StorageFailed)?;
    if json.is_empty() || json.len() > frame::MAX_RECORD {
        return Err(StorageFailed);
    }
    let facts = policy.facts(record);
    Ok(Prepared { json, facts })
}

impl<P: Policy> Core<P> {
    pub(crate) fn stats(&self) -> Stats {
        let state = self.state();
        let segments = state.segments.values();
        Stats {
            segments: state.segments.len(),
            records: segments.clone().map(|it| it.records).sum(),
            latest: state.index.len(),
            bytes: segments.clone().map(|it| it.end).sum(),
            index_bytes: state.index.bytes(),
            sequence: segments.map(|it| it.last).max().unwrap_or(0),
        }
    }

    pub(crate) fn keys_in_use(&self) -> Vec<KeyId> {
        let state = self.state();
        let mut keys: Vec<_> = state.segments.values().map(Segment::key).collect();
        keys.sort();
        keys.dedup();
        keys
    }
}

/// How long a segment is made.
pub(crate) fn initial_length(chunk: u64) -> u64 {
    (HEADER as u64 + 2 * chunk).next_multiple_of(chunk.max(1))
}

/// Makes the file of a segment that is to be written, and adds it to those that there are.
pub(crate) fn make_segment<P: Policy>(
    core: &Core<P>,
    number: u32,
    first: u64,
) -> io::Result<(Arc<dyn DiskFile>, Arc<Scope>)> {
    let sealer = Sealer::new(core.state().keys.current());
    let header = Header {
        journal: core.journal.clone(),
        key: sealer.key_id(),
        number,
        from: number,
        first,
        made: initial_length(core.settings.chunk),
        kind: Kind::Log,
    };
    let mut content = header.encode(&sealer).map_err(io::Error::other)?;
    content.resize(
        usize::try_from(header.made).map_err(|_| ErrorKind::FileTooLarge)?,
        0,
    );
    let path = core.place.segment(number);
    disk::install(&*core.disk, &path, &content)?;
    let file = core.disk.open(&path, Access::Write)?;
    let scope = Arc::new(Scope::new(sealer, &core.journal, number));
    let segment = Segment {
        file: file.clone(),
        scope: scope.clone(),
        from: number,
        first,
        last: first - 1,
        end: HEADER as u64,
        records: 0,
        live: 0,
        expires: None,
    };
    core.state().segments.insert(number, segment);
    Ok((file, scope))
}

pub(crate) fn write_zeros(file: &dyn DiskFile, from: u64, to: u64) -> io::Result<()> {
    let zeros = [0; 64 * 1024];
    let mut at = from;
    while at < to {
        let piece = (to - at).min(zeros.len() as u64);
        file.write_at(&zeros[..piece as usize], at)?;
        at += piece;
    }
    Ok(())
}
