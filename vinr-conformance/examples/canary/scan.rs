//! Looks for all secrets in all forms at once.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use aho_corasick::{AhoCorasick, MatchKind};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

use crate::canaries::Canary;
use crate::forms;

/// Where a secret was found.
pub(crate) struct Finding<'a> {
    pub(crate) canary: &'a Canary,
    pub(crate) form: &'static str,
    pub(crate) file: PathBuf,
    pub(crate) at: usize,
}

pub(crate) struct Scanner<'a> {
    canaries: &'a [Canary],
    /// Of each pattern: whose it is, and in which form.
    patterns: Vec<(usize, &'static str)>,
    automaton: AhoCorasick,
}

impl<'a> Scanner<'a> {
    pub(crate) fn new(canaries: &'a [Canary]) -> Self {
        let mut patterns = Vec::new();
        let mut needles = Vec::new();
        for (whose, canary) in canaries.iter().enumerate() {
            for (form, needle) in forms::of(&canary.secret) {
                patterns.push((whose, form));
                needles.push(needle);
            }
        }
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            .build(&needles)
            .expect("a few thousand short patterns fit");
        Self {
            canaries,
            patterns,
            automaton,
        }
    }

    /// Searches a file; its length, and what was found: each secret in each form once.
    pub(crate) fn file(&self, path: &Path) -> io::Result<(u64, Vec<Finding<'a>>)> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        let found = self.stream(file)?;
        let finding = |(pattern, at): (usize, usize)| {
            let (whose, form) = self.patterns[pattern];
            Finding {
                canary: &self.canaries[whose],
                form,
                file: path.to_owned(),
                at,
            }
        };
        Ok((length, found.into_iter().map(finding).collect()))
    }

    fn stream(&self, stream: impl io::Read) -> io::Result<Vec<(usize, usize)>> {
        let mut found: Vec<(usize, usize)> = Vec::new();
        for hit in self.automaton.stream_find_iter(stream) {
            let hit = hit?;
            let pattern = hit.pattern().as_usize();
            let is_new = |other: &(usize, usize)| self.patterns[other.0] != self.patterns[pattern];
            if found.iter().all(is_new) {
                found.push((pattern, hit.start()));
            }
        }
        Ok(found)
    }

    fn finds(&self, canary: usize, text: &[u8]) -> bool {
        let found = self.stream(text).unwrap_or_default();
        found
            .iter()
            .any(|(pattern, _)| self.patterns[*pattern].0 == canary)
    }

    /// Plants each secret as others would write it, and finds it; how many were planted.
    pub(crate) fn proves_itself(&self) -> Result<usize, String> {
        let mut planted = 0;
        for (whose, canary) in self.canaries.iter().enumerate() {
            for (form, leak) in leaks(&canary.secret) {
                planted += 1;
                if !self.finds(whose, &leak) {
                    return Err(format!("{} as {form} is not seen", canary.kind));
                }
            }
            let mut other = canary.secret.clone();
            // No part of it is the same.
            for at in (3..other.len()).step_by(8) {
                other[at] = if other[at] == b'7' { b'3' } else { b'7' };
            }
            for (form, leak) in leaks(&other) {
                if self.finds(whose, &leak) {
                    return Err(format!(
                        "{} is seen where it is not, as {form}",
                        canary.kind
                    ));
                }
            }
        }
        Ok(planted)
    }
}

/// A secret as it would stand in the midst of others' output, made by other means than what looks for it.
fn leaks(secret: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut leaks = vec![("as it is".to_owned(), [b"ab ", secret, b" c"].concat())];
    for before in 0..4 {
        for after in 0..3 {
            let text = [&b"#}~?"[..before], secret, &b"{|!"[..after]].concat();
            leaks.push((
                format!("base64 after {before}"),
                STANDARD.encode(&text).into(),
            ));
            leaks.push((
                format!("base64url after {before}"),
                URL_SAFE.encode(&text).into(),
            ));
            let lines: Vec<_> = STANDARD
                .encode([&[b'k'; 40], &text[..]].concat())
                .into_bytes()
                .chunks(64)
                .map(<[u8]>::to_vec)
                .collect();
            // Only what is long enough survives a line break.
            if secret.len() >= 32 {
                leaks.push(("PEM".to_owned(), lines.join(&b'\n')));
            }
        }
    }
    let rows: Vec<String> = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    for between in ["", " ", ":", ", "] {
        leaks.push((format!("hex with {between:?}"), rows.join(between).into()));
        let upper = rows.join(between).to_uppercase();
        leaks.push((format!("HEX with {between:?}"), upper.into()));
    }
    leaks.push(("Debug of bytes".to_owned(), format!("{secret:?}").into()));
    leaks.push((
        "JSON of bytes".to_owned(),
        serde_json::to_vec(secret).unwrap_or_default(),
    ));
    leaks.push((
        "escaped".to_owned(),
        format!("b\"{}\"", secret.escape_ascii()).into(),
    ));
    let percent = secret.iter().map(|byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) {
            char::from(*byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    });
    leaks.push(("percent".to_owned(), percent.collect::<String>().into()));
    if let Ok(text) = std::str::from_utf8(secret) {
        let shown = serde_json::json!({ "message": text }).to_string();
        leaks.push(("JSON".to_owned(), shown.into()));
        leaks.push(("Debug".to_owned(), format!("{:?}", Some(text)).into()));
        for order in [u16::to_le_bytes as fn(u16) -> [u8; 2], u16::to_be_bytes] {
            let bytes = text.encode_utf16().flat_map(order).collect();
            leaks.push(("UTF-16".to_owned(), bytes));
        }
    }
    leaks
}
