//! `client`: plays terminals for a till, runs the plan, writes the bundle, says what came of it.

use anstream::eprintln;
use tokio_util::sync::CancellationToken;
use vinr_conformance::bundle::{Contents, Secret, Signer};
use vinr_conformance::client::{self, Order, Program, Session, Subject};
use vinr_conformance::features;
use vinr_conformance::plan::Plan;
use vinr_conformance::profile::TillProfile;
use vinr_conformance::report::console;
use vinr_conformance::run;

use crate::Failure;
use crate::catalogue::part_of;
use crate::cli::Client;
use crate::progress::Progress;
use crate::sitting::Sitting;
use crate::style::Style;
use crate::terminal::asked_to_stop;

pub(crate) fn run(asked: &Client, style: Style) -> Result<u8, Failure> {
    let profile = TillProfile::read(&asked.profile).map_err(Failure::usage)?;
    let plan = planned(asked, &profile)?;
    if asked.list {
        return Ok(list(&plan));
    }
    let subject = subject(asked, &profile)?;
    let sitting = Sitting::new(&asked.sitting, plan, &profile.text())?;
    let order = Order {
        known: sitting.known.clone(),
        subject,
        seed: sitting.seed,
        strict: sitting.strict,
        command: command(asked),
        resumed: sitting.resumed.clone(),
        profile,
        plan: sitting.plan.clone(),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Failure::fault)?;
    runtime.block_on(certify(asked, &order, &sitting, style))
}

/// The adapter that is named, or the till with a screen that the profile describes.
fn subject(asked: &Client, profile: &TillProfile) -> Result<Subject, Failure> {
    match (asked.adapter.split_first(), &profile.screen) {
        (Some((program, arguments)), None) => Ok(Subject::Adapter(Program {
            program: program.clone(),
            arguments: arguments.to_vec(),
        })),
        (None, Some(screen)) => Ok(Subject::Screen(screen.clone())),
        (None, None) => Err(Failure::usage(
            "name the adapter after --, or say in [screen] and [drivers] of the profile who uses the till",
        )),
        (Some(_), Some(_)) => Err(Failure::usage(
            "the profile is that of a till with a screen, and an adapter is named: which of them?",
        )),
    }
}

fn planned(asked: &Client, profile: &TillProfile) -> Result<Plan, Failure> {
    part_of(&asked.part, |selection| {
        client::plan(features::tills(), profile, selection)
    })
}

fn list(plan: &Plan) -> u8 {
    for scenario in &plan.scenarios {
        let about = scenario.requirements.join(", ");
        say!("{:<44} {}  [{about}]", scenario.id, scenario.name);
    }
    for left_out in &plan.left_out {
        say!("{:<44} left out: {}", left_out.scenario.id, left_out.why);
    }
    say!("\n{} scenarios, plan {}", plan.scenarios.len(), plan.sha256);
    0
}

async fn certify(
    asked: &Client,
    order: &Order,
    sitting: &Sitting,
    style: Style,
) -> Result<u8, Failure> {
    let (directory, journal) = sitting.begin(&asked.sitting, None)?;
    let session = Session::new(order).map_err(Failure::fault)?;
    if style == Style::Words {
        eprintln!(
            "{} {}: {} scenarios to run, seed {}",
            order.profile.product,
            order.profile.version,
            sitting.to_run().len(),
            order.seed
        );
    }
    let stop = CancellationToken::new();
    let interrupt = tokio::spawn({
        let stop = stop.clone();
        async move {
            asked_to_stop().await;
            stop.cancel();
        }
    });
    let total = order.plan.scenarios.len();
    let mut progress = Progress::new(&sitting.to_run(), total, style);
    let certified = client::certify(
        &session,
        order,
        features::tills(),
        journal.clone(),
        &stop,
        |told| progress.tell(told),
    )
    .await;
    progress.done();
    interrupt.abort();
    journal.flush().map_err(Failure::fault)?;
    let path = directory.path().to_owned();
    let mut secrets = session.secrets();
    secrets.extend(sitting.signer.as_ref().and_then(Signer::secret));
    secrets.extend(journal.secrets());
    secrets.extend(told_to_the_adapter(order));
    secrets.extend(run::cards());
    let contents = Contents {
        results: &certified.results,
        plan: &order.plan,
        profile: &order.profile.text(),
        entries: &certified.entries,
        known: order.known.text(),
        secrets: &secrets,
        signer: sitting.signer.as_ref(),
    };
    if let Err(error) = directory.finish(&contents) {
        eprintln!("{}", console::summary(&certified.results));
        return Err(Failure::fault(error));
    }
    style.result(&certified.results, &path);
    Ok(certified.results.exit_code())
}

/// What the command line of the adapter holds.
fn told_to_the_adapter(order: &Order) -> Vec<Secret> {
    let words = match &order.subject {
        Subject::Adapter(program) => program.arguments.join(" "),
        // What a driver's command holds, the profile knows by its digest alone.
        Subject::Screen(_) => String::new(),
    };
    let profile = &order.profile;
    let public = [profile.product.as_str(), &profile.version];
    Secret::told_in("a token of the adapter's command", &words, &public)
}

/// The command that runs the same again; the report appends what to run.
fn command(asked: &Client) -> String {
    let mut words = vec![
        "vinr-conformance client".to_owned(),
        format!("--profile {}", asked.profile.display()),
    ];
    let known = asked.sitting.known_failures.as_ref();
    words.extend(known.map(|path| format!("--known-failures {}", path.display())));
    words.join(" ")
}
