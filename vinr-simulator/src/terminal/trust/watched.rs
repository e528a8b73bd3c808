//! Files that are looked at again and again.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

/// Files that belong together, such as a certificate and its key.
#[derive(Debug)]
pub(super) struct Watched<const N: usize> {
    paths: [PathBuf; N],
    known: Option<[Stamp; N]>,
    /// What could not be read at the last look.
    failed: Option<[Stamp; N]>,
}

/// By what a file is told from the one before it; none where there is no file.
type Stamp = Option<(u64, u64, i64, i64)>;

impl<const N: usize> Watched<N> {
    /// Files that are read now.
    pub(super) fn new(paths: [PathBuf; N]) -> Self {
        let mut watched = Self::unread(paths);
        watched.known = Some(watched.stamps());
        watched
    }

    /// Files that nobody read yet.
    pub(super) fn unread(paths: [PathBuf; N]) -> Self {
        Self {
            paths,
            known: None,
            failed: None,
        }
    }

    /// They count as changed at the next look.
    pub(super) fn forget(&mut self) {
        self.known = None;
    }

    /// Reads them if they changed. What cannot be read is looked at once more before it is said: of files that are
    /// replaced one after the other the first is there before the last.
    pub(super) fn changed<T, E>(
        &mut self,
        read: impl FnOnce() -> Result<T, E>,
    ) -> Option<Result<T, E>> {
        let now = Some(self.stamps());
        if self.known == now {
            return None;
        }
        let outcome = read();
        if outcome.is_err() && self.failed != now {
            self.failed = now;
            return None;
        }
        self.known = now;
        self.failed = None;
        Some(outcome)
    }

    fn stamps(&self) -> [Stamp; N] {
        self.paths.each_ref().map(|path| {
            let metadata = std::fs::metadata(path).ok()?;
            let (seconds, nanos) = (metadata.mtime(), metadata.mtime_nsec());
            Some((metadata.ino(), metadata.len(), seconds, nanos))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> (tempfile::TempDir, PathBuf, Watched<1>) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        std::fs::write(&path, "one").unwrap();
        let watched = Watched::new([path.clone()]);
        (dir, path, watched)
    }

    fn replace(path: &PathBuf, with: &str) {
        let new = path.with_extension("new");
        std::fs::write(&new, with).unwrap();
        std::fs::rename(new, path).unwrap();
    }

    #[test]
    fn a_file_is_read_when_it_changed_and_then_no_more() {
        let (_dir, path, mut watched) = file();
        let mut look = || {
            watched
                .changed(|| std::fs::read_to_string(&path))
                .map(Result::unwrap)
        };
        assert_eq!(look(), None);
        replace(&path, "two");
        assert_eq!(look(), Some("two".into()));
        assert_eq!(look(), None);
    }

    #[test]
    fn what_cannot_be_read_is_said_at_the_second_look_and_once() {
        let (_dir, path, mut watched) = file();
        replace(&path, "half");
        let mut look = || watched.changed(|| Err::<(), _>("broken"));
        assert_eq!(look(), None);
        assert_eq!(look(), Some(Err("broken")));
        assert_eq!(look(), None);
    }

    #[test]
    fn half_a_change_is_not_said_where_the_other_half_follows() {
        let (_dir, path, mut watched) = file();
        replace(&path, "half");
        assert_eq!(watched.changed(|| Err::<(), _>("broken")), None);
        replace(&path, "whole");
        assert_eq!(watched.changed(|| Ok::<_, ()>("read")), Some(Ok("read")));
    }
}
