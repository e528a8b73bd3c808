//! One intent to get a sale paid at one terminal, with the recovery of §5.
//!
//! Left to the host: connections, the store, timers, fresh keys. Left to the machines that drive it: a second
//! path ([`hybrid`](super::hybrid)) and a second terminal ([`group`](super::group)).
//!
//! | While | when | then |
//! |---|---|---|
//! | ready | begin | store the attempt |
//! | ready | resume | look up |
//! | storing | stored | send the pay, hold on for 120 s |
//! | holding | a final or queued payment | that is the result |
//! | holding | never sent | nothing happened: not sent |
//! | holding | 4xx | refused; where the sale may be paid otherwise, after a look-up; with copies, after a cancel |
//! | holding | anything else | the answer is lost: look up at once |
//! | looking up | own attempt final or queued | that is the result |
//! | looking up | own attempt pending | cancel it |
//! | looking up | own attempt processing, or no proof | ask again in 250 ms to 2 s |
//! | looking up | own attempt unknown, same journal | cancel its key |
//! | looking up | own attempt unknown, other journal or too old | outcome unknown |
//! | cancelling | cancelled | store and send one more attempt under the spare key, or settle; after a 4xx, refused |
//! | cancelling | too late | its payment is the result |
//! | cancelling | still processing | ask again |
//! | any | the deadline | outcome unknown |

use std::time::Duration;

use crate::error_body::ErrorBody;
use crate::id::AttemptKey;
use crate::machine::Machine;
use crate::payment::{Cancellation, Payment, PaymentList};
use crate::time::Timestamp;

use recovery::Recovery;

mod drive;
mod outcome;
mod pay;
#[cfg(test)]
mod properties;
mod recovery;
mod settle;
mod stored;
#[cfg(test)]
pub(super) mod tests;

pub use outcome::{Lost, NotSent, Outcome, Unsettled};
pub use stored::StoredAttempt;

/// How long a till waits for the answer to one look-up or cancel before it asks anew on another
/// connection; short enough that a second look-up still begins within 5 s of the loss. \[REC-2\]
pub const REPLY_WAIT: Duration = Duration::from_secs(3);

/// What can happen to an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Input {
    /// The caller wants the sale paid.
    Begin,
    /// A restarted till wants to know what became of a stored attempt.
    Resume {
        /// The date, for the age of the attempt. \[REC-23\]
        now: Timestamp,
    },
    /// The attempt of the last [`Effect::Store`] is durable.
    Stored,
    /// It could not be made durable.
    StoreFailed(String),
    /// The terminal accepted: the head of the answer came.
    Head,
    /// The terminal answered the pay.
    Answered(Payment),
    /// The terminal answered the pay with an error.
    Refused {
        /// The HTTP status.
        status: u16,
        /// The error.
        error: ErrorBody,
    },
    /// Nothing of the pay was processed, and that is certain.
    NeverSent(NotSent),
    /// The answer to the pay will not come.
    Lost(Lost),
    /// The terminal listed the attempts of the sale.
    LookedUp(PaymentList),
    /// It could not be asked.
    LookUpFailed,
    /// The terminal answered the cancel.
    CancelAnswered(Cancellation),
    /// It could not be asked, or its answer was lost.
    CancelFailed,
    /// The caller no longer wants the sale paid: no further attempt is made.
    GiveUp,
    /// A timer ran out.
    Elapsed(Timer),
}

/// What an attempt asks of its host.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[expect(
    clippy::large_enum_variant,
    reason = "a step returns three at most, and an outcome is read more often than it is moved"
)]
pub enum Effect {
    /// Make it durable, then say [`Input::Stored`].
    Store(StoredAttempt),
    /// Send the pay under this key, once.
    SendPay {
        /// The attempt's key.
        key: AttemptKey,
    },
    /// Ask for the attempts of the sale, on another connection than the pay's; drop an unanswered question.
    LookUp,
    /// Cancel the attempt with this key; drop an unanswered question.
    Cancel {
        /// The attempt's key.
        key: AttemptKey,
    },
    /// Start a timer, anew if it runs; the duration counts from the moment the input arrived.
    Arm(Timer, Duration),
    /// Stop a timer.
    Disarm(Timer),
    /// What became of the attempt is known: it need not be kept. Should this not become durable, a
    /// restarted till looks it up once more and finds the same.
    Forget {
        /// The attempt's key.
        key: AttemptKey,
    },
    /// The end: nothing follows.
    Settled(Outcome),
}

/// The timers of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Timer {
    /// The caller's deadline for the whole intent.
    Deadline,
    /// The last moment at which a further attempt could still be held on to for 120 s.
    LastStart,
    /// The pay has been held on to for long enough. \[PAY-5\]
    Hold,
    /// A look-up or a cancel is not answered.
    Reply,
    /// The pause before the next question.
    AskAgain,
}

