//! The files of this repository, and which of their lines are code and which are tests.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// One text file.
pub(crate) struct File {
    /// From the root of the repository, with slashes.
    pub(crate) path: String,
    pub(crate) text: String,
}

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every file with one of these endings, in the order of their paths.
pub(crate) fn files(endings: &[&str]) -> Vec<File> {
    let mut found = Vec::new();
    let mut folders = vec![String::new()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root().join(&folder)).expect("the repository can be read") {
            let entry = entry.expect("the repository can be read");
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = format!("{folder}{name}");
            if entry.path().is_dir() {
                if !name.starts_with('.') && name != "target" && name != "node_modules" {
                    folders.push(format!("{path}/"));
                }
            } else if endings.iter().any(|ending| name.ends_with(ending)) {
                let text = fs::read_to_string(entry.path()).unwrap_or_default();
                found.push(File { path, text });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// The modules that a `#[cfg(test)] mod name;`, public or not, brings in: paths without `.rs`.
pub(crate) fn test_modules(files: &[File]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for file in files {
        let stem = file.path.trim_end_matches(".rs");
        let folder = ["/mod", "/lib", "/main"]
            .iter()
            .find_map(|root| stem.strip_suffix(root))
            .unwrap_or(stem);
        let mut lines = file.text.lines().map(str::trim);
        while lines.any(|line| line == "#[cfg(test)]") {
            let item = lines.next().unwrap_or_default();
            let name = item.strip_suffix(';').and_then(|item| {
                let (visibility, name) = item.split_once("mod ")?;
                (visibility.is_empty() || visibility.starts_with("pub")).then_some(name)
            });
            if let Some(name) = name {
                found.insert(format!("{folder}/{name}"));
            }
        }
    }
    found
}

impl File {
    /// Is it one of these modules, or inside one?
    pub(crate) fn is_in(&self, modules: &BTreeSet<String>) -> bool {
        let stem = self.path.trim_end_matches(".rs");
        modules
            .iter()
            .any(|module| stem == module || stem.starts_with(&format!("{module}/")))
    }

    /// What stands before the tests at its end.
    pub(crate) fn code(&self) -> &str {
        let tests = self
            .text
            .match_indices("#[cfg(test)]\nmod ")
            .find(|(at, _)| {
                let item = self.text[*at..].lines().nth(1).unwrap_or_default();
                item.ends_with('{')
            });
        tests.map_or(&self.text, |(at, _)| &self.text[..at])
    }
}
