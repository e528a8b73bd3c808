//! Is the file as it was made, by somebody with this passphrase? Looked at before anything is decrypted.

use aws_lc_rs::{digest, hmac};

use super::derive::{Passphrase, Purpose, rounds};
use crate::identity::IdentityError;
use crate::identity::der::{Der, INTEGER, OCTET_STRING, OID, SEQUENCE};
use crate::identity::oid::{HMAC_ARC, PBMAC1, SHA1, SHA2_ARC, under};

/// `MacData ::= SEQUENCE { mac DigestInfo, macSalt, iterations DEFAULT 1 }`
pub(super) fn check(
    mut data: Der<'_>,
    content: &[u8],
    passphrase: &Passphrase,
) -> Result<(), IdentityError> {
    let mut info = data.take(SEQUENCE)?;
    let mut algorithm = info.take(SEQUENCE)?;
    let tag = info.take(OCTET_STRING)?;
    let name = algorithm.take(OID)?.0;
    let key = if name == PBMAC1 {
        pbmac1(algorithm.take(SEQUENCE)?, passphrase)?
    } else {
        let (hash, mac) = hash(name).ok_or(IdentityError::UnsupportedProtection)?;
        let salt = data.take(OCTET_STRING)?;
        let rounds = match data.take_if(INTEGER)? {
            None => std::num::NonZeroU32::MIN,
            Some(count) => rounds(count)?,
        };
        let key = passphrase.pkcs12(hash, Purpose::Mac, salt.0, rounds, hash.output_len());
        hmac::Key::new(mac, &key)
    };
    hmac::verify(&key, content, tag.0).map_err(|_| IdentityError::WrongPassphrase)
}

/// `PBMAC1-params ::= SEQUENCE { keyDerivationFunc, messageAuthScheme }` (RFC 9579), whose keys are as long as the hash.
fn pbmac1(mut parameters: Der<'_>, passphrase: &Passphrase) -> Result<hmac::Key, IdentityError> {
    let derivation = parameters.take(SEQUENCE)?;
    let scheme = parameters.take(SEQUENCE)?.take(OID)?.0;
    let mac = match under(HMAC_ARC, scheme) {
        Some(8) => hmac::HMAC_SHA224,
        Some(9) => hmac::HMAC_SHA256,
        Some(10) => hmac::HMAC_SHA384,
        Some(11) => hmac::HMAC_SHA512,
        _ => return Err(IdentityError::UnsupportedProtection),
    };
    let length = mac.digest_algorithm().output_len();
    let key = passphrase.pbkdf2(derivation, length)?;
    Ok(hmac::Key::new(mac, &key))
}

fn hash(name: &[u8]) -> Option<(&'static digest::Algorithm, hmac::Algorithm)> {
    if name == SHA1 {
        return Some((
            &digest::SHA1_FOR_LEGACY_USE_ONLY,
            hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        ));
    }
    match under(SHA2_ARC, name)? {
        1 => Some((&digest::SHA256, hmac::HMAC_SHA256)),
        2 => Some((&digest::SHA384, hmac::HMAC_SHA384)),
        3 => Some((&digest::SHA512, hmac::HMAC_SHA512)),
        4 => Some((&digest::SHA224, hmac::HMAC_SHA224)),
        _ => None,
    }
}
