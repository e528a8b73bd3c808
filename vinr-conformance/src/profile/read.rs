//! From text to a profile; each error names its line and column, shows the words, and says what may stand there.

pub(super) mod fault;
mod raw;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;
use vinr_protocol::device::OfflineLimits;
use vinr_protocol::{Amount, Currency, TerminalId};

use raw::{Raw, RawCloud, RawLimits, RawRevocation, RawRole, RawSafety, RawWire};

use super::features::FEATURES;
use super::{
    Capability, CertificateId, CloudProfile, Driver, Paths, Profile, ProfileError, Safety, Sheet,
    Wire,
};
use crate::verdict::DeclaredWire;

/// From text to a profile. `path` names it in errors and is where relative paths start.
pub(super) fn parse(text: &str, path: &Path) -> Result<Profile, ProfileError> {
    let reader = Reader { text, path };
    let raw: Raw = toml::from_str(text).map_err(|error| {
        let message = error.message().replace('\n', " ");
        let span = error.span().unwrap_or(0..0);
        let write = fault::meant(text.get(span.clone()).unwrap_or_default(), &message);
        fault::at(text, path, span, message, write)
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
            let message = "this suite reads schema = 1";
            return Err(self.instead(head.schema.span(), message, "schema = 1"));
        }
        if *head.role.get_ref() == RawRole::Client {
            let message =
                "role = \"client\": `vinr-conformance client` takes the profile of a till";
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
            wire: self.wire(raw.wire, head.wire)?,
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
                let write = fault::nearest(name.get_ref(), &known)
                    .map_or("nothing here".into(), |meant| format!("{meant} = {has}"));
                return Err(self.instead(name.span(), message, write));
            }
            if base.says(name.get_ref()).is_some_and(|says| says != *has) {
                let message = format!(
                    "{name} = {has}, but the documentation of {} says {name} = {}",
                    base.word(),
                    !has
                );
                let write = format!("{name} = {}, or another base", !has);
                return Err(self.instead(name.span(), message, write));
            }
        }
        let missing: Vec<_> = FEATURES
            .iter()
            .filter(|feature| !stated.keys().any(|name| name.get_ref() == feature.name))
            .collect();
        if !missing.is_empty() {
            let described = missing
                .iter()
                .map(|feature| format!("{} ({})", feature.name, feature.meaning));
            let message = format!(
                "every feature is stated, true or false; missing: {}",
                described.collect::<Vec<_>>().join(", ")
            );
            let lines = missing
                .iter()
                .map(|feature| format!("{} = true or false", feature.name));
            let write = lines.collect::<Vec<_>>().join("; ");
            return Err(self.instead(table, message, write));
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
            let message = format!("{key} is empty");
            return Err(self.instead(text.span(), message, "as it should stand in the report"));
        }
        Ok(text.into_inner())
    }

    /// A certificate names one version, so a range or a word for the newest cannot be meant.
    fn version(&self, text: Spanned<String>) -> Result<String, ProfileError> {
        let is_vague = text.get_ref().contains(['*', '^', '~', '<', '>'])
            || ["latest", "any", "current"].contains(&text.get_ref().to_lowercase().as_str());
        if is_vague {
            let message = format!("version = \"{}\" is not one exact version", text.get_ref());
            let write = "the version that is on the device, such as \"3.2.1\"";
            return Err(self.instead(text.span(), message, write));
        }
        self.said("version", text)
    }

    fn wire(&self, raw: RawWire, declared: DeclaredWire) -> Result<Wire, ProfileError> {
        let terminal = raw
            .terminal
            .map(|id| {
                TerminalId::new(id.get_ref())
                    .map_err(|error| self.error(id.span(), error.to_string()))
            })
            .transpose()?;
        if let (Some(alone), None) | (None, Some(alone)) = (&raw.pos_cert, &raw.pos_key) {
            let message = "pos_cert and pos_key go together";
            return Err(self.instead(alone.span(), message, "both of them, or none"));
        }
        Ok(Wire {
            address: raw.address,
            terminal,
            terminal_ca: raw.terminal_ca.map(|path| self.beside(path)),
            pos_cert: raw.pos_cert.map(|path| self.beside(path.into_inner())),
            pos_key: raw.pos_key.map(|path| self.beside(path.into_inner())),
            certification: raw.certification.map(|path| self.beside(path)),
            certificate_id: self.certificate_id(raw.certificate_id, declared)?,
            paths: self.paths(raw.paths, declared)?,
        })
    }

    /// How the id sits in the certificate; `vinr-local/1` leaves no choice.
    fn certificate_id(
        &self,
        raw: Option<Spanned<String>>,
        declared: DeclaredWire,
    ) -> Result<CertificateId, ProfileError> {
        let Some(raw) = raw else {
            return Ok(CertificateId::default());
        };
        self.of_the_vendor(&raw, declared, "certificate_id")?;
        CertificateId::parse(raw.get_ref()).ok_or_else(|| {
            let message = "certificate_id says in which name of the certificate the id stands";
            let write = r#""dns:{id}", "uri:…{id}…" or "cn:…{id}…", with {id} once"#;
            self.instead(raw.span(), message, write)
        })
    }

    fn paths(
        &self,
        raw: BTreeMap<Spanned<String>, Spanned<String>>,
        declared: DeclaredWire,
    ) -> Result<Paths, ProfileError> {
        let mut paths = Paths::default();
        for (name, path) in raw {
            self.of_the_vendor(&name, declared, "paths")?;
            let (name, at) = (name.get_ref().as_str(), name.span());
            if !Paths::NAMES.iter().any(|(own, _)| *own == name) {
                let known: Vec<_> = Paths::NAMES.iter().map(|(own, _)| *own).collect();
                let message = format!("unknown path `{name}`; there are {}", known.join(", "));
                let write = fault::nearest(name, &known).unwrap_or("nothing here");
                return Err(self.instead(at, message, write));
            }
            if !paths.set(name, path.get_ref()) {
                let message = "a path begins with / and holds neither ? nor # nor a space";
                return Err(self.instead(path.span(), message, r#"such as "/api/v1/pay""#));
            }
        }
        Ok(paths)
    }

    fn of_the_vendor<T>(
        &self,
        value: &Spanned<T>,
        declared: DeclaredWire,
        key: &str,
    ) -> Result<(), ProfileError> {
        if declared == DeclaredWire::Vendor {
            return Ok(());
        }
        let message = format!("{key} is for wire = \"vendor\": vinr-local/1 leaves no choice");
        Err(self.instead(value.span(), message, "nothing here, or wire = \"vendor\""))
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
                if let (Capability::Till, Some(first)) = (capability, drivers.first()) {
                    let message = "till = [...] is for the profile of a till: see docs/certify-a-till-with-a-screen.md";
                    return Err(self.error(first.span(), message));
                }
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
            Ok(Driver::Exec(command)) => Ok(command),
            _ => Err(self.error(raw.sign.span(), "sign is \"exec:COMMAND\"")),
        }
    }

    fn driver(&self, text: Spanned<String>) -> Result<Driver, ProfileError> {
        match Driver::parse(text.get_ref()) {
            Ok(Driver::Control(Some(path))) => Ok(Driver::Control(Some(self.beside(path)))),
            Ok(driver) => Ok(driver),
            Err(why) => Err(self.error(text.span(), why)),
        }
    }

    fn beside(&self, path: PathBuf) -> PathBuf {
        match self.path.parent() {
            Some(folder) => folder.join(path),
            None => path,
        }
    }

    fn error(&self, span: Range<usize>, message: impl Into<String>) -> ProfileError {
        fault::at(self.text, self.path, span, message.into(), None)
    }

    /// The same, with what may stand there instead.
    fn instead(
        &self,
        span: Range<usize>,
        message: impl Into<String>,
        write: impl Into<String>,
    ) -> ProfileError {
        fault::at(
            self.text,
            self.path,
            span,
            message.into(),
            Some(write.into()),
        )
    }
}

#[cfg(test)]
mod tests;
