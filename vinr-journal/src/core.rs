//! What the writer, the readers and the compactor share: which segments there are, and where each record lies.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::disk::{Disk, DiskFile};
use crate::error::ReadError;
use crate::frame::{self, Frame, Scope};
use crate::index::{At, Index, KeyHash};
use crate::key::{KeyId, KeyRing};
use crate::policy::{Facts, Keep, Policy};

/// Where a journal is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The directory of its segments.
    pub dir: PathBuf,
    /// What their names begin with; `journal` gives `journal.00000001`.
    pub name: String,
    /// The mark: a small file apart from them, beside the key.
    pub mark: PathBuf,
}

/// How a journal uses its disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// A segment of this many bytes is closed, and the next begun; 128 MiB at most.
    pub segment: u64,
    /// A segment grows by this many bytes. Two of these are kept ready, so that one at least is left for what is live
    /// when the disk is full. 16 MiB at most.
    pub chunk: u64,
}

/// No segment is longer, whatever the settings: so much memory is asked for at most to read one.
pub(crate) const LONGEST: usize = 256 * 1024 * 1024;
const MAX_SEGMENT: u64 = 128 * 1024 * 1024;
const MAX_CHUNK: u64 = 16 * 1024 * 1024;

impl Default for Settings {
    fn default() -> Self {
        Self {
            segment: 16 * 1024 * 1024,
            chunk: 128 * 1024,
        }
    }
}

#[derive(Debug)]
pub(crate) struct Core<P> {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) place: Place,
    pub(crate) settings: Settings,
    pub(crate) policy: P,
    pub(crate) journal: String,
    state: Mutex<State>,
}

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) keys: KeyRing,
    pub(crate) index: Index,
    /// By number; the last is the one that is written.
    pub(crate) segments: BTreeMap<u32, Segment>,
    /// The record of the highest rank.
    pub(crate) top: Option<(u64, KeyHash)>,
}

/// A segment, as far as it is kept in memory.
#[derive(Debug, Clone)]
pub(crate) struct Segment {
    pub(crate) file: Arc<dyn DiskFile>,
    pub(crate) scope: Arc<Scope>,
    pub(crate) from: u32,
    pub(crate) first: u64,
    pub(crate) last: u64,
    /// Where its last frame ends.
    pub(crate) end: u64,
    pub(crate) records: u64,
    /// How many of them no later record has taken the place of.
    pub(crate) live: u64,
    /// When the first of them may go, in minutes with the power on.
    pub(crate) expires: Option<u32>,
}

impl Segment {
    pub(crate) fn key(&self) -> KeyId {
        self.scope.sealer().key_id()
    }
}

impl Place {
    /// The file of a segment.
    pub fn segment(&self, number: u32) -> PathBuf {
        self.dir.join(format!("{}.{number:08}", self.name))
    }

    /// Which segment a file of this name is.
    pub(crate) fn number(&self, name: &str) -> Option<u32> {
        let number = name.strip_prefix(&self.name)?.strip_prefix('.')?;
        let read: u32 = number.parse().ok()?;
        // Each segment has one name: `journal.000000001` is somebody's copy.
        (format!("{read:08}") == number).then_some(read)
    }
}

impl State {
    pub(crate) fn new(keys: KeyRing) -> Self {
        Self {
            keys,
            index: Index::default(),
            segments: BTreeMap::new(),
            top: None,
        }
    }

    /// A record stands durably at a place.
    pub(crate) fn add(&mut self, facts: &Facts, at: At, minutes: u32) {
        let key = self.index.hash(&facts.key);
        let before = self.index.put(key, &facts.group, at);
        if let Some(before) = before.and_then(|it| self.segments.get_mut(&it.segment)) {
            before.live = before.live.saturating_sub(1);
        }
        if let Some(segment) = self.segments.get_mut(&at.segment) {
            segment.records += 1;
            segment.live += 1;
            segment.expires = earlier(segment.expires, expiry(facts.keep, minutes));
        }
        let is_higher = |rank: u64| self.top.is_none_or(|(top, _)| rank >= top);
        if let Some(rank) = facts.rank.filter(|rank| is_higher(*rank)) {
            self.top = Some((rank, key));
        }
    }
}

