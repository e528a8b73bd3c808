//! What a bundle keeps of a profile, read back: enough to judge by, with nothing secret in it.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::effective::EffectiveClaims;
use crate::verdict::{Claims, ProfileFacts};

/// What `profile.effective.toml` says of the maker's claims.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    claims: EffectiveClaims,
    has_cloud: bool,
    has_a_screen: bool,
}

#[derive(Deserialize)]
struct Beside {
    cloud: Option<IgnoredAny>,
    screen: Option<IgnoredAny>,
}

impl Recorded {
    /// Reads `profile.effective.toml`; the error says what is wrong with it and where.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = |error: toml::de::Error| error.message().to_owned();
        let Beside { cloud, screen } = toml::from_str(text).map_err(wrong)?;
        Ok(Self {
            claims: toml::from_str(text).map_err(wrong)?,
            has_cloud: cloud.is_some(),
            has_a_screen: screen.is_some(),
        })
    }

    /// What decides which requirements bind the subject.
    pub fn claims(&self) -> Claims {
        let head = &self.claims.profile;
        if head.role == super::till::ROLE {
            return super::till::claims(head.wire);
        }
        super::claims(&head.base, self.has_cloud, head.wire, self.features())
    }

    /// What the subject can do, by name.
    pub fn features(&self) -> &BTreeMap<String, bool> {
        &self.claims.features
    }

    /// What its scenarios may need.
    pub fn abilities(&self) -> BTreeMap<String, bool> {
        if self.claims.profile.role == super::till::ROLE {
            return super::till::abilities(self.features(), self.has_a_screen);
        }
        self.features().clone()
    }

    /// What a result says of this profile.
    pub fn facts(&self) -> ProfileFacts {
        let head = &self.claims.profile;
        ProfileFacts {
            vendor: head.vendor.clone(),
            product: head.product.clone(),
            version: head.version.clone(),
            base: head.base.clone(),
            sha256: self.claims.sha256(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::{Profile, Sheet, template};
    use super::*;

    #[test]
    fn every_sheet_is_read_back_with_the_same_claims_and_facts() {
        for sheet in Sheet::ALL {
            let Ok(profile) = Profile::parse(template(sheet), Path::new("sheet.toml")) else {
                continue; // A sheet that its reader must fill in first.
            };
            let recorded = Recorded::parse(&profile.effective().text()).expect("our own text");
            assert_eq!(recorded.claims(), profile.claims(), "{}", sheet.word());
            assert_eq!(recorded.facts(), profile.facts(), "{}", sheet.word());
        }
    }

    #[test]
    fn the_simulators_profile_is_read_back_with_its_cloud() {
        let profile = Profile::simulator();
        let recorded = Recorded::parse(&profile.effective().text()).expect("our own text");
        assert_eq!(recorded.claims(), profile.claims());
        assert_eq!(recorded.facts(), profile.facts());
    }

    #[test]
    fn a_text_that_is_no_profile_is_refused() {
        assert!(Recorded::parse("[profile]").is_err());
    }
}
