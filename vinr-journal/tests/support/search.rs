//! Cuts the power at every operation of a journal's life, and again while it recovers, and again.
//!
//! A life is appends, segments that fill up, a rotation of keys, compactions with records that are past their time, a
//! clean end and a reopening. After each cut the journal must open, and hold: every acknowledged record, or the later
//! one that took its place; nothing that was never appended; of what was not acknowledged at most the one write that was
//! in flight; and sequences that go on where they were.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use super::support::*;
use vinr_journal::sim::{Bounds, Image, SimDisk};
use vinr_journal::{KeyRing, Log};

/// How far a search goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reach {
    /// How many payments are in the life.
    pub(crate) payments: u32,
    /// Which images are looked at after the first cut.
    pub(crate) first: Bounds,
    /// And after a cut in a recovery.
    pub(crate) again: Bounds,
    /// How many cuts one after the other.
    pub(crate) depth: u32,
    /// One of so many images is cut again at each level; 1 for all.
    pub(crate) every: u64,
}

/// What a search tried.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Tried {
    /// At how many operations the power was cut.
    pub(crate) cuts: u64,
    /// How many images a lawful disk may then hold.
    pub(crate) images: u64,
    /// How many of them differ, or are expected to hold something else: each was opened.
    pub(crate) states: u64,
    /// How many of these at each depth.
    pub(crate) by_depth: Vec<u64>,
    /// How many recoveries found an unfinished write.
    pub(crate) torn: u64,
}

/// What must be there at some instant.
#[derive(Debug, Clone, Default, Hash)]
pub(crate) struct Expected {
    /// Every acknowledged record, in order.
    acked: Vec<Step>,
    /// What is being written.
    in_flight: Vec<Step>,
    /// Which payments are past their time.
    may_go: BTreeSet<u32>,
}

impl Expected {
    /// Says what is wrong with what was read, or which records are acknowledged from here on.
    fn check(&self, read: &Read) -> Result<Vec<Step>, String> {
        let mut left = self.acked.iter().chain(&self.in_flight);
        for record in &read.records {
            if !left.any(|it| it == record) {
                return Err(format!(
                    "{record:?} was never appended, or not in this order"
                ));
            }
        }
        let (found, wanted) = (latest(&read.records), latest(&self.acked));
        let newer = latest(&self.in_flight);
        for (id, wanted) in &wanted {
            let is_right = match found.get(id) {
                Some(it) => it == wanted || Some(it) == newer.get(id),
                None => self.may_go.contains(id),
            };
            if !is_right {
                let found = found.get(id);
                return Err(format!("payment {id}: {wanted:?} is lost, {found:?} found"));
            }
            let key = id.to_le_bytes();
            let looked_up = read.log.get(&key).map_err(|it| it.to_string())?;
            if looked_up.as_ref() != found.get(id) {
                return Err(format!("payment {id}: {looked_up:?} looked up"));
            }
        }
        let (old, new) = (self.acked.len() as u64, self.in_flight.len() as u64);
        let sequence = read.log.stats().sequence;
        let mut acked = self.acked.clone();
        if sequence == old + new {
            acked.extend(self.in_flight.iter().cloned());
        } else if sequence != old {
            return Err(format!(
                "{old} records, {new} in flight, and sequence {sequence}"
            ));
        }
        Ok(acked)
    }
}

/// What happened until when: up to each position, what is expected.
struct Life {
    disk: SimDisk,
    /// From this position on, that is expected.
    expected: BTreeMap<usize, Expected>,
}

impl Life {
    fn now(&mut self, change: impl FnOnce(&mut Expected)) {
        let mut expected = self
            .expected
            .values()
            .next_back()
            .cloned()
            .unwrap_or_default();
        change(&mut expected);
        self.expected.insert(self.disk.position(), expected);
    }

    fn append(&mut self, log: &mut Log<Steps>, records: &[Step]) {
        self.now(|it| it.in_flight = records.to_vec());
        log.append(records).expect("the disk works");
        self.now(|it| it.acked.append(&mut it.in_flight));
    }

    fn at(&self, position: usize) -> &Expected {
        let before = self.expected.range(..=position).next_back();
        before.expect("something is expected from the beginning").1
    }
}

