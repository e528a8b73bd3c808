//! Joins the bundles of the shards of one plan: what comes out is what one run of the whole plan would have left.
//!
//! The journals are written one behind the other, each with its own times and order, and the suite's own numbers go on
//! from one to the next. Then the judge judges that journal by the whole plan, as it judges any. Rules that compare what
//! was seen over a whole run compare within a shard, since each shard may have had a terminal of its own.

use crate::bundle::Stored;
use crate::journal::{Entry, Numbers};
use crate::plan::{Plan, Shard};
use crate::rejudge::rejudge;
use crate::verdict::Results;

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
    #[error("bundle {bundle} has another {what} than bundle 1")]
    Different {
        /// Which.
        bundle: usize,
        /// In what: plan, profile, …
        what: &'static str,
    },
    /// A shard is there twice.
    #[error("shard {0} is there twice")]
    Twice(Shard),
    /// A shard is not there.
    #[error("shard {0} is missing")]
    Missing(Shard),
    /// A shard is not whole.
    #[error("shard {shard} is not whole: {why} Run it again, or go on with --resume.")]
    Partial {
        /// Which.
        shard: Shard,
        /// Why.
        why: String,
    },
    /// The shards do not make up the plan whose shares they say they are.
    #[error("the shards together are not the plan that was shared")]
    NotThePlan,
}

/// Joins them, whatever their order. Each was checked before: see [`check`](crate::bundle::check).
pub fn merge(bundles: Vec<Stored>) -> Result<Stored, MergeError> {
    let order = shards(&bundles)?;
    same(&bundles)?;
    let mut shards: Vec<_> = order.into_iter().zip(bundles).collect();
    shards.sort_by_key(|(shard, _)| *shard);
    complete(&shards)?;

    let bundles: Vec<_> = shards.into_iter().map(|(_, bundle)| bundle).collect();
    let plans: Vec<_> = bundles.iter().map(|bundle| &bundle.plan).collect();
    let plan = whole(&plans)?;
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
        let whole = |bundle: &Stored| {
            let share = bundle.plan.share.clone();
            share.map(|share| (share.whole_sha256, share.shard.of()))
        };
        let checks = [
            ("suite", first.results.run.suite == other.results.run.suite),
            ("profile", first.profile_text == other.profile_text),
            ("plan", whole(first) == whole(other)),
            ("plan", first.plan.full_sha256 == other.plan.full_sha256),
            ("list of known failures", first.known == other.known),
        ];
        if let Some((what, _)) = checks.iter().find(|(_, is_same)| !is_same) {
            return Err(MergeError::Different {
                bundle: place + 1,
                what,
            });
        }
    }
    Ok(())
}

/// Each is there once, and each came to its end. `shards` is in their order.
fn complete(shards: &[(Shard, Stored)]) -> Result<(), MergeError> {
    let of = shards.first().map_or(0, |(shard, _)| shard.of());
    for pair in shards.windows(2) {
        if pair[0].0 == pair[1].0 {
            return Err(MergeError::Twice(pair[0].0));
        }
    }
    for number in 1..=of {
        let Ok(wanted) = Shard::new(number, of) else {
            continue;
        };
        let Some((_, bundle)) = shards.iter().find(|(shard, _)| *shard == wanted) else {
            return Err(MergeError::Missing(wanted));
        };
        if let Some(why) = bundle.results.run.ending.sentence() {
            return Err(MergeError::Partial { shard: wanted, why });
        }
    }
    Ok(())
}

fn whole(plans: &[&Plan]) -> Result<Plan, MergeError> {
    let share = plans.first().and_then(|plan| plan.share.as_ref());
    let wanted = share.map(|share| share.whole_sha256.as_str());
    let plan = Plan::joined(plans).ok_or(MergeError::Nothing)?;
    let dealt = plans.iter().all(|part| {
        let again = part
            .share
            .as_ref()
            .map(|share| plan.clone().shared(share.shard));
        again.is_some_and(|again| again.scenarios == part.scenarios)
    });
    if Some(plan.sha256.as_str()) == wanted && dealt {
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
        let merged = merge(shards).expect("they belong together");
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
        let merged = merge(three(&only)).expect("they belong together");
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
        let merged = merge(shards).expect("they belong together");
        assert_ne!(of(&merged.results).reason, "SIM-2.waits_for_the_merge");
    }

    #[test]
    fn a_missing_shard_and_a_doubled_one_are_named() {
        let mut two = three(&[]);
        let last = two.pop().expect("three");
        let third = Shard::new(3, 3).expect("a shard");
        assert_eq!(merge(two.clone()).err(), Some(MergeError::Missing(third)));
        two.extend([last.clone(), last]);
        assert_eq!(merge(two).err(), Some(MergeError::Twice(third)));
        assert_eq!(merge(Vec::new()).err(), Some(MergeError::Nothing));
    }

    #[test]
    fn bundles_that_do_not_belong_together_are_refused() {
        let different = |change: fn(&mut Stored)| {
            let mut shards = three(&[]);
            change(&mut shards[1]);
            merge(shards).err()
        };
        let in_what = |what| Some(MergeError::Different { bundle: 2, what });
        let suite = different(|it| it.results.run.suite.version = "9.9.9".into());
        assert_eq!(suite, in_what("suite"));
        let profile = different(|it| it.profile_text.push('#'));
        assert_eq!(profile, in_what("profile"));
        let plan = different(|it| it.plan.full_sha256 = "00".into());
        assert_eq!(plan, in_what("plan"));
        let other_plan = different(|it| *it = stored(&shard(Some("2/3"), &["PAY-3", "REC-7"])));
        assert_eq!(other_plan, in_what("plan"));
        let whole = different(|it| *it = stored(&whole_bundle()));
        assert_eq!(whole, Some(MergeError::NoShard { bundle: 2 }));
        let of_four = different(|it| *it = stored(&shard(Some("2/4"), &[])));
        assert_eq!(of_four, in_what("plan"));
    }

    #[test]
    fn shards_that_hide_a_scenario_are_not_the_plan() {
        let mut shards = three(&[]);
        let hidden = shards[1].plan.scenarios.pop().expect("it has some");
        shards[1].plan.unselected.push(hidden);
        assert_eq!(merge(shards).err(), Some(MergeError::NotThePlan));
    }
}
