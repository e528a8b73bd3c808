//! The last look before a bundle is passed on: no secret may stand in it.

use std::fmt;

/// A text that must stand in no file, and what kind of secret it is.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    what: String,
    forms: Vec<String>,
}

/// A shorter text would be found everywhere and says nothing.
const SHORTEST: usize = 6;

/// A PEM body is looked for line by line; its last line may be short.
const LINE: usize = 24;

impl Secret {
    /// A secret; `what` says which in an error, so that the text itself is never repeated.
    ///
    /// It is looked for as it is, as JSON and as HTML write it, and each of its long lines alone: a
    /// key leaks as soon as one of its lines does. Texts of fewer than six bytes are not looked for.
    pub fn new(what: impl Into<String>, text: &str) -> Self {
        let text = text.trim();
        let is_body = |line: &&str| line.len() >= LINE && !line.starts_with("-----");
        let parts: Vec<&str> = if text.contains('\n') {
            text.lines().map(str::trim).filter(is_body).collect()
        } else {
            vec![text]
        };
        let mut forms: Vec<String> = parts
            .into_iter()
            .filter(|part| part.len() >= SHORTEST)
            .flat_map(|part| [part.to_owned(), as_json(part), as_html(part)])
            .collect();
        forms.sort();
        forms.dedup();
        Self {
            what: what.into(),
            forms,
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({})", self.what)
    }
}

/// What kind of secret stands in these bytes, if one does.
pub(super) fn find<'a>(secrets: &'a [Secret], bytes: &[u8]) -> Option<&'a str> {
    let text = String::from_utf8_lossy(bytes);
    secrets
        .iter()
        .find(|secret| secret.forms.iter().any(|form| text.contains(form)))
        .map(|secret| secret.what.as_str())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_passphrase_is_found() {
        assert!(leaks("correct horse", "{\"p\":\"correct horse\"}"));
        assert!(!leaks("correct horse", "{\"p\":\"correct hors\"}"));
    }

    #[test]
    fn a_passphrase_is_found_as_json_and_as_html_write_it() {
        assert!(leaks("a\"b<c>&d", r#"{"p":"a\"b<c>&d"}"#));
        assert!(leaks("a\"b<c>&d", "<td>a&#34;b&#60;c&#62;&#38;d</td>"));
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
    }

    #[test]
    fn a_secret_does_not_show_itself() {
        assert_eq!(
            format!("{:?}", Secret::new("passphrase", "hunter2")),
            "Secret(passphrase)"
        );
    }

    fn leaks(secret: &str, text: &str) -> bool {
        find(&[Secret::new("a secret", secret)], text.as_bytes()).is_some()
    }
}
