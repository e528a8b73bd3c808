//! What a disk holds: names and bytes.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What a disk holds. Its files are shared among clones.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Image(BTreeMap<PathBuf, Arc<[u8]>>);

impl Image {
    /// An image of these files.
    pub fn of(files: impl Iterator<Item = (PathBuf, Vec<u8>)>) -> Self {
        Self(files.map(|(path, bytes)| (path, bytes.into())).collect())
    }

    /// Its files, in the order of their names.
    pub fn files(&self) -> impl Iterator<Item = (&Path, &[u8])> {
        self.0.iter().map(|(path, bytes)| (&**path, &**bytes))
    }

    /// The bytes of a file.
    pub fn bytes(&self, path: &Path) -> Option<&[u8]> {
        self.0.get(path).map(|bytes| &**bytes)
    }

    /// Gives a file these bytes.
    pub fn put(&mut self, path: &Path, bytes: Vec<u8>) {
        self.0.insert(path.to_owned(), bytes.into());
    }

    /// Removes a file.
    pub fn remove(&mut self, path: &Path) -> bool {
        self.0.remove(path).is_some()
    }

    /// Flips a bit of a file; false where there is no such byte.
    pub fn flip(&mut self, path: &Path, byte: usize, bit: u32) -> bool {
        let Some(bytes) = self.0.get(path).filter(|bytes| byte < bytes.len()) else {
            return false;
        };
        let mut bytes = bytes.to_vec();
        bytes[byte] ^= 1 << (bit % 8);
        self.put(path, bytes);
        true
    }

    /// Puts the files of a directory back to what they were in an older image: a roll-back that leaves what is kept
    /// elsewhere.
    pub fn roll_back(&mut self, dir: &Path, older: &Image) {
        self.0.retain(|path, _| path.parent() != Some(dir));
        let old = older
            .0
            .iter()
            .filter(|(path, _)| path.parent() == Some(dir));
        self.0
            .extend(old.map(|(path, bytes)| (path.clone(), bytes.clone())));
    }

    /// A number for it: the same for the same files, in every run of one build.
    pub fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        hasher.finish()
    }

    pub(super) fn insert_shared(&mut self, path: PathBuf, bytes: Arc<[u8]>) {
        self.0.insert(path, bytes);
    }
}
