//! Encrypts and authenticates: AES-256-GCM, a fresh random nonce for each frame. \[OFF-5\]
//!
//! The nonce is random, not counted: a counter repeats after the disk was rolled back or a write was lost, and two
//! texts under one nonce give both away. With 96 random bits a key is good for 2³² frames (NIST SP 800-38D §8.3),
//! that is for centuries at a payment a second; it may be rotated at any time.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::rand;

use crate::key::{Key, KeyId};

/// How long a nonce is.
pub(crate) const NONCE: usize = 12;
/// How long a tag is.
pub(crate) const TAG: usize = 16;

/// A key, ready for use.
#[derive(Debug)]
pub(crate) struct Sealer {
    id: KeyId,
    key: LessSafeKey,
}

/// The system gives no random bytes, or the cipher refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the record cannot be encrypted")]
pub(crate) struct SealError;

impl Sealer {
    pub(crate) fn new(key: &Key) -> Self {
        let unbound = UnboundKey::new(&AES_256_GCM, key.bytes()).expect("a key has 32 bytes");
        Self {
            id: key.id(),
            key: LessSafeKey::new(unbound),
        }
    }

    pub(crate) fn key_id(&self) -> KeyId {
        self.id
    }

    pub(crate) fn fresh_nonce() -> Result<[u8; NONCE], SealError> {
        let mut nonce = [0; NONCE];
        rand::fill(&mut nonce).map_err(|_| SealError)?;
        Ok(nonce)
    }

    /// Encrypts in place and gives the tag.
    pub(crate) fn seal(
        &self,
        nonce: [u8; NONCE],
        aad: &[&[u8]],
        text: &mut [u8],
    ) -> Result<[u8; TAG], SealError> {
        let nonce = Nonce::assume_unique_for_key(nonce);
        let aad = Aad::from(aad.concat());
        let tag = self
            .key
            .seal_in_place_separate_tag(nonce, aad, text)
            .map_err(|_| SealError)?;
        let mut bytes = [0; TAG];
        bytes.copy_from_slice(tag.as_ref());
        Ok(bytes)
    }

    /// Decrypts a text with its tag behind it; `None` where anything was changed.
    pub(crate) fn open<'a>(
        &self,
        nonce: [u8; NONCE],
        aad: &[&[u8]],
        sealed: &'a mut [u8],
    ) -> Option<&'a mut [u8]> {
        let nonce = Nonce::assume_unique_for_key(nonce);
        self.key
            .open_in_place(nonce, Aad::from(aad.concat()), sealed)
            .ok()
    }
}
