//! A terminal without a thread: the session over the journal, started from a disk.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use vinr_journal::sim::SimDisk;
use vinr_journal::{KeyRing, Log, OpenError, Place};
use vinr_protocol::device::{Model, OfflineLimits};
use vinr_protocol::terminal::{Attempt, Config, Effect, Input, Record, Recovery, Session, Timer};
use vinr_protocol::{Amount, Currency, TerminalId, Timestamp};

use super::design::Design;
use super::script::Script;
use crate::terminal::archive::Stored;
use crate::terminal::record::Attempts;

/// Its parts; none of them outlives a power cut.
pub(super) struct Terminal {
    pub(super) session: Session,
    pub(super) log: Log<Attempts>,
    pub(super) timers: BTreeSet<Timer>,
}

impl Terminal {
    /// Starts from what the disk holds; the effects are to be performed before anything else.
    ///
    /// `torn` is what was being written when the power went: a sound terminal never looks at it.
    pub(super) fn start(
        disk: &SimDisk,
        script: &Script,
        keys: &KeyRing,
        design: Design,
        torn: Option<&Record>,
        now: Timestamp,
    ) -> Result<(Self, Vec<Effect>), OpenError> {
        let mut recovery = Recovery::new(config(script));
        let opened = Log::open(
            design.disk(disk),
            place(),
            keys.clone(),
            Attempts,
            script.settings,
            || "jrn_1".to_owned(),
            &mut |record| recovery.read(record),
        );
        let (log, found) = match opened {
            Err(_) if design == Design::DamageIsEmpty => {
                recovery = Recovery::new(config(script));
                Log::open(
                    Arc::new(SimDisk::default()),
                    place(),
                    keys.clone(),
                    Attempts,
                    script.settings,
                    || "jrn_1".to_owned(),
                    &mut |_| {},
                )?
            }
            opened => opened?,
        };
        if let Some(torn) = torn.filter(|_| found.torn && design == Design::ReadsTornTail) {
            recovery.read(garbled(torn));
        }
        let journal = log.id().parse().expect("the id that was drawn");
        let (session, effects) = recovery.finish(journal, now);
        let terminal = Self {
            session,
            log,
            timers: BTreeSet::new(),
        };
        Ok((terminal, effects))
    }

    pub(super) fn step(&mut self, input: Input) -> Vec<Effect> {
        self.session.step_over(&Stored(&self.log), input)
    }
}

pub(super) fn terminal_id() -> TerminalId {
    "term_CT20_0042".parse().expect("lawful")
}

fn config(script: &Script) -> Config {
    let limit = Amount::new(15_000).expect("lawful");
    Config {
        offline: Some(OfflineLimits {
            limits: [(Currency::USD, limit)].into(),
            max_queued: script.max_queued,
        }),
        ..Config::new(terminal_id(), Model::NexgoCt20, "1.0")
    }
}

pub(super) fn place() -> Place {
    Place {
        dir: PathBuf::from("/data"),
        name: "journal".into(),
        mark: PathBuf::from("/mark/mark"),
    }
}

/// A record whose second half never reached the disk.
fn garbled(record: &Record) -> Record {
    match record {
        Record::Attempt(attempt) => {
            let mut attempt = Attempt::clone(attempt);
            attempt.payment.amount = Amount::MIN;
            Record::Attempt(Arc::new(attempt))
        }
        tombstone @ Record::Tombstone { .. } => tombstone.clone(),
    }
}
