//! Small bundles for tests, written as a run writes them.

use std::fs;
use std::path::Path;

use super::{Contents, Directory, MANIFEST, NAMES, PARTIAL, Stored};
use crate::features;
use crate::journal::{Ended, Event, Journal};
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
    written(&could_not)
}

/// The bundle of a run that somebody stopped.
pub(crate) fn interrupted() -> tempfile::TempDir {
    written(&Ended::Interrupted)
}

fn written(ended: &Ended) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let directory = Directory::claim(folder.path()).expect("it is empty");
    let journal = Journal::in_file(&directory.journal()).expect("writable");
    let profile = Profile::simulator();
    let only = Selection::parse(&["pay.approved"], &[] as &[&str]).expect("known");
    let plan = run::plan(features::all(), &profile, &only);
    tell(&journal, &plan, ended);
    let text = profile.effective().text();
    let claims = profile.claims();
    let made_up = Results::judge(facts(&profile, &plan), claims, &plan, &[], Vec::new(), None);
    let stored = Stored {
        results: made_up,
        profile: Recorded::parse(&text).expect("our own text"),
        profile_text: text,
        entries: journal.entries(),
        is_partial: false,
        names: Vec::new(),
        plan,
    };
    let finished = directory.finish(&Contents {
        results: &rejudge(&stored),
        plan: &stored.plan,
        profile: &stored.profile_text,
        timeline: &run::story(&stored.entries),
        samples_ns: &[],
        secrets: &[],
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

/// Changes a file, and writes the manifest that whoever forges it would write.
pub(crate) fn forge(path: &Path, name: &str, change: impl FnOnce(String) -> String) {
    let file = path.join(name);
    let text = fs::read_to_string(&file).expect("it is there");
    fs::write(&file, change(text)).expect("writable");
    let is_listed = |name: &&&str| **name != MANIFEST && **name != PARTIAL;
    let lines = NAMES.iter().filter(is_listed).filter_map(|name| {
        let bytes = fs::read(path.join(name)).ok()?;
        Some(format!("{}  {name}\n", sha256(&bytes)))
    });
    fs::write(path.join(MANIFEST), lines.collect::<String>()).expect("writable");
}
