//! Whether a bundle is what a run left: beyond digests, which whoever changes a file can compute again.
//!
//! A journal is the evidence, and everything else follows from it. So the plan must be the one that its hash names and
//! that the profile asks for, the result must be what the judge makes of the journal, and each page for people and
//! builds must be what the result looks like. A journal that was invented whole cannot be told from a true one.

use std::fs;
use std::path::Path;

use super::{BundleError, Contents, ENVELOPE, MANIFEST, PARTIAL, STATEMENT, Stored, files};
use super::{PublicKey, signing, statement};
use crate::features;
use crate::plan::Selection;
use crate::rejudge::rejudge;
use crate::run;
use crate::verdict::{Results, Suite};

/// A bundle in which nothing was found that was altered.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    /// What it holds.
    pub stored: Stored,
    /// Why nobody can say whether `result.json` follows from the journal; `None` where it does.
    pub doubt: Option<String>,
}

/// Looks at everything; the error names the first file that was altered. With a key, the bundle must be signed by it.
pub fn check(path: &Path, key: Option<&PublicKey>) -> Result<Checked, BundleError> {
    let stored = Stored::open(path)?;
    signed(path, &stored, key)?;
    whole_journal(&stored)?;
    if !stored.plan.is_named_rightly() {
        return Err(forged("plan.json", "its hash is that of other scenarios"));
    }
    mark(&stored)?;
    let again = rejudge(&stored);
    let suite = &stored.results.run.suite;
    if *suite != Suite::this() {
        // Another version may judge otherwise, and its pages may look otherwise: neither is a forgery.
        let doubt = (again != stored.results).then(|| {
            format!(
                "{} {} judged it and this is {}, which judges its journal otherwise: ask that version",
                suite.name,
                suite.version,
                Suite::this().version
            )
        });
        return Ok(Checked { stored, doubt });
    }
    let all = Selection::all();
    let profile = &stored.profile;
    let claims = profile.claims();
    let cases = features::of(&claims.roles);
    let full = run::plan_by(&claims, &profile.abilities(), cases, &all);
    if full.full_sha256 != stored.plan.full_sha256 {
        let why = "its full plan is not the one that the profile asks for";
        return Err(forged("plan.json", why));
    }
    if again != stored.results {
        let why = "judging the journal again gives another result";
        return Err(forged("result.json", why));
    }
    pages(path, &stored, &again)?;
    Ok(Checked {
        stored,
        doubt: None,
    })
}

/// The statement follows from manifest and result, whichever version wrote them; an envelope is one around it.
fn signed(path: &Path, stored: &Stored, key: Option<&PublicKey>) -> Result<(), BundleError> {
    let read = |name: &str| {
        let path = path.join(name);
        fs::read_to_string(&path).map_err(|source| BundleError::File { path, source })
    };
    let said = statement::statement(&stored.results, &read(MANIFEST)?);
    let is_this_suites = stored.results.run.suite == Suite::this();
    let found = read(STATEMENT)?;
    if is_this_suites && found != said {
        return Err(forged(STATEMENT, "it does not say what the result says"));
    }
    if !path.join(ENVELOPE).exists() {
        return match key {
            None => Ok(()),
            Some(_) => Err(forged(ENVELOPE, "it is missing: nobody signed this bundle")),
        };
    }
    signing::fault(&read(ENVELOPE)?, &found, key).map_err(|why| forged(ENVELOPE, why))
}

fn whole_journal(stored: &Stored) -> Result<(), BundleError> {
    let mut numbered = (1..).zip(&stored.entries);
    match numbered.find(|(place, entry)| entry.seq != *place) {
        None => Ok(()),
        Some((place, _)) => Err(forged(
            "journal.ndjson",
            &format!("entry {place} is missing"),
        )),
    }
}

/// A run that came to its end has no mark, and any other has one.
fn mark(stored: &Stored) -> Result<(), BundleError> {
    match (stored.results.run.ending.sentence(), stored.is_partial) {
        (Some(_), false) => Err(forged(PARTIAL, "it is missing, and the run is not whole")),
        (None, true) => Err(forged(PARTIAL, "it is there, and the run is whole")),
        (Some(_), true) | (None, false) => Ok(()),
    }
}

fn pages(path: &Path, stored: &Stored, results: &Results) -> Result<(), BundleError> {
    let expected = files(&Contents {
        results,
        plan: &stored.plan,
        profile: &stored.profile_text,
        entries: &stored.entries,
        known: stored.known.text(),
        secrets: &[],
        signer: None,
    });
    for (name, text) in &expected {
        let path = path.join(name);
        let found = fs::read(&path).map_err(|source| BundleError::File { path, source })?;
        if found != text.as_bytes() {
            return Err(forged(name, "it does not say what the result says"));
        }
    }
    let is_expected = |name: &str| name == super::JOURNAL || expected.iter().any(|it| it.0 == name);
    match stored.names.iter().find(|name| !is_expected(name)) {
        None => Ok(()),
        Some(name) => Err(forged(name, "the run cannot have left it")),
    }
}

