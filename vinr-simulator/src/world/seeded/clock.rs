//! Virtual time: what is due next happens next, at once. \[I27, I30\]

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// Microseconds since the shop opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment(u64);

impl Moment {
    pub(super) fn after(self, micros: u64) -> Self {
        Self(self.0.saturating_add(micros))
    }

    pub(super) fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }

    pub(super) fn micros(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}", self.0 / SECOND, self.0 % SECOND)
    }
}

pub(super) const MILLI: u64 = 1000;
pub(super) const SECOND: u64 = 1000 * MILLI;
pub(super) const HOUR: u64 = 3600 * SECOND;

/// When something is due; of what is due at one moment, what was put down first happens first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ticket {
    pub(super) due: Moment,
    nth: u64,
}

/// A clock that jumps to whatever is due next.
#[derive(Debug)]
pub(super) struct Clock<E> {
    now: Moment,
    due: BTreeMap<Ticket, E>,
    next: u64,
}

impl<E> Clock<E> {
    pub(super) fn new() -> Self {
        Self {
            now: Moment::default(),
            due: BTreeMap::new(),
            next: 0,
        }
    }

    pub(super) fn now(&self) -> Moment {
        self.now
    }

    pub(super) fn put(&mut self, due: Moment, event: E) -> Ticket {
        let nth = self.next;
        self.next += 1;
        let ticket = Ticket { due, nth };
        self.due.insert(ticket, event);
        ticket
    }

    /// So many microseconds from now.
    pub(super) fn put_in(&mut self, micros: u64, event: E) -> Ticket {
        self.put(self.now.after(micros), event)
    }

    pub(super) fn take(&mut self, ticket: Ticket) -> Option<E> {
        self.due.remove(&ticket)
    }

    /// When the next thing is due.
    pub(super) fn peek(&self) -> Option<Moment> {
        self.due.first_key_value().map(|(ticket, _)| ticket.due)
    }

    pub(super) fn next(&mut self) -> Option<E> {
        let (ticket, event) = self.due.pop_first()?;
        self.now = self.now.max(ticket.due);
        Some(event)
    }

    /// Nothing of this will happen.
    pub(super) fn forget(&mut self, which: impl Fn(&E) -> bool) {
        self.due.retain(|_, event| !which(event));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_first_happens_first_and_ties_go_by_the_order_of_putting() {
        let mut clock = Clock::new();
        clock.put_in(5, 'c');
        clock.put_in(3, 'a');
        clock.put_in(3, 'b');
        let order: String = std::iter::from_fn(|| clock.next()).collect();
        assert_eq!(order, "abc");
        assert_eq!(clock.now().micros(), 5);
    }

    #[test]
    fn what_was_taken_back_moves_no_time() {
        let mut clock = Clock::new();
        let late = clock.put_in(100, 'x');
        clock.put_in(1, 'a');
        clock.take(late);
        while clock.next().is_some() {}
        assert_eq!(clock.now().micros(), 1);
    }
}
