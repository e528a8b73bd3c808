//! What can happen to a terminal.

use super::effect::{Effect, Timer};
use crate::device::OfflineLimits;
use crate::id::{AttemptKey, PaymentId, Reference};
use crate::payment::{Brand, ConnectionMode, DeclineCode, EntryMode};
use crate::reader::ReaderStatus;
use crate::request::{CancelRequest, PayRequest};
use crate::time::Timestamp;

/// One HTTP request that waits for its answer; the host counts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Caller(pub u64);

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Input {
    /// `POST /v1/pay`.
    Pay {
        /// Who asks.
        caller: Caller,
        /// What is asked.
        request: PayRequest,
        /// The `Idempotency-Key`.
        key: Option<AttemptKey>,
        /// The path it came on. \[HYB-3\]
        path: ConnectionMode,
        /// Through the cloud: from when on it must start nothing. §9
        expires_at: Option<Timestamp>,
        /// A fresh id, used if this starts an attempt.
        id: PaymentId,
        /// The date for its record.
        now: Timestamp,
        /// How the revocation list stood when the till was judged; of no account on the cloud's path, which has no
        /// till. \[TLS-15\]
        revocation: Revocation,
    },
    /// `GET /v1/payments?reference=R`.
    LookUp {
        /// Who asks.
        caller: Caller,
        /// The sale.
        reference: Reference,
    },
    /// `GET /v1/payments/{id}`.
    LookUpId {
        /// Who asks.
        caller: Caller,
        /// The payment.
        id: PaymentId,
    },
    /// `POST /v1/cancel`.
    Cancel {
        /// Who asks.
        caller: Caller,
        /// What is asked.
        request: CancelRequest,
        /// The date for its record.
        now: Timestamp,
    },
    /// `GET /v1/reader`.
    Describe {
        /// Who asks.
        caller: Caller,
    },
    /// The caller's connection ended. The interaction goes on. \[REC-6\]
    CallerGone {
        /// Who left.
        caller: Caller,
    },
    /// A card was tapped, inserted or swiped.
    CardRead {
        /// What may be known of it.
        card: CardFacts,
        /// The date.
        now: Timestamp,
    },
    /// The cardholder entered a PIN; the machine never sees it.
    PinEntered {
        /// The date.
        now: Timestamp,
    },
    /// An inserted card was pulled out.
    CardRemoved {
        /// The date.
        now: Timestamp,
    },
    /// The cardholder pressed the red button.
    CustomerGaveUp {
        /// The date.
        now: Timestamp,
    },
    /// The card network's word, to an authorization or to a status query.
    HostAnswered {
        /// The payment it is about.
        payment: PaymentId,
        /// The word.
        verdict: HostVerdict,
        /// The date.
        now: Timestamp,
    },
    /// The authorization that was asked for could not be sent: the line is down and no byte of it left.
    NotSent {
        /// The payment it is about.
        payment: PaymentId,
        /// The date.
        now: Timestamp,
    },
    /// The host acknowledged a reversal.
    HostReversed {
        /// The payment it is about.
        payment: PaymentId,
    },
    /// The host can be reached again, or is known to be unreachable: no exchange and no probe was answered for
    /// [`HOST_UNREACHABLE_AFTER`](crate::timing::HOST_UNREACHABLE_AFTER).
    Internet {
        /// Which.
        status: ReaderStatus,
    },
    /// The device's offline limits were configured; `None` switches its queue off. What is queued already is still
    /// forwarded. \[OFF-9\]
    OfflineLimits {
        /// From now on.
        limits: Option<OfflineLimits>,
    },
    /// Local mode was switched. \[NET-4, NET-8\]
    LocalMode {
        /// To what.
        to: LocalMode,
    },
    /// The disk runs low, or has room again. What is low is low in time: there is still room for what the attempts
    /// that exist will yet become, and the host of a restarted machine says so before it opens a socket.
    Space {
        /// Which.
        space: Space,
    },
    /// The device's clock lost its date, or got one. §2
    Clock {
        /// Which.
        to: ClockState,
    },
    /// An armed timer ran out.
    Elapsed {
        /// Which.
        timer: Timer,
        /// The date.
        now: Timestamp,
    },
    /// A `Persist` could not be made durable. From here on everything is `storage_failed`, until a restart
    /// reads the journal anew: what the disk holds now is not known. \[REC-21\]
    StorageFailed {
        /// The effects after the `Persist` that were not performed: their callers still wait.
        undone: Vec<Effect>,
    },
}

/// All that a terminal may know of a card.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CardFacts {
    /// Its last four digits.
    pub last4: String,
    /// Its brand.
    pub brand: Brand,
    /// How it was read.
    pub entry_mode: EntryMode,
    /// Does it want a PIN?
    pub pin: PinEntry,
}

/// May tills start payments over the LAN?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LocalMode {
    /// They may.
    On,
    /// They may not; look-ups, cancels and joins go on. \[NET-8\]
    Off,
}

/// Is there room in the journal for more attempts?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Space {
    /// There is.
    Enough,
    /// Only for the outcomes of those it has: no attempt is started and no tombstone planted. §4.6
    Low,
}

/// Has the device a date?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClockState {
    /// It has.
    Set,
    /// It has none, so it cannot judge a till's certificate: no new attempt is started. `spec/safety.md` I27
    Unset,
}

/// Does the device know which tills were revoked?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Revocation {
    /// By a list that is in force.
    InForce,
    /// There is no list of the CA: no new attempt is started for its tills.
    Missing,
    /// Only by a list that is past its nextUpdate: no new attempt is started.
    Stale,
}

/// Does a card want a PIN?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PinEntry {
    /// The cardholder must enter one.
    Required,
    /// It goes straight to authorization.
    NotRequired,
}

/// The card network's word on a payment.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum HostVerdict {
    /// The money is granted.
    Approved,
    /// It never will be.
    Declined(DeclineCode),
    /// It never will be, because another payment of its sale is granted. §9
    Duplicate,
    /// The host did not know the payment when asked, and closed it: it never will be granted.
    Voided,
}
