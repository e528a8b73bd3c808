//! `terminal`: finds or starts the subject, runs the plan, writes the bundle, says what came of it.

use std::time::Duration;

use anstream::eprintln;
use tokio_util::sync::CancellationToken;
use vinr_conformance::bundle::{Contents, Directory, Secret, Signer};
use vinr_conformance::features;
use vinr_conformance::profile::{Profile, Sheet};
use vinr_conformance::report::console;
use vinr_conformance::run::{self, Certified, Order};
use vinr_conformance::subject::{self, Embedded, Provisioned, Subject};

use crate::catalogue::planned;
use crate::cli::Terminal;
use crate::progress::Progress;
use crate::sitting::Sitting;
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
    profile: Profile,
    sitting: Sitting,
}

fn prepare(asked: &Terminal) -> Result<Prepared, Failure> {
    let (profile, plan) = planned(&asked.choice, fallback(asked)?)?;
    let sitting = Sitting::new(&asked.sitting, plan, &profile.effective().text())?;
    Ok(Prepared { profile, sitting })
}

fn order(asked: &Terminal, prepared: &Prepared) -> Order {
    let sitting = &prepared.sitting;
    Order {
        profile: prepared.profile.clone(),
        plan: sitting.plan.clone(),
        seed: sitting.seed,
        strict: sitting.strict,
        real_time: asked.real_time,
        command: command(asked),
        known: sitting.known.clone(),
        resumed: sitting.resumed.clone(),
    }
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
    let order = &order(asked, prepared);
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
    secrets.extend(prepared.sitting.signer.as_ref().and_then(Signer::secret));
    let not_begun = run::not_begun(&subject, order);
    let profile_text = order.profile.effective().text();
    let begun = Contents {
        results: &not_begun,
        plan: &order.plan,
        profile: &profile_text,
        entries: &[],
        known: order.known.text(),
        secrets: &secrets,
        signer: None,
    };
    let (directory, journal) = prepared.sitting.begin(&asked.sitting, Some(&begun))?;
    let total = order.plan.scenarios.len();
    if style == Style::Words {
        eprintln!(
            "{} at {}: {} to run, seed {}",
            subject.terminal,
            subject.address,
            match prepared.sitting.to_run().len() {
                1 => "1 scenario".to_owned(),
                count => format!("{count} scenarios"),
            },
            order.seed
        );
    }

    let mut progress = Progress::new(&prepared.sitting.to_run(), total, style);
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
    finish(directory, order, prepared, &certified, &secrets, style)
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
    order: &Order,
    prepared: &Prepared,
    certified: &Certified,
    secrets: &[Secret],
    style: Style,
) -> Result<u8, Failure> {
    let path = directory.path().to_owned();
    let contents = Contents {
        results: &certified.results,
        plan: &order.plan,
        profile: &order.profile.effective().text(),
        entries: &certified.entries,
        known: order.known.text(),
        secrets,
        signer: prepared.sitting.signer.as_ref(),
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
        ("--known-failures", &asked.sitting.known_failures),
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
