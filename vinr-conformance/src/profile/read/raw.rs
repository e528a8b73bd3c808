//! A profile as it is written: which keys there are, and where in the text each value stands.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use toml::Spanned;

use crate::profile::{Capability, Sheet};
use crate::verdict::DeclaredWire;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    pub(super) profile: RawProfile,
    pub(super) features: Spanned<BTreeMap<Spanned<String>, bool>>,
    #[serde(default)]
    pub(super) limits: RawLimits,
    #[serde(default)]
    pub(super) wire: RawWire,
    pub(super) cloud: Option<Spanned<RawCloud>>,
    pub(super) revocation: Option<RawRevocation>,
    #[serde(default)]
    pub(super) drivers: BTreeMap<Capability, Vec<Spanned<String>>>,
    #[serde(default)]
    pub(super) safety: RawSafety,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawProfile {
    pub(super) schema: Spanned<u32>,
    pub(super) role: Spanned<RawRole>,
    pub(super) base: Sheet,
    pub(super) vendor: Spanned<String>,
    pub(super) product: Spanned<String>,
    pub(super) version: Spanned<String>,
    pub(super) wire: DeclaredWire,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(super) enum RawRole {
    Terminal,
    Client,
}

#[derive(Default)]
pub(super) struct RawLimits {
    pub(super) max_queued: Option<u32>,
    pub(super) currencies: Vec<(Spanned<String>, RawLimit)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLimit {
    pub(super) max_amount: Spanned<u64>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct RawWire {
    pub(super) address: Option<String>,
    pub(super) terminal: Option<Spanned<String>>,
    pub(super) terminal_ca: Option<PathBuf>,
    pub(super) pos_cert: Option<Spanned<PathBuf>>,
    pub(super) pos_key: Option<Spanned<PathBuf>>,
    pub(super) certification: Option<PathBuf>,
    pub(super) certificate_id: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) paths: BTreeMap<Spanned<String>, Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCloud {
    #[serde(default)]
    pub(super) own: bool,
    pub(super) url: Option<Spanned<String>>,
    pub(super) ca: Option<PathBuf>,
    pub(super) api_key_env: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRevocation {
    pub(super) sign: Spanned<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSafety {
    #[serde(default)]
    pub(super) test_mode_confirmed: bool,
    #[serde(default)]
    pub(super) isolated_network: bool,
    pub(super) amount_ceiling: Option<Spanned<u64>>,
    pub(super) reference_prefix: Option<Spanned<String>>,
}

/// `[limits]` holds one key of its own beside the currencies. Flattening would lose the lines.
impl<'de> Deserialize<'de> for RawLimits {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Limits;
        impl<'de> Visitor<'de> for Limits {
            type Value = RawLimits;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("max_queued and a table for each currency, such as [limits.USD]")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<RawLimits, M::Error> {
                let mut limits = RawLimits::default();
                while let Some(key) = map.next_key::<Spanned<String>>()? {
                    if key.get_ref() == "max_queued" {
                        limits.max_queued = Some(map.next_value()?);
                    } else {
                        limits.currencies.push((key, map.next_value()?));
                    }
                }
                Ok(limits)
            }
        }
        deserializer.deserialize_map(Limits)
    }
}
