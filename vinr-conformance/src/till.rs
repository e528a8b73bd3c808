//! `client`: plays terminals for a till, runs the plan, writes the bundle, says what came of it.

use anstream::eprintln;
use tokio_util::sync::CancellationToken;
use vinr_conformance::bundle::{Contents, Directory, Secret, Signer};
use vinr_conformance::client::{self, Order, Program, Session};
use vinr_conformance::features;
use vinr_conformance::journal::Journal;
use vinr_conformance::known::KnownFailures;
use vinr_conformance::plan::{Plan, Selection};
use vinr_conformance::profile::TillProfile;
use vinr_conformance::report::console;
use vinr_conformance::run;

use crate::Failure;
use crate::cli::Client;
use crate::progress::Progress;
use crate::style::Style;
use crate::terminal::asked_to_stop;

pub(crate) fn run(asked: &Client, style: Style) -> Result<u8, Failure> {
    let profile = TillProfile::read(&asked.profile).map_err(Failure::usage)?;
    let plan = planned(asked, &profile)?;
    if asked.list {
        return Ok(list(&plan));
    }
    let (program, arguments) = asked
        .adapter
        .split_first()
        .ok_or_else(|| Failure::usage("name the adapter after --"))?;
    let known = asked.known_failures.as_deref();
    let known = known.map(KnownFailures::read).transpose();
    let signer = asked.sign_key.as_deref().map(Signer::read).transpose();
    let signer = signer.map_err(Failure::usage)?;
    let order = Order {
        known: known.map_err(Failure::usage)?.unwrap_or_default(),
        program: Program {
            program: program.clone(),
            arguments: arguments.to_vec(),
        },
        seed: asked
            .seed
            .unwrap_or_else(|| jiff::Timestamp::now().as_millisecond().unsigned_abs()),
        strict: asked.strict,
        command: command(asked),
        profile,
        plan,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Failure::fault)?;
    runtime.block_on(certify(asked, &order, signer.as_ref(), style))
}

fn planned(asked: &Client, profile: &TillProfile) -> Result<Plan, Failure> {
    let selection = Selection::parse(&asked.only, &asked.tags).map_err(Failure::usage)?;
    let plan = client::plan(features::tills(), profile, &selection);
    if plan.scenarios.is_empty() {
        let chosen = selection.text().unwrap_or_else(|| "the profile".into());
        return Err(Failure::usage(format!("{chosen} selects no scenario")));
    }
    Ok(plan)
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
    signer: Option<&Signer>,
    style: Style,
) -> Result<u8, Failure> {
    let directory = Directory::claim(&asked.out).map_err(Failure::usage)?;
    let journal = Journal::in_file(&directory.journal()).map_err(Failure::fault)?;
    let session = Session::new(order).map_err(Failure::fault)?;
    if style == Style::Words {
        eprintln!(
            "{} {}: {} scenarios to run, seed {}",
            order.profile.product,
            order.profile.version,
            order.plan.scenarios.len(),
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
    let planned: Vec<_> = order.plan.scenarios.iter().collect();
    let mut progress = Progress::new(&planned, planned.len(), style);
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
    secrets.extend(signer.and_then(Signer::secret));
    secrets.extend(told_to_the_adapter(order));
    secrets.extend(run::cards());
    let contents = Contents {
        results: &certified.results,
        plan: &order.plan,
        profile: &order.profile.text(),
        entries: &certified.entries,
        known: order.known.text(),
        secrets: &secrets,
        signer,
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
    let words = order.program.arguments.join(" ");
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
    let known = asked.known_failures.as_ref();
    words.extend(known.map(|path| format!("--known-failures {}", path.display())));
    words.join(" ")
}
