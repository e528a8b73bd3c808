//! Ratios that survive a noisy machine: floor and subject in turn, a ratio for each round, the median of
//! the rounds.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::shop::Failure;

/// One sample of a side: what it took.
pub type Sample<'a> = dyn FnMut() -> Result<Duration, Failure> + 'a;

/// What a piece of work takes; what comes of it is thrown away afterwards.
pub fn timed<T>(mut work: impl FnMut() -> Result<T, Failure>) -> Result<Duration, Failure> {
    let start = Instant::now();
    let done = std::hint::black_box(work()?);
    let took = start.elapsed();
    drop(done);
    Ok(took)
}

/// What one subject took, round by round, beside what it is measured against.
#[derive(Debug)]
pub struct Rounds {
    name: String,
    against: String,
    ratios: Vec<f64>,
    subject: Histogram<u64>,
    yardstick: Histogram<u64>,
}

impl Rounds {
    /// Nothing yet.
    pub fn new(name: impl Into<String>, against: impl Into<String>) -> Self {
        // To a minute, in three digits.
        let histogram = || {
            Histogram::new_with_bounds(1, 60_000_000_000, 3)
                .expect("the bounds and digits are within what a histogram takes")
        };
        Self {
            name: name.into(),
            against: against.into(),
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

    /// Rounds of one sample of each side, in turn, so that neither runs hotter than the other. Returns what the subject
    /// took in all.
    pub fn take(
        &mut self,
        rounds: u64,
        yardstick: &mut Sample<'_>,
        subject: &mut Sample<'_>,
    ) -> Result<Duration, Failure> {
        let mut total = Duration::ZERO;
        for _ in 0..rounds {
            let (of_yardstick, of_subject) = (yardstick()?, subject()?);
            total += of_subject;
            self.add(&[of_yardstick], &[of_subject]);
        }
        Ok(total)
    }

    /// Who was measured.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The ratio above which this share of the rounds is not: 0.5 is the median.
    pub fn ratio(&self, share: f64) -> f64 {
        let mut ratios = self.ratios.clone();
        ratios.sort_by(f64::total_cmp);
        let last = ratios.len().saturating_sub(1);
        let at = ratios.get((last as f64 * share).round() as usize);
        at.copied().unwrap_or(f64::NAN)
    }

    /// One line of the table.
    pub fn line(&self) -> String {
        let us = |histogram: &Histogram<u64>, quantile| {
            histogram.value_at_quantile(quantile) as f64 / 1e3
        };
        format!(
            "| {} | {} | **{:.2}** | {:.2} to {:.2} | {:.0} | {:.0} | {:.0} | {:.0} | {} |",
            self.name,
            self.against,
            self.ratio(0.5),
            self.ratio(0.25),
            self.ratio(0.75),
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
