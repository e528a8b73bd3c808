//! How long it takes until the screen is lit, in a fixed number of buckets.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The upper ends of the buckets in microseconds; the last bucket has none.
const BOUNDS_US: [u64; BUCKETS - 1] = [
    500, 1_000, 2_000, 3_000, 5_000, 7_500, 10_000, 15_000, 20_000, 30_000, 50_000, 75_000,
    100_000, 200_000, 500_000, 1_000_000, 2_000_000, 5_000_000,
];

const BUCKETS: usize = 19;

/// Activations over the LAN by how long they took: from the moment when the payment asked for a line to the head of the
/// answer, by which the terminal says that its screen is lit. \[LAT-1, PAY-14\]
///
/// Dialling, where no line was open, is counted, and so is the record of the attempt that is made durable before. It
/// takes the same memory however many there were.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Activation {
    /// How many took at most the [bound](Self::bounds) of the same place, and more than the one before.
    pub counts: [u64; BUCKETS],
    /// All of them together, in microseconds.
    pub total_us: u64,
}

impl Activation {
    /// The upper ends of the buckets; there is one more bucket, for what took longer than 5 s.
    pub fn bounds() -> impl Iterator<Item = Duration> {
        BOUNDS_US.into_iter().map(Duration::from_micros)
    }

    /// How many there were.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// How many took longer than this, which is one of the [bounds](Self::bounds); another is rounded down to one.
    pub fn slower_than(&self, bound: Duration) -> u64 {
        let faster = Self::bounds().take_while(|it| *it <= bound).count();
        self.counts.iter().skip(faster).sum()
    }
}

/// The same while it is counted.
#[derive(Debug, Default)]
pub(crate) struct Buckets {
    counts: [AtomicU64; BUCKETS],
    total_us: AtomicU64,
}

impl Buckets {
    pub(crate) fn record(&self, took: Duration) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bucket = BOUNDS_US.partition_point(|bound| *bound < us);
        if let Some(count) = self.counts.get(bucket) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.total_us.fetch_add(us, Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> Activation {
        Activation {
            counts: self.counts.each_ref().map(|it| it.load(Ordering::Relaxed)),
            total_us: self.total_us.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(took: impl IntoIterator<Item = u64>) -> Activation {
        let buckets = Buckets::default();
        took.into_iter()
            .for_each(|us| buckets.record(Duration::from_micros(us)));
        buckets.read()
    }

    #[test]
    fn a_bound_belongs_to_its_own_bucket() {
        assert_eq!(of([500]).counts[0], 1);
        assert_eq!(of([501]).counts[1], 1);
    }

    #[test]
    fn what_takes_longer_than_the_last_bound_is_counted_too() {
        assert_eq!(of([5_000_000]).counts[BUCKETS - 2], 1);
        assert_eq!(of([5_000_001]).counts[BUCKETS - 1], 1);
    }

    #[test]
    fn slower_than_50_ms_counts_both_sides_of_it_rightly() {
        let activation = of([49_000, 50_000, 50_001, 400_000]);
        assert_eq!(activation.slower_than(Duration::from_millis(50)), 2);
        assert_eq!(activation.count(), 4);
        assert_eq!(activation.total_us, 549_001);
    }
}
