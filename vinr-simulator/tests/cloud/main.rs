//! The sandbox cloud over real sockets: its API, the terminals' links, webhooks.

#![allow(clippy::unwrap_used, reason = "what cannot be set up fails the test")]

mod api;
mod command;
mod dashboard;
mod delivering;
mod links;
mod offline;
mod paying;
mod refusing;
mod retelling;
mod shop;
mod story;
#[path = "../support/mod.rs"]
mod support;
mod webhooks;
