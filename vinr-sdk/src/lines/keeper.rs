//! Which lines are opened when: pure, the time and the chance come with the input.
//!
//! | when | then |
//! |---|---|
//! | a terminal becomes known | it gets a place, while there is one |
//! | it is paid at | it gets a place, for which the least recently used one is let go |
//! | it has fewer lines than it should | one is opened, at most [`DIALS_AT_ONCE`] at one time |
//! | lines were opened twice over, and none was of use | the next one after 0.5 s, 1 s, 2 s … 60 s |
//! | nobody is there | again after 0.5 s, 1 s, 2 s … 60 s, each a quarter shorter or longer |
//! | it is another terminal, or does not want this till | again after 60 s |

use std::collections::BTreeMap;
use std::time::Duration;

use vinr_protocol::TerminalId;

use super::Lines;

/// How many connections are dialled at one time.
const DIALS_AT_ONCE: usize = 4;

/// The pause after the first failure; each is twice the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Time since the till began.
pub(crate) type Moment = Duration;

/// The terminals that have a place.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Keeper {
    lines: Lines,
    uses: u64,
    kept: BTreeMap<TerminalId, Kept>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
struct Kept {
    /// The number of its last use; 0 while it was only heard of.
    used: u64,
    is_dialled: bool,
    failures: u32,
    /// How many lines were opened since one was of use.
    opened: usize,
    not_before: Moment,
}

/// Why there is no line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Failure {
    /// Nobody is there.
    Away,
    /// Another one is there, or the till is not wanted: this does not pass in a second.
    Unwilling,
}

impl Keeper {
    pub(crate) fn new(lines: Lines) -> Self {
        Self {
            lines,
            uses: 0,
            kept: BTreeMap::new(),
        }
    }

    /// Nobody dials any more: the task that did is gone.
    pub(crate) fn begin(&mut self) {
        for kept in self.kept.values_mut() {
            kept.is_dialled = false;
        }
    }

    /// How many lines that lie idle are worth keeping to this terminal. One that was used is kept even where none is
    /// opened in advance.
    pub(crate) fn worth_keeping(&self, terminal: &TerminalId) -> usize {
        match self.kept.contains_key(terminal) {
            true => self.lines.per_terminal.max(1),
            false => 0,
        }
    }

    /// A terminal's address is known.
    pub(crate) fn known(&mut self, terminal: &TerminalId) {
        if self.kept.len() < self.lines.terminals {
            self.kept.entry(terminal.clone()).or_default();
        }
    }

    /// A terminal is paid at. Whoever lost the place for it is returned: its lines are let go.
    pub(crate) fn used(&mut self, terminal: &TerminalId) -> Option<TerminalId> {
        self.uses += 1;
        if let Some(kept) = self.kept.get_mut(terminal) {
            kept.used = self.uses;
            return None;
        }
        let full = self.kept.len() >= self.lines.terminals;
        let oldest = self.kept.iter().min_by_key(|(_, kept)| kept.used);
        let let_go = match oldest {
            Some((oldest, _)) if full => Some(oldest.clone()),
            // There is place for none.
            None if full => return None,
            _ => None,
        };
        if let Some(oldest) = &let_go {
            self.kept.remove(oldest);
        }
        let kept = Kept {
            used: self.uses,
            ..Kept::default()
        };
        self.kept.insert(terminal.clone(), kept);
        let_go
    }

    /// A payment reached the terminal, or a line was still good: it is there again, whatever was so before.
    pub(crate) fn reached(&mut self, terminal: &TerminalId) {
        if let Some(kept) = self.kept.get_mut(terminal) {
            (kept.failures, kept.opened, kept.not_before) = (0, 0, Moment::ZERO);
        }
    }

    /// To whom a line is to be opened now, and is from here on being opened; `open` says how many there are.
    pub(crate) fn open(
        &mut self,
        now: Moment,
        open: impl Fn(&TerminalId) -> usize,
    ) -> Vec<TerminalId> {
        let dialled = self.kept.values().filter(|kept| kept.is_dialled).count();
        let wanted = self.lines.per_terminal;
        let mut lacking: Vec<_> = self
            .kept
            .iter_mut()
            .filter(|(id, kept)| !kept.is_dialled && kept.not_before <= now && open(id) < wanted)
            .collect();
        // The one that was used last is the one that is used next.
        lacking.sort_by_key(|(_, kept)| std::cmp::Reverse(kept.used));
        lacking.truncate(DIALS_AT_ONCE.saturating_sub(dialled));
        lacking
            .into_iter()
            .map(|(id, kept)| {
                kept.is_dialled = true;
                id.clone()
            })
            .collect()
    }

