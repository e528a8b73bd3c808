//! The SDK against simulated terminals over real sockets, with a proxy between them that fails on purpose.

mod discovering;
mod identity;
mod losing;
mod paying;
mod proxy;
mod restarting;
mod shop;
