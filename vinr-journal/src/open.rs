//! Opening a journal: what is there is read and checked in full before one byte is written.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::core::{Core, LONGEST, Place, Segment, Settings, State, decode};
use crate::disk::{self, Access, Disk, DiskFile};
use crate::error::OpenError;
use crate::frame::{self, Frame, Scope, Tail};
use crate::header::{self, HEADER, Header, Kind, NoHeader};
use crate::index::At;
use crate::key::KeyRing;
use crate::log::{Active, Log, Meter, Space, make_segment, write_zeros};
use crate::mark::{self, Mark, MarkFile};
use crate::policy::Policy;
use crate::seal::Sealer;

/// What was found when a journal was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// How many records were read.
    pub records: u64,
    /// Was the remains of a write dropped that a power cut broke off? It had never been acknowledged.
    pub torn: bool,
}

impl<P: Policy> Log<P> {
    /// Opens a journal, or makes it under a fresh id where neither it nor its mark exists. `each` is given every
    /// record in the order in which they were appended, superseded ones included as far as they are still there;
    /// where an error comes in the end, what it was given counts for nothing.
    pub fn open(
        disk: Arc<dyn Disk>,
        place: Place,
        keys: KeyRing,
        policy: P,
        settings: Settings,
        fresh_id: impl FnOnce() -> String,
        each: &mut dyn FnMut(P::Record),
    ) -> Result<(Self, Found), OpenError> {
        let survey = Survey::of(&*disk, &place)?;
        let mark = open_mark(&*disk, &place, &survey, fresh_id)?;
        let journal = mark.mark.journal.clone();
        let core = Core::new(disk, place, settings, policy, journal, State::new(keys));
        if survey.segments.is_empty() {
            return Self::make(core, mark);
        }
        let access = Access::Write;
        let read = read_all(&core, &survey, &mark.mark, access, each)?;
        Self::resume(core, mark, &survey, read)
    }

    /// Makes the first segment.
    fn make(core: Core<P>, mut mark: MarkFile) -> Result<(Self, Found), OpenError> {
        let path = core.place.segment(1);
        let create = |source| OpenError::Create {
            path: path.clone(),
            source,
        };
        let (file, scope) = make_segment(&core, 1, 1).map_err(create)?;
        mark.write(|mark| (mark.epoch, mark.segment) = (1, 1))
            .map_err(create)?;
        let log = Self {
            active: Active {
                file,
                scope,
                number: 1,
                end: HEADER as u64,
                length: crate::log::initial_length(core.settings.chunk),
            },
            core: Arc::new(core),
            mark,
            next_sequence: 1,
            meter: Meter::default(),
            space: Space::Enough,
            failure: None,
        };
        let found = Found {
            records: 0,
            torn: false,
        };
        Ok((log, found))
    }

    /// What was read is sound; it is made ready to be written to.
    fn resume(
        core: Core<P>,
        mut mark: MarkFile,
        survey: &Survey,
        read: Read,
    ) -> Result<(Self, Found), OpenError> {
        let number = read.last.number;
        let path = core.place.segment(number);
        let io = |source| OpenError::Io {
            path: path.clone(),
            source,
        };
        let segment = core.state().segments.get(&number).cloned();
        let Segment { file, scope, .. } =
            segment.ok_or_else(|| OpenError::Missing(path.clone()))?;
        let Last { bytes, end, .. } = &read.last;
        if read.last.tail == Tail::Torn {
            clear(&*file, *end as u64, bytes.len() as u64).map_err(io)?;
        }
        // What the last process wrote and could not sync is in the cache of the system, which shows it and takes it
        // for written: it is written anew (Rebello et al., "Can Applications Recover from fsync Failures?", USENIX ATC
        // 2020). All but the last write had been synced before that, and what the mark knows is not touched.
        let since = read.last.since_mark.unwrap_or(*end);
        file.write_at(&bytes[since..*end], since as u64)
            .and_then(|()| file.sync_all())
            .map_err(io)?;
        // A name that the last process gave may be in the cache alone, too.
        core.disk.sync_dir(&core.place.dir).map_err(io)?;
        clear_leftovers(&core, survey).map_err(io)?;

        let (sequence, sequence_epoch) = (read.sequence, read.sequence_epoch);
        mark.write(|mark| {
            mark.epoch += 1;
            mark.segment = number;
            (mark.sequence, mark.sequence_epoch) = (sequence, sequence_epoch);
            mark.minutes = read.minutes;
        })
        .map_err(|source| OpenError::Io {
            path: core.place.mark.clone(),
            source,
        })?;
        let found = Found {
            records: read.records,
            torn: read.last.tail == Tail::Torn,
        };
        let mut log = Self {
            active: Active {
                file,
                scope,
                number,
                end: *end as u64,
                length: bytes.len() as u64,
            },
            core: Arc::new(core),
            mark,
            next_sequence: sequence + 1,
            meter: Meter {
                before: read.minutes,
                since: std::time::Duration::ZERO,
            },
            space: Space::Enough,
            failure: None,
        };
        // A disk that is full is said by `space`, one that is broken by the first append.
        let _ = log.tidy();
        Ok((log, found))
    }
}

