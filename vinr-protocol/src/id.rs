//! The names on the wire: terminals, sales, attempts, payments, journals.
//!
//! Each is checked where it enters and trusted afterwards. All are compared byte for byte.

use std::fmt;
use std::sync::Arc;

/// A text is not the name that it should be. Says what was expected and never repeats the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{what} is {expected}")]
pub struct InvalidId {
    /// Which kind of name was read.
    pub what: &'static str,
    /// What such a name looks like.
    pub expected: &'static str,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $what:literal, $expected:literal, $is_valid:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Reads the name, or says what it should look like.
            pub fn new(text: &str) -> Result<Self, InvalidId> {
                let is_valid: fn(&str) -> bool = $is_valid;
                if is_valid(text) {
                    Ok(Self(text.into()))
                } else {
                    Err(InvalidId { what: $what, expected: $expected })
                }
            }

            /// The name as it stands on the wire.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::new(text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                Self::new(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}

fn made_of(text: &str, len: std::ops::RangeInclusive<usize>, allowed: fn(u8) -> bool) -> bool {
    len.contains(&text.len()) && text.bytes().all(allowed)
}

fn visible_ascii(byte: u8) -> bool {
    byte.is_ascii_graphic()
}

id! {
    /// The id of one terminal, such as `term_CT20_0042`; the page's SDK calls it `readerId`.
    ///
    /// At most 63 bytes, so that it fits a certificate's name and an mDNS label.
    TerminalId, "a terminal id", "'term_' and 1 to 58 of A-Z a-z 0-9 _ -",
    |text| text.strip_prefix("term_").is_some_and(|rest| {
        made_of(rest, 1..=58, |b| b.is_ascii_alphanumeric() || b"_-".contains(&b))
    })
}

id! {
    /// What the merchant calls the sale, such as `order_8821`; one sale may see several attempts.
    Reference, "a reference", "1 to 64 of A-Z a-z 0-9 . _ : / -",
    |text| made_of(text, 1..=64, |b| b.is_ascii_alphanumeric() || b"._:/-".contains(&b))
}

id! {
    /// The `Idempotency-Key` of one attempt to get a sale paid.
    AttemptKey, "an Idempotency-Key", "1 to 255 characters from '!' to '~'",
    |text| made_of(text, 1..=255, visible_ascii)
}

id! {
    /// The id a terminal gave a payment; ours are `tpay_` and a ULID, a stranger's may look otherwise.
    PaymentId, "a payment id", "1 to 255 characters from '!' to '~'",
    |text| made_of(text, 1..=255, visible_ascii)
}

id! {
    /// The random id of a terminal's journal: another one means that the device was wiped or swapped.
    JournalId, "a journal id", "1 to 255 characters from '!' to '~'",
    |text| made_of(text, 1..=255, visible_ascii)
}

id! {
    /// The id of one answer, `x-vinr-request-id`.
    RequestId, "a request id", "1 to 255 characters from '!' to '~'",
    |text| made_of(text, 1..=255, visible_ascii)
}

id! {
    /// The id of one webhook event, `evt_` and a ULID: the same each time the event is sent.
    EventId, "an event id", "1 to 255 characters from '!' to '~'",
    |text| made_of(text, 1..=255, visible_ascii)
}

id! {
    /// The id of a place where webhooks are sent.
    WebhookEndpointId, "a webhook endpoint id", "1 to 255 characters from '!' to '~'",
    |text| made_of(text, 1..=255, visible_ascii)
}

impl TerminalId {
    /// The URI that a POS certificate carries for this terminal. Compared as bytes. \[TLS-6\]
    pub fn urn(&self) -> String {
        format!("{URN_PREFIX}{self}")
    }
}

/// What every terminal URI of a POS certificate begins with.
pub const URN_PREFIX: &str = "urn:vinr:terminal:";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_has_1_to_64_characters() {
        assert!(Reference::new("").is_err());
        assert!(Reference::new(&"a".repeat(64)).is_ok());
        assert!(Reference::new(&"a".repeat(65)).is_err());
    }

    #[test]
    fn a_reference_takes_no_space_control_or_foreign_letter() {
        for wrong in [
            "a b",
            "a\n",
            "a\0",
            "caf\u{e9}",
            "a+b",
            "a%20b",
            "\u{feff}a",
        ] {
            assert!(Reference::new(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_terminal_id_fits_a_certificate_name_and_an_mdns_label() {
        let longest = format!("term_{}", "x".repeat(58));
        assert_eq!(longest.len(), 63);
        assert!(TerminalId::new(&longest).is_ok());
        assert!(TerminalId::new(&format!("{longest}x")).is_err());
    }

    #[test]
    fn a_terminal_id_begins_with_term() {
        for wrong in ["term_", "Term_1", "CT20", "term_a.b", "term_a b"] {
            assert!(TerminalId::new(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn an_attempt_key_has_1_to_255_visible_characters() {
        assert!(AttemptKey::new("").is_err());
        assert!(AttemptKey::new(&"~".repeat(255)).is_ok());
        assert!(AttemptKey::new(&"!".repeat(256)).is_err());
        assert!(AttemptKey::new("a b").is_err());
    }

    #[test]
    fn an_error_does_not_repeat_the_text() {
        let error = Reference::new("se cret").unwrap_err().to_string();
        assert!(!error.contains("cret"), "{error}");
    }
}
