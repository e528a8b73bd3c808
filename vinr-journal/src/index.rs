//! Where the latest record of each key lies: hashes in memory, records on the disk.
//!
//! An entry takes 24 bytes and two slots of hash tables, of about 5 bytes each: 35 to 47 bytes a record in all. Keys
//! are told apart by 96 bits of a hash that is drawn anew in every process, so that nobody can choose two that meet:
//! among a million records two do by chance once in 10¹⁷.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry as Slot;

use crate::frame::{ALIGN, MAX_RECORDS};

/// Where a record is. Frames begin at multiples of 32: the low bits of an offset are free for which record of the
/// frame it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct At {
    pub(crate) segment: u32,
    spot: u32,
}

impl At {
    /// The `nth` record of the frame at `offset`; `None` where a segment has no such place.
    pub(crate) fn new(segment: u32, offset: usize, nth: usize) -> Option<Self> {
        let is_right = offset.is_multiple_of(ALIGN) && nth < MAX_RECORDS;
        let spot = u32::try_from(offset + nth).ok().filter(|_| is_right)?;
        Some(Self { segment, spot })
    }

    /// Where its frame begins.
    pub(crate) fn offset(self) -> u64 {
        u64::from(self.spot) / ALIGN as u64 * ALIGN as u64
    }

    /// Which record of the frame it is.
    pub(crate) fn nth(self) -> usize {
        self.spot as usize % ALIGN
    }
}

/// A key, as the index knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct KeyHash([u32; 3]);

/// The index.
#[derive(Debug, Default)]
pub(crate) struct Index {
    hashers: [RandomState; 2],
    entries: Vec<Entry>,
    /// Which entries are unused.
    free: Vec<u32>,
    by_key: HashTable<u32>,
    by_group: HashTable<u32>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    key: KeyHash,
    group: u32,
    at: At,
}

impl Index {
    /// How many keys it knows.
    pub(crate) fn len(&self) -> usize {
        self.by_key.len()
    }

    /// How many bytes it takes.
    pub(crate) fn bytes(&self) -> usize {
        self.entries.capacity() * size_of::<Entry>()
            + self.free.capacity() * size_of::<u32>()
            + self.by_key.allocation_size()
            + self.by_group.allocation_size()
    }

    pub(crate) fn hash(&self, key: &[u8]) -> KeyHash {
        let [first, second] = self.hashers.each_ref().map(|hasher| hasher.hash_one(key));
        KeyHash([low(first), high(first), low(second)])
    }

    /// The latest record of a key is here now; gives the place of the one before.
    pub(crate) fn put(&mut self, key: KeyHash, group: &[u8], at: At) -> Option<At> {
        let entries = &mut self.entries;
        let slot = self.by_key.entry(
            wide(key),
            |it| entries[*it as usize].key == key,
            |it| wide(entries[*it as usize].key),
        );
        match slot {
            Slot::Occupied(slot) => {
                let entry = &mut entries[*slot.get() as usize];
                Some(std::mem::replace(&mut entry.at, at))
            }
            Slot::Vacant(slot) => {
                let group = low(self.hashers[0].hash_one(group));
                let entry = Entry { key, group, at };
                let it = self.free.pop().unwrap_or(u32::MAX);
                let it = match entries.get_mut(it as usize) {
                    Some(unused) => {
                        *unused = entry;
                        it
                    }
                    None => push(entries, entry),
                };
                slot.insert(it);
                let hash = |it: &u32| spread(entries[*it as usize].group);
                self.by_group.insert_unique(spread(group), it, hash);
                None
            }
        }
    }

    /// Where the latest record of a key is.
    pub(crate) fn get(&self, key: KeyHash) -> Option<At> {
        let is_it = |it: &u32| self.entries[*it as usize].key == key;
        let it = self.by_key.find(wide(key), is_it)?;
        Some(self.entries[*it as usize].at)
    }

    /// The record of a key has moved; false where a later one took its place meanwhile.
    pub(crate) fn move_to(&mut self, key: KeyHash, from: At, to: At) -> bool {
        let is_it = |it: &u32| self.entries[*it as usize].key == key;
        let Some(it) = self.by_key.find(wide(key), is_it).copied() else {
            return false;
        };
        let entry = &mut self.entries[it as usize];
        let is_there = entry.at == from;
        if is_there {
            entry.at = to;
        }
        is_there
    }

    /// Forgets a key, if its latest record is still here.
    pub(crate) fn remove(&mut self, key: KeyHash, from: At) -> bool {
        let entries = &self.entries;
        let is_it = |it: &u32| entries[*it as usize].key == key && entries[*it as usize].at == from;
        let Ok(slot) = self.by_key.find_entry(wide(key), is_it) else {
            return false;
        };
        let (it, _) = slot.remove();
        let group = spread(entries[it as usize].group);
        if let Ok(slot) = self.by_group.find_entry(group, |other| *other == it) {
            slot.remove();
        }
        self.free.push(it);
        true
    }

    /// How many places for keys there are, used and unused: one of a later number holds, as a rule, a later key.
    pub(crate) fn places(&self) -> usize {
        self.entries.len()
    }

    /// Where the latest records of the keys at these places are.
    pub(crate) fn between(&self, from: usize, to: usize) -> Vec<At> {
        let to = to.min(self.entries.len());
        let places = (from..to).filter_map(|it| Some((u32::try_from(it).ok()?, self.entries[it])));
        places
            .filter(|(it, entry)| {
                let in_use = self.by_key.find(wide(entry.key), |other| other == it);
                in_use.is_some()
            })
            .map(|(_, entry)| entry.at)
            .collect()
    }

    /// Where the latest records of a group may be. Groups whose hashes meet come along.
    pub(crate) fn of_group(&self, group: &[u8]) -> Vec<At> {
        let group = low(self.hashers[0].hash_one(group));
        let all = self.by_group.iter_hash(spread(group));
        let all = all.map(|it| self.entries[*it as usize]);
        all.filter(|entry| entry.group == group)
            .map(|entry| entry.at)
            .collect()
    }
}

/// Adds an entry; grows by an eighth, where a vector would double.
fn push(entries: &mut Vec<Entry>, entry: Entry) -> u32 {
    if entries.len() == entries.capacity() {
        entries.reserve_exact(entries.len() / 8 + 64);
    }
    let it = u32::try_from(entries.len()).expect("so many records do not fit into memory");
    entries.push(entry);
    it
}

fn low(hash: u64) -> u32 {
    hash as u32
}

fn high(hash: u64) -> u32 {
    (hash >> 32) as u32
}

fn wide(KeyHash([first, second, _]): KeyHash) -> u64 {
    u64::from(first) | u64::from(second) << 32
}

/// A table wants all 64 bits of a hash to differ.
fn spread(group: u32) -> u64 {
    u64::from(group).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
