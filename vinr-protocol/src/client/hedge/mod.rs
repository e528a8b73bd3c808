//! One pay in several copies: the very same request with the very same key, on one connection after the other.
//!
//! The terminal makes one attempt of all copies (§4.1), so a till on a lossy network need not wait for a packet to come
//! again. What its copies came to, the till says with one voice, and this is the rule of that: *not charged* needs the
//! word of every copy that may have left, and *accepted* that of one.
//!
//! | While | when | then |
//! |---|---|---|
//! | no copy has a word | it is late | one more copy, on a line at hand; the last one on a new line |
//! | none is accepted | the head of any | accepted; no more copies |
//! | any | a payment on any | that is the answer |
//! | some copy is accepted | a refusal, a loss on another | the accepted one is waited for |
//! | some copy has no word yet, none is accepted | a 4xx or a loss on another | it is waited for, 1 s at most; no more copies |
//! | every copy has ended | all never sent | never sent |
//! | | one or more 4xx, the others never sent | refused, by all |
//! | | a 4xx, and a copy that is lost | refused, and another copy may have arrived |
//! | | else | lost |

use std::time::Duration;

use crate::client::attempt::{Lost, NotSent};
use crate::error_body::{ErrorBody, Next};
use crate::machine::Machine;
use crate::mutant::{Mutant, is_planted};
use crate::payment::Payment;

mod idle;
#[cfg(test)]
mod tests;

pub use idle::{First, Idle, Instead, Second, TRUSTED_FOR};

/// How many copies there are at most.
pub const COPIES_MAX: usize = 3;

/// How long a copy without a word is waited for once another one was refused or lost; far below the 5 s after which a
/// loss must have been looked up. \[REC-2\]
pub const PATIENCE: Duration = Duration::from_secs(1);

/// When there is another copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Policy {
    /// From the first copy to the second, and from the second to the third.
    pauses: [Option<Duration>; COPIES_MAX - 1],
}

impl Policy {
    /// Never: for a terminal that is not known to make one attempt of equal requests.
    pub const ONCE: Self = Self {
        pauses: [None, None],
    };

    /// A second copy when the head is `late`, and a third after it has been missing for another while, by which the
    /// network of the first two is taken for `dead`.
    pub const fn again(late: Duration, dead: Duration) -> Self {
        Self {
            pauses: [Some(late), Some(dead)],
        }
    }
}

/// The number of a copy, from 0.
pub type Number = usize;

/// Where a copy is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum On {
    /// On a line that is open.
    AtHand,
    /// On a line that is opened for it.
    New,
}

/// What can happen to the copies.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[expect(
    clippy::large_enum_variant,
    reason = "an answer is moved once, into the machine"
)]
pub enum Input {
    /// The attempt is durable: send it.
    Begin,
    /// The head of this copy's answer came.
    Head(Number),
    /// This copy was answered.
    Answered(Number, Payment),
    /// This copy was answered with an error.
    Refused {
        /// Which.
        copy: Number,
        /// The HTTP status.
        status: u16,
        /// The error.
        error: ErrorBody,
    },
    /// Nothing of this copy was processed, and that is certain.
    NeverSent(Number, NotSent),
    /// No line was open for this copy.
    NoLine(Number),
    /// The answer to this copy will not come.
    Lost(Number, Lost),
    /// A timer ran out.
    Elapsed(Timer),
}

/// What is asked of the host.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[expect(
    clippy::large_enum_variant,
    reason = "a step returns two at most, and a word is told once"
)]
pub enum Effect {
    /// Send this copy: the same bytes, the same key.
    Send {
        /// Which.
        copy: Number,
        /// Where.
        on: On,
    },
    /// Start a timer, anew if it runs.
    Arm(Timer, Duration),
    /// Stop a timer.
    Disarm(Timer),
    /// What the pay has come to. After any word but the head the other copies' answers are of no use.
    Tell(Word),
}

/// The timers of the copies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Timer {
    /// No head yet.
    Late,
    /// A copy was refused or lost, and another one has no word.
    Patience,
}

/// What all copies say together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[expect(clippy::large_enum_variant, reason = "it is told once")]
pub enum Word {
    /// Accepted.
    Head,
    /// The terminal's answer.
    Answered(Payment),
    /// A 4xx.
    Refused {
        /// The HTTP status.
        status: u16,
        /// The error.
        error: ErrorBody,
        /// What is known of the other copies. \[REC-24\]
        others: Others,
    },
    /// No copy was processed, and that is certain.
    NeverSent(NotSent),
    /// The answer will not come.
    Lost(Lost),
}

