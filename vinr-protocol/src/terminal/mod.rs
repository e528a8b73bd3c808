//! What a terminal does: one payment at a time on its screen, every attempt in its journal.
//!
//! [`Session`] is the machine of `spec/local-api.md` §4. Its host feeds it commands, cards, the card
//! network's words and elapsed timers, and performs what it asks, in order, stopping at each
//! [`Effect::Persist`] until the record is durable.
//!
//! | while | this happens | then |
//! |---|---|---|
//! | idle | a `pay` that is new | journal it, show it, send the head; *presenting* |
//! | presenting | a card without PIN | journal `processing`, ask the host; *authorizing* |
//! | presenting | a card with PIN | *entering PIN* |
//! | presenting | a cancel, the card wait, the customer gives up | journal `cancelled`; *idle* |
//! | entering PIN | the PIN | journal `processing`, ask the host; *authorizing* |
//! | entering PIN | a cancel, the card removed, the interaction ends | journal `cancelled`; *idle* |
//! | presenting, entering PIN | the card or the PIN, the host unreachable | journal it queued, or `failed`; *idle* |
//! | authorizing | the line was down, no byte left | the same |
//! | authorizing | the host's word | journal the outcome; *idle* |
//! | authorizing | the interaction ends | answer `processing`; *idle*, and the host is asked until it says |
//!
//! Beside this the offline queue is drained, one entry at a time: the table stands in `offline`.
//!
//! A session by itself holds every attempt it ever saw. [`Archived`] is the same machine over its journal, and holds
//! only what is not settled: this is the one that a device runs.

mod archive;
mod attempt;
mod book;
mod boot;
mod cancel;
mod card;
mod effect;
mod host;
mod input;
mod offline;
mod pay;
mod retention;
mod session;

pub use archive::{Archive, ArchiveFailed, Archived};
pub use attempt::{Attempt, Record, Reversal};
pub use boot::Recovery;
pub use effect::{Activation, Alarm, Answer, Effect, Screen, Timer};
pub use input::{
    Caller, CardFacts, ClockState, HostVerdict, Input, LocalMode, PinEntry, Revocation, Space,
};
pub use retention::{Keep, retention};
pub use session::{Config, Session};
