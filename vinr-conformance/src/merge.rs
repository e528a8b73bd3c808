//! Joins the bundles of the shards of one plan: what comes out is what one run of the whole plan would have left.
//!
//! The journals are written one behind the other, each with its own times and order, and the suite's own numbers go on
//! from one to the next. Then the judge judges that journal by the whole plan, as it judges any. Rules that compare what
//! was seen over a whole run compare within a shard, since each shard may have had a terminal of its own.

use crate::bundle::Stored;
use crate::journal::{Entry, Numbers};
use crate::plan::{Plan, Shard, sha256};
use crate::rejudge::rejudge;
use crate::verdict::Results;

/// What becomes of a plan of which a shard is missing, or was not run to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gaps {
    /// Nothing is merged.
    Refused,
    /// What nobody ran is not run: the merged result is never more than inconclusive.
    NotRun,
}

/// Why bundles cannot be joined; `bundle` counts from 1, in the order in which they were given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MergeError {
    /// There is nothing to join.
    #[error("there is no bundle to merge")]
    Nothing,
    /// It is no shard's bundle.
    #[error("bundle {bundle} is not that of a shard: it was run without --shard")]
    NoShard {
        /// Which.
        bundle: usize,
    },
    /// Two bundles have nothing to do with each other.
    #[error(
        "bundle {bundle} has another {what} than bundle 1 ({there}, and not {first}): {remedy}"
    )]
    Different {
        /// Which.
        bundle: usize,
        /// In what: plan, profile, …
        what: &'static str,
        /// The first bundle's.
        first: String,
        /// This bundle's.
        there: String,
        /// What to do.
        remedy: &'static str,
    },
    /// A shard is there twice.
    #[error("shard {0} is there twice, in bundles {1} and {2}: leave one of them out")]
    Twice(Shard, usize, usize),
    /// Shards are not there.
    #[error("{}: run what is missing, or take --partial for an inconclusive bundle of the rest", missing(.0))]
    Missing(Vec<Shard>),
    /// A shard is not whole.
    #[error(
        "shard {shard} (bundle {bundle}) is not whole: {why} Run it again, or go on with --resume."
    )]
    Partial {
        /// Which.
        shard: Shard,
        /// Where.
        bundle: usize,
        /// Why.
        why: String,
    },
    /// The shards do not make up the plan whose shares they say they are.
    #[error("the shards together are not the plan that was shared")]
    NotThePlan,
}

/// Joins them, whatever their order. Each was checked before: see [`check`](crate::bundle::check).
pub fn merge(bundles: Vec<Stored>, gaps: Gaps) -> Result<Stored, MergeError> {
    let order = shards(&bundles)?;
    same(&bundles)?;
    let mut shards: Vec<_> = (1..).zip(order.into_iter().zip(bundles)).collect();
    shards.sort_by_key(|(_, (shard, _))| *shard);
    once(&shards)?;
    if gaps == Gaps::Refused {
        complete(&shards)?;
    }

    let bundles: Vec<_> = shards.into_iter().map(|(_, (_, bundle))| bundle).collect();
    let plan = whole(&bundles)?;
    let results = facts(&bundles).ok_or(MergeError::Nothing)?;
    let mut bundles = bundles.into_iter();
    let first = bundles.next().ok_or(MergeError::Nothing)?;
    let mut merged = Stored {
        results,
        plan,
        ..first
    };
    for bundle in bundles {
        append(&mut merged.entries, bundle.entries);
    }
    merged.results = rejudge(&merged);
    merged.is_partial = merged.results.run.ending.sentence().is_some();
    Ok(merged)
}

/// The shards of the plan that none of these bundles is of.
pub fn absent(bundles: &[Stored]) -> Vec<Shard> {
    let there: Vec<_> = shards(bundles).unwrap_or_default();
    let of = there.first().map_or(0, |shard| shard.of());
    let all = (1..=of).filter_map(|number| Shard::new(number, of).ok());
    all.filter(|shard| !there.contains(shard)).collect()
}

/// `shard 2/3 is missing`, `shards 2/4 and 3/4 are missing`.
pub fn missing(shards: &[Shard]) -> String {
    let names: Vec<_> = shards.iter().map(Shard::to_string).collect();
    match names.split_last() {
        Some((last, [])) => format!("shard {last} is missing"),
        Some((last, rest)) => format!("shards {} and {last} are missing", rest.join(", ")),
        None => "no shard is missing".to_owned(),
    }
}

/// Which bundle, which shard, and what it holds.
type Given = (usize, (Shard, Stored));