/// Reads a journal that this process does not write, and while nobody does: its records, in the order in which they
/// were appended.
pub fn read<P: Policy>(
    disk: Arc<dyn Disk>,
    place: Place,
    keys: KeyRing,
    policy: P,
    each: &mut dyn FnMut(P::Record),
) -> Result<Found, OpenError> {
    let survey = Survey::of(&*disk, &place)?;
    let bad = |why| OpenError::Mark {
        path: place.mark.clone(),
        why,
    };
    let mark = match mark::read(&*disk, &place.mark) {
        Ok(mark) => mark.ok_or_else(|| bad("is damaged"))?,
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(bad("is gone")),
        Err(source) => return Err(at(&place.mark, source)),
    };
    if survey.segments.is_empty() {
        return Err(OpenError::Missing(place.segment(mark.segment.max(1))));
    }
    let (journal, settings) = (mark.journal.clone(), Settings::default());
    let core = Core::new(disk, place, settings, policy, journal, State::new(keys));
    let read = read_all(&core, &survey, &mark, Access::Read, each)?;
    Ok(Found {
        records: read.records,
        torn: read.last.tail == Tail::Torn,
    })
}

/// Is there a journal, or what was left of one?
pub fn exists(disk: &dyn Disk, place: &Place) -> Result<bool, OpenError> {
    let has_segments = match disk.list(&place.dir) {
        Ok(names) => names.iter().any(|name| place.number(name).is_some()),
        Err(error) if error.kind() == ErrorKind::NotFound => false,
        Err(source) => return Err(at(&place.dir, source)),
    };
    // A mark whose epoch is zero is all that a boot left which made no journal yet.
    let has_mark = match mark::read(disk, &place.mark) {
        Ok(Some(mark)) => mark.epoch > 0,
        Ok(None) => true,
        Err(error) if error.kind() == ErrorKind::NotFound => false,
        Err(source) => return Err(at(&place.mark, source)),
    };
    Ok(has_segments || has_mark)
}

/// The keys of a file. It is made where it is missing and no journal exists: where one does, a fresh key could not
/// read it.
pub fn keys_of_file(disk: &dyn Disk, place: &Place, path: &Path) -> Result<KeyRing, OpenError> {
    match KeyRing::read(path) {
        Err(source @ crate::KeyError::Missing(_)) => match exists(disk, place)? {
            true => Err(OpenError::KeyLost { source }),
            false => Ok(KeyRing::create(path)?),
        },
        read => Ok(read?),
    }
}

/// Which files there are.
struct Survey {
    /// In the order of their numbers.
    segments: Vec<Header>,
    /// What an interrupted boot, growth or compaction left: none of it counts.
    leftovers: Vec<PathBuf>,
}

