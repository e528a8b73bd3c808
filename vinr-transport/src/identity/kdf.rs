//! A look at a PKCS#12 file before its passphrase is tried: has it a MAC, and how long would it take?
//!
//! A hostile file may ask for 2³¹ rounds of key derivation. The counts stand in clear, so they are read
//! and added up first. Those of bags inside an encrypted part cannot be seen; they are reached only
//! after the MAC was found right, by whoever made the file with its passphrase, and the reader bounds
//! each of them.

use super::IdentityError;

/// What is done at most, over the MAC and every encrypted part: a few seconds on a slow till. OpenSSL
/// and Java write 2 048 to 10 000 for each.
const MAX_ITERATIONS: u64 = 2_000_000;

const DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];
const ENCRYPTED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x06];
const SHROUDED_KEY_BAG: &[u8] = &[
    0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c, 0x0a, 0x01, 0x02,
];
const PBES2: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0d];
const PBKDF2: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0c];
/// `pbeWithSHAAnd3-KeyTripleDES-CBC` and the other legacy schemes share this beginning.
const PBES1_ARC: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x0c, 0x01];

const INTEGER: u8 = 0x02;
const OCTET_STRING: u8 = 0x04;
const OID: u8 = 0x06;
const SEQUENCE: u8 = 0x30;
const CONTEXT_0: u8 = 0xa0;

/// Refuses a file without a MAC and one that would take too long to open.
pub(super) fn check(file: &[u8]) -> Result<(), IdentityError> {
    let cost = cost(file)?;
    if cost > MAX_ITERATIONS {
        return Err(IdentityError::TooManyIterations {
            iterations: cost,
            limit: MAX_ITERATIONS,
        });
    }
    Ok(())
}

/// `PFX ::= SEQUENCE { version, authSafe ContentInfo, macData OPTIONAL }`
fn cost(file: &[u8]) -> Result<u64, IdentityError> {
    let mut outer = Der(file);
    let mut pfx = outer.take(SEQUENCE)?;
    pfx.take(INTEGER)?;
    let mut auth_safe = pfx.take(SEQUENCE)?;
    if pfx.0.is_empty() {
        return Err(IdentityError::NoMac);
    }
    let mut total = mac(pfx.take(SEQUENCE)?)?;
    if auth_safe.take(OID)?.0 != DATA {
        return Err(IdentityError::UnsupportedProtection);
    }
    let mut safes = auth_safe
        .take(CONTEXT_0)?
        .take(OCTET_STRING)?
        .take(SEQUENCE)?;
    while !safes.0.is_empty() {
        total = total.saturating_add(safe(safes.take(SEQUENCE)?)?);
    }
    Ok(total)
}

/// `MacData ::= SEQUENCE { mac, salt OCTET STRING, iterations INTEGER DEFAULT 1 }`
fn mac(mut mac: Der<'_>) -> Result<u64, IdentityError> {
    mac.take(SEQUENCE)?;
    mac.take(OCTET_STRING)?;
    if mac.0.is_empty() {
        Ok(1)
    } else {
        mac.take(INTEGER).map(count)
    }
}

/// One part of the file: encrypted as a whole, or in clear with encrypted keys.
fn safe(mut info: Der<'_>) -> Result<u64, IdentityError> {
    let kind = info.take(OID)?.0;
    let mut content = info.take(CONTEXT_0)?;
    if kind == ENCRYPTED_DATA {
        let mut encrypted = content.take(SEQUENCE)?;
        encrypted.take(INTEGER)?;
        let mut encrypted = encrypted.take(SEQUENCE)?;
        encrypted.take(OID)?;
        return algorithm(encrypted.take(SEQUENCE)?);
    }
    if kind != DATA {
        return Err(IdentityError::UnsupportedProtection);
    }
    let mut bags = content.take(OCTET_STRING)?.take(SEQUENCE)?;
    let mut total = 0u64;
    while !bags.0.is_empty() {
        let mut bag = bags.take(SEQUENCE)?;
        if bag.take(OID)?.0 == SHROUDED_KEY_BAG {
            let mut key = bag.take(CONTEXT_0)?.take(SEQUENCE)?;
            total = total.saturating_add(algorithm(key.take(SEQUENCE)?)?);
        }
    }
    Ok(total)
}

/// The rounds that an encryption scheme asks for.
fn algorithm(mut scheme: Der<'_>) -> Result<u64, IdentityError> {
    let name = scheme.take(OID)?.0;
    let mut parameters = scheme.take(SEQUENCE)?;
    if name == PBES2 {
        let mut derivation = parameters.take(SEQUENCE)?;
        // scrypt would ask for memory too; nobody writes it.
        if derivation.take(OID)?.0 != PBKDF2 {
            return Err(IdentityError::UnsupportedProtection);
        }
        parameters = derivation.take(SEQUENCE)?;
    } else if !name.starts_with(PBES1_ARC) {
        return Err(IdentityError::UnsupportedProtection);
    }
    parameters.take(OCTET_STRING)?;
    parameters.take(INTEGER).map(count)
}

/// A count; what is negative or does not fit is more than any limit.
fn count(integer: Der<'_>) -> u64 {
    match integer.0 {
        [] => u64::MAX,
        [first, ..] if first & 0x80 != 0 => u64::MAX,
        bytes if bytes.len() > 8 => u64::MAX,
        bytes => bytes
            .iter()
            .fold(0, |value, byte| value << 8 | u64::from(*byte)),
    }
}

/// What is left of a DER value.
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    /// Takes the next element, which must have this tag, and gives its contents.
    fn take(&mut self, tag: u8) -> Result<Der<'a>, IdentityError> {
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
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Asks for 900 000 rounds in the encrypted part, in the key bag and in the MAC.
    const FILE: &[u8] = include_bytes!("../../tests/fixtures/many-rounds.p12");
    const ROUNDS: [u8; 5] = [INTEGER, 3, 0x0d, 0xbb, 0xa0];

    /// The file with other counts, in the order in which they stand.
    fn with_rounds(counts: [u32; 3]) -> Vec<u8> {
        let mut file = FILE.to_vec();
        let mut counts = counts.into_iter();
        for at in 0..=file.len() - ROUNDS.len() {
            if file[at..at + ROUNDS.len()] == ROUNDS {
                let count = counts.next().expect("there are three").to_be_bytes();
                file[at + 2..at + 5].copy_from_slice(&count[1..]);
            }
        }
        assert_eq!(counts.next(), None);
        file
    }

    #[test]
    fn two_million_rounds_in_all_are_done_and_not_one_more() {
        assert!(check(&with_rounds([1_000_000, 999_999, 1])).is_ok());
        for counts in [[1_000_001, 999_999, 1], [1, 1_000_000, 1_000_000]] {
            assert!(matches!(
                check(&with_rounds(counts)),
                Err(IdentityError::TooManyIterations {
                    iterations: 2_000_001,
                    ..
                })
            ));
        }
    }

    #[test]
    fn no_bytes_make_it_panic() {
        for at in 0..FILE.len() {
            for byte in [0x00, 0x30, 0x7f, 0x80, 0x84, 0xff] {
                let mut file = FILE.to_vec();
                file[at] = byte;
                // Whatever it says, it says it.
                let _ = check(&file);
            }
        }
    }
}
