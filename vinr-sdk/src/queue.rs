//! The queue at the terminals of this process: it hosts the lanes machine, and has a seat for each call.
//!
//! No task runs for it. Whoever waits also watches the clock for all: the first call that sees the pause over says so.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use vinr_protocol::client::group::Left;
use vinr_protocol::client::lanes::{Call, Effect, Input, Lanes, Timer};
use vinr_protocol::{Machine, TerminalId};
use vinr_transport::drive::until;

/// All of it; clones are the same queue.
#[derive(Clone)]
pub(crate) struct Queue {
    state: Arc<Mutex<State>>,
    /// When what the lanes wait for is over.
    timers: watch::Sender<BTreeMap<Timer, Instant>>,
}

#[derive(Default)]
struct State {
    lanes: Lanes,
    came: u64,
    calls: BTreeMap<Call, mpsc::UnboundedSender<Turn>>,
}

/// What a call is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Turn {
    /// This terminal is the call's, until it leaves or ends.
    Try(TerminalId),
    /// There is nothing to wait for.
    NoneReachable,
}

/// One call's place. It is given back when dropped.
pub(crate) struct Seat {
    queue: Queue,
    call: Call,
    turns: mpsc::UnboundedReceiver<Turn>,
    timers: watch::Receiver<BTreeMap<Timer, Instant>>,
}

impl Default for Queue {
    fn default() -> Self {
        Self {
            state: Arc::default(),
            timers: watch::channel(BTreeMap::new()).0,
        }
    }
}

impl Queue {
    /// Comes for one of these, the first first.
    pub(crate) fn enter(&self, members: Arc<[TerminalId]>) -> Seat {
        let (calls, turns) = mpsc::unbounded_channel();
        self.look_at_the_clock();
        let mut state = self.lock();
        state.came += 1;
        let call = Call(state.came);
        state.calls.insert(call, calls);
        self.step(&mut state, Input::Came { call, members });
        Seat {
            queue: self.clone(),
            call,
            turns,
            timers: self.timers.subscribe(),
        }
    }

    /// The terminal was seen idle.
    pub(crate) fn idle(&self, terminal: TerminalId) {
        self.step(&mut self.lock(), Input::Idle(terminal));
    }

    /// A line to the terminal was opened.
    pub(crate) fn reached(&self, terminal: TerminalId) {
        self.step(&mut self.lock(), Input::Reached(terminal));
    }

    fn step(&self, state: &mut State, input: Input) {
        for effect in state.lanes.step(input) {
            let (call, turn) = match effect {
                Effect::Try { call, terminal } => (call, Turn::Try(terminal)),
                Effect::NoneReachable(call) => (call, Turn::NoneReachable),
                Effect::Arm(timer, after) => {
                    let at = Instant::now() + after;
                    self.timers.send_modify(|timers| {
                        timers.insert(timer, at);
                    });
                    continue;
                }
            };
            if let Some(calls) = state.calls.get(&call) {
                // A seat that is being dropped says so itself in a moment.
                let _ = calls.send(turn);
            }
        }
    }

