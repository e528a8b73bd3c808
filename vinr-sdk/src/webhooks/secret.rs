//! What a merchant's server knows its webhooks by.

use std::fmt;

use zeroize::Zeroizing;

/// The shortest secret that is one. An unset variable must not become a key that everybody knows.
const MIN: usize = 16;

/// The secret of a webhook endpoint, `whsec_…`, and while it rotates the one before it. Its `Debug` prints nothing of
/// either.
#[derive(Clone)]
pub struct WebhookSecret {
    current: Zeroizing<String>,
    previous: Option<Zeroizing<String>>,
}

/// A text is no webhook secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a webhook secret is at least 16 visible ASCII characters, such as whsec_…: is it set, and without a line end?"
)]
#[non_exhaustive]
pub struct InvalidSecret;

impl WebhookSecret {
    /// The secret as the endpoint's registration showed it.
    pub fn new(secret: impl Into<String>) -> Result<Self, InvalidSecret> {
        Ok(Self {
            current: checked(secret)?,
            previous: None,
        })
    }

    /// While the secret rotates the one before it counts too: for 24 h both sign. \[EVT-4\]
    pub fn or(self, previous: impl Into<String>) -> Result<Self, InvalidSecret> {
        Ok(Self {
            previous: Some(checked(previous)?),
            ..self
        })
    }

    pub(super) fn bytes(&self) -> Vec<&[u8]> {
        [Some(&self.current), self.previous.as_ref()]
            .into_iter()
            .flatten()
            .map(|secret| secret.as_bytes())
            .collect()
    }
}

fn checked(secret: impl Into<String>) -> Result<Zeroizing<String>, InvalidSecret> {
    let secret = Zeroizing::new(secret.into());
    let is_one = secret.len() >= MIN && secret.bytes().all(|byte| byte.is_ascii_graphic());
    is_one.then_some(secret).ok_or(InvalidSecret)
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unset_secret_is_none() {
        assert!(WebhookSecret::new("").is_err());
        assert!(WebhookSecret::new("0123456789abcde").is_err());
        assert!(WebhookSecret::new("0123456789abcdef").is_ok());
        assert!(WebhookSecret::new("0123456789abcdef\n").is_err());
    }

    #[test]
    fn a_secret_is_not_printed() {
        let secret = WebhookSecret::new("whsec_0123456789")
            .and_then(|it| it.or("whsec_9876543210"))
            .unwrap();
        let shown = format!("{secret:?}");
        assert!(
            !shown.contains("0123") && !shown.contains("9876"),
            "{shown}"
        );
    }
}