fn both_keys() -> KeyRing {
    ring(2).with_older(key(1))
}

/// Everything a journal does, once.
fn life(payments: u32) -> Life {
    let disk = SimDisk::default();
    let mut life = Life {
        disk: disk.clone(),
        expected: BTreeMap::new(),
    };
    life.now(|_| {});
    let mut log = open(&disk).expect("the disk works").log;
    let third = (payments / 3).max(1);
    let pay = |life: &mut Life, log: &mut Log<Steps>, ids: std::ops::Range<u32>| {
        for id in ids {
            let mut steps: Vec<_> = (0..3).map(|nth| step(id, nth)).collect();
            if id % 3 == 0 {
                steps
                    .iter_mut()
                    .for_each(|it| it.offline = Some(u64::from(id) + 1));
            }
            if id % 4 == 0 {
                life.append(log, &steps);
            } else {
                steps.into_iter().for_each(|it| life.append(log, &[it]));
            }
            log.tidy().expect("the disk works");
        }
    };
    pay(&mut life, &mut log, 0..third);
    log.write_mark().expect("the disk works");
    log.compact().expect("the disk works");
    log.rotate(both_keys());
    log.tidy().expect("the disk works");
    pay(&mut life, &mut log, third..2 * third);
    log.set_powered(RETENTION + Duration::from_secs(120));
    life.now(|it| it.may_go = (0..2 * third).collect());
    log.compact().expect("the disk works");
    drop(log);
    let mut log = open_with(&disk, both_keys()).expect("the disk works").log;
    pay(&mut life, &mut log, 2 * third..payments);
    log.compact().expect("the disk works");
    log.write_mark().expect("the disk works");
    life
}

/// Searches; panics where a promise is broken.
pub(crate) fn search(reach: &Reach) -> Tried {
    let life = life(reach.payments);
    let mut search = Search {
        reach: *reach,
        tried: Tried::default(),
        seen: HashSet::new(),
    };
    search.tried.by_depth.resize(reach.depth as usize, 0);
    search.cut(&life, 0, &mut Vec::new());
    search.tried
}

struct Search {
    reach: Reach,
    tried: Tried,
    seen: HashSet<(u64, u64)>,
}

impl Search {
    /// Cuts the power everywhere in a life.
    fn cut(&mut self, life: &Life, depth: u32, path: &mut Vec<usize>) {
        let bounds = match depth {
            0 => self.reach.first,
            _ => self.reach.again,
        };
        self.tried.cuts += life.disk.position() as u64 + 1;
        let disk = life.disk.clone();
        disk.crashes(0, &bounds, &mut |position, image| {
            path.push(position);
            self.recover(image, life.at(position), depth, path);
            path.pop();
        });
    }

    fn recover(&mut self, image: Image, expected: &Expected, depth: u32, path: &mut Vec<usize>) {
        self.tried.images += 1;
        let mut hasher = DefaultHasher::new();
        expected.hash(&mut hasher);
        let fingerprint = image.fingerprint();
        if !self.seen.insert((fingerprint, hasher.finish())) {
            return;
        }
        self.tried.states += 1;
        self.tried.by_depth[depth as usize] += 1;
        let disk = SimDisk::of(image);
        let mut next = Life {
            disk: disk.clone(),
            expected: BTreeMap::from([(0, expected.clone())]),
        };
        let read = open_with(&disk, both_keys())
            .unwrap_or_else(|error| panic!("cut at {path:?}: it does not open: {error}"));
        let acked = expected
            .check(&read)
            .unwrap_or_else(|why| panic!("cut at {path:?}: {why}"));
        self.tried.torn += u64::from(read.found.torn);
        let may_go = expected.may_go.clone();
        // What an opening shows stays.
        next.now(|it| {
            *it = Expected {
                acked,
                in_flight: Vec::new(),
                may_go,
            }
        });
        if depth + 1 >= self.reach.depth || !fingerprint.is_multiple_of(self.reach.every) {
            return;
        }
        let mut log = read.log;
        next.append(&mut log, &[step(1000 + depth, 0)]);
        log.tidy().expect("the disk works");
        self.cut(&next, depth + 1, path);
    }
}
