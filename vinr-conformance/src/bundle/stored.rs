//! A bundle that a run left behind, read back.

use std::fs;
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{BundleError, JOURNAL, KNOWN, PARTIAL, verify};
use crate::journal::{self, Entry, JournalError};
use crate::known::KnownFailures;
use crate::plan::Plan;
use crate::profile::Recorded;
use crate::verdict::{Results, SCHEMA};

const RESULT: &str = "result.json";
const PLAN: &str = "plan.json";
const PROFILE: &str = "profile.effective.toml";

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
            entries: journal::read(&path.join(JOURNAL)).map_err(|error| match error {
                JournalError::File { path, source } => BundleError::File { path, source },
                JournalError::Line { .. } => BundleError::Malformed {
                    file: JOURNAL,
                    why: error.to_string(),
                },
            })?,
            is_partial: path.join(PARTIAL).exists(),
            names,
        })
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
