//! The directory that a run leaves behind.
//!
//! | File | Holds |
//! |---|---|
//! | `report.html` | the report for people: one file, no network |
//! | `summary.md` | the same in short, for a build's page |
//! | `result.json` | everything, for programs |
//! | `junit.xml` | one test case for each requirement and scenario |
//! | `ctrf.json` | the same in the Common Test Report Format |
//! | `plan.json` | what was run, what was left out and why |
//! | `profile.effective.toml` | what the maker claims, as it took effect |
//! | `known-failures.toml` | what was known to be broken, where such a list was given |
//! | `questions.ndjson` | who was asked to do or see what, and what they answered |
//! | `journal.ndjson` | what was seen, one entry a line: the evidence |
//! | `latency.hgrm` | the latency distribution, for HdrHistogram's plotters |
//! | `MANIFEST.sha256` | the digest of each of these, as `sha256sum --check` reads it |
//! | `statement.json` | an in-toto statement over the manifest |
//! | `statement.dsse.json` | the same, signed, where there is a key |
//!
//! A directory belongs to a run from [`Directory::claim`] on, and holds a file `PARTIAL` until the
//! last byte of a run that came to its end is written. The manifest is written last: without it, or
//! with `PARTIAL`, a bundle is not whole.

mod canary;
mod check;
mod signing;
mod statement;
mod stored;
#[cfg(test)]
pub(crate) mod written;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use crate::journal::{Entry, Event};
use crate::plan::{Plan, sha256};
use crate::verdict::Results;
use crate::{latency, report, run};

use canary::Canary;
pub use canary::Secret;
pub use check::{Checked, check};
pub use signing::{KeyError, PublicKey, Signer};
pub use statement::PREDICATE;
pub use stored::Stored;

const JOURNAL: &str = "journal.ndjson";
const MANIFEST: &str = "MANIFEST.sha256";
const PARTIAL: &str = "PARTIAL";
const STATEMENT: &str = "statement.json";
const ENVELOPE: &str = "statement.dsse.json";
const KNOWN: &str = "known-failures.toml";

/// What a manifest cannot list: itself, and what is made from it.
const UNLISTED: [&str; 4] = [MANIFEST, PARTIAL, STATEMENT, ENVELOPE];

/// Every name that a bundle uses: nothing else in a directory is ever touched.
const NAMES: [&str; 15] = [
    "report.html",
    "summary.md",
    "result.json",
    "junit.xml",
    "ctrf.json",
    "plan.json",
    "profile.effective.toml",
    KNOWN,
    "questions.ndjson",
    "latency.hgrm",
    JOURNAL,
    MANIFEST,
    PARTIAL,
    STATEMENT,
    ENVELOPE,
];

/// What no bundle is without.
const ALWAYS: [&str; 9] = [
    "report.html",
    "summary.md",
    "result.json",
    "junit.xml",
    "ctrf.json",
    "plan.json",
    "profile.effective.toml",
    "questions.ndjson",
    JOURNAL,
];

/// Why there is no whole bundle.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// Something in the directory is not ours.
    #[error(
        "{} is not a bundle of an earlier run: it holds {found}. Name another directory.",
        path.display()
    )]
    Foreign {
        /// The directory.
        path: PathBuf,
        /// What was found in it.
        found: String,
    },
    /// A file cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A secret would stand in the bundle. Its text is not repeated here.
    #[error("a secret ({secret}) leaked into {file}: the bundle is not whole, do not pass it on")]
    Leak {
        /// Which file.
        file: &'static str,
        /// What kind of secret.
        secret: String,
    },
    /// A file is not the one that the manifest names.
    #[error("{file} is not as the run left it")]
    Altered {
        /// Which file.
        file: String,
    },
    /// A file does not follow from the others, whatever the manifest says.
    #[error("{file} is not as the run left it: {why}")]
    Forged {
        /// Which file.
        file: String,
        /// What is wrong with it.
        why: String,
    },
    /// A file cannot be understood.
    #[error("{file} cannot be understood: {why}")]
    Malformed {
        /// Which file.
        file: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// A newer suite wrote the bundle.
    #[error(
        "result.json has the schema {found} and this suite knows {}: use the suite that wrote it, or a newer one",
        crate::verdict::SCHEMA
    )]
    Schema {
        /// The version of its shape.
        found: u64,
    },
}

/// What a bundle is made from, beside the journal that is there already.
#[derive(Debug, Clone)]
pub struct Contents<'a> {
    /// Everything that was found out.
    pub results: &'a Results,
    /// What was run.
    pub plan: &'a Plan,
    /// The effective profile's text.
    pub profile: &'a str,
    /// What was seen: the journal.
    pub entries: &'a [Entry],
    /// The list of known failures, as it was read.
    pub known: Option<&'a str>,
    /// What must not stand in any file.
    pub secrets: &'a [Secret],
    /// Whoever signs it.
    pub signer: Option<&'a Signer>,
}

/// A directory that a run has claimed.
#[derive(Debug)]
pub struct Directory {
    path: PathBuf,
}

