//! One sitting of a run, whoever is judged: the first of it, or one that goes on where another was interrupted.

use std::path::Path;

use vinr_conformance::bundle::{self, BundleError, Contents, Directory, Signer, Stored};
use vinr_conformance::journal::{self, Journal};
use vinr_conformance::known::KnownFailures;
use vinr_conformance::plan::{Plan, Scenario};
use vinr_conformance::rejudge;
use vinr_conformance::run::Resumed;
use vinr_conformance::verdict::Suite;

use crate::Failure;
use crate::cli;

/// What a run is begun with, or goes on with.
pub(crate) struct Sitting {
    pub(crate) plan: Plan,
    pub(crate) known: KnownFailures,
    pub(crate) seed: u64,
    pub(crate) strict: bool,
    pub(crate) signer: Option<Signer>,
    pub(crate) resumed: Option<Resumed>,
    /// A run that goes on: what it left.
    before: Option<Stored>,
}

impl Sitting {
    /// Of this plan, by the profile with this text; where a run goes on, with the plan of its bundle.
    pub(crate) fn new(
        asked: &cli::Sitting,
        plan: Plan,
        profile_text: &str,
    ) -> Result<Self, Failure> {
        let known = asked.known_failures.as_deref();
        let known = known.map(KnownFailures::read).transpose();
        let signer = asked.sign_key.as_deref().map(Signer::read);
        let sitting = Self {
            plan,
            known: known.map_err(Failure::usage)?.unwrap_or_default(),
            seed: asked
                .seed
                .unwrap_or_else(|| jiff::Timestamp::now().as_millisecond().unsigned_abs()),
            strict: asked.strict,
            signer: signer.transpose().map_err(Failure::usage)?,
            resumed: None,
            before: None,
        };
        match &asked.resume {
            Some(path) => sitting.goes_on(path, profile_text),
            None => Ok(sitting),
        }
    }

    /// The run that left this bundle goes on.
    fn goes_on(self, path: &Path, profile_text: &str) -> Result<Self, Failure> {
        let refused = |why: &str| Failure::usage(format!("{}: {why}", path.display()));
        let (stored, was_killed) = match bundle::check(path, None) {
            Ok(checked) => (checked.stored, false),
            Err(BundleError::Unfinished { .. }) => {
                let stored =
                    Stored::unfinished(path).map_err(|error| refused(&error.to_string()))?;
                (stored, true)
            }
            Err(error) => return Err(refused(&error.to_string())),
        };
        let run = &stored.results.run;
        if run.suite != Suite::this() {
            let why = format!(
                "{} {} began this run, and only that version can go on with it",
                run.suite.name, run.suite.version
            );
            return Err(refused(&why));
        }
        if stored.profile_text != profile_text {
            return Err(refused(
                "this run was begun with another profile: name the same one",
            ));
        }
        if stored.plan.full_sha256 != self.plan.full_sha256 {
            return Err(refused("this run was begun with another plan"));
        }
        let outcomes = rejudge::finished(&stored);
        // Who was killed after the last scenario has still to judge and to write.
        if outcomes.len() == stored.plan.scenarios.len() && !was_killed {
            return Err(refused(
                "every scenario of this run was run: there is nothing to go on with",
            ));
        }
        Ok(Self {
            seed: run.seed,
            strict: self.strict | run.strict,
            resumed: Some(Resumed {
                started: run.started,
                outcomes,
            }),
            plan: stored.plan.clone(),
            known: stored.known.clone(),
            before: Some(stored),
            signer: self.signer,
        })
    }

    /// A new bundle's directory and journal, or those of the run that goes on. A new one holds what was `begun` from here on,
    /// so that a run which is killed can go on, too.
    pub(crate) fn begin(
        &self,
        asked: &cli::Sitting,
        begun: Option<&Contents<'_>>,
    ) -> Result<(Directory, Journal), Failure> {
        if let (Some(path), Some(before)) = (&asked.resume, &self.before) {
            let directory = Directory::reclaim(path).map_err(Failure::usage)?;
            let (file, entries) = (directory.journal(), &before.entries);
            // Where it was killed, its journal has a torn line and no end.
            journal::write(&file, entries).map_err(Failure::fault)?;
            let journal = Journal::going_on(&file, entries.clone()).map_err(Failure::fault)?;
            return Ok((directory, journal));
        }
        let directory = Directory::claim(&asked.out).map_err(Failure::usage)?;
        if let Some(begun) = begun {
            directory.begin(begun).map_err(Failure::fault)?;
        }
        let journal = Journal::in_file(&directory.journal()).map_err(Failure::fault)?;
        Ok((directory, journal))
    }

    /// The scenarios of the plan that no earlier sitting ran.
    pub(crate) fn to_run(&self) -> Vec<&Scenario> {
        let done = self.resumed.iter().flat_map(|resumed| &resumed.outcomes);
        let done: Vec<_> = done.map(|outcome| outcome.scenario.as_str()).collect();
        let planned = self.plan.scenarios.iter();
        planned
            .filter(|scenario| !done.contains(&scenario.id.as_str()))
            .collect()
    }
}
