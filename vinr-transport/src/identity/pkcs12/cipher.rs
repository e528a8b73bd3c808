//! What a file is encrypted with: PBES2 with AES or 3DES, and the legacy schemes with 3DES or RC2.

use aws_lc_rs::cipher::{
    AES_128, AES_192, AES_256, Algorithm, DecryptionContext, PaddedBlockDecryptingKey,
    UnboundCipherKey,
};
use aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY;
use aws_lc_rs::iv::FixedLength;
use cbc::Decryptor;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockCipherDecrypt, BlockModeDecrypt, InnerIvInit, KeyInit, KeyIvInit};
use des::{TdesEde2, TdesEde3};
use rc2::Rc2;
use zeroize::Zeroizing;

use super::derive::{Passphrase, Purpose, rounds};
use crate::identity::IdentityError;
use crate::identity::der::{Der, INTEGER, OCTET_STRING, OID, SEQUENCE};
use crate::identity::oid::{AES_ARC, DES_EDE3_CBC, PBES1_ARC, PBES2, under};

/// Opens what was encrypted. The MAC was right, so what does not open is a damaged file and not a wrong passphrase.
pub(super) fn decrypt(
    mut scheme: Der<'_>,
    hidden: &[u8],
    passphrase: &Passphrase,
) -> Result<Zeroizing<Vec<u8>>, IdentityError> {
    let name = scheme.take(OID)?.0;
    let parameters = scheme.take(SEQUENCE)?;
    if name == PBES2 {
        pbes2(parameters, hidden, passphrase)
    } else {
        pbes1(name, parameters, hidden, passphrase)
    }
}

/// `PBES2-params ::= SEQUENCE { keyDerivationFunc, encryptionScheme }`
fn pbes2(
    mut parameters: Der<'_>,
    hidden: &[u8],
    passphrase: &Passphrase,
) -> Result<Zeroizing<Vec<u8>>, IdentityError> {
    let derivation = parameters.take(SEQUENCE)?;
    let mut scheme = parameters.take(SEQUENCE)?;
    let name = scheme.take(OID)?.0;
    let iv = scheme.take(OCTET_STRING)?.0;
    if name == DES_EDE3_CBC {
        let key = passphrase.pbkdf2(derivation, 24)?;
        return cbc_of::<TdesEde3>(&key, iv, hidden);
    }
    let (algorithm, length) = match under(AES_ARC, name) {
        Some(2) => (&AES_128, 16),
        Some(22) => (&AES_192, 24),
        Some(42) => (&AES_256, 32),
        _ => return Err(IdentityError::UnsupportedProtection),
    };
    let key = passphrase.pbkdf2(derivation, length)?;
    aes(algorithm, &key, iv, hidden).ok_or(IdentityError::NotPkcs12)
}

fn aes(
    algorithm: &'static Algorithm,
    key: &[u8],
    iv: &[u8],
    hidden: &[u8],
) -> Option<Zeroizing<Vec<u8>>> {
    let key = UnboundCipherKey::new(algorithm, key).ok()?;
    let key = PaddedBlockDecryptingKey::cbc_pkcs7(key).ok()?;
    let iv = FixedLength::from(*iv.as_array()?);
    let mut text = Zeroizing::new(hidden.to_vec());
    let length = key
        .decrypt(&mut text, DecryptionContext::Iv128(iv))
        .ok()?
        .len();
    text.truncate(length);
    Some(text)
}

/// `pkcs-12PbeParams ::= SEQUENCE { salt, iterations }`; the schemes are numbered.
fn pbes1(
    name: &[u8],
    mut parameters: Der<'_>,
    hidden: &[u8],
    passphrase: &Passphrase,
) -> Result<Zeroizing<Vec<u8>>, IdentityError> {
    let salt = parameters.take(OCTET_STRING)?;
    let rounds = rounds(parameters.take(INTEGER)?)?;
    let derived = |purpose, length| {
        passphrase.pkcs12(&SHA1_FOR_LEGACY_USE_ONLY, purpose, salt.0, rounds, length)
    };
    let key = |length| derived(Purpose::Key, length);
    let iv = || derived(Purpose::Iv, 8);
    match under(PBES1_ARC, name) {
        Some(3) => cbc_of::<TdesEde3>(&key(24), &iv(), hidden),
        Some(4) => cbc_of::<TdesEde2>(&key(16), &iv(), hidden),
        Some(5) => rc2(&key(16), &iv(), hidden),
        Some(6) => rc2(&key(5), &iv(), hidden),
        // RC4 among them: broken, and nobody writes it.
        _ => Err(IdentityError::UnsupportedProtection),
    }
}

fn rc2(key: &[u8], iv: &[u8], hidden: &[u8]) -> Result<Zeroizing<Vec<u8>>, IdentityError> {
    let cipher = Rc2::new_with_eff_key_len(key, 8 * key.len());
    let decryptor = Decryptor::inner_iv_slice_init(cipher, iv);
    unpadded(decryptor.ok(), hidden)
}

fn cbc_of<C>(key: &[u8], iv: &[u8], hidden: &[u8]) -> Result<Zeroizing<Vec<u8>>, IdentityError>
where
    C: BlockCipherDecrypt + KeyInit,
{
    unpadded(Decryptor::<C>::new_from_slices(key, iv).ok(), hidden)
}

fn unpadded(
    decryptor: Option<impl BlockModeDecrypt>,
    hidden: &[u8],
) -> Result<Zeroizing<Vec<u8>>, IdentityError> {
    let mut text = Zeroizing::new(hidden.to_vec());
    let length = decryptor
        .and_then(|it| it.decrypt_padded::<Pkcs7>(&mut text).ok().map(<[u8]>::len))
        .ok_or(IdentityError::NotPkcs12)?;
    text.truncate(length);
    Ok(text)
}