impl Directory {
    /// Takes a directory for a run: a new or empty one, or that of an earlier bundle, whose files go.
    ///
    /// Anything that is not a bundle is refused and left as it is.
    pub fn claim(path: impl Into<PathBuf>) -> Result<Self, BundleError> {
        let directory = Self { path: path.into() };
        let file = |source| directory.file(&directory.path, source);
        fs::create_dir_all(&directory.path).map_err(file)?;
        let mut found = Vec::new();
        for entry in fs::read_dir(&directory.path).map_err(file)? {
            let name = entry.map_err(file)?.file_name();
            found.push(name.to_string_lossy().into_owned());
        }
        directory.refuse_foreign(&found)?;
        directory.write(PARTIAL, "This run has not come to its end.\n")?;
        for name in found.iter().filter(|name| *name != PARTIAL) {
            let path = directory.path.join(name);
            fs::remove_file(&path).map_err(|source| directory.file(&path, source))?;
        }
        Ok(directory)
    }

    fn refuse_foreign(&self, found: &[String]) -> Result<(), BundleError> {
        let has_mark = found.iter().any(|name| name == MANIFEST || name == PARTIAL);
        let foreign = found
            .iter()
            .find(|name| !has_mark || !NAMES.contains(&name.as_str()));
        match foreign {
            None => Ok(()),
            Some(name) => Err(BundleError::Foreign {
                path: self.path.clone(),
                found: name.clone(),
            }),
        }
    }

    /// Takes the directory of a run that was interrupted, which goes on: it is a bundle no more until that ends, and
    /// its journal stays.
    pub fn reclaim(path: impl Into<PathBuf>) -> Result<Self, BundleError> {
        let directory = Self { path: path.into() };
        directory.write(PARTIAL, "This run has not come to its end.\n")?;
        for name in NAMES {
            let path = directory.path.join(name);
            if ![JOURNAL, PARTIAL].contains(&name) && path.exists() {
                fs::remove_file(&path).map_err(|source| directory.file(&path, source))?;
            }
        }
        Ok(directory)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the journal is written while the run goes on.
    pub fn journal(&self) -> PathBuf {
        self.path.join(JOURNAL)
    }

    /// Where the page for people will stand.
    pub fn report(&self) -> PathBuf {
        self.path.join("report.html")
    }

    /// Writes everything; the journal must be whole by now.
    ///
    /// A run that did not come to its end leaves a bundle that says so: `PARTIAL` stays. A secret in
    /// any file leaves no manifest.
    pub fn finish(self, contents: &Contents<'_>) -> Result<PathBuf, BundleError> {
        let files = files(contents);
        let journal =
            fs::read(self.journal()).map_err(|source| self.file(&self.journal(), source))?;
        let all = files
            .iter()
            .map(|(name, text)| (*name, text.as_bytes()))
            .chain([(JOURNAL, journal.as_slice())]);
        let manifest = manifest(all.clone());
        let statement = statement::statement(contents.results, &manifest);
        let canary = Canary::new(contents.secrets);
        for (file, bytes) in all.chain([(STATEMENT, statement.as_bytes())]) {
            if let Some(secret) = canary.find(bytes) {
                let error = BundleError::Leak {
                    file,
                    secret: secret.to_owned(),
                };
                self.write(PARTIAL, &format!("{error}.\n"))?;
                return Err(error);
            }
        }
        for (name, text) in &files {
            self.write(name, text)?;
        }
        self.write(STATEMENT, &statement)?;
        if let Some(signer) = contents.signer {
            self.write(ENVELOPE, &signer.envelope(&statement))?;
        }
        match contents.results.run.ending.sentence() {
            Some(sentence) => self.write(PARTIAL, &format!("{sentence}\n"))?,
            None => {
                let path = self.path.join(PARTIAL);
                fs::remove_file(&path).map_err(|source| self.file(&path, source))?;
            }
        }
        self.write(MANIFEST, &manifest)?;
        Ok(self.path)
    }

    /// Writes a file whole or not at all.
    fn write(&self, name: &str, text: &str) -> Result<(), BundleError> {
        let path = self.path.join(name);
        let draft = tempfile::NamedTempFile::new_in(&self.path)
            .map_err(|source| self.file(&path, source))?;
        fs::write(draft.path(), text).map_err(|source| self.file(&path, source))?;
        draft
            .persist(&path)
            .map_err(|error| self.file(&path, error.error))?;
        make_readable(&path).map_err(|source| self.file(&path, source))
    }

    fn file(&self, path: &Path, source: std::io::Error) -> BundleError {
        BundleError::File {
            path: path.to_owned(),
            source,
        }
    }
}

/// As `sha256sum --check` reads it.
fn manifest<'f>(files: impl Iterator<Item = (&'static str, &'f [u8])>) -> String {
    let mut lines: Vec<_> = files.map(|(name, bytes)| (name, sha256(bytes))).collect();
    lines.sort();
    lines
        .iter()
        .fold(String::new(), |mut text, (name, digest)| {
            let _ = writeln!(text, "{digest}  {name}");
            text
        })
}

