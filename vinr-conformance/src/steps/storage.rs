//! A thief with the terminal's memory: searches a copy of it for anything that was paid.

use std::path::{Path, PathBuf};

use aho_corasick::AhoCorasick;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::scene::{Attempt, Scene};
use super::words::Words;
use crate::drivers::Ask;
use crate::journal::{Event, Needle, StorageRead};
use crate::plan::sha256;

/// No more is read of all files together.
const MOST: u64 = 512 * 1024 * 1024;

/// A needle of fewer bytes is in any file by chance.
const SHORT: usize = 8;

const HITS_SHOWN: usize = 16;

/// The last four digits of the cards that the scenario presents.
const LAST4: &[&str] = &["4242", "0002"];

pub(super) async fn searches(scene: &mut Scene, _: &Words) {
    let attempts: Vec<_> = scene.attempts.values().cloned().collect();
    let why = "shows whether a thief could read what is queued";
    search_for(scene, why, "OFF-5", needles(&attempts)).await;
}

/// Something that is looked for: its name, itself, and how often it would stand there in clear text.
pub(super) type Wanted = (&'static str, String, u64);

/// Asks for a copy of the terminal's storage, and looks for these in it.
pub(super) async fn search_for(
    scene: &mut Scene,
    why: &str,
    requirement: &str,
    needles: Vec<Wanted>,
) {
    let ask = Ask::to("read_storage").because(why, vec![requirement.to_owned()]);
    let Some(answer) = scene.question(ask).await else {
        return;
    };
    let value = answer.value.unwrap_or_default();
    let Some(path) = value.as_str().map(PathBuf::from) else {
        scene.stop("the answer names no copy of the storage");
        return;
    };
    // Whose copy it is else, nobody knows: it stays.
    let is_ours = scene.context.subject.embedded.is_some();
    let searched = tokio::task::spawn_blocking(move || {
        let searched = search(&path, needles);
        if is_ours {
            std::fs::remove_dir_all(&path)?;
        }
        searched
    });
    match searched.await {
        Ok(Ok(read)) => {
            scene.journal().record(Event::StorageRead(read));
        }
        Ok(Err(error)) => scene.stop(format!("the copy of the storage cannot be read: {error}")),
        Err(error) => scene.stop(error.to_string()),
    }
}

/// What was paid, in each of its words.
fn needles(attempts: &[Attempt]) -> Vec<Wanted> {
    let mut needles = Vec::new();
    for attempt in attempts {
        needles.push(("reference", attempt.reference.clone(), 1));
        needles.extend(attempt.key.clone().map(|key| ("attempt key", key, 1)));
        let canary = attempt
            .further
            .get("description")
            .and_then(|text| text.as_str());
        needles.extend(canary.map(|text| ("description", text.to_owned(), 1)));
        let amount = ("amount", attempt.amount.to_string(), attempts.len() as u64);
        if !needles.contains(&amount) {
            needles.push(amount);
        }
    }
    let last4 = LAST4
        .iter()
        .map(|digits| ("last four digits", (*digits).to_owned(), 1));
    needles.extend(last4);
    needles
}

fn search(path: &Path, needles: Vec<Wanted>) -> std::io::Result<StorageRead> {
    let mut files = Vec::new();
    collect(path, &mut files)?;
    let mut read = StorageRead {
        needles: needles
            .iter()
            .map(|(what, text, expected)| Needle {
                what: (*what).to_owned(),
                sha256: sha256(text.as_bytes()),
                expected: *expected,
                hits: Vec::new(),
                is_short: text.len() < SHORT,
            })
            .collect(),
        ..StorageRead::default()
    };
    // All forms of all needles in one pass: a storage may be large.
    let forms = needles.iter().enumerate();
    let forms = forms.flat_map(|(at, (_, text, _))| {
        let forms = encodings(text).into_iter();
        forms.map(move |(encoding, wanted)| (at, encoding, wanted))
    });
    let forms: Vec<_> = forms.filter(|(.., wanted)| !wanted.is_empty()).collect();
    let automaton = AhoCorasick::new(forms.iter().map(|(.., wanted)| wanted));
    let automaton = automaton.map_err(std::io::Error::other)?;
    for file in files {
        let bytes = std::fs::read(&file)?;
        read.files += 1;
        read.bytes += bytes.len() as u64;
        if read.bytes > MOST {
            return Err(std::io::Error::other("it is larger than the suite reads"));
        }
        let name = file
            .strip_prefix(path)
            .unwrap_or(&file)
            .display()
            .to_string();
        for hit in automaton.find_overlapping_iter(&bytes) {
            let (at, encoding, _) = &forms[hit.pattern().as_usize()];
            let hits = &mut read.needles[*at].hits;
            if hits.len() < HITS_SHOWN {
                hits.push(format!("{name}+{} ({encoding})", hit.start()));
            }
        }
    }
    Ok(read)
}

/// The files below a path, or itself; what is no file is not followed.
fn collect(path: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    let kind = std::fs::symlink_metadata(path)?.file_type();
    if kind.is_file() {
        files.push(path.to_owned());
    } else if kind.is_dir() {
        for entry in std::fs::read_dir(path)? {
            collect(&entry?.path(), files)?;
        }
    }
    Ok(())
}

/// The forms in which a text may stand in a file without being encrypted. A short one is looked for as it is: its
/// encoded forms are too short to mean anything.
fn encodings(text: &str) -> Vec<(&'static str, Vec<u8>)> {
    let mut forms = vec![("as it is", text.as_bytes().to_vec())];
    forms.push((
        "UTF-16",
        text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
    ));
    if text.len() < SHORT {
        return forms;
    }
    if text.len().is_multiple_of(2) && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // As cards and card networks write numbers: two digits to a byte.
        let pairs = text.as_bytes().chunks(2);
        let packed = pairs.map(|pair| ((pair[0] - b'0') << 4) | (pair[1] - b'0'));
        forms.push(("packed", packed.collect()));
    }
    let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    forms.push(("hexadecimal", hex.into_bytes()));
    // The letters of Base64 depend on where in a group of three bytes the text begins; those at its ends also on its
    // neighbours.
    for shift in 0..3 {
        let padded = [vec![0; shift], text.as_bytes().to_vec()].concat();
        let encoded = STANDARD_NO_PAD.encode(padded);
        let begins = if shift == 0 { 0 } else { shift + 1 };
        let inner = encoded.get(begins..encoded.len() - 2).unwrap_or_default();
        forms.push(("Base64", inner.as_bytes().to_vec()));
    }
    forms
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    const REFERENCE: &str = "cert-19a-1-coffee";

    fn hits(content: &[u8]) -> usize {
        let dir = tempfile::tempdir().expect("a directory");
        let inner = dir.path().join("queue");
        std::fs::create_dir(&inner).expect("writable");
        std::fs::write(inner.join("0001"), content).expect("writable");
        let needles = vec![("reference", REFERENCE.to_owned(), 1)];
        let read = search(dir.path(), needles).expect("readable");
        assert_eq!((read.files, read.bytes), (1, content.len() as u64));
        read.needles[0].hits.len()
    }

    // [OFF-5]
    #[test]
    fn a_text_is_found_in_each_form_that_hides_nothing() {
        let text = format!("{{\"reference\":\"{REFERENCE}\"}}");
        let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
        let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(hits(text.as_bytes()), 1);
        assert_eq!(hits(hex.as_bytes()), 1);
        assert_eq!(hits(&utf16), 1);
        for shift in 0..3 {
            let shifted = format!("{}{text}", " ".repeat(shift));
            assert_eq!(hits(STANDARD.encode(shifted).as_bytes()), 1, "{shift}");
        }
    }

    // [SEC-1]
    #[test]
    fn a_card_number_is_found_as_card_networks_write_it() {
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::write(
            dir.path().join("log"),
            b"\x00\x42\x42\x42\x42\x42\x42\x42\x42\xff",
        )
        .expect("writable");
        let needles = vec![("card number", "4242424242424242".to_owned(), 1)];
        let read = search(dir.path(), needles).expect("readable");
        assert_eq!(read.needles[0].hits, ["log+1 (packed)"]);
    }

    #[test]
    fn another_text_is_not_found() {
        assert_eq!(hits(b"cert-19a-2-coffee"), 0);
        assert_eq!(hits(b""), 0);
    }

    #[test]
    fn digits_are_looked_for_as_often_as_there_are_payments() {
        let attempt = || Attempt {
            reference: REFERENCE.into(),
            key: None,
            amount: 4321,
            currency: "USD".into(),
            further: serde_json::Map::new(),
        };
        let needles = needles(&[attempt(), attempt()]);
        assert!(needles.contains(&("last four digits", "4242".into(), 1)));
        assert!(needles.contains(&("amount", "4321".into(), 2)));
    }
}