/// The copies beside the one that was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Others {
    /// There is none, or none has asked for a card either: each was refused itself, or never sent.
    AskedForNone,
    /// One of them may have arrived: the key is to be cancelled before anybody is told.
    MayHaveArrived,
}

/// The machine. Its first input is [`Input::Begin`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Hedge {
    policy: Policy,
    copies: Vec<Copy>,
    told_head: bool,
    is_impatient: bool,
    is_over: bool,
}

/// What a copy has come to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Copy {
    /// Sent, and without a word.
    Open,
    /// Its head came, and its body has not.
    Accepted,
    /// Why, unless it had no line.
    NeverSent(Option<NotSent>),
    Refused {
        status: u16,
        error: ErrorBody,
    },
    Lost(Lost),
}

impl Hedge {
    /// Nothing is sent yet.
    pub fn new(policy: Policy) -> Self {
        Self {
            policy,
            copies: Vec::new(),
            told_head: false,
            is_impatient: false,
            is_over: false,
        }
    }

    /// How many copies there have been beside the first, also those for which there was no line.
    pub fn again(&self) -> usize {
        self.copies.len().saturating_sub(1)
    }

    fn send(&mut self) -> Vec<Effect> {
        let copy = self.copies.len();
        self.copies.push(Copy::Open);
        let on = match copy + 1 < COPIES_MAX {
            true => On::AtHand,
            false => On::New,
        };
        let next = self.policy.pauses.get(copy).copied().flatten();
        let send = Effect::Send { copy, on };
        let arm = next.map(|pause| Effect::Arm(Timer::Late, pause));
        [Some(send), arm].into_iter().flatten().collect()
    }

    /// It is late: nobody has said anything, so there may be one more copy.
    fn late(&mut self) -> Vec<Effect> {
        let is_silent = |copy: &Copy| matches!(copy, Copy::Open | Copy::NeverSent(_));
        let is_open = self.copies.contains(&Copy::Open);
        match is_open && self.copies.iter().all(is_silent) && self.copies.len() < COPIES_MAX {
            true => self.send(),
            false => Vec::new(),
        }
    }

    fn accepted(&mut self, copy: Number) -> Vec<Effect> {
        if !self.moves(copy, Copy::Accepted) {
            return Vec::new();
        }
        self.is_impatient = false;
        let mut effects = vec![Effect::Disarm(Timer::Late), Effect::Disarm(Timer::Patience)];
        if !std::mem::replace(&mut self.told_head, true) {
            effects.push(Effect::Tell(Word::Head));
        }
        effects
    }

    fn ended(&mut self, copy: Number, with: Copy) -> Vec<Effect> {
        let with = match (self.copies.get(copy), with) {
            (Some(Copy::Accepted), Copy::Refused { .. } | Copy::NeverSent(_)) => {
                Copy::Lost(Lost::Broken("accepted, and then said not to be".to_owned()))
            }
            (_, with) => with,
        };
        if !self.moves(copy, with) {
            return Vec::new();
        }
        if self.copies.contains(&Copy::Accepted) {
            return Vec::new();
        }
        let is_open = self.copies.contains(&Copy::Open);
        let has_word = |copy: &Copy| matches!(copy, Copy::Refused { .. } | Copy::Lost(_));
        match (is_open, self.copies.iter().any(has_word)) {
            (false, _) => self.conclude(),
            (true, true) if !self.is_impatient => {
                self.is_impatient = true;
                vec![
                    Effect::Disarm(Timer::Late),
                    Effect::Arm(Timer::Patience, PATIENCE),
                ]
            }
            (true, _) => Vec::new(),
        }
    }

