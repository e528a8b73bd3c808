//! The wire's story as a reader follows it.

/// One line of the story: what the journal's owner makes of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimelineEntry {
    /// Its number in the journal.
    pub seq: u64,
    /// When, in nanoseconds since the run began, on a monotonic clock.
    pub at_ns: u64,
    /// Whose doing it is.
    pub who: Who,
    /// In a few words: `POST /v1/pay`, `200, head`.
    pub what: String,
    /// In full, where there is more to see: a body, headers. Foreign text.
    pub detail: String,
    /// The scenario that was running.
    pub scenario: Option<String>,
}

/// Whose doing an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Who {
    /// The suite, playing the till.
    Suite,
    /// The terminal under test.
    Terminal,
    /// Whoever taps cards, watches the screen, cuts the power.
    Driver,
    /// A remark of the suite.
    Note,
}

impl Who {
    /// As the page names it.
    pub fn word(self) -> &'static str {
        match self {
            Who::Suite => "till",
            Who::Terminal => "terminal",
            Who::Driver => "hands and eyes",
            Who::Note => "note",
        }
    }

    /// Which way the bytes went.
    pub fn arrow(self) -> &'static str {
        match self {
            Who::Suite => "→",
            Who::Terminal => "←",
            Who::Driver => "•",
            Who::Note => "",
        }
    }
}

/// A stretch of the story.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stretch<'a> {
    /// An entry, and whether it is evidence.
    Entry(&'a TimelineEntry, bool),
    /// So many entries that nobody needs to see.
    LeftOut(usize),
}

/// A story that is no longer is shown whole.
const WHOLE: usize = 40;

/// Entries shown before and after each piece of evidence in a longer one.
const AROUND: usize = 4;

/// The story of one scenario, with the evidence marked; a long one is cut to what surrounds it.
pub(super) fn story<'a>(
    timeline: &'a [TimelineEntry],
    scenario: &str,
    evidence: &[u64],
) -> Vec<Stretch<'a>> {
    let entries: Vec<_> = timeline
        .iter()
        .filter(|entry| {
            entry.scenario.as_deref() == Some(scenario) || evidence.contains(&entry.seq)
        })
        .collect();
    let is_evidence = |entry: &TimelineEntry| evidence.contains(&entry.seq);
    let is_near = |place: usize| {
        let from = place.saturating_sub(AROUND);
        let to = (place + AROUND + 1).min(entries.len());
        entries[from..to].iter().any(|entry| is_evidence(entry))
    };
    let is_short = entries.len() <= WHOLE;
    let has_evidence = entries.iter().any(|entry| is_evidence(entry));

    let mut story = Vec::new();
    for (place, entry) in entries.iter().enumerate() {
        // Without evidence the end tells most.
        let is_last = !has_evidence && place + WHOLE >= entries.len();
        if is_short || is_last || is_near(place) {
            story.push(Stretch::Entry(entry, is_evidence(entry)));
        } else if let Some(Stretch::LeftOut(count)) = story.last_mut() {
            *count += 1;
        } else {
            story.push(Stretch::LeftOut(1));
        }
    }
    story
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_story_is_whole_and_its_evidence_marked() {
        let timeline = entries(3);
        let story = story(&timeline, "s", &[2]);
        let marks: Vec<_> = story
            .iter()
            .map(|stretch| matches!(stretch, Stretch::Entry(_, true)))
            .collect();
        assert_eq!(marks, [false, true, false]);
    }

    #[test]
    fn a_long_story_is_cut_to_what_surrounds_the_evidence() {
        let timeline = entries(100);
        let story = story(&timeline, "s", &[50]);
        assert_eq!(story.first(), Some(&Stretch::LeftOut(45)));
        assert_eq!(story.last(), Some(&Stretch::LeftOut(46)));
        assert_eq!(story.len(), 2 + 2 * AROUND + 1);
    }

    #[test]
    fn a_long_story_without_evidence_shows_its_end() {
        let timeline = entries(100);
        let story = story(&timeline, "s", &[]);
        assert_eq!(story.first(), Some(&Stretch::LeftOut(100 - WHOLE)));
        assert_eq!(story.len(), 1 + WHOLE);
    }

    #[test]
    fn other_scenarios_are_not_part_of_the_story() {
        assert_eq!(story(&entries(3), "another", &[]), []);
    }

    fn entries(count: u64) -> Vec<TimelineEntry> {
        (1..=count)
            .map(|seq| TimelineEntry {
                seq,
                at_ns: seq * 1_000,
                who: Who::Note,
                what: String::new(),
                detail: String::new(),
                scenario: Some("s".to_owned()),
            })
            .collect()
    }
}
