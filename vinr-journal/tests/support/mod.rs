//! A journal of small payments on a simulated disk.

#![allow(dead_code, reason = "each test file uses what it needs")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use vinr_journal::sim::SimDisk;
use vinr_journal::{Facts, Found, Keep, Key, KeyRing, Log, OpenError, Place, Policy, Settings};

/// A record: the `step`th word on a payment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Step {
    pub(crate) id: u32,
    pub(crate) step: u32,
    /// Settled: it may go some day.
    pub(crate) is_final: bool,
    pub(crate) offline: Option<u64>,
    pub(crate) text: String,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Steps;

pub(crate) const RETENTION: Duration = Duration::from_secs(60 * 60);

impl Policy for Steps {
    type Record = Step;

    fn facts(&self, step: &Step) -> Facts {
        Facts {
            key: step.id.to_le_bytes().to_vec(),
            group: reference(step.id).into_bytes(),
            keep: match step.is_final {
                true => Keep::For(RETENTION),
                false => Keep::Always,
            },
            rank: step.offline,
        }
    }
}

/// Two payments share a reference.
pub(crate) fn reference(id: u32) -> String {
    format!("order_{}", id / 2)
}

pub(crate) fn step(id: u32, step: u32) -> Step {
    Step {
        id,
        step,
        is_final: step == 2,
        offline: None,
        text: "x".repeat(20 + (id as usize * 37 + step as usize * 101) % 150),
    }
}

pub(crate) const DATA: &str = "/data";

pub(crate) fn place() -> Place {
    Place {
        dir: DATA.into(),
        name: "journal".into(),
        mark: mark_path(),
    }
}

pub(crate) fn mark_path() -> PathBuf {
    "/keys/mark".into()
}

pub(crate) fn segment(number: u32) -> PathBuf {
    Path::new(DATA).join(format!("journal.{number:08}"))
}

pub(crate) fn key(number: u8) -> Key {
    Key::of_bytes([number; 32])
}

pub(crate) fn ring(number: u8) -> KeyRing {
    KeyRing::of(key(number))
}

/// Small, so that a few records fill a segment, and it grows meanwhile.
pub(crate) const SMALL: Settings = Settings {
    segment: 2048,
    chunk: 512,
};

#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) log: Log<Steps>,
    pub(crate) found: Found,
    pub(crate) records: Vec<Step>,
}

pub(crate) fn open_with(disk: &SimDisk, keys: KeyRing) -> Result<Read, OpenError> {
    open_as(disk, keys, SMALL)
}

pub(crate) fn open_as(
    disk: &SimDisk,
    keys: KeyRing,
    settings: Settings,
) -> Result<Read, OpenError> {
    let mut records = Vec::new();
    let mut each = |record| records.push(record);
    let fresh_id = || "jrn_1".into();
    let disk = Arc::new(disk.clone());
    let (log, found) = Log::open(disk, place(), keys, Steps, settings, fresh_id, &mut each)?;
    Ok(Read {
        log,
        found,
        records,
    })
}

pub(crate) fn open(disk: &SimDisk) -> Result<Read, OpenError> {
    open_with(disk, ring(1))
}

/// The last step of each payment.
pub(crate) fn latest(records: &[Step]) -> std::collections::BTreeMap<u32, Step> {
    records.iter().map(|it| (it.id, it.clone())).collect()
}
