//! A payment at one terminal or a group of them, over one path or two.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use vinr_protocol::cloud::MAX_GROUP;
use vinr_protocol::payment::CaptureMethod;
use vinr_protocol::timing::LOCAL_TIMEOUT;
use vinr_protocol::{PayRequest, TerminalId};

use crate::error::Error;
use crate::sale::CreateLocal;

/// A payment to take.
///
/// ```
/// use vinr_sdk::{At, Connectivity, Create};
///
/// let sale = Create {
///     at: At::Terminal("term_CT20_0042"),
///     amount: 2500, // 25.00 USD
///     currency: "USD",
///     reference: "order_8821",
///     connectivity: Connectivity::HYBRID,
///     ..Create::default()
/// };
/// ```
#[derive(Debug, Clone, Default)]
pub struct Create<'a> {
    /// Where.
    pub at: At<'a>,
    /// In the currency's minor unit: 1 to 99 999 999.
    pub amount: u64,
    /// ISO 4217, three upper-case letters.
    pub currency: &'a str,
    /// What the shop calls the sale: 1 to 64 of `A-Z a-z 0-9 . _ : / -`. The same sale keeps its reference
    /// whatever happens: by it nobody is charged twice.
    pub reference: &'a str,
    /// On which paths; the LAN alone unless said otherwise.
    pub connectivity: Connectivity,
    /// How long a call for a group may wait while every member is busy; for as long as it takes unless said otherwise.
    pub max_wait: Option<Duration>,
    /// When the money is taken; automatic unless said otherwise.
    pub capture_method: CaptureMethod,
    /// For people, at most 200 characters, none of them a control character.
    pub description: Option<&'a str>,
    /// The shop's own pairs: at most 20, 2 KiB in all, without control characters.
    pub metadata: BTreeMap<String, String>,
    /// How long the terminal waits for a card: 1 s to 120 s, of which it grants 75 s at most.
    pub timeout: Option<Duration>,
}

/// Where a payment may be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum At<'a> {
    /// At this terminal.
    Terminal(&'a str),
    /// At the first of these that is idle, in this order; `payment.terminal_id` says which. None twice; in hybrid mode at
    /// most 32, since the cloud takes no more. \[GRP-1, GRP-3\]
    Group(&'a [&'a str]),
}

impl Default for At<'_> {
    /// Nowhere: it must be said.
    fn default() -> Self {
        Self::Group(&[])
    }
}

/// The way to a terminal. As JSON it is what the documentation writes: `{"mode":"hybrid","localTimeoutMs":2000}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "mode", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Connectivity {
    /// The LAN alone: the cloud is not called.
    #[default]
    Local,
    /// The LAN, and the cloud where the terminal does not accept in time.
    Hybrid {
        /// How long a terminal may take to **accept**: to put the payment on its screen. A card may then take as long as it
        /// takes. \[HYB-2\]
        #[serde(rename = "localTimeoutMs", with = "millis", default = "local_timeout")]
        local_timeout: Duration,
    },
}

impl Connectivity {
    /// Hybrid with the limit of the documentation: 2 s.
    pub const HYBRID: Self = Self::Hybrid {
        local_timeout: LOCAL_TIMEOUT,
    };
}

/// What is not said is the documentation's.
fn local_timeout() -> Duration {
    LOCAL_TIMEOUT
}

/// A duration as whole milliseconds.
mod millis {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(it: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(u64::try_from(it.as_millis()).unwrap_or(u64::MAX))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        u64::deserialize(from).map(Duration::from_millis)
    }
}

impl Create<'_> {
    /// The request as the first member would get it, and the members.
    pub(crate) fn parse(&self) -> Result<(PayRequest, Arc<[TerminalId]>), Error> {
        let wrong = |expected: String| Error::Invalid {
            field: "at",
            expected,
        };
        let ids = match &self.at {
            At::Terminal(id) => std::slice::from_ref(id),
            At::Group(ids) => ids,
        };
        let members = ids.iter().map(|id| TerminalId::new(id));
        let members: Arc<[TerminalId]> = members
            .collect::<Result<_, _>>()
            .map_err(|error| wrong(error.to_string()))?;
        let distinct: BTreeSet<_> = members.iter().collect();
        if members.is_empty() || distinct.len() < members.len() {
            return Err(wrong("at least one terminal, and none twice".to_owned()));
        }
        if self.connectivity != Connectivity::Local && members.len() > MAX_GROUP {
            let expected = format!("at most {MAX_GROUP} terminals in hybrid mode");
            return Err(wrong(expected));
        }
        let sale = CreateLocal {
            reader_id: ids[0],
            amount: self.amount,
            currency: self.currency,
            reference: self.reference,
            capture_method: self.capture_method,
            description: self.description,
            metadata: self.metadata.clone(),
            timeout: self.timeout,
        };
        Ok((sale.parse()?, members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(at: At<'_>, connectivity: Connectivity) -> Result<usize, &'static str> {
        let sale = Create {
            at,
            connectivity,
            amount: 2500,
            currency: "USD",
            reference: "order_8821",
            ..Create::default()
        };
        match sale.parse() {
            Ok((_, members)) => Ok(members.len()),
            Err(Error::Invalid { field, .. }) => Err(field),
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn connectivity_is_the_json_of_the_page() {
        let read = |json: &str| serde_json::from_str::<Connectivity>(json).unwrap();
        let page = r#"{"mode":"hybrid","localTimeoutMs":2000}"#;
        assert_eq!(read(page), Connectivity::HYBRID);
        assert_eq!(serde_json::to_string(&Connectivity::HYBRID).unwrap(), page);
        assert_eq!(read(r#"{"mode":"hybrid"}"#), Connectivity::HYBRID);
        assert_eq!(read(r#"{"mode":"local"}"#), Connectivity::Local);
    }

    #[test]
    fn a_place_is_a_terminal_or_distinct_terminals() {
        let local = |place| at(place, Connectivity::Local);
        assert_eq!(local(At::Terminal("term_1")), Ok(1));
        assert_eq!(local(At::Group(&["term_1", "term_2"])), Ok(2));
        assert_eq!(local(At::default()), Err("at"));
        assert_eq!(local(At::Terminal("CT20")), Err("at"));
        assert_eq!(local(At::Group(&["term_1", "term_1"])), Err("at"));
    }

    #[test]
    fn the_cloud_takes_at_most_32_members_and_the_lan_any() {
        let ids: Vec<String> = (0..33).map(|number| format!("term_{number}")).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        assert_eq!(at(At::Group(&ids[..32]), Connectivity::HYBRID), Ok(32));
        assert_eq!(at(At::Group(&ids), Connectivity::HYBRID), Err("at"));
        assert_eq!(at(At::Group(&ids), Connectivity::Local), Ok(33));
    }
}