impl Survey {
    fn of(disk: &dyn Disk, place: &Place) -> Result<Self, OpenError> {
        let mut numbers = Vec::new();
        let mut leftovers = Vec::new();
        for name in disk
            .list(&place.dir)
            .map_err(|source| at(&place.dir, source))?
        {
            let unfinished = name.strip_suffix(disk::UNFINISHED);
            if unfinished.and_then(|name| place.number(name)).is_some() {
                leftovers.push(place.dir.join(&name));
            }
            numbers.extend(place.number(&name));
        }
        numbers.sort_unstable();
        let mut segments: Vec<Header> = Vec::new();
        for number in numbers {
            let path = place.segment(number);
            let header = read_header(disk, &path)?;
            if header.number != number || header.from > number {
                return Err(damaged(&path, "it is another segment under this name"));
            }
            // A cut came after several were compacted into the last of them, and before they were removed.
            while let Some(before) = segments.pop_if(|before| before.number >= header.from) {
                leftovers.push(place.segment(before.number));
            }
            segments.push(header);
        }
        Ok(Self {
            segments,
            leftovers,
        })
    }
}

fn read_header(disk: &dyn Disk, path: &Path) -> Result<Header, OpenError> {
    let mut bytes = [0; HEADER];
    let read = disk
        .open(path, Access::Read)
        .and_then(|file| file.read_at(&mut bytes, 0));
    let read = read.map_err(|source| at(path, source))?;
    Header::read(&bytes[..read]).map_err(|why| match why {
        NoHeader::Damaged => damaged(path, "its header does not read"),
        NoHeader::AnotherFile => damaged(path, "it is another kind of file"),
        NoHeader::AnotherVersion(version) => OpenError::AnotherVersion {
            path: path.to_owned(),
            version,
        },
    })
}

fn open_mark(
    disk: &dyn Disk,
    place: &Place,
    survey: &Survey,
    fresh_id: impl FnOnce() -> String,
) -> Result<MarkFile, OpenError> {
    let bad = |why| OpenError::Mark {
        path: place.mark.clone(),
        why,
    };
    let mark = match MarkFile::open(disk, &place.mark) {
        Ok(mark) => mark.ok_or_else(|| bad("is damaged"))?,
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(at(&place.mark, error)),
        Err(_) if !survey.segments.is_empty() => return Err(bad("is gone")),
        // Before the first segment: where a segment is, its mark is.
        Err(_) => MarkFile::create(disk, &place.mark, &fresh_id()).map_err(|source| {
            OpenError::Create {
                path: place.mark.clone(),
                source,
            }
        })?,
    };
    // It is under a checksum, not under a key: whoever can write it can write any number.
    if mark.mark.epoch == u32::MAX || mark.mark.written == u64::MAX {
        return Err(bad("can count no further"));
    }
    if survey.segments.is_empty() {
        if mark.mark.epoch > 0 {
            let gone = place.segment(mark.mark.segment.max(1));
            return Err(OpenError::Missing(gone));
        }
        // The boot that made it may have ended before its name was safe, and a segment must never be without it.
        disk.sync_dir(disk::parent(&place.mark))
            .map_err(|source| at(&place.mark, source))?;
    }
    Ok(mark)
}

/// What all segments held.
struct Read {
    records: u64,
    sequence: u64,
    sequence_epoch: u32,
    minutes: u32,
    last: Last,
}

/// The segment that is written.
struct Last {
    number: u32,
    bytes: Vec<u8>,
    end: usize,
    tail: Tail,
    /// Where the first frame begins that the mark does not know.
    since_mark: Option<usize>,
}

fn read_all<P: Policy>(
    core: &Core<P>,
    survey: &Survey,
    mark: &Mark,
    access: Access,
    each: &mut dyn FnMut(P::Record),
) -> Result<Read, OpenError> {
    let place = &core.place;
    let mut read = Read {
        records: 0,
        sequence: 0,
        sequence_epoch: mark.sequence_epoch,
        minutes: mark.minutes,
        last: Last {
            number: 0,
            bytes: Vec::new(),
            end: 0,
            tail: Tail::Clean,
            since_mark: None,
        },
    };
    let mut next = 1;
    for header in &survey.segments {
        if header.from != next {
            return Err(OpenError::Missing(place.segment(next)));
        }
        next = header.number.saturating_add(1);
    }
    let after = survey.segments.iter().skip(1).map(Some).chain([None]);
    for (header, next) in survey.segments.iter().zip(after) {
        let path = place.segment(header.number);
        if header.journal != mark.journal {
            return Err(OpenError::Foreign {
                path,
                found: header.journal.clone(),
                expected: mark.journal.clone(),
            });
        }
        if header.first != read.sequence + 1 {
            return Err(damaged(&path, "records before it are missing"));
        }
        read_segment(core, header, next, mark, access, &mut read, each)?;
    }
    let last = place.segment(read.last.number);
    if mark.segment > read.last.number {
        return Err(OpenError::Missing(place.segment(mark.segment)));
    }
    if read.sequence < mark.sequence {
        return Err(match read.last.tail {
            Tail::Torn => damaged(&last, "a record that was durable does not read"),
            Tail::Clean => rolled_back(
                place,
                format!(
                    "the mark knows {} records, the files {}",
                    mark.sequence, read.sequence
                ),
            ),
        });
    }
    Ok(read)
}

