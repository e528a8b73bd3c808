//! From text to a profile; each error names its line.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use toml::Spanned;
use vinr_protocol::device::OfflineLimits;
use vinr_protocol::{Amount, Currency, TerminalId};

use super::features::FEATURES;
use super::{Capability, CloudProfile, Driver, Profile, ProfileError, Safety, Sheet, Wire};
use crate::verdict::DeclaredWire;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    profile: RawProfile,
    features: Spanned<BTreeMap<Spanned<String>, bool>>,
    #[serde(default)]
    limits: RawLimits,
    #[serde(default)]
    wire: RawWire,
    cloud: Option<Spanned<RawCloud>>,
    revocation: Option<RawRevocation>,
    #[serde(default)]
    drivers: BTreeMap<Capability, Vec<Spanned<String>>>,
    #[serde(default)]
    safety: RawSafety,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawProfile {
    schema: Spanned<u32>,
    role: Spanned<RawRole>,
    base: Sheet,
    vendor: Spanned<String>,
    product: Spanned<String>,
    version: Spanned<String>,
    wire: DeclaredWire,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum RawRole {
    Terminal,
    Client,
}

#[derive(Default)]
struct RawLimits {
    max_queued: Option<u32>,
    currencies: Vec<(Spanned<String>, RawLimit)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLimit {
    max_amount: Spanned<u64>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct RawWire {
    address: Option<String>,
    terminal: Option<Spanned<String>>,
    terminal_ca: Option<PathBuf>,
    pos_cert: Option<Spanned<PathBuf>>,
    pos_key: Option<Spanned<PathBuf>>,
    certification: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCloud {
    #[serde(default)]
    own: bool,
    url: Option<Spanned<String>>,
    ca: Option<PathBuf>,
    api_key_env: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRevocation {
    sign: Spanned<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct RawSafety {
    #[serde(default)]
    test_mode_confirmed: bool,
    #[serde(default)]
    isolated_network: bool,
    amount_ceiling: Option<Spanned<u64>>,
    reference_prefix: Option<Spanned<String>>,
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

/// From text to a profile. `path` names it in errors and is where relative paths start.
pub(super) fn parse(text: &str, path: &Path) -> Result<Profile, ProfileError> {
    let reader = Reader { text, path };
    let raw: Raw = toml::from_str(text).map_err(|error| {
        let message = error.message().replace('\n', " ");
        reader.error(error.span().unwrap_or(0..0), message)
    })?;
    reader.profile(raw)
}

struct Reader<'a> {
    text: &'a str,
    path: &'a Path,
}

impl Reader<'_> {
    fn profile(&self, raw: Raw) -> Result<Profile, ProfileError> {
        let head = raw.profile;
        if *head.schema.get_ref() != 1 {
            return Err(self.error(head.schema.span(), "this suite reads schema = 1"));
        }
        if *head.role.get_ref() == RawRole::Client {
            let message = "role = \"client\": this version judges terminals only";
            return Err(self.error(head.role.span(), message));
        }
        let features = self.features(raw.features, head.base)?;
        let offline = self.offline(raw.limits, head.base, &features)?;
        Ok(Profile {
            base: head.base,
            vendor: self.said("vendor", head.vendor)?,
            product: self.said("product", head.product)?,
            version: self.version(head.version)?,
            declared: head.wire,
            offline,
            wire: self.wire(raw.wire)?,
            cloud: self.cloud(raw.cloud, head.base)?,
            revocation: raw.revocation.map(|raw| self.signer(raw)).transpose()?,
            safety: self.safety(raw.safety)?,
            features,
            drivers: self.drivers(raw.drivers)?,
        })
    }

    fn features(
        &self,
        stated: Spanned<BTreeMap<Spanned<String>, bool>>,
        base: Sheet,
    ) -> Result<BTreeMap<String, bool>, ProfileError> {
        let table = stated.span();
        let stated = stated.into_inner();
        for (name, has) in &stated {
            if !FEATURES
                .iter()
                .any(|feature| feature.name == name.get_ref())
            {
                let known: Vec<_> = FEATURES.iter().map(|feature| feature.name).collect();
                let message = format!("unknown feature `{name}`; there are {}", known.join(", "));
                return Err(self.error(name.span(), message));
            }
            if base.says(name.get_ref()).is_some_and(|says| says != *has) {
                let message = format!(
                    "{name} = {has}, but the documentation of {} says {name} = {}",
                    base.word(),
                    !has
                );
                return Err(self.error(name.span(), message));
            }
        }
        let missing: Vec<_> = FEATURES
            .iter()
            .filter(|feature| !stated.keys().any(|name| name.get_ref() == feature.name))
            .map(|feature| format!("{} ({})", feature.name, feature.meaning))
            .collect();
        if !missing.is_empty() {
            let message = format!(
                "every feature is stated, true or false; missing: {}",
                missing.join(", ")
            );
            return Err(self.error(table, message));
        }
        Ok(stated
            .into_iter()
            .map(|(name, has)| (name.into_inner(), has))
            .collect())
    }

    fn offline(
        &self,
        raw: RawLimits,
        base: Sheet,
        features: &BTreeMap<String, bool>,
    ) -> Result<Option<OfflineLimits>, ProfileError> {
        let queues = features.get("offline_queue").copied().unwrap_or(false);
        let Some(mut limits) = base.model().offline_limits().filter(|_| queues) else {
            return match raw.currencies.first() {
                Some((currency, _)) => Err(self.error(
                    currency.span(),
                    "a limit for a device that says offline_queue = false",
                )),
                None => Ok(None),
            };
        };
        for (currency, limit) in raw.currencies {
            let code = Currency::new(currency.get_ref())
                .map_err(|error| self.error(currency.span(), error.to_string()))?;
            let amount = Amount::new(*limit.max_amount.get_ref())
                .map_err(|error| self.error(limit.max_amount.span(), error.to_string()))?;
            limits.limits.insert(code, amount);
        }
        if let Some(max_queued) = raw.max_queued {
            limits.max_queued = max_queued;
        }
        Ok(Some(limits))
    }

    fn said(&self, key: &str, text: Spanned<String>) -> Result<String, ProfileError> {
        if text.get_ref().trim().is_empty() {
            return Err(self.error(text.span(), format!("{key} is empty")));
        }
        Ok(text.into_inner())
    }

    /// A certificate names one version, so a range or a word for the newest cannot be meant.
    fn version(&self, text: Spanned<String>) -> Result<String, ProfileError> {
        let is_vague = text.get_ref().contains(['*', '^', '~', '<', '>'])
            || ["latest", "any", "current"].contains(&text.get_ref().to_lowercase().as_str());
        if is_vague {
            let message = format!("version = \"{}\" is not one exact version", text.get_ref());
            return Err(self.error(text.span(), message));
        }
        self.said("version", text)
    }

    fn wire(&self, raw: RawWire) -> Result<Wire, ProfileError> {
        let terminal = raw
            .terminal
            .map(|id| {
                TerminalId::new(id.get_ref())
                    .map_err(|error| self.error(id.span(), error.to_string()))
            })
            .transpose()?;
        if let (Some(alone), None) | (None, Some(alone)) = (&raw.pos_cert, &raw.pos_key) {
            return Err(self.error(alone.span(), "pos_cert and pos_key go together"));
        }
        Ok(Wire {
            address: raw.address,
            terminal,
            terminal_ca: raw.terminal_ca.map(|path| self.beside(path)),
            pos_cert: raw.pos_cert.map(|path| self.beside(path.into_inner())),
            pos_key: raw.pos_key.map(|path| self.beside(path.into_inner())),
            certification: raw.certification.map(|path| self.beside(path)),
        })
    }

    fn cloud(
        &self,
        raw: Option<Spanned<RawCloud>>,
        base: Sheet,
    ) -> Result<Option<CloudProfile>, ProfileError> {
        let Some(raw) = raw else {
            return Ok(None);
        };
        let span = raw.span();
        match raw.into_inner() {
            RawCloud {
                own: true,
                url: None,
                ca: None,
                api_key_env: None,
            } if base == Sheet::Simulator => Ok(Some(CloudProfile::Own)),
            RawCloud {
                own: false,
                url: Some(url),
                ca: Some(ca),
                api_key_env: Some(api_key_env),
            } => {
                if !url.get_ref().starts_with("https://") {
                    return Err(self.error(url.span(), "url is https://HOST:PORT"));
                }
                Ok(Some(CloudProfile::At {
                    url: url.into_inner(),
                    ca: self.beside(ca),
                    api_key_env,
                }))
            }
            _ => Err(self.error(
                span,
                "[cloud] is url, ca and api_key_env; or own = true alone, for the simulator",
            )),
        }
    }

    fn safety(&self, raw: RawSafety) -> Result<Safety, ProfileError> {
        if let Some(ceiling) = &raw.amount_ceiling {
            Amount::new(*ceiling.get_ref())
                .map_err(|error| self.error(ceiling.span(), error.to_string()))?;
        }
        if let Some(prefix) = &raw.reference_prefix {
            // The suite appends up to 40 characters of its own to a name of at most 64.
            let is_lawful = (1..=24).contains(&prefix.get_ref().len())
                && vinr_protocol::Reference::new(prefix.get_ref()).is_ok();
            if !is_lawful {
                let message = "reference_prefix is 1 to 24 of A-Z a-z 0-9 . _ : / -";
                return Err(self.error(prefix.span(), message));
            }
        }
        Ok(Safety {
            test_mode_confirmed: raw.test_mode_confirmed,
            isolated_network: raw.isolated_network,
            amount_ceiling: raw.amount_ceiling.map(Spanned::into_inner),
            reference_prefix: raw.reference_prefix.map(Spanned::into_inner),
        })
    }

    fn drivers(
        &self,
        raw: BTreeMap<Capability, Vec<Spanned<String>>>,
    ) -> Result<BTreeMap<Capability, Vec<Driver>>, ProfileError> {
        raw.into_iter()
            .map(|(capability, drivers)| {
                let drivers = drivers
                    .into_iter()
                    .map(|text| self.driver(text))
                    .collect::<Result<_, _>>()?;
                Ok((capability, drivers))
            })
            .collect()
    }

    fn signer(&self, raw: RawRevocation) -> Result<String, ProfileError> {
        match Driver::parse(raw.sign.get_ref()) {
            Some(Driver::Exec(command)) => Ok(command),
            _ => Err(self.error(raw.sign.span(), "sign is \"exec:COMMAND\"")),
        }
    }

    fn driver(&self, text: Spanned<String>) -> Result<Driver, ProfileError> {
        match Driver::parse(text.get_ref()) {
            Some(Driver::Control(Some(path))) => Ok(Driver::Control(Some(self.beside(path)))),
            Some(driver) => Ok(driver),
            None => Err(self.error(
                text.span(),
                "a driver is \"control\", \"control:FILE\" or \"exec:COMMAND\"",
            )),
        }
    }

    fn beside(&self, path: PathBuf) -> PathBuf {
        match self.path.parent() {
            Some(folder) => folder.join(path),
            None => path,
        }
    }

    fn error(&self, span: Range<usize>, message: impl Into<String>) -> ProfileError {
        let before = self.text.get(..span.start).unwrap_or_default();
        ProfileError::Invalid {
            path: self.path.to_owned(),
            line: before.matches('\n').count() + 1,
            message: message.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_key_is_named_with_its_line() {
        assert_refused("vendor = \"Nexgo\"", "vendro = \"Nexgo\"", 5, "vendro");
    }

    #[test]
    fn an_unknown_section_is_named_with_its_line() {
        assert_refused("[safety]", "[saftey]", 34, "saftey");
    }

    #[test]
    fn an_unknown_feature_is_named_with_its_line() {
        assert_refused("pin = true", "pins = true", 13, "unknown feature `pins`");
    }

    #[test]
    fn a_feature_that_is_not_stated_is_named_with_the_section_that_lacks_it() {
        assert_refused("pin = true\n", "", 10, "missing: pin (asks for a PIN");
    }

    #[test]
    fn a_feature_is_true_or_false_and_nothing_else() {
        assert_refused("pin = true", "pin = \"yes\"", 13, "expected a boolean");
    }

    #[test]
    fn a_claim_against_the_documentation_of_the_device_is_refused() {
        assert_refused(
            "offline_queue = true",
            "offline_queue = false",
            15,
            "the documentation of nexgo-ct20 says offline_queue = true",
        );
    }

    #[test]
    fn a_feature_that_is_stated_twice_is_refused() {
        assert_refused("pin = true", "pin = true\npin = false", 14, "duplicate key");
    }

    #[test]
    fn the_newest_version_is_no_version() {
        assert_refused(
            "version = \"3.2.1\"",
            "version = \"latest\"",
            7,
            "not one exact version",
        );
    }

    #[test]
    fn a_client_is_not_judged_yet() {
        assert_refused(
            "role = \"terminal\"",
            "role = \"client\"",
            3,
            "terminals only",
        );
    }

    #[test]
    fn a_schema_of_the_future_is_refused() {
        assert_refused("schema = 1", "schema = 2", 2, "schema = 1");
    }

    #[test]
    fn a_limit_in_no_known_currency_is_refused() {
        assert_refused("[limits.USD]", "[limits.usd]", 22, "currency");
    }

    #[test]
    fn a_limit_has_no_other_key() {
        assert_refused("max_amount = 15000", "max_amont = 15000", 23, "max_amont");
    }

    #[test]
    fn half_an_identity_is_refused() {
        assert_refused("pos_key = \"pos.key\"\n", "", 28, "go together");
    }

    #[test]
    fn a_driver_that_nobody_knows_is_refused() {
        assert_refused("[\"control:c.json\",", "[\"robot\",", 32, "a driver is");
    }

    #[test]
    fn a_prefix_that_leaves_no_room_for_a_reference_is_refused() {
        assert_refused("\"cert-\"", "\"cert-cert-cert-cert-cert-\"", 38, "1 to 24");
    }

    #[test]
    fn paths_are_taken_from_the_profiles_own_folder() {
        let profile = parse(LAWFUL, Path::new("shop/ct20.toml")).expect("lawful");
        assert_eq!(
            profile.wire.terminal_ca,
            Some("shop/terminal-ca.pem".into())
        );
        assert_eq!(
            profile.drivers(Capability::Card),
            [
                Driver::Control(Some("shop/c.json".into())),
                Driver::Exec("tap".into())
            ]
        );
        assert!(profile.drivers(Capability::Power).is_empty());
    }

    #[test]
    fn a_limit_of_the_profile_stands_before_that_of_the_sheet() {
        let profile = parse(&LAWFUL.replace("15000", "9900"), Path::new("p")).expect("lawful");
        let offline = profile.offline.expect("it queues");
        assert_eq!(offline.limits[&Currency::USD].minor_units(), 9_900);
        assert_eq!(offline.max_queued, 10);
    }

    /// Changes the lawful profile in one place and expects to be refused there.
    fn assert_refused(was: &str, is: &str, line: usize, because: &str) {
        assert!(LAWFUL.contains(was), "the lawful profile holds {was}");
        let refused = parse(&LAWFUL.replace(was, is), Path::new("ct20.toml"));
        let sentence = refused.expect_err("it is not lawful").to_string();
        assert!(
            sentence.starts_with(&format!("ct20.toml:{line}: ")) && sentence.contains(because),
            "{sentence}"
        );
    }

    const LAWFUL: &str = r#"[profile]
schema = 1
role = "terminal"
base = "nexgo-ct20"
vendor = "Nexgo"
product = "CT20"
version = "3.2.1"
wire = "vinr-local/1"

[features]
contactless = true
chip = true
pin = true
manual_capture = true
offline_queue = true
offline_limits = false
local_mode_switch = false

[limits]
max_queued = 10

[limits.USD]
max_amount = 15000

[wire]
terminal = "term_CT20_0042"
terminal_ca = "terminal-ca.pem"
pos_cert = "pos.pem"
pos_key = "pos.key"

[drivers]
card = ["control:c.json", "exec:tap"]

[safety]
test_mode_confirmed = true
isolated_network = true
amount_ceiling = 20000
reference_prefix = "cert-"
"#;
}
