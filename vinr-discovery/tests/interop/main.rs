//! Against Avahi and python-zeroconf, both ways, on networks of our own.
//!
//! Each test builds its machines and cables out of network namespaces, so nothing leaves them, and needs root on
//! Linux. Where something is missing it says `SKIPPED` and how to mend it; with `VINR_FORBID_SKIPS=1` that is a
//! failure.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "what cannot be set up fails the test")]

#[path = "../skip/mod.rs"]
mod skip;

mod avahi;
mod blocked;
mod flood;
mod lan;
mod process;
mod shop;
mod subject;
mod zeroconf;
