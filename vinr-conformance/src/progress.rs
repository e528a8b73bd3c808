//! What a person sees while a run goes on: what, how far, how long to go. A bar on a terminal, plain lines elsewhere.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use vinr_conformance::journal::Ended;
use vinr_conformance::plan::Scenario;
use vinr_conformance::run::Progress as Told;

use crate::style::Style;

/// Shows how far a run is.
pub(crate) struct Progress {
    shown: Shown,
    total: usize,
    clock: Estimate,
}

enum Shown {
    Bar(ProgressBar),
    Lines,
    Nothing,
}

impl Progress {
    /// Of a run of these scenarios.
    pub(crate) fn new(scenarios: &[&Scenario], total: usize, style: Style) -> Self {
        let shown = match style {
            Style::Quiet | Style::Json => Shown::Nothing,
            Style::Words if std::io::stderr().is_terminal() => {
                let bar = ProgressBar::new(total as u64);
                bar.set_position((total - scenarios.len()) as u64);
                if let Ok(style) = ProgressStyle::with_template("{bar:24} {pos}/{len} {wide_msg}") {
                    bar.set_style(style);
                }
                Shown::Bar(bar)
            }
            Style::Words => Shown::Lines,
        };
        Self {
            shown,
            total,
            clock: Estimate::of(scenarios),
        }
    }

    pub(crate) fn tell(&mut self, told: Told<'_>) {
        match told {
            Told::Begins(place, scenario) => {
                let left = left(self.clock.left());
                match &self.shown {
                    Shown::Bar(bar) => bar.set_message(format!("{left}  {}", scenario.name)),
                    Shown::Lines => {
                        let place = place + 1;
                        anstream::eprintln!(
                            "{place:>3}/{} {left:>10}  {}",
                            self.total,
                            scenario.name
                        );
                    }
                    Shown::Nothing => {}
                }
            }
            Told::Ended(_, scenario, ended) => {
                self.clock.ended(scenario);
                let trouble = trouble(ended);
                match &self.shown {
                    Shown::Bar(bar) => {
                        if let Some(trouble) = trouble {
                            bar.println(format!("{}: {trouble}", scenario.id));
                        }
                        bar.inc(1);
                    }
                    Shown::Lines => {
                        if let Some(trouble) = trouble {
                            anstream::eprintln!("        {trouble}");
                        }
                    }
                    Shown::Nothing => {}
                }
            }
        }
    }

    pub(crate) fn done(&self) {
        if let Shown::Bar(bar) = &self.shown {
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

/// As people say it: no more exactly than it is known.
fn left(time: Duration) -> String {
    match time.as_secs() {
        0..=4 => "soon done".to_owned(),
        seconds @ 5..=99 => format!("{} s to go", seconds.div_ceil(5) * 5),
        seconds => format!("{} min to go", seconds.div_ceil(60)),
    }
}

/// How long a run will take: by what scenarios of a kind take on a simulator, and how much slower this one has been.
struct Estimate {
    began: Instant,
    done: Duration,
    to_go: Duration,
}

impl Estimate {
    fn of(scenarios: &[&Scenario]) -> Self {
        Self {
            began: Instant::now(),
            done: Duration::ZERO,
            to_go: scenarios.iter().map(|scenario| usual(scenario)).sum(),
        }
    }

    fn ended(&mut self, scenario: &Scenario) {
        let usual = usual(scenario);
        self.done += usual;
        self.to_go = self.to_go.saturating_sub(usual);
    }

    fn left(&self) -> Duration {
        left_by(self.began.elapsed(), self.done, self.to_go)
    }
}

/// What is to go, as much slower as what was done; a few seconds prove nothing yet.
fn left_by(took: Duration, done: Duration, to_go: Duration) -> Duration {
    if done < Duration::from_secs(2) {
        return to_go;
    }
    to_go.mul_f64(took.as_secs_f64() / done.as_secs_f64())
}

fn usual(scenario: &Scenario) -> Duration {
    let is = |tag: &str| scenario.tags.iter().any(|own| own == tag);
    let ms = match scenario.id.as_str() {
        "net.slow" => 5000,
        "lat.activation" | "lat.offline" => 1500,
        _ if is("away") => 600,
        _ if is("disruptive") || is("last") => 1800,
        _ => 120,
    };
    Duration::from_millis(ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: fn(u64) -> Duration = Duration::from_secs;

    #[test]
    fn a_run_that_is_twice_as_slow_as_usual_takes_twice_as_long() {
        assert_eq!(left_by(S(20), S(10), S(30)), S(60));
        assert_eq!(left_by(S(1), S(1), S(30)), S(30));
    }

    #[test]
    fn time_is_told_no_more_exactly_than_it_is_known() {
        assert_eq!(left(S(4)), "soon done");
        assert_eq!(left(S(41)), "45 s to go");
        assert_eq!(left(S(100)), "2 min to go");
    }
}
