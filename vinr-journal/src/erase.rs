//! The end of a journal: a factory reset.

use std::io::{self, ErrorKind};

use crate::core::Place;
use crate::disk::{self, Disk};

/// Removes a journal and its mark; the next boot makes another, under another id. Nobody may have it open.
///
/// The mark goes last: a power cut in between leaves a journal that is refused as damaged, never one that reads as
/// empty, and erasing it again finishes the work.
pub fn erase(disk: &dyn Disk, place: &Place) -> io::Result<()> {
    for name in disk.list(&place.dir)? {
        let unfinished = name.strip_suffix(disk::UNFINISHED).unwrap_or(&name);
        if place.number(unfinished).is_some() {
            disk.remove(&place.dir.join(&name))?;
        }
    }
    disk.sync_dir(&place.dir)?;
    match disk.remove(&place.mark) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(()) => disk.sync_dir(disk::parent(&place.mark)),
    }
}
