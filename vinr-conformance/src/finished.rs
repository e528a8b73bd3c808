//! `rejudge`, `verify`, `diff` and `badge`: what can be done with a bundle that a run left behind.

use std::path::{Path, PathBuf};

use anstream::eprintln;
use serde_json::json;
use vinr_conformance::bundle::{self, BundleError, Contents, Directory, PublicKey, Signer, Stored};
use vinr_conformance::diff::Difference;
use vinr_conformance::merge::Gaps;
use vinr_conformance::verdict::{Results, Suite};
use vinr_conformance::{journal, merge, rejudge, report, run};

use crate::cli::Rejudge;
use crate::style::Style;
use crate::{Failure, USAGE};

const ALTERED: u8 = 1;
const OTHERWISE: u8 = 1;
const WORSE: u8 = 1;
const UNKNOWN: u8 = 3;

/// Judges the journal again.
pub(crate) fn rejudge(asked: &Rejudge, style: Style) -> Result<u8, Failure> {
    let stored = open(&asked.bundle)?;
    let again = rejudge::rejudge(&stored);
    let is_same = again == stored.results;
    match style {
        Style::Json => say!(
            "{:#}",
            json!({
                "same": is_same,
                "before": { "suite": stored.results.run.suite, "verdict": stored.results.verdict, "gate": stored.results.gate },
                "now": { "suite": Suite::this(), "verdict": again.verdict, "gate": again.gate },
            })
        ),
        Style::Words | Style::Quiet => judged_twice(&stored.results, &again),
    }
    if let Some(out) = &asked.out {
        write(&asked.bundle, out, &stored, again)?;
        if style == Style::Words {
            say!("written to {}", out.display());
        }
    }
    Ok(if is_same { 0 } else { OTHERWISE })
}

fn judged_twice(before: &Results, again: &Results) {
    let suite = &before.run.suite.version;
    say!(
        "judged by {suite}: {}, gate {}",
        before.verdict,
        before.exit_code()
    );
    say!(
        "judged again by {}: {}, gate {}",
        Suite::this().version,
        again.verdict,
        again.exit_code()
    );
    if again == before {
        say!("the same result, to the last finding");
    } else {
        say!("ANOTHER RESULT");
        tell(&Difference::between(before, again));
        differing_findings(before, again);
    }
}

/// Joins the bundles of shards.
pub(crate) fn merge(
    bundles: &[PathBuf],
    out: &Path,
    gaps: Gaps,
    sign_key: Option<&Path>,
    style: Style,
) -> Result<u8, Failure> {
    let signer = sign_key
        .map(Signer::read)
        .transpose()
        .map_err(Failure::usage)?;
    let mut shards = Vec::new();
    for path in bundles {
        if same_place(path, out) {
            let why = format!(
                "--out is {}, a bundle that is merged: name another directory",
                path.display()
            );
            return Err(Failure::usage(why));
        }
        let checked = bundle::check(path, None)
            .map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
        if let Some(doubt) = checked.doubt {
            return Err(Failure::usage(format!("{}: {doubt}", path.display())));
        }
        shards.push(checked.stored);
    }
    let absent = merge::absent(&shards);
    let merged = merge::merge(shards, gaps).map_err(|error| {
        let given = (1..).zip(bundles);
        let given = given.map(|(number, path)| format!("\n  bundle {number}: {}", path.display()));
        Failure::usage(format!("{error}{}", given.collect::<String>()))
    })?;
    if !absent.is_empty() && style == Style::Words {
        eprintln!("{}: what they had is not run", merge::missing(&absent));
    }
    let directory = Directory::claim(out).map_err(Failure::usage)?;
    journal::write(&directory.journal(), &merged.entries).map_err(Failure::fault)?;
    let secrets: Vec<_> = signer
        .iter()
        .filter_map(Signer::secret)
        .chain(run::cards())
        .collect();
    let contents = Contents {
        results: &merged.results,
        plan: &merged.plan,
        profile: &merged.profile_text,
        entries: &merged.entries,
        known: merged.known.text(),
        secrets: &secrets,
        signer: signer.as_ref(),
    };
    directory.finish(&contents).map_err(Failure::fault)?;
    style.result(&merged.results, out);
    Ok(merged.results.exit_code())
}

