//! `terminal`: finds or starts the subject, runs the plan, writes the bundle, says what came of it.

use std::path::Path;
use std::time::Duration;

use anstream::eprintln;
use tokio_util::sync::CancellationToken;
use vinr_conformance::bundle::{self, BundleError, Contents, Directory, Secret, Signer, Stored};
use vinr_conformance::journal::{self, Journal};
use vinr_conformance::known::KnownFailures;
use vinr_conformance::plan::Scenario;
use vinr_conformance::profile::{Profile, Sheet};
use vinr_conformance::report::console;
use vinr_conformance::run::{self, Certified, Order, Resumed};
use vinr_conformance::subject::{self, Embedded, Provisioned, Subject};
use vinr_conformance::verdict::Suite;
use vinr_conformance::{features, rejudge};

use crate::catalogue::planned;
use crate::cli::Terminal;
use crate::progress::Progress;
use crate::style::Style;
use crate::{Failure, USAGE};

/// The subject cannot be reached or started.
const UNREACHABLE: u8 = 69;

/// Somebody stopped it.
const INTERRUPTED: u8 = 130;

/// What still runs when a run was stopped is not waited for longer than this.
const LET_GO_WITHIN: Duration = Duration::from_millis(300);

pub(crate) fn run(asked: &Terminal, style: Style) -> Result<u8, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Failure::fault)?;
    let stop = CancellationToken::new();
    runtime.spawn(listen_to_signals(stop.clone()));
    let ended = prepare(asked)
        .and_then(|prepared| runtime.block_on(certify(asked, &prepared, &stop, style)));
    // A series of samples that was stopped has a thread of its own, which nobody waits for.
    runtime.shutdown_timeout(LET_GO_WITHIN);
    ended
}

/// All that is known before anybody is dialled.
struct Prepared {
    order: Order,
    /// A run that goes on: what it left.
    before: Option<Stored>,
    signer: Option<Signer>,
}

fn prepare(asked: &Terminal) -> Result<Prepared, Failure> {
    let fallback = fallback(asked)?;
    let known = asked.known_failures.as_deref();
    let known = known.map(KnownFailures::read).transpose();
    let known = known.map_err(Failure::usage)?.unwrap_or_default();
    let signer = asked.sign_key.as_deref().map(Signer::read);
    let signer = signer.transpose().map_err(Failure::usage)?;
    let (profile, plan) = planned(&asked.choice, fallback)?;
    let seed = asked
        .seed
        .unwrap_or_else(|| jiff::Timestamp::now().as_millisecond().unsigned_abs());
    let mut order = Order {
        plan,
        seed,
        strict: asked.strict,
        real_time: asked.real_time,
        command: command(asked),
        known,
        resumed: None,
        profile,
    };
    let mut before = None;
    if let Some(path) = &asked.resume {
        before = Some(resumed(path, &mut order)?);
    }
    Ok(Prepared {
        order,
        before,
        signer,
    })
}

