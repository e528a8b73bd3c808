//! Which call of this process tries which terminal next: first come, first served. \[GRP-1, GRP-2\]
//!
//! One for the whole process. It keeps its calls from colliding at one terminal and from asking again what has just
//! said that it is busy; between processes the terminals are the arbiters. A wrong hint costs one refused attempt and
//! no money: what is safe is kept by [`group`](super::group).
//!
//! | When | then |
//! |---|---|
//! | a call comes | the first of its members that is not held or busy; none: it waits |
//! | a call was told *busy* | that terminal rests for its `Retry-After`; the call tries the next or waits |
//! | a call could not reach a terminal | it does not try that one again, unless it is reached or said to be idle |
//! | | other calls try it last, until it is reached, said to be idle or 30 s have passed |
//! | a call has reached none, and none is held or busy | none is reachable |
//! | a terminal is free | it goes to the call that came first of those that want it |
//! | a terminal has served several calls of this process in a row, and more wait | it is left free for 2.5 s first |
//!
//! The last row is for other processes. A terminal tells nobody that it is free: who was told *busy* asks again after a
//! rest, and would find it busy again, and again, where a queue takes every turn at once. A till that gives way in vain does
//! so more seldom.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::group::Left;
use crate::id::TerminalId;
use crate::machine::Machine;
use crate::timing::{RETRY_AFTER, RETRY_AFTER_MAX, RETRY_AFTER_MIN};

#[cfg(test)]
mod tests;

/// At most so many busy terminals are tried again in [`AGAIN_WITHIN`], so that a till with 1 000 of them does not ask them
/// all every second.
pub const TRIED_AGAIN: usize = 8;

/// See [`TRIED_AGAIN`].
pub const AGAIN_WITHIN: Duration = RETRY_AFTER_MIN;

/// For so long a terminal that a call could not reach is tried after all others, so that not every call waits for it. Then
/// one is tried as before, the one that has been doubted longest.
pub const DOUBTED_FOR: Duration = Duration::from_secs(30);

/// After so many calls of this process in a row, of which the last ones waited, a terminal is left free for
/// [`GIVES_WAY_FOR`].
pub const IN_A_ROW: u32 = 4;

/// After so many where nobody else came in all the time before.
pub const IN_A_ROW_ALONE: u32 = 32;

/// Longer than the rest that another till gives a busy terminal, so that it comes by in it.
pub const GIVES_WAY_FOR: Duration = Duration::from_millis(RETRY_AFTER.as_millis() as u64 + 500);

/// A call, numbered in the order in which calls came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Call(pub u64);

/// What can happen in the lanes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Input {
    /// A call wants one of these terminals, the first first.
    Came {
        /// The call.
        call: Call,
        /// Its members, in order.
        members: Arc<[TerminalId]>,
    },
    /// A call left the terminal that it tried, and wants another.
    Left {
        /// The call.
        call: Call,
        /// Why.
        why: Left,
        /// What the terminal's `Retry-After` said.
        retry_after: Option<Duration>,
    },
    /// A call is over, wherever it was.
    Ended(Call),
    /// The terminal is said to be idle: discovery saw it, or it answered.
    Idle(TerminalId),
    /// The terminal can be reached: a line to it was opened. Whether it is busy, that does not say.
    Reached(TerminalId),
    /// A timer ran out.
    Elapsed(Timer),
}

/// What the lanes ask of their host.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Effect {
    /// The call may try this terminal, which is kept for it until it leaves or ends.
    Try {
        /// The call.
        call: Call,
        /// The terminal.
        terminal: TerminalId,
    },
    /// None of the call's members can be reached: there is nothing to wait for.
    NoneReachable(Call),
    /// Start a timer, anew if it runs.
    Arm(Timer, Duration),
}

/// The timers of the lanes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Timer {
    /// A busy terminal has rested. \[GRP-6\]
    Rest(TerminalId),
    /// More that have rested may be tried again.
    Again,
    /// A terminal that could not be reached is doubted no more.
    Doubt,
    /// Nobody else need be given way at this terminal.
    GiveWay(TerminalId),
}

/// The machine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Lanes {
    calls: BTreeMap<Call, Wish>,
    /// Terminals of which more is known than that they may be tried.
    taken: BTreeMap<TerminalId, Taken>,
    /// Busy ones that have rested and are not tried again yet, in the order in which they had.
    rested: VecDeque<TerminalId>,
    /// How many are tried again until [`Timer::Again`].
    again: usize,
    again_armed: bool,
    /// Those that some call could not reach, the one that has been doubted longest first.
    doubted: VecDeque<TerminalId>,
    doubt_armed: bool,
    turns: BTreeMap<TerminalId, Turns>,
}

/// What this process took of a terminal's turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Turns {
    in_a_row: u32,
    most: u32,
}

impl Default for Turns {
    fn default() -> Self {
        Self {
            in_a_row: 0,
            most: IN_A_ROW,
        }
    }
}

