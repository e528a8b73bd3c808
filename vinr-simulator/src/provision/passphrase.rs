//! The passphrase of a `.p12` file: drawn once, shown once, stored nowhere.

use std::fmt;

use zeroize::Zeroizing;

/// A passphrase. Nothing but [`reveal`](Self::reveal) shows it. \[SEC-1\]
#[derive(Clone)]
pub struct Passphrase(Zeroizing<String>);

impl Passphrase {
    /// Draws 100 random bits, in groups that can be typed.
    pub(super) fn draw() -> Result<Self, super::ProvisionError> {
        const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
        let mut random = [0; 20];
        aws_lc_rs::rand::fill(&mut random).map_err(|_| super::ProvisionError::Random)?;
        let groups: Vec<String> = random
            .chunks(5)
            .map(|group| {
                let letter = |byte: &u8| char::from(LETTERS[usize::from(byte % 32)]);
                group.iter().map(letter).collect()
            })
            .collect();
        Ok(Self(Zeroizing::new(groups.join("-"))))
    }

    /// The text, to be shown to a person once or handed to whoever opens the file.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // [SEC-1]
    #[test]
    fn a_passphrase_is_not_shown_by_debug() {
        let passphrase = Passphrase::draw().unwrap();
        assert!(!format!("{passphrase:?}").contains(passphrase.reveal()));
    }

    #[test]
    fn two_passphrases_differ() {
        let draw = || Passphrase::draw().unwrap().reveal().to_owned();
        assert_ne!(draw(), draw());
    }
}
