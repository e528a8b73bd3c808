//! A look at a PKCS#12 file before its passphrase is tried: has it a MAC, and how long would it take?
//!
//! A hostile file may ask for 2³¹ rounds of key derivation. The counts stand in clear, so they are read and added up
//! first. Those of bags inside an encrypted part are seen when it is open, and counted to the same sum before any of
//! them is.

use super::IdentityError;
use super::der::{CONTEXT_0, Der, INTEGER, OCTET_STRING, OID, SEQUENCE};
use super::oid::{DATA, ENCRYPTED_DATA, PBES1_ARC, PBES2, PBKDF2, PBMAC1, SHROUDED_KEY_BAG, under};

/// What is done at most, over the MAC and every encrypted part: a few seconds on a slow till. OpenSSL
/// and Java write 2 048 to 10 000 for each.
const MAX_ITERATIONS: u64 = 2_000_000;

/// The rounds that were asked for so far.
#[derive(Debug, Default)]
pub(super) struct Rounds(u64);

impl Rounds {
    fn add(&mut self, rounds: u64) -> Result<(), IdentityError> {
        self.0 = self.0.saturating_add(rounds);
        if self.0 > MAX_ITERATIONS {
            return Err(IdentityError::TooManyIterations {
                iterations: self.0,
                limit: MAX_ITERATIONS,
            });
        }
        Ok(())
    }

    /// Adds those of the bags of an opened part.
    pub(super) fn add_bags(&mut self, bags: Der<'_>) -> Result<(), IdentityError> {
        self.add(cost_of_bags(bags)?)
    }
}

/// Refuses a file without a MAC and one that would take too long to open.
pub(super) fn check(file: &[u8]) -> Result<Rounds, IdentityError> {
    let mut rounds = Rounds::default();
    rounds.add(cost(file)?)?;
    Ok(rounds)
}

/// `PFX ::= SEQUENCE { version, authSafe ContentInfo, macData OPTIONAL }`
fn cost(file: &[u8]) -> Result<u64, IdentityError> {
    let mut outer = Der(file);
    let mut pfx = outer.take(SEQUENCE)?;
    pfx.take(INTEGER)?;
    let mut auth_safe = pfx.take(SEQUENCE)?;
    if pfx.is_empty() {
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
    while !safes.is_empty() {
        total = total.saturating_add(safe(safes.take(SEQUENCE)?)?);
    }
    Ok(total)
}

/// `MacData ::= SEQUENCE { mac DigestInfo, salt OCTET STRING, iterations INTEGER DEFAULT 1 }`; of PBMAC1 the count
/// stands among the parameters of the digest's algorithm, and the one at the end means nothing.
fn mac(mut mac: Der<'_>) -> Result<u64, IdentityError> {
    let mut algorithm = mac.take(SEQUENCE)?.take(SEQUENCE)?;
    if algorithm.take(OID)?.0 == PBMAC1 {
        return pbkdf2(algorithm.take(SEQUENCE)?);
    }
    mac.take(OCTET_STRING)?;
    match mac.take_if(INTEGER)? {
        None => Ok(1),
        Some(rounds) => Ok(rounds.count()),
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
    cost_of_bags(content.take(OCTET_STRING)?)
}

/// `SafeContents ::= SEQUENCE OF SafeBag`
fn cost_of_bags(mut contents: Der<'_>) -> Result<u64, IdentityError> {
    let mut bags = contents.take(SEQUENCE)?;
    let mut total = 0u64;
    while !bags.is_empty() {
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
        return pbkdf2(parameters);
    }
    if under(PBES1_ARC, name).is_none() {
        return Err(IdentityError::UnsupportedProtection);
    }
    parameters.take(OCTET_STRING)?;
    parameters.take(INTEGER).map(Der::count)
}

/// What stands first in the parameters of PBES2 and of PBMAC1.
fn pbkdf2(mut parameters: Der<'_>) -> Result<u64, IdentityError> {
    let mut derivation = parameters.take(SEQUENCE)?;
    // scrypt would ask for memory too; nobody writes it.
    if derivation.take(OID)?.0 != PBKDF2 {
        return Err(IdentityError::UnsupportedProtection);
    }
    let mut parameters = derivation.take(SEQUENCE)?;
    parameters.take(OCTET_STRING)?;
    parameters.take(INTEGER).map(Der::count)
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
