//! The whole of what a request to the cloud says, or the refusal it deserves.

use super::endpoint::Endpoint;
use super::request::{CloudPayRequest, WebhookEndpointRequest};
use crate::command::{RawRequest, expect_json};
use crate::endpoint::NoEndpoint;
use crate::id::{AttemptKey, PaymentId, Reference, WebhookEndpointId};
use crate::request::parse_key;

/// What is asked of the cloud by somebody who may ask.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Command {
    /// Have a payment taken.
    Pay {
        /// The body.
        request: CloudPayRequest,
        /// The `Idempotency-Key`.
        key: Option<AttemptKey>,
    },
    /// Every attempt of a sale.
    Payments(Reference),
    /// One payment.
    Payment(PaymentId),
    /// Give up an attempt. A body, if one comes, has no meaning.
    Cancel(PaymentId),
    /// Have events sent somewhere.
    CreateWebhookEndpoint(WebhookEndpointRequest),
    /// Where events are sent.
    WebhookEndpoints,
    /// Have none sent there any more. A body, if one comes, has no meaning.
    RemoveWebhookEndpoint(WebhookEndpointId),
    /// Have another secret sign. A body, if one comes, has no meaning.
    RotateWebhookSecret(WebhookEndpointId),
}

impl Command {
    /// Reads a request whose API key was checked.
    pub fn read(raw: &RawRequest<'_>) -> Result<Self, NoEndpoint> {
        match Endpoint::parse(raw.method, raw.path, raw.query)? {
            Endpoint::Pay => {
                expect_json(raw.content_types)?;
                let key = parse_key(raw.keys.iter().copied())?;
                let request = CloudPayRequest::parse(raw.body)?;
                Ok(Self::Pay { request, key })
            }
            Endpoint::Payments(reference) => Ok(Self::Payments(reference)),
            Endpoint::Payment(id) => Ok(Self::Payment(id)),
            Endpoint::Cancel(id) => Ok(Self::Cancel(id)),
            Endpoint::WebhookEndpoints => Ok(Self::WebhookEndpoints),
            Endpoint::RemoveWebhookEndpoint(id) => Ok(Self::RemoveWebhookEndpoint(id)),
            Endpoint::RotateWebhookSecret(id) => Ok(Self::RotateWebhookSecret(id)),
            Endpoint::CreateWebhookEndpoint => {
                expect_json(raw.content_types)?;
                Ok(Self::CreateWebhookEndpoint(WebhookEndpointRequest::parse(
                    raw.body,
                )?))
            }
        }
    }
}
