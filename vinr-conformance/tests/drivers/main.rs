//! Drivers by other hands: a shell script, a service in Python and a person with a phone take a real payment through the
//! suite, and nothing of ours but the words of `spec/harness.md` §2 stands between.

#![allow(clippy::unwrap_used, reason = "what cannot be set up fails the test")]

#[allow(dead_code, reason = "the simulator's tests need more of it")]
#[path = "../../../vinr-simulator/tests/support/browser.rs"]
mod browser;
mod page;
mod schema;
mod strangers;
mod workbench;
