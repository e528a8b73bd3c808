//! Writing what must not be overwritten and, for keys, not be read by others.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// Who may read a file.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Audience {
    /// Anybody: certificates.
    Public,
    /// Its owner: keys and tokens.
    Owner,
}

impl Audience {
    fn mode(self) -> u32 {
        match self {
            Audience::Public => 0o644,
            Audience::Owner => 0o600,
        }
    }
}

/// Writes a file that does not exist yet.
pub(super) fn write_new(path: &Path, content: &[u8], audience: Audience) -> io::Result<()> {
    write(path, content, audience, Lasting::ThroughPowerCuts)
}

fn write(path: &Path, content: &[u8], audience: Audience, lasting: Lasting) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(audience.mode())
        .open(path)?;
    file.write_all(content)?;
    match lasting {
        Lasting::ThroughPowerCuts => file.sync_all(),
        Lasting::ForNow => Ok(()),
    }
}

/// Replaces a file as a whole: a reader sees the old one or the new one, after a power cut too.
pub(crate) fn replace(path: &Path, content: &[u8], audience: Audience) -> io::Result<()> {
    put(path, content, audience, Lasting::ThroughPowerCuts)
}

/// Replaces a file that says something of this run only, and need not outlive it.
pub(crate) fn replace_for_now(path: &Path, content: &[u8], audience: Audience) -> io::Result<()> {
    put(path, content, audience, Lasting::ForNow)
}

/// For how long is a file needed?
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lasting {
    ThroughPowerCuts,
    ForNow,
}

fn put(path: &Path, content: &[u8], audience: Audience, lasting: Lasting) -> io::Result<()> {
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".new");
    let unfinished = Path::new(&unfinished);
    // A rest of an earlier attempt would keep its own mode.
    match std::fs::remove_file(unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => write(unfinished, content, audience, lasting)?,
    }
    std::fs::rename(unfinished, path)?;
    match (lasting, path.parent()) {
        // A name is durable only when its directory is.
        (Lasting::ThroughPowerCuts, Some(dir)) => File::open(dir)?.sync_all(),
        _ => Ok(()),
    }
}

/// Says no to a key that others may read: whoever has a CA's key can make any identity.
pub(super) fn only_its_owner_reads(path: &Path) -> io::Result<()> {
    let mode = std::fs::metadata(path)?.permissions().mode();
    if mode & 0o077 == 0 {
        return Ok(());
    }
    let path = path.display();
    let why = format!(
        "others may read it (mode {:03o}): chmod 600 {path}",
        mode & 0o777
    );
    Err(io::Error::new(io::ErrorKind::PermissionDenied, why))
}

/// Makes a directory, with its parents, where it is missing; a power cut does not take it back.
pub(crate) fn make_dir(path: &Path, audience: Audience) -> io::Result<()> {
    // Entering a directory needs the execute bits beside the read bits.
    let mode = audience.mode() | (audience.mode() & 0o444) >> 2;
    vinr_journal::make_dir(path, mode)
}
