//! A profile as somebody wrote it for the conformance suite.

use std::path::Path;

use vinr_conformance::profile::{Profile, ProfileError};

/// A profile in TOML.
pub(crate) fn profile(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    match Profile::parse(text, Path::new("shop/ct20.toml")) {
        Ok(profile) => {
            assert!(!profile.version.trim().is_empty() && !profile.vendor.trim().is_empty());
            assert_eq!(
                profile.wire.pos_cert.is_some(),
                profile.wire.pos_key.is_some(),
                "a certificate goes with its key"
            );
            if let Some(offline) = &profile.offline {
                assert!(offline.limits.values().all(|limit| limit.minor_units() > 0));
            }
        }
        Err(ProfileError::Invalid { line, .. }) => {
            let lines = text.matches('\n').count() + 1;
            assert!((1..=lines).contains(&line), "line {line} of {lines}");
        }
        Err(other) => panic!("a text is never {other:?}"),
    }
}
