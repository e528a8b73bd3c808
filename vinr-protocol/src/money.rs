//! Whole minor units and their currency. No floating point anywhere.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An amount to charge, in the currency's minor unit (`2500` is 25.00 USD): 1 to 99 999 999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct Amount(u32);

impl Amount {
    /// The smallest amount a terminal takes.
    pub const MIN: Amount = Amount(1);
    /// The largest amount a terminal takes.
    pub const MAX: Amount = Amount(99_999_999);

    /// Reads an amount in minor units.
    pub fn new(minor_units: u64) -> Result<Self, InvalidAmount> {
        match u32::try_from(minor_units) {
            Ok(units) if (Self::MIN.0..=Self::MAX.0).contains(&units) => Ok(Self(units)),
            _ => Err(InvalidAmount),
        }
    }

    /// The amount in minor units.
    pub fn minor_units(self) -> u64 {
        u64::from(self.0)
    }
}

/// The number is not an amount that can be charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an amount is a whole number of minor units from 1 to 99999999")]
pub struct InvalidAmount;

impl TryFrom<u64> for Amount {
    type Error = InvalidAmount;
    fn try_from(minor_units: u64) -> Result<Self, InvalidAmount> {
        Self::new(minor_units)
    }
}

impl From<Amount> for u64 {
    fn from(amount: Amount) -> u64 {
        amount.minor_units()
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An ISO 4217 currency code, three upper-case letters.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency([u8; 3]);

impl Currency {
    /// The currency of the page's examples and of the documented offline limits.
    pub const USD: Currency = Currency(*b"USD");

    /// Reads a code; lower case and codes outside ISO 4217 are refused.
    pub fn new(code: &str) -> Result<Self, InvalidCurrency> {
        let letters: [u8; 3] = code.as_bytes().try_into().map_err(|_| InvalidCurrency)?;
        match iso_currency::Currency::from_code(code) {
            // Metals, test codes and "no currency" have no minor unit: nobody pays in them.
            Some(currency)
                if currency.exponent().is_some() && letters.iter().all(u8::is_ascii_uppercase) =>
            {
                Ok(Self(letters))
            }
            _ => Err(InvalidCurrency),
        }
    }

    /// The three letters.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).expect("a currency is made of three ASCII letters")
    }

    /// How many digits of an amount stand behind the decimal point when a person reads it.
    pub fn exponent(self) -> u16 {
        iso_currency::Currency::from_code(self.code())
            .and_then(iso_currency::Currency::exponent)
            .unwrap_or(0)
    }

    /// The amount as a person reads it: `25.00 USD`, `500 JPY`.
    pub fn format(self, minor_units: u64) -> String {
        let digits = usize::from(self.exponent());
        let padded = format!("{minor_units:0>width$}", width = digits + 1);
        let (whole, fraction) = padded.split_at(padded.len() - digits);
        let point = if digits == 0 { "" } else { "." };
        format!("{whole}{point}{fraction} {self}")
    }
}

/// The text is not a currency code that a terminal knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a currency is an ISO 4217 code of three upper-case letters")]
pub struct InvalidCurrency;

impl TryFrom<String> for Currency {
    type Error = InvalidCurrency;
    fn try_from(code: String) -> Result<Self, InvalidCurrency> {
        Self::new(&code)
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> String {
        currency.code().to_owned()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Currency({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_at_least_one_minor_unit() {
        assert_eq!(Amount::new(0), Err(InvalidAmount));
        assert_eq!(Amount::new(1), Ok(Amount::MIN));
    }

    #[test]
    fn an_amount_is_at_most_99_999_999_minor_units() {
        assert_eq!(Amount::new(99_999_999), Ok(Amount::MAX));
        assert_eq!(Amount::new(100_000_000), Err(InvalidAmount));
    }

    #[test]
    fn an_amount_that_wraps_a_u32_is_refused() {
        assert_eq!(Amount::new((1 << 32) + 5), Err(InvalidAmount));
    }

    #[test]
    fn a_currency_is_upper_case_and_known() {
        assert_eq!(Currency::new("USD"), Ok(Currency::USD));
        for wrong in [
            "usd", "US", "USDX", "QQQ", "XXX", "XTS", "XAU", "", "U\u{e9}",
        ] {
            assert_eq!(Currency::new(wrong), Err(InvalidCurrency), "{wrong}");
        }
    }

    #[test]
    fn amounts_read_as_people_write_them() {
        let of = |code: &str, units| Currency::new(code).expect("known").format(units);
        assert_eq!(of("USD", 2500), "25.00 USD");
        assert_eq!(of("USD", 5), "0.05 USD");
        assert_eq!(of("JPY", 500), "500 JPY");
        assert_eq!(of("KWD", 1234), "1.234 KWD");
    }
}