fn shards(bundles: &[Stored]) -> Result<Vec<Shard>, MergeError> {
    let shard = |(place, bundle): (usize, &Stored)| {
        let share = bundle.plan.share.as_ref();
        share
            .map(|share| share.shard)
            .ok_or(MergeError::NoShard { bundle: place + 1 })
    };
    bundles.iter().enumerate().map(shard).collect()
}

/// They are shards of one plan, by one profile, judged by one suite.
fn same(bundles: &[Stored]) -> Result<(), MergeError> {
    let Some(first) = bundles.first() else {
        return Err(MergeError::Nothing);
    };
    for (place, other) in bundles.iter().enumerate().skip(1) {
        for (what, of, remedy) in ALIKE {
            let (first, there) = (of(first), of(other));
            if first != there {
                return Err(MergeError::Different {
                    bundle: place + 1,
                    what,
                    first,
                    there,
                    remedy,
                });
            }
        }
    }
    Ok(())
}

/// What all shards of a run have in common, in words, and what to do where they have not.
type Alike = (&'static str, fn(&Stored) -> String, &'static str);

const ALIKE: [Alike; 6] = [
    (
        "suite",
        |it| {
            let suite = &it.results.run.suite;
            format!("{} {} for {}", suite.name, suite.version, suite.wire)
        },
        "one version judges all shards; `rejudge --out` has this version judge an older bundle",
    ),
    (
        "profile",
        |it| {
            let profile = &it.results.run.profile;
            let digest = short(&sha256(it.profile_text.as_bytes()));
            format!("{} {}, {digest}", profile.product, profile.version)
        },
        "compare the two profile.effective.toml: another profile is another claim",
    ),
    (
        "number of shards",
        |it| {
            it.plan
                .share
                .as_ref()
                .map_or(0, |share| share.shard.of())
                .to_string()
        },
        "the shards of one run have the same number behind the stroke",
    ),
    (
        "full plan",
        |it| short(&it.plan.full_sha256),
        "compare the two plan.json: the suites know other scenarios",
    ),
    (
        "plan",
        |it| {
            let share = it.plan.share.as_ref();
            short(share.map_or("", |share| &share.whole_sha256))
        },
        "the shards of one run have the same --only and --tags",
    ),
    (
        "list of known failures",
        |it| match it.known.text() {
            Some(text) => short(&sha256(text.as_bytes())),
            None => "none".to_owned(),
        },
        "the shards of one run have the same --known-failures",
    ),
];

fn short(digest: &str) -> String {
    digest.chars().take(12).collect()
}

/// Each is there once. `shards` is in their order.
fn once(shards: &[Given]) -> Result<(), MergeError> {
    for pair in shards.windows(2) {
        let ((a, (shard, _)), (b, (other, _))) = (&pair[0], &pair[1]);
        if shard == other {
            return Err(MergeError::Twice(*shard, *a.min(b), *a.max(b)));
        }
    }
    Ok(())
}

/// All are there, and each came to its end.
fn complete(shards: &[Given]) -> Result<(), MergeError> {
    let of = shards.first().map_or(0, |(_, (shard, _))| shard.of());
    let is_there = |wanted: &Shard| shards.iter().any(|(_, (shard, _))| shard == wanted);
    let all = (1..=of).filter_map(|number| Shard::new(number, of).ok());
    let absent: Vec<_> = all.filter(|shard| !is_there(shard)).collect();
    if !absent.is_empty() {
        return Err(MergeError::Missing(absent));
    }
    for (bundle, (shard, stored)) in shards {
        if let Some(why) = stored.results.run.ending.sentence() {
            return Err(MergeError::Partial {
                shard: *shard,
                bundle: *bundle,
                why,
            });
        }
    }
    Ok(())
}

/// The plan that each of them is the share of that it says it is.
fn whole(bundles: &[Stored]) -> Result<Plan, MergeError> {
    let first = bundles.first().ok_or(MergeError::Nothing)?;
    let plan = first.plan.whole().ok_or(MergeError::NotThePlan)?;
    let dealt = bundles.iter().all(|bundle| {
        let share = bundle.plan.share.as_ref();
        share.is_some_and(|share| plan.clone().shared(share.shard) == bundle.plan)
    });
    if dealt {
        Ok(plan)
    } else {
        Err(MergeError::NotThePlan)
    }
}