    /// The one word of all: what is still open counts as lost.
    fn conclude(&mut self) -> Vec<Effect> {
        self.is_over = true;
        let copies = std::mem::take(&mut self.copies);
        let may_have_arrived = copies
            .iter()
            .any(|copy| matches!(copy, Copy::Open | Copy::Accepted | Copy::Lost(_)));
        let others = match may_have_arrived && !is_planted(Mutant::RefusalSpeaksForAllCopies) {
            true => Others::MayHaveArrived,
            false => Others::AskedForNone,
        };
        let (mut refused, mut lost, mut never_sent) = (None, None, None);
        for copy in copies {
            match copy {
                Copy::Open | Copy::Accepted => {}
                Copy::Refused { status, error } => {
                    let more = refused
                        .as_ref()
                        .is_none_or(|(_, told)| care(&error) > care(told));
                    refused = more.then_some((status, error)).or(refused);
                }
                Copy::Lost(why) => lost = lost.or(Some(why)),
                // That it had no line says nothing of the terminal.
                Copy::NeverSent(None) => {}
                Copy::NeverSent(Some(why)) => {
                    let more = never_sent
                        .as_ref()
                        .is_none_or(|told| says(&why) > says(told));
                    never_sent = more.then_some(why).or(never_sent);
                }
            }
        }
        let word = match (refused, lost, never_sent) {
            // Whoever was told "accepted" is not told "refused".
            (_, Some(why), _) if self.told_head => Word::Lost(why),
            (Some((status, error)), _, _) => Word::Refused {
                status,
                error,
                others,
            },
            (None, Some(why), _) => Word::Lost(why),
            (None, None, why) if !may_have_arrived => {
                let no_line = || NotSent::Unreachable("no line is open".to_owned());
                Word::NeverSent(why.unwrap_or_else(no_line))
            }
            (None, None, _) => Word::Lost(Lost::Broken("no copy was answered".to_owned())),
        };
        vec![
            Effect::Disarm(Timer::Late),
            Effect::Disarm(Timer::Patience),
            Effect::Tell(word),
        ]
    }

    /// Only a copy that is under way can come to something.
    fn moves(&mut self, copy: Number, to: Copy) -> bool {
        match self.copies.get_mut(copy) {
            Some(copy @ (Copy::Open | Copy::Accepted)) if !self.is_over => {
                *copy = to;
                true
            }
            _ => false,
        }
    }
}

/// Of several refusals the one is told that makes a till look before it tells anybody.
fn care(error: &ErrorBody) -> u8 {
    match error.allows() {
        Next::LookUp | Next::UseStoredResult | Next::Unknown(_) => 1,
        Next::FixRequest | Next::CallSupport | Next::RetryLater => 0,
    }
}

/// An identity that is not the terminal's is told before a network that is not there. \[HYB-6\]
fn says(why: &NotSent) -> u8 {
    match why {
        NotSent::Identity(_) => 3,
        NotSent::CertificateRefused(_) => 2,
        NotSent::StoreFailed(_) | NotSent::GivenUp | NotSent::Unreachable(_) => 1,
        NotSent::ConnectionClosed => 0,
    }
}

impl Machine for Hedge {
    type Input = Input;
    type Effect = Effect;

    fn step(&mut self, input: Input) -> Vec<Effect> {
        if self.is_over {
            return Vec::new();
        }
        match input {
            Input::Begin if self.copies.is_empty() => self.send(),
            Input::Begin => Vec::new(),
            Input::Head(copy) => self.accepted(copy),
            Input::Answered(copy, payment) => {
                if !self.moves(copy, Copy::Accepted) {
                    return Vec::new();
                }
                self.is_over = true;
                vec![
                    Effect::Disarm(Timer::Late),
                    Effect::Disarm(Timer::Patience),
                    Effect::Tell(Word::Answered(payment)),
                ]
            }
            Input::Refused {
                copy,
                status: status @ 400..=499,
                error,
            } => self.ended(copy, Copy::Refused { status, error }),
            // Indeterminate, like silence.
            Input::Refused {
                copy,
                status,
                error,
            } => {
                let error = Box::new(error);
                self.ended(copy, Copy::Lost(Lost::Failed { status, error }))
            }
            Input::NeverSent(copy, why) => self.ended(copy, Copy::NeverSent(Some(why))),
            Input::NoLine(copy) => self.ended(copy, Copy::NeverSent(None)),
            Input::Lost(copy, why) => self.ended(copy, Copy::Lost(why)),
            Input::Elapsed(Timer::Late) => self.late(),
            Input::Elapsed(Timer::Patience) => {
                // A timer that was disarmed may be on its way.
                match self.is_impatient {
                    true => self.conclude(),
                    false => Vec::new(),
                }
            }
        }
    }
}
