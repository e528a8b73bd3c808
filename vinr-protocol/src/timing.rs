//! Every duration of the protocol, once, beside its rule.

use std::time::Duration;

/// No card is taken later than this after the last byte of the request. \[PAY-13\]
pub const CARD_WAIT: Duration = Duration::from_secs(75);

/// A terminal answers within this, whatever the cardholder and the host do. \[PAY-6\]
pub const ANSWER_WITHIN: Duration = Duration::from_secs(90);

/// When a terminal that still has no outcome answers what it has: early enough that the bytes arrive
/// inside [`ANSWER_WITHIN`] on a slow network.
pub const ANSWER_AT: Duration = Duration::from_secs(88);

/// A POS holds a payment's connection for at least this long. \[PAY-5\]
pub const CLIENT_HOLD: Duration = Duration::from_secs(120);

/// How long hybrid waits for a terminal on the LAN to accept, by default. \[HYB-2\]
pub const LOCAL_TIMEOUT: Duration = Duration::from_secs(2);

/// How long hybrid then waits for the LAN to say whether the terminal knows the attempt. §7.1
pub const QUICK_LOOK: Duration = Duration::from_secs(1);

/// A lost answer is looked up within this. \[REC-2\]
pub const LOOK_UP_WITHIN: Duration = Duration::from_secs(5);

/// The first pause before a POS asks again about a payment in flight; it doubles up to [`ASK_AGAIN_MAX`].
pub const ASK_AGAIN_MIN: Duration = Duration::from_millis(250);

/// The longest pause between two questions about a payment in flight.
pub const ASK_AGAIN_MAX: Duration = Duration::from_secs(2);

/// How often a terminal repeats a status query that the host leaves unanswered.
pub const HOST_RETRY: Duration = Duration::from_secs(2);

/// An entry of the offline queue that has waited for longer blocks new ones. \[OFF-17\]
pub const QUEUE_AGE_MAX: Duration = Duration::from_secs(24 * 3600);

/// A host that answered no exchange and no probe for this long is known to be unreachable.
pub const HOST_UNREACHABLE_AFTER: Duration = Duration::from_secs(3);

/// The shortest `timeoutMs`.
pub const TIMEOUT_MIN: Duration = Duration::from_secs(1);

/// The longest `timeoutMs`, and its default.
pub const TIMEOUT_MAX: Duration = Duration::from_secs(120);

/// A command that the cloud could not hand over within this is withdrawn and never delivered. \[HYB-8\]
pub const HAND_OVER_WITHIN: Duration = Duration::from_secs(5);

/// When the cloud answers a waiting caller what it has: the hand-over and the terminal's own 90 s fit before it,
/// and the answer fits inside [`CLIENT_HOLD`].
pub const CLOUD_ANSWER_AT: Duration = Duration::from_secs(100);

/// How long the cloud waits for a terminal to acknowledge a cancel before it says `still_processing`.
pub const CANCEL_RELAY: Duration = Duration::from_secs(5);

/// How far the `t` of a webhook's signature may be from the receiver's clock, both ways. \[EVT-3\]
pub const WEBHOOK_TOLERANCE: Duration = Duration::from_secs(300);

/// A webhook that was not answered 2xx within this was not received. \[EVT-2\]
pub const WEBHOOK_ACKNOWLEDGED_WITHIN: Duration = Duration::from_secs(5);

/// The pauses before a webhook that was not received is sent again; after the last it is given up. \[EVT-2\]
pub const WEBHOOK_RETRIES: [Duration; 5] = [
    Duration::from_secs(60),
    Duration::from_secs(5 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(2 * 3600),
    Duration::from_secs(24 * 3600),
];

/// How long a webhook secret that was replaced signs beside its successor. §9
pub const WEBHOOK_SECRET_OVERLAP: Duration = Duration::from_secs(24 * 3600);

/// Records are kept at least this long; an empty answer about an older attempt proves nothing. \[REC-23\]
pub const RECORDS_KEPT: Duration = Duration::from_secs(30 * 24 * 3600);

/// What `Retry-After` of a busy terminal says: 1 to 5 s. \[GRP-6\]
pub const RETRY_AFTER: Duration = Duration::from_secs(2);

/// The shortest and the longest rest that a till gives a busy terminal, whatever its `Retry-After` says. \[GRP-6\]
pub const RETRY_AFTER_MIN: Duration = Duration::from_secs(1);

/// See [`RETRY_AFTER_MIN`].
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(5);

/// How long an outcome stays on the screen of a terminal that nobody uses.
pub const RESULT_SHOWN: Duration = Duration::from_secs(3);

/// Screen active after the command, p99 on a warm connection. \[LAT-1\]
pub const ACTIVATION: Duration = Duration::from_millis(50);
