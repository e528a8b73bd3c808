//! One sale at whichever of several terminals is idle first. §8
//!
//! It runs one [`Hybrid`] at a time. Which member is next is the business of the [`lanes`](super::lanes); that no
//! member is next while another may hold the sale is kept here, whatever the lanes say. \[GRP-4\]
//!
//! | While | when | then |
//! |---|---|---|
//! | choosing | a member is free | an attempt at it, under its own key, stored first |
//! | choosing | no member can be reached | with a cloud a group command, else the end |
//! | choosing | `maxWaitMs`, or the caller gives up | the end: nothing was charged |
//! | trying a member | busy, and its key is void | choosing |
//! | trying a member | nothing could be sent | choosing |
//! | trying a member | silent | the cloud, naming this member, with the same key |
//! | trying a member | any other end | that is the end: no other member is tried |
//! | trying a member | the caller gives up | what is under way is cancelled |
//!
//! Left to the host: unresolved attempts of the same reference are resolved before a call begins, and a till without a
//! store looks the reference up at every member first.

use std::sync::Arc;
use std::time::Duration;

use super::attempt::{self, NotSent, StoredAttempt};
use super::hybrid::{self, Cloud, Hybrid, Path, To};
use crate::error_body::Code;
use crate::id::TerminalId;
use crate::machine::Machine;
use crate::mutant::{Mutant, is_planted};
use crate::payment::{ConnectionMode, Payment};

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

/// What can happen to a call for a group.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[expect(
    clippy::large_enum_variant,
    reason = "an input is made once and consumed at once"
)]
pub enum Input {
    /// The caller wants the sale paid.
    Begin,
    /// This member is free: an attempt at it, under a key that was never used. Heard only while it chooses.
    Try(StoredAttempt),
    /// No member can be reached over the LAN; the attempt is what a group command would be. Heard only while it
    /// chooses.
    NoneReachable(StoredAttempt),
    /// Something happened to the attempt at the present member.
    Of(hybrid::Input),
    /// `maxWaitMs` passed.
    WaitedTooLong,
    /// The caller no longer wants the sale paid: what is under way is cancelled.
    GiveUp,
}

/// What a call for a group asks of its host.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Something that the attempt at the present member asks for; never its [`Settled`](hybrid::Effect::Settled).
    Of(hybrid::Effect),
    /// Say [`Input::WaitedTooLong`] after this time.
    ArmMaxWait(Duration),
    /// A member is wanted.
    Choose,
    /// The attempt at this member is void: whatever it left open is dropped, timers, requests and the word about a
    /// record alike, and the lanes are told why.
    Left {
        /// The member.
        terminal: TerminalId,
        /// What was wrong with it.
        why: Left,
    },
    /// The end: nothing follows.
    Settled(Outcome),
}

/// Why a call left a member for the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Left {
    /// It serves another sale.
    Busy,
    /// Nothing could be sent to it.
    Unreachable,
}

/// What becomes of a call for a group.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[must_use = "an outcome that is dropped is a payment that is lost"]
#[expect(
    clippy::large_enum_variant,
    reason = "there is one of a call, and it is read more often than it is moved"
)]
pub enum Outcome {
    /// It ended at a terminal; where the cloud chose, only a payment tells which. \[GRP-3\]
    Ended {
        /// The member, unless the cloud chose.
        at: Option<TerminalId>,
        /// The end.
        outcome: attempt::Outcome,
    },
    /// Every member was busy for `maxWaitMs`. Nothing was charged.
    WaitedTooLong,
    /// The caller gave up while it waited. Nothing was charged.
    GivenUp,
    /// No member can be reached. Nothing was charged.
    NoneReachable,
}

/// What the caller allows.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Policy {
    /// How long the attempt at one member may take, as in [`attempt::Policy`].
    pub deadline: Duration,
    /// `localTimeoutMs` where there is a cloud. \[HYB-2\]
    pub local_timeout: Option<Duration>,
    /// `maxWaitMs`: how long the call may wait for a free member. §8
    pub max_wait: Option<Duration>,
}

