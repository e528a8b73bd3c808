//! Nothing that a thief could read. \[OFF-5\]

use crate::journal::{Event, Needle};
use crate::judge::found::Found;
use crate::judge::trace::Trace;

/// Looks at the searches of the raw storage between these two entries.
pub(super) fn opaque(trace: &Trace<'_>, since: u64, until: u64) -> Found {
    let reads = trace.entries.iter().filter_map(|entry| match &entry.event {
        Event::StorageRead(read) if (since..until).contains(&entry.seq) => Some((entry.seq, read)),
        _ => None,
    });
    let mut entries = Vec::new();
    for (seq, read) in reads {
        if read.files == 0 || read.bytes == 0 {
            return Found::unseen("the copy of the storage is empty");
        }
        if read.needles.is_empty() {
            return Found::unseen("nothing was looked for");
        }
        if let Some(needle) = read.needles.iter().find(|needle| stands_there(needle)) {
            let seen = format!("its {} stands at {}", needle.what, needle.hits.join(", "));
            let expected = "no reference, amount, card digit or description in the raw storage";
            return Found::broken("clear_text", expected, seen, [seq]);
        }
        entries.push(seq);
    }
    if entries.is_empty() {
        return Found::unseen("nobody could read the raw storage");
    }
    Found::kept(entries)
}

/// A few bytes are somewhere in any file by chance; as often as there are payments, they are not.
fn stands_there(needle: &Needle) -> bool {
    let enough = if needle.is_short {
        needle.expected.max(2)
    } else {
        1
    };
    needle.hits.len() as u64 >= enough
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{Said, StorageRead};
    use crate::judge::fixture::Story;

    fn read(files: u64, needles: Vec<Needle>) -> Found {
        let mut story = Story::new();
        let since = story.seq();
        story.note(Event::StorageRead(StorageRead {
            files,
            bytes: files * 100,
            needles,
        }));
        story.weigh(&Said::StorageIsOpaque { since })
    }

    fn needle(is_short: bool, hits: usize) -> Needle {
        Needle {
            what: "reference".into(),
            expected: 2,
            hits: (0..hits).map(|at| format!("queue+{at}")).collect(),
            is_short,
            ..Needle::default()
        }
    }

    #[test]
    fn a_storage_without_any_of_it_is_opaque() {
        assert_eq!(
            read(3, vec![needle(false, 0), needle(true, 0)]).reason(),
            None
        );
    }

    #[test]
    fn a_reference_in_clear_text_is_found() {
        let found = read(3, vec![needle(true, 0), needle(false, 1)]);
        assert_eq!(found.reason(), Some("clear_text"));
    }

    #[test]
    fn four_digits_count_where_they_stand_as_often_as_there_are_payments() {
        assert_eq!(read(3, vec![needle(true, 1)]).reason(), None);
        assert_eq!(read(3, vec![needle(true, 2)]).reason(), Some("clear_text"));
    }

    #[test]
    fn an_empty_copy_or_none_proves_nothing() {
        assert!(read(0, vec![needle(false, 0)]).is_unseen());
        assert!(read(3, vec![]).is_unseen());
        assert!(
            Story::new()
                .weigh(&Said::StorageIsOpaque { since: 0 })
                .is_unseen()
        );
    }
}