/// What one call wants.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Wish {
    members: Arc<[TerminalId]>,
    /// Members that it could not reach.
    dead: BTreeSet<TerminalId>,
    place: Place,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Place {
    Waiting,
    At(TerminalId),
    /// It was told that none is reachable.
    Away,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Taken {
    /// By a call of this process.
    Held,
    /// By somebody else.
    Busy,
    /// By nobody, for the sake of others.
    GivesWay,
}

impl Wish {
    fn wants(&self, terminal: &TerminalId) -> bool {
        self.place == Place::Waiting
            && self.members.contains(terminal)
            && !self.dead.contains(terminal)
    }
}

impl Machine for Lanes {
    type Input = Input;
    type Effect = Effect;

    fn step(&mut self, input: Input) -> Vec<Effect> {
        match input {
            Input::Came { call, members } => self.came(call, members),
            Input::Left {
                call,
                why,
                retry_after,
            } => self.left(call, why, retry_after),
            Input::Ended(call) => self.ended(call),
            Input::Idle(terminal) => self.idle(terminal),
            Input::Reached(terminal) => self.reached(terminal),
            Input::Elapsed(Timer::Rest(terminal)) => self.rested(terminal),
            Input::Elapsed(Timer::Again) => {
                (self.again, self.again_armed) = (0, false);
                self.try_again()
            }
            Input::Elapsed(Timer::Doubt) => self.doubt_over(),
            Input::Elapsed(Timer::GiveWay(terminal)) => self.gave_way(terminal),
        }
    }
}

/// Calls.
impl Lanes {
    fn came(&mut self, call: Call, members: Arc<[TerminalId]>) -> Vec<Effect> {
        if self.calls.contains_key(&call) {
            return Vec::new();
        }
        let wish = Wish {
            members,
            dead: BTreeSet::new(),
            place: Place::Waiting,
        };
        self.calls.insert(call, wish);
        self.choose(call).into_iter().collect()
    }

    fn left(&mut self, call: Call, why: Left, retry_after: Option<Duration>) -> Vec<Effect> {
        let Some(wish) = self.calls.get_mut(&call) else {
            return Vec::new();
        };
        let Place::At(terminal) = std::mem::replace(&mut wish.place, Place::Waiting) else {
            return self.choose(call).into_iter().collect();
        };
        let mut effects = Vec::new();
        match why {
            Left::Busy => {
                let rest = retry_after.unwrap_or(RETRY_AFTER);
                let rest = rest.clamp(RETRY_AFTER_MIN, RETRY_AFTER_MAX);
                self.trust(&terminal);
                self.turns.remove(&terminal);
                self.taken.insert(terminal.clone(), Taken::Busy);
                effects.push(Effect::Arm(Timer::Rest(terminal), rest));
                effects.extend(self.choose(call));
            }
            Left::Unreachable => {
                wish.dead.insert(terminal.clone());
                self.taken.remove(&terminal);
                effects.extend(self.doubt(terminal));
                effects.extend(self.choose(call));
                effects.extend(self.choose_for_all());
            }
        }
        effects
    }

    fn ended(&mut self, call: Call) -> Vec<Effect> {
        let Some(Wish {
            place: Place::At(terminal),
            ..
        }) = self.calls.remove(&call)
        else {
            return Vec::new();
        };
        self.taken.remove(&terminal);
        self.trust(&terminal);
        let mut effects: Vec<_> = (self.give_way(&terminal))
            .or_else(|| self.offer(terminal))
            .into_iter()
            .collect();
        effects.extend(self.choose_for_all());
        effects
    }
}

/// Terminals.
impl Lanes {
    fn idle(&mut self, terminal: TerminalId) -> Vec<Effect> {
        match self.taken.get(&terminal) {
            // The hint is older than our own call, or wrong.
            Some(Taken::Held | Taken::GivesWay) => return Vec::new(),
            Some(Taken::Busy) => {
                self.taken.remove(&terminal);
                self.rested.retain(|rested| *rested != terminal);
            }
            None => {}
        }
        self.reached(terminal)
    }

    /// Its rest goes on, if it has one.
    fn reached(&mut self, terminal: TerminalId) -> Vec<Effect> {
        self.trust(&terminal);
        for wish in self.calls.values_mut() {
            wish.dead.remove(&terminal);
        }
        self.offer(terminal).into_iter().collect()
    }

    /// Not before, whatever else happens to others: each has a timer of its own. \[GRP-6\]
    fn rested(&mut self, terminal: TerminalId) -> Vec<Effect> {
        if self.taken.get(&terminal) != Some(&Taken::Busy) || self.rested.contains(&terminal) {
            return Vec::new();
        }
        self.rested.push_back(terminal);
        self.try_again()
    }

    fn try_again(&mut self) -> Vec<Effect> {
        let tried = self.rested.len().min(TRIED_AGAIN - self.again);
        for terminal in self.rested.drain(..tried) {
            self.taken.remove(&terminal);
        }
        self.again += tried;
        let mut effects = self.choose_for_all();
        if self.again > 0 && !self.again_armed {
            self.again_armed = true;
            effects.push(Effect::Arm(Timer::Again, AGAIN_WITHIN));
        }
        effects
    }
}

/// Who else there is.
impl Lanes {
    /// Leaves a terminal free for other processes, where this one would take turn after turn. \[GRP-2\]
    fn give_way(&mut self, terminal: &TerminalId) -> Option<Effect> {
        let turns = self.turns.entry(terminal.clone()).or_default();
        turns.in_a_row += 1;
        if turns.in_a_row < turns.most || !self.calls.values().any(|wish| wish.wants(terminal)) {
            return None;
        }
        turns.in_a_row = 0;
        self.taken.insert(terminal.clone(), Taken::GivesWay);
        let timer = Timer::GiveWay(terminal.clone());
        Some(Effect::Arm(timer, GIVES_WAY_FOR))
    }

    fn gave_way(&mut self, terminal: TerminalId) -> Vec<Effect> {
        if self.taken.get(&terminal) != Some(&Taken::GivesWay) {
            return Vec::new();
        }
        self.taken.remove(&terminal);
        // Whether somebody came by, the next try tells.
        let turns = self.turns.entry(terminal.clone()).or_default();
        turns.most = (turns.most * 2).min(IN_A_ROW_ALONE);
        self.offer(terminal)
            .into_iter()
            .chain(self.choose_for_all())
            .collect()
    }
}

/// Who could not be reached.
impl Lanes {
    fn doubt(&mut self, terminal: TerminalId) -> Option<Effect> {
        self.trust(&terminal);
        self.doubted.push_back(terminal);
        self.arm_doubt()
    }

    fn trust(&mut self, terminal: &TerminalId) {
        self.doubted.retain(|doubted| doubted != terminal);
    }

    /// One at a time: a shop in which many are dead does not make one call wait for all of them.
    fn doubt_over(&mut self) -> Vec<Effect> {
        self.doubt_armed = false;
        self.doubted.pop_front();
        let mut effects: Vec<_> = self.arm_doubt().into_iter().collect();
        effects.extend(self.choose_for_all());
        effects
    }

    fn arm_doubt(&mut self) -> Option<Effect> {
        if self.doubt_armed || self.doubted.is_empty() {
            return None;
        }
        self.doubt_armed = true;
        Some(Effect::Arm(Timer::Doubt, DOUBTED_FOR))
    }
}

/// Who gets what.
impl Lanes {
    fn waiting(&self) -> impl Iterator<Item = Call> {
        let waiting =
            |(call, wish): (&Call, &Wish)| (wish.place == Place::Waiting).then_some(*call);
        self.calls.iter().filter_map(waiting)
    }

    /// The first idle terminal in the given order \[GRP-1\]; a doubted one only where there is no other, busy or not.
    fn choose(&mut self, call: Call) -> Option<Effect> {
        let wish = self.calls.get(&call)?;
        let is_taken = |terminal: &TerminalId| self.taken.contains_key(terminal);
        let free = (wish.members.iter())
            .filter(|terminal| !is_taken(terminal) && !wish.dead.contains(*terminal));
        let doubted: BTreeSet<_> = self.doubted.iter().collect();
        let mut last = None;
        for terminal in free {
            if !doubted.contains(terminal) {
                let terminal = terminal.clone();
                return Some(self.give(call, terminal));
            }
            last.get_or_insert(terminal);
        }
        if wish.members.iter().any(is_taken) {
            return None;
        }
        if let Some(terminal) = last.cloned() {
            return Some(self.give(call, terminal));
        }
        self.calls.get_mut(&call)?.place = Place::Away;
        Some(Effect::NoneReachable(call))
    }

    /// To whom came first of those that want it. \[GRP-2\]
    fn offer(&mut self, terminal: TerminalId) -> Option<Effect> {
        if self.taken.contains_key(&terminal) {
            return None;
        }
        let (call, _) = self.calls.iter().find(|(_, wish)| wish.wants(&terminal))?;
        Some(self.give(*call, terminal))
    }

    /// For every call that waits: also for those that have nothing left to wait for.
    fn choose_for_all(&mut self) -> Vec<Effect> {
        let waiting: Vec<_> = self.waiting().collect();
        waiting
            .into_iter()
            .filter_map(|call| self.choose(call))
            .collect()
    }

    fn give(&mut self, call: Call, terminal: TerminalId) -> Effect {
        self.taken.insert(terminal.clone(), Taken::Held);
        if let Some(wish) = self.calls.get_mut(&call) {
            wish.place = Place::At(terminal.clone());
        }
        Effect::Try { call, terminal }
    }
}
