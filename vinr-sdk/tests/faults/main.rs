//! Everything that can go wrong between a till and whom it asks, over real sockets: at each point of the protocol the till
//! learns the truth, and the card network's ledger has one charge or none, as the till was told. `spec/safety.md`
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

mod breaker;
mod counter;
mod killed;
mod matrix;
mod process;
#[path = "../provisioned/mod.rs"]
mod provisioned;
mod race;
mod rows;
mod stored_first;
mod strangers;
#[path = "../support/mod.rs"]
#[expect(dead_code, unused_imports, reason = "each test binary uses its part")]
mod support;
mod switch;
mod thousand;
mod unreachable;