fn forged(file: &str, why: &str) -> BundleError {
    BundleError::Forged {
        file: file.to_owned(),
        why: why.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Signer;
    use super::super::written::{forge, interrupted, signed_by, whole};
    use super::*;

    fn altered(path: &Path) -> String {
        check(path, None).expect_err("it was altered").to_string()
    }

    #[test]
    fn a_bundle_as_a_run_left_it_is_whole() {
        let bundle = whole();
        let checked = check(bundle.path(), None).expect("nothing was altered");
        assert_eq!(checked.doubt, None);
    }

    #[test]
    fn a_byte_of_any_file_that_is_changed_names_the_file() {
        for name in Stored::open(whole().path()).expect("whole").names {
            let bundle = whole();
            let path = bundle.path().join(&name);
            let mut bytes = fs::read(&path).expect("it is there");
            match bytes.first_mut() {
                Some(byte) => *byte ^= 1,
                None => bytes.push(b'\n'),
            }
            fs::write(&path, bytes).expect("writable");
            assert!(altered(bundle.path()).starts_with(&name), "{name}");
        }
    }

    #[test]
    fn a_file_that_is_taken_away_with_its_line_is_missed() {
        let bundle = whole();
        fs::remove_file(bundle.path().join("junit.xml")).expect("it is there");
        forge(bundle.path(), "summary.md", |text| text);
        assert!(altered(bundle.path()).starts_with("MANIFEST.sha256"));
    }

    #[test]
    fn a_file_that_is_slipped_in_is_named() {
        let bundle = whole();
        fs::write(bundle.path().join("certificate.pdf"), "conformant").expect("writable");
        assert!(altered(bundle.path()).starts_with("certificate.pdf"));
    }

    #[test]
    fn a_better_verdict_with_its_digest_computed_again_is_found() {
        let bundle = whole();
        forge(bundle.path(), "result.json", |text| {
            text.replacen("\"inconclusive\"", "\"conformant\"", 1)
        });
        assert!(altered(bundle.path()).starts_with("result.json"));
    }

    #[test]
    fn another_product_with_its_digest_computed_again_is_found() {
        let bundle = whole();
        forge(bundle.path(), "result.json", |text| {
            text.replacen("local simulator", "golden terminal", 1)
        });
        assert!(altered(bundle.path()).starts_with("result.json"));
    }

    #[test]
    fn a_page_that_flatters_with_its_digest_computed_again_is_found() {
        let bundle = whole();
        forge(bundle.path(), "report.html", |text| text + "conformant");
        assert!(altered(bundle.path()).starts_with("report.html"));
    }

    #[test]
    fn a_statement_that_flatters_is_found() {
        let bundle = whole();
        let path = bundle.path().join(STATEMENT);
        let text = fs::read_to_string(&path).expect("it is there");
        fs::write(&path, text.replace("FAILED", "PASSED")).expect("writable");
        assert!(altered(bundle.path()).starts_with(STATEMENT));
    }

    #[test]
    fn a_signed_bundle_is_that_of_its_key_and_an_unsigned_one_is_nobodys() {
        let (signer, _) = Signer::generate().expect("a key");
        let (other, _) = Signer::generate().expect("a key");
        let bundle = signed_by(&signer);
        let checked = |key: &Signer| check(bundle.path(), Some(&key.public()));
        assert!(checked(&signer).is_ok());
        let stranger = checked(&other).expect_err("another key").to_string();
        assert!(stranger.starts_with(ENVELOPE), "{stranger}");
        let unsigned = check(whole().path(), Some(&signer.public()));
        assert!(
            unsigned
                .expect_err("nobody signed it")
                .to_string()
                .starts_with(ENVELOPE)
        );
    }

    #[test]
    fn a_plan_that_hides_what_was_not_run_is_found() {
        let bundle = whole();
        forge(bundle.path(), "plan.json", |text| {
            let mut plan: serde_json::Value = serde_json::from_str(&text).expect("JSON");
            plan["unselected"] = serde_json::json!([]);
            plan["fullSha256"] = plan["sha256"].clone();
            plan.to_string()
        });
        assert!(altered(bundle.path()).starts_with("plan.json"));
    }

    #[test]
    fn a_line_that_is_cut_out_of_the_journal_is_found() {
        let bundle = whole();
        forge(bundle.path(), "journal.ndjson", |text| {
            let second = |(place, line): (usize, &str)| (place != 1).then(|| format!("{line}\n"));
            text.lines().enumerate().filter_map(second).collect()
        });
        assert!(altered(bundle.path()).starts_with("journal.ndjson"));
    }

    #[test]
    fn an_interrupted_run_without_its_mark_is_found() {
        let bundle = interrupted();
        assert!(check(bundle.path(), None).is_ok());
        fs::remove_file(bundle.path().join(PARTIAL)).expect("it is marked");
        assert!(altered(bundle.path()).starts_with(PARTIAL));
    }

    #[test]
    fn what_another_version_judged_otherwise_is_a_doubt_and_no_forgery() {
        let bundle = whole();
        forge(bundle.path(), "result.json", |text| {
            text.replacen("\"version\": \"0.", "\"version\": \"9.", 1)
                .replacen("\"inconclusive\"", "\"conformant\"", 1)
        });
        let checked = check(bundle.path(), None).expect("nothing is known to be altered");
        assert!(checked.doubt.is_some());
    }

    #[test]
    fn a_newer_shape_is_not_guessed_at() {
        let bundle = whole();
        forge(bundle.path(), "result.json", |text| {
            text.replacen("\"schema\": 1", "\"schema\": 2", 1)
        });
        let error = check(bundle.path(), None).expect_err("it is newer");
        assert!(matches!(error, BundleError::Schema { found: 2 }), "{error}");
    }
}
