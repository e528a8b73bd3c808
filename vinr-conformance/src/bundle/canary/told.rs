//! What in a command or a URL that a profile names may be a secret.
//!
//! A profile has no field for a driver's token: it stands somewhere in the command's arguments or in the URL's path. A word
//! is taken for one where its name says so (`--token X`, `key=X`), or where it looks as if nobody had thought it up. What is
//! public anyway, such as the terminal's id, is not.

use super::{SHORTEST, Secret};

/// Who is asked so has a right to know.
const NAMES: [&str; 9] = [
    "token",
    "key",
    "secret",
    "password",
    "passphrase",
    "passwd",
    "auth",
    "bearer",
    "signature",
];

/// A word of this length with letters and digits in it is no word of a language.
const RANDOM: usize = 16;

impl Secret {
    /// The secrets that these words of a profile hold, a command line or a URL.
    pub fn told_in(what: &str, words: &str, public: &[&str]) -> Vec<Self> {
        let mut secrets = Vec::new();
        let mut is_named = false;
        for word in
            words.split(|letter: char| letter.is_whitespace() || "\"'?&=:,;/@#".contains(letter))
        {
            let word = word.trim_matches(['(', ')', '[', ']', '{', '}', '$']);
            if word.is_empty() {
                continue;
            }
            let is_secret = is_named || looks_random(word);
            if is_secret && word.len() >= SHORTEST && !names(word) && !public.contains(&word) {
                secrets.push(Self::new(what, word));
                is_named = false;
            } else {
                is_named = names(word);
            }
        }
        secrets
    }
}

/// `--api-key`, `X-Auth-Token`, `TOKEN`: the next word is the secret.
fn names(word: &str) -> bool {
    let word = word.trim_start_matches('-').to_ascii_lowercase();
    let mut parts = word.split(['-', '_', '.']);
    word.len() < RANDOM && parts.any(|part| NAMES.contains(&part) || part == "authorization")
}

fn looks_random(word: &str) -> bool {
    let has = |kind: fn(&char) -> bool| word.chars().any(|letter| kind(&letter));
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_+.~%".contains(letter);
    // A path, a serial port or a version holds a dot or few digits.
    word.len() >= RANDOM
        && word.chars().all(is_plain)
        && !word.contains('.')
        && has(char::is_ascii_alphabetic)
        && word.chars().filter(char::is_ascii_digit).count() >= 3
}

#[cfg(test)]
mod tests {
    use super::super::Canary;
    use super::*;

    fn leaks(words: &str, text: &str) -> bool {
        let secrets = Secret::told_in("a token", words, &["term_CT20_0042"]);
        Canary::new(&secrets).find(text.as_bytes()).is_some()
    }

    #[test]
    fn a_word_that_is_named_a_secret_is_one() {
        for words in [
            "tap --token hunter2",
            "tap --token=hunter2",
            "TOKEN=hunter2 tap",
            "tap --api-key 'hunter2'",
            "curl -H 'Authorization: Bearer hunter2' http://robot/",
            "curl -H \"X-Auth-Token: hunter2\" http://robot/",
            "http://robot:9000/tap?key=hunter2&device=3",
            "http://robot:9000/key/hunter2",
        ] {
            assert!(leaks(words, "it said hunter2."), "{words}");
        }
    }

    #[test]
    fn a_word_that_nobody_thought_up_is_one_without_a_name() {
        let token = "9f3c1ab27d604e55";
        assert!(leaks(
            &format!("http://robot/{token}"),
            &format!("at {token}")
        ));
        assert!(leaks(
            &format!("http://robot/q?t={token}"),
            &format!("at {token}")
        ));
        assert!(leaks(
            &format!("tap {token} slowly"),
            &format!("at {token}")
        ));
    }

    #[test]
    fn words_that_people_use_are_none() {
        for (words, text) in [
            ("./tap-card --slow", "./tap-card --slow"),
            (
                "http://robot:9000/present-card-slowly",
                "present-card-slowly",
            ),
            ("tap /dev/serial/by-id/usb-3.1.40", "usb-3.1.40"),
            ("tap --terminal term_CT20_0042", "term_CT20_0042"),
            ("http://robot/q?key=term_CT20_0042", "term_CT20_0042"),
            ("tap --key", "tap --key"),
        ] {
            assert!(!leaks(words, text), "{words}");
        }
    }
}
