//! The last look before a bundle is passed on: no secret may stand in it.

mod told;

use std::fmt;

use aho_corasick::{AhoCorasick, MatchKind};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A text that must stand in no file, and what kind of secret it is.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    what: String,
    forms: Vec<String>,
}

/// A shorter text would be found everywhere and says nothing.
const SHORTEST: usize = 6;

/// A shorter text is looked for as it is, and not as others encode it: what is left of it would be found by chance.
const SHORTEST_ENCODED: usize = 12;

/// A PEM body is looked for line by line; its last line may be short.
const LINE: usize = 24;

impl Secret {
    /// A secret; `what` says which in an error, so that the text itself is never repeated.
    ///
    /// It is looked for as it is, as JSON, HTML and URLs write it, in Base64 and in hexadecimal. Of a text of several lines
    /// each long line is looked for alone: a key leaks as soon as one of its lines does. Texts of fewer than six bytes are
    /// not looked for.
    pub fn new(what: impl Into<String>, text: &str) -> Self {
        let text = text.trim();
        let mut forms: Vec<String> = if text.contains('\n') {
            let is_body = |line: &&str| line.len() >= LINE && !line.starts_with("-----");
            text.lines()
                .map(str::trim)
                .filter(is_body)
                .map(str::to_owned)
                .collect()
        } else if text.len() >= SHORTEST {
            every_form(text)
        } else {
            Vec::new()
        };
        forms.sort();
        forms.dedup();
        Self {
            what: what.into(),
            forms,
        }
    }

    /// The same for bytes that are no text: in hexadecimal and in Base64.
    pub(super) fn of_bytes(what: impl Into<String>, bytes: &[u8]) -> Self {
        Self {
            what: what.into(),
            forms: encoded(bytes),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({})", self.what)
    }
}

/// Looks for all of them at once.
pub(super) struct Canary<'a> {
    secrets: &'a [Secret],
    /// Whose each pattern is.
    owners: Vec<usize>,
    patterns: AhoCorasick,
}

impl<'a> Canary<'a> {
    pub(super) fn new(secrets: &'a [Secret]) -> Self {
        let forms = secrets
            .iter()
            .enumerate()
            .flat_map(|(owner, secret)| secret.forms.iter().map(move |form| (owner, form)));
        let (owners, forms): (Vec<_>, Vec<_>) = forms.unzip();
        let patterns = AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            .build(forms)
            .expect("some hundred short patterns are far from the limits");
        Self {
            secrets,
            owners,
            patterns,
        }
    }

    /// What kind of secret stands in these bytes, if one does.
    pub(super) fn find(&self, bytes: &[u8]) -> Option<&'a str> {
        let found = self.patterns.find(bytes)?;
        let owner = self.owners[found.pattern().as_usize()];
        Some(&self.secrets[owner].what)
    }
}

fn every_form(text: &str) -> Vec<String> {
    let mut forms = vec![text.to_owned(), as_json(text), as_html(text), in_url(text)];
    if text.len() >= SHORTEST_ENCODED {
        forms.extend(encoded(text.as_bytes()));
    }
    forms
}

fn encoded(bytes: &[u8]) -> Vec<String> {
    let hexadecimal = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let base64 = (0..3).map(|before| in_base64(bytes, before));
    base64.chain([hexadecimal]).collect()
}

fn as_json(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

/// As askama escapes it.
fn as_html(text: &str) -> String {
    text.replace('&', "&#38;")
        .replace('<', "&#60;")
        .replace('>', "&#62;")
        .replace('"', "&#34;")
        .replace('\'', "&#39;")
}

fn in_url(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(byte.into());
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// What is left of it in the Base64 of a longer text, in which so many bytes stand before it.
fn in_base64(bytes: &[u8], before: usize) -> String {
    let padded = [&vec![0; before], bytes].concat();
    let encoded = STANDARD.encode(&padded);
    // A letter holds six bits. Those at both ends hold bits of the neighbours, too.
    let from = (before * 8).div_ceil(6);
    let to = padded.len() * 8 / 6;
    encoded[from..to].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_passphrase_is_found() {
        assert!(leaks("correct horse", "{\"p\":\"correct horse\"}"));
        assert!(!leaks("correct horse", "{\"p\":\"correct hors\"}"));
    }

    #[test]
    fn a_passphrase_is_found_as_json_html_and_urls_write_it() {
        assert!(leaks("a\"b<c>&d", r#"{"p":"a\"b<c>&d"}"#));
        assert!(leaks("a\"b<c>&d", "<td>a&#34;b&#60;c&#62;&#38;d</td>"));
        assert!(leaks("correct horse", "GET /?p=correct%20horse"));
    }

    #[test]
    fn a_token_is_found_in_base64_wherever_it_stands_there() {
        for before in ["", "u", "us", "user:", "Bearer "] {
            let header = STANDARD.encode(format!("{before}sk_test_90c1ab7e and more"));
            assert!(leaks("sk_test_90c1ab7e", &header), "{before}: {header}");
        }
        assert!(leaks("sk_test_90c1", "736b5f746573745f39306331"));
    }

    #[test]
    fn one_line_of_a_key_is_enough() {
        let key = "-----BEGIN PRIVATE KEY-----\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49\nAwEHBG0wawIBAQQg\n-----END PRIVATE KEY-----\n";
        assert!(leaks(key, "seen: MIGHAgEAMBMGByqGSM49AgEGCCqGSM49"));
        assert!(!leaks(key, "seen: -----BEGIN PRIVATE KEY-----"));
    }

    #[test]
    fn a_text_too_short_to_mean_anything_is_not_looked_for() {
        assert!(!leaks("pos", "a position"));
        assert!(!leaks("", "anything"));
    }

    #[test]
    fn the_secret_that_leaked_is_the_one_that_is_named() {
        let secrets = [
            Secret::new("a key", "correct horse"),
            Secret::new("a token", "battery staple"),
        ];
        let canary = Canary::new(&secrets);
        assert_eq!(canary.find(b"a battery staple"), Some("a token"));
        assert_eq!(canary.find(b"a battery stapl"), None);
    }

    #[test]
    fn a_secret_does_not_show_itself() {
        assert_eq!(
            format!("{:?}", Secret::new("passphrase", "hunter2")),
            "Secret(passphrase)"
        );
    }

    fn leaks(secret: &str, text: &str) -> bool {
        let secrets = [Secret::new("a secret", secret)];
        Canary::new(&secrets).find(text.as_bytes()).is_some()
    }
}
