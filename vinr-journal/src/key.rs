//! The keys of a journal: in a file of their own, apart from the data, or in the environment.
//!
//! ```text
//! # one key a line, 64 hexadecimal digits; the first encrypts, all decrypt
//! 8f0c…
//! 41d2…
//! ```

use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand;
use zeroize::Zeroizing;

/// How long a key is: AES-256.
pub(crate) const KEY: usize = 32;

/// Which key sealed something: the beginning of a hash of it. It tells nothing of a random key.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(pub(crate) [u8; 8]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "key_")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// One key; its memory is wiped when it is dropped.
#[derive(Clone)]
pub struct Key(Zeroizing<[u8; KEY]>);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.id())
    }
}

impl Key {
    /// Draws a key.
    pub fn draw() -> Result<Self, KeyError> {
        let mut key = Zeroizing::new([0; KEY]);
        rand::fill(&mut *key).map_err(|_| KeyError::Random)?;
        Ok(Self(key))
    }

    /// A key of these bytes.
    pub fn of_bytes(bytes: [u8; KEY]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Its id.
    pub fn id(&self) -> KeyId {
        let mut text = Zeroizing::new(b"vinr-journal key id".to_vec());
        text.extend(&*self.0);
        let hash = digest(&SHA256, &text);
        let first = hash.as_ref().first_chunk().expect("SHA-256 has 32 bytes");
        KeyId(*first)
    }

    pub(crate) fn bytes(&self) -> &[u8; KEY] {
        &self.0
    }

    fn to_hex(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(2 * KEY));
        for byte in self.0.iter() {
            for digit in [byte >> 4, byte & 15] {
                text.push(char::from_digit(u32::from(digit), 16).expect("a digit is below 16"));
            }
        }
        text
    }

    fn from_hex(text: &str) -> Option<Self> {
        let digits = text.as_bytes();
        let mut key = Zeroizing::new([0; KEY]);
        if digits.len() != 2 * KEY {
            return None;
        }
        for (byte, pair) in key.iter_mut().zip(digits.chunks(2)) {
            let digit = |at: usize| char::from(pair[at]).to_digit(16);
            *byte = u8::try_from(digit(0)? * 16 + digit(1)?).ok()?;
        }
        Some(Self(key))
    }
}

/// The keys of a journal: one that encrypts, and older ones that still decrypt.
#[derive(Debug, Clone)]
pub struct KeyRing {
    /// The first encrypts.
    keys: Vec<Key>,
}

/// Keys cannot be had. No message shows any part of one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// There is no such file.
    #[error("the key file {} is missing", .0.display())]
    Missing(PathBuf),
    /// It is there already: a key is never overwritten.
    #[error("the key file {} exists already; nothing was changed", .0.display())]
    Exists(PathBuf),
    /// Others may read it.
    #[error("the key file {path} may be read by others (mode {mode:03o}): chmod 600 {path}", path = .path.display())]
    Readable {
        /// The file.
        path: PathBuf,
        /// What its mode says.
        mode: u32,
    },
    /// It does not hold keys.
    #[error("{0} does not hold keys: one a line, 64 hexadecimal digits each, the first encrypts")]
    Malformed(String),
    /// It cannot be read or written.
    #[error("the key file {} cannot be used: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The system gives no random bytes.
    #[error("the system gives no random bytes")]
    Random,
    /// A key is still needed.
    #[error("{0} still encrypts records: compact first")]
    InUse(KeyId),
}

impl KeyRing {
    /// A ring of one key.
    pub fn of(key: Key) -> Self {
        Self { keys: vec![key] }
    }

    /// Adds a key that decrypts what it encrypted before.
    pub fn with_older(mut self, key: Key) -> Self {
        self.keys.push(key);
        self
    }

    /// The key that everybody knows, for a journal that is no secret and is to be kept whole all the same.
    pub fn public() -> Self {
        Self::of(Key::of_bytes(*b"no secret: everybody knows this."))
    }

