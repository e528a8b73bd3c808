//! A terminal with no place left says so now and then: whoever fills the house must not fill the log, too.

use std::time::{Duration, Instant};

const SAID_EVERY: Duration = Duration::from_secs(10);

/// Counts who was turned away since it was last said.
#[derive(Debug, Default)]
pub(super) struct FullHouse {
    said: Option<Instant>,
    turned_away: u64,
}

impl FullHouse {
    /// One more; how many there are to speak of, if it is time to.
    pub(super) fn turn_away(&mut self, now: Instant) -> Option<u64> {
        self.turned_away += 1;
        let lately = |said| now.saturating_duration_since(said) < SAID_EVERY;
        if self.said.is_some_and(lately) {
            return None;
        }
        self.said = Some(now);
        Some(std::mem::take(&mut self.turned_away))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_spoken_of_at_once() {
        assert_eq!(FullHouse::default().turn_away(Instant::now()), Some(1));
    }

    #[test]
    fn the_next_are_counted_until_it_is_time() {
        let mut house = FullHouse::default();
        let start = Instant::now();
        house.turn_away(start);
        let just_before = start + SAID_EVERY.saturating_sub(Duration::from_millis(1));
        assert_eq!(house.turn_away(just_before), None);
        assert_eq!(house.turn_away(start + SAID_EVERY), Some(2));
    }
}
