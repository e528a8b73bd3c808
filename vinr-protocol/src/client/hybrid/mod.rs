//! One intent over two paths: the LAN first, and the cloud where the LAN is silent. §7
//!
//! It drives one [`Attempt`] and adds the second path to it. Both paths carry the same reference, key and terminal,
//! and the terminal makes one attempt of both; so a fallback never makes two. \[HYB-5\]
//!
//! | While | when | then |
//! |---|---|---|
//! | accepting | the head | stay on the LAN for the full 120 s |
//! | accepting | 4xx, or another identity | the attempt's own rules: never the cloud |
//! | accepting | never sent | the cloud, at once |
//! | accepting | lost, or `localTimeoutMs` | a quick look on another connection, 1 s |
//! | quick look | the terminal knows the attempt | stay on the LAN |
//! | quick look | it does not, or did not say | the cloud |
//! | going to the cloud | stored as such | send through the cloud; the request on the LAN stays open |
//! | both paths | a result on either | that is the result |
//! | both paths | 5xx or a loss on one | wait for the other; after both, recovery |
//! | both paths | 4xx on one | recovery: the key is cancelled before anyone is told |
//! | recovery | a question | the LAN first, the cloud where the LAN is dead |
//! | recovery | another identity answers, and the cloud was not used | ask the LAN again: never the cloud |
//! | recovery | not listed by the terminal, and the cloud was used | the cloud's word that nothing is undelivered |

use std::time::Duration;

use super::attempt::{self, Attempt, Lost, NotSent, Outcome, StoredAttempt};
use crate::error_body::ErrorBody;
use crate::id::AttemptKey;
use crate::machine::Machine;
use crate::payment::{Cancellation, Payment, PaymentList};
use crate::time::Timestamp;

mod fallback;
mod paths;
#[cfg(test)]
mod properties;
mod questions;
#[cfg(test)]
pub(super) mod tests;

/// The way to a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Path {
    /// Straight to it.
    Lan,
    /// Through VINR's cloud.
    Cloud,
}

/// Whom a pay names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum To {
    /// The terminal of the stored attempt.
    Terminal,
    /// Whichever of the stored attempt's members the cloud finds idle. \[GRP-1\]
    Group,
}

/// Why a sale went through the cloud: to be logged and counted. §7
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum FellBack {
    /// Nothing could be sent over the LAN.
    #[error("the terminal cannot be reached over the LAN")]
    Unreachable,
    /// It did not accept in time, and does not know the attempt.
    #[error("the terminal did not accept over the LAN in time")]
    NotAccepted,
    /// It did not accept in time, and did not say whether it knows the attempt.
    #[error("the terminal went silent on the LAN")]
    Silent,
}

/// Why a question was not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unasked {
    /// The path is dead, or its answer was lost or no answer at all.
    Dead,
    /// Whoever answered is not the terminal that was meant: no reason to take another path. \[HYB-6\]
    Identity,
}

