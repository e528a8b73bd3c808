//! The host of the [`Places`]: it carries out what they decide, on tasks and on the clock.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::guests::Seat;
use super::limits::Limits;
use super::load::Load;
use super::places::{Effect, Input, Places, Timer};
use super::seldom::Seldom;

/// Sockets beyond all places: those that were closed for another and whose task has not noticed yet.
const LEAVING: usize = 64;

/// How many refused handshakes have a line of their own in the log: enough for every till of a shop whose
/// certificates ran out.
const REFUSALS_TOLD: u32 = 32;

#[derive(Debug)]
pub(super) struct Door {
    state: Mutex<State>,
    /// Whatever the places say, there are never more sockets than this.
    sockets: Arc<Semaphore>,
    timer_moved: Notify,
    somebody_left: Notify,
    refusals: Mutex<Seldom>,
}

#[derive(Debug)]
struct State {
    places: Places,
    next: u64,
    calls: BTreeMap<Seat, Arc<Calls>>,
    leak_at: Option<Instant>,
}

/// What one connection is told.
#[derive(Debug, Default)]
struct Calls {
    close: CancellationToken,
    begin: Notify,
}

impl Door {
    pub(super) fn new(limits: &Limits) -> Self {
        let state = State {
            places: Places::new(limits),
            next: 0,
            calls: BTreeMap::new(),
            leak_at: None,
        };
        let sockets = limits
            .connections
            .saturating_add(limits.handshakes)
            .saturating_add(LEAVING)
            .min(Semaphore::MAX_PERMITS);
        Self {
            state: Mutex::new(state),
            sockets: Arc::new(Semaphore::new(sockets)),
            timer_moved: Notify::new(),
            somebody_left: Notify::new(),
            refusals: Mutex::new(Seldom::new(REFUSALS_TOLD)),
        }
    }

    pub(super) fn load(&self) -> Load {
        self.lock().places.load()
    }

    /// A handshake failed: how many there are to speak of, if it may be said.
    pub(super) fn may_tell(&self) -> Option<u64> {
        let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        refusals.one_more(Instant::now().into_std())
    }

    /// Waits while too many sockets are still being closed.
    pub(super) async fn socket(&self) -> OwnedSemaphorePermit {
        let sockets = self.sockets.clone();
        sockets
            .acquire_owned()
            .await
            .expect("nobody closes the semaphore")
    }

    /// Lets a connection in, or not.
    pub(super) fn arrive(
        self: &Arc<Self>,
        address: IpAddr,
        socket: OwnedSemaphorePermit,
    ) -> Option<Arc<Guest>> {
        let mut state = self.lock();
        let seat = Seat(state.next);
        state.next += 1;
        if !self.step(&mut state, Input::Arrived(seat, address)) {
            return None;
        }
        let calls = Arc::<Calls>::default();
        state.calls.insert(seat, calls.clone());
        Some(Arc::new(Guest {
            door: self.clone(),
            seat,
            calls,
            _socket: socket,
        }))
    }

    /// Closes somebody, so that there is a handle for the next, and waits until one is free; false where nobody can
    /// be closed.
    pub(super) async fn free_a_handle(&self) -> bool {
        let left = self.somebody_left.notified();
        let made_room = self.lock().places.load().made_room;
        self.tell(Input::OutOfHandles);
        let is_closing = self.lock().places.load().made_room > made_room;
        if is_closing {
            left.await;
        }
        is_closing
    }

    /// Tells the places when a time is over.
    pub(super) async fn keep_time(&self) -> Infallible {
        loop {
            let leak_at = self.lock().leak_at;
            let Some(leak_at) = leak_at else {
                self.timer_moved.notified().await;
                continue;
            };
            sleep_until(leak_at).await;
            self.lock().leak_at = None;
            self.tell(Input::Elapsed(Timer::Leak));
        }
    }

    fn tell(&self, input: Input) -> bool {
        self.step(&mut self.lock(), input)
    }

    /// Whether the guest in question may go on.
    fn step(&self, state: &mut State, input: Input) -> bool {
        let mut may_go_on = false;
        for effect in state.places.step(input) {
            match effect {
                Effect::Admit(_) | Effect::Welcome(_) | Effect::Handle(_) => may_go_on = true,
                Effect::TurnAway(_) => may_go_on = false,
                Effect::Close(seat) => {
                    if let Some(calls) = state.calls.remove(&seat) {
                        calls.close.cancel();
                    }
                }
                Effect::Begin(seat) => {
                    if let Some(calls) = state.calls.get(&seat) {
                        calls.begin.notify_one();
                    }
                }
                Effect::Arm(Timer::Leak, after) => {
                    state.leak_at = Some(Instant::now() + after);
                    self.timer_moved.notify_one();
                }
            }
        }
        may_go_on
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection that has a place; it leaves when this is dropped.
#[derive(Debug)]
pub(super) struct Guest {
    door: Arc<Door>,
    seat: Seat,
    calls: Arc<Calls>,
    _socket: OwnedSemaphorePermit,
}

impl Guest {
    /// Runs until it ends, or until its place is another's.
    pub(super) async fn run(&self, served: impl Future<Output = ()>) {
        // Biased towards the call, so that nothing begins that was given up already.
        let _ = self.calls.close.run_until_cancelled(served).await;
    }

    /// Its ClientHello came: waits until it is its turn.
    pub(super) async fn turn(&self) {
        self.door.tell(Input::Hello(self.seat));
        self.calls.begin.notified().await;
    }

    /// It is not let in, and is only told why.
    pub(super) fn refused(&self) {
        self.door.tell(Input::Refused(self.seat));
    }

    /// Its certificate is accepted; false where it has no place.
    pub(super) fn accepted(&self) -> bool {
        self.door.tell(Input::Accepted(self.seat))
    }

    /// A whole request came; `None` where its place is another's already.
    pub(super) fn asked(self: &Arc<Self>) -> Option<Answering> {
        let may = self.door.tell(Input::Asked(self.seat));
        may.then(|| Answering(self.clone()))
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.door.tell(Input::Left(self.seat));
        self.door.lock().calls.remove(&self.seat);
        self.door.somebody_left.notify_waiters();
    }
}

/// While this lives, its connection is closed for nobody.
#[derive(Debug)]
pub(super) struct Answering(Arc<Guest>);

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.door.tell(Input::Answered(self.0.seat));
    }
}