    /// The line is open. Where lines were opened twice over and none was of use, the next one waits, each time longer: a
    /// terminal that hangs up after every answer is not dialled for ever.
    pub(crate) fn opened(&mut self, now: Moment, terminal: &TerminalId) {
        let at_once = 2 * self.lines.per_terminal;
        if let Some(kept) = self.kept.get_mut(terminal) {
            (kept.is_dialled, kept.failures) = (false, 0);
            kept.opened = kept.opened.saturating_add(1);
            kept.not_before = match kept.opened.checked_sub(at_once) {
                Some(more) => now + doubled(more),
                None => Moment::ZERO,
            };
        }
    }

    /// It is not. `chance` makes tills that lost their network together come back one by one.
    pub(crate) fn failed(
        &mut self,
        now: Moment,
        terminal: &TerminalId,
        failure: Failure,
        chance: u8,
    ) {
        let Some(kept) = self.kept.get_mut(terminal) else {
            return;
        };
        kept.is_dialled = false;
        let pause = match failure {
            Failure::Away => doubled(kept.failures as usize),
            Failure::Unwilling => LONGEST_PAUSE,
        };
        kept.failures = kept.failures.saturating_add(1);
        // From three quarters to five quarters.
        let share = 192 + u32::from(chance) / 2;
        kept.not_before = now + pause * share / 256;
    }

    /// When a pause is next over.
    pub(crate) fn next_wake(&self, now: Moment) -> Option<Moment> {
        let pauses = self.kept.values().map(|kept| kept.not_before);
        pauses.filter(|until| *until > now).min()
    }
}

