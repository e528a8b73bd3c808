//! Reading identity files: bounded, and not if others can read a secret.

use std::fs::File;
use std::io::{Error, Read};
use std::path::Path;

use zeroize::Zeroizing;

use super::IdentityError;

/// Far more than a key and a chain need.
const MAX_FILE: u64 = 256 * 1024;

/// Who may be able to read a file with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Permissions {
    /// Its owner alone.
    OwnerOnly,
    /// Anybody.
    Any,
}

/// Reads a file that holds a key.
pub(super) fn read_secret(
    path: &Path,
    permissions: Permissions,
) -> Result<Zeroizing<Vec<u8>>, IdentityError> {
    let file = open(path)?;
    if permissions == Permissions::OwnerOnly {
        // Asked of the open file, so that it is the one that is read.
        refuse_shared(&file, path)?;
    }
    read(file, path)
}

/// Reads a file that holds only certificates.
pub(super) fn read_public(path: &Path) -> Result<Zeroizing<Vec<u8>>, IdentityError> {
    read(open(path)?, path)
}

fn open(path: &Path) -> Result<File, IdentityError> {
    File::open(path).map_err(|source| unreadable(path, source))
}

fn read(file: File, path: &Path) -> Result<Zeroizing<Vec<u8>>, IdentityError> {
    // Room for all from the start: a growing vector would leave copies of the key behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_FILE as usize + 1));
    file.take(MAX_FILE + 1)
        .read_to_end(&mut bytes)
        .map_err(|source| unreadable(path, source))?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(IdentityError::TooLarge.in_file(path));
    }
    Ok(bytes)
}

fn unreadable(path: &Path, source: Error) -> IdentityError {
    IdentityError::Unreadable {
        path: path.into(),
        source,
    }
}

#[cfg(unix)]
fn refuse_shared(file: &File, path: &Path) -> Result<(), IdentityError> {
    use std::os::unix::fs::PermissionsExt;
    const GROUP_AND_OTHERS: u32 = 0o077;
    let metadata = file.metadata().map_err(|source| unreadable(path, source))?;
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & GROUP_AND_OTHERS == 0 {
        Ok(())
    } else {
        Err(IdentityError::ReadableByOthers {
            path: path.into(),
            mode,
        })
    }
}

/// Elsewhere a file's rights are not told by a mode.
#[cfg(not(unix))]
fn refuse_shared(_: &File, _: &Path) -> Result<(), IdentityError> {
    Ok(())
}
