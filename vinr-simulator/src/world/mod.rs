//! A shop in which everything may happen, and what must never happen in it.
//!
//! Tills, terminals, the cloud and the card network are the production machines of `vinr-protocol`; the wires, disks
//! and people between them are played. [`explore`] takes every order of events, breadth first, within bounds; the days of
//! [`seeded`] are longer, and have a clock. `docs/safety.md` says what that shows and what it does not.
//!
//! Where to look: a [`Plan`] says who takes part and what may go wrong, an [`Action`] is one thing that happens, a
//! [`Shop`] is the state between two of them. What must never be stands where it can be seen to be: at a terminal's
//! disk and screen, at a till's pay (the fence), in the shop as a whole, and at rest.

mod action;
mod air;
mod at_terminals;
mod at_tills;
mod bank;
mod choices;
mod cloud;
mod disk;
mod explore;
mod future;
mod invariant;
mod message;
mod plan;
mod plans;
pub mod seeded;
mod shared;
mod shop;
mod terminal;
mod till;

pub use action::{Action, Mood, Then};
pub use explore::{Bounds, Explored, Extent, Found, explore};
pub use invariant::{Checked, Violation};
pub use message::{Ask, CloudAsk, CloudReply, Line, Message, Purpose, Reply};
pub use plan::{Faults, Pin, Plan, Sale, Way};
pub use plans::{Hunt, hunts, plans};
pub use shop::{Armed, Shop};
