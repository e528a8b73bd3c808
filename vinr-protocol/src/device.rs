//! The device sheets: what each model may do offline. \[OFF-1, OFF-2, OFF-3, OFF-4\]

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::money::{Amount, Currency};
use crate::open_enum::open_enum;

open_enum! {
    /// A terminal model, as `model` names it on the wire.
    Model {
        /// Nexgo CT20.
        NexgoCt20 = "nexgo_ct20",
        /// Nexgo CT20P.
        NexgoCt20p = "nexgo_ct20p",
        /// Nexgo N92.
        NexgoN92 = "nexgo_n92",
        /// Nexgo N86Pro.
        NexgoN86Pro = "nexgo_n86pro",
        /// Ciontek CM30, which never queues.
        CiontekCm30 = "ciontek_cm30",
        /// The local simulator.
        Simulator = "simulator",
    }
}

/// What a device may accept while the internet is away.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OfflineLimits {
    /// The largest single payment, inclusive, in each currency's minor unit; a currency that is not
    /// here is refused offline. \[OFF-2, OFF-11\]
    pub limits: BTreeMap<Currency, Amount>,
    /// How many payments the queue holds. \[OFF-3\]
    pub max_queued: u32,
}

impl OfflineLimits {
    fn usd(minor_units: u64, max_queued: u32) -> Self {
        let amount = Amount::new(minor_units).expect("the documented limits are lawful amounts");
        Self {
            limits: BTreeMap::from([(Currency::USD, amount)]),
            max_queued,
        }
    }
}

impl Model {
    /// The documented offline limits of this model; `None` where it never queues. \[OFF-4\]
    ///
    /// The simulator's sheet is a CT20's unless it is told otherwise; an unknown model has none.
    pub fn offline_limits(&self) -> Option<OfflineLimits> {
        match self {
            Model::NexgoCt20 | Model::NexgoCt20p | Model::Simulator => {
                Some(OfflineLimits::usd(15_000, 10))
            }
            Model::NexgoN92 | Model::NexgoN86Pro => Some(OfflineLimits::usd(10_000, 5)),
            Model::CiontekCm30 | Model::Unknown(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usd_limit(model: &Model) -> Option<(u64, u32)> {
        let sheet = model.offline_limits()?;
        Some((sheet.limits[&Currency::USD].minor_units(), sheet.max_queued))
    }

    #[test]
    fn the_sheets_are_those_of_the_page() {
        assert_eq!(usd_limit(&Model::NexgoCt20), Some((15_000, 10)));
        assert_eq!(usd_limit(&Model::NexgoCt20p), Some((15_000, 10)));
        assert_eq!(usd_limit(&Model::NexgoN92), Some((10_000, 5)));
        assert_eq!(usd_limit(&Model::NexgoN86Pro), Some((10_000, 5)));
        assert_eq!(usd_limit(&Model::CiontekCm30), None);
    }

    #[test]
    fn an_unknown_model_keeps_its_name_and_never_queues() {
        let model = Model::from("acme_9000");
        assert_eq!(model.as_str(), "acme_9000");
        assert_eq!(model.offline_limits(), None);
    }
}
