//! What the cloud answers beside payments and cancellations, which are a terminal's own.

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::id::WebhookEndpointId;
use crate::payment::Payment;

/// Every attempt of one sale that the cloud knows of, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct CloudPaymentList {
    /// Always `list`.
    pub object: String,
    /// The attempts, newest first; empty where the reference is unknown.
    pub data: Vec<Payment>,
    /// A command of this sale may still reach a terminal, or has reached one that has not said so: the sale
    /// must not be called unpaid. A cloud that does not say counts as `true`.
    #[serde(default = "undelivered")]
    pub undelivered: bool,
}

/// What was not said is not denied.
fn undelivered() -> bool {
    true
}

/// Every place where webhooks are sent, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct WebhookEndpointList {
    /// Always `list`.
    pub object: String,
    /// The places, without their secrets.
    pub data: Vec<WebhookEndpoint>,
}

/// A place where webhooks are sent.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct WebhookEndpoint {
    /// Its id.
    pub id: WebhookEndpointId,
    /// Always `webhook_endpoint`.
    pub object: String,
    /// Where events are sent.
    pub url: String,
    /// What signs them; shown once, where it was drawn: by the creation and by a rotation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<WebhookSecret>,
}

impl WebhookEndpoint {
    /// A place as an answer shows it.
    pub fn new(id: WebhookEndpointId, url: String, secret: Option<WebhookSecret>) -> Self {
        Self {
            id,
            object: "webhook_endpoint".into(),
            url,
            secret,
        }
    }
}

/// A secret that signs webhooks. Its `Debug` prints nothing of it.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct WebhookSecret(String);

impl WebhookSecret {
    /// Wraps the text of a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself, for the code that signs with it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl Zeroize for WebhookSecret {
    fn zeroize(&mut self) {
        self.0.zeroize();
    }
}

/// Nothing of it stays in memory. \[SEC-1\]
impl Drop for WebhookSecret {
    fn drop(&mut self) {
        self.zeroize();
    }
}

impl ZeroizeOnDrop for WebhookSecret {}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_that_does_not_say_counts_as_undelivered() {
        let list: CloudPaymentList =
            serde_json::from_str(r#"{"object":"list","data":[]}"#).expect("parses");
        assert!(list.undelivered);
    }

    #[test]
    fn a_secret_is_not_printed() {
        let secret = WebhookSecret::new("whsec_abc");
        assert!(!format!("{secret:?}").contains("abc"));
    }

    #[test]
    fn a_secret_that_was_wiped_is_empty() {
        let mut secret = WebhookSecret::new("whsec_abc");
        secret.zeroize();
        assert_eq!(secret.expose(), "");
    }

    #[test]
    fn a_secret_is_wiped_when_it_is_dropped() {
        assert!(std::mem::needs_drop::<WebhookSecret>());
        fn wipes_itself<T: ZeroizeOnDrop>() {}
        wipes_itself::<WebhookSecret>();
    }
}