fn read_segment<P: Policy>(
    core: &Core<P>,
    header: &Header,
    next: Option<&Header>,
    mark: &Mark,
    access: Access,
    read: &mut Read,
    each: &mut dyn FnMut(P::Record),
) -> Result<(), OpenError> {
    let number = header.number;
    let path = core.place.segment(number);
    let wrong = |why: &str| damaged(&path, why);
    let file = core.disk.open(&path, access);
    let file: Arc<dyn DiskFile> = file.map_err(|source| at(&path, source))?;
    let bytes = disk::read_whole(&*file, LONGEST).map_err(|source| match source.kind() {
        ErrorKind::FileTooLarge => wrong("it is longer than any segment"),
        _ => at(&path, source),
    })?;
    let sealer = core.state().keys.get(header.key).map(Sealer::new);
    let sealer = sealer.ok_or_else(|| OpenError::WrongKey {
        path: path.clone(),
        key: header.key,
    })?;
    if !header::is_sealed_by(&bytes, &sealer) {
        return Err(wrong("its header was changed"));
    }
    if (bytes.len() as u64) < header.made {
        return Err(wrong("it is shorter than it was made"));
    }
    let scope = Arc::new(Scope::new(sealer, &mark.journal, number));
    let segment = Segment {
        file,
        scope: scope.clone(),
        from: header.from,
        first: header.first,
        last: header.first - 1,
        end: HEADER as u64,
        records: 0,
        live: 0,
        expires: None,
    };
    core.state().segments.insert(number, segment);

    let mut since_mark = None;
    let mut visit = |offset: usize, frame: &Frame| -> Result<(), OpenError> {
        let (epoch, minutes) = (frame.head.epoch, frame.head.minutes);
        if epoch > mark.epoch {
            return Err(OpenError::Mark {
                path: core.place.mark.clone(),
                why: "is older than the journal: it was put back",
            });
        }
        for (nth, (sequence, record)) in frame.records().enumerate() {
            let at = At::new(number, offset, nth).ok_or_else(|| wrong("it is too long"))?;
            if sequence == mark.sequence && epoch != mark.sequence_epoch {
                let why = format!("its record {sequence} is not the one that the mark knows");
                return Err(rolled_back(&core.place, why));
            }
            let record = decode::<P>(record).map_err(|error| wrong(&error.0))?;
            core.state().add(&core.policy.facts(&record), at, minutes);
            read.records += 1;
            each(record);
        }
        if frame.last_sequence() > mark.sequence {
            read.sequence_epoch = epoch;
            since_mark.get_or_insert(offset);
        }
        read.minutes = read.minutes.max(minutes);
        Ok(())
    };
    let scanned = match header.kind {
        Kind::Log => scan_log(&bytes, header.first, &scope, &mut visit),
        Kind::Compacted { last, frames } => {
            scan_compacted(&bytes, header, (last, frames), &scope, &mut visit)
        }
    };
    let scanned = scanned.map_err(|stop| match stop {
        Stop::Damage { at, why } => wrong(&format!("{why} at byte {at}")),
        Stop::Refused(error) => error,
    })?;
    match (next, header.kind) {
        (Some(next), _) if scanned.tail == Tail::Torn || next.first != scanned.last + 1 => {
            return Err(wrong("its last records are missing"));
        }
        // The last is the one that was written, never one that was compacted.
        (None, Kind::Compacted { .. }) => {
            return Err(OpenError::Missing(core.place.segment(number + 1)));
        }
        _ => {}
    }
    if let Some(segment) = core.state().segments.get_mut(&number) {
        (segment.last, segment.end) = (scanned.last, scanned.end as u64);
    }
    read.sequence = scanned.last;
    read.last = Last {
        number,
        bytes,
        end: scanned.end,
        tail: scanned.tail,
        since_mark,
    };
    Ok(())
}

