//! One sync of the kind that a journal needs: a record written to space that is already allocated, by the same calls as
//! the journal's.

use std::io;
use std::path::Path;
use std::sync::Arc;

use vinr_journal::{Disk as _, DiskFile, RealDisk};

/// As long as the journal's record of a payment.
const RECORD: u64 = 640;

const ALLOCATED: u64 = 1 << 20;

/// A preallocated file.
#[derive(Debug)]
pub struct Disk {
    file: Arc<dyn DiskFile>,
    at: u64,
}

impl Disk {
    /// Makes it in this directory, under this name.
    pub fn open(dir: &Path, name: &str) -> io::Result<Self> {
        let file = RealDisk.create(&dir.join(name))?;
        let zeros = [0; RECORD as usize];
        for at in (0..ALLOCATED).step_by(zeros.len()) {
            file.write_at(&zeros, at)?;
        }
        file.sync_all()?;
        Ok(Self { file, at: 0 })
    }

    /// Writes the next record and syncs; at the end of the space it begins anew.
    pub fn sync(&mut self) -> io::Result<()> {
        self.file.write_at(&[7; RECORD as usize], self.at)?;
        self.at = (self.at + RECORD) % (ALLOCATED - RECORD);
        self.file.sync_data()
    }
}
