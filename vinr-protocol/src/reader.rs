//! Who and how a terminal is: the answer of `GET /v1/reader`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::device::Model;
use crate::id::{JournalId, TerminalId};
use crate::money::{Amount, Currency};
use crate::open_enum::open_enum;
use crate::time::Timestamp;

open_enum! {
    /// Has the terminal the internet?
    ReaderStatus {
        /// The host can be reached.
        Online = "online",
        /// It cannot; payments may still be queued.
        Offline = "offline",
    }
}

open_enum! {
    /// Is a payment on the screen?
    Activity {
        /// Free for the next payment.
        Idle = "idle",
        /// A new payment of another sale gets 409 `terminal_busy`.
        Busy = "busy",
    }
}

/// A terminal's description of itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Reader {
    /// Always `reader`.
    pub object: String,
    /// Its id; must agree with its certificate.
    pub id: TerminalId,
    /// Its model.
    pub model: Model,
    /// Has it the internet?
    pub status: ReaderStatus,
    /// Is it free?
    pub activity: Activity,
    /// The wire it speaks, `vinr-local/1`.
    #[serde(default)]
    pub api: Option<String>,
    /// The maker's version.
    #[serde(default)]
    pub software_version: Option<String>,
    /// The journal that a POS stores with each attempt. \[REC-23\]
    #[serde(default)]
    pub journal_id: Option<JournalId>,
    /// What it can do without the internet.
    #[serde(default)]
    pub offline: OfflineState,
}

/// The offline queue as a reader shows it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct OfflineState {
    /// Does it queue at all?
    pub supported: bool,
    /// The largest single payment in each currency's minor unit.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::limits"))]
    pub limits: BTreeMap<Currency, Amount>,
    /// How many it holds at most.
    #[serde(default)]
    pub max_queued: u32,
    /// How many it holds now.
    #[serde(default)]
    pub queued: u32,
    /// When the oldest of them was accepted.
    #[serde(default)]
    pub oldest_queued_at: Option<Timestamp>,
}