/// What no journal holds: the first shard's, from the first beginning to the last end.
fn facts(bundles: &[Stored]) -> Option<Results> {
    let mut results = bundles.first()?.results.clone();
    let runs = || bundles.iter().map(|bundle| &bundle.results.run);
    results.run.started = runs().map(|run| run.started).min()?;
    results.run.ended = runs().map(|run| run.ended).max()?;
    results.run.strict = runs().any(|run| run.strict);
    // For the durations.
    results.scenarios = bundles
        .iter()
        .flat_map(|bundle| bundle.results.scenarios.clone())
        .collect();
    Some(results)
}

fn append(entries: &mut Vec<Entry>, more: Vec<Entry>) {
    let so_far = Numbers::of(entries);
    entries.extend(more.into_iter().map(|mut entry| {
        so_far.shift(&mut entry);
        entry
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::written::{shard, whole as whole_bundle};
    use crate::plan::Ran;
    use crate::verdict::{State, Verdict};

    fn stored(folder: &tempfile::TempDir) -> Stored {
        Stored::open(folder.path()).expect("as it was written")
    }

    fn three(only: &[&str]) -> Vec<Stored> {
        ["1/3", "2/3", "3/3"]
            .map(|text| stored(&shard(Some(text), only)))
            .into()
    }

    /// What differs between one run and three: when, and in which line of the journal.
    fn apart_from_times(mut results: Results) -> Results {
        let moment = results.run.started;
        results.run.ended = moment;
        for finding in &mut results.findings {
            finding.entries.clear();
        }
        results
    }

    #[test]
    fn the_shards_of_a_plan_are_what_one_run_leaves() {
        let one = stored(&shard(None, &[]));
        let mut shards = three(&[]);
        shards.rotate_left(1);
        let merged = merge(shards, Gaps::Refused).expect("they belong together");
        assert_eq!(merged.plan, one.plan);
        assert_eq!(
            apart_from_times(merged.results),
            apart_from_times(one.results)
        );
    }

    #[test]
    fn a_selection_is_shared_and_merged_alike() {
        let only = ["PAY-3", "REC-7"];
        let one = stored(&shard(None, &only));
        let merged = merge(three(&only), Gaps::Refused).expect("they belong together");
        assert_eq!(merged.plan, one.plan);
    }

    // [SIM-2]
    #[test]
    fn what_is_said_of_the_whole_plan_waits_for_the_merge() {
        let of = |results: &Results| {
            let finding = results.findings_of("SIM-2").next().cloned();
            finding.expect("the plan asks for it")
        };
        let shards = three(&[]);
        let alone = shards
            .iter()
            .find(|bundle| {
                bundle
                    .plan
                    .scenarios
                    .iter()
                    .any(|one| one.id == "sim.whole_plan")
            })
            .expect("one of them has it");
        assert_eq!(of(&alone.results).reason, "SIM-2.waits_for_the_merge");
        let row = alone.results.rows.iter().find(|row| row.id == "SIM-2");
        assert!(!row.expect("every row appears").is_open);
        let merged = merge(shards, Gaps::Refused).expect("they belong together");
        assert_ne!(of(&merged.results).reason, "SIM-2.waits_for_the_merge");
    }

    fn refused(bundles: Vec<Stored>) -> MergeError {
        merge(bundles, Gaps::Refused).expect_err("they do not belong together")
    }

    /// Why a second shard that was changed so is refused.
    fn different(change: fn(&mut Stored)) -> (String, String) {
        let mut shards = three(&[]);
        change(&mut shards[1]);
        let error = refused(shards);
        let MergeError::Different {
            bundle: 2, what, ..
        } = &error
        else {
            panic!("{error}");
        };
        ((*what).to_owned(), error.to_string())
    }

    fn says(change: fn(&mut Stored), wanted: &str, words: &[&str]) {
        let (what, sentence) = different(change);
        assert_eq!(what, wanted);
        for word in words {
            assert!(sentence.contains(word), "{word}: {sentence}");
        }
    }

    #[test]
    fn every_missing_shard_is_named() {
        let mut shards = three(&[]);
        shards.truncate(1);
        let error = refused(shards);
        assert!(matches!(&error, MergeError::Missing(all) if all.len() == 2));
        let sentence = error.to_string();
        assert!(
            sentence.starts_with("shards 2/3 and 3/3 are missing"),
            "{sentence}"
        );
        assert!(sentence.contains("--partial"), "{sentence}");
    }

    #[test]
    fn a_shard_that_is_there_twice_is_named_with_both_bundles() {
        let mut shards = three(&[]);
        shards.push(shards[1].clone());
        let second = Shard::new(2, 3).expect("a shard");
        assert_eq!(refused(shards.clone()), MergeError::Twice(second, 2, 4));
        // Not even where gaps are allowed.
        let gaps = merge(shards, Gaps::NotRun);
        assert_eq!(gaps.err(), Some(MergeError::Twice(second, 2, 4)));
    }

    #[test]
    fn no_bundle_at_all_is_nothing() {
        assert_eq!(refused(Vec::new()), MergeError::Nothing);
    }

    #[test]
    fn another_version_of_the_suite_is_named_with_both_versions() {
        let own = env!("CARGO_PKG_VERSION");
        let other = |it: &mut Stored| it.results.run.suite.version = "9.9.9".into();
        says(other, "suite", &["9.9.9", own, "rejudge --out"]);
    }

    #[test]
    fn another_profile_is_named() {
        let other = |it: &mut Stored| it.profile_text.push('#');
        says(
            other,
            "profile",
            &["local simulator", "profile.effective.toml"],
        );
    }

    #[test]
    fn another_selection_is_another_plan() {
        let other = |it: &mut Stored| *it = stored(&shard(Some("2/3"), &["PAY-3", "REC-7"]));
        says(other, "plan", &["--only"]);
    }

    #[test]
    fn another_full_plan_is_named() {
        let other = |it: &mut Stored| it.plan.full_sha256 = "00".into();
        says(other, "full plan", &["(00, and not ", "plan.json"]);
    }

    #[test]
    fn a_shard_of_another_number_of_shards_is_named() {
        let other = |it: &mut Stored| *it = stored(&shard(Some("2/4"), &[]));
        says(other, "number of shards", &["(4, and not 3)"]);
    }

    #[test]
    fn another_list_of_known_failures_is_named() {
        let other = |it: &mut Stored| {
            let list = "[[known]]\nrequirement = \"PAY-8\"\nscenario = \"pay.smallest\"\nreason = \"PAY-8.amount_altered\"\nwhy = \"x\"\nissue = \"https://x.example/1\"\nuntil = \"2099-12-31\"\n";
            let list = crate::known::KnownFailures::parse(list, "known.toml".as_ref());
            it.known = list.expect("a list");
        };
        says(other, "list of known failures", &["and not none"]);
    }

    #[test]
    fn a_run_of_the_whole_is_no_shard() {
        let mut shards = three(&[]);
        shards[1] = stored(&whole_bundle());
        assert_eq!(refused(shards), MergeError::NoShard { bundle: 2 });
    }

    #[test]
    fn a_shard_that_was_interrupted_is_named_with_what_to_do() {
        let mut shards = three(&[]);
        shards[1].results.run.ending = crate::verdict::Ending::Interrupted;
        let error = refused(shards);
        assert!(
            matches!(error, MergeError::Partial { bundle: 2, .. }),
            "{error}"
        );
        assert!(error.to_string().contains("--resume"), "{error}");
    }

    #[test]
    fn a_plan_with_a_gap_is_merged_where_that_is_asked_for_and_never_conformant() {
        let whole = merge(three(&[]), Gaps::Refused).expect("they belong together");
        let mut two = three(&[]);
        let gone = two.remove(1);
        let merged = merge(two.clone(), Gaps::NotRun).expect("a gap is allowed");
        assert_eq!(merged.plan, whole.plan);
        assert_eq!(absent(&two), [Shard::new(2, 3).expect("a shard")]);
        assert_eq!(merged.results.verdict, Verdict::Inconclusive);
        assert_ne!(merged.results.gate.exit_code, 0);
        let never = |id: &str| {
            let mut rows = merged.results.scenarios.iter();
            let row = rows
                .find(|row| row.scenario.id == id)
                .expect("it is planned");
            row.ran == Ran::NotStarted
        };
        assert!(gone.plan.scenarios.iter().all(|one| never(&one.id)));
        assert!(two[0].plan.scenarios.iter().all(|one| !never(&one.id)));
    }

    /// However well the rest did.
    #[test]
    fn a_gap_alone_keeps_the_verdict_open() {
        let plan = shard(Some("1/2"), &["pay.approved", "pay.declined"]);
        let merged = merge(vec![stored(&plan)], Gaps::NotRun).expect("a gap is allowed");
        let not_run = |finding: &&crate::verdict::Finding| finding.state == State::NotRun;
        assert!(merged.results.findings.iter().any(|it| not_run(&it)));
        assert_eq!(merged.results.verdict, Verdict::Inconclusive);
    }

    #[test]
    fn shards_that_hide_a_scenario_are_not_the_plan() {
        let mut shards = three(&[]);
        let hidden = shards[1].plan.scenarios.pop().expect("it has some");
        shards[1].plan.unselected.push(hidden);
        assert_eq!(refused(shards), MergeError::NotThePlan);
    }
}