/// Checks that nothing was altered.
pub(crate) fn verify(path: &Path, key: Option<&Path>, style: Style) -> Result<u8, Failure> {
    let key = key
        .map(PublicKey::read)
        .transpose()
        .map_err(Failure::usage)?;
    let checked = match bundle::check(path, key.as_ref()) {
        Ok(checked) => checked,
        Err(error) => return refused(path, &error, style),
    };
    let results = &checked.stored.results;
    if let Some(doubt) = checked.doubt {
        style.say(
            || json!({ "bundle": "unknown", "why": doubt }),
            || format!("UNKNOWN  {doubt}"),
        );
        return Ok(UNKNOWN);
    }
    let partial = results.run.ending.sentence();
    let signed_by = key.map(|key| key.id());
    if style == Style::Json {
        let document = json!({
            "bundle": "whole",
            "partial": partial,
            "signedBy": signed_by,
            "verdict": results.verdict,
            "gate": results.gate,
            "files": checked.stored.names.len(),
            "entries": checked.stored.entries.len(),
        });
        say!("{document:#}");
        return Ok(0);
    }
    if style == Style::Words {
        say!(
            "whole: {} files, {} entries in the journal, and judging them again gives the same result",
            checked.stored.names.len(),
            checked.stored.entries.len()
        );
    }
    if let Some(id) = signed_by {
        say!("signed by the key {id}");
    }
    if let Some(sentence) = partial {
        say!("partial: {sentence}");
    }
    say!("{}", report::sentence::headline(results));
    Ok(0)
}

fn refused(path: &Path, error: &BundleError, style: Style) -> Result<u8, Failure> {
    if !path.is_dir() {
        let why = format!("{} is not a directory", path.display());
        return Err(Failure::usage(why));
    }
    match error {
        BundleError::Unfinished { .. } => {
            let why = error.to_string();
            style.say(
                || json!({ "bundle": "unfinished", "why": why }),
                || format!("UNFINISHED  {why}"),
            );
            Ok(ALTERED)
        }
        BundleError::Schema { .. } => {
            let why = error.to_string();
            style.say(
                || json!({ "bundle": "unknown", "why": why }),
                || format!("UNKNOWN  {why}"),
            );
            Ok(UNKNOWN)
        }
        error => {
            let why = error.to_string();
            style.say(
                || json!({ "bundle": "altered", "why": why }),
                || format!("ALTERED  {why}"),
            );
            Ok(ALTERED)
        }
    }
}

/// Shows what changed.
pub(crate) fn diff(old: &Path, new: &Path, style: Style) -> Result<u8, Failure> {
    let difference = Difference::between(&open(old)?.results, &open(new)?.results);
    if style == Style::Json {
        say!("{:#}", as_json(&difference));
        return Ok(if difference.is_worse() { WORSE } else { 0 });
    }
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

fn as_json(difference: &Difference) -> serde_json::Value {
    let changes: Vec<_> = difference
        .changes
        .iter()
        .map(|change| {
            json!({
                "requirement": change.requirement,
                "old": change.old,
                "new": change.new,
                "reasons": change.reasons,
                "worse": change.is_worse(),
                "better": change.is_better(),
            })
        })
        .collect();
    json!({ "worse": difference.is_worse(), "other": difference.other, "changes": changes })
}

fn same_place(a: &Path, b: &Path) -> bool {
    matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
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
    if same_place(from, out) {
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
        entries: &stored.entries,
        known: stored.known.text(),
        secrets: &[],
        signer: None,
    };
    directory.finish(&contents).map_err(Failure::fault)?;
    Ok(())
}
