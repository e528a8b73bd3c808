//! One sync of the kind that a journal needs: a record appended to space that is already allocated, and
//! `fdatasync`.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;

/// As long as the journal's record of a payment.
const RECORD: usize = 640;

const ALLOCATED: usize = 1 << 20;

/// A preallocated file.
#[derive(Debug)]
pub struct Disk {
    file: File,
    at: usize,
}

impl Disk {
    /// Makes it in this directory.
    pub fn open(dir: &Path) -> io::Result<Self> {
        let mut file = File::create(dir.join("one-sync"))?;
        file.write_all(&vec![0; ALLOCATED])?;
        file.sync_all()?;
        file.seek(SeekFrom::Start(0))?;
        Ok(Self { file, at: 0 })
    }

    /// Appends and syncs; at the end of the space it begins anew.
    pub fn sync(&mut self) -> io::Result<()> {
        if self.at + RECORD > ALLOCATED {
            self.at = 0;
            self.file.seek(SeekFrom::Start(0))?;
        }
        self.file.write_all(&[7; RECORD])?;
        self.at += RECORD;
        self.file.sync_data()
    }
}
