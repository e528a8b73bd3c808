//! Serial numbers, made comparable.

use x509_parser::certificate::X509Certificate;

/// RFC 5280 §4.1.2.2.
const OCTETS: usize = 20;

/// A serial number without its leading zeros, right-aligned: 20 octets however many there are of them, so that a long
/// list is one block of memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Serial([u8; OCTETS]);

impl Serial {
    /// None where it is longer than a serial number may be.
    pub(super) fn new(raw: &[u8]) -> Option<Self> {
        let first = raw
            .iter()
            .position(|octet| *octet != 0)
            .unwrap_or(raw.len());
        let significant = &raw[first..];
        let mut serial = [0; OCTETS];
        let start = OCTETS.checked_sub(significant.len())?;
        serial[start..].copy_from_slice(significant);
        Some(Self(serial))
    }

    pub(super) fn of(certificate: &X509Certificate<'_>) -> Option<Self> {
        Self::new(certificate.raw_serial())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leading_zero_makes_no_other_serial() {
        assert_eq!(Serial::new(&[0, 0x80, 1]), Serial::new(&[0x80, 1]));
    }

    #[test]
    fn a_trailing_zero_does() {
        assert_ne!(Serial::new(&[1, 0]), Serial::new(&[1]));
    }

    #[test]
    fn twenty_octets_are_a_serial_and_twenty_one_are_not() {
        assert!(Serial::new(&[7; 20]).is_some());
        assert!(Serial::new(&[7; 21]).is_none());
    }
}
