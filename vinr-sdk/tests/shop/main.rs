//! The SDK against simulated terminals over real sockets, with a proxy between them that fails on purpose.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]

mod discovering;
mod fast;
mod identity;
mod losing;
mod moving;
mod paying;
#[path = "../provisioned/mod.rs"]
mod provisioned;
mod proxy;
mod renewing;
mod restarting;
mod shop;
#[path = "../../../vinr-discovery/tests/skip/mod.rs"]
mod skip;
mod storm;
