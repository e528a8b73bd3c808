//! The secrets that a till is given, and where they must not be.

/// Secrets by what they are. Its `Debug` prints none of them.
#[derive(Clone, Default)]
pub(crate) struct Veil(Vec<(String, String)>);

impl Veil {
    /// Adds a secret. Texts of fewer than six bytes mean nothing and are left out.
    pub(crate) fn add(&mut self, what: &str, text: &str) {
        if text.len() >= 6 {
            self.0.push((what.to_owned(), text.to_owned()));
        }
    }

    /// Each secret with what it is.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(what, text)| (what.as_str(), text.as_str()))
    }

    /// Puts `…` in the place of every secret.
    pub(crate) fn cover(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (_, secret)| {
            if text.contains(secret) {
                text.replace(secret, "\u{2026}")
            } else {
                text
            }
        })
    }

    /// What stands in these bytes.
    pub(crate) fn find(&self, bytes: &[u8]) -> Vec<&str> {
        let stands = |secret: &str| {
            let secret = secret.as_bytes();
            bytes.windows(secret.len()).any(|window| window == secret)
        };
        self.0
            .iter()
            .filter(|(_, secret)| stands(secret))
            .map(|(what, _)| what.as_str())
            .collect()
    }

    /// How long the longest is.
    pub(crate) fn longest(&self) -> usize {
        self.0
            .iter()
            .map(|(_, secret)| secret.len())
            .max()
            .unwrap_or(0)
    }
}

impl std::fmt::Debug for Veil {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Veil of {}", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::Veil;

    // [SEC-1]
    #[test]
    fn a_secret_is_covered_and_found() {
        let mut veil = Veil::default();
        veil.add("the passphrase", "correct horse");
        assert_eq!(veil.cover("it is correct horse!"), "it is \u{2026}!");
        assert_eq!(veil.find(b"it is correct horse!"), ["the passphrase"]);
        assert!(veil.find(b"it is correct hors").is_empty());
        assert!(!format!("{veil:?}").contains("horse"));
    }
}
