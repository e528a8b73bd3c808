//! `terminal`: finds or starts the subject, runs the plan, writes the bundle, says what came of it.

use anstream::eprintln;
use tokio_util::sync::CancellationToken;
use vinr_conformance::bundle::{Contents, Directory, Secret};
use vinr_conformance::features;
use vinr_conformance::journal::Journal;
use vinr_conformance::profile::{CloudProfile, Profile, Sheet};
use vinr_conformance::report::console;
use vinr_conformance::run::{self, Certified, Order};
use vinr_conformance::subject::{self, Embedded, Provisioned, Subject};
use vinr_simulator::cards::TEST_CARDS;

use crate::catalogue::planned;
use crate::cli::Terminal;
use crate::progress::Progress;
use crate::{Failure, USAGE};

/// The subject cannot be reached or started.
const UNREACHABLE: u8 = 69;

pub(crate) fn run(asked: &Terminal) -> Result<u8, Failure> {
    let (profile, plan) = planned(&asked.choice, fallback(asked)?)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Failure::fault)?;
    let order = Order {
        plan,
        seed: asked
            .seed
            .unwrap_or_else(|| jiff::Timestamp::now().as_millisecond().unsigned_abs()),
        strict: asked.strict,
        real_time: asked.real_time,
        command: command(asked),
        profile,
    };
    runtime.block_on(certify(asked, &order))
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

async fn certify(asked: &Terminal, order: &Order) -> Result<u8, Failure> {
    let (subject, embedded) = find(asked, &order.profile).await?;
    order
        .profile
        .interlock(subject.address.ip())
        .map_err(Failure::usage)?;
    let directory = Directory::claim(&asked.out).map_err(Failure::usage)?;
    let journal = Journal::in_file(&directory.journal()).map_err(Failure::fault)?;
    let secrets = secrets(&subject, &order.profile);
    eprintln!(
        "{} at {}: {} to run, seed {}",
        subject.terminal,
        subject.address,
        match order.plan.scenarios.len() {
            1 => "1 scenario".to_owned(),
            count => format!("{count} scenarios"),
        },
        order.seed
    );

    let stop = CancellationToken::new();
    let interrupt = tokio::spawn({
        let stop = stop.clone();
        async move {
            asked_to_stop().await;
            stop.cancel();
        }
    });
    let progress = Progress::new(order.plan.scenarios.len());
    let certified = run::certify(
        subject,
        order,
        features::all(),
        journal.clone(),
        &stop,
        |told| {
            progress.tell(told);
        },
    );
    let certified = certified.await.map_err(Failure::usage)?;
    progress.done();
    interrupt.abort();
    if let Some(embedded) = embedded {
        embedded.shutdown().await;
    }
    journal.flush().map_err(Failure::fault)?;
    finish(directory, order, &certified, &secrets)
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

/// Ctrl-C, or the SIGTERM with which a build system ends what takes too long.
async fn asked_to_stop() {
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

/// What must not stand in any file of the bundle.
fn secrets(subject: &Subject, profile: &Profile) -> Vec<Secret> {
    let api_key = match &profile.cloud {
        Some(CloudProfile::At { api_key_env, .. }) => std::env::var(api_key_env).ok(),
        Some(CloudProfile::Own) | None => None,
    };
    let api_key = api_key.map(|key| Secret::new("the cloud's API key", &key));
    let token = subject
        .control
        .as_ref()
        .map(|control| Secret::new("control token", control.token()));
    let key = Secret::new("the till's private key", &subject.till.key_text());
    let cards = TEST_CARDS
        .iter()
        .map(|card| Secret::new("a card number", card.number));
    token
        .into_iter()
        .chain(api_key)
        .chain([key])
        .chain(cards)
        .collect()
}

fn finish(
    directory: Directory,
    order: &Order,
    certified: &Certified,
    secrets: &[Secret],
) -> Result<u8, Failure> {
    let report = directory.report();
    let contents = Contents {
        results: &certified.results,
        plan: &order.plan,
        profile: &order.profile.effective().text(),
        timeline: &run::story(&certified.entries),
        samples_ns: &run::samples_ns(&certified.entries),
        secrets,
    };
    let written = directory.finish(&contents);
    say!("{}", console::summary(&certified.results));
    written.map_err(Failure::fault)?;
    say!("report    {}", report.display());
    Ok(certified.results.exit_code())
}

/// The command that runs the same again; the report appends what to run.
fn command(asked: &Terminal) -> String {
    let mut words = vec!["vinr-conformance terminal".to_owned()];
    words.extend(asked.address.clone());
    if asked.simulator {
        words.push("--simulator".into());
    }
    let paths = [("--profile", &asked.choice.profile), ("--dir", &asked.dir)];
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
