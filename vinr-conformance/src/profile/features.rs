//! What a terminal may or may not be able to do, and which requirements that excuses it from.

use std::collections::BTreeMap;

/// Something a terminal may or may not be able to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Feature {
    /// Its key in `[features]`.
    pub name: &'static str,
    /// What `true` claims.
    pub meaning: &'static str,
    /// Requirements that do not bind a terminal without it.
    pub with_only: &'static [&'static str],
    /// Requirements that do not bind a terminal with it.
    pub without_only: &'static [&'static str],
}

/// Every feature: a profile states each of them.
pub const FEATURES: [Feature; 7] = [
    Feature {
        name: "contactless",
        meaning: "takes contactless cards",
        with_only: &[],
        without_only: &[],
    },
    Feature {
        name: "chip",
        meaning: "takes chip cards",
        with_only: &[],
        without_only: &[],
    },
    Feature {
        name: "pin",
        meaning: "asks for a PIN where the card wants one",
        with_only: &[],
        without_only: &[],
    },
    Feature {
        name: "manual_capture",
        meaning: "takes captureMethod manual",
        with_only: &[],
        without_only: &[],
    },
    Feature {
        name: "offline_queue",
        meaning: "queues payments while the internet is away",
        with_only: &[
            "OFF-1", "OFF-2", "OFF-3", "OFF-5", "OFF-6", "OFF-11", "OFF-12", "OFF-13", "OFF-15",
            "OFF-16", "OFF-17",
        ],
        without_only: &["OFF-4"],
    },
    Feature {
        name: "offline_limits",
        meaning: "lets its owner change the offline limits",
        with_only: &["OFF-9"],
        without_only: &[],
    },
    Feature {
        name: "local_mode_switch",
        meaning: "lets its owner switch local mode off",
        with_only: &["NET-4", "NET-8"],
        without_only: &[],
    },
];

/// The requirements that these features excuse from, each with the reason.
pub(super) fn excuses(features: &BTreeMap<String, bool>) -> BTreeMap<String, String> {
    FEATURES
        .iter()
        .flat_map(|feature| {
            let has = features.get(feature.name).copied().unwrap_or(false);
            let excused = if has {
                feature.without_only
            } else {
                feature.with_only
            };
            let why = format!("The profile says {} = {has}.", feature.name);
            excused
                .iter()
                .map(move |id| ((*id).to_owned(), why.clone()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feature_names_requirements_of_the_catalogue_only() {
        for feature in FEATURES {
            for id in feature.with_only.iter().chain(feature.without_only) {
                assert!(vinr_protocol::requirement::find(id).is_some(), "{id}");
            }
        }
    }

    #[test]
    fn no_feature_excuses_from_saying_completed_before_the_host_did() {
        let none = FEATURES
            .iter()
            .map(|feature| (feature.name.to_owned(), false));
        assert!(!excuses(&none.collect()).contains_key("OFF-14"));
    }
}
