//! The API secret key: for the cloud, and never for a terminal.

use std::fmt;
use std::path::Path;

use http::HeaderValue;
use zeroize::Zeroizing;

use super::CloudError;

/// An API secret key, `sk_…`. Its `Debug` prints nothing of it, and nothing that speaks to a terminal can read it.
/// \[TLS-7\]
#[derive(Clone)]
pub struct SecretKey(Zeroizing<String>);

impl SecretKey {
    /// The key as the dashboard shows it: `sk_` and letters, digits and underscores.
    pub fn new(key: impl Into<String>) -> Result<Self, CloudError> {
        let key = Zeroizing::new(key.into());
        let is_one = key.strip_prefix("sk_").is_some_and(|rest| {
            let lawful = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
            !rest.is_empty() && rest.bytes().all(lawful)
        });
        is_one.then_some(Self(key)).ok_or(CloudError::NotAKey)
    }

    /// The key in a file of its own, with or without a line end.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, CloudError> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path).map_err(|source| CloudError::File {
            path: path.to_owned(),
            source,
        })?;
        Self::new(Zeroizing::new(text).trim())
    }

    /// As the cloud wants it, and as nothing that prints headers shows it.
    pub(super) fn authorization(&self) -> HeaderValue {
        let text = Zeroizing::new(format!("Bearer {}", *self.0));
        let mut value = HeaderValue::from_str(&text)
            .expect("a key is letters, digits and underscores, which a header may hold");
        value.set_sensitive(true);
        value
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_not_printed_and_neither_is_its_header() {
        let key = SecretKey::new("sk_test_canary").unwrap();
        let shown = format!("{key:?} {:?}", key.authorization());
        assert!(!shown.contains("canary"), "{shown}");
    }

    #[test]
    fn what_is_no_secret_key_is_refused() {
        for wrong in ["", "sk_", "pk_test_1", "sk_test_1\r\nX: 1", "sk_test 1"] {
            assert!(SecretKey::new(wrong).is_err(), "{wrong:?}");
        }
    }
}
