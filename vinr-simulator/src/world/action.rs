//! One thing that may happen in a shop, told so that a person can follow it.

use std::fmt;
use std::sync::Arc;

use vinr_protocol::PaymentId;
use vinr_protocol::client::hybrid;
use vinr_protocol::cloud::relay;
use vinr_protocol::terminal::Timer;

use super::message::{Line, Message};

/// One thing that may happen.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Action {
    /// A till turns to its next sale.
    Begin(usize),
    /// A call for a group is given this member.
    TryMember(usize, usize),
    /// A call for a group hears that no member can be reached.
    NoneReachable(usize),
    /// A message arrives.
    Deliver(Arc<Message>, Then),
    /// The card network gets a message and says this.
    HostSays(Arc<Message>, Mood),
    /// A message is lost.
    Lose(Arc<Message>),
    /// A pay arrives a second time, later.
    Repeat(Arc<Message>),
    /// A till's connection breaks.
    Breaks(Line),
    /// A cardholder presents a card.
    Card(usize, Then),
    /// The cardholder enters a PIN.
    Pin(usize, Then),
    /// A terminal's timer runs out.
    TerminalTimer(usize, Timer, Then),
    /// A till's timer runs out.
    TillTimer(usize, hybrid::Timer),
    /// A timer of the cloud runs out.
    CloudTimer(relay::Timer),
    /// The cloud restarts.
    CloudRestarts,
    /// A terminal loses power.
    PowerCut(usize),
    /// It gets it back.
    PowerBack(usize),
    /// A terminal loses the internet.
    InternetGoes(usize),
    /// It notices.
    InternetMissed(usize, Then),
    /// It gets it back.
    InternetBack(usize, Then),
    /// A terminal loses the LAN.
    LanGoes(usize),
    /// It gets it back.
    LanBack(usize),
    /// A till crashes.
    TillCrashes(usize),
    /// It starts again.
    TillRestarts(usize),
    /// The disk of a terminal that is off is damaged.
    Damage(usize),
    /// A terminal that is off is swapped for another one.
    Swap(usize),
    /// A month passes over a terminal that is off.
    MonthPasses(usize),
    /// The host approves what it had refused.
    Contradicts(usize, PaymentId, Then),
}

impl Action {
    /// What becomes of the terminal that it happens to.
    pub(super) fn fate(&self) -> Then {
        match self {
            Action::Deliver(_, then)
            | Action::Card(_, then)
            | Action::Pin(_, then)
            | Action::TerminalTimer(_, _, then)
            | Action::InternetMissed(_, then)
            | Action::InternetBack(_, then)
            | Action::Contradicts(_, _, then) => *then,
            _ => Then::Goes,
        }
    }
}

/// What the card has to say for itself when the host is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mood {
    /// There is nothing against it.
    Grants,
    /// The issuer declines.
    Declines,
}

/// Does the terminal survive what it does about it?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Then {
    /// It does.
    Goes,
    /// The power goes after so many effects; a write that was next is torn.
    CutAfter(usize),
    /// The nth write fails, and the disk says so.
    SyncFails(usize),
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Action::Begin(till) => write!(f, "till {till} begins to pay"),
            Action::TryMember(till, member) => {
                write!(f, "till {till} turns to terminal {member}")
            }
            Action::NoneReachable(till) => {
                write!(f, "till {till} can reach no terminal of its group")
            }
            Action::CloudTimer(timer) => write!(f, "the cloud's {timer:?} elapses"),
            Action::CloudRestarts => f.write_str("the cloud restarts"),
            Action::Deliver(message, then) => write!(f, "{message} arrives{then}"),
            Action::HostSays(message, Mood::Grants) => write!(f, "{message} reaches the host"),
            Action::HostSays(message, Mood::Declines) => {
                write!(
                    f,
                    "{message} reaches the host, which has something against the card"
                )
            }
            Action::Lose(message) => write!(f, "{message} is lost"),
            Action::Repeat(message) => write!(f, "{message} is repeated by the network"),
            Action::Breaks(line) => write!(f, "till {}'s connection breaks", line.till),
            Action::Card(terminal, then) => {
                write!(f, "a card is presented to terminal {terminal}{then}")
            }
            Action::Pin(terminal, then) => {
                write!(f, "a PIN is entered at terminal {terminal}{then}")
            }
            Action::TerminalTimer(terminal, timer, then) => {
                write!(f, "terminal {terminal}'s {timer:?} elapses{then}")
            }
            Action::TillTimer(till, timer) => write!(f, "till {till}'s {timer:?} elapses"),
            Action::PowerCut(terminal) => write!(f, "terminal {terminal} loses power"),
            Action::PowerBack(terminal) => write!(f, "terminal {terminal} starts again"),
            Action::InternetGoes(terminal) => write!(f, "terminal {terminal} loses the internet"),
            Action::InternetMissed(terminal, then) => {
                write!(f, "terminal {terminal} notices that the host is away{then}")
            }
            Action::InternetBack(terminal, then) => {
                write!(f, "terminal {terminal} has the internet again{then}")
            }
            Action::LanGoes(terminal) => write!(f, "terminal {terminal} loses the LAN"),
            Action::LanBack(terminal) => write!(f, "terminal {terminal} has the LAN again"),
            Action::TillCrashes(till) => write!(f, "till {till} crashes"),
            Action::TillRestarts(till) => {
                write!(f, "till {till} starts again and resolves what it stored")
            }
            Action::Damage(terminal) => write!(f, "the disk of terminal {terminal} is damaged"),
            Action::Swap(terminal) => {
                write!(f, "terminal {terminal} is swapped for another device")
            }
            Action::MonthPasses(terminal) => {
                write!(
                    f,
                    "a month passes, and terminal {terminal} drops its old records"
                )
            }
            Action::Contradicts(terminal, payment, then) => write!(
                f,
                "terminal {terminal} hears that the host approves {payment} after all{then}"
            ),
        }
    }
}

impl fmt::Display for Then {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Then::Goes => Ok(()),
            Then::CutAfter(effects) => write!(f, ", and the power goes after {effects} effects"),
            Then::SyncFails(nth) => write!(f, ", and write {} fails", nth + 1),
        }
    }
}
