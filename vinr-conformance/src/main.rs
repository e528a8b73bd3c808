//! `vinr-conformance`: see the crate page.

/// `println!` for a reader who may be gone: what counts is the exit code and the bundle.
macro_rules! say {
    ($($words:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(anstream::stdout(), $($words)*);
    }};
}

mod catalogue;
mod checkup;
mod cli;
mod finished;
mod maker;
mod paper;
mod progress;
mod sitting;
mod style;
mod terminal;
mod till;

use std::process::ExitCode;

use clap::Parser as _;
use cli::{Cli, Command};
use style::Style;
use vinr_conformance::merge::Gaps;

/// Bad usage or a bad profile.
const USAGE: u8 = 64;
/// The suite itself went wrong.
const FAULT: u8 = 70;

/// Why the process ends without a result, and with which code.
#[derive(Debug)]
struct Failure {
    code: u8,
    sentence: String,
}

impl Failure {
    fn usage(error: impl std::fmt::Display) -> Self {
        Self {
            code: USAGE,
            sentence: error.to_string(),
        }
    }

    fn fault(error: impl std::fmt::Display) -> Self {
        Self {
            code: FAULT,
            sentence: error.to_string(),
        }
    }
}

fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_env("VINR_LOG"))
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .with_writer(std::io::stderr)
        .init();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no errors; where they cannot be printed nobody reads them.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { USAGE } else { 0 });
        }
    };
    let style = Style::of(&cli);
    let ended = match cli.command {
        Command::Terminal(order) => terminal::run(&order, style),
        Command::Client(order) => till::run(&order, style),
        Command::Doctor(asked) => checkup::run(&asked, style),
        Command::Plan(choice) => catalogue::plan(&choice, style),
        Command::Rejudge(asked) => finished::rejudge(&asked, style),
        Command::Verify { bundle, key } => finished::verify(&bundle, key.as_deref(), style),
        Command::Merge {
            bundles,
            out,
            partial,
            sign_key,
        } => {
            let gaps = if partial { Gaps::NotRun } else { Gaps::Refused };
            finished::merge(&bundles, &out, gaps, sign_key.as_deref(), style)
        }
        Command::Keygen { file } => paper::keygen(&file),
        Command::Schema => Ok(paper::schema()),
        Command::Completions { shell } => Ok(paper::completions(shell)),
        Command::Man { out } => paper::man(out.as_deref()),
        Command::Diff { old, new } => finished::diff(&old, &new, style),
        Command::Badge { bundle, out } => finished::badge(&bundle, out.as_deref()),
        Command::Profile { command } => maker::run(&command),
        Command::List => Ok(catalogue::list(style)),
        Command::Explain { id } => catalogue::explain(&id, style),
    };
    match ended {
        Ok(code) => ExitCode::from(code),
        Err(Failure { code, sentence }) => {
            anstream::eprintln!("vinr-conformance: {sentence}");
            ExitCode::from(code)
        }
    }
}
