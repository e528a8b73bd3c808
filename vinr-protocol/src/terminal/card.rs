//! The cardholder: presents a card, enters a PIN, gives up, or does nothing at all.

use super::effect::{Effect, Screen, Timer};
use super::input::{CardFacts, PinEntry};
use super::session::{Front, Sent, Session};
use crate::id::PaymentId;
use crate::payment::{CancelReason, Status};
use crate::reader::ReaderStatus;
use crate::time::Timestamp;
use crate::timing::HOST_RETRY;

impl Session {
    pub(super) fn card_read(&mut self, card: CardFacts, now: Timestamp) -> Vec<Effect> {
        // A card that nobody asked for is not taken. [REC-8]
        let Front::Presenting(id) = self.front.clone() else {
            return Vec::new();
        };
        let Some(attempt) = self.book.get_mut(&id) else {
            return Vec::new();
        };
        let payment = &mut attempt.payment;
        payment.status = Status::Processing; // [REC-7]
        payment.last4 = Some(card.last4); // [PAY-17]
        payment.brand = Some(card.brand);
        payment.entry_mode = Some(card.entry_mode);
        match card.pin {
            PinEntry::NotRequired => self.authorize(id, now),
            PinEntry::Required => {
                // Not journaled yet: no byte was sent, so a power cut still cancels it.
                self.front = Front::EnteringPin(id);
                vec![
                    Effect::Disarm(Timer::CardWait),
                    Effect::Show(Screen::EnterPin),
                ]
            }
        }
    }

    pub(super) fn pin_entered(&mut self, now: Timestamp) -> Vec<Effect> {
        match self.front.clone() {
            Front::EnteringPin(id) => self.authorize(id, now),
            _ => Vec::new(),
        }
    }

    /// Online or offline is settled here, whatever admission thought. \[OFF-16\]
    ///
    /// Online, the journal says `processing` before one byte leaves for the host: after a power cut here the
    /// terminal asks the host and never prompts again. \[REC-15\]
    fn authorize(&mut self, id: PaymentId, now: Timestamp) -> Vec<Effect> {
        if self.internet == ReaderStatus::Offline {
            return self.queue_or_fail(&id, now);
        }
        let Some(attempt) = self.book.get(&id) else {
            return Vec::new();
        };
        let payment = attempt.payment.clone();
        let mut effects: Vec<Effect> = self.persist(&id).into_iter().collect();
        effects.extend([
            Effect::Disarm(Timer::CardWait),
            Effect::Show(Screen::Authorizing),
            Effect::Authorize { payment },
            Effect::Arm(Timer::HostRetry(id.clone()), HOST_RETRY),
        ]);
        self.front = Front::Authorizing(id, Sent::Once);
        effects
    }

    pub(super) fn card_removed(&mut self, now: Timestamp) -> Vec<Effect> {
        match self.front.clone() {
            Front::EnteringPin(id) => self.withdraw(&id, CancelReason::Customer, now),
            _ => Vec::new(),
        }
    }

    pub(super) fn customer_gave_up(&mut self, now: Timestamp) -> Vec<Effect> {
        match self.front.clone() {
            Front::Presenting(id) | Front::EnteringPin(id) => {
                self.withdraw(&id, CancelReason::Customer, now)
            }
            Front::Idle | Front::Authorizing(..) => Vec::new(),
        }
    }

    /// No card came in time. \[PAY-13\]
    pub(super) fn card_wait_ended(&mut self, now: Timestamp) -> Vec<Effect> {
        match self.front.clone() {
            Front::Presenting(id) => self.withdraw(&id, CancelReason::TimedOut, now),
            _ => Vec::new(),
        }
    }
}