/// Whether each file of a bundle is as the run left it; the names of the files.
///
/// A manifest lists every file that a bundle cannot be without, and a directory holds nothing that the manifest
/// does not list: a file that was taken away or slipped in is as bad as one that was changed.
pub fn verify(path: &Path) -> Result<Vec<String>, BundleError> {
    let in_file = |name: &str, source| BundleError::File {
        path: path.join(name),
        source,
    };
    let altered = |file: &str| BundleError::Altered {
        file: file.to_owned(),
    };
    let read = |name: &str| fs::read(path.join(name)).map_err(|source| in_file(name, source));
    let manifest = read(MANIFEST)?;
    let manifest = String::from_utf8_lossy(&manifest);
    let mut names = Vec::new();
    for line in manifest.lines() {
        let (digest, name) = line.split_once("  ").ok_or_else(|| altered(MANIFEST))?;
        // A manifest names files of its own directory, whoever wrote it.
        if !NAMES.contains(&name) || UNLISTED.contains(&name) {
            return Err(altered(MANIFEST));
        }
        if sha256(&read(name)?) != digest {
            return Err(altered(name));
        }
        names.push(name.to_owned());
    }
    let is_listed = |name: &str| names.iter().any(|listed| listed == name);
    if ALWAYS.iter().any(|name| !is_listed(name)) {
        return Err(altered(MANIFEST));
    }
    for entry in fs::read_dir(path).map_err(|source| in_file("", source))? {
        let name = entry.map_err(|source| in_file("", source))?.file_name();
        let name = name.to_string_lossy();
        if !UNLISTED.contains(&&*name) && !is_listed(&name) {
            return Err(altered(&name));
        }
    }
    Ok(names)
}

fn files(contents: &Contents<'_>) -> Vec<(&'static str, String)> {
    let results = contents.results;
    let mut files = vec![
        (
            "report.html",
            report::html(results, &run::story(contents.entries), contents.profile),
        ),
        ("summary.md", report::markdown::summary(results)),
        ("result.json", json(results)),
        ("junit.xml", report::junit::junit(results)),
        ("ctrf.json", json(&report::ctrf::ctrf(results))),
        ("plan.json", json(contents.plan)),
        ("profile.effective.toml", contents.profile.to_owned()),
    ];
    files.push(("questions.ndjson", questions(contents.entries)));
    files.extend(contents.known.map(|text| (KNOWN, text.to_owned())));
    let samples_ns = run::samples_ns(contents.entries);
    if !samples_ns.is_empty() {
        files.push(("latency.hgrm", latency::hgrm(&samples_ns)));
    }
    files
}

/// The journal's lines of questions and answers, as they stand there.
fn questions(entries: &[Entry]) -> String {
    let is_one = |entry: &&Entry| matches!(entry.event, Event::Question(_) | Event::Answer(_));
    let lines = entries.iter().filter(is_one);
    lines
        .map(|entry| {
            let line = serde_json::to_string(entry);
            line.expect("an entry is JSON: it was written so before") + "\n"
        })
        .collect()
}

fn json(value: &impl serde::Serialize) -> String {
    let mut text = serde_json::to_string_pretty(value)
        .expect("maps with text keys and plain values are always JSON");
    text.push('\n');
    text
}

/// A draft is made for its owner's eyes only; a report is to be passed on.
#[cfg(unix)]
fn make_readable(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn make_readable(_: &Path) -> std::io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_directory_is_claimed_and_marked_partial() {
        let folder = tempfile::tempdir().expect("a folder");
        let directory = Directory::claim(folder.path().join("a/b")).expect("claimed");
        assert!(directory.path().join(PARTIAL).exists());
    }

    #[test]
    fn a_folder_with_somebodys_file_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("thesis.tex"), "years").expect("written");
        let refused = Directory::claim(folder.path()).expect_err("it is foreign");
        assert!(refused.to_string().contains("thesis.tex"), "{refused}");
        assert!(!folder.path().join(PARTIAL).exists());
    }

    #[test]
    fn a_bundle_with_somebodys_file_is_refused_too() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join(MANIFEST), "").expect("written");
        fs::write(folder.path().join("notes.txt"), "mine").expect("written");
        assert!(Directory::claim(folder.path()).is_err());
    }

    #[test]
    fn a_file_that_only_has_one_of_our_names_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("result.json"), "{}").expect("written");
        assert!(Directory::claim(folder.path()).is_err());
    }

    #[test]
    fn an_earlier_bundle_gives_way() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join(MANIFEST), "").expect("written");
        fs::write(folder.path().join("result.json"), "{}").expect("written");
        let directory = Directory::claim(folder.path()).expect("ours");
        assert!(!directory.path().join("result.json").exists());
        assert!(!directory.path().join(MANIFEST).exists());
    }

    #[test]
    fn a_manifest_that_names_a_file_elsewhere_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join(MANIFEST), "00  ../secret\n").expect("written");
        assert!(matches!(
            verify(folder.path()),
            Err(BundleError::Altered { .. })
        ));
    }
}
