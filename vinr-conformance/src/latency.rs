//! Statistics of activation samples: the percentile table and the histogram of LAT-1.
//!
//! Pure numbers: who measured and from when to when is the driver's business. \[LAT-1\]

use std::fmt::Write as _;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// The page's promise: the screen is active in under 50 ms, at the 99th percentile. \[LAT-1\]
pub const LIMIT_NS: u64 = 50_000_000;

/// A 99th percentile of fewer samples says nothing.
pub const MIN_SAMPLES: u64 = 200;

/// The plotters' file ends here: an activation of an hour is as bad as a longer one.
const LONGEST_NS: u64 = 3_600_000_000_000;

/// What the samples came to; nothing is subtracted from any.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Latency {
    /// What was measured, for people: from which event to which.
    pub what: String,
    /// How many samples.
    pub count: u64,
    /// The smallest, in nanoseconds.
    pub min_ns: u64,
    /// Half are no longer.
    pub p50_ns: u64,
    /// Nine in ten are no longer.
    pub p90_ns: u64,
    /// Ninety-nine in a hundred are no longer.
    pub p99_ns: u64,
    /// The longest.
    pub max_ns: u64,
    /// The limit of the 99th percentile; itself too long.
    pub limit_ns: u64,
    /// The samples by length.
    pub histogram: Vec<Bucket>,
    /// The length at each share of the samples, for the plot.
    pub percentiles: Vec<Point>,
    /// The same on connections that were opened for it, where that was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cold: Option<Cold>,
}

/// Activations on connections that were opened for them. They are for information: the rule is about warm ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cold {
    /// From which event to which.
    pub what: String,
    /// How many samples.
    pub count: u64,
    /// The smallest, in nanoseconds.
    pub min_ns: u64,
    /// Half are no longer.
    pub p50_ns: u64,
    /// Nine in ten are no longer.
    pub p90_ns: u64,
    /// Ninety-nine in a hundred are no longer.
    pub p99_ns: u64,
    /// The longest.
    pub max_ns: u64,
    /// Half of the handshakes, which are a part of it, took no longer.
    pub handshake_p50_ns: u64,
}

impl Cold {
    /// The statistics of these samples, each with its handshake; none of no samples.
    pub fn of(samples_ns: &[(u64, u64)]) -> Option<Self> {
        let sorted = |take: fn(&(u64, u64)) -> u64| {
            let mut sorted: Vec<_> = samples_ns.iter().map(take).collect();
            sorted.sort_unstable();
            sorted
        };
        let (handshakes, sorted) = (sorted(|it| it.0), sorted(|it| it.1));
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        Some(Self {
            what: "From the first packet of a new connection to the active screen".to_owned(),
            count: sorted.len() as u64,
            min_ns: min,
            p50_ns: at_share(&sorted, 500_000),
            p90_ns: at_share(&sorted, 900_000),
            p99_ns: at_share(&sorted, 990_000),
            max_ns: max,
            handshake_p50_ns: at_share(&handshakes, 500_000),
        })
    }

    /// The rows of the table people read: what, and how long.
    pub fn table(&self) -> [(&'static str, u64); 5] {
        [
            ("min", self.min_ns),
            ("p50", self.p50_ns),
            ("p90", self.p90_ns),
            ("p99", self.p99_ns),
            ("max", self.max_ns),
        ]
    }

    /// One line for a terminal: `30 samples  p50 4.20 ms  p90 …`.
    pub fn line(&self) -> String {
        line(self.count, &self.table())
    }
}

/// Samples between two lengths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Bucket {
    /// From here, inclusive.
    pub from_ns: u64,
    /// To here, exclusive but for the last bucket.
    pub to_ns: u64,
    /// How many.
    pub count: u64,
}

/// A length and the share of samples that are no longer, in millionths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Point {
    /// The share of samples, in millionths.
    pub share_ppm: u32,
    /// The length.
    pub ns: u64,
}

/// What the samples say of the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Promise {
    /// The 99th percentile is below the limit.
    Kept,
    /// The 99th percentile is the limit or more.
    Broken,
    /// There are fewer than [`MIN_SAMPLES`].
    TooFewSamples,
}

impl Latency {
    /// The statistics of these lengths in nanoseconds; none of no samples.
    pub fn of(what: impl Into<String>, samples_ns: &[u64]) -> Option<Self> {
        let mut sorted = samples_ns.to_vec();
        sorted.sort_unstable();
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        Some(Self {
            what: what.into(),
            count: sorted.len() as u64,
            min_ns: min,
            p50_ns: at_share(&sorted, 500_000),
            p90_ns: at_share(&sorted, 900_000),
            p99_ns: at_share(&sorted, 990_000),
            max_ns: max,
            limit_ns: LIMIT_NS,
            histogram: histogram(&sorted),
            percentiles: percentiles(&sorted),
            cold: None,
        })
    }

