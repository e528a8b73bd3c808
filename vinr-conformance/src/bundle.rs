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
//!
//! Plan, profile, the list of known failures, and a result in which nothing was run are there before anybody is dialled,
//! and the journal is written as it goes: so a run that was killed can be gone on with, see [`Stored::unfinished`].

mod canary;
mod check;
mod signing;
mod statement;
mod stored;
#[cfg(test)]
pub(crate) mod written;

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
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
const RESULT: &str = "result.json";
const PLAN: &str = "plan.json";
const PROFILE: &str = "profile.effective.toml";

/// What is there as soon as a run begins, beside the list of known failures.
const BEGUN: [&str; 4] = [RESULT, PLAN, PROFILE, JOURNAL];

/// What a file is called while it is written. Whoever is killed meanwhile leaves it.
const DRAFT: &str = ".draft-";

/// What a manifest cannot list: itself, and what is made from it.
const UNLISTED: [&str; 4] = [MANIFEST, PARTIAL, STATEMENT, ENVELOPE];

/// Every name that a bundle uses: nothing else in a directory is ever touched.
const NAMES: [&str; 15] = [
    "report.html",
    "summary.md",
    RESULT,
    "junit.xml",
    "ctrf.json",
    PLAN,
    PROFILE,
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
    RESULT,
    "junit.xml",
    "ctrf.json",
    PLAN,
    PROFILE,
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
    /// The run has not come to its end.
    #[error(
        "no manifest: the run that writes this bundle goes on, or was killed, and then `terminal --resume` goes on with it. \
         PARTIAL says: {said}"
    )]
    Unfinished {
        /// What its mark says.
        said: String,
    },
    /// The run was killed before it had begun.
    #[error("there is no {file}: the run was killed before it had begun, so start it again")]
    NotBegun {
        /// What is missing.
        file: &'static str,
    },
    /// Another process writes the bundle.
    #[error("{}: a run that goes on writes this bundle", path.display())]
    Taken {
        /// The directory.
        path: PathBuf,
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
    /// Held until it is dropped, or the process is gone: two runs never write one journal.
    _lock: Option<fs::File>,
}

impl Directory {
    /// Takes a directory for a run: a new or empty one, or that of an earlier bundle, whose files go.
    ///
    /// Anything that is not a bundle is refused and left as it is.
    pub fn claim(path: impl Into<PathBuf>) -> Result<Self, BundleError> {
        let mut directory = Self::at(path);
        let file = |source| in_file(&directory.path, source);
        fs::create_dir_all(&directory.path).map_err(file)?;
        let mut found = Vec::new();
        for entry in fs::read_dir(&directory.path).map_err(file)? {
            let name = entry.map_err(file)?.file_name();
            found.push(name.to_string_lossy().into_owned());
        }
        directory.refuse_foreign(&found)?;
        directory.take()?;
        directory.write(PARTIAL, NOT_AT_ITS_END)?;
        // The manifest first: nothing may pass for a whole bundle meanwhile.
        found.sort_by_key(|name| name != MANIFEST);
        for name in found.iter().filter(|name| *name != PARTIAL) {
            directory.remove(name)?;
        }
        Ok(directory)
    }

