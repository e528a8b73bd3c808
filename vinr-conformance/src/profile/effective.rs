//! The profile as it took effect: what the report shows, and what names the claims.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{Capability, Driver, Paths, Profile};
use crate::plan::sha256;
use crate::verdict::DeclaredWire;

/// The profile as it took effect: `profile.effective.toml`.
///
/// A file stands as its name with the digest of its bytes, a command that may hold a token
/// as its digest: enough to tell whether two runs used the same, and nothing to steal.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Effective {
    #[serde(flatten)]
    claims: EffectiveClaims,
    wire: BTreeMap<&'static str, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cloud: Option<Cloud>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revocation: Option<Revocation>,
    drivers: BTreeMap<&'static str, Vec<String>>,
    safety: EffectiveSafety,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct EffectiveClaims {
    pub(super) profile: Head,
    pub(super) features: BTreeMap<String, bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) limits: Option<Limits>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Head {
    pub(super) schema: u32,
    pub(super) role: String,
    pub(super) base: String,
    pub(super) vendor: String,
    pub(super) product: String,
    pub(super) version: String,
    pub(super) wire: DeclaredWire,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Limits {
    max_queued: u32,
    #[serde(flatten)]
    currencies: BTreeMap<String, Limit>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Limit {
    max_amount: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Cloud {
    at: String,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Revocation {
    sign: String,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct EffectiveSafety {
    test_mode_confirmed: bool,
    isolated_network: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    amount_ceiling: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reference_prefix: Option<String>,
}

impl Effective {
    pub(super) fn of(profile: &Profile) -> Self {
        let limits = profile.offline.as_ref().map(|offline| Limits {
            max_queued: offline.max_queued,
            currencies: offline
                .limits
                .iter()
                .map(|(currency, amount)| {
                    let max_amount = amount.minor_units();
                    (currency.code().to_owned(), Limit { max_amount })
                })
                .collect(),
        });
        let drivers = Capability::ALL
            .into_iter()
            .map(|capability| {
                let drivers = profile.drivers(capability).iter();
                (
                    capability.word(),
                    drivers.map(|driver| driver.without_secrets()).collect(),
                )
            })
            .collect();
        Self {
            claims: EffectiveClaims {
                profile: Head {
                    schema: 1,
                    role: "terminal".to_owned(),
                    base: profile.base.word().to_owned(),
                    vendor: profile.vendor.clone(),
                    product: profile.product.clone(),
                    version: profile.version.clone(),
                    wire: profile.declared,
                },
                features: profile.features.clone(),
                limits,
            },
            wire: wire(profile),
            cloud: profile
                .cloud
                .as_ref()
                .map(|cloud| Cloud { at: cloud.word() }),
            revocation: profile.revocation.clone().map(|command| Revocation {
                sign: Driver::Exec(command).without_secrets(),
            }),
            drivers,
            safety: EffectiveSafety {
                test_mode_confirmed: profile.safety.test_mode_confirmed,
                isolated_network: profile.safety.isolated_network,
                amount_ceiling: profile.safety.amount_ceiling,
                reference_prefix: profile.safety.reference_prefix.clone(),
            },
        }
    }

    /// The file's text.
    pub fn text(&self) -> String {
        to_toml(self)
    }

    /// Names what the maker claims and nothing of where and how it was tried: the same claims have
    /// the same digest on every bench.
    pub fn claims_sha256(&self) -> String {
        self.claims.sha256()
    }
}

impl EffectiveClaims {
    pub(super) fn sha256(&self) -> String {
        sha256(to_toml(self).as_bytes())
    }
}

pub(super) fn to_toml(value: &impl Serialize) -> String {
    toml::to_string(value).expect("tables with text keys and plain values are always TOML")
}

fn wire(profile: &Profile) -> BTreeMap<&'static str, String> {
    let wire = &profile.wire;
    let files = [
        ("terminal_ca", &wire.terminal_ca),
        ("pos_cert", &wire.pos_cert),
        ("pos_key", &wire.pos_key),
    ];
    let mut entries: BTreeMap<_, _> = files
        .into_iter()
        .filter_map(|(key, path)| Some((key, digest(path.as_deref()?))))
        .collect();
    if let Some(address) = &wire.address {
        entries.insert("address", address.clone());
    }
    if let Some(terminal) = &wire.terminal {
        entries.insert("terminal", terminal.to_string());
        if let Some(name) = wire.certificate_id.said(terminal.as_str()) {
            entries.insert("certificate_name", name);
        }
    }
    for (name, ours) in Paths::NAMES {
        let theirs = wire.paths.sent(ours);
        if theirs != ours {
            entries.insert(name, theirs);
        }
    }
    entries
}

fn digest(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    match std::fs::read(path) {
        Ok(bytes) => format!("{name} sha256:{}", sha256(&bytes)),
        Err(_) => format!("{name} (could not be read)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_stands_as_its_digest() {
        let folder = tempfile::tempdir().expect("a folder");
        let key = folder.path().join("pos.key");
        std::fs::write(&key, "PRIVATE").expect("writable");
        let mut profile = Profile::simulator();
        profile.wire.pos_key = Some(key);
        let text = profile.effective().text();
        assert!(
            text.contains(&format!("pos.key sha256:{}", sha256(b"PRIVATE"))),
            "{text}"
        );
        assert!(!text.contains("PRIVATE"), "{text}");
    }

    #[test]
    fn where_it_was_tried_does_not_change_the_digest_of_the_claims() {
        let mut elsewhere = Profile::simulator();
        elsewhere.wire.address = Some("192.168.1.20:8443".to_owned());
        assert_eq!(
            elsewhere.facts().sha256,
            Profile::simulator().facts().sha256
        );
    }

    #[test]
    fn what_is_claimed_changes_the_digest() {
        let mut other = Profile::simulator();
        other.version.push('1');
        assert_ne!(other.facts().sha256, Profile::simulator().facts().sha256);
    }
}
