//! What the fuzz target `profile` does with any bytes; its corpus is replayed here, beside the reader.

use std::path::Path;

use super::{Profile, ProfileError};

/// Reads any bytes as a profile: a fault names a line that there is, and a lawful one is whole.
pub fn fuzz(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
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
        Err(ProfileError::Invalid(fault)) => {
            let lines = text.matches('\n').count() + 1;
            assert!((1..=lines).contains(&fault.line), "{fault} of {lines}");
            // Past its end stands what is missing there.
            let letters = fault.words.chars().count();
            assert!((1..=letters + 1).contains(&fault.column), "{fault}");
        }
        Err(other) => panic!("a text is never {other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every file of the corpus.
    fn corpus() -> Vec<Vec<u8>> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/profile");
        let files = std::fs::read_dir(&folder).expect("the corpus is committed");
        let files: Vec<_> = files
            .map(|file| std::fs::read(file.expect("readable").path()).expect("readable"))
            .collect();
        assert!(!files.is_empty(), "{} is empty", folder.display());
        files
    }

    #[test]
    fn every_profile_of_the_corpus_is_survived() {
        corpus().iter().for_each(|file| fuzz(file));
    }

    #[test]
    fn every_profile_of_the_corpus_is_survived_cut_short_anywhere() {
        for file in corpus() {
            (0..file.len()).for_each(|end| fuzz(&file[..end]));
        }
    }
}
