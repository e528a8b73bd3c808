//! What a person sees while a run goes on: a bar on a terminal, plain lines elsewhere.

use std::io::IsTerminal as _;

use indicatif::{ProgressBar, ProgressStyle};
use vinr_conformance::journal::Ended;
use vinr_conformance::run::Progress as Told;

/// Shows how far a run is.
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    total: usize,
}

impl Progress {
    pub(crate) fn new(total: usize) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(total as u64);
            if let Ok(style) = ProgressStyle::with_template("{bar:24} {pos}/{len} {wide_msg}") {
                bar.set_style(style);
            }
            bar
        });
        Self { bar, total }
    }

    pub(crate) fn tell(&self, told: Told<'_>) {
        match (&self.bar, told) {
            (Some(bar), Told::Begins(_, scenario)) => bar.set_message(scenario.name.clone()),
            (Some(bar), Told::Ended(_, scenario, ended)) => {
                if let Some(trouble) = trouble(ended) {
                    bar.println(format!("{}: {trouble}", scenario.id));
                }
                bar.inc(1);
            }
            (None, Told::Begins(place, scenario)) => {
                anstream::eprintln!("{:>3}/{} {}", place + 1, self.total, scenario.name);
            }
            (None, Told::Ended(_, _, ended)) => {
                if let Some(trouble) = trouble(ended) {
                    anstream::eprintln!("        {trouble}");
                }
            }
        }
    }

    pub(crate) fn done(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn trouble(ended: &Ended) -> Option<String> {
    match ended {
        Ended::Completed => None,
        Ended::CouldNot { why } => Some(format!("could not test: {why}")),
        Ended::Fault { why } => Some(format!("the suite went wrong: {why}")),
        Ended::Interrupted => Some("interrupted".into()),
    }
}