/// The order of the run that left this bundle, and what it left.
fn resumed(path: &Path, order: &mut Order) -> Result<Stored, Failure> {
    let refused = |why: &str| Failure::usage(format!("{}: {why}", path.display()));
    let (stored, was_killed) = match bundle::check(path, None) {
        Ok(checked) => (checked.stored, false),
        Err(BundleError::Unfinished { .. }) => {
            let stored = Stored::unfinished(path).map_err(|error| refused(&error.to_string()))?;
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
    if stored.profile_text != order.profile.effective().text() {
        return Err(refused(
            "this run was begun with another profile: name the same one",
        ));
    }
    if stored.plan.full_sha256 != order.plan.full_sha256 {
        return Err(refused("this run was begun with another plan"));
    }
    let outcomes = rejudge::finished(&stored);
    // Who was killed after the last scenario has still to judge and to write.
    if outcomes.len() == stored.plan.scenarios.len() && !was_killed {
        return Err(refused(
            "every scenario of this run was run: there is nothing to go on with",
        ));
    }
    order.seed = run.seed;
    order.strict |= run.strict;
    order.resumed = Some(Resumed {
        started: run.started,
        outcomes,
    });
    order.plan = stored.plan.clone();
    order.known = stored.known.clone();
    Ok(stored)
}

/// The profile where none is named: the simulator's, or that of a simulated CT20 for a directory that
/// `vinr-simulator provision` made.
fn fallback(asked: &Terminal) -> Result<Profile, Failure> {
    if asked.simulator || asked.choice.profile.is_some() {
        return Ok(Profile::simulator());
    }
    if asked.dir.is_none() {
        return Err(Failure::usage(
            "a terminal at an address needs --profile, or --dir with what `vinr-simulator provision` made",
        ));
    }
    let mut profile = Profile::simulator();
    profile.base = Sheet::NexgoCt20;
    profile.product = "simulated terminal".into();
    profile.cloud = None;
    Ok(profile)
}

async fn certify(
    asked: &Terminal,
    prepared: &Prepared,
    stop: &CancellationToken,
    style: Style,
) -> Result<u8, Failure> {
    let order = &prepared.order;
    let found = tokio::select! {
        found = find(asked, &order.profile) => found?,
        () = stop.cancelled() => return Err(Failure {
            code: INTERRUPTED,
            sentence: "interrupted before anything was begun".into(),
        }),
    };
    let (subject, embedded) = found;
    order
        .profile
        .interlock(subject.address.ip())
        .map_err(Failure::usage)?;
    let mut secrets = run::secrets(&subject, &order.profile);
    secrets.extend(prepared.signer.as_ref().and_then(Signer::secret));
    let (directory, journal) = begin(asked, prepared, &subject, &secrets)?;
    let total = order.plan.scenarios.len();
    if style == Style::Words {
        eprintln!(
            "{} at {}: {} to run, seed {}",
            subject.terminal,
            subject.address,
            match to_run(order).len() {
                1 => "1 scenario".to_owned(),
                count => format!("{count} scenarios"),
            },
            order.seed
        );
    }

    let mut progress = Progress::new(&to_run(order), total, style);
    let certified = run::certify(
        subject,
        order,
        features::all(),
        journal.clone(),
        stop,
        |told| {
            progress.tell(told);
        },
    );
    let certified = certified.await.map_err(Failure::usage)?;
    progress.done();
    if let Some(embedded) = embedded {
        if stop.is_cancelled() {
            let _ = tokio::time::timeout(LET_GO_WITHIN, embedded.shutdown()).await;
        } else {
            embedded.shutdown().await;
        }
    }
    journal.flush().map_err(Failure::fault)?;
    secrets.extend(journal.secrets());
    finish(directory, prepared, &certified, &secrets, style)
}

/// A new bundle's directory and journal, or those of the run that goes on.
fn begin(
    asked: &Terminal,
    prepared: &Prepared,
    subject: &Subject,
    secrets: &[Secret],
) -> Result<(Directory, Journal), Failure> {
    let order = &prepared.order;
    if let (Some(path), Some(before)) = (&asked.resume, &prepared.before) {
        let directory = Directory::reclaim(path).map_err(Failure::usage)?;
        let (file, entries) = (directory.journal(), &before.entries);
        // Where it was killed, its journal has a torn line and no end.
        journal::write(&file, entries).map_err(Failure::fault)?;
        let journal = Journal::going_on(&file, entries.clone()).map_err(Failure::fault)?;
        return Ok((directory, journal));
    }
    let directory = Directory::claim(&asked.out).map_err(Failure::usage)?;
    let contents = Contents {
        results: &run::not_begun(subject, order),
        plan: &order.plan,
        profile: &order.profile.effective().text(),
        entries: &[],
        known: order.known.text(),
        secrets,
        signer: None,
    };
    directory.begin(&contents).map_err(Failure::fault)?;
    let journal = Journal::in_file(&directory.journal()).map_err(Failure::fault)?;
    Ok((directory, journal))
}

/// The scenarios of the plan that no earlier sitting ran.
fn to_run(order: &Order) -> Vec<&Scenario> {
    let done = order.resumed.iter().flat_map(|resumed| &resumed.outcomes);
    let done: Vec<_> = done.map(|outcome| outcome.scenario.as_str()).collect();
    let planned = order.plan.scenarios.iter();
    planned
        .filter(|scenario| !done.contains(&scenario.id.as_str()))
        .collect()
}

async fn find(asked: &Terminal, profile: &Profile) -> Result<(Subject, Option<Embedded>), Failure> {
    if asked.simulator {
        let started = subject::embedded(&asked.defect).await;
        let (subject, embedded) = started.map_err(|error| Failure {
            code: UNREACHABLE,
            sentence: error.to_string(),
        })?;
        return Ok((subject, Some(embedded)));
    }
    let provisioned = asked.dir.clone().map(|dir| Provisioned {
        dir,
        terminal: asked.id.clone(),
    });
    subject::elsewhere(profile, asked.address.as_deref(), provisioned.as_ref())
        .map(|subject| (subject, None))
        .map_err(|error| Failure {
            code: USAGE,
            sentence: error.to_string(),
        })
}

/// The first signal ends a run in good order. Whoever sends a second one does not want to wait for that.
async fn listen_to_signals(stop: CancellationToken) {
    asked_to_stop().await;
    stop.cancel();
    asked_to_stop().await;
    std::process::exit(INTERRUPTED.into());
}

/// Ctrl-C, or the SIGTERM with which a build system ends what takes too long.
pub(crate) async fn asked_to_stop() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        let _ = tokio::signal::ctrl_c().await;
        return;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

fn finish(
    directory: Directory,
    prepared: &Prepared,
    certified: &Certified,
    secrets: &[Secret],
    style: Style,
) -> Result<u8, Failure> {
    let order = &prepared.order;
    let path = directory.path().to_owned();
    let contents = Contents {
        results: &certified.results,
        plan: &order.plan,
        profile: &order.profile.effective().text(),
        entries: &certified.entries,
        known: order.known.text(),
        secrets,
        signer: prepared.signer.as_ref(),
    };
    let written = directory.finish(&contents);
    if let Err(error) = written {
        eprintln!("{}", console::summary(&certified.results));
        return Err(Failure::fault(error));
    }
    style.result(&certified.results, &path);
    Ok(certified.results.exit_code())
}

/// The command that runs the same again; the report appends what to run.
fn command(asked: &Terminal) -> String {
    let mut words = vec!["vinr-conformance terminal".to_owned()];
    words.extend(asked.address.clone());
    if asked.simulator {
        words.push("--simulator".into());
    }
    let paths = [
        ("--profile", &asked.choice.profile),
        ("--dir", &asked.dir),
        ("--known-failures", &asked.known_failures),
    ];
    for (option, path) in paths {
        words.extend(
            path.as_ref()
                .map(|path| format!("{option} {}", path.display())),
        );
    }
    if asked.real_time {
        words.push("--real-time".into());
    }
    words.extend(asked.id.as_ref().map(|id| format!("--id {id}")));
    words.extend(
        asked
            .defect
            .iter()
            .map(|defect| format!("--defect {defect}")),
    );
    words.join(" ")
}
