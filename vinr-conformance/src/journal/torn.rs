//! A journal whose writer was killed, or whose machine lost power: its last line may be half a line, and nobody wrote how
//! the run ended.

use std::fs;
use std::path::Path;

use super::{Ended, Entry, Event, JournalError};

/// What such a journal still holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Torn {
    /// The entries that are whole.
    pub entries: Vec<Entry>,
    /// How many bytes behind them are no entry.
    pub cut: usize,
}

impl Torn {
    /// Reads what is whole, and changes nothing.
    ///
    /// Only an end can be torn off: a line that is no entry with a line behind it that is one was not torn but changed.
    pub fn read(path: &Path) -> Result<Self, JournalError> {
        let bytes = fs::read(path).map_err(|source| JournalError::File {
            path: path.to_owned(),
            source,
        })?;
        let mut lines = bytes.split_inclusive(|byte| *byte == b'\n');
        let mut entries: Vec<Entry> = Vec::new();
        let mut whole = 0;
        for line in lines.by_ref() {
            match serde_json::from_slice::<Entry>(line) {
                Ok(entry) if entry.seq == entries.len() as u64 + 1 => entries.push(entry),
                Ok(_) => return Err(gap(entries.len())),
                Err(source) if lines.any(is_entry) => {
                    let line = entries.len() + 1;
                    return Err(JournalError::Line { line, source });
                }
                Err(_) => break,
            }
            whole += line.len();
        }
        let cut = bytes.len() - whole;
        Ok(Self { entries, cut })
    }

    /// The journal as it would stand had somebody stopped the run in good order after its last whole entry: whoever goes
    /// on with it, or judges it, needs to know no other kind of end.
    pub fn ended(self) -> Vec<Entry> {
        let Self { mut entries, cut } = self;
        let is_over = |entry: &Entry| matches!(entry.event, Event::RunEnd { .. });
        if entries.last().is_none_or(is_over) {
            return entries;
        }
        let open = open_scenario(&entries);
        let said = match cut {
            0 => "the run was killed here".to_owned(),
            cut => format!("the run was killed here: {cut} bytes of a torn line were cut off"),
        };
        push(&mut entries, open.clone(), Event::Note { text: said });
        if open.is_some() {
            let ended = Ended::Interrupted;
            push(&mut entries, open, Event::ScenarioEnd { ended });
        }
        push(&mut entries, None, Event::RunEnd { interrupted: true });
        entries
    }
}

fn is_entry(line: &[u8]) -> bool {
    serde_json::from_slice::<Entry>(line).is_ok()
}

fn gap(entries: usize) -> JournalError {
    JournalError::Missing {
        entry: entries as u64 + 1,
    }
}

/// The scenario that was begun last, where it has no end.
fn open_scenario(entries: &[Entry]) -> Option<String> {
    let last = entries.iter().rev().find(|entry| {
        matches!(
            entry.event,
            Event::ScenarioBegin { .. } | Event::ScenarioEnd { .. }
        )
    })?;
    match last.event {
        Event::ScenarioBegin { .. } => last.scenario.clone(),
        _ => None,
    }
}

fn push(entries: &mut Vec<Entry>, scenario: Option<String>, event: Event) {
    let Some(last) = entries.last() else {
        return;
    };
    entries.push(Entry {
        seq: last.seq + 1,
        // Nobody knows when it was: not before this.
        at_ns: last.at_ns,
        wall: last.wall.clone(),
        scenario,
        event,
    });
}

#[cfg(test)]
mod tests {
    use super::super::{Journal, write};
    use super::*;

    fn note(text: &str) -> Event {
        Event::Note { text: text.into() }
    }

    fn begun() -> Journal {
        let journal = Journal::in_memory();
        journal.record(note("before"));
        journal.enter(Some("pay.approved"));
        journal.record(Event::ScenarioBegin {
            title: "A sale".into(),
            requirements: Vec::new(),
        });
        journal.record(note("the card is tapped"));
        journal
    }

    /// What is read of a journal whose file was changed so.
    fn read(change: impl FnOnce(String) -> String) -> Result<Torn, JournalError> {
        read_of(&begun().entries(), change)
    }

    fn read_of(
        entries: &[Entry],
        change: impl FnOnce(String) -> String,
    ) -> Result<Torn, JournalError> {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("journal.ndjson");
        write(&path, entries).expect("writable");
        let text = fs::read_to_string(&path).expect("it is there");
        fs::write(&path, change(text)).expect("writable");
        Torn::read(&path)
    }

    #[test]
    fn at_whatever_byte_it_is_torn_the_lines_before_it_are_whole() {
        let whole = begun().entries();
        let read = read_of(&whole, |text| text).expect("whole");
        assert_eq!((read.entries.as_slice(), read.cut), (&whole[..], 0));
        for torn_off in 2..40 {
            let torn = read_of(&whole, |text| text[..text.len() - torn_off].to_owned());
            let torn = torn.expect("torn");
            assert_eq!(torn.entries, whole[..2], "{torn_off}");
            assert!(torn.cut > 0, "{torn_off}");
        }
    }

    #[test]
    fn zeros_that_a_power_cut_left_are_cut_off() {
        let torn = read(|text| text + &"\0".repeat(512)).expect("torn");
        assert_eq!((torn.entries.len(), torn.cut), (3, 512));
    }

    #[test]
    fn a_line_in_the_middle_that_is_no_entry_was_not_torn() {
        let changed = read(|text| text.replacen("\"seq\":2", "\"seq\":true", 1));
        assert!(matches!(changed, Err(JournalError::Line { line: 2, .. })));
        let cut_out = read(|text| {
            let kept = text.lines().enumerate().filter(|(place, _)| *place != 1);
            kept.map(|(_, line)| format!("{line}\n")).collect()
        });
        assert!(matches!(cut_out, Err(JournalError::Missing { entry: 2 })));
    }

    #[test]
    fn what_was_open_is_closed_as_if_somebody_had_stopped_the_run() {
        let entries = read(|text| text).expect("whole").ended();
        let events: Vec<_> = entries[4..].iter().map(|entry| &entry.event).collect();
        let ended = Event::ScenarioEnd {
            ended: Ended::Interrupted,
        };
        assert_eq!(events, [&ended, &Event::RunEnd { interrupted: true }]);
        assert_eq!(entries[4].scenario.as_deref(), Some("pay.approved"));
        let numbers: Vec<_> = entries.iter().map(|entry| entry.seq).collect();
        assert_eq!(numbers, [1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn a_run_that_wrote_its_end_is_not_ended_again() {
        let journal = begun();
        let entries = journal.close(Event::RunEnd { interrupted: false });
        let torn = Torn {
            entries: entries.clone(),
            cut: 0,
        };
        assert_eq!(torn.ended(), entries);
    }
}
