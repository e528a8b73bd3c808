//! Webhooks: what the merchant's server is told, and how it knows who said it. §9

use crate::open_enum::open_enum;
use crate::payment::Status;

open_enum! {
    /// What happened to a payment.
    EventType {
        /// A terminal journaled it.
        Created = "terminal_payment.created",
        /// It went on, and is not final.
        Updated = "terminal_payment.updated",
        /// The host approved.
        Completed = "terminal_payment.completed",
        /// The host declined.
        Failed = "terminal_payment.failed",
        /// It was given up, and never will charge.
        Cancelled = "terminal_payment.cancelled",
    }
}

impl EventType {
    /// The event of a payment that has come this far.
    pub fn of(status: &Status) -> Self {
        match status {
            Status::Completed => EventType::Completed,
            Status::Failed => EventType::Failed,
            Status::Cancelled => EventType::Cancelled,
            Status::Created | Status::Pending | Status::Processing | Status::Unknown(_) => {
                EventType::Updated
            }
        }
    }
}
