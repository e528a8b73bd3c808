//! The till's files, read as far as they can be, so that the rest can be looked at all the same.

use std::path::{Path, PathBuf};

use vinr_transport::identity::Loader;
use vinr_transport::profile::Leaf;
use vinr_transport::{Identity, IdentityError, Side, TrustBundle};
use zeroize::Zeroizing;

use super::{Files, Key};
use crate::doctor::seen::{NotUsable, Till};
use crate::journal::Certificate;
use crate::probe::facts;

/// Longer than any passphrase.
const PASSPHRASE_MAX: u64 = 4096;

/// What could be read.
pub(super) struct Read {
    pub(super) bundle: Result<TrustBundle, String>,
    pub(super) identity: Result<Own, NotUsable>,
}

/// An identity that could be read, if not as strictly as a till reads it.
pub(super) struct Own {
    pub(super) identity: Identity,
    readable_by_others: Option<(PathBuf, u32)>,
}

pub(super) fn read(files: &Files) -> Read {
    Read {
        bundle: TrustBundle::from_pem_file(&files.terminal_ca).map_err(|error| error.to_string()),
        identity: identity(&files.key),
    }
}

impl Read {
    pub(super) fn bundle_facts(&self) -> Result<Vec<Certificate>, String> {
        let bundle = self.bundle.as_ref().map_err(Clone::clone)?;
        Ok(bundle.certificates().map(|der| facts(der)).collect())
    }

    pub(super) fn till_facts(&self) -> Result<Till, NotUsable> {
        let own = self.identity.as_ref().map_err(Clone::clone)?;
        let Some(leaf) = own.identity.chain().first() else {
            return Err(NotUsable::Other("the identity holds no certificate".into()));
        };
        Ok(Till {
            certificate: facts(leaf),
            terminals: own.identity.names().to_vec(),
            profile: Leaf::read(leaf, Side::Pos).map(|_| ()),
            readable_by_others: own.readable_by_others.clone(),
        })
    }
}

fn identity(key: &Key) -> Result<Own, NotUsable> {
    let passphrase = match key {
        Key::P12 { passphrase, .. } => read_passphrase(passphrase)?,
        Key::Pem { .. } => Zeroizing::default(),
    };
    let load = |loader: Loader| match key {
        Key::P12 { file, .. } => loader.p12_file(file, &passphrase),
        Key::Pem { certificate, key } => loader.pem_files(certificate, key),
    };
    // Dates and modes are told by the diagnosis, which goes on after them.
    let loader = Identity::loader().out_of_time();
    match load(loader.clone()) {
        Ok(identity) => Ok(Own {
            identity,
            readable_by_others: None,
        }),
        Err(error) => match error.fault() {
            IdentityError::ReadableByOthers { path, mode } => Ok(Own {
                identity: load(loader.readable_by_others()).map_err(not_usable)?,
                readable_by_others: Some((path.clone(), *mode)),
            }),
            _ => Err(not_usable(error)),
        },
    }
}

fn not_usable(error: IdentityError) -> NotUsable {
    match error.fault() {
        IdentityError::WrongPassphrase => NotUsable::Passphrase,
        _ => NotUsable::Other(error.to_string()),
    }
}

/// The passphrase, without the end of its line.
fn read_passphrase(path: &Path) -> Result<Zeroizing<String>, NotUsable> {
    let failed =
        |error: std::io::Error| NotUsable::PassphraseFile(format!("{}: {error}", path.display()));
    let size = std::fs::metadata(path).map_err(failed)?.len();
    if size > PASSPHRASE_MAX {
        return Err(failed(std::io::Error::other("too long for a passphrase")));
    }
    let text = Zeroizing::new(std::fs::read_to_string(path).map_err(failed)?);
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    Ok(Zeroizing::new(line.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passphrase(text: &str) -> String {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), text).expect("our own file");
        read_passphrase(file.path()).expect("readable").to_string()
    }

    #[test]
    fn the_end_of_the_line_is_no_part_of_a_passphrase() {
        assert_eq!(passphrase("abc\n"), "abc");
        assert_eq!(passphrase("abc\r\n"), "abc");
        assert_eq!(passphrase("abc"), "abc");
        assert_eq!(passphrase(" abc \n\n"), " abc \n");
    }

    #[test]
    fn what_is_longer_than_a_passphrase_is_not_read() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), "x".repeat(4096)).expect("our own file");
        assert!(read_passphrase(file.path()).is_ok());
        std::fs::write(file.path(), "x".repeat(4097)).expect("our own file");
        assert!(read_passphrase(file.path()).is_err());
    }
}
