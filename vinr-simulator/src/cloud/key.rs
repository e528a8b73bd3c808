//! The API key: who may ask the cloud.

use std::fmt;
use std::io;
use std::path::Path;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use zeroize::Zeroizing;

const X_API_KEY: &str = "x-api-key";

/// A secret key of the sandbox, `sk_test_…`. It never reaches a terminal. \[TLS-7\]
#[derive(Clone)]
pub struct ApiKey(Zeroizing<String>);

impl ApiKey {
    /// Reads it from its file.
    pub fn read(path: &Path) -> io::Result<Self> {
        let text = Zeroizing::new(std::fs::read_to_string(path)?);
        let key = text.trim();
        let is_key = key.strip_prefix("sk_test_").is_some_and(|rest| {
            (16..=128).contains(&rest.len()) && rest.bytes().all(|it| it.is_ascii_alphanumeric())
        });
        if !is_key {
            let why = "expected 'sk_test_' and 16 to 128 letters and digits";
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
        Ok(Self(Zeroizing::new(key.to_owned())))
    }

    /// The text of the key.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Does a request name it? As `Authorization: Bearer` or as `X-Api-Key`; where both stand, both must. Takes as long
    /// for a near miss as for a far one.
    pub(super) fn opens(&self, headers: &HeaderMap) -> bool {
        let bearers = headers.get_all(AUTHORIZATION).iter().map(|value| {
            let bearer = value.as_bytes().split_at_checked(7);
            bearer.is_some_and(|(scheme, key)| {
                scheme.eq_ignore_ascii_case(b"Bearer ") && self.is(key)
            })
        });
        let plain = headers
            .get_all(X_API_KEY)
            .iter()
            .map(|key| self.is(key.as_bytes()));
        let named: Vec<bool> = bearers.chain(plain).collect();
        !named.is_empty() && named.into_iter().all(|is_ours| is_ours)
    }

    fn is(&self, key: &[u8]) -> bool {
        verify_slices_are_equal(key, self.0.as_bytes()).is_ok()
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    const KEY: &str = "sk_test_0123456789abcdef";

    fn key() -> ApiKey {
        ApiKey(Zeroizing::new(KEY.into()))
    }

    fn opens(headers: &[(&'static str, &str)]) -> bool {
        let header = |(name, value): &(&'static str, &str)| {
            let value = HeaderValue::from_str(value).unwrap();
            (HeaderName::from_static(name), value)
        };
        let mut map = HeaderMap::new();
        for (name, value) in headers.iter().map(header) {
            map.append(name, value);
        }
        key().opens(&map)
    }

    #[test]
    fn either_header_opens() {
        let bearer = format!("Bearer {KEY}");
        assert!(opens(&[("authorization", &bearer)]));
        assert!(opens(&[("x-api-key", KEY)]));
        assert!(opens(&[("authorization", &bearer), ("x-api-key", KEY)]));
    }

    #[test]
    fn nothing_else_opens() {
        let bearer = format!("Bearer {KEY}");
        assert!(!opens(&[]));
        for wrong in [
            "",
            KEY,
            "Bearer",
            "Bearer sk_test_0123456789abcdee",
            &format!("{bearer}0"),
        ] {
            assert!(!opens(&[("authorization", wrong)]), "{wrong}");
        }
        assert!(!opens(&[("x-api-key", &bearer)]));
        assert!(!opens(&[
            ("authorization", "Bearer no"),
            ("x-api-key", KEY)
        ]));
    }

    #[test]
    fn a_key_is_not_shown_by_debug() {
        assert!(!format!("{:?}", key()).contains("0123"));
    }

    #[test]
    fn a_file_without_a_key_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), format!("{KEY}\n")).unwrap();
        assert_eq!(ApiKey::read(file.path()).unwrap().reveal(), KEY);
        std::fs::write(file.path(), "sk_live_0123456789abcdef").unwrap();
        assert!(ApiKey::read(file.path()).is_err());
    }
}
