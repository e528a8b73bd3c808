//! What the maker of a till claims: a profile with `role = "client"`.
//!
//! ```toml
//! [profile]
//! schema = 1
//! role = "client"
//! vendor = "Acme"
//! product = "Acme POS"
//! version = "2.1.0"
//! wire = "vinr-local/1"        # or "vendor": rules that vinr-local/1 decided then only warn
//!
//! [features]                   # every one is stated; `false` leaves its scenarios out
//! mdns = true
//! static_hosts = true
//! p12 = true
//! hybrid = true
//! groups = true
//! webhooks = true
//! durable = true
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::Path;

use serde::{Deserialize, Serialize};
use toml::Spanned;
use vinr_protocol::requirement::Role;

use super::effective::{EffectiveClaims, Head, to_toml};
use super::read::fault;
use super::screen::{self, EffectiveScreen, RawDrivers, RawScreen};
use super::{ProfileError, ScreenTill};
use crate::verdict::{Claims, DeclaredWire, ProfileFacts};

/// The role, as a profile names it.
pub(super) const ROLE: &str = "client";

/// What a device sheet is to a terminal: there is one for all tills.
const BASE: &str = "till";

/// What a till may have or lack: the key in `[features]`, and what `true` claims.
pub const TILL_FEATURES: &[(&str, &str)] = &[
    ("mdns", "finds terminals by mDNS"),
    ("static_hosts", "takes a list of hosts in the place of mDNS"),
    ("p12", "loads its identity from a .p12 with a passphrase"),
    (
        "hybrid",
        "falls back to the cloud where the LAN does not accept",
    ),
    ("groups", "pays at the first free terminal of a group"),
    ("webhooks", "verifies webhooks"),
    ("durable", "knows after a restart what it left open"),
];

/// What the maker of a till claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TillProfile {
    /// Who made it.
    pub vendor: String,
    /// What it is called.
    pub product: String,
    /// Exactly which version is judged.
    pub version: String,
    /// Which wire it speaks.
    pub declared: DeclaredWire,
    /// How it is used where it has no adapter.
    pub screen: Option<ScreenTill>,
    features: BTreeMap<String, bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    profile: RawHead,
    features: BTreeMap<String, bool>,
    screen: Option<Spanned<RawScreen>>,
    drivers: Option<Spanned<RawDrivers>>,
}

/// The profile as it took effect.
#[derive(Serialize)]
struct Effective {
    #[serde(flatten)]
    claims: EffectiveClaims,
    #[serde(skip_serializing_if = "Option::is_none")]
    screen: Option<EffectiveScreen>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawHead {
    schema: u32,
    role: String,
    vendor: String,
    product: String,
    version: String,
    wire: DeclaredWire,
}

impl TillProfile {
    /// Our SDK's own: everything that there is.
    pub fn of_everything(vendor: &str, product: &str, version: &str) -> Self {
        Self {
            vendor: vendor.to_owned(),
            product: product.to_owned(),
            version: version.to_owned(),
            declared: DeclaredWire::VinrLocal1,
            screen: None,
            features: TILL_FEATURES
                .iter()
                .map(|(name, _)| ((*name).to_owned(), true))
                .collect(),
        }
    }

