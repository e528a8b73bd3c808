//! Terminals that are broken on purpose: the engine that does not notice them proves nothing.

use std::io;
use std::path::Path;
use std::sync::Arc;

use vinr_journal::sim::SimDisk;
use vinr_journal::{Access, Disk, DiskFile};

/// How the terminal around the session and the journal is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Design {
    /// As it should be.
    Sound,
    /// What a record permits is done before the record is durable.
    AnswersFirst,
    /// A torn tail of the journal is read as a full record.
    ReadsTornTail,
    /// A journal that cannot be read is taken for an empty one.
    DamageIsEmpty,
    /// A record that could not be made durable is taken for one that was.
    IgnoresFailedWrite,
    /// A write is taken for durable before it was synced.
    NeverSyncs,
}

impl Design {
    /// Those that the engine must find.
    pub const BROKEN: [Design; 5] = [
        Design::AnswersFirst,
        Design::ReadsTornTail,
        Design::DamageIsEmpty,
        Design::IgnoresFailedWrite,
        Design::NeverSyncs,
    ];

    pub(super) fn disk(self, disk: &SimDisk) -> Arc<dyn Disk> {
        match self {
            Design::NeverSyncs => Arc::new(Unsynced(disk.clone())),
            _ => Arc::new(disk.clone()),
        }
    }
}

/// A disk on which nobody syncs the data of a file.
#[derive(Debug)]
struct Unsynced(SimDisk);

#[derive(Debug)]
struct UnsyncedFile(Arc<dyn DiskFile>);

impl Disk for Unsynced {
    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn DiskFile>> {
        let file = self.0.open(path, access)?;
        Ok(Arc::new(UnsyncedFile(file)))
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        self.0.create(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.0.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.0.remove(path)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        self.0.list(dir)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.0.sync_dir(dir)
    }
}

impl DiskFile for UnsyncedFile {
    fn length(&self) -> io::Result<u64> {
        self.0.length()
    }

    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        self.0.read_at(buffer, at)
    }

    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        self.0.write_at(bytes, at)
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn sync_all(&self) -> io::Result<()> {
        self.0.sync_all()
    }
}
