//! The forms in which a secret leaks.

use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// What the report calls them.
pub(crate) const NAMES: [&str; 13] = [
    "as it is",
    "base64 at each of three alignments",
    "base64url at each of three alignments",
    "hex",
    "HEX",
    "hex with spaces, colons or commas",
    "a list of decimal bytes",
    "escaped as Rust does",
    "JSON",
    "percent-encoded",
    "HTML",
    "UTF-16 of either order",
    "a card number in groups of four",
];

/// Of a secret of two such parts or more each is looked for alone: lines are three times as long, so that no breaking of
/// lines breaks all of them.
const PART: usize = 16;

/// A form of a secret, by its place in [`NAMES`], and the bytes to look for.
pub(crate) type Needle = (&'static str, Vec<u8>);

/// Everything to look for.
pub(crate) fn of(secret: &[u8]) -> Vec<Needle> {
    let mut needles = Vec::new();
    of_part(secret, &mut needles);
    if secret.len() >= 2 * PART {
        for part in secret.chunks_exact(PART) {
            of_part(part, &mut needles);
        }
    }
    needles.sort();
    needles.dedup();
    needles
}

fn of_part(secret: &[u8], needles: &mut Vec<Needle>) {
    let mut add = |form: usize, bytes: Vec<u8>| needles.push((NAMES[form], bytes));
    add(0, secret.to_vec());
    for alignment in 0..3 {
        add(1, base64(&STANDARD_NO_PAD, secret, alignment));
        add(2, base64(&URL_SAFE_NO_PAD, secret, alignment));
    }
    let joined = |between: &str, byte: fn(&u8) -> String| {
        let bytes: Vec<_> = secret.iter().map(byte).collect();
        bytes.join(between).into_bytes()
    };
    let lower: fn(&u8) -> String = |byte| format!("{byte:02x}");
    let upper: fn(&u8) -> String = |byte| format!("{byte:02X}");
    add(3, joined("", lower));
    add(4, joined("", upper));
    for between in [" ", ":", ", "] {
        add(5, joined(between, lower));
        add(5, joined(between, upper));
    }
    for between in [", ", ","] {
        add(6, joined(between, |byte| byte.to_string()));
    }
    add(7, secret.escape_ascii().to_string().into_bytes());
    add(9, percent(secret, upper));
    add(9, percent(secret, lower));
    let Ok(text) = std::str::from_utf8(secret) else {
        return;
    };
    add(7, text.escape_debug().to_string().into_bytes());
    add(7, text.escape_default().to_string().into_bytes());
    add(8, json(text, false));
    add(8, json(text, true));
    let html = text.replace('&', "&amp;").replace('<', "&lt;");
    add(10, html.replace('"', "&quot;").into_bytes());
    let html = text.replace('&', "&#38;").replace('<', "&#60;");
    add(10, html.replace('"', "&#34;").into_bytes());
    let units = || text.encode_utf16();
    add(11, units().flat_map(u16::to_le_bytes).collect());
    add(11, units().flat_map(u16::to_be_bytes).collect());
    if text.len() >= 13 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        for between in [" ", "-"] {
            let groups: Vec<_> = text
                .as_bytes()
                .chunks(4)
                .map(String::from_utf8_lossy)
                .collect();
            add(12, groups.join(between).into_bytes());
        }
    }
}

/// What every base64 of a longer text holds, in which the secret begins so many bytes after a group of three.
fn base64(engine: &impl base64::Engine, secret: &[u8], alignment: usize) -> Vec<u8> {
    let padded = [&vec![0; alignment], secret].concat();
    let text = engine.encode(&padded).into_bytes();
    // A letter that speaks of a byte before or after, too, depends on that byte.
    let first = [0, 2, 3][alignment];
    let last = padded.len() * 8 / 6;
    text[first..last].to_vec()
}

fn percent(secret: &[u8], hex: fn(&u8) -> String) -> Vec<u8> {
    let escaped = secret.iter().map(|byte| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(*byte).to_string()
        }
        other => format!("%{}", hex(other)),
    });
    escaped.collect::<String>().into_bytes()
}

/// As a JSON string has it, with or without letters beyond ASCII.
fn json(text: &str, only_ascii: bool) -> Vec<u8> {
    let quoted = serde_json::Value::from(text).to_string();
    let inner = &quoted[1..quoted.len() - 1];
    if !only_ascii {
        return inner.as_bytes().to_vec();
    }
    let mut escaped = String::new();
    for letter in inner.chars() {
        if letter.is_ascii() {
            escaped.push(letter);
        } else {
            let mut units = [0; 2];
            for unit in letter.encode_utf16(&mut units) {
                escaped.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    escaped.into_bytes()
}