/// What can happen to an intent on two paths. An answer belongs to the last request of its kind on its path.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Input {
    /// The caller wants the sale paid.
    Begin,
    /// A restarted till wants to know what became of a stored attempt.
    Resume {
        /// The date, for the age of the attempt. \[REC-23\]
        now: Timestamp,
    },
    /// The attempt of the [`Effect::Store`] that waited longest is durable.
    Stored,
    /// It could not be made durable.
    StoreFailed(String),
    /// The head of the answer to the pay came.
    Head(Path),
    /// The pay was answered.
    Answered(Path, Payment),
    /// The pay was answered with an error.
    Refused {
        /// By whom.
        path: Path,
        /// The HTTP status.
        status: u16,
        /// The error.
        error: ErrorBody,
    },
    /// One of several copies on this path was answered with a 4xx, and another one may have arrived. \[REC-24\]
    CopyRefused {
        /// By whom.
        path: Path,
        /// The HTTP status.
        status: u16,
        /// The error.
        error: ErrorBody,
    },
    /// Nothing of the pay was processed on this path, and that is certain.
    NeverSent(Path, NotSent),
    /// The answer to the pay will not come on this path.
    Lost(Path, Lost),
    /// The terminal listed the attempts of the sale.
    LookedUp(PaymentList),
    /// The cloud listed them, from all terminals.
    CloudLookedUp {
        /// The list.
        list: PaymentList,
        /// A command of the sale waits for its terminal, or was handed over and not acknowledged.
        undelivered: bool,
    },
    /// The attempts could not be asked for.
    LookUpFailed(Path, Unasked),
    /// The cancel was answered **by the terminal**, over either path; for a group command that the cloud handed to
    /// nobody, by the cloud.
    CancelAnswered(Path, Cancellation),
    /// It could not be asked, or its answer was lost, or the cloud has no word of the terminal.
    CancelFailed(Path, Unasked),
    /// The caller no longer wants the sale paid: no further attempt is made and no further path taken.
    GiveUp,
    /// The caller gave up, and wants what is under way cancelled.
    CallOff,
    /// A timer ran out.
    Elapsed(Timer),
}

/// What an intent on two paths asks of its host.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[expect(
    clippy::large_enum_variant,
    reason = "a step returns four at most, and an outcome is read more often than it is moved"
)]
pub enum Effect {
    /// Make it durable, then say [`Input::Stored`].
    Store(StoredAttempt),
    /// Send the pay under this key, once. Drop what is open of an earlier key, and leave open what is open of this one.
    SendPay {
        /// The way.
        path: Path,
        /// The addressee.
        to: To,
        /// The attempt's key.
        key: AttemptKey,
    },
    /// Ask for the attempts of the sale, on another connection than the pay's; drop an unanswered question.
    LookUp(Path),
    /// Cancel the attempt with this key; drop an unanswered question.
    Cancel {
        /// The way.
        path: Path,
        /// The attempt's key.
        key: AttemptKey,
    },
    /// Start a timer, anew if it runs; the duration counts from the moment the input arrived.
    Arm(Timer, Duration),
    /// Stop a timer.
    Disarm(Timer),
    /// The pay goes through the cloud: log it and count it.
    FellBack(FellBack),
    /// What became of the attempt is known: it need not be kept.
    Forget {
        /// The attempt's key.
        key: AttemptKey,
    },
    /// The end: nothing follows.
    Settled(Outcome),
}

/// The timers of an intent on two paths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Timer {
    /// One of the attempt's own.
    Attempt(attempt::Timer),
    /// `localTimeoutMs`: the terminal did not accept over the LAN. \[HYB-2\]
    Acceptance,
    /// The LAN did not say whether the terminal knows the attempt.
    QuickLook,
}

/// May the pay go through the cloud?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cloud {
    /// There is none: everything is done over the LAN.
    None,
    /// Where the LAN does not accept within this time. \[HYB-2\]
    After(Duration),
    /// As before, but not where nothing could be sent: a group has other members to try first. §8
    AfterSending(Duration),
}

/// What the caller allows.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Policy {
    /// As for an attempt on one path. With a cloud its deadline is raised so that the cloud's answer, too, is waited
    /// for 120 s. \[PAY-5\]
    pub attempt: attempt::Policy,
    /// The second path.
    pub cloud: Cloud,
}

/// The machine. Its first input is [`Input::Begin`] or [`Input::Resume`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Hybrid {
    attempt: Attempt,
    cloud: Cloud,
    stage: Stage,
    lan_leg: Leg,
    cloud_leg: Leg,
    gave_up: bool,
    /// A store of a fallback that was dropped is under way: its word is not about the next store.
    stale_store: bool,
}

/// What the two paths are doing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Stage {
    /// No pay is on its way, and no question open.
    Quiet,
    /// The pay is on the LAN without a head.
    Accepting,
    /// The LAN is asked whether the terminal knows the attempt.
    QuickLook,
    /// The pay stays on its one path.
    Staying,
    /// The record that the cloud is used becomes durable.
    FallingBack(FellBack),
    /// The pay is on both paths.
    BothPaths,
    /// The attempt's question is with this path.
    Asking {
        path: Path,
        /// What the terminal listed, while the cloud is asked whether anything is undelivered.
        local: Option<Box<PaymentList>>,
    },
}

