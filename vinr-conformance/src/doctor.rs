//! Why can't I connect? Walks from the files of a till to the answer of its terminal, one step after the
//! other, and says at which of them it ends, what that means, and what to do next.
//!
//! | Step | Asks |
//! |---|---|
//! | files | can the CA bundle and the till's identity be used, now and for this terminal? |
//! | find | what is the address, and is the terminal heard by mDNS? |
//! | dial | does anything listen there? |
//! | speaks | is it a terminal's TLS, or something else? |
//! | terminal | does it prove who it is? |
//! | clock | do both sides mean the same date? |
//! | till | does it accept this till's certificate? |
//! | reader | how is it, and how quick? |
//!
//! Looking ([`look`]) and judging ([`diagnose`]) are apart: what was seen is plain data, and the diagnosis is
//! a function of it. The doctor starts no payment: to a terminal that proved who it is it sends one
//! `GET /v1/reader`, and to whatever did not it sends nothing of the till's.

mod diagnose;
mod finding;
mod json;
mod look;
mod seen;
mod subnet;
mod tame;
mod text;

pub use diagnose::diagnose;
pub use finding::{Charged, Diagnosis, Finding, State, Step};
pub use json::json;
pub use look::{Files, Key, Order, look};
pub use seen::{
    Answered, Dial, Dialled, Heard, Look, Mdns, NotUsable, Resolved, Seen, Spoken, Talk, Till,
};
pub use subnet::Subnet;
pub use text::text;
