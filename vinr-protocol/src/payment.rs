//! What a terminal answers about money: a payment, the payments of a sale, the outcome of a cancel.
//!
//! Readers ignore fields they do not know and keep words they do not know; an unknown status is never
//! final. \[REC-18\]

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::id::{AttemptKey, JournalId, PaymentId, Reference, TerminalId};
use crate::money::{Amount, Currency};
use crate::open_enum::open_enum;
use crate::time::Timestamp;

open_enum! {
    /// How far an attempt has come.
    Status {
        /// Journaled, and not yet shown.
        Created = "created",
        /// Waiting for a card: safe to cancel. \[REC-7\]
        Pending = "pending",
        /// A card was presented: PIN, authorization in flight, or queued offline.
        Processing = "processing",
        /// The host approved. Final.
        Completed = "completed",
        /// Declined: the host never will approve this attempt. Final.
        Failed = "failed",
        /// Given up before an authorization, or voided: it never will charge. Final.
        Cancelled = "cancelled",
    }
}

impl Status {
    /// Nothing about the payment will change any more. \[PAY-15\]
    pub fn is_final(&self) -> bool {
        matches!(self, Status::Completed | Status::Failed | Status::Cancelled)
    }
}

open_enum! {
    /// How the card was read.
    EntryMode {
        /// Tapped.
        Contactless = "contactless",
        /// Inserted.
        Chip = "chip",
        /// Swiped.
        Swipe = "swipe",
        /// Typed in.
        Manual = "manual",
    }
}

open_enum! {
    /// The card's brand.
    Brand {
        /// Visa.
        Visa = "visa",
        /// Mastercard.
        Mastercard = "mastercard",
        /// American Express.
        Amex = "amex",
    }
}

open_enum! {
    /// Why the host declined.
    DeclineCode {
        /// The issuer gave no reason.
        CardDeclined = "card_declined",
        /// Not enough money.
        InsufficientFunds = "insufficient_funds",
        /// The card is past its date.
        ExpiredCard = "expired_card",
        /// Wrong PIN.
        IncorrectPin = "incorrect_pin",
        /// The host or the card failed.
        ProcessingError = "processing_error",
        /// Accepted offline and declined when it was forwarded (OFF-8).
        OfflineAuthDeclined = "offline_auth_declined",
    }
}

open_enum! {
    /// Why an attempt was cancelled.
    CancelReason {
        /// A POS asked.
        Requested = "requested",
        /// No card in time.
        TimedOut = "timed_out",
        /// The cardholder gave up at the terminal.
        Customer = "customer",
        /// The power went before an authorization was sent.
        PowerLoss = "power_loss",
    }
}

open_enum! {
    /// Whose command came first: the till's over the LAN, or the cloud's.
    ConnectionMode {
        /// Over the LAN.
        Local = "local",
        /// Through the cloud.
        Cloud = "cloud",
    }
}

/// When the money is taken: a request may only say one of these two.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum CaptureMethod {
    /// With the authorization.
    #[default]
    Automatic,
    /// Later, by a separate call to VINR; the payment completes with nothing captured. \[PAY-18\]
    Manual,
}

/// The mark of a payment that was accepted offline; it stays after the outcome.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Offline {
    /// When the terminal accepted it.
    pub queued_at: Timestamp,
    /// Its place in the queue: from 1, never re-used, no gaps (OFF-15).
    pub sequence: u64,
}

/// One attempt to get a sale paid, as every look-up and every answer shows it. \[PAY-4\]
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Payment {
    /// The terminal's id for it; the host dedupes on it.
    pub id: PaymentId,
    /// Always `terminal_payment`.
    pub object: String,
    /// The terminal that handles it.
    pub terminal_id: TerminalId,
    /// The `Idempotency-Key` it came with, `null` where it came without. \[PAY-21\]
    #[serde(default)]
    pub attempt_key: Option<AttemptKey>,
    /// In minor units, as asked. \[PAY-8\]
    pub amount: Amount,
    /// As asked. \[PAY-8\]
    pub currency: Currency,
    /// As asked. \[PAY-8\]
    pub reference: Reference,
    /// As asked.
    #[serde(default)]
    pub description: Option<String>,
    /// As asked.
    #[serde(default)]
    pub capture_method: CaptureMethod,
    /// How far it has come.
    pub status: Status,
    /// Minor units taken. \[PAY-18\]
    #[serde(default)]
    pub amount_captured: u64,
    /// Minor units that a later capture may take. \[PAY-18\]
    #[serde(default)]
    pub amount_capturable: u64,
    /// The last four digits of this attempt's card. \[PAY-17\]
    #[serde(default)]
    pub last4: Option<String>,
    /// The brand of this attempt's card.
    #[serde(default)]
    pub brand: Option<Brand>,
    /// How this attempt's card was read.
    #[serde(default)]
    pub entry_mode: Option<EntryMode>,
    /// Why it failed.
    #[serde(default)]
    pub decline_code: Option<DeclineCode>,
    /// Why it was cancelled.
    #[serde(default)]
    pub cancel_reason: Option<CancelReason>,
    /// Set where it was accepted offline.
    #[serde(default)]
    pub offline: Option<Offline>,
    /// The caller's own pairs, and `connectionMode`.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
    /// When it was journaled.
    pub created_at: Timestamp,
    /// When it became final.
    #[serde(default)]
    pub completed_at: Option<Timestamp>,
}

