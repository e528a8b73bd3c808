//! The C2SP x509-limbo cases against our path validation and strict profile. \[TLS-14\]
//!
//! The names in those certificates are the web's, so a case is taken as accepted when nothing but its
//! names stands against it. Every other difference is in the table below with its reason; a new one fails
//! the test, and so does one that is gone.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod skip;

use std::collections::BTreeMap;
use std::path::Path;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use serde::Deserialize;
use skip::skip;
use vinr_protocol::Timestamp;
use vinr_transport::{Check, Side, TrustBundle, verify};

use Direction::{Laxer, Stricter};

/// Where the cases are, seen from the workspace's root.
const CASES: &str = "../shared/data/limbo-core.json";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    /// We take what limbo refuses.
    Laxer,
    /// We refuse what limbo takes.
    Stricter,
}

struct Difference {
    direction: Direction,
    reason: &'static str,
    cases: &'static [&'static str],
}

const DIFFERENCES: &[Difference] = &[
    Difference {
        direction: Laxer,
        reason: "revocation has its place beside the authorization and is not there yet",
        cases: &[
            "crl::revoked-certificate-with-crl",
            "crl::crlnumber-missing",
            "crl::crlnumber-critical",
            "crl::issuer-missing-crlsign",
        ],
    },
    Difference {
        direction: Laxer,
        reason: "nobody sets a depth here: a bundle's CA sets its own path length",
        cases: &[
            "pathlen::max-chain-depth-0-exhausted",
            "pathlen::max-chain-depth-1-exhausted",
        ],
    },
    Difference {
        direction: Laxer,
        reason: "a peer's chain is bounded by the size of a handshake message, and with it the work",
        cases: &["pathological::nc-dos-3"],
    },
    Difference {
        direction: Laxer,
        reason: "key identifiers are hints for finding an issuer; the signature decides",
        cases: &[
            "rfc5280::aki::critical-aki",
            "rfc5280::aki::leaf-missing-aki",
            "rfc5280::aki::intermediate-missing-aki",
            "rfc5280::aki::cross-signed-root-missing-aki",
            "rfc5280::ski::critical-ski",
            "rfc5280::ski::root-missing-ski",
            "rfc5280::ski::intermediate-missing-ski",
            "webpki::aki::root-with-aki-missing-keyidentifier",
            "webpki::aki::root-with-aki-authoritycertissuer",
            "webpki::aki::root-with-aki-authoritycertserialnumber",
            "webpki::aki::root-with-aki-all-fields",
            "webpki::aki::root-with-aki-ski-mismatch",
        ],
    },
    Difference {
        direction: Laxer,
        reason: "`critical` speaks to readers that do not know an extension; this one is known and read",
        cases: &[
            "rfc5280::nc::permitted-dns-match-noncritical",
            "rfc5280::pc::ica-noncritical-pc",
            "rfc5280::root-non-critical-basic-constraints",
            "rfc5280::san::noncritical-with-empty-subject",
            "webpki::eku::ee-critical-eku",
            "webpki::san::san-critical-with-nonempty-subject",
        ],
    },
    Difference {
        direction: Laxer,
        reason: "webpki reads the usual spelling of a constraint; no name of ours has a period to match it",
        cases: &["rfc5280::nc::invalid-dnsname-leading-period"],
    },
    Difference {
        direction: Laxer,
        reason: "the web forbids it; a bundle is chosen by hand",
        cases: &[
            "webpki::eku::root-has-eku",
            "webpki::forbidden-rsa-not-divisible-by-8-in-root",
        ],
    },
    Difference {
        direction: Laxer,
        reason: "its fault is a name, or none; ours are other names, and it is refused for that",
        cases: &[
            "rfc5280::san::underscore-dns",
            "rfc5280::san::ip-in-dns",
            "webpki::cn::ipv4-hex-mismatch",
            "webpki::cn::ipv4-leading-zeros-mismatch",
            "webpki::cn::ipv6-uppercase-mismatch",
            "webpki::cn::ipv6-uncompressed-mismatch",
            "webpki::cn::ipv6-non-rfc5952-mismatch",
            "webpki::cn::punycode-not-in-san",
            "webpki::cn::utf8-vs-punycode-mismatch",
            "webpki::cn::not-in-san",
            "webpki::cn::case-mismatch",
            "webpki::san::mismatch-domain-san",
            "webpki::san::mismatch-subdomain-san",
            "webpki::san::mismatch-subdomain-apex-san",
            "webpki::san::mismatch-apex-subdomain-san",
            "webpki::san::public-suffix-wildcard-san",
            "webpki::san::public-suffix-multi-label-wildcard-san",
            "webpki::san::public-suffix-private-namespace-wildcard-san",
            "webpki::san::wildcard-embedded-leftmost-san",
            "webpki::san::wildcard-not-in-leftmost-san",
            "webpki::san::wildcard-match-across-labels-san",
            "webpki::san::wildcard-embedded-ulabel-san",
            "webpki::san::unicode-emoji-san",
            "webpki::san::no-san",
            "webpki::san::san-wildcard-only",
            "webpki::san::san-wildcard-only-tld",
        ],
    },
    Difference {
        direction: Stricter,
        reason: "a leaf is no CA, and has digitalSignature and exactly one purpose",
        cases: &[
            "pathlen::validation-ignores-pathlen-in-leaf",
            "rfc5280::eku::ee-without-eku",
            "rfc5280::no-keyusage",
            "rfc5280::ca-as-leaf",
            "webpki::cryptographydotio-chain",
        ],
    },
    Difference {
        direction: Stricter,
        reason: "whatever is sent beside a leaf, or put in a bundle, has to be right, needed or not",
        cases: &[
            "pathological::multiple-chains-expired-intermediate",
            "rfc5280::unknown-critical-extension-unrelated-root",
            "rfc5280::unknown-critical-extension-unrelated-intermediate",
        ],
    },
    Difference {
        direction: Stricter,
        reason: "webpki does not know this kind of name constraint and refuses it",
        cases: &[
            "rfc5280::nc::permitted-dn-match",
            "rfc5280::nc::nc-permits-email-exact",
            "rfc5280::nc::nc-permits-email-domain",
            "rfc5280::nc::nc-permits-email-literal-asterisk-exact-match",
            "rfc5280::nc::nc-permits-email-literal-double-asterisk",
            "rfc5280::nc::nc-permits-email-literal-mid-asterisk",
        ],
    },
    Difference {
        direction: Stricter,
        reason: "webpki knows no self-issued certificates on a path; this PKI has none",
        cases: &[
            "pathlen::self-issued-certs-pathlen",
            "rfc5280::nc::permitted-self-issued",
        ],
    },
];

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
        )
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
    let mut listed = BTreeMap::new();
    for difference in DIFFERENCES {
        assert!(!difference.reason.is_empty());
        for case in difference.cases {
            listed.insert(case.to_string(), difference.direction);
        }
    }
    let found: BTreeMap<_, _> = limbo
        .testcases
        .iter()
        .filter_map(
            |case| match (case.is_taken_by_limbo(), case.is_taken_by_us()) {
                (true, false) => Some((case.id.clone(), Stricter)),
                (false, true) => Some((case.id.clone(), Laxer)),
                _ => None,
            },
        )
        .collect();
    let not_in = |these: &BTreeMap<String, Direction>, those: &BTreeMap<String, Direction>| {
        let is_missing =
            |(id, direction): &(&String, &Direction)| those.get(*id) != Some(direction);
        these
            .iter()
            .filter(is_missing)
            .map(|(id, _)| id.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(not_in(&found, &listed), [""; 0], "found and not listed");
    assert_eq!(not_in(&listed, &found), [""; 0], "listed and not found");
}
