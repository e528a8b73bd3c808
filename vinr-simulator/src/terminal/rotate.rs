//! Another key for a terminal's journal. \[OFF-5\]

use vinr_journal::{
    CompactError, DataDir, DataDirError, KeyError, KeyId, KeyRing, OpenError, Place, RealDisk,
    StorageFailed,
};
use vinr_protocol::TerminalId;

use super::data_dir;
use super::record;
use crate::data_dir::open_patiently;
use crate::provision::Pki;

/// The journal has no other key. What it holds is as it was, and the keys that it needs are all still there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RotateError {
    /// The terminal runs, or never did.
    #[error("{0}: the terminal must be switched off for it")]
    InUse(#[from] DataDirError),
    /// There is no journal, and so nothing that a key encrypts.
    #[error("{0} has no journal yet: its first boot makes one, and its key")]
    NoJournal(TerminalId),
    /// The file with the keys cannot be read or written.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The journal cannot be read.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The disk failed.
    #[error("the new key is in place, and the old one stays: {0}")]
    Storage(#[from] StorageFailed),
    /// The journal cannot be rewritten.
    #[error("the new key is in place, and the old one stays until the journal is rewritten: {0}")]
    Compact(#[from] CompactError),
}

/// Where the key is that a journal is encrypted with from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotated {
    /// It was drawn, and is alone in the key file.
    InFile,
    /// It is the first of those in this environment variable. The journal needs none of the others.
    InEnvironment(&'static str),
}

/// Encrypts the journal of a terminal that is switched off with a new key, and forgets the old one. Where the keys come
/// from the environment the new one is the first of them.
///
/// It may be broken off at any moment: until everything is rewritten the file holds both keys.
pub async fn rotate_key(pki: &Pki, terminal: &TerminalId) -> Result<Rotated, RotateError> {
    let data = data_dir(pki, terminal);
    let place = record::place(pki, terminal, &data);
    if !vinr_journal::exists(&RealDisk, &place)? {
        return Err(RotateError::NoJournal(terminal.clone()));
    }
    let dir = open_patiently(&data).await?;
    if let Some(keys) = record::keys_of_environment()? {
        rewrite(&dir, place, keys).await?;
        return Ok(Rotated::InEnvironment(record::KEYS));
    }
    let file = record::key_file(pki, terminal);
    let in_use = rewrite(&dir, place, KeyRing::rotate(&file)?).await?;
    KeyRing::retire(&file, &in_use)?;
    Ok(Rotated::InFile)
}

/// Encrypts everything with the first of these keys, and says which of them are needed still.
async fn rewrite(dir: &DataDir, place: Place, keys: KeyRing) -> Result<Vec<KeyId>, RotateError> {
    let opened = record::open(dir, place, keys.clone(), &mut |_| {})?;
    let journal = opened.journal;
    // What was written last stands in a segment of the old key: another is begun.
    journal.rotate(keys).await?;
    journal.compact().await?;
    Ok(journal.keys_in_use())
}