/// The `object` of a [`Payment`].
pub const PAYMENT_OBJECT: &str = "terminal_payment";

/// The `metadata` name under which a terminal writes the [`ConnectionMode`].
pub const CONNECTION_MODE: &str = "connectionMode";

/// The `metadata` name that marks a queued payment which was refused because its sale is paid by another. §9
pub const DUPLICATE_SUSPECTED: &str = "duplicateSuspected";

impl Payment {
    /// Whose command came first, where the terminal says so. \[HYB-3\]
    pub fn connection_mode(&self) -> Option<ConnectionMode> {
        self.metadata
            .get(CONNECTION_MODE)
            .map(|word| ConnectionMode::from(word.as_str()))
    }

    /// Safely in the terminal's offline queue: accepted, and not yet approved. \[OFF-10\]
    pub fn is_queued_offline(&self) -> bool {
        self.status == Status::Processing && self.offline.is_some()
    }

    /// It has paid, or may pay yet: only what failed or was cancelled never will. An unknown status is not final.
    /// \[REC-18\]
    pub fn may_have_paid(&self) -> bool {
        !matches!(self.status, Status::Failed | Status::Cancelled)
    }
}

/// Every attempt of one sale, newest first. \[REC-13\]
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PaymentList {
    /// Always `list`.
    pub object: String,
    /// The attempts, newest first; empty where the reference is unknown.
    pub data: Vec<Payment>,
    /// The journal that was read: an empty answer counts only if it is the one the POS knew. \[REC-23\]
    #[serde(default)]
    pub journal_id: Option<JournalId>,
}

open_enum! {
    /// The three answers to a cancel. \[REC-11\]
    CancelOutcome {
        /// It is cancelled, durably; it never will charge.
        Cancelled = "cancelled",
        /// It is completed or failed; the payment says which.
        TooLate = "too_late",
        /// Everything else: ask again, never assume.
        StillProcessing = "still_processing",
    }
}

/// The answer to a cancel.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Cancellation {
    /// Always `cancellation`.
    pub object: String,
    /// The sale.
    pub reference: Reference,
    /// What became of it.
    pub outcome: CancelOutcome,
    /// The attempt it is about, `null` where the terminal had none.
    #[serde(default)]
    pub payment: Option<Payment>,
    /// The journal in which it is cancelled: `cancelled` without a payment counts only if it is the one the POS
    /// knew. \[REC-23\]
    #[serde(default)]
    pub journal_id: Option<JournalId>,
}

impl Cancellation {
    /// The word on an attempt, from whoever keeps no journal.
    pub fn new(reference: Reference, outcome: CancelOutcome, payment: Option<Payment>) -> Self {
        Self {
            object: "cancellation".into(),
            reference,
            outcome,
            payment,
            journal_id: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = r#"{"id":"tpay_01JD","object":"terminal_payment","terminalId":"term_CT20_0042",
        "attemptKey":"01JD","amount":2500,"currency":"USD","reference":"order_8821","description":null,
        "captureMethod":"automatic","status":"completed","amountCaptured":2500,"amountCapturable":0,
        "last4":"4242","brand":"visa","entryMode":"contactless","declineCode":null,"cancelReason":null,
        "offline":null,"metadata":{"connectionMode":"local"},"createdAt":"2026-05-31T14:23:00.000Z",
        "completedAt":"2026-05-31T14:23:07.412Z"}"#;

    // [PAY-4, PAY-21]
    #[test]
    fn the_example_of_the_specification_survives_a_round_trip() {
        let payment: Payment = serde_json::from_str(EXAMPLE).expect("the example parses");
        let before: serde_json::Value = serde_json::from_str(EXAMPLE).expect("the example parses");
        assert_eq!(serde_json::to_value(&payment).expect("serializes"), before);
    }

    #[test]
    fn an_answer_with_an_unknown_field_is_read() {
        let newer = EXAMPLE.replacen('{', r#"{"tip":100,"#, 1);
        assert!(serde_json::from_str::<Payment>(&newer).is_ok());
    }

    // [REC-18]
    #[test]
    fn an_unknown_status_is_kept_and_not_final() {
        let newer = EXAMPLE.replace(r#""completed""#, r#""settling""#);
        let payment: Payment = serde_json::from_str(&newer).expect("parses");
        assert_eq!(payment.status, Status::Unknown("settling".into()));
        assert!(!payment.status.is_final());
    }

    // [OFF-10]
    #[test]
    fn a_queued_payment_is_processing_with_an_offline_mark() {
        let mut payment: Payment = serde_json::from_str(EXAMPLE).expect("parses");
        payment.status = Status::Processing;
        assert!(!payment.is_queued_offline());
        payment.offline = Some(Offline {
            queued_at: payment.created_at,
            sequence: 7,
        });
        assert!(payment.is_queued_offline());
    }
}
