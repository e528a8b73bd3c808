//! The SDK with a cloud: hybrid payments, groups and webhooks, against simulated terminals and their sandbox cloud over
//! real sockets.
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot be set up has failed"
)]
#![expect(
    clippy::duplicate_mod,
    reason = "two examples share a file, and both run here"
)]

mod day;
mod group;
mod hybrid;
mod page;
mod provisioned;
mod support;
mod webhooks;
