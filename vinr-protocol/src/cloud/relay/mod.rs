//! The cloud's command path: a payment is handed to one terminal, once it is durable, or to none. §9
//!
//! [`Relay`] is fed what callers ask, what the terminals' links report and what terminals say, and its host performs
//! the effects in order, stopping at each [`Effect::Persist`] until the record is durable.
//!
//! | a command is | this happens | then |
//! |---|---|---|
//! | new | a member's link is up | journal *out* at that terminal, deliver |
//! | new | no link is up | journal *waiting* |
//! | waiting | a link comes up, a busy member is free | journal *out*, deliver |
//! | waiting | 5 s, and nobody was even busy | withdrawn: 503, never delivered |
//! | out | the link says that no byte of it left | a terminal: *waiting*, or withdrawn after 5 s; a group: the next member |
//! | out | `terminal_busy`, handed over exactly once | a terminal: relayed; a group: the next member, or *waiting* |
//! | out | another 4xx, handed over exactly once | relayed; its key is unused |
//! | out | 4xx after a second delivery, 5xx, the link ends | 500: indeterminate, still out, no other terminal |
//! | out | the terminal's payment | *known*: from here on the terminal's word is all there is |
//! | out, after a loss | the link is up again | within 5 s delivered again, the terminal joins; later asked for, and voided by a cancel if the terminal never heard of it; nothing of this where the journal is another one |
//!
//! **A group waits.** Where every member is busy the command waits for the first that frees, in order of arrival,
//! until the caller listens no longer; then 409 `terminal_busy`. The page promises it \[GRP-2\], and a 409 at once
//! would make every till write its own queue.
//!
//! **Keys.** The command carries the payment id that the terminal uses if it starts the attempt, and always a key: the
//! caller's, or else the payment id, since a link may deliver twice and only a key makes that harmless. A key that was
//! withdrawn stays withdrawn, whatever copies of the request the network makes; another try is another key.

mod cancel;
mod command;
mod effect;
mod hand_over;
mod input;
mod machine;
mod pay;
mod word;

#[cfg(test)]
mod tests;

pub use command::{Command, Copies, Record, Stage, Standing};
pub use effect::{Answer, Effect, Timer};
pub use input::{Canceller, HandOver, Input, TerminalWord, Undo};
pub use machine::{Config, Relay};
