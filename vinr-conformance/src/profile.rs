//! What the maker of a subject claims: the profile, in TOML.
//!
//! A profile is read strictly. An unknown key, a feature that is not stated, a value that cannot be
//! meant: each is an error that names the file and the line, and the process ends with 64. A claim
//! decides what is tested, so a claim that was mistyped must never be taken for one left out.
//!
//! | Section | Says |
//! |---|---|
//! | `[profile]` | who made what, which device sheet it follows, which wire it speaks |
//! | `[features]` | what it can do, every one stated; `false` runs the negative tests |
//! | `[limits]` | what it may accept offline, where that differs from the sheet |
//! | `[wire]` | where it is, its id, and the files that open a connection |
//! | `[cloud]` | which cloud it is connected to, where the cloud's rules are judged, too |
//! | `[revocation]` | who signs revocation lists for the suite, with `certification/pos-to-be-revoked` |
//! | `[drivers]` | who taps the card, watches the screen, cuts the power |
//! | `[safety]` | that no customer and no money can be hurt |

mod cloud;
mod draft;
mod drivers;
mod effective;
mod error;
mod features;
mod fuzz;
mod look;
mod read;
mod recorded;
mod safety;
mod screen;
mod sheet;
mod till;
mod vendor;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use vinr_protocol::TerminalId;
use vinr_protocol::device::{Model, OfflineLimits};
use vinr_protocol::requirement::Role;

pub use cloud::CloudProfile;
pub use draft::{Seen, draft};
pub use drivers::{Capability, Driver};
pub use effective::Effective;
pub use error::{Fault, ProfileError};
pub use features::{FEATURES, Feature};
#[doc(hidden)]
pub use fuzz::fuzz;
pub(crate) use look::bare;
pub use look::{LookError, Opens, look};
pub use recorded::Recorded;
pub use safety::Safety;
pub use screen::ScreenTill;
pub use sheet::{Sheet, template, templates};
pub use till::{TILL_FEATURES, TillProfile};
pub use vendor::{CertificateId, Paths};

use crate::journal::Claimed;
use crate::verdict::{Claims, DeclaredWire, ProfileFacts};

/// What the maker of a subject claims.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// The device sheet it follows.
    pub base: Sheet,
    /// Who made it.
    pub vendor: String,
    /// What it is called.
    pub product: String,
    /// Exactly which version is judged.
    pub version: String,
    /// Which wire it speaks.
    pub declared: DeclaredWire,
    /// What it may accept offline; `None` where it never queues.
    pub offline: Option<OfflineLimits>,
    /// Where it is and what opens a connection.
    pub wire: Wire,
    /// The cloud that it is connected to, where its rules are judged, too.
    pub cloud: Option<CloudProfile>,
    /// The command that has revocation lists signed.
    pub revocation: Option<String>,
    /// What keeps people and money from harm.
    pub safety: Safety,
    features: BTreeMap<String, bool>,
    drivers: BTreeMap<Capability, Vec<Driver>>,
}

/// Where the subject is, and the files that open a connection to it.
///
/// Relative paths are taken from the profile's own folder.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wire {
    /// `host:port`; an address on the command line wins.
    pub address: Option<String>,
    /// The terminal's id, the one name in its certificate.
    pub terminal: Option<TerminalId>,
    /// The CA that signs terminals, PEM.
    pub terminal_ca: Option<PathBuf>,
    /// The till's certificate, PEM; goes with `pos_key`.
    pub pos_cert: Option<PathBuf>,
    /// The till's key, PEM.
    pub pos_key: Option<PathBuf>,
    /// A folder of identities that the terminal must refuse.
    pub certification: Option<PathBuf>,
    /// Where in its certificate a vendor's terminal says its id.
    pub certificate_id: CertificateId,
    /// The paths of a vendor's own.
    pub paths: Paths,
}

impl Profile {
    /// The embedded profile of the simulator: what `terminal --simulator` judges by.
    pub fn simulator() -> Self {
        Self::parse(sheet::SIMULATOR, Path::new("simulator.toml"))
            .expect("the profile that was compiled in is lawful; a test reads it")
    }

    /// Reads a profile from a file.
    pub fn read(path: &Path) -> Result<Self, ProfileError> {
        let text = std::fs::read_to_string(path).map_err(|source| ProfileError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        Self::parse(&text, path)
    }

    /// Reads a profile from text; `path` names it in errors and is where relative paths start.
    pub fn parse(text: &str, path: &Path) -> Result<Self, ProfileError> {
        read::parse(text, path)
    }

    /// What the subject can do, by name; every feature is there.
    pub fn features(&self) -> &BTreeMap<String, bool> {
        &self.features
    }

    /// Whether the subject has this feature.
    pub fn has(&self, feature: &str) -> bool {
        self.features.get(feature).copied().unwrap_or(false)
    }

    /// Who may be asked for this, the first that can comes first; empty for nobody.
    pub fn drivers(&self, capability: Capability) -> &[Driver] {
        self.drivers.get(&capability).map_or(&[], Vec::as_slice)
    }

    /// The model that the sheet is about.
    pub fn model(&self) -> Model {
        self.base.model()
    }

    /// What decides which requirements bind the subject.
    pub fn claims(&self) -> Claims {
        claims(
            self.base.word(),
            self.cloud.is_some(),
            self.declared,
            &self.features,
        )
    }

    /// What a result says of this profile.
    pub fn facts(&self) -> ProfileFacts {
        ProfileFacts {
            vendor: self.vendor.clone(),
            product: self.product.clone(),
            version: self.version.clone(),
            base: self.base.word().to_owned(),
            sha256: self.effective().claims_sha256(),
        }
    }

    /// What a judge compares with what is seen of this terminal.
    pub(crate) fn claimed(&self, terminal: &str) -> Claimed {
        let limits = self.offline.iter().flat_map(|offline| &offline.limits);
        Claimed {
            model: self.model().as_str().to_owned(),
            version: self.version.clone(),
            features: self.features.clone(),
            limits: limits
                .map(|(currency, limit)| (currency.code().to_owned(), limit.minor_units()))
                .collect(),
            max_queued: self.offline.as_ref().map(|offline| offline.max_queued),
            certificate_name: self.wire.certificate_id.said(terminal),
            paths: self.wire.paths.differing(),
        }
    }

    /// The profile as it took effect, with digests where files with secrets stand.
    pub fn effective(&self) -> Effective {
        Effective::of(self)
    }
}

/// What a profile comes to, whether it was written by a maker or kept in a bundle.
fn claims(
    base: &str,
    has_cloud: bool,
    wire: DeclaredWire,
    features: &BTreeMap<String, bool>,
) -> Claims {
    let mut roles = BTreeSet::from([Role::Terminal]);
    if base == Sheet::Simulator.word() {
        roles.insert(Role::Simulator);
    }
    if has_cloud {
        roles.insert(Role::Cloud);
    }
    Claims {
        roles,
        wire,
        excused: features::excuses(features),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_simulators_profile_is_lawful_and_binds_all_its_roles() {
        let claims = Profile::simulator().claims();
        assert_eq!(
            claims.roles,
            BTreeSet::from([Role::Terminal, Role::Simulator, Role::Cloud])
        );
        assert_eq!(claims.wire, DeclaredWire::VinrLocal1);
    }

    #[test]
    fn a_device_that_queues_is_excused_from_never_queuing_and_from_nothing_else_offline() {
        let excused = Profile::simulator().claims().excused;
        assert!(excused.contains_key("OFF-4"));
        assert!(!excused.contains_key("OFF-2"));
    }
}