    /// Says what is over, unless another call said so already.
    fn look_at_the_clock(&self) {
        let mut state = self.lock();
        let now = Instant::now();
        let mut over = Vec::new();
        self.timers.send_if_modified(|timers| {
            over.extend(timers.extract_if(.., |_, at| *at <= now));
            !over.is_empty()
        });
        for (timer, _) in over {
            self.step(&mut state, Input::Elapsed(timer));
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in here is left half-done by a panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// Waits for the call's turn.
    ///
    /// Cancel-safe.
    pub(crate) async fn turn(&mut self) -> Turn {
        loop {
            let at = self.timers.borrow_and_update().values().min().copied();
            tokio::select! {
                biased;
                Some(turn) = self.turns.recv() => return turn,
                () = until(at) => self.queue.look_at_the_clock(),
                _ = self.timers.changed() => {}
            }
        }
    }

    /// Leaves the terminal that it had, for another; a busy one rests for as long as it said. \[GRP-6\]
    pub(crate) fn left(&self, why: Left, retry_after: Option<Duration>) {
        let input = Input::Left {
            call: self.call,
            why,
            retry_after,
        };
        self.queue.step(&mut self.queue.lock(), input);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut state = self.queue.lock();
        state.calls.remove(&self.call);
        self.queue.step(&mut state, Input::Ended(self.call));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: usize) -> TerminalId {
        TerminalId::new(&format!("term_{number}")).unwrap()
    }

    fn group(count: usize) -> Arc<[TerminalId]> {
        (1..=count).map(id).collect()
    }

    // [GRP-1]
    #[tokio::test]
    async fn calls_of_one_process_do_not_meet_at_one_terminal() {
        let queue = Queue::default();
        let (mut first, mut second) = (queue.enter(group(2)), queue.enter(group(2)));
        assert_eq!(first.turn().await, Turn::Try(id(1)));
        assert_eq!(second.turn().await, Turn::Try(id(2)));
    }

    // [GRP-2]
    #[tokio::test]
    async fn a_seat_that_is_dropped_goes_to_who_came_first() {
        let queue = Queue::default();
        let mut holder = queue.enter(group(1));
        let _ = holder.turn().await;
        let (mut second, mut third) = (queue.enter(group(1)), queue.enter(group(1)));
        drop(holder);
        assert_eq!(second.turn().await, Turn::Try(id(1)));
        assert!(third.turns.try_recv().is_err());
        drop(second);
        assert_eq!(third.turn().await, Turn::Try(id(1)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_busy_terminal_is_tried_again_after_its_pause() {
        let queue = Queue::default();
        let mut seat = queue.enter(group(1));
        let _ = seat.turn().await;
        let left = Instant::now();
        seat.left(Left::Busy, None);
        assert_eq!(seat.turn().await, Turn::Try(id(1)));
        assert!(
            left.elapsed() >= Duration::from_secs(1),
            "{:?}",
            left.elapsed()
        );
    }

    // [GRP-6]
    #[tokio::test(start_paused = true)]
    async fn a_busy_terminal_is_not_tried_before_it_said_that_it_should_be() {
        let queue = Queue::default();
        let mut seat = queue.enter(group(1));
        let _ = seat.turn().await;
        let (left, rest) = (Instant::now(), Duration::from_secs(4));
        seat.left(Left::Busy, Some(rest));
        assert_eq!(seat.turn().await, Turn::Try(id(1)));
        assert!(left.elapsed() >= rest, "{:?}", left.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_terminal_that_could_not_be_reached_is_tried_as_before_once_a_line_is_open() {
        let queue = Queue::default();
        let mut seat = queue.enter(group(2));
        let _ = seat.turn().await;
        seat.left(Left::Unreachable, None);
        drop(seat);
        assert_eq!(queue.enter(group(2)).turn().await, Turn::Try(id(2)));
        queue.reached(id(1));
        assert_eq!(queue.enter(group(2)).turn().await, Turn::Try(id(1)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_that_ended_while_nobody_waited_is_over_for_the_next_call() {
        let queue = Queue::default();
        let mut seat = queue.enter(group(1));
        let _ = seat.turn().await;
        seat.left(Left::Busy, None);
        drop(seat);
        tokio::time::advance(Duration::from_secs(60)).await;
        let came = Instant::now();
        assert_eq!(queue.enter(group(1)).turn().await, Turn::Try(id(1)));
        assert!(came.elapsed() < Duration::from_secs(1));
    }

    #[tokio::test]
    async fn a_call_whose_terminals_are_all_dead_has_nothing_to_wait_for() {
        let queue = Queue::default();
        let mut seat = queue.enter(group(2));
        for number in 1..=2 {
            assert_eq!(seat.turn().await, Turn::Try(id(number)));
            seat.left(Left::Unreachable, None);
        }
        assert_eq!(seat.turn().await, Turn::NoneReachable);
    }
}
