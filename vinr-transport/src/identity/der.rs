//! As much of DER as a PKCS#12 file needs: one element after the other, each with the tag that must stand there.

use super::IdentityError;

pub(super) const INTEGER: u8 = 0x02;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const OID: u8 = 0x06;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const CONTEXT_0: u8 = 0xa0;
/// What stands in place of an OCTET STRING where its own tag is left out.
pub(super) const CONTEXT_0_PLAIN: u8 = 0x80;

/// What is left of a DER value.
#[derive(Clone, Copy)]
pub(super) struct Der<'a>(pub(super) &'a [u8]);

impl<'a> Der<'a> {
    /// Takes the next element, which must have this tag, and gives its contents.
    pub(super) fn take(&mut self, tag: u8) -> Result<Der<'a>, IdentityError> {
        let element = || -> Option<(&'a [u8], &'a [u8])> {
            let (&found, rest) = self.0.split_first()?;
            let (&first, rest) = rest.split_first()?;
            let (length, rest) = match first {
                0..=0x7f => (usize::from(first), rest),
                // Four bytes of length are far more than a file may have; 0x80 is BER's open end.
                0x81..=0x84 => {
                    let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
                    let length = digits
                        .iter()
                        .fold(0usize, |value, digit| value << 8 | usize::from(*digit));
                    (length, rest)
                }
                _ => return None,
            };
            (found == tag).then(|| rest.split_at_checked(length))?
        };
        let (contents, rest) = element().ok_or(IdentityError::NotPkcs12)?;
        self.0 = rest;
        Ok(Der(contents))
    }

    /// As [`take`](Self::take), where the next element has this tag.
    pub(super) fn take_if(&mut self, tag: u8) -> Result<Option<Der<'a>>, IdentityError> {
        match self.0.first() {
            Some(found) if *found == tag => self.take(tag).map(Some),
            _ => Ok(None),
        }
    }

    /// A count; what is negative or does not fit is more than any limit.
    pub(super) fn count(self) -> u64 {
        match self.0 {
            [] => u64::MAX,
            [first, ..] if first & 0x80 != 0 => u64::MAX,
            bytes if bytes.len() > 8 => u64::MAX,
            bytes => bytes
                .iter()
                .fold(0, |value, byte| value << 8 | u64::from(*byte)),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
