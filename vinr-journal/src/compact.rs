//! Compaction: segments are rewritten without what may go, while others are read and written.
//!
//! ```text
//! write the new file beside the old ones, in pieces, each synced
//! rename it over the last of them, sync the directory     from here on it takes the place of all of them
//! remove the others, sync the directory                   an opening that finds them removes them
//! ```
//!
//! A power cut at any step leaves the old files or the new one. A pass goes from the oldest segment to the newest, and
//! ends at the first that it cannot rewrite: the last record of a key goes only when those that it had superseded are
//! gone, or an old state would come back for the latest.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::core::{Core, LONGEST, Segment, decode, earlier, expiry};
use crate::disk::{self, Access};
use crate::error::CompactError;
use crate::frame::{Frame, Scope};
use crate::header::{HEADER, Header, Kind};
use crate::index::{At, KeyHash};
use crate::policy::Policy;
use crate::seal::Sealer;

/// So much is synced at once: whoever makes a record durable meanwhile waits for this much at most.
const PIECE: usize = 256 * 1024;

/// A file that takes the place of others.
struct Rewritten {
    number: u32,
    scope: Scope,
    bytes: Vec<u8>,
    frames: u32,
    records: u64,
    expires: Option<u32>,
    moved: Vec<Moved>,
}

/// A latest record that has a new place, or none.
struct Moved {
    key: KeyHash,
    from: At,
    to: Option<At>,
}

impl<P: Policy> Core<P> {
    /// One pass. It stops where it is told to.
    pub(crate) fn compact(&self, minutes: u32, stop: &AtomicBool) -> Result<(), CompactError> {
        let Some(active) = self.state().segments.keys().next_back().copied() else {
            return Ok(());
        };
        let mut done = 0;
        while let Some(run) = self.next_run(done, active, minutes) {
            let Some(last) = run.last() else { break };
            done = last.0;
            match self.rewrite(&run, minutes, stop)? {
                Some(rewritten) => self.put_in_place(&run, rewritten)?,
                None => break,
            }
        }
        Ok(())
    }

    /// How many closed segments hold something that may go, or an older key.
    pub(crate) fn untidy_segments(&self, minutes: u32) -> usize {
        let state = self.state();
        let current = state.keys.current().id();
        let closed = state.segments.values().rev().skip(1);
        closed
            .filter(|it| {
                it.key() != current || it.has_expired(minutes) || 4 * it.live < 3 * it.records
            })
            .count()
    }

    /// The next neighbours that are worth rewriting: as many as fit into one segment.
    fn next_run(&self, after: u32, before: u32, minutes: u32) -> Option<Vec<(u32, Segment)>> {
        let state = self.state();
        let current = state.keys.current().id();
        let mut run: Vec<(u32, Segment)> = Vec::new();
        let (mut bytes, mut is_worth_it) = (0, false);
        for (number, segment) in state.segments.range(after + 1..before) {
            let left = segment.end * segment.live.max(1) / segment.records.max(1);
            if bytes + left > self.settings.segment && !run.is_empty() {
                if is_worth_it || run.len() > 1 {
                    break;
                }
                (bytes, run) = (0, Vec::new());
            }
            bytes += left;
            is_worth_it |= segment.live < segment.records
                || segment.has_expired(minutes)
                || segment.key() != current;
            run.push((*number, segment.clone()));
        }
        (is_worth_it || run.len() > 1).then_some(run)
    }

    /// What is left of these segments; `None` where it was told to stop.
    fn rewrite(
        &self,
        run: &[(u32, Segment)],
        minutes: u32,
        stop: &AtomicBool,
    ) -> Result<Option<Rewritten>, CompactError> {
        let ((_, oldest), (number, newest)) = match run {
            [first, .., last] => (first, last),
            [only] => (only, only),
            [] => return Ok(None),
        };
        let sealer = Sealer::new(self.state().keys.current());
        let key = sealer.key_id();
        let mut new = Rewritten {
            number: *number,
            scope: Scope::new(sealer, &self.journal, *number),
            bytes: vec![0; HEADER],
            frames: 0,
            records: 0,
            expires: None,
            moved: Vec::new(),
        };
        for (number, segment) in run {
            let file = disk::read_whole(&*segment.file, LONGEST).map_err(|it| stopped(&it))?;
            let mut at = HEADER;
            while (at as u64) < segment.end {
                if stop.load(Ordering::Relaxed) {
                    return Ok(None);
                }
                let frame = segment.scope.read(file.get(at..).unwrap_or_default());
                let frame = frame
                    .map_err(|why| CompactError(format!("segment {number} at byte {at}: {why}")))?;
                self.rewrite_frame(&frame, (*number, at), minutes, &mut new)?;
                at += frame.size();
            }
        }
        let header = Header {
            journal: self.journal.clone(),
            key,
            number: *number,
            from: oldest.from,
            first: oldest.first,
            made: new.bytes.len() as u64,
            kind: Kind::Compacted {
                last: newest.last,
                frames: new.frames,
            },
        };
        let header = header
            .encode(new.scope.sealer())
            .map_err(|it| stopped(&it))?;
        new.bytes[..HEADER].copy_from_slice(&header);
        Ok(Some(new))
    }

