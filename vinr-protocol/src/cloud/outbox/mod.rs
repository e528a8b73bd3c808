//! Webhooks on their way: signed, sent until they are acknowledged, and never forgotten by a restart. \[EVT-2\]
//!
//! [`Outbox`] is fed the events that are fired and what became of each sending; its host performs the effects in order
//! and stops at each [`Effect::Persist`] until the record is durable.
//!
//! | a delivery is | this happens | then |
//! |---|---|---|
//! | fired | | journal, send |
//! | sent | 2xx within 5 s | journal *done* |
//! | sent | anything else | journal, send again after 1 min, 5 min, 30 min, 2 h, 24 h |
//! | sent for the sixth time | anything else | journal *done*: given up, and said so |
//!
//! An event is fired once, however often it is handed in: its id is the same each time. An endpoint gets the events
//! that are fired after it was registered. Each endpoint has its own pace, and no order is promised between events.

mod machine;
mod record;

#[cfg(test)]
mod tests;

pub use machine::{Config, Outbox};
pub use record::{Delivery, Record, Replaced};

use std::sync::Arc;
use std::time::Duration;

use crate::cloud::answer::WebhookSecret;
use crate::id::WebhookEndpointId;
use crate::time::Timestamp;
use crate::webhook::Event;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Input {
    /// Somebody wants events.
    Register {
        /// A fresh id.
        id: WebhookEndpointId,
        /// Where to.
        url: String,
        /// A fresh secret.
        secret: WebhookSecret,
    },
    /// Another secret is to sign; the one before signs beside it for a while.
    Rotate {
        /// Whose; one that is not registered stays so.
        id: WebhookEndpointId,
        /// A fresh secret.
        secret: WebhookSecret,
        /// The date.
        now: Timestamp,
    },
    /// No more events there.
    Remove {
        /// Where.
        id: WebhookEndpointId,
    },
    /// Something happened to a payment.
    Fire {
        /// The event; with an id that was fired before, nothing happens.
        event: Box<Event>,
    },
    /// What became of a sending.
    Answered {
        /// Which.
        delivery: Delivery,
        /// What is known.
        receipt: Receipt,
        /// The date.
        now: Timestamp,
    },
    /// An armed timer ran out.
    Elapsed {
        /// Which.
        timer: Timer,
    },
}

/// What became of a sending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Receipt {
    /// 2xx in time.
    Acknowledged,
    /// Anything else, or nothing.
    Missing,
}

/// Something to do, in the order given.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Write the record and wait until it is durable; if that fails, perform nothing more and feed nothing more.
    Persist(Record),
    /// Send the event, signed by each of the secrets, and say what became of it with [`Input::Answered`].
    Send {
        /// Which delivery it is.
        delivery: Delivery,
        /// Where to.
        url: String,
        /// What signs it: one secret, or two while they rotate.
        secrets: Vec<WebhookSecret>,
        /// What is sent, the same each time.
        event: Arc<Event>,
    },
    /// Nobody took it: a person must look.
    GivenUp {
        /// Which.
        delivery: Delivery,
    },
    /// Start a timer anew.
    Arm(Timer, Duration),
    /// Stop a timer, if it runs.
    Disarm(Timer),
}

/// The clocks of the outbox.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Timer {
    /// A delivery is sent again.
    Retry(Delivery),
    /// The secret before this one signs no longer.
    OldSecret(WebhookEndpointId),
}