    /// Reads a profile from a file.
    pub fn read(path: &Path) -> Result<Self, ProfileError> {
        let text = std::fs::read_to_string(path).map_err(|source| ProfileError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(&text, path)
    }

    /// Reads a profile from text; `path` names it in errors.
    pub fn parse(text: &str, path: &Path) -> Result<Self, ProfileError> {
        let at = |span: Range<usize>, message: String| fault::at(text, path, span, message, None);
        let raw: Raw = toml::from_str(text)
            .map_err(|error| at(error.span().unwrap_or_default(), error.message().to_owned()))?;
        let place_of = |word: &str| {
            let mut start = 0;
            for line in text.split_inclusive('\n') {
                let indent = line.len() - line.trim_start().len();
                if line[indent..].starts_with(word) {
                    return start + indent..start + indent + word.len();
                }
                start += line.len();
            }
            0..0
        };
        let head = raw.profile;
        if head.schema != 1 || head.role != ROLE {
            return Err(at(
                place_of("[profile]"),
                format!(
                    "[profile] has schema = 1 and role = \"{ROLE}\"; `terminal` takes the profile of a terminal"
                ),
            ));
        }
        let known = |name: &str| TILL_FEATURES.iter().any(|(own, _)| *own == name);
        if let Some(unknown) = raw.features.keys().find(|name| !known(name)) {
            let message = format!("[features] knows no {unknown}");
            return Err(at(place_of(unknown), message));
        }
        let absent = |(name, _): &&(&str, &str)| !raw.features.contains_key(*name);
        if let Some((name, meaning)) = TILL_FEATURES.iter().find(absent) {
            let message =
                format!("[features] does not say whether it {meaning}: {name} = true or false");
            return Err(at(place_of("[features]"), message));
        }
        let screen =
            screen::read(raw.screen, raw.drivers, path).map_err(|(span, why)| at(span, why))?;
        Ok(Self {
            screen,
            vendor: head.vendor,
            product: head.product,
            version: head.version,
            declared: head.wire,
            features: raw.features,
        })
    }

    /// What the till can do, by name; every feature is there.
    pub fn features(&self) -> &BTreeMap<String, bool> {
        &self.features
    }

    /// What its scenarios may need: its features, and whether it has an adapter, for a screen is not asked for more than to pay.
    pub fn abilities(&self) -> BTreeMap<String, bool> {
        abilities(&self.features, self.screen.is_some())
    }

    /// What decides which requirements bind it.
    pub fn claims(&self) -> Claims {
        claims(self.declared)
    }

    /// What a result says of this profile.
    pub fn facts(&self) -> ProfileFacts {
        ProfileFacts {
            vendor: self.vendor.clone(),
            product: self.product.clone(),
            version: self.version.clone(),
            base: BASE.to_owned(),
            sha256: self.effective_claims().sha256(),
        }
    }

    /// The text of `profile.effective.toml`; a till's profile holds no secrets.
    pub fn text(&self) -> String {
        to_toml(&Effective {
            claims: self.effective_claims(),
            screen: self.screen.as_ref().map(ScreenTill::effective),
        })
    }

    fn effective_claims(&self) -> EffectiveClaims {
        EffectiveClaims {
            profile: Head {
                schema: 1,
                role: ROLE.to_owned(),
                base: BASE.to_owned(),
                vendor: self.vendor.clone(),
                product: self.product.clone(),
                version: self.version.clone(),
                wire: self.declared,
            },
            features: self.features.clone(),
            limits: None,
        }
    }
}

/// See [`TillProfile::abilities`].
pub(super) fn abilities(
    features: &BTreeMap<String, bool>,
    has_a_screen: bool,
) -> BTreeMap<String, bool> {
    let mut all = features.clone();
    all.insert("adapter".to_owned(), !has_a_screen);
    all
}

/// What a till's profile comes to, whether it was written by a maker or kept in a bundle.
pub(super) fn claims(wire: DeclaredWire) -> Claims {
    Claims {
        roles: BTreeSet::from([Role::Client]),
        wire,
        excused: BTreeMap::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Capability, Recorded};
    use super::*;

    const TEXT: &str = r#"
[profile]
schema = 1
role = "client"
vendor = "Acme"
product = "Acme POS"
version = "2.1.0"
wire = "vinr-local/1"

[features]
mdns = true
static_hosts = true
p12 = true
hybrid = false
groups = true
webhooks = true
durable = true
"#;

    fn parse(text: &str) -> Result<TillProfile, ProfileError> {
        TillProfile::parse(text, Path::new("mypos.toml"))
    }

    #[test]
    fn a_profile_is_read_back_from_a_bundle_with_the_same_claims_and_facts() {
        let profile = parse(TEXT).expect("lawful");
        let recorded = Recorded::parse(&profile.text()).expect("our own text");
        assert_eq!(recorded.claims(), profile.claims());
        assert_eq!(recorded.facts(), profile.facts());
        assert_eq!(recorded.features(), profile.features());
    }

    #[test]
    fn every_feature_is_stated_and_none_is_invented() {
        assert!(parse(&TEXT.replace("hybrid = false\n", "")).is_err());
        assert!(parse(&format!("{TEXT}telepathy = true\n")).is_err());
    }

    /// A till that is used by hand, at this address, by this driver.
    fn by_hand(listen: &str, driver: &str) -> String {
        format!(
            "{TEXT}\n[screen]\ndirectory = \"certificates\"\nlisten = \"{listen}\"\n\n[drivers]\ntill = [\"{driver}\"]\n"
        )
    }

    #[test]
    fn a_till_with_a_screen_says_where_it_is_met_and_who_uses_it() {
        let text = by_hand("192.168.1.5", "exec:./till.sh --token hunter2");
        let profile = parse(&text).expect("lawful");
        let screen = profile.screen.as_ref().expect("it has one");
        assert_eq!(screen.listen, ([192, 168, 1, 5], 8443).into());
        assert_eq!(screen.drivers(Capability::Till).len(), 1);
        assert!(screen.drivers(Capability::Power).is_empty());
        assert!(!profile.text().contains("hunter2"), "{}", profile.text());
        let recorded = Recorded::parse(&profile.text()).expect("our own text");
        assert_eq!(recorded.facts(), profile.facts());
        assert_eq!(recorded.abilities(), profile.abilities());
    }

    #[test]
    fn how_a_till_is_used_is_no_claim_of_its_maker() {
        let with_an_adapter = parse(TEXT).expect("lawful");
        let with_a_screen = parse(&by_hand("127.0.0.2", "operator")).expect("lawful");
        assert_eq!(with_a_screen.facts(), with_an_adapter.facts());
    }

    #[test]
    fn a_screen_without_a_driver_or_a_place_is_refused() {
        let whole = by_hand("127.0.0.2", "operator");
        let (without_drivers, _) = whole.split_once("\n[drivers]").expect("it has some");
        assert!(parse(without_drivers).is_err());
        for listen in ["0.0.0.0", "127.0.0.2:0", "here"] {
            assert!(parse(&by_hand(listen, "operator")).is_err(), "{listen}");
        }
        assert!(parse(&by_hand("127.0.0.2:9443", "operator")).is_ok());
        assert!(parse(&by_hand("127.0.0.2", "control")).is_err());
    }

    #[test]
    fn a_terminals_profile_is_refused() {
        assert!(parse(&TEXT.replace("\"client\"", "\"terminal\"")).is_err());
    }
}
