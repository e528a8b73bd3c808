//! One intent to get a sale paid at whichever terminal of a group is idle first. §8

use std::collections::VecDeque;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::Instant;
use vinr_protocol::client::attempt::{NotSent, Outcome as End, StoredAttempt};
use vinr_protocol::client::group::{Effect, Group, Input, Left, Outcome, Policy};
use vinr_protocol::client::hedge::Instead;
use vinr_protocol::timing::LOCAL_TIMEOUT;
use vinr_protocol::{Machine, PayRequest, TerminalId};
use vinr_transport::drive::until;

use crate::attempts::resume;
use crate::cloud::Cloud;
use crate::error::Error;
use crate::hands::Hands;
use crate::in_flight::Place;
use crate::lan::Way;
use crate::paying::prepare;
use crate::queue::{Seat, Turn};
use crate::result::{PaymentResult, result};
use crate::vinr::{Inner, Vinr, fresh_key, now};

/// What a caller wants.
pub(crate) struct Wanted<'a> {
    /// As the first member would get it.
    pub(crate) request: PayRequest,
    pub(crate) members: Arc<[TerminalId]>,
    pub(crate) hybrid: Option<(&'a Cloud, Duration)>,
    pub(crate) max_wait: Option<Duration>,
}

/// Runs the machine to its end.
pub(crate) async fn call(
    vinr: &Vinr,
    wanted: Wanted<'_>,
    place: Place,
) -> Result<PaymentResult, Error> {
    let mut call = Calling::new(vinr, wanted, place);
    let mut inputs = VecDeque::from([Input::Begin]);
    loop {
        while let Some(input) = inputs.pop_front() {
            let arrived = Instant::now();
            for effect in call.step(input) {
                match effect {
                    Effect::Settled(outcome) => return call.end(outcome),
                    // What was said at the terminal that is left is about nothing now.
                    Effect::Left { terminal, why } => {
                        inputs.retain(|input| !matches!(input, Input::Of(_)));
                        call.leave(&terminal, why);
                    }
                    effect => inputs.extend(call.perform(effect, arrived).await),
                }
            }
        }
        inputs.push_back(call.next().await);
    }
}

struct Calling<'a> {
    inner: &'a Inner,
    wanted: Wanted<'a>,
    group: Group,
    hands: Hands<'a>,
    seat: Option<Seat>,
    /// A member is wanted.
    is_choosing: bool,
    wait_until: Option<Instant>,
    gave_up: bool,
    unreachable: Vec<(TerminalId, String)>,
    /// The attempt at the present member, or the last.
    present: StoredAttempt,
    unfinished: Unfinished,
}

impl<'a> Calling<'a> {
    fn new(vinr: &'a Vinr, wanted: Wanted<'a>, place: Place) -> Self {
        let inner = &*vinr.inner;
        let policy = Policy {
            deadline: inner.deadline,
            local_timeout: wanted.hybrid.map(|(_, limit)| limit),
            max_wait: wanted.max_wait,
        };
        Self {
            inner,
            group: Group::new(wanted.members.clone(), policy),
            hands: Hands::new(inner, wanted.hybrid.map(|(cloud, _)| cloud)),
            seat: None,
            is_choosing: false,
            wait_until: None,
            gave_up: false,
            unreachable: Vec::new(),
            present: StoredAttempt::new(&wanted.request, fresh_key(), now()),
            unfinished: Unfinished {
                vinr: vinr.clone(),
                is_hybrid: wanted.hybrid.is_some(),
                place: Some(place),
                attempt: None,
            },
            wanted,
        }
    }

    fn step(&mut self, input: Input) -> Vec<Effect> {
        let effects = self.group.step(input);
        self.unfinished.attempt = self.group.stored().cloned();
        if let Some(stored) = &self.unfinished.attempt {
            self.present = stored.clone();
        }
        effects
    }

    async fn perform(&mut self, effect: Effect, arrived: Instant) -> Option<Input> {
        match effect {
            Effect::Of(effect) => {
                let place = self.unfinished.place.as_mut()?;
                let next = self.hands.perform(&self.present, effect, arrived, place);
                return next.await.map(Input::Of);
            }
            Effect::ArmMaxWait(after) => self.wait_until = Some(arrived + after),
            Effect::Choose => {
                self.is_choosing = true;
                let members = &self.wanted.members;
                self.seat
                    .get_or_insert_with(|| self.inner.queue.enter(members.clone()));
            }
            Effect::Left { .. } | Effect::Settled(_) => {}
        }
        None
    }

