//! From a passphrase to keys: PBKDF2, and PKCS#12's own way (RFC 7292, appendix B).

use std::num::NonZeroU32;

use aws_lc_rs::digest::{self, Context};
use aws_lc_rs::pbkdf2;
use zeroize::Zeroizing;

use crate::identity::IdentityError;
use crate::identity::der::{Der, INTEGER, OCTET_STRING, OID, SEQUENCE};
use crate::identity::oid::{HMAC_ARC, PBKDF2, under};

/// A passphrase in the two forms that a file may mean.
pub(super) struct Passphrase {
    utf8: Zeroizing<Vec<u8>>,
    /// UTF-16, big-endian, with a zero at its end. RFC 7292 speaks of BMPString; everybody writes surrogate pairs
    /// where a character is beyond it.
    utf16: Zeroizing<Vec<u8>>,
}

/// What a derived key is for; RFC 7292 numbers them.
#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose {
    Key = 1,
    Iv = 2,
    Mac = 3,
}

impl Passphrase {
    pub(super) fn new(text: &str) -> Self {
        let mut utf16 = Zeroizing::new(Vec::with_capacity(2 * text.len() + 2));
        for unit in text.encode_utf16().chain([0]) {
            utf16.extend(unit.to_be_bytes());
        }
        Self {
            utf8: Zeroizing::new(text.as_bytes().to_vec()),
            utf16,
        }
    }

    /// `PBKDF2-params ::= SEQUENCE { salt, iterationCount, keyLength OPTIONAL, prf DEFAULT hmacWithSHA1 }`, with the
    /// name of the scheme before it.
    pub(super) fn pbkdf2(
        &self,
        mut scheme: Der<'_>,
        length: usize,
    ) -> Result<Zeroizing<Vec<u8>>, IdentityError> {
        if scheme.take(OID)?.0 != PBKDF2 {
            return Err(IdentityError::UnsupportedProtection);
        }
        let mut parameters = scheme.take(SEQUENCE)?;
        let salt = parameters.take(OCTET_STRING)?;
        let rounds = rounds(parameters.take(INTEGER)?)?;
        if let Some(said) = parameters.take_if(INTEGER)?
            && said.count() != length as u64
        {
            return Err(IdentityError::NotPkcs12);
        }
        let prf = match parameters.take_if(SEQUENCE)? {
            None => pbkdf2::PBKDF2_HMAC_SHA1,
            Some(mut prf) => match under(HMAC_ARC, prf.take(OID)?.0) {
                Some(7) => pbkdf2::PBKDF2_HMAC_SHA1,
                Some(9) => pbkdf2::PBKDF2_HMAC_SHA256,
                Some(10) => pbkdf2::PBKDF2_HMAC_SHA384,
                Some(11) => pbkdf2::PBKDF2_HMAC_SHA512,
                _ => return Err(IdentityError::UnsupportedProtection),
            },
        };
        let mut key = Zeroizing::new(vec![0; length]);
        pbkdf2::derive(prf, rounds, salt.0, &self.utf8, &mut key);
        Ok(key)
    }

    /// PKCS#12's own derivation, with the steps of appendix B.2.
    pub(super) fn pkcs12(
        &self,
        hash: &'static digest::Algorithm,
        purpose: Purpose,
        salt: &[u8],
        rounds: NonZeroU32,
        length: usize,
    ) -> Zeroizing<Vec<u8>> {
        let block = hash.block_len();
        let diversifier = vec![purpose as u8; block];
        let fill = |text: &[u8]| text.len().div_ceil(block) * block;
        let (of_salt, of_passphrase) = (fill(salt), fill(&self.utf16));
        let mut input = Zeroizing::new(Vec::with_capacity(of_salt + of_passphrase));
        input.extend(salt.iter().cycle().take(of_salt));
        input.extend(self.utf16.iter().cycle().take(of_passphrase));
        let mut key = Zeroizing::new(Vec::with_capacity(length + hash.output_len()));
        loop {
            let mut context = Context::new(hash);
            context.update(&diversifier);
            context.update(&input);
            let mut hashed = context.finish();
            for _ in 1..rounds.get() {
                hashed = digest::digest(hash, hashed.as_ref());
            }
            let hashed = hashed.as_ref();
            key.extend_from_slice(hashed);
            if key.len() >= length {
                key.truncate(length);
                return key;
            }
            // Each block of the input grows by this hash, repeated to its length, and by one.
            for block in input.chunks_mut(block) {
                let mut carry = 1u16;
                let grown_by = hashed.iter().cycle().take(block.len());
                let grown_by: Zeroizing<Vec<u8>> = Zeroizing::new(grown_by.copied().collect());
                for (byte, more) in block.iter_mut().zip(grown_by.iter()).rev() {
                    let sum = u16::from(*byte) + u16::from(*more) + carry;
                    *byte = sum.to_be_bytes()[1];
                    carry = sum >> 8;
                }
            }
        }
    }
}

/// How many rounds, which were counted before; none at all are no derivation.
pub(super) fn rounds(count: Der<'_>) -> Result<NonZeroU32, IdentityError> {
    u32::try_from(count.count())
        .ok()
        .and_then(NonZeroU32::new)
        .ok_or(IdentityError::NotPkcs12)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn derived(
        passphrase: &str,
        purpose: Purpose,
        salt: u64,
        rounds: u32,
        length: usize,
    ) -> String {
        let rounds = NonZeroU32::new(rounds).expect("some");
        let hash = &digest::SHA1_FOR_LEGACY_USE_ONLY;
        let salt = salt.to_be_bytes();
        let key = Passphrase::new(passphrase).pkcs12(hash, purpose, &salt, rounds, length);
        key.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    // Expected by: openssl kdf -kdfopt digest:SHA1 -kdfopt hexpass:… -kdfopt id:… PKCS12KDF
    #[test]
    fn pkcs12s_own_derivation_is_openssls() {
        assert_eq!(
            derived("smeg", Purpose::Key, 0x0a58_cf64_530d_823f, 1, 24),
            "8aaae6297b6cb04642ab5b077851284eb7128f1a2a7fbca3"
        );
        assert_eq!(
            derived("queeg", Purpose::Key, 0x05de_c959_acff_72f7, 1000, 24),
            "ed2034e36328830ff09df1e1a07dd357185dac0d4f9eb3d4"
        );
        assert_eq!(
            derived("queeg", Purpose::Mac, 0x2632_16fc_c2fa_b31c, 1000, 20),
            "5ec4c7a80df652294c3925b6489a7ab857c83476"
        );
    }

    #[test]
    fn a_character_beyond_the_basic_plane_is_two_units() {
        let passphrase = Passphrase::new("🔑");
        assert_eq!(&*passphrase.utf16, &[0xd8, 0x3d, 0xdd, 0x11, 0, 0]);
    }
}
