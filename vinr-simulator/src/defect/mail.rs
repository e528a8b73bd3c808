//! Webhooks that are not sent, not signed, or not what they should be.

use vinr_protocol::cloud::WebhookSecret;
use vinr_protocol::payment::DeclineCode;
use vinr_protocol::webhook::{Event, EventType};

use super::{Defect, Defects};

/// Bends what a cloud sends; without a defect it changes nothing.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mail(Defects);

impl Mail {
    pub(crate) fn new(defects: Defects) -> Self {
        Self(defects)
    }

    fn has(&self, defect: Defect) -> bool {
        self.0.contains(&defect)
    }

    /// Is this event swallowed, as if it had been acknowledged?
    pub(crate) fn swallows(&self, event: &Event) -> bool {
        let is_completed = event.kind == EventType::Completed;
        let was_queued = event.data.object.offline.is_some();
        is_completed
            && (self.has(Defect::SettledPaymentNotTold) && !was_queued
                || self.has(Defect::DrainedPaymentNotTold) && was_queued)
    }

    /// The event as it is sent.
    pub(crate) fn bend(&self, event: &Event) -> Event {
        let mut event = event.clone();
        if self.has(Defect::WebhookIdOfItsOwn)
            && let Ok(id) = format!("evt_{}", ulid::Ulid::generate()).parse()
        {
            event.id = id;
        }
        if self.has(Defect::WebhookBodyOfItsOwn) {
            event.data.object.description = Some(ulid::Ulid::generate().to_string());
        }
        let payment = &mut event.data.object;
        if self.has(Defect::ToldOfAnotherAmount)
            && let Ok(amount) = vinr_protocol::Amount::new(payment.amount.minor_units() + 1)
        {
            payment.amount = amount;
        }
        if self.has(Defect::ToldBeforeItHappened) {
            payment.status = vinr_protocol::payment::Status::Pending;
        }
        if self.has(Defect::OfflineDeclineNotNamed) && payment.decline_code.is_some() {
            payment.decline_code = Some(DeclineCode::CardDeclined);
        }
        event
    }

    /// What it is signed with.
    pub(crate) fn secrets(&self, secrets: &[WebhookSecret]) -> Vec<WebhookSecret> {
        match self.has(Defect::WebhookSignedByAnother) {
            true => vec![WebhookSecret::new("whsec_of_somebody_else")],
            false => secrets.to_vec(),
        }
    }
}
