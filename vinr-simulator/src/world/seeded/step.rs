//! One thing that happens in a shop with a clock: an action of the model, or one that only time and people bring.

use std::fmt;

use vinr_protocol::client::group;
use vinr_protocol::terminal::Input;

use crate::world::action::{Action, Then};
use crate::world::invariant::Checked;
use crate::world::shop::Shop;
use crate::world::till::Stage;

/// One thing that happens.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Act(Action),
    /// The cardholder presses the red button.
    GivesUp(usize, Then),
    /// A terminal that starts again loses power once more.
    CutAtBoot(usize, Then),
    /// A call for a group asks its members once more.
    AsksAgain(usize),
    /// A call for a group has waited for long enough.
    WaitsNoLonger(usize),
    /// The wall clock of a terminal jumps by so many milliseconds.
    TerminalClock(usize, i64),
    /// That of a till.
    TillClock(usize, i64),
}

impl Step {
    /// Does it; false where there was nothing to do.
    pub(super) fn perform(&self, shop: &mut Shop) -> Checked<bool> {
        match self {
            Step::Act(action) => return shop.act(action),
            _ => shop.armed.clear(),
        }
        match self {
            Step::Act(_) => {}
            Step::GivesUp(terminal, then) => {
                let now = shop.terminals[*terminal].date();
                return shop.terminal(*terminal, Input::CustomerGaveUp { now }, *then);
            }
            Step::CutAtBoot(terminal, then) => return shop.boot(*terminal, *then),
            Step::AsksAgain(till) => shop.tills[*till].change(|it| {
                if let Stage::Calling(_, choosing) = &mut it.stage {
                    choosing.tried.clear();
                    choosing.unreachable.clear();
                }
            }),
            Step::WaitsNoLonger(till) => shop.group(*till, group::Input::WaitedTooLong)?,
            Step::TerminalClock(terminal, by) => {
                shop.terminals[*terminal].change(|it| it.disk.move_clock(*by));
            }
            // A till dates nothing here but its records, which it does by the terminal's clock.
            Step::TillClock(..) => {}
        }
        Ok(true)
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Act(action) => write!(f, "{action}"),
            Step::GivesUp(terminal, then) => {
                write!(f, "the cardholder gives up at terminal {terminal}{then}")
            }
            Step::CutAtBoot(terminal, then) => write!(f, "terminal {terminal} starts again{then}"),
            Step::AsksAgain(till) => write!(f, "till {till} turns to its group once more"),
            Step::WaitsNoLonger(till) => write!(f, "till {till} waits no longer for its group"),
            Step::TerminalClock(terminal, by) => {
                write!(f, "terminal {terminal}'s wall clock jumps by {by} ms")
            }
            Step::TillClock(till, by) => write!(f, "till {till}'s wall clock jumps by {by} ms"),
        }
    }
}
