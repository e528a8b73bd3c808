//! The screen within 50 ms, with the internet and without it. \[LAT-1, LAT-3\]
//!
//! Nothing is subtracted. A machine that is slow by itself can only make a terminal look worse, so its
//! noise matters where the limit was missed, and there it makes could-not-test.

use crate::journal::Event;
use crate::judge::found::Found;
use crate::judge::trace::Trace;
use crate::latency::{LIMIT_NS, Latency, MIN_SAMPLES};

/// Beyond this 99th percentile of its own loopback a machine is too noisy to blame a terminal.
const TOO_NOISY_NS: u64 = 10_000_000;

/// Looks at the samples of the claim's own scenario: each series is judged by itself.
pub(super) fn quick(trace: &Trace<'_>, scenario: &str) -> Found {
    let mut entries = Vec::new();
    let mut screens = Vec::new();
    let mut unseen = 0_u64;
    for entry in trace.of(scenario) {
        if let Event::LatencySample {
            warm_up: false,
            screen_ns,
            ..
        } = &entry.event
        {
            entries.push(entry.seq);
            match screen_ns {
                Some(ns) => screens.push(*ns),
                None => unseen += 1,
            }
        }
    }
    let (Some(first), Some(last)) = (entries.first(), entries.last()) else {
        return Found::unseen("no activation was measured");
    };
    let cited = [*first, *last];
    if unseen > 0 {
        return Found::unseen(format!(
            "the screen was not seen in {unseen} of {} samples",
            entries.len()
        ));
    }
    let count = screens.len() as u64;
    if count < MIN_SAMPLES {
        return Found::unseen(format!("{count} samples, of at least {MIN_SAMPLES}"));
    }
    let Some(slowest) = p99(&screens) else {
        return Found::unseen("no activation was measured");
    };
    if slowest < LIMIT_NS {
        return Found::kept(cited);
    }
    // Before the series, and during it: the worse of both is how the machine was.
    let calibrations = trace.of(scenario).filter_map(|entry| match &entry.event {
        Event::Calibration { samples_ns } => p99(samples_ns),
        _ => None,
    });
    match calibrations.max() {
        None => Found::unseen("the limit was missed on a machine that was never calibrated"),
        Some(noise) if noise > TOO_NOISY_NS => Found::unseen(format!(
            "the limit was missed, but the machine itself is too noisy: p99 of its loopback is {}",
            ms(noise)
        )),
        Some(_) => Found::broken(
            "too_slow",
            format!("p99 below {}", ms(LIMIT_NS)),
            format!(
                "p99 is {} over {count} samples{}",
                ms(slowest),
                elsewhere(trace, scenario)
            ),
            cited,
        ),
    }
}

/// What the run's other series showed: whether it is the missing internet that makes a screen slow.
fn elsewhere(trace: &Trace<'_>, scenario: &str) -> String {
    let others = trace.entries.iter().filter_map(|entry| match &entry.event {
        Event::LatencySample {
            warm_up: false,
            screen_ns: Some(ns),
            ..
        } if entry.scenario.as_deref() != Some(scenario) => Some(*ns),
        _ => None,
    });
    let others: Vec<_> = others.collect();
    p99(&others).map_or(String::new(), |p99| {
        format!("; in the run's other series it is {}", ms(p99))
    })
}

fn p99(samples: &[u64]) -> Option<u64> {
    Latency::of("", samples).map(|latency| latency.p99_ns)
}

fn ms(ns: u64) -> String {
    format!("{}.{} ms", ns / 1_000_000, ns / 100_000 % 10)
}

#[cfg(test)]
mod tests {
    use crate::journal::{Event, Said};
    use crate::judge::fixture::Story;
    use crate::judge::found::Found;

    const MS: u64 = 1_000_000;

    fn measured(samples: impl IntoIterator<Item = Option<u64>>, noise: u64) -> Found {
        let mut story = Story::new();
        story.note(Event::Calibration {
            samples_ns: vec![noise; 100],
        });
        for (index, screen_ns) in samples.into_iter().enumerate() {
            story.note(Event::LatencySample {
                index: index as u64,
                warm_up: false,
                reference: String::new(),
                head_ns: 0,
                screen_ns,
                offline: false,
            });
        }
        story.weigh(&Said::Quick)
    }

    fn with_slow(slow: usize, noise: u64) -> Found {
        measured(
            (0..200).map(|index| Some(if index < slow { 80 * MS } else { 3 * MS })),
            noise,
        )
    }

    #[test]
    fn a_quick_terminal_is_quick() {
        assert_eq!(with_slow(0, MS).reason(), None);
        assert!(!with_slow(0, MS).is_unseen());
    }

    #[test]
    fn one_slow_activation_in_twenty_is_too_many() {
        assert_eq!(with_slow(10, MS).reason(), Some("too_slow"));
    }

    #[test]
    fn a_noisy_machine_blames_nobody() {
        assert!(with_slow(10, 11 * MS).is_unseen());
    }

    #[test]
    fn a_machine_that_becomes_noisy_during_the_series_blames_nobody_either() {
        let mut story = Story::new();
        for noise in [MS, 11 * MS] {
            story.note(Event::Calibration {
                samples_ns: vec![noise; 100],
            });
        }
        for index in 0..200 {
            story.note(Event::LatencySample {
                index,
                warm_up: false,
                reference: String::new(),
                head_ns: 0,
                screen_ns: Some(80 * MS),
                offline: false,
            });
        }
        assert!(story.weigh(&Said::Quick).is_unseen());
    }

    #[test]
    fn a_noisy_machine_cannot_make_a_quick_terminal_slow() {
        assert_eq!(with_slow(0, 11 * MS), with_slow(0, MS));
    }

    #[test]
    fn too_few_samples_and_unseen_screens_prove_nothing() {
        assert!(measured((0..199).map(|_| Some(MS)), MS).is_unseen());
        assert!(!measured((0..200).map(|_| Some(MS)), MS).is_unseen());
        assert!(measured((0..200).map(|index| (index > 0).then_some(MS)), MS).is_unseen());
    }
}