/// From which minute on a record may go.
pub(crate) fn expiry(keep: Keep, minutes: u32) -> Option<u32> {
    match keep {
        Keep::Always => None,
        Keep::Gone => Some(minutes),
        // The minute in which it was written counts from its end.
        Keep::For(time) => u32::try_from(time.as_secs().div_ceil(60) + 1)
            .ok()
            .and_then(|time| minutes.checked_add(time)),
    }
}

pub(crate) fn earlier(one: Option<u32>, other: Option<u32>) -> Option<u32> {
    one.into_iter().chain(other).min()
}

impl<P: Policy> Core<P> {
    pub(crate) fn new(
        disk: Arc<dyn Disk>,
        place: Place,
        settings: Settings,
        policy: P,
        journal: String,
        state: State,
    ) -> Self {
        Self {
            disk,
            place,
            settings: Settings {
                segment: settings.segment.min(MAX_SEGMENT),
                chunk: settings.chunk.min(MAX_CHUNK),
            },
            policy,
            journal,
            state: Mutex::new(state),
        }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The latest record of a key.
    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<P::Record>, ReadError> {
        let (at, found) = {
            let state = self.state();
            let Some(at) = state.index.get(state.index.hash(key)) else {
                return Ok(None);
            };
            (at, state.segments.get(&at.segment).cloned())
        };
        let (_, record) = read_record::<P>(found, at)?;
        Ok(Some(record).filter(|record| self.policy.facts(record).key == key))
    }

    /// The latest records of a group, in the order in which they were written.
    pub(crate) fn of_group(&self, group: &[u8]) -> Result<Vec<P::Record>, ReadError> {
        let places: Vec<_> = {
            let state = self.state();
            let found = state.index.of_group(group).into_iter();
            found
                .map(|at| (at, state.segments.get(&at.segment).cloned()))
                .collect()
        };
        let mut records = Vec::new();
        for (at, segment) in places {
            let (sequence, record) = read_record::<P>(segment, at)?;
            if self.policy.facts(&record).group == group {
                records.push((sequence, record));
            }
        }
        records.sort_by_key(|(sequence, _)| *sequence);
        Ok(records.into_iter().map(|(_, record)| record).collect())
    }

    /// The latest records of the keys at some places of the index.
    pub(crate) fn between(&self, from: usize, to: usize) -> Result<Vec<P::Record>, ReadError> {
        // A compaction may move them meanwhile; the files that they are in now stay open.
        let places: Vec<_> = {
            let state = self.state();
            let found = state.index.between(from, to).into_iter();
            found
                .map(|at| (at, state.segments.get(&at.segment).cloned()))
                .collect()
        };
        let read = |(at, segment)| Ok(read_record::<P>(segment, at)?.1);
        places.into_iter().map(read).collect()
    }
}

/// How much is read at once: most frames are shorter.
const FIRST_READ: usize = 2048;

fn read_record<P: Policy>(segment: Option<Segment>, at: At) -> Result<(u64, P::Record), ReadError> {
    let frame = read_frame(segment, at)?;
    let found = frame.records().nth(at.nth());
    let (sequence, record) = found.ok_or_else(|| ReadError("its frame is another".into()))?;
    Ok((sequence, decode::<P>(record)?))
}

fn read_frame(segment: Option<Segment>, at: At) -> Result<Frame, ReadError> {
    let segment = segment.ok_or_else(|| ReadError("its segment is gone".into()))?;
    let io = |error: std::io::Error| ReadError(error.to_string());
    let mut bytes = vec![0; FIRST_READ];
    let read = segment.file.read_at(&mut bytes, at.offset());
    bytes.truncate(read.map_err(io)?);
    let size = frame::head(&bytes).map_or(0, |head| frame::size(head.length));
    if size > bytes.len() {
        bytes.resize(size, 0);
        let read = segment.file.read_at(&mut bytes, at.offset());
        bytes.truncate(read.map_err(io)?);
    }
    let frame = segment.scope.read(&bytes);
    frame.map_err(|why| ReadError(format!("segment {} at {}: {why}", at.segment, at.offset())))
}

pub(crate) fn decode<P: Policy>(record: &[u8]) -> Result<P::Record, ReadError> {
    serde_json::from_slice(record)
        .map_err(|error| ReadError(format!("a record is not one of this version: {error}")))
}