    /// The same, and beside it what was measured on connections that were opened for it.
    #[must_use]
    pub fn beside(self, cold: Option<Cold>) -> Self {
        Self { cold, ..self }
    }

    /// What the samples say of the page's promise.
    pub fn promise(&self) -> Promise {
        if self.count < MIN_SAMPLES {
            Promise::TooFewSamples
        } else if self.p99_ns < self.limit_ns {
            Promise::Kept
        } else {
            Promise::Broken
        }
    }

    /// The rows of the table people read: what, and how long.
    pub fn table(&self) -> [(&'static str, u64); 5] {
        [
            ("min", self.min_ns),
            ("p50", self.p50_ns),
            ("p90", self.p90_ns),
            ("p99", self.p99_ns),
            ("max", self.max_ns),
        ]
    }

    /// One line for a terminal: `240 samples  p50 1.20 ms  p90 …`.
    pub fn line(&self) -> String {
        line(self.count, &self.table())
    }
}

fn line(count: u64, table: &[(&str, u64); 5]) -> String {
    let mut line = format!("{count} samples");
    for (name, ns) in &table[1..] {
        let _ = write!(line, "  {name} {}", ms(*ns));
    }
    line
}

/// A length for people: `1.20 ms`.
pub fn ms(ns: u64) -> String {
    let thousandths = (ns + 500) / 1_000;
    match thousandths {
        0..10_000 => format!("{}.{:03} ms", thousandths / 1_000, thousandths % 1_000),
        _ => format!("{}.{} ms", thousandths / 1_000, thousandths % 1_000 / 100),
    }
}

/// The percentile distribution in the text form that HdrHistogram's plotters read, in milliseconds
/// with three significant digits: `latency.hgrm`.
pub fn hgrm(samples_ns: &[u64]) -> String {
    let mut histogram = Histogram::<u64>::new_with_bounds(1, LONGEST_NS, 3)
        .expect("the bounds are in order and three digits are within its five");
    for ns in samples_ns {
        histogram.saturating_record(*ns);
    }
    let mut text = format!(
        "{:>12} {:>14} {:>10} {:>14}\n\n",
        "Value", "Percentile", "TotalCount", "1/(1-Percentile)"
    );
    for step in histogram.iter_quantiles(5) {
        let share = step.quantile_iterated_to();
        let value = step.value_iterated_to() as f64 / 1e6;
        let count = histogram.count_between(0, step.value_iterated_to());
        let _ = write!(text, "{value:>12.3} {share:>14.12} {count:>10}");
        if share < 1.0 {
            let _ = write!(text, " {:>14.2}", 1.0 / (1.0 - share));
        }
        text.push('\n');
    }
    let _ = writeln!(
        text,
        "#[Mean    = {:>12.3}, StdDeviation   = {:>12.3}]\n#[Max     = {:>12.3}, Total count    = {:>12}]",
        histogram.mean() / 1e6,
        histogram.stdev() / 1e6,
        histogram.max() as f64 / 1e6,
        histogram.len(),
    );
    text
}

/// The length that this share of the samples does not exceed: the nearest rank, never interpolated.
fn at_share(sorted: &[u64], share_ppm: u32) -> u64 {
    let rank = (sorted.len() as u128 * u128::from(share_ppm)).div_ceil(1_000_000);
    let place = usize::try_from(rank)
        .unwrap_or(usize::MAX)
        .saturating_sub(1);
    sorted.get(place).or(sorted.last()).copied().unwrap_or(0)
}

/// Ten steps to each power of ten, the same for every run, so that two reports compare.
const STEPS: [u64; 10] = [100, 125, 160, 200, 250, 315, 400, 500, 630, 800];

fn histogram(sorted: &[u64]) -> Vec<Bucket> {
    let mut edges = (0..16).flat_map(|power| STEPS.map(|step| step * 10_u64.pow(power)));
    let mut buckets: Vec<Bucket> = Vec::new();
    let mut from_ns = 0;
    let mut rest = sorted;
    while !rest.is_empty() {
        let to_ns = edges.next().unwrap_or(u64::MAX);
        let count = match to_ns {
            u64::MAX => rest.len(),
            _ => rest.partition_point(|ns| *ns < to_ns),
        };
        rest = &rest[count..];
        if count > 0 || !buckets.is_empty() {
            buckets.push(Bucket {
                from_ns,
                to_ns,
                count: count as u64,
            });
        }
        from_ns = to_ns;
    }
    buckets
}

fn percentiles(sorted: &[u64]) -> Vec<Point> {
    let fives = (0..=18).map(|step| step * 50_000);
    let ones = (91..=99).map(|step| step * 10_000);
    let fine = [995_000, 999_000, 999_500, 999_900, 1_000_000];
    fives
        .chain(ones)
        .chain(fine)
        // Beyond the last sample but one every share is the longest: one point says so.
        .filter(|share| {
            *share == 1_000_000 || (1_000_000 - share) as usize * sorted.len() >= 1_000_000
        })
        .map(|share_ppm| Point {
            share_ppm,
            ns: at_share(sorted, share_ppm),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_samples_by_nearest_rank() {
        let latency = latency(&(1..=200).rev().collect::<Vec<_>>());
        assert_eq!(latency.table().map(|(_, ns)| ns), [1, 100, 180, 198, 200]);
    }

    #[test]
    fn one_sample_is_every_percentile() {
        let latency = latency(&[7]);
        assert_eq!(latency.table().map(|(_, ns)| ns), [7; 5]);
    }

    #[test]
    fn no_samples_have_no_statistics() {
        assert_eq!(Latency::of("nothing", &[]), None);
    }

    // [LAT-1]
    #[test]
    fn cold_samples_are_counted_apart_and_decide_nothing() {
        let samples: Vec<_> = (1..=10).map(|n| (n, LIMIT_NS * n)).collect();
        let cold = Cold::of(&samples).expect("there are samples");
        let limits = [1, 5, 9, 10, 10].map(|times| LIMIT_NS * times);
        assert_eq!(cold.table().map(|(_, ns)| ns), limits);
        assert_eq!(cold.handshake_p50_ns, 5);
        let warm = latency(&[1; 200]).beside(Some(cold));
        assert_eq!((warm.promise(), warm.max_ns), (Promise::Kept, 1));
        assert_eq!(Cold::of(&[]), None);
    }

    #[test]
    fn just_under_the_limit_keeps_the_promise() {
        assert_eq!(latency(&[LIMIT_NS - 1; 200]).promise(), Promise::Kept);
    }

    #[test]
    fn the_limit_itself_breaks_the_promise() {
        assert_eq!(latency(&[LIMIT_NS; 200]).promise(), Promise::Broken);
    }

    #[test]
    fn two_slow_samples_of_two_hundred_are_forgiven_and_three_are_not() {
        let mut samples = vec![1_000_000; 200];
        samples[0] = 80_000_000;
        samples[1] = 80_000_000;
        assert_eq!(latency(&samples).promise(), Promise::Kept);
        samples[2] = 80_000_000;
        assert_eq!(latency(&samples).promise(), Promise::Broken);
    }

    #[test]
    fn a_hundred_and_ninety_nine_samples_say_nothing() {
        assert_eq!(latency(&[1; 199]).promise(), Promise::TooFewSamples);
    }

    #[test]
    fn every_sample_is_in_exactly_one_bucket() {
        let samples: Vec<u64> = (0..5_000).map(|n| n * n * 7).chain([u64::MAX]).collect();
        let latency = latency(&samples);
        let counted: u64 = latency.histogram.iter().map(|bucket| bucket.count).sum();
        assert_eq!(counted, samples.len() as u64);
    }

    #[test]
    fn a_sample_on_an_edge_belongs_to_the_bucket_above() {
        let latency = latency(&[1_000_000]);
        assert_eq!(latency.histogram.len(), 1);
        assert_eq!(latency.histogram[0].from_ns, 1_000_000);
        assert_eq!(latency.histogram[0].to_ns, 1_250_000);
    }

    #[test]
    fn a_length_is_written_in_milliseconds() {
        assert_eq!(ms(1_234_567), "1.235 ms");
        assert_eq!(ms(49_990_000), "49.9 ms");
        assert_eq!(ms(0), "0.000 ms");
    }

    #[test]
    fn the_plotters_file_counts_every_sample_at_its_length() {
        let text = hgrm(&[1_000_000; 250]);
        assert!(text.contains("Total count    =          250"), "{text}");
        assert!(text.contains("Max     =        1.000"), "{text}");
    }

    fn latency(samples: &[u64]) -> Latency {
        Latency::of("a test", samples).expect("there are samples")
    }
}