    /// Reads a key file. One that others may read is refused.
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let io = |source: io::Error| match source.kind() {
            ErrorKind::NotFound => KeyError::Missing(path.to_owned()),
            _ => KeyError::Io {
                path: path.to_owned(),
                source,
            },
        };
        let mode = std::fs::metadata(path).map_err(io)?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            let path = path.to_owned();
            return Err(KeyError::Readable { path, mode });
        }
        let text = Zeroizing::new(std::fs::read_to_string(path).map_err(io)?);
        Self::parse(&text).ok_or_else(|| KeyError::Malformed(path.display().to_string()))
    }

    /// Reads keys from an environment variable, with commas between them; `None` where it is not set.
    pub fn from_env(name: &str) -> Result<Option<Self>, KeyError> {
        let Some(text) = std::env::var_os(name) else {
            return Ok(None);
        };
        let malformed = || KeyError::Malformed(format!("the environment variable {name}"));
        let text = Zeroizing::new(text.into_string().map_err(|_| malformed())?);
        let lines = Zeroizing::new(text.replace(',', "\n"));
        Self::parse(&lines).map(Some).ok_or_else(malformed)
    }

    /// Draws a key and writes it to a new file, which is there whole or not at all. Whether there is a journal without
    /// a key is the caller's to know: [`keys_of_file`](crate::keys_of_file) does.
    pub fn create(path: &Path) -> Result<Self, KeyError> {
        let ring = Self::of(Key::draw()?);
        ring.install(path).map_err(|source| match source.kind() {
            ErrorKind::AlreadyExists => KeyError::Exists(path.to_owned()),
            _ => KeyError::Io {
                path: path.to_owned(),
                source,
            },
        })?;
        Ok(ring)
    }

    /// Draws another key, puts it first and writes the file anew. Records are encrypted with it from the next
    /// opening or [`rotate`](crate::Journal::rotate) on; the old key stays until [`retire`](Self::retire).
    pub fn rotate(path: &Path) -> Result<Self, KeyError> {
        let mut ring = Self::read(path)?;
        ring.keys.insert(0, Key::draw()?);
        ring.replace(path)?;
        Ok(ring)
    }

    /// Takes out of the file every key but the first, and those that the journal [still
    /// needs](crate::Journal::keys_in_use).
    pub fn retire(path: &Path, in_use: &[KeyId]) -> Result<Self, KeyError> {
        let mut ring = Self::read(path)?;
        let current = ring.current().id();
        ring.keys
            .retain(|key| key.id() == current || in_use.contains(&key.id()));
        ring.replace(path)?;
        Ok(ring)
    }

    /// The key that encrypts.
    pub fn current(&self) -> &Key {
        &self.keys[0]
    }

    /// The key of this id.
    pub fn get(&self, id: KeyId) -> Option<&Key> {
        self.keys.iter().find(|key| key.id() == id)
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let lines = text.lines().map(str::trim);
        let keys = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        let keys: Option<Vec<Key>> = keys.map(Key::from_hex).collect();
        keys.filter(|keys| !keys.is_empty())
            .map(|keys| Self { keys })
    }

    /// A second name, unlike a rename, is never given over a file that is there.
    fn install(&self, path: &Path) -> io::Result<()> {
        let unfinished = self.write_beside(path)?;
        let linked = std::fs::hard_link(&unfinished, path);
        std::fs::remove_file(&unfinished)?;
        linked?;
        std::fs::File::open(crate::disk::parent(path))?.sync_all()
    }

    fn replace(&self, path: &Path) -> Result<(), KeyError> {
        let written = || -> io::Result<()> {
            std::fs::rename(self.write_beside(path)?, path)?;
            std::fs::File::open(crate::disk::parent(path))?.sync_all()
        };
        written().map_err(|source| KeyError::Io {
            path: path.to_owned(),
            source,
        })
    }

    /// Under another name until it is whole: what a power cut left of an earlier one goes.
    fn write_beside(&self, path: &Path) -> io::Result<PathBuf> {
        let unfinished = crate::disk::unfinished(path);
        match std::fs::remove_file(&unfinished) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => write_new(&unfinished, self)?,
        }
        Ok(unfinished)
    }
}

fn write_new(path: &Path, ring: &KeyRing) -> io::Result<()> {
    let mut text = Zeroizing::new(String::from(
        "# keys of a journal: the first encrypts, all decrypt\n",
    ));
    for key in &ring.keys {
        text.push_str(&key.to_hex());
        text.push('\n');
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key_file() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keys");
        (dir, path)
    }

    #[test]
    fn a_key_file_is_read_by_its_owner_only() {
        let (_dir, path) = key_file();
        let made = KeyRing::create(&path).unwrap();
        assert_eq!(
            KeyRing::read(&path).unwrap().current().id(),
            made.current().id()
        );
        for mode in [0o640, 0o604, 0o660] {
            std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
            assert!(
                matches!(KeyRing::read(&path), Err(KeyError::Readable { .. })),
                "{mode:o}"
            );
        }
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o400)).unwrap();
        assert!(KeyRing::read(&path).is_ok());
    }

    #[test]
    fn a_key_is_never_overwritten() {
        let (_dir, path) = key_file();
        KeyRing::create(&path).unwrap();
        let before = std::fs::read(&path).unwrap();
        assert!(matches!(KeyRing::create(&path), Err(KeyError::Exists(_))));
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }

    // A first boot that loses its power must not leave half a key under the name: the next would refuse to start.
    #[test]
    fn what_a_power_cut_left_of_a_key_is_in_nobody_s_way_and_never_under_its_name() {
        let (dir, path) = key_file();
        let unfinished = crate::disk::unfinished(&path);
        std::fs::write(&unfinished, b"# keys of a jour").unwrap();
        let made = KeyRing::create(&path).unwrap();
        let read = KeyRing::read(&path).unwrap();
        assert_eq!(read.current().id(), made.current().id());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_rotated_ring_encrypts_with_the_new_key_and_knows_the_old_until_it_is_retired() {
        let (_dir, path) = key_file();
        let old = KeyRing::create(&path).unwrap().current().id();
        let ring = KeyRing::rotate(&path).unwrap();
        let new = ring.current().id();
        assert_ne!(new, old);
        assert!(ring.get(old).is_some());
        assert!(KeyRing::retire(&path, &[old]).unwrap().get(old).is_some());
        let retired = KeyRing::retire(&path, &[new]).unwrap();
        assert_eq!(
            (retired.current().id(), retired.get(old).is_some()),
            (new, false)
        );
    }

    #[test]
    fn what_is_not_keys_is_refused() {
        let hex = "ab".repeat(KEY);
        for (text, is_right) in [
            (hex.clone(), true),
            (format!("# a comment\n\n {hex} \n{hex}\n"), true),
            (String::new(), false),
            ("# only a comment".into(), false),
            (hex[1..].into(), false),
            (format!("{hex}a"), false),
            (format!("{hex}\nrubbish"), false),
            ("é".repeat(KEY), false),
        ] {
            assert_eq!(KeyRing::parse(&text).is_some(), is_right, "{text}");
        }
    }

    #[test]
    fn no_output_shows_a_key() {
        let key = Key::of_bytes([0xab; KEY]);
        let shown = format!("{:?} {:?}", key, KeyRing::of(key.clone()));
        assert!(!shown.contains("abab") && !shown.contains("171"), "{shown}");
    }
}
