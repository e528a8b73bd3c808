//! The sandbox cloud: what it is asked and what it answers. §9

mod answer;
mod command;
mod endpoint;
mod request;

pub use answer::{CloudPaymentList, WebhookEndpoint, WebhookSecret};
pub use command::Command;
pub use endpoint::Endpoint;
pub use request::{CloudPayRequest, MAX_GROUP, Target, Wait, WebhookEndpointRequest};
