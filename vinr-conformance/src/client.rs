//! The suite as terminals, network and cloud: what a till does when they do their worst.
//!
//! The till is a process that speaks [JSON lines](protocol); it is told to take payments, and watched. Every terminal of a
//! scenario stands on an address of its own with a certificate of its own and keeps the rules of a lawful terminal, but for
//! what the scenario wants to go wrong. Scenarios run side by side, since some of them wait for two minutes, and nothing is
//! hurried: what a till waits for, it really waits for. What was seen is judged afterwards, as everywhere: see
//! [`judge`](crate::judge).

mod adapter;
mod certify;
mod drive;
mod papers;
mod pki;
pub mod protocol;
mod scene;
mod screen;
mod shared;
mod stage;
mod steps;
mod story;
mod till;
mod veil;

pub use adapter::Program;
pub(crate) use certify::broke;
pub use certify::{Order, Session, Subject, certify, plan};
pub use papers::PapersError;
pub use pki::PkiError;
pub(crate) use story::line;
