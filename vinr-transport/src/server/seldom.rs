//! What strangers can cause a thousand times a second is said now and then: whoever fills the house must not fill the
//! log, too.

use std::time::{Duration, Instant};

const PERIOD: Duration = Duration::from_secs(10);

/// Lets so many be said in a period, and counts the others.
#[derive(Debug)]
pub(super) struct Seldom {
    per_period: u32,
    period: Option<Instant>,
    said: u32,
    unsaid: u64,
}

impl Seldom {
    pub(super) fn new(per_period: u32) -> Self {
        Self {
            per_period,
            period: None,
            said: 0,
            unsaid: 0,
        }
    }

    /// One more; how many there are to speak of, this one included, if it may be said.
    pub(super) fn one_more(&mut self, now: Instant) -> Option<u64> {
        self.unsaid += 1;
        let is_current = |begun| now.saturating_duration_since(begun) < PERIOD;
        if !self.period.is_some_and(is_current) {
            self.period = Some(now);
            self.said = 0;
        }
        if self.said == self.per_period {
            return None;
        }
        self.said += 1;
        Some(std::mem::take(&mut self.unsaid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_are_spoken_of_at_once_and_not_one_more() {
        let (mut seldom, now) = (Seldom::new(2), Instant::now());
        let said = [(); 4].map(|()| seldom.one_more(now));
        assert_eq!(said, [Some(1), Some(1), None, None]);
    }

    #[test]
    fn the_others_are_counted_until_it_is_time() {
        let (mut seldom, start) = (Seldom::new(1), Instant::now());
        seldom.one_more(start);
        let just_before = start + PERIOD.saturating_sub(Duration::from_millis(1));
        assert_eq!(seldom.one_more(just_before), None);
        assert_eq!(seldom.one_more(start + PERIOD), Some(2));
    }
}
