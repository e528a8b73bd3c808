//! The device sheets: what the documentation says of each model.

use serde::Deserialize;
use vinr_protocol::device::Model;

pub(super) const SIMULATOR: &str = include_str!("../../profiles/simulator.toml");

/// The device sheet that a profile follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sheet {
    /// Nexgo CT20.
    NexgoCt20,
    /// Nexgo CT20P.
    Ct20p,
    /// Nexgo N92.
    N92,
    /// Nexgo N86Pro.
    N86pro,
    /// Ciontek CM30, which never queues.
    CiontekCm30,
    /// The local simulator.
    Simulator,
}

impl Sheet {
    /// Every sheet.
    pub const ALL: [Sheet; 6] = [
        Sheet::NexgoCt20,
        Sheet::Ct20p,
        Sheet::N92,
        Sheet::N86pro,
        Sheet::CiontekCm30,
        Sheet::Simulator,
    ];

    /// The sheet as a profile names it.
    pub fn word(self) -> &'static str {
        match self {
            Sheet::NexgoCt20 => "nexgo-ct20",
            Sheet::Ct20p => "ct20p",
            Sheet::N92 => "n92",
            Sheet::N86pro => "n86pro",
            Sheet::CiontekCm30 => "ciontek-cm30",
            Sheet::Simulator => "simulator",
        }
    }

    /// The model it is about.
    pub fn model(self) -> Model {
        match self {
            Sheet::NexgoCt20 => Model::NexgoCt20,
            Sheet::Ct20p => Model::NexgoCt20p,
            Sheet::N92 => Model::NexgoN92,
            Sheet::N86pro => Model::NexgoN86Pro,
            Sheet::CiontekCm30 => Model::CiontekCm30,
            Sheet::Simulator => Model::Simulator,
        }
    }

    /// What the documentation says of a feature; `None` where it leaves that to the maker.
    pub(super) fn says(self, feature: &str) -> Option<bool> {
        (feature == "offline_queue").then(|| self.model().offline_limits().is_some())
    }
}

/// A commented profile to start from, by the name of its sheet.
pub fn template(sheet: Sheet) -> &'static str {
    match sheet {
        Sheet::NexgoCt20 => include_str!("../../profiles/nexgo-ct20.toml"),
        Sheet::Ct20p => include_str!("../../profiles/ct20p.toml"),
        Sheet::N92 => include_str!("../../profiles/n92.toml"),
        Sheet::N86pro => include_str!("../../profiles/n86pro.toml"),
        Sheet::CiontekCm30 => include_str!("../../profiles/ciontek-cm30.toml"),
        Sheet::Simulator => SIMULATOR,
    }
}

/// Every template with the name of its sheet.
pub fn templates() -> impl Iterator<Item = (&'static str, &'static str)> {
    Sheet::ALL
        .into_iter()
        .map(|sheet| (sheet.word(), template(sheet)))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::profile::Profile;

    #[test]
    fn every_template_is_a_lawful_profile_of_its_own_sheet() {
        for sheet in Sheet::ALL {
            let profile = Profile::parse(template(sheet), Path::new(sheet.word()));
            let profile = profile.unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(profile.base, sheet);
            assert_eq!(profile.offline, sheet.model().offline_limits());
        }
    }

    #[test]
    fn the_profile_of_the_guide_is_lawful() {
        let guide = include_str!("../../../docs/certifying.md");
        let (_, rest) = guide
            .split_once("```toml\n")
            .expect("the guide shows a profile");
        let (text, _) = rest.split_once("```").expect("it ends");
        let profile = Profile::parse(text, Path::new("ct20.toml"));
        let profile = profile.unwrap_or_else(|error| panic!("{error}"));
        assert!(profile.interlock([192, 168, 1, 20].into()).is_ok());
    }
}
