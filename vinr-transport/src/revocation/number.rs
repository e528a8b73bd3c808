//! The number of a list.

use std::fmt;

/// A cRLNumber: up to 20 octets, and only ever greater (RFC 5280 §5.2.3).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CrlNumber([u8; Self::OCTETS]);

impl CrlNumber {
    const OCTETS: usize = 20;

    /// From big-endian octets without a sign; none where there are too many.
    pub(super) fn from_be(octets: &[u8]) -> Option<Self> {
        let mut number = [0; Self::OCTETS];
        let start = Self::OCTETS.checked_sub(octets.len())?;
        number[start..].copy_from_slice(octets);
        Some(Self(number))
    }
}

impl fmt::Display for CrlNumber {
    /// Decimal as far as people write such numbers, else hexadecimal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.split_first_chunk::<4>() {
            Some(([0, 0, 0, 0], low)) => {
                let low = low
                    .iter()
                    .fold(0u128, |sum, octet| (sum << 8) | u128::from(*octet));
                write!(f, "{low}")
            }
            _ => {
                f.write_str("0x")?;
                self.0.iter().try_for_each(|octet| write!(f, "{octet:02X}"))
            }
        }
    }
}

impl fmt::Debug for CrlNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CrlNumber({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(octets: &[u8]) -> CrlNumber {
        CrlNumber::from_be(octets).expect("20 octets at most")
    }

    #[test]
    fn numbers_are_compared_as_numbers_and_not_as_text() {
        assert!(number(&[1, 0]) > number(&[255]));
    }

    #[test]
    fn twenty_octets_are_a_number() {
        assert_eq!(
            number(&[255; 20]).to_string(),
            format!("0x{}", "FF".repeat(20))
        );
    }

    #[test]
    fn twenty_one_octets_are_none() {
        assert_eq!(CrlNumber::from_be(&[1; 21]), None);
    }

    #[test]
    fn what_people_write_is_shown_in_decimal() {
        assert_eq!(number(&[1, 0]).to_string(), "256");
    }
}
