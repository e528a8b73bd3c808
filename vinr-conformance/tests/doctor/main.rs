//! The doctor over real sockets: each thing that can be wrong, its cause and its advice.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

mod command;
mod files;
mod network;
mod shop;
#[expect(dead_code, reason = "the SDK's tests use it, too")]
mod strangers;
mod terminal;
mod till;
