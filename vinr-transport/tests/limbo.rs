//! The C2SP x509-limbo cases against our path validation, our strict profile and our revocation lists.
//! \[TLS-12, TLS-14, TLS-15\]
//!
//! The names in those certificates are the web's, so a case is taken as accepted when nothing but its
//! names stands against it. Every other difference is in `limbo-differences.toml` with its reason; a new one
//! fails the test, and so does one that is gone.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod skip;

use std::collections::BTreeMap;
use std::path::Path;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use serde::Deserialize;
use skip::skip;
use vinr_protocol::Timestamp;
use vinr_transport::{Check, RevocationList, Side, TrustBundle, verify};
use x509_parser::prelude::{FromDer, X509Certificate};

/// Where the cases are, seen from the workspace's root.
const CASES: &str = "../shared/data/limbo-core.json";

/// What the committed file says of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Difference {
    /// We take what limbo refuses.
    Laxer,
    /// We refuse what limbo takes.
    Stricter,
    /// We take it, and it says nothing about us.
    NotApplicable,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    not_applicable: Vec<Group>,
    difference: Vec<Group>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    direction: Option<Difference>,
    reason: String,
    cases: Vec<String>,
}

impl Listed {
    fn read() -> BTreeMap<String, Difference> {
        let listed: Self = toml::from_str(include_str!("limbo-differences.toml")).unwrap();
        let mut differences = BTreeMap::new();
        for group in listed.not_applicable.into_iter().chain(listed.difference) {
            assert!(
                group.reason.len() > 40,
                "a reason that a certifier can judge"
            );
            let direction = group.direction.unwrap_or(Difference::NotApplicable);
            for case in group.cases {
                let again = differences.insert(case, direction);
                assert_eq!(again, None, "a case has one reason");
            }
        }
        differences
    }
}

#[derive(Deserialize)]
struct Limbo {
    testcases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    id: String,
    validation_kind: String,
    trusted_certs: Vec<String>,
    untrusted_intermediates: Vec<String>,
    peer_certificate: String,
    validation_time: Option<String>,
    expected_result: String,
    crls: Option<Vec<String>>,
}

impl Case {
    fn is_taken_by_limbo(&self) -> bool {
        self.expected_result == "SUCCESS"
    }

    fn is_taken_by_us(&self) -> bool {
        let Ok(bundle) = TrustBundle::from_pem(self.trusted_certs.join("\n").as_bytes()) else {
            return false;
        };
        let side = match self.validation_kind.as_str() {
            "SERVER" => Side::Terminal,
            "CLIENT" => Side::Pos,
            other => panic!("a kind of its own: {other}"),
        };
        let chain: Vec<_> = std::iter::once(&self.peer_certificate)
            .chain(&self.untrusted_intermediates)
            .map(|pem| CertificateDer::from_pem_slice(pem.as_bytes()).unwrap())
            .collect();
        let now = match &self.validation_time {
            Some(time) => Timestamp::parse(time).unwrap(),
            None => Timestamp::from(jiff::Timestamp::now()),
        };
        matches!(
            verify(&bundle, side, &chain, now),
            Ok(_) | Err(Check::Names)
        ) && self.is_not_revoked(&bundle, &chain[0], now)
    }

    /// Where a case has lists, one of them must be in force, and none may name the leaf: as a till judges that asks
    /// for lists, and a terminal at a new payment.
    fn is_not_revoked(
        &self,
        bundle: &TrustBundle,
        leaf: &CertificateDer<'_>,
        now: Timestamp,
    ) -> bool {
        let Some(lists) = self.crls.as_ref().filter(|lists| !lists.is_empty()) else {
            return true;
        };
        let (_, leaf) = X509Certificate::from_der(leaf).unwrap();
        let (issuer, serial) = (leaf.issuer().as_raw(), leaf.raw_serial());
        let taken: Vec<_> = lists
            .iter()
            .filter_map(|list| RevocationList::read(list.as_bytes(), bundle).ok())
            .collect();
        let is_in_force =
            |list: &RevocationList| list.this_update() <= now && now <= list.next_update();
        taken.iter().any(is_in_force) && !taken.iter().any(|list| list.revokes(issuer, serial))
    }
}

// [TLS-14]
#[test]
fn every_difference_from_limbo_is_listed_with_its_reason() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let cases = std::env::var_os("VINR_LIMBO").map_or(root.join(CASES), Into::into);
    let Ok(json) = std::fs::read(&cases) else {
        skip(
            &format!("the x509-limbo cases are not at {CASES}, beside the workspace"),
            "name their file in VINR_LIMBO",
        );
        return;
    };
    let limbo: Limbo = serde_json::from_slice(&json).unwrap();
    let listed = Listed::read();
    let mut found = BTreeMap::new();
    for case in &limbo.testcases {
        let difference = match (case.is_taken_by_limbo(), case.is_taken_by_us()) {
            (true, true) | (false, false) => continue,
            (true, false) => Difference::Stricter,
            (false, true) => match listed.get(&case.id) {
                Some(Difference::NotApplicable) => Difference::NotApplicable,
                _ => Difference::Laxer,
            },
        };
        found.insert(case.id.clone(), difference);
    }
    let not_in = |these: &BTreeMap<String, Difference>, those: &BTreeMap<String, Difference>| {
        let is_missing =
            |(id, difference): &(&String, &Difference)| those.get(*id) != Some(difference);
        these
            .iter()
            .filter(is_missing)
            .map(|(id, _)| id.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(not_in(&found, &listed), [""; 0], "found and not listed");
    assert_eq!(not_in(&listed, &found), [""; 0], "listed and not found");
    let count = |wanted| found.values().filter(|it| **it == wanted).count();
    println!(
        "{} cases: {} agree, {} laxer, {} stricter, {} not applicable",
        limbo.testcases.len(),
        limbo.testcases.len() - found.len(),
        count(Difference::Laxer),
        count(Difference::Stricter),
        count(Difference::NotApplicable),
    );
}
