//! What a merchant's server asks of the cloud outside a payment.

use http::{Method, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::json;
use vinr_protocol::cloud;
use vinr_protocol::error_body::ErrorEnvelope;
use vinr_protocol::id::WebhookEndpointId;

use super::http::{Answer, Failed};
use super::{Cloud, CloudError};
use crate::webhooks::WebhookSecret;

/// A place where webhooks are sent, with the secret that signs them: it is shown once, here.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct WebhookEndpoint {
    /// Its id.
    pub id: WebhookEndpointId,
    /// Where events are sent.
    pub url: String,
    /// What signs them.
    pub secret: WebhookSecret,
}

impl Cloud {
    /// Has events sent to this URL from now on.
    pub async fn register_webhook(&self, url: &str) -> Result<WebhookEndpoint, CloudError> {
        let body = json!({ "url": url }).to_string().into_bytes();
        let path = "/v1/webhook-endpoints";
        let asked = self.http.ask(Method::POST, path, None, Some(body));
        endpoint(asked.await)
    }

    /// Draws another secret for an endpoint. The old one signs beside it for 24 h: verify with
    /// `new.or(old)` until then. \[EVT-4\]
    pub async fn rotate_webhook_secret(
        &self,
        id: &WebhookEndpointId,
    ) -> Result<WebhookEndpoint, CloudError> {
        let path = format!("/v1/webhook-endpoints/{id}/rotate-secret");
        endpoint(self.http.ask(Method::POST, &path, None, None).await)
    }

    /// Sends nothing more to an endpoint.
    pub async fn remove_webhook(&self, id: &WebhookEndpointId) -> Result<(), CloudError> {
        let path = format!("/v1/webhook-endpoints/{id}");
        let asked = self.http.ask(Method::DELETE, &path, None, None).await;
        said::<serde_json::Value>(asked).map(drop)
    }
}

fn endpoint(asked: Result<Answer, Failed>) -> Result<WebhookEndpoint, CloudError> {
    let said: cloud::WebhookEndpoint = said(asked)?;
    let secret = said.secret.as_ref().ok_or(CloudError::BadAnswer)?;
    Ok(WebhookEndpoint {
        id: said.id,
        url: said.url,
        secret: WebhookSecret::new(secret.expose()).map_err(|_| CloudError::BadAnswer)?,
    })
}

fn said<T: DeserializeOwned>(asked: Result<Answer, Failed>) -> Result<T, CloudError> {
    let answer = asked.map_err(|failed| match failed {
        Failed::NotSent(why) | Failed::Lost(why) => CloudError::Unreachable(why),
    })?;
    if answer.status == StatusCode::OK {
        return serde_json::from_slice(&answer.body).map_err(|_| CloudError::BadAnswer);
    }
    let envelope: ErrorEnvelope =
        serde_json::from_slice(&answer.body).map_err(|_| CloudError::BadAnswer)?;
    Err(CloudError::Refused {
        status: answer.status.as_u16(),
        message: format!("{} ({})", envelope.error.message, envelope.error.code),
    })
}