/// A pay on one path.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Leg {
    Unused,
    Open,
    NeverSent(NotSent),
    Ended(Lost),
}

impl Leg {
    /// A copy of the pay may be there.
    fn may_have_sent(&self) -> bool {
        matches!(self, Leg::Open | Leg::Ended(_))
    }
}

impl Hybrid {
    /// An intent that is about to begin, or that an earlier run of the till stored.
    ///
    /// With [`StoredAttempt::members`] it is a group command, which goes through the cloud alone.
    pub fn new(stored: StoredAttempt, policy: Policy) -> Self {
        let mut attempt = policy.attempt;
        if let Cloud::After(wait) | Cloud::AfterSending(wait) = policy.cloud {
            attempt.deadline = attempt.deadline.max(fallback::shortest_deadline(wait));
        }
        Self {
            attempt: Attempt::new(stored, attempt),
            cloud: policy.cloud,
            stage: Stage::Quiet,
            lan_leg: Leg::Unused,
            cloud_leg: Leg::Unused,
            gave_up: false,
            stale_store: false,
        }
    }

    /// The attempt as it is stored now; a further attempt changes its key, a fallback its path.
    pub fn stored(&self) -> &StoredAttempt {
        self.attempt.stored()
    }

    /// It is a group command to the cloud, and no terminal is known to have it.
    fn is_group_command(&self) -> bool {
        !self.stored().members.is_empty()
    }
}

impl Machine for Hybrid {
    type Input = Input;
    type Effect = Effect;

    fn step(&mut self, input: Input) -> Vec<Effect> {
        if self.attempt.is_settled() {
            return Vec::new();
        }
        match input {
            Input::Begin => self.attempt(attempt::Input::Begin),
            Input::Resume { now } => self.attempt(attempt::Input::Resume { now }),
            Input::Stored => self.stored_now(),
            Input::StoreFailed(why) => self.store_failed(why),
            Input::Head(Path::Lan) => self.accepted(),
            // The cloud's head is not the terminal's word.
            Input::Head(Path::Cloud) => Vec::new(),
            Input::Answered(path, payment) => self.answered(path, payment),
            Input::Refused {
                path,
                status,
                error,
            } => self.refused(path, status, error, false),
            Input::CopyRefused {
                path,
                status,
                error,
            } => self.refused(path, status, error, true),
            Input::NeverSent(path, why) => self.never_sent(path, why),
            Input::Lost(path, why) => self.lost(path, why),
            Input::LookedUp(list) => match self.stage {
                Stage::QuickLook => self.quickly_looked_up(&list),
                _ => self.looked_up(list),
            },
            Input::CloudLookedUp { list, undelivered } => self.cloud_looked_up(list, undelivered),
            Input::LookUpFailed(path, why) => match self.stage {
                Stage::QuickLook if path == Path::Lan => self.quick_look_failed(why),
                _ => self.look_up_failed(path, why),
            },
            Input::CancelAnswered(path, cancellation) => self.cancel_answered(path, cancellation),
            Input::CancelFailed(path, why) => self.cancel_failed(path, why),
            Input::GiveUp => self.give_up(),
            Input::CallOff => self.call_off(),
            Input::Elapsed(Timer::Acceptance) => self.not_accepted_in_time(),
            Input::Elapsed(Timer::QuickLook) => match self.stage {
                Stage::QuickLook => self.quick_look_failed(Unasked::Dead),
                _ => Vec::new(),
            },
            Input::Elapsed(Timer::Attempt(attempt::Timer::Reply)) => self.no_reply(),
            Input::Elapsed(Timer::Attempt(timer)) => self.attempt(attempt::Input::Elapsed(timer)),
        }
    }
}
