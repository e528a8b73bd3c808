//! The disk, as far as the journal uses it: few calls, so that a simulated disk can lose power at each of them.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where files are. What it returned from is done; only what was synced is safe.
pub trait Disk: Send + Sync + std::fmt::Debug {
    /// Opens a file that exists.
    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn DiskFile>>;
    /// Makes an empty file, readable by its owner only. There must be none of this name.
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;
    /// Gives a file a name; the file that had it is gone.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// The names in a directory.
    fn list(&self, dir: &Path) -> io::Result<Vec<String>>;
    /// Makes the names of a directory safe.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
}

/// An open file.
pub trait DiskFile: Send + Sync + std::fmt::Debug {
    /// How long it is.
    fn length(&self) -> io::Result<u64>;
    /// Reads as much as there is, up to the whole buffer.
    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize>;
    /// Writes all of it.
    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<()>;
    /// Makes what was written safe (`fdatasync`).
    fn sync_data(&self) -> io::Result<()>;
    /// Makes what was written and the file's length safe (`fsync`).
    fn sync_all(&self) -> io::Result<()>;
}

/// What an open file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// To be read.
    Read,
    /// To be read and written.
    Write,
}

/// The disk of this computer.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealDisk;

impl Disk for RealDisk {
    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn DiskFile>> {
        let file = File::options()
            .read(true)
            .write(access == Access::Write)
            .open(path)?;
        Ok(Arc::new(file))
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        Ok(Arc::new(options.mode(0o600).open(path)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(dir)? {
            // A name that is not text is none of ours.
            names.extend(entry?.file_name().into_string());
        }
        Ok(names)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        File::open(dir)?.sync_all()
    }
}

impl DiskFile for File {
    fn length(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        let mut done = 0;
        while done < buffer.len() {
            match FileExt::read_at(self, &mut buffer[done..], at + done as u64) {
                Ok(0) => break,
                Ok(read) => done += read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        self.write_all_at(bytes, at)
    }

    fn sync_data(&self) -> io::Result<()> {
        File::sync_data(self)
    }

    fn sync_all(&self) -> io::Result<()> {
        File::sync_all(self)
    }
}

/// Makes a file appear under its name whole or not at all, and durably.
pub(crate) fn install(disk: &dyn Disk, path: &Path, content: &[u8]) -> io::Result<()> {
    install_in_pieces(disk, path, content, content.len())
}

/// As [`install`]; synced piece by piece, so that whoever shares the disk does not wait for all of it at once.
pub(crate) fn install_in_pieces(
    disk: &dyn Disk,
    path: &Path,
    content: &[u8],
    piece: usize,
) -> io::Result<()> {
    let unfinished = unfinished(path);
    match disk.remove(&unfinished) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let written = write_whole(disk, &unfinished, content, piece);
    if let Err(error) = written {
        // It would only take room.
        let _ = disk.remove(&unfinished);
        return Err(error);
    }
    disk.rename(&unfinished, path)?;
    // A name is durable only when its directory is. Where that fails, for want of room or else, the file has its name
    // and may lose it: that is no full disk, after which one goes on as if nothing had been done.
    disk.sync_dir(parent(path)).map_err(io::Error::other)
}

fn write_whole(disk: &dyn Disk, path: &Path, content: &[u8], piece: usize) -> io::Result<()> {
    let file = disk.create(path)?;
    let mut at = 0;
    for part in content.chunks(piece.max(1)) {
        file.write_at(part, at)?;
        at += part.len() as u64;
        file.sync_all()?;
    }
    Ok(())
}

/// What a file is called until it is whole.
pub(crate) fn unfinished(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(UNFINISHED);
    name.into()
}

/// How the name of an unfinished file ends.
pub(crate) const UNFINISHED: &str = ".new";

/// The directory of a file.
pub(crate) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Reads a whole file, if it is no longer than that; a longer one is [`ErrorKind::FileTooLarge`].
pub fn read_whole(file: &dyn DiskFile, longest: usize) -> io::Result<Vec<u8>> {
    let length = usize::try_from(file.length()?).unwrap_or(usize::MAX);
    if length > longest {
        return Err(ErrorKind::FileTooLarge.into());
    }
    let mut bytes = vec![0; length];
    let read = file.read_at(&mut bytes, 0)?;
    bytes.truncate(read);
    Ok(bytes)
}