/// The machine. Its first input is [`Input::Begin`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Group {
    members: Arc<[TerminalId]>,
    policy: Policy,
    /// No further member is tried, and this is the end instead.
    enough: Option<Enough>,
    phase: Phase,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Enough {
    WaitedTooLong,
    GivenUp,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Phase {
    Ready,
    /// No member can hold the sale.
    Choosing,
    /// This member may hold it; with a group command, one that the cloud knows.
    Trying(Box<Hybrid>),
    Settled,
}

impl Group {
    /// A call for these terminals, in the order in which they are preferred.
    pub fn new(members: Arc<[TerminalId]>, policy: Policy) -> Self {
        Self {
            members,
            policy,
            enough: None,
            phase: Phase::Ready,
        }
    }

    /// The terminals, in order.
    pub fn members(&self) -> &[TerminalId] {
        &self.members
    }

    /// The attempt that may be live now. \[I12, I14\]
    pub fn stored(&self) -> Option<&StoredAttempt> {
        match &self.phase {
            Phase::Trying(hybrid) => Some(hybrid.stored()),
            Phase::Ready | Phase::Choosing | Phase::Settled => None,
        }
    }
}

impl Machine for Group {
    type Input = Input;
    type Effect = Effect;

    fn step(&mut self, input: Input) -> Vec<Effect> {
        let phase = std::mem::replace(&mut self.phase, Phase::Settled);
        match (phase, input) {
            (Phase::Settled, _) => Vec::new(),
            (Phase::Ready, Input::Begin) => self.begin(),

            (Phase::Choosing, Input::Try(attempt))
                if self.members.contains(&attempt.terminal_id) =>
            {
                self.try_member(attempt)
            }
            (Phase::Choosing, Input::NoneReachable(attempt)) => self.none_reachable(attempt),
            (Phase::Choosing, Input::WaitedTooLong) => self.end(Outcome::WaitedTooLong),
            (Phase::Choosing, Input::GiveUp) => self.end(Outcome::GivenUp),

            (Phase::Trying(hybrid), Input::Of(input)) => self.drive(hybrid, input),
            (Phase::Trying(hybrid), Input::GiveUp) => {
                self.enough = Some(Enough::GivenUp);
                self.drive(hybrid, hybrid::Input::CallOff)
            }
            (phase @ Phase::Trying(_), Input::WaitedTooLong) => {
                self.enough.get_or_insert(Enough::WaitedTooLong);
                self.stay(phase)
            }
            // Nobody is tried while another may hold the sale, and late answers are about what is void. [I12]
            (phase, _) => self.stay(phase),
        }
    }
}

impl Group {
    fn begin(&mut self) -> Vec<Effect> {
        self.phase = Phase::Choosing;
        let wait = self.policy.max_wait.map(Effect::ArmMaxWait);
        wait.into_iter().chain([Effect::Choose]).collect()
    }

    fn try_member(&mut self, mut attempt: StoredAttempt) -> Vec<Effect> {
        attempt.path = ConnectionMode::Local;
        attempt.members = Vec::new();
        // Whoever cannot be reached gives way to the next member: only a byte that may have been sent to it makes it
        // the one that the cloud must name.
        let cloud = match self.policy.local_timeout {
            Some(wait) => Cloud::AfterSending(wait),
            None => Cloud::None,
        };
        self.start(attempt, cloud)
    }

    /// The group was tried on the LAN, and no member has the sale: the cloud may choose.
    fn none_reachable(&mut self, mut attempt: StoredAttempt) -> Vec<Effect> {
        let Some(wait) = self.policy.local_timeout else {
            return self.end(Outcome::NoneReachable);
        };
        attempt.path = ConnectionMode::Cloud;
        attempt.members = self.members.to_vec();
        self.start(attempt, Cloud::After(wait))
    }

    fn start(&mut self, attempt: StoredAttempt, cloud: Cloud) -> Vec<Effect> {
        let deadline = self.policy.deadline;
        let attempt_policy = attempt::Policy {
            deadline,
            spare_key: None,
        };
        let hybrid = Hybrid::new(
            attempt,
            hybrid::Policy {
                attempt: attempt_policy,
                cloud,
            },
        );
        self.drive(Box::new(hybrid), hybrid::Input::Begin)
    }

    fn drive(&mut self, mut hybrid: Box<Hybrid>, input: hybrid::Input) -> Vec<Effect> {
        let terminal = hybrid.stored().terminal_id.clone();
        let at = hybrid.stored().members.is_empty().then_some(terminal);
        if is_planted(Mutant::LeavesAttemptBehind)
            && let (hybrid::Input::Lost(..), Some(terminal)) = (&input, &at)
        {
            return self.leave(terminal.clone(), Left::Busy);
        }
        let mut effects = Vec::new();
        let mut ended = None;
        for effect in hybrid.step(input) {
            match effect {
                hybrid::Effect::Settled(outcome) => ended = Some(outcome),
                hybrid::Effect::SendPay { path, to, key } => {
                    let to = whom(path, to);
                    effects.push(Effect::Of(hybrid::Effect::SendPay { path, to, key }));
                }
                effect => effects.push(Effect::Of(effect)),
            }
        }
        effects.extend(match ended {
            None => self.stay(Phase::Trying(hybrid)),
            Some(outcome) => self.after(at, outcome),
        });
        effects
    }

    /// Another member only where this one is void.
    fn after(&mut self, at: Option<TerminalId>, outcome: attempt::Outcome) -> Vec<Effect> {
        let why = match &outcome {
            // Told only where its one copy was refused, or its key is cancelled. [REC-24] A sale that another attempt has
            // paid, or may pay, is not taken to the next member.
            attempt::Outcome::Refused {
                error, attempts, ..
            } if error.code == Code::TerminalBusy
                && !attempts.iter().any(Payment::may_have_paid) =>
            {
                Some(Left::Busy)
            }
            attempt::Outcome::NotSent {
                why: NotSent::Unreachable(_) | NotSent::ConnectionClosed,
            } => Some(Left::Unreachable),
            attempt::Outcome::NotSent {
                why: NotSent::GivenUp,
            } => return self.end(Outcome::GivenUp),
            attempt::Outcome::Final(_)
            | attempt::Outcome::AcceptedOffline(_)
            | attempt::Outcome::Refused { .. }
            | attempt::Outcome::NotSent { .. }
            | attempt::Outcome::Voided { .. }
            | attempt::Outcome::Unknown { .. } => None,
        };
        match (at, why) {
            (Some(terminal), Some(why)) => self.leave(terminal, why),
            (at, _) => self.end(Outcome::Ended { at, outcome }),
        }
    }

    fn leave(&mut self, terminal: TerminalId, why: Left) -> Vec<Effect> {
        let mut effects = vec![Effect::Left { terminal, why }];
        effects.extend(match self.enough {
            Some(Enough::WaitedTooLong) => self.end(Outcome::WaitedTooLong),
            Some(Enough::GivenUp) => self.end(Outcome::GivenUp),
            None => {
                self.phase = Phase::Choosing;
                vec![Effect::Choose]
            }
        });
        effects
    }

    fn end(&mut self, outcome: Outcome) -> Vec<Effect> {
        self.phase = Phase::Settled;
        vec![Effect::Settled(outcome)]
    }

    fn stay(&mut self, phase: Phase) -> Vec<Effect> {
        self.phase = phase;
        Vec::new()
    }
}

/// The cloud is told the member that may hold the sale, and no other may be chosen.
fn whom(path: Path, to: To) -> To {
    match path {
        Path::Cloud if is_planted(Mutant::GroupToCloudWhileHeld) => To::Group,
        Path::Cloud | Path::Lan => to,
    }
}