/// What the frames of a segment came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Scanned {
    pub(crate) last: u64,
    pub(crate) end: usize,
    pub(crate) tail: Tail,
}

/// Why the frames of a segment were not read to the end.
#[derive(Debug)]
pub(crate) enum Stop<E> {
    Damage { at: usize, why: &'static str },
    Refused(E),
}

/// Reads a segment as it was written: no sequence is missing, and its last write may be unfinished.
pub(crate) fn scan_log<E>(
    bytes: &[u8],
    first: u64,
    scope: &Scope,
    visit: &mut dyn FnMut(usize, &Frame) -> Result<(), E>,
) -> Result<Scanned, Stop<E>> {
    let (mut at, mut next) = (HEADER, first);
    let tail = loop {
        let frame = match scope.read(&bytes[at..]) {
            Ok(frame) => frame,
            Err(why) => match frame::tail(&bytes[at..], at) {
                Some(tail) => break tail,
                None => return Err(Stop::Damage { at, why }),
            },
        };
        if !frame
            .records()
            .map(|(sequence, _)| sequence)
            .eq(next..=frame.last_sequence())
        {
            let why = "a record is missing or out of sequence";
            return Err(Stop::Damage { at, why });
        }
        visit(at, &frame).map_err(Stop::Refused)?;
        next = frame.last_sequence() + 1;
        at += frame.size();
    };
    Ok(Scanned {
        last: next - 1,
        end: at,
        tail,
    })
}

/// Reads a segment that was compacted: it was made whole, and nothing of it may be missing.
fn scan_compacted<E>(
    bytes: &[u8],
    header: &Header,
    (last, frames): (u64, u32),
    scope: &Scope,
    visit: &mut dyn FnMut(usize, &Frame) -> Result<(), E>,
) -> Result<Scanned, Stop<E>> {
    let (mut at, mut next, mut left) = (HEADER, header.first, frames);
    while left > 0 {
        let frame = scope
            .read(bytes.get(at..).unwrap_or_default())
            .map_err(|why| Stop::Damage { at, why })?;
        if frame.head.sequence < next || frame.last_sequence() > last {
            let why = "a record is out of sequence";
            return Err(Stop::Damage { at, why });
        }
        visit(at, &frame).map_err(Stop::Refused)?;
        next = frame.last_sequence() + 1;
        at += frame.size();
        left -= 1;
    }
    if at != bytes.len() || bytes.len() as u64 != header.made {
        let why = "there is more than was written";
        return Err(Stop::Damage { at, why });
    }
    let tail = Tail::Clean;
    Ok(Scanned {
        last,
        end: at,
        tail,
    })
}

/// Clears the remains of an unfinished write, so that what a cut leaves of them still reads as unfinished: first what
/// follows the header, then the header.
fn clear(file: &dyn DiskFile, from: u64, to: u64) -> std::io::Result<()> {
    let text = (from + frame::HEADER as u64).min(to);
    write_zeros(file, text, to)?;
    file.sync_data()?;
    write_zeros(file, from, text)?;
    file.sync_data()
}

fn clear_leftovers<P: Policy>(core: &Core<P>, survey: &Survey) -> std::io::Result<()> {
    for path in &survey.leftovers {
        match core.disk.remove(path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    match survey.leftovers.is_empty() {
        true => Ok(()),
        false => core.disk.sync_dir(&core.place.dir),
    }
}

fn damaged(path: &Path, why: &str) -> OpenError {
    OpenError::Damaged {
        path: path.to_owned(),
        why: why.to_owned(),
    }
}

fn rolled_back(place: &Place, why: String) -> OpenError {
    let dir = place.dir.clone();
    OpenError::RolledBack { dir, why }
}

fn at(path: &Path, source: std::io::Error) -> OpenError {
    OpenError::Io {
        path: path.to_owned(),
        source,
    }
}
