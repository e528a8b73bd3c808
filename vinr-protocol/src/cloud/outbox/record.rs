//! What of the outbox must outlive a restart.

use serde::{Deserialize, Serialize};

use crate::cloud::answer::WebhookSecret;
use crate::id::{EventId, WebhookEndpointId};
use crate::time::Timestamp;
use crate::webhook::Event;

/// One event on its way to one endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Delivery {
    /// What.
    pub event: EventId,
    /// Where to.
    pub endpoint: WebhookEndpointId,
}

/// A secret that was replaced, and until when it signs.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Replaced {
    /// The secret.
    pub secret: WebhookSecret,
    /// The date from which it signs no more.
    pub until: Timestamp,
}

/// One record. The last of an endpoint, of a delivery, counts.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Record {
    /// An endpoint as it is from here on.
    Endpoint {
        /// Which.
        id: WebhookEndpointId,
        /// Where to.
        url: String,
        /// What signs.
        secret: WebhookSecret,
        /// What signs beside it.
        replaced: Option<Replaced>,
    },
    /// It is gone, with whatever was on its way there.
    Removed(WebhookEndpointId),
    /// An event was fired: it is owed to these endpoints.
    Fired {
        /// The event, as it is sent each time.
        event: Box<Event>,
        /// To whom.
        to: Vec<WebhookEndpointId>,
    },
    /// A sending was not acknowledged: it is sent again.
    Resting {
        /// Which.
        delivery: Delivery,
        /// How often it was sent.
        sent: u32,
        /// The date of the next.
        due: Timestamp,
    },
    /// Acknowledged, or given up.
    Done(Delivery),
}
