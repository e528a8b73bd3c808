//! A directory of identities for each shop. Making them takes most of a second, so they are made once and copied.

use std::path::Path;
use std::sync::OnceLock;

use tempfile::TempDir;
use vinr_sdk::TerminalId;
use vinr_simulator::Pki;

/// Puts the identities of these terminals and their till there; the terminals are the same in every call.
pub(crate) fn copy_to(to: &Path, terminals: &[TerminalId]) {
    static DIR: OnceLock<TempDir> = OnceLock::new();
    let made = DIR.get_or_init(|| {
        let dir = tempfile::tempdir().unwrap();
        drop(Pki::provision(dir.path(), terminals).unwrap());
        dir
    });
    copy(made.path(), to);
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}
