//! Many seeds, on several cores, and one result whatever the cores do.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use super::tally::Tally;
use super::{Broken, broken, play};

/// What many seeds came to.
#[derive(Debug, Clone)]
pub struct Campaign {
    /// What was done in all of them.
    pub tally: Tally,
    /// Those in which something did not hold, by seed.
    pub broken: Vec<Broken>,
}

/// Plays every seed of a range.
pub fn campaign(seeds: Range<u64>, threads: usize) -> Campaign {
    let next = AtomicU64::new(seeds.start);
    let work = || {
        let mut tally = Tally::new();
        let mut failed = Vec::new();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if !seeds.contains(&seed) {
                return (tally, failed);
            }
            let day = play(seed);
            tally += &day.tally;
            failed.extend(day.violation.map(|_| seed));
        }
    };
    let mut tally = Tally::new();
    let mut failed = Vec::new();
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            match worker.join() {
                Ok((done, broken)) => {
                    tally += &done;
                    failed.extend(broken);
                }
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
    });
    failed.sort_unstable();
    Campaign {
        tally,
        broken: failed.into_iter().filter_map(broken).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_cores_find_what_one_finds() {
        let (one, two) = (campaign(0..40, 1), campaign(0..40, 2));
        assert_eq!(one.tally, two.tally);
    }
}