/// What the caller allows.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Policy {
    /// How long the intent may take; at least
    /// [`CLIENT_HOLD`](crate::timing::CLIENT_HOLD), to which a shorter one is raised. \[PAY-5\]
    pub deadline: Duration,
    /// The fresh key of one more attempt after the first is durably void; `None` allows none. \[REC-17\]
    pub spare_key: Option<AttemptKey>,
}

/// The machine. Its first input is [`Input::Begin`] or [`Input::Resume`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Attempt {
    stored: StoredAttempt,
    policy: Policy,
    /// The pay was sent on another path too: then a 4xx is the word about one copy. \[REC-24\]
    copies: bool,
    phase: Phase,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Phase {
    Ready,
    Storing,
    Holding { accepted: bool },
    LookingUp(Recovery),
    Cancelling(Recovery),
    Pausing(Recovery),
    Settled,
}

impl Attempt {
    /// An attempt that is about to begin, or that an earlier run of the till stored.
    pub fn new(stored: StoredAttempt, policy: Policy) -> Self {
        Self {
            stored,
            policy,
            copies: false,
            phase: Phase::Ready,
        }
    }

    /// The attempt as it is stored now; a further attempt changes its key.
    pub fn stored(&self) -> &StoredAttempt {
        &self.stored
    }
}

impl Machine for Attempt {
    type Input = Input;
    type Effect = Effect;

    fn step(&mut self, input: Input) -> Vec<Effect> {
        let phase = std::mem::replace(&mut self.phase, Phase::Settled);
        match (phase, input) {
            (Phase::Settled, _) => Vec::new(),
            (Phase::Ready, Input::Begin) => self.begin(),
            (Phase::Ready, Input::Resume { now }) => self.resume(now),
            (Phase::Ready, _) => self.stay(Phase::Ready),

            (Phase::Storing, Input::Stored) => self.send(),
            (Phase::Storing, Input::StoreFailed(why)) => self.not_sent(NotSent::StoreFailed(why)),
            (Phase::Storing, Input::GiveUp) => self.not_sent(NotSent::GivenUp),
            (Phase::Storing, Input::Elapsed(Timer::Deadline)) => self.not_sent(
                NotSent::StoreFailed("not durable by the deadline".to_owned()),
            ),

            (Phase::Holding { .. }, Input::Head) => self.stay(Phase::Holding { accepted: true }),
            (Phase::Holding { accepted }, Input::Answered(payment)) => {
                self.answered(accepted, payment)
            }
            (Phase::Holding { accepted }, Input::Refused { status, error }) => {
                self.refused(accepted, status, error)
            }
            (Phase::Holding { accepted: false }, Input::NeverSent(why)) => self.not_sent(why),
            (Phase::Holding { accepted: true }, Input::NeverSent(_)) => {
                let why = Lost::Broken("accepted, and then said not to be sent".to_owned());
                self.lost(why, true)
            }
            (Phase::Holding { accepted }, Input::Lost(why)) => self.lost(why, accepted),
            (Phase::Holding { accepted }, Input::Elapsed(Timer::Hold)) => {
                self.lost(Lost::HeldTooLong, accepted)
            }

            (Phase::LookingUp(recovery), Input::LookedUp(list)) => self.looked_up(recovery, list),
            (Phase::LookingUp(recovery), Input::LookUpFailed | Input::Elapsed(Timer::Reply)) => {
                self.look_up_failed(recovery)
            }
            (Phase::Cancelling(recovery), Input::CancelAnswered(cancellation)) => {
                self.cancel_answered(recovery, cancellation)
            }
            (Phase::Cancelling(recovery), Input::CancelFailed | Input::Elapsed(Timer::Reply)) => {
                self.pause(recovery)
            }
            (Phase::Pausing(recovery), Input::Elapsed(Timer::AskAgain)) => self.look_up(recovery),
            // The pay's answer may still come after the hold: it is as good as a look-up's.
            (
                phase @ (Phase::LookingUp(_) | Phase::Cancelling(_) | Phase::Pausing(_)),
                Input::Answered(payment),
            ) => match self.result(&payment) {
                Some(outcome) => self.settle(outcome),
                None => self.stay(phase),
            },

            (phase, Input::Elapsed(Timer::Deadline)) => self.too_late(phase),
            (phase, Input::Elapsed(Timer::LastStart) | Input::GiveUp) => {
                self.policy.spare_key = None;
                self.stay(phase)
            }
            // Late answers to questions that are no longer asked.
            (phase, _) => self.stay(phase),
        }
    }
}
