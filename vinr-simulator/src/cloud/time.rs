//! Timers whose time can be moved ahead: a sandbox need not wait a day for a webhook's last retry.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use vinr_protocol::Timestamp;

/// Named timers on a clock of their own.
#[derive(Debug)]
pub(super) struct VirtualTimers<T> {
    due: BTreeMap<T, Instant>,
    ahead: Duration,
}

impl<T: Ord + Clone> VirtualTimers<T> {
    pub(super) fn new() -> Self {
        Self {
            due: BTreeMap::new(),
            ahead: Duration::ZERO,
        }
    }

    /// Arms a timer, or moves it.
    pub(super) fn arm(&mut self, timer: T, after: Duration) {
        self.due.insert(timer, Instant::now() + self.ahead + after);
    }

    /// Disarms a timer; one that is not armed stays so.
    pub(super) fn disarm(&mut self, timer: &T) {
        self.due.remove(timer);
    }

    /// From here on it is so much later.
    pub(super) fn advance(&mut self, by: Duration) {
        self.ahead = self.ahead.saturating_add(by);
    }

    /// The date on this clock.
    pub(super) fn date(&self, now: Timestamp) -> Timestamp {
        let ahead = i64::try_from(self.ahead.as_millis()).unwrap_or(i64::MAX);
        Timestamp::from_unix_ms(now.unix_ms().saturating_add(ahead)).unwrap_or(now)
    }

    /// Waits for the next timer, disarms it and names it; waits for ever while none is armed. Cancel-safe.
    pub(super) async fn elapsed(&mut self) -> T {
        let next = self.due.iter().min_by_key(|(_, due)| **due);
        let Some((timer, due)) = next.map(|(timer, due)| (timer.clone(), *due)) else {
            return std::future::pending().await;
        };
        sleep_until(due.checked_sub(self.ahead).unwrap_or_else(Instant::now)).await;
        self.due.remove(&timer);
        timer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[tokio::test(start_paused = true)]
    async fn time_that_is_moved_ahead_need_not_be_waited_for() {
        let mut timers = VirtualTimers::new();
        timers.arm('a', MINUTE);
        timers.advance(MINUTE - Duration::from_secs(1));
        let begun = Instant::now();
        assert_eq!(timers.elapsed().await, 'a');
        assert_eq!(begun.elapsed(), Duration::from_secs(1));
        timers.arm('b', MINUTE);
        timers.advance(2 * MINUTE);
        let begun = Instant::now();
        assert_eq!(timers.elapsed().await, 'b');
        assert_eq!(begun.elapsed(), Duration::ZERO);
    }

    #[test]
    fn the_date_is_as_far_ahead_as_the_timers() {
        let mut timers = VirtualTimers::<u8>::new();
        timers.advance(MINUTE);
        let now = Timestamp::from_unix_ms(5).unwrap();
        assert_eq!(timers.date(now).unix_ms(), 60_005);
    }
}
