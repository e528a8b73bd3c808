//! Ratios that survive a noisy machine: floor and subject in turn, a ratio for each round, the median of
//! the rounds.

use std::time::Duration;

use hdrhistogram::Histogram;

/// What one subject took, round by round, beside what it is measured against.
#[derive(Debug)]
pub struct Rounds {
    name: &'static str,
    against: &'static str,
    ratios: Vec<f64>,
    subject: Histogram<u64>,
    yardstick: Histogram<u64>,
}

impl Rounds {
    /// Nothing yet.
    pub fn new(name: &'static str, against: &'static str) -> Self {
        // To a minute, in three digits.
        let histogram = || {
            Histogram::new_with_bounds(1, 60_000_000_000, 3)
                .expect("the bounds and digits are within what a histogram takes")
        };
        Self {
            name,
            against,
            ratios: Vec::new(),
            subject: histogram(),
            yardstick: histogram(),
        }
    }

    /// Adds a round: what the yardstick took and what the subject took, each sample by itself.
    pub fn add(&mut self, yardstick: &[Duration], subject: &[Duration]) {
        for sample in yardstick {
            self.yardstick.saturating_record(nanoseconds(*sample));
        }
        for sample in subject {
            self.subject.saturating_record(nanoseconds(*sample));
        }
        if let (Some(yardstick), Some(subject)) = (median(yardstick), median(subject)) {
            self.ratios
                .push(subject.as_secs_f64() / yardstick.as_secs_f64());
        }
    }

    /// One line of the table.
    pub fn line(&self) -> String {
        let mut ratios = self.ratios.clone();
        ratios.sort_by(f64::total_cmp);
        let at = |share: f64| {
            let last = ratios.len().saturating_sub(1);
            ratios
                .get((last as f64 * share).round() as usize)
                .copied()
                .unwrap_or(f64::NAN)
        };
        let us = |histogram: &Histogram<u64>, quantile| {
            histogram.value_at_quantile(quantile) as f64 / 1e3
        };
        format!(
            "| {} | {} | **{:.2}** | {:.2} to {:.2} | {:.0} | {:.0} | {:.0} | {:.0} | {} |",
            self.name,
            self.against,
            at(0.5),
            at(0.25),
            at(0.75),
            us(&self.yardstick, 0.5),
            us(&self.subject, 0.5),
            us(&self.subject, 0.9),
            us(&self.subject, 0.99),
            self.subject.len(),
        )
    }

    /// The head of the table.
    pub fn head() -> &'static str {
        "| subject | against | ratio (median of rounds) | middle half of rounds | against, p50 µs | subject, p50 µs | p90 | p99 | samples |\n\
         |---|---|--:|--:|--:|--:|--:|--:|--:|"
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn median(samples: &[Duration]) -> Option<Duration> {
    let mut samples = samples.to_vec();
    samples.sort_unstable();
    samples.get(samples.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(samples: &[u64]) -> Vec<Duration> {
        samples
            .iter()
            .map(|ms| Duration::from_millis(*ms))
            .collect()
    }

    #[test]
    fn the_ratio_is_the_median_of_the_rounds_not_of_the_samples() {
        let mut rounds = Rounds::new("a", "b");
        rounds.add(&ms(&[1, 1, 1]), &ms(&[2, 2, 2]));
        rounds.add(&ms(&[10, 10, 10]), &ms(&[30, 30, 30]));
        rounds.add(&ms(&[1, 1, 1]), &ms(&[900, 900, 900]));
        assert!(rounds.line().contains("**3.00**"), "{}", rounds.line());
    }
}
