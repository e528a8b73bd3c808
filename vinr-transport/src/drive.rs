//! Named timers for whoever hosts a machine: `Arm` and `Disarm` go in, `Elapsed` comes out.

use std::collections::{BTreeMap, BTreeSet};

use tokio::time::{Instant, sleep_until};

/// The timers of one machine. A timer is a name; arming it again moves it.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(async {
/// use std::time::Duration;
/// use tokio::time::Instant;
/// use vinr_transport::drive::Timers;
///
/// let mut timers = Timers::new();
/// timers.arm("card wait", Instant::now() + Duration::from_secs(75));
/// timers.arm("answer", Instant::now() + Duration::from_secs(88));
/// timers.disarm(&"card wait");
/// assert_eq!(timers.elapsed().await, "answer");
/// # });
/// ```
#[derive(Debug, Clone)]
pub struct Timers<T> {
    due: BTreeMap<T, Instant>,
    order: BTreeSet<(Instant, T)>,
}

impl<T: Ord + Clone> Timers<T> {
    /// No timer is armed.
    pub fn new() -> Self {
        Self {
            due: BTreeMap::new(),
            order: BTreeSet::new(),
        }
    }

    /// Arms a timer, or moves it.
    pub fn arm(&mut self, timer: T, at: Instant) {
        self.disarm(&timer);
        self.order.insert((at, timer.clone()));
        self.due.insert(timer, at);
    }

    /// Disarms a timer; one that is not armed stays so.
    pub fn disarm(&mut self, timer: &T) {
        if let Some(at) = self.due.remove(timer) {
            self.order.remove(&(at, timer.clone()));
        }
    }

    /// When the next one elapses.
    pub fn next(&self) -> Option<Instant> {
        self.order.first().map(|(at, _)| *at)
    }

    /// Waits for the next timer, disarms it and names it; waits for ever while none is armed.
    ///
    /// Cancel-safe: a timer is disarmed only when it is returned.
    pub async fn elapsed(&mut self) -> T {
        until(self.next()).await;
        let (_, timer) = self
            .order
            .pop_first()
            .expect("a timer was armed before the wait, and the borrow let nobody disarm it");
        self.due.remove(&timer);
        timer
    }
}

impl<T: Ord + Clone> Default for Timers<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// Waits for this moment; for ever where there is none.
pub async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn after(secs: u64) -> Instant {
        Instant::now() + Duration::from_secs(secs)
    }

    #[tokio::test(start_paused = true)]
    async fn timers_elapse_in_the_order_of_their_moments() {
        let mut timers = Timers::new();
        timers.arm('b', after(2));
        timers.arm('a', after(3));
        timers.arm('c', after(1));
        let order = [
            timers.elapsed().await,
            timers.elapsed().await,
            timers.elapsed().await,
        ];
        assert_eq!(order, ['c', 'b', 'a']);
    }

    #[tokio::test(start_paused = true)]
    async fn a_timer_armed_again_elapses_once_at_its_new_moment() {
        let mut timers = Timers::new();
        timers.arm('a', after(1));
        timers.arm('a', after(5));
        timers.arm('b', after(3));
        assert_eq!(timers.elapsed().await, 'b');
        assert_eq!(timers.elapsed().await, 'a');
        assert_eq!(timers.next(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_that_is_given_up_loses_no_timer() {
        let mut timers = Timers::new();
        timers.arm('a', after(10));
        let given_up = tokio::time::timeout(Duration::from_secs(1), timers.elapsed()).await;
        assert!(given_up.is_err());
        assert_eq!(timers.elapsed().await, 'a');
    }
}
