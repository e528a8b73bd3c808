//! Small bundles for tests, written as a run writes them.

use std::fs;
use std::path::Path;

use super::{Contents, Directory, NAMES, STATEMENT, Signer, Stored, UNLISTED, statement};
use crate::features;
use crate::journal::{Claim, Ended, Event, Journal, Said};
use crate::known::KnownFailures;
use crate::plan::{Plan, Selection, sha256};
use crate::profile::{Profile, Recorded};
use crate::rejudge::rejudge;
use crate::run;
use crate::verdict::{Ending, Environment, Results, Run, SubjectFacts, Suite};

/// The bundle of a run of one scenario that nobody could help with.
pub(crate) fn whole() -> tempfile::TempDir {
    let could_not = Ended::CouldNot {
        why: "nobody taps the card".to_owned(),
    };
    written(&could_not, None)
}

/// The same, signed.
pub(crate) fn signed_by(signer: &Signer) -> tempfile::TempDir {
    let could_not = Ended::CouldNot {
        why: "nobody taps the card".to_owned(),
    };
    written(&could_not, Some(signer))
}

/// The bundle of a run that somebody stopped.
pub(crate) fn interrupted() -> tempfile::TempDir {
    written(&Ended::Interrupted, None)
}

/// The bundle of a shard of a plan, or of the whole of it, in which nobody could help.
pub(crate) fn shard(shard: Option<&str>, only: &[&str]) -> tempfile::TempDir {
    let selection = Selection::parse(only, &[] as &[&str]).expect("known");
    let mut plan = run::plan(features::all(), &Profile::simulator(), &selection);
    if let Some(shard) = shard {
        plan = plan.shared(shard.parse().expect("a shard"));
    }
    let could_not = Ended::CouldNot {
        why: "nobody taps the card".to_owned(),
    };
    written_by(plan, &could_not, None)
}

fn written(ended: &Ended, signer: Option<&Signer>) -> tempfile::TempDir {
    let only = Selection::parse(&["pay.approved"], &[] as &[&str]).expect("known");
    let plan = run::plan(features::all(), &Profile::simulator(), &only);
    written_by(plan, ended, signer)
}

fn written_by(plan: Plan, ended: &Ended, signer: Option<&Signer>) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let directory = Directory::claim(folder.path()).expect("it is empty");
    let journal = Journal::in_file(&directory.journal()).expect("writable");
    let profile = Profile::simulator();
    tell(&journal, &plan, ended);
    let text = profile.effective().text();
    let claims = profile.claims();
    let made_up = Results::judge(facts(&profile, &plan), claims, &plan, &[], Vec::new(), None);
    let stored = Stored {
        results: made_up,
        profile: Recorded::parse(&text).expect("our own text"),
        profile_text: text,
        known: KnownFailures::default(),
        entries: journal.entries(),
        is_partial: false,
        names: Vec::new(),
        plan,
    };
    let finished = directory.finish(&Contents {
        results: &rejudge(&stored),
        plan: &stored.plan,
        profile: &stored.profile_text,
        entries: &stored.entries,
        known: None,
        secrets: &[],
        signer,
    });
    finished.expect("written");
    folder
}

fn tell(journal: &Journal, plan: &Plan, ended: &Ended) {
    journal.record(Event::RunBegin {
        suite: env!("CARGO_PKG_VERSION").into(),
        seed: 7,
        terminal: "term_CT20_0042".into(),
        address: "127.0.0.1:8443".into(),
        wire: vinr_protocol::API.into(),
        driver: "nobody".into(),
    });
    for scenario in &plan.scenarios {
        journal.enter(Some(&scenario.id));
        journal.record(Event::ScenarioBegin {
            title: scenario.name.clone(),
            requirements: scenario.requirements.clone(),
        });
        if scenario.id == "sim.whole_plan" {
            journal.record(Event::Claim(Claim {
                requirement: "SIM-2".to_owned(),
                said: Said::WholePlan,
            }));
        }
        journal.record(Event::ScenarioEnd {
            ended: ended.clone(),
        });
        journal.enter(None);
    }
    journal.record(Event::RunEnd {
        interrupted: *ended == Ended::Interrupted,
    });
    journal.flush().expect("writable");
}

fn facts(profile: &Profile, plan: &Plan) -> Run {
    let date = vinr_protocol::Timestamp::parse("2026-05-31T14:23:00Z").expect("a date");
    Run {
        suite: Suite::this(),
        subject: SubjectFacts::default(),
        profile: profile.facts(),
        plan: plan.facts(),
        seed: 7,
        started: date,
        ended: date,
        ending: Ending::Complete,
        strict: false,
        environment: Environment::new(),
        command: "vinr-conformance terminal --simulator".to_owned(),
    }
}

/// Changes a file, and writes the manifest and the statement that whoever forges it would write.
pub(crate) fn forge(path: &Path, name: &str, change: impl FnOnce(String) -> String) {
    let file = path.join(name);
    let text = fs::read_to_string(&file).expect("it is there");
    fs::write(&file, change(text)).expect("writable");
    let is_listed = |name: &&&str| !UNLISTED.contains(name);
    let lines = NAMES.iter().filter(is_listed).filter_map(|name| {
        let bytes = fs::read(path.join(name)).ok()?;
        Some(format!("{}  {name}\n", sha256(&bytes)))
    });
    let manifest: String = lines.collect();
    fs::write(path.join("MANIFEST.sha256"), &manifest).expect("writable");
    let result = fs::read(path.join("result.json")).expect("it is there");
    if let Ok(results) = serde_json::from_slice::<Results>(&result) {
        let said = statement::statement(&results, &manifest);
        fs::write(path.join(STATEMENT), said).expect("writable");
    }
}
