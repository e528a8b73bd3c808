//! A judgement of one peer that is remembered until something was exchanged, or a date was passed, that it depends on.
//!
//! Both sides judge the peer of an open connection at every request by this: between two such moments a request costs a
//! look at the clock and two comparisons. \[TLS-12\]

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use rustls_pki_types::{CertificateDer, UnixTime};

use crate::check::Check;
use crate::profile::{self, Validity};
use crate::revocation::Lists;
use crate::trust::TrustBundle;

/// A judgement, and how long it holds.
#[derive(Debug, Clone)]
pub(crate) struct Verdict<T> {
    generation: u64,
    /// Seconds since 1970.
    holds: Range<i64>,
    outcome: Result<T, Check>,
}

impl<T: Clone> Verdict<T> {
    /// What came of judging with what this generation trusts, for as long as `holds` says.
    pub(crate) fn new(generation: u64, holds: Range<i64>, outcome: Result<T, Check>) -> Self {
        Self {
            generation,
            holds,
            outcome,
        }
    }

    pub(crate) fn holds_at(&self, generation: u64, now: UnixTime) -> bool {
        self.generation == generation && self.holds.contains(&seconds(now))
    }

    pub(crate) fn outcome(&self) -> Result<T, Check> {
        self.outcome.clone()
    }
}

/// What the peer of one connection showed, and the last verdict on it.
#[derive(Debug)]
pub(crate) struct Shown<T> {
    chain: Vec<CertificateDer<'static>>,
    last: Mutex<Verdict<T>>,
}

impl<T: Clone> Shown<T> {
    pub(crate) fn new(chain: Vec<CertificateDer<'static>>, first: Verdict<T>) -> Self {
        let last = Mutex::new(first);
        Self { chain, last }
    }

    /// Leaf first.
    pub(crate) fn chain(&self) -> &[CertificateDer<'static>] {
        &self.chain
    }

    /// The verdict of the time before if it still holds, else a new one.
    pub(crate) fn check(
        &self,
        generation: u64,
        now: UnixTime,
        judge: impl FnOnce(&[CertificateDer<'_>]) -> Verdict<T>,
    ) -> Result<T, Check> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if !last.holds_at(generation, now) {
            *last = judge(&self.chain);
        }
        last.outcome()
    }
}

/// The seconds around `now` in which no date is passed that a verdict on this chain depends on.
pub(crate) fn unchanged_around(
    now: UnixTime,
    chain: &[CertificateDer<'_>],
    bundle: &TrustBundle,
    lists: Option<&Lists>,
) -> Range<i64> {
    let now = seconds(now);
    let shown = chain.iter().filter_map(|it| profile::parse(it).ok());
    let turns = shown
        .map(|it| profile::validity(&it))
        .chain(bundle.validities())
        .chain(lists.into_iter().flat_map(Lists::validities))
        .flat_map(Validity::turns);
    turns.fold(i64::MIN..i64::MAX, |range, turn| {
        if turn <= now {
            range.start.max(turn)..range.end
        } else {
            range.start..range.end.min(turn)
        }
    })
}

fn seconds(now: UnixTime) -> i64 {
    i64::try_from(now.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(secs: u64) -> UnixTime {
        UnixTime::since_unix_epoch(Duration::from_secs(secs))
    }

    fn verdict() -> Verdict<char> {
        Verdict::new(1, 10..20, Ok('a'))
    }

    /// What comes of a request, where a new judgement says `b`.
    fn asked(generation: u64, secs: u64) -> char {
        let shown = Shown::new(vec![], verdict());
        let outcome = shown.check(generation, at(secs), |_| {
            Verdict::new(generation, 0..30, Ok('b'))
        });
        outcome.expect("nobody is refused")
    }

    #[test]
    fn a_verdict_that_holds_is_not_made_again() {
        assert_eq!((asked(1, 10), asked(1, 19)), ('a', 'a'));
    }

    #[test]
    fn a_verdict_is_made_again_outside_its_dates() {
        assert_eq!((asked(1, 9), asked(1, 20)), ('b', 'b'));
    }

    #[test]
    fn a_verdict_is_made_again_in_another_generation() {
        assert_eq!(asked(2, 15), 'b');
    }

    #[test]
    fn a_new_verdict_takes_the_place_of_the_old_one() {
        let shown = Shown::new(vec![], verdict());
        let refused = |_: &[CertificateDer<'_>]| Verdict::new(2, 10..20, Err(Check::Revoked));
        assert_eq!(shown.check(2, at(15), refused), Err(Check::Revoked));
        let not_asked = |_: &[CertificateDer<'_>]| panic!("it was judged already");
        assert_eq!(shown.check(2, at(15), not_asked), Err(Check::Revoked));
    }
}
