//! A bundle that a run left behind, read back.

use std::fs;
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{BEGUN, BundleError, JOURNAL, KNOWN, PARTIAL, PLAN, PROFILE, RESULT, verify};
use crate::journal::{self, Entry, Event, JournalError, Torn};
use crate::known::KnownFailures;
use crate::plan::Plan;
use crate::profile::Recorded;
use crate::verdict::{Results, SCHEMA};

/// A bundle that a run left behind: each of its files has the digest that the manifest names.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// What the run found out.
    pub results: Results,
    /// What was run.
    pub plan: Plan,
    /// What the maker claimed.
    pub profile: Recorded,
    /// The same as the file has it.
    pub profile_text: String,
    /// What was known to be broken.
    pub known: KnownFailures,
    /// What was seen.
    pub entries: Vec<Entry>,
    /// It is marked as not whole.
    pub is_partial: bool,
    /// The files that the manifest lists.
    pub names: Vec<String>,
}

#[derive(Deserialize)]
struct Shape {
    schema: u64,
}

impl Stored {
    /// Opens a bundle whose manifest holds.
    pub fn open(path: &Path) -> Result<Self, BundleError> {
        let names = verify(path)?;
        let entries = journal::read(&path.join(JOURNAL)).map_err(malformed)?;
        Self::of(path, names, entries)
    }

    /// What a run left that was killed: it has no manifest, but from its beginning all that is needed to go on with it.
    /// Nothing in the directory is changed; the entries end as if somebody had stopped the run in good order.
    pub fn unfinished(path: &Path) -> Result<Self, BundleError> {
        if let Some(name) = BEGUN.iter().find(|name| !path.join(name).exists()) {
            return Err(BundleError::NotBegun { file: name });
        }
        let names = BEGUN.iter().map(|name| (*name).to_owned());
        let has_list = path.join(KNOWN).exists();
        let names = names.chain(has_list.then(|| KNOWN.to_owned())).collect();
        let entries = Torn::read(&path.join(JOURNAL)).map_err(malformed)?.ended();
        let mut stored = Self::of(path, names, entries)?;
        for row in &mut stored.results.scenarios {
            row.duration_ms = lasted_ms(&stored.entries, &row.scenario.id);
        }
        Ok(stored)
    }

    fn of(path: &Path, names: Vec<String>, entries: Vec<Entry>) -> Result<Self, BundleError> {
        let result = text(path, RESULT)?;
        let Shape { schema } = json(RESULT, &result)?;
        if schema != u64::from(SCHEMA) {
            return Err(BundleError::Schema { found: schema });
        }
        let profile_text = text(path, PROFILE)?;
        Ok(Self {
            results: json(RESULT, &result)?,
            plan: json(PLAN, &text(path, PLAN)?)?,
            profile: Recorded::parse(&profile_text)
                .map_err(|why| BundleError::Malformed { file: PROFILE, why })?,
            profile_text,
            known: if names.iter().any(|name| name == KNOWN) {
                let text = text(path, KNOWN)?;
                KnownFailures::parse(&text, KNOWN.as_ref()).map_err(|error| {
                    BundleError::Malformed {
                        file: KNOWN,
                        why: error.to_string(),
                    }
                })?
            } else {
                KnownFailures::default()
            },
            entries,
            is_partial: path.join(PARTIAL).exists(),
            names,
        })
    }
}

/// How long the last try of a scenario took, by the journal's clock; 0 where it has no end.
fn lasted_ms(entries: &[Entry], scenario: &str) -> u64 {
    let mut began = 0;
    let mut lasted = 0;
    let own = |entry: &&Entry| entry.scenario.as_deref() == Some(scenario);
    for entry in entries.iter().filter(own) {
        match entry.event {
            Event::ScenarioBegin { .. } => began = entry.at_ns,
            Event::ScenarioEnd { .. } => lasted = entry.at_ns.saturating_sub(began),
            _ => {}
        }
    }
    lasted / 1_000_000
}

fn malformed(error: JournalError) -> BundleError {
    match error {
        JournalError::File { path, source } => BundleError::File { path, source },
        JournalError::Line { .. } | JournalError::Missing { .. } => BundleError::Malformed {
            file: JOURNAL,
            why: error.to_string(),
        },
    }
}

fn text(path: &Path, name: &str) -> Result<String, BundleError> {
    let path = path.join(name);
    fs::read_to_string(&path).map_err(|source| BundleError::File { path, source })
}

fn json<T: DeserializeOwned>(file: &'static str, text: &str) -> Result<T, BundleError> {
    serde_json::from_str(text).map_err(|error| BundleError::Malformed {
        file,
        why: error.to_string(),
    })
}
