//! No secret in what was said, and none in what was stored. \[SEC-1\]

use crate::journal::{Event, StorageRead};
use crate::judge::found::Found;
use crate::judge::trace::Trace;

/// Something was said between these two entries. That it held a secret would be for the rule of the whole run to say.
pub(super) fn none_said(trace: &Trace<'_>, scenario: &str, since: u64, until: u64) -> Found {
    let answers = trace.exchanges.values().filter(|own| {
        let body = own.body.as_ref();
        own.scenario == scenario && body.is_some_and(|it| (since..until).contains(&it.seq))
    });
    let answers: Vec<_> = answers.map(|own| own.entries()).collect();
    match answers.last() {
        Some(last) => Found::kept(last.clone()),
        None => Found::unseen("nothing was answered"),
    }
}

/// Looks at the searches of the raw storage between these two entries.
pub(super) fn none_stored(trace: &Trace<'_>, since: u64, until: u64) -> Found {
    let mut reads = trace.entries.iter().filter_map(|entry| match &entry.event {
        Event::StorageRead(read) if (since..until).contains(&entry.seq) => Some((entry.seq, read)),
        _ => None,
    });
    let Some((seq, read)) = reads.next_back() else {
        return Found::unseen("nobody could read the raw storage");
    };
    if read.files == 0 || read.bytes == 0 {
        return Found::unseen("the copy of the storage is empty");
    }
    if read.needles.is_empty() {
        return Found::unseen("nothing was looked for");
    }
    match stored(read) {
        None => Found::kept([seq]),
        Some(seen) => {
            let expected =
                "no card number, PIN, key or passphrase in the raw storage, its logs included";
            Found::broken("secret_stored", expected, seen, [seq])
        }
    }
}

fn stored(read: &StorageRead) -> Option<String> {
    let needle = read.needles.iter().find(|needle| !needle.hits.is_empty())?;
    Some(format!(
        "a {} stands at {}",
        needle.what,
        needle.hits.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{Needle, Said};
    use crate::judge::fixture::{Story, error};

    fn read(files: u64, hits: &[&str]) -> Found {
        let mut story = Story::new();
        let since = story.seq();
        let needle = Needle {
            what: "card number".into(),
            hits: hits.iter().map(|hit| (*hit).to_owned()).collect(),
            ..Needle::default()
        };
        story.note(Event::StorageRead(StorageRead {
            files,
            bytes: files * 100,
            needles: vec![needle],
        }));
        story.weigh(&Said::NothingSecretStored { since })
    }

    #[test]
    fn one_card_number_in_the_storage_is_one_too_many() {
        assert_eq!(read(2, &[]).reason(), None);
        let found = read(2, &["terminal.log+5 (as it is)"]);
        assert_eq!(found.reason(), Some("secret_stored"));
    }

    #[test]
    fn a_storage_that_nobody_searched_proves_nothing() {
        assert!(read(0, &[]).is_unseen());
        let said = Said::NothingSecretStored { since: 0 };
        assert!(Story::new().weigh(&said).is_unseen());
    }

    #[test]
    fn a_terminal_that_answers_nothing_was_not_tested() {
        let mut story = Story::new();
        let pay = story.pay("order_1", "k1", 2500);
        let said = Said::NothingSecretSaid { since: 0 };
        assert!(story.weigh(&said).is_unseen());
        story.answer(pay, 400, &error("invalid_field"));
        assert!(!story.weigh(&said).is_unseen());
    }
}