    async fn next(&mut self) -> Input {
        let turn = tokio::select! {
            biased;
            input = self.hands.next(&self.present) => return Input::Of(input),
            () = given_up(&mut self.unfinished.place), if !self.gave_up => {
                self.gave_up = true;
                return Input::GiveUp;
            }
            () = until(self.wait_until) => {
                self.wait_until = None;
                return Input::WaitedTooLong;
            }
            turn = turn(&mut self.seat), if self.is_choosing => turn,
        };
        self.is_choosing = false;
        match turn {
            Turn::Try(terminal) => self.approach(terminal).await,
            Turn::NoneReachable => {
                let request = self.wanted.request.clone();
                let stored = StoredAttempt::new(&request, fresh_key(), now());
                self.hands.take(request, Way::Dial);
                Input::NoneReachable(stored)
            }
        }
    }

    /// Gets ready to try a member. Whether it is left, and why, is the machine's word.
    async fn approach(&mut self, terminal: TerminalId) -> Input {
        let limit = self.wanted.hybrid.map_or(LOCAL_TIMEOUT, |(_, limit)| limit);
        let request = PayRequest {
            terminal_id: terminal.clone(),
            ..self.wanted.request.clone()
        };
        let instead = match self.wanted.members.len() {
            0 | 1 => Instead::Nobody,
            _ => Instead::OtherTerminal,
        };
        let (stored, way) = prepare(self.inner, &request, instead, limit).await;
        if let Way::Dead(NotSent::Unreachable(why)) = &way {
            self.unreachable.push((terminal, why.clone()));
        }
        self.hands.take(request, way);
        Input::Try(stored)
    }

    fn leave(&mut self, terminal: &TerminalId, why: Left) {
        let reference = &self.wanted.request.reference;
        tracing::debug!(reader = %terminal, %reference, ?why, "a call for a group goes on to another terminal");
        self.hands.let_go();
        if let Some(seat) = &self.seat {
            let rest = self.hands.noted.retry_after.take();
            seat.left(why, rest);
        }
    }

    fn end(mut self, outcome: Outcome) -> Result<PaymentResult, Error> {
        self.hands.let_go();
        let members = &self.wanted.members;
        match outcome {
            Outcome::Ended {
                at: None,
                outcome:
                    End::NotSent {
                        why: NotSent::Unreachable(cloud),
                    },
            } => Err(Error::NoPath {
                reader: members[0].clone(),
                lan: reasons(&self.unreachable),
                cloud,
            }),
            Outcome::Ended { at, outcome } => {
                let reader = at.as_ref().unwrap_or(&members[0]);
                result(self.inner, reader, outcome, &self.hands.noted)
            }
            Outcome::WaitedTooLong => Err(Error::AllBusy {
                members: members.to_vec(),
                waited: self.wanted.max_wait.unwrap_or_default(),
            }),
            Outcome::GivenUp => Err(Error::GivenUp),
            Outcome::NoneReachable => Err(Error::NoneReachable {
                unreachable: std::mem::take(&mut self.unreachable),
            }),
        }
    }
}

/// A call that is dropped cancels: what still waits for a card is given up in the background. §8
struct Unfinished {
    vinr: Vinr,
    is_hybrid: bool,
    /// Kept until the attempt is found out about, so that nobody pays the sale meanwhile.
    place: Option<Place>,
    /// The attempt that may be live.
    attempt: Option<StoredAttempt>,
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        let (Some(attempt), Some(mut place)) = (self.attempt.take(), self.place.take()) else {
            return;
        };
        let (vinr, is_hybrid) = (self.vinr.clone(), self.is_hybrid);
        // Without a runtime the till is going down: the attempt is in the store.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                let cloud = vinr.inner.cloud.as_ref().filter(|_| is_hybrid);
                let reference = attempt.reference.clone();
                // What it came to is in the sale's timeline; a resolution in words would show the customer's.
                let _ = resume(&vinr.inner, cloud, attempt, &mut place).await;
                tracing::info!(%reference, "a call for a group was dropped and is found out about");
            });
        }
    }
}

async fn given_up(place: &mut Option<Place>) {
    match place {
        Some(place) => place.given_up().await,
        None => pending().await,
    }
}

async fn turn(seat: &mut Option<Seat>) -> Turn {
    match seat {
        Some(seat) => seat.turn().await,
        None => pending().await,
    }
}

fn reasons(unreachable: &[(TerminalId, String)]) -> String {
    let each: Vec<_> = unreachable
        .iter()
        .map(|(reader, why)| format!("{reader}: {why}"))
        .collect();
    each.join("; ")
}