/// The pause after so many others.
fn doubled(times: usize) -> Duration {
    let pause = FIRST_PAUSE.saturating_mul(1 << times.min(16));
    pause.min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: usize) -> TerminalId {
        TerminalId::new(&format!("term_{number:04}")).unwrap()
    }

    fn keeper(lines: Lines) -> Keeper {
        Keeper::new(lines)
    }

    fn ms(ms: u64) -> Moment {
        Duration::from_millis(ms)
    }

    fn none(_: &TerminalId) -> usize {
        0
    }

    #[test]
    fn a_thousand_known_terminals_are_not_dialled_at_once_and_sixteen_at_all() {
        let mut keeper = keeper(Lines::default());
        (0..1000).for_each(|number| keeper.known(&id(number)));
        let mut dialled = std::collections::BTreeSet::new();
        loop {
            let now = keeper.open(ms(0), |id| if dialled.contains(id) { 2 } else { 0 });
            assert!(now.len() <= DIALS_AT_ONCE);
            if now.is_empty() {
                break;
            }
            now.iter().for_each(|id| keeper.opened(ms(0), id));
            dialled.extend(now);
        }
        assert_eq!(dialled.len(), 16);
    }

    #[test]
    fn four_are_dialled_at_one_time_and_a_fifth_when_one_is_done() {
        let mut keeper = keeper(Lines::default());
        (0..5).for_each(|number| keeper.known(&id(number)));
        assert_eq!(keeper.open(ms(0), none).len(), 4);
        assert!(keeper.open(ms(0), none).is_empty());
        keeper.opened(ms(0), &id(0));
        assert_eq!(keeper.open(ms(0), none), [id(0)]);
    }

    #[test]
    fn a_terminal_that_is_paid_at_takes_the_place_of_the_least_recently_used() {
        let mut keeper = keeper(Lines::default().terminals(2));
        keeper.used(&id(1));
        keeper.used(&id(2));
        keeper.used(&id(1));
        assert_eq!(keeper.used(&id(3)), Some(id(2)));
        assert_eq!(keeper.worth_keeping(&id(2)), 0);
        assert_eq!(keeper.worth_keeping(&id(1)), 2);
    }

    #[test]
    fn a_terminal_that_is_only_heard_of_takes_nobodys_place() {
        let mut keeper = keeper(Lines::default().terminals(1));
        keeper.used(&id(1));
        keeper.known(&id(2));
        assert_eq!(keeper.worth_keeping(&id(2)), 0);
    }

    #[test]
    fn where_nothing_is_opened_in_advance_a_used_line_is_kept() {
        let mut keeper = keeper(Lines::none());
        keeper.used(&id(1));
        assert!(keeper.open(ms(0), none).is_empty());
        assert_eq!(keeper.worth_keeping(&id(1)), 1);
    }

    #[test]
    fn without_a_place_nothing_is_kept() {
        let mut keeper = keeper(Lines::default().terminals(0));
        assert_eq!(keeper.used(&id(1)), None);
        assert_eq!(keeper.worth_keeping(&id(1)), 0);
    }

    #[test]
    fn the_lines_that_a_payment_uses_are_counted() {
        let mut keeper = keeper(Lines::default());
        keeper.used(&id(1));
        assert!(keeper.open(ms(0), |_| 2).is_empty());
        assert_eq!(keeper.open(ms(0), |_| 1), [id(1)]);
    }

    #[test]
    fn the_pauses_double_up_to_a_minute() {
        let mut keeper = keeper(Lines::default());
        keeper.known(&id(1));
        let mut now = ms(0);
        let mut pauses = Vec::new();
        for _ in 0..10 {
            assert_eq!(keeper.open(now, none), [id(1)]);
            // The chance in the middle.
            keeper.failed(now, &id(1), Failure::Away, 128);
            let next = keeper.next_wake(now).unwrap();
            assert!(keeper.open(next - ms(1), none).is_empty());
            pauses.push((next - now).as_millis());
            now = next;
        }
        assert_eq!(
            pauses,
            [
                500, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000
            ]
        );
    }

    #[test]
    fn a_terminal_that_hangs_up_each_time_is_dialled_less_and_less() {
        let mut keeper = keeper(Lines::default());
        keeper.known(&id(1));
        let mut now = ms(0);
        let mut pauses = Vec::new();
        for _ in 0..7 {
            assert_eq!(keeper.open(now, none), [id(1)]);
            keeper.opened(now, &id(1));
            let next = keeper.next_wake(now).unwrap_or(now);
            pauses.push((next - now).as_millis());
            now = next;
        }
        assert_eq!(pauses, [0, 0, 0, 500, 1000, 2000, 4000]);
    }

    #[test]
    fn a_line_that_was_of_use_ends_that_pause() {
        let mut keeper = keeper(Lines::default());
        keeper.known(&id(1));
        for _ in 0..4 {
            keeper.opened(ms(0), &id(1));
        }
        assert!(keeper.open(ms(1), none).is_empty());
        keeper.reached(&id(1));
        assert_eq!(keeper.open(ms(1), none), [id(1)]);
    }

    #[test]
    fn chance_shortens_or_lengthens_a_pause_by_a_quarter() {
        let pause = |chance| {
            let mut keeper = keeper(Lines::default());
            keeper.known(&id(1));
            keeper.failed(ms(0), &id(1), Failure::Away, chance);
            keeper.next_wake(ms(0)).unwrap()
        };
        assert_eq!(pause(0), ms(375));
        assert!(pause(255) > ms(620) && pause(255) <= ms(625));
    }

    #[test]
    fn whoever_does_not_want_the_till_is_left_alone_for_a_minute() {
        let mut keeper = keeper(Lines::default());
        keeper.known(&id(1));
        keeper.failed(ms(0), &id(1), Failure::Unwilling, 128);
        assert_eq!(keeper.next_wake(ms(0)), Some(ms(60_000)));
    }

    #[test]
    fn a_payment_that_reached_the_terminal_ends_the_pause() {
        let mut keeper = keeper(Lines::default());
        keeper.known(&id(1));
        keeper.failed(ms(0), &id(1), Failure::Unwilling, 128);
        keeper.reached(&id(1));
        assert_eq!(keeper.open(ms(1), none), [id(1)]);
    }
}
