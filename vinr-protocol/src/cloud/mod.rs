//! The sandbox cloud: what it is asked, how it brings a command to a terminal, and the card network's host. §9
//!
//! [`relay::Relay`] is the machine of the command path, [`ledger::Ledger`] the card network's rule against charging
//! twice, [`outbox::Outbox`] the webhooks on their way. All are pure: an HTTP host reads a [`Command`], feeds the
//! machines and performs their effects.

mod answer;
mod command;
mod endpoint;
pub mod ledger;
pub mod outbox;
pub mod relay;
mod request;

pub use answer::{CloudPaymentList, WebhookEndpoint, WebhookEndpointList, WebhookSecret};
pub use command::Command;
pub use endpoint::Endpoint;
pub use request::{CloudPayRequest, MAX_GROUP, Target, Wait, WebhookEndpointRequest};
