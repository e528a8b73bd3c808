//! `rejudge`, `verify`, `diff` and `badge`: what can be done with a bundle that a run left behind.

use std::path::Path;

use vinr_conformance::bundle::{self, BundleError, Contents, Directory, Stored};
use vinr_conformance::diff::Difference;
use vinr_conformance::verdict::{Results, Suite};
use vinr_conformance::{rejudge, report, run};

use crate::cli::Rejudge;
use crate::{Failure, USAGE};

const ALTERED: u8 = 1;
const OTHERWISE: u8 = 1;
const WORSE: u8 = 1;
const UNKNOWN: u8 = 3;

/// Judges the journal again.
pub(crate) fn rejudge(asked: &Rejudge) -> Result<u8, Failure> {
    let stored = open(&asked.bundle)?;
    let again = rejudge::rejudge(&stored);
    let is_same = again == stored.results;
    let suite = &stored.results.run.suite.version;
    say!(
        "judged by {suite}: {}, gate {}",
        stored.results.verdict,
        stored.results.exit_code()
    );
    say!(
        "judged again by {}: {}, gate {}",
        Suite::this().version,
        again.verdict,
        again.exit_code()
    );
    if is_same {
        say!("the same result, to the last finding");
    } else {
        say!("ANOTHER RESULT");
        tell(&Difference::between(&stored.results, &again));
        differing_findings(&stored.results, &again);
    }
    if let Some(out) = &asked.out {
        write(&asked.bundle, out, &stored, again)?;
        say!("written to {}", out.display());
    }
    Ok(if is_same { 0 } else { OTHERWISE })
}

/// Checks that nothing was altered.
pub(crate) fn verify(path: &Path) -> Result<u8, Failure> {
    let checked = match bundle::check(path) {
        Ok(checked) => checked,
        Err(error) => return refused(path, &error),
    };
    let results = &checked.stored.results;
    if let Some(doubt) = checked.doubt {
        say!("UNKNOWN  {doubt}");
        return Ok(UNKNOWN);
    }
    let partial = results.run.ending.sentence();
    say!(
        "whole: {} files, {} entries in the journal, and judging them again gives the same result",
        checked.stored.names.len(),
        checked.stored.entries.len()
    );
    if let Some(sentence) = partial {
        say!("partial: {sentence}");
    }
    say!("{}", report::sentence::headline(results));
    Ok(0)
}

fn refused(path: &Path, error: &BundleError) -> Result<u8, Failure> {
    if !path.is_dir() {
        let why = format!("{} is not a directory", path.display());
        return Err(Failure::usage(why));
    }
    match error {
        BundleError::Schema { .. } => {
            say!("UNKNOWN  {error}");
            Ok(UNKNOWN)
        }
        error => {
            say!("ALTERED  {error}");
            Ok(ALTERED)
        }
    }
}

/// Shows what changed.
pub(crate) fn diff(old: &Path, new: &Path) -> Result<u8, Failure> {
    let difference = Difference::between(&open(old)?.results, &open(new)?.results);
    if difference.is_empty() {
        say!("nothing changed");
    }
    tell(&difference);
    Ok(if difference.is_worse() { WORSE } else { 0 })
}

/// Draws the verdict.
pub(crate) fn badge(path: &Path, out: Option<&Path>) -> Result<u8, Failure> {
    let picture = report::badge(&open(path)?.results);
    match out {
        None => say!("{}", picture.trim_end()),
        Some(out) => std::fs::write(out, picture)
            .map_err(|error| Failure::fault(format!("{}: {error}", out.display())))?,
    }
    Ok(0)
}

fn open(path: &Path) -> Result<Stored, Failure> {
    Stored::open(path).map_err(|error| Failure {
        code: USAGE,
        sentence: format!("{}: {error}", path.display()),
    })
}

fn tell(difference: &Difference) {
    for sentence in &difference.other {
        say!("  {sentence}");
    }
    for change in &difference.changes {
        let turn = match (change.is_worse(), change.is_better()) {
            (true, _) => "worse",
            (_, true) => "better",
            _ => "other",
        };
        let reasons = report::text::visible(&change.reasons.join(", ")).into_owned();
        say!(
            "{turn:<7} {:<8} {} -> {}  {reasons}",
            change.requirement,
            change.old,
            change.new
        );
    }
}

fn differing_findings(old: &Results, new: &Results) {
    let gone = old
        .findings
        .iter()
        .filter(|one| !new.findings.contains(one));
    let come = new
        .findings
        .iter()
        .filter(|one| !old.findings.contains(one));
    for (sign, finding) in gone.map(|one| ('-', one)).chain(come.map(|one| ('+', one))) {
        let line = format!("{} {}", finding.scenario, finding.reason);
        say!("{sign} {} {}", finding.state, report::text::visible(&line));
    }
}

/// A bundle with the new result beside the same evidence; never in the place of the old one.
fn write(from: &Path, out: &Path, stored: &Stored, results: Results) -> Result<(), Failure> {
    let is_same = |a: &Path, b: &Path| matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b);
    if is_same(from, out) {
        let why =
            "--out is the bundle itself: its result stays what it was, name another directory";
        return Err(Failure::usage(why));
    }
    let mut results = results;
    results.run.suite = Suite::this();
    let directory = Directory::claim(out).map_err(Failure::usage)?;
    std::fs::copy(from.join("journal.ndjson"), directory.journal()).map_err(Failure::fault)?;
    let contents = Contents {
        results: &results,
        plan: &stored.plan,
        profile: &stored.profile_text,
        timeline: &run::story(&stored.entries),
        samples_ns: &run::samples_ns(&stored.entries),
        secrets: &[],
    };
    directory.finish(&contents).map_err(Failure::fault)?;
    Ok(())
}
