//! Every corpus, on the stable compiler: as it is, cut short, and with bytes changed.

use std::collections::BTreeSet;
use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use vinr_fuzz::{TARGETS, Target};

/// How many changed copies of each input are tried.
fn changes(target: &Target) -> u64 {
    match target.name {
        // Opening a `.p12` derives keys, which takes milliseconds.
        "p12" => 10,
        // Signatures, and a connection for each input.
        "certificate" | "crl" | "http_requests" | "http_answer" => 60,
        _ => 300,
    }
}

fn corpora() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

fn inputs(target: &Target) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = corpora().join(target.name);
    let files = fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut paths: Vec<_> = files.map(|file| file.expect("readable").path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "{} is empty", folder.display());
    paths
        .into_iter()
        .map(|path| (path.clone(), fs::read(path).expect("readable")))
        .collect()
}

/// Runs a target and says which bytes to look at when it finds something.
fn survive(target: &Target, data: &[u8], made_from: &Path) {
    if catch_unwind(|| (target.run)(data)).is_err() {
        let found = std::env::temp_dir().join(format!("vinr-fuzz-{}", target.name));
        fs::write(&found, data).expect("the input can be kept");
        panic!(
            "made from {}\nkept as {}\nto see it again: cp {} {}/{}/ && cargo test --manifest-path fuzz/Cargo.toml",
            made_from.display(),
            found.display(),
            found.display(),
            corpora().display(),
            target.name,
        );
    }
}

/// A small generator: the same changes in every run.
fn changed(data: &[u8], seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let mut data = data.to_vec();
    for _ in 0..=next() % 4 {
        let place = (next() % (data.len() as u64 + 1)) as usize;
        match next() % 4 {
            0 if place < data.len() => data[place] = next() as u8,
            1 if place < data.len() => data[place] ^= 1 << (next() % 8),
            2 if place < data.len() => {
                data.remove(place);
            }
            _ => data.insert(place, next() as u8),
        }
    }
    data
}

#[test]
fn every_corpus_has_a_target_and_every_target_a_corpus() {
    let folders = fs::read_dir(corpora()).expect("readable");
    let folders: BTreeSet<_> = folders
        .map(|f| {
            f.expect("readable")
                .file_name()
                .into_string()
                .expect("a plain name")
        })
        .collect();
    let targets: BTreeSet<_> = TARGETS
        .iter()
        .map(|target| target.name.to_owned())
        .collect();
    // Replayed beside its reader, in vinr-conformance.
    let here = |name: &String| cfg!(feature = "suite") || name != "profile";
    let folders: BTreeSet<_> = folders.into_iter().filter(here).collect();
    assert_eq!(folders, targets);
}

#[test]
fn every_input_is_survived() {
    for target in TARGETS {
        for (path, data) in inputs(target) {
            survive(target, &data, &path);
        }
    }
}

#[test]
fn every_input_is_survived_cut_short_anywhere() {
    for target in TARGETS {
        // The slow ones at each fifth place, or each thirtieth.
        let step = usize::try_from(300 / changes(target)).expect("small");
        for (path, data) in inputs(target) {
            (0..data.len())
                .step_by(step)
                .for_each(|end| survive(target, &data[..end], &path));
        }
    }
}

#[test]
fn every_input_is_survived_with_bytes_changed() {
    for target in TARGETS {
        for (path, data) in inputs(target) {
            (0..changes(target)).for_each(|seed| survive(target, &changed(&data, seed), &path));
        }
    }
}