    fn rewrite_frame(
        &self,
        frame: &Frame,
        (segment, offset): (u32, usize),
        minutes: u32,
        new: &mut Rewritten,
    ) -> Result<(), CompactError> {
        let written = frame.head.minutes;
        let place = |segment, offset, nth| {
            At::new(segment, offset, nth)
                .ok_or_else(|| CompactError("a segment is too long".into()))
        };
        let mut kept: Vec<(u64, &[u8])> = Vec::new();
        for (nth, (sequence, record)) in frame.records().enumerate() {
            let record_of_caller = decode::<P>(record).map_err(|it| stopped(&it))?;
            let facts = self.policy.facts(&record_of_caller);
            let from = place(segment, offset, nth)?;
            let state = self.state();
            let key = state.index.hash(&facts.key);
            if state.index.get(key) != Some(from) {
                continue; // A later record took its place.
            }
            // The highest rank stays, whatever its age. §4.6
            let is_highest = state.top.is_some_and(|(_, top)| top == key);
            let may_go = expiry(facts.keep, written).filter(|_| !is_highest);
            let stays = may_go.is_none_or(|it| it > minutes);
            let to = match stays {
                true => Some(place(new.number, new.bytes.len(), kept.len())?),
                false => None,
            };
            if stays {
                new.expires = earlier(new.expires, may_go);
                kept.push((sequence, record));
            }
            new.moved.push(Moved { key, from, to });
        }
        if !kept.is_empty() {
            let sealed = new.scope.encode(frame.head.epoch, written, &kept);
            new.bytes.extend(sealed.map_err(|it| stopped(&it))?);
            new.frames += 1;
            new.records += kept.len() as u64;
        }
        Ok(())
    }

    /// Makes the new file durable under the name of the last of the old ones; then memory follows, then the others go.
    fn put_in_place(&self, run: &[(u32, Segment)], new: Rewritten) -> Result<(), CompactError> {
        let (Some((_, oldest)), Some((number, newest))) = (run.first(), run.last()) else {
            return Ok(());
        };
        let path = self.place.segment(*number);
        disk::install_in_pieces(&*self.disk, &path, &new.bytes, PIECE)
            .map_err(|it| stopped(&it))?;
        let file = self.disk.open(&path, Access::Read);
        let file = file.map_err(|it| stopped(&it))?;

        let mut state = self.state();
        let segment = Segment {
            file,
            scope: Arc::new(new.scope),
            from: oldest.from,
            first: oldest.first,
            last: newest.last,
            end: new.bytes.len() as u64,
            records: new.records,
            live: 0,
            expires: new.expires,
        };
        let mut live = 0;
        for Moved { key, from, to } in &new.moved {
            match to {
                Some(to) => live += u64::from(state.index.move_to(*key, *from, *to)),
                None => drop(state.index.remove(*key, *from)),
            }
        }
        for (number, _) in run {
            state.segments.remove(number);
        }
        state.segments.insert(*number, Segment { live, ..segment });
        drop(state);

        let others = &run[..run.len() - 1];
        for (number, _) in others {
            let removed = self.disk.remove(&self.place.segment(*number));
            removed.map_err(|it| stopped(&it))?;
        }
        match others.is_empty() {
            true => Ok(()),
            false => self
                .disk
                .sync_dir(&self.place.dir)
                .map_err(|it| stopped(&it)),
        }
    }
}

impl Segment {
    fn has_expired(&self, minutes: u32) -> bool {
        self.expires.is_some_and(|it| it <= minutes)
    }
}

fn stopped(why: &dyn std::fmt::Display) -> CompactError {
    CompactError(why.to_string())
}
