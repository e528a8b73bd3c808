//! The merchant's server: it registers itself at the cloud and journals every webhook that arrives.
//!
//! It verifies nothing. The judge does, from the journal, by a secret that the sandbox made for this run alone and
//! that therefore may stand there: a verdict that rested on what was verified while driving could not be judged again.

mod api;
mod receiver;

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

pub use api::{ApiError, CloudApi};
use receiver::Receiver;

use crate::bundle::Secret;
use crate::journal::{Endpoint, Event, Journal};

/// The merchant's server, for one scenario.
pub struct Merchant {
    api: CloudApi,
    endpoint: String,
    receiver: Receiver,
}

impl Merchant {
    /// Opens for webhooks on this machine, refuses the first so many, and registers at the cloud.
    pub async fn open(journal: &Journal, api: CloudApi, refuses: u64) -> Result<Self, ApiError> {
        let receiver = Receiver::open(journal.clone(), refuses)
            .await
            .map_err(|error| ApiError::Unusable(format!("no port for webhooks: {error}")))?;
        journal.keep_out(Secret::new("the cloud's API key", api.key()));
        let asked = json!({ "url": receiver.url() });
        let made = api
            .call("POST", "/v1/webhook-endpoints", Some(&asked))
            .await?;
        let text = |name: &str| made[name].as_str().map(str::to_owned);
        let (Some(endpoint), Some(secret)) = (text("id"), text("secret")) else {
            let why = "the answer to POST /v1/webhook-endpoints has no id and secret";
            return Err(ApiError::Unusable(why.into()));
        };
        journal.record(Event::Endpoint(Endpoint {
            url: receiver.url(),
            secret,
        }));
        Ok(Self {
            api,
            endpoint,
            receiver,
        })
    }

    /// From here on the cloud's clock is so far ahead of ours.
    pub fn is_ahead(&self, by: Duration) {
        self.receiver.is_ahead(by);
    }

    /// Has the cloud forget it.
    pub async fn leave(self) {
        let path = format!("/v1/webhook-endpoints/{}", self.endpoint);
        // A sandbox that is gone sends nothing more.
        let _ = self.api.call("DELETE", &path, None).await;
    }
}

/// The ids of the events that were refused and have not come again, among these deliveries in their order.
pub fn still_owed<'a>(deliveries: impl Iterator<Item = (&'a str, u16)>) -> BTreeSet<String> {
    let mut owed = BTreeSet::new();
    for (body, answered) in deliveries {
        let body: Value = serde_json::from_str(body).unwrap_or_default();
        let id = body["id"].as_str().unwrap_or_default().to_owned();
        if (200..300).contains(&answered) {
            owed.remove(&id);
        } else {
            owed.insert(id);
        }
    }
    owed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_owed_until_it_was_acknowledged() {
        let (a, b) = (r#"{"id":"evt_a"}"#, r#"{"id":"evt_b"}"#);
        let owed = still_owed([(a, 500), (b, 200)].into_iter());
        assert_eq!(owed, BTreeSet::from(["evt_a".to_owned()]));
        let owed = still_owed([(a, 500), (b, 200), (a, 204)].into_iter());
        assert!(owed.is_empty());
    }
}
