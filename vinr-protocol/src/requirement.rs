//! The one catalogue of requirements, as data: code, tests, features, errors and reports cite its ids.

use std::fmt;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

/// Who must keep a requirement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// A payment terminal.
    Terminal,
    /// A till.
    Client,
    /// VINR's cloud.
    Cloud,
    /// The local simulator.
    Simulator,
}

/// How much it binds (RFC 2119).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Binding.
    Must,
    /// Binding unless there is a good reason.
    Should,
    /// A choice.
    May,
}

/// What it rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Basis {
    /// The vendor's page says so.
    Quoted,
    /// A quoted rule cannot hold without it.
    Derived,
    /// `vinr-local/1` decided it: it fails only devices whose profile declares that wire.
    Ours,
}

/// What somebody must be able to see for a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "each is the word itself")]
pub enum Observe {
    Wire,
    Screen,
    Card,
    Network,
    Power,
    Ledger,
    Storage,
    Webhook,
    ClientAnswer,
    Operator,
    Review,
    Profile,
    Trace,
}

/// One row of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Requirement {
    /// The id that everything cites, such as `REC-4`; never used again.
    pub id: String,
    /// Who must keep it.
    pub roles: Vec<Role>,
    /// How much it binds.
    pub level: Level,
    /// What it rests on.
    pub basis: Basis,
    /// The requirement in one sentence.
    pub text: String,
    /// The words of the vendor's page on which it rests; empty for ours.
    pub anchor: String,
    /// What a verdict needs.
    pub observe: Vec<Observe>,
}

impl Requirement {
    /// The section of the catalogue, such as `REC`.
    pub fn section(&self) -> &str {
        self.id.split('-').next().unwrap_or(&self.id)
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}] {}", self.id, self.text)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Catalogue {
    #[expect(dead_code, reason = "checked by being there")]
    schema: u32,
    #[expect(dead_code, reason = "checked by being there")]
    wire: String,
    requirement: Vec<Requirement>,
}

static CATALOGUE: LazyLock<Vec<Requirement>> = LazyLock::new(|| {
    toml::from_str::<Catalogue>(include_str!("../requirements.toml"))
        .expect("the catalogue that was compiled in parses; a test reads it")
        .requirement
});

/// Every requirement, in the catalogue's order.
pub fn all() -> &'static [Requirement] {
    &CATALOGUE
}

/// The requirement with this id.
pub fn find(id: &str) -> Option<&'static Requirement> {
    CATALOGUE.iter().find(|requirement| requirement.id == id)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_id_is_used_once() {
        let ids: BTreeSet<_> = all().iter().map(|requirement| &requirement.id).collect();
        assert_eq!(ids.len(), all().len());
    }

    #[test]
    fn the_catalogue_has_its_121_rows() {
        assert_eq!(all().len(), 121);
    }

    #[test]
    fn only_our_own_rules_may_lack_an_anchor() {
        for requirement in all() {
            assert!(
                requirement.basis == Basis::Ours || !requirement.anchor.is_empty(),
                "{requirement}"
            );
        }
    }

    #[test]
    fn every_anchor_stands_on_the_vendors_page() {
        let page = words(include_str!("../../spec/vendor-page.txt"));
        for requirement in all() {
            assert!(page.contains(&words(&requirement.anchor)), "{requirement}");
        }
    }

    fn words(text: &str) -> String {
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_requirement_is_found_by_its_id() {
        assert_eq!(find("REC-4").map(Requirement::section), Some("REC"));
        assert_eq!(find("REC-99"), None);
    }
}