    fn at(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            _lock: None,
        }
    }

    /// Refuses a directory that another run writes. A file system without locks refuses nothing.
    fn take(&mut self) -> Result<(), BundleError> {
        let Ok(lock) = fs::File::open(&self.path) else {
            return Ok(());
        };
        match lock.try_lock() {
            Err(fs::TryLockError::WouldBlock) => Err(BundleError::Taken {
                path: self.path.clone(),
            }),
            Ok(()) | Err(fs::TryLockError::Error(_)) => {
                self._lock = Some(lock);
                Ok(())
            }
        }
    }

    fn remove(&self, name: &str) -> Result<(), BundleError> {
        let path = self.path.join(name);
        fs::remove_file(&path).map_err(|source| in_file(&path, source))
    }

    fn refuse_foreign(&self, found: &[String]) -> Result<(), BundleError> {
        let has_mark = found.iter().any(|name| name == MANIFEST || name == PARTIAL);
        let foreign = found
            .iter()
            .find(|name| !has_mark || !(NAMES.contains(&name.as_str()) || name.starts_with(DRAFT)));
        match foreign {
            None => Ok(()),
            Some(name) => Err(BundleError::Foreign {
                path: self.path.clone(),
                found: name.clone(),
            }),
        }
    }

    /// Takes the directory of a run that was interrupted, which goes on: it is a bundle no more until that ends. Its
    /// journal stays, and whatever else is needed to go on once more.
    pub fn reclaim(path: impl Into<PathBuf>) -> Result<Self, BundleError> {
        let mut directory = Self::at(path);
        directory.take()?;
        directory.write(PARTIAL, NOT_AT_ITS_END)?;
        let is_there = |name: &&str| directory.path.join(name).exists();
        let stays = |name: &&str| BEGUN.contains(name) || [KNOWN, PARTIAL].contains(name);
        let mut goes: Vec<_> = NAMES.into_iter().filter(|name| !stays(name)).collect();
        goes.sort_by_key(|name| *name != MANIFEST);
        for name in goes.iter().filter(|name| is_there(name)) {
            directory.remove(name)?;
        }
        for entry in fs::read_dir(&directory.path)
            .into_iter()
            .flatten()
            .flatten()
        {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.starts_with(DRAFT) {
                directory.remove(&name)?;
            }
        }
        Ok(directory)
    }

    /// Writes what it takes to go on with a run that is killed; before anything is driven, so `results` say that nothing
    /// was. The journal follows, entry by entry.
    pub fn begin(&self, contents: &Contents<'_>) -> Result<(), BundleError> {
        let files = [
            (RESULT, Some(json(contents.results))),
            (PLAN, Some(json(contents.plan))),
            (PROFILE, Some(contents.profile.to_owned())),
            (KNOWN, contents.known.map(str::to_owned)),
        ];
        let canary = Canary::new(contents.secrets);
        for (name, text) in files {
            let Some(text) = text else { continue };
            self.refuse_leak(&canary, name, text.as_bytes())?;
            self.write(name, &text)?;
        }
        Ok(())
    }

    fn refuse_leak(
        &self,
        canary: &Canary<'_>,
        file: &'static str,
        bytes: &[u8],
    ) -> Result<(), BundleError> {
        let Some(secret) = canary.find(bytes) else {
            return Ok(());
        };
        let secret = secret.to_owned();
        let error = BundleError::Leak { file, secret };
        self.write(PARTIAL, &format!("{error}.\n"))?;
        Err(error)
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
            fs::read(self.journal()).map_err(|source| in_file(&self.journal(), source))?;
        let all = files
            .iter()
            .map(|(name, text)| (*name, text.as_bytes()))
            .chain([(JOURNAL, journal.as_slice())]);
        let manifest = manifest(all.clone());
        let statement = statement::statement(contents.results, &manifest);
        let canary = Canary::new(contents.secrets);
        for (file, bytes) in all.chain([(STATEMENT, statement.as_bytes())]) {
            self.refuse_leak(&canary, file, bytes)?;
        }
        for (name, text) in &files {
            self.write(name, text)?;
        }
        self.write(STATEMENT, &statement)?;
        if let Some(signer) = contents.signer {
            self.write(ENVELOPE, &signer.envelope(&statement))?;
        }
        let partial = contents.results.run.ending.sentence();
        if let Some(sentence) = &partial {
            self.write(PARTIAL, &format!("{sentence}\n"))?;
        }
        self.write(MANIFEST, &manifest)?;
        if partial.is_none() {
            self.remove(PARTIAL)?;
        }
        Ok(self.path)
    }

    /// Writes a file whole or not at all, also where the power goes meanwhile.
    fn write(&self, name: &str, text: &str) -> Result<(), BundleError> {
        let path = self.path.join(name);
        let unwritable = |source| in_file(&path, source);
        let mut draft = tempfile::Builder::new()
            .prefix(DRAFT)
            .tempfile_in(&self.path)
            .map_err(unwritable)?;
        draft.write_all(text.as_bytes()).map_err(unwritable)?;
        draft.as_file().sync_data().map_err(unwritable)?;
        draft
            .persist(&path)
            .map_err(|error| in_file(&path, error.error))?;
        make_readable(&path).map_err(unwritable)
    }
}

fn in_file(path: &Path, source: std::io::Error) -> BundleError {
    BundleError::File {
        path: path.to_owned(),
        source,
    }
}

/// What the mark says from the first moment of a run on.
const NOT_AT_ITS_END: &str = "This run has not come to its end.\n";

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
    let in_file = |name: &str, source| in_file(&path.join(name), source);
    let altered = |file: &str| BundleError::Altered {
        file: file.to_owned(),
    };
    let read = |name: &str| fs::read(path.join(name)).map_err(|source| in_file(name, source));
    if !path.join(MANIFEST).exists()
        && let Ok(said) = fs::read_to_string(path.join(PARTIAL))
    {
        let said = said.trim().to_owned();
        return Err(BundleError::Unfinished { said });
    }
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
        (RESULT, json(results)),
        ("junit.xml", report::junit::junit(results)),
        ("ctrf.json", json(&report::ctrf::ctrf(results))),
        (PLAN, json(contents.plan)),
        (PROFILE, contents.profile.to_owned()),
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
    fn a_directory_in_which_a_run_goes_on_is_nobody_elses() {
        let folder = tempfile::tempdir().expect("a folder");
        let running = Directory::claim(folder.path()).expect("claimed");
        let taken = |result| matches!(result, Err(BundleError::Taken { .. }));
        assert!(taken(Directory::claim(folder.path())));
        assert!(taken(Directory::reclaim(folder.path())));
        drop(running);
        assert!(Directory::reclaim(folder.path()).is_ok());
    }

    #[test]
    fn what_a_killed_run_was_writing_gives_way() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join(PARTIAL), "").expect("written");
        let draft = folder.path().join(".draft-x7");
        fs::write(&draft, "half a").expect("written");
        drop(Directory::reclaim(folder.path()).expect("ours"));
        assert!(!draft.exists());
        fs::write(&draft, "half a").expect("written");
        Directory::claim(folder.path()).expect("ours");
        assert!(!draft.exists());
    }

    #[test]
    fn a_bundle_without_a_manifest_is_that_of_a_run_that_did_not_end() {
        let folder = tempfile::tempdir().expect("a folder");
        Directory::claim(folder.path()).expect("claimed");
        let error = verify(folder.path()).expect_err("not whole");
        assert!(matches!(&error, BundleError::Unfinished { said } if said.contains("its end")));
        assert!(error.to_string().contains("--resume"), "{error}");
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
