//! CA bundles: nothing in them is an error, never trust in everything. \[TLS-3, TLS-5\]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use support::{ca, issue_pem, pos_leaf};
use vinr_transport::{TrustBundle, TrustError};

#[test]
fn a_bundle_may_hold_several_cas() {
    let pem = ca("old").pem() + &ca("new").pem();
    let bundle = TrustBundle::from_pem(pem.as_bytes()).unwrap();
    assert_eq!(bundle.certificates().count(), 2);
}

// [TLS-3, TLS-5]
#[test]
fn an_empty_bundle_is_refused() {
    for empty in ["", "no certificate at all\n"] {
        let error = TrustBundle::from_pem(empty.as_bytes()).unwrap_err();
        assert!(matches!(error, TrustError::Empty { path: None }), "{error}");
    }
}

#[test]
fn a_missing_bundle_is_named_in_one_sentence() {
    let error = TrustBundle::from_pem_file("/nowhere/terminal-ca.pem").unwrap_err();
    assert_eq!(
        error.to_string(),
        "the CA bundle /nowhere/terminal-ca.pem cannot be read: No such file or directory (os error 2)"
    );
}

#[test]
fn a_leaf_in_a_bundle_is_refused() {
    let ca = ca("CA");
    let (leaf, _) = issue_pem(pos_leaf(vec![]), &ca);
    let error = TrustBundle::from_pem((ca.pem() + &leaf).as_bytes()).unwrap_err();
    assert!(
        matches!(error, TrustError::NotACa { number: 2, .. }),
        "{error}"
    );
}

#[test]
fn a_bundle_that_is_broken_off_is_refused() {
    let pem = ca("CA").pem();
    let error = TrustBundle::from_pem(&pem.as_bytes()[..pem.len() / 2]).unwrap_err();
    assert!(
        matches!(error, TrustError::NotPem { path: None }),
        "{error}"
    );
}
