//! The life of records: how long one is believed, when it is asked for again, and what ends it early.
//!
//! | what is heard | what becomes of a record |
//! |---|---|
//! | it, with a lifetime | it lives that long, 75 minutes at most (RFC 6762 §10) |
//! | it, with lifetime 0 (a goodbye) | it ends a second later (§10.1) |
//! | another of its set, with the cache flush bit | it ends a second later, if it was heard more than a second ago (§10.2) |
//! | nothing | it is asked for at 80, 85, 90 and 95 % of its lifetime, then it ends (§5.2) |
//!
//! Anybody can say any of these, so of one set only so many records are kept, and no source takes the places
//! of the others. Pure: the time comes with what is heard.

use std::net::IpAddr;
use std::time::Duration;

/// The longest life without being heard again; RFC 6762 §10 recommends it for what is not about hosts, and
/// nobody needs more.
pub(crate) const TTL_MAX: Duration = Duration::from_secs(75 * 60);

/// How long a record lives on after its goodbye, or after the flush of its set: long enough for its true
/// owner to object.
pub(crate) const LAST_SECOND: Duration = Duration::from_secs(1);

/// At what share of its life a record is asked for again, in per cent.
const REFRESH: [u64; 4] = [80, 85, 90, 95];

/// A time, counted in milliseconds from whenever the caller likes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(crate) struct Moment(pub(crate) u64);

impl std::ops::Add<Duration> for Moment {
    type Output = Self;
    fn add(self, later: Duration) -> Self {
        let millis = u64::try_from(later.as_millis()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(millis))
    }
}

/// Which way an answer came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Way {
    /// To everybody, as responders announce.
    Multicast,
    /// To us alone, because we asked from a port of our own; lifetimes are cut to 10 s then (§6.7).
    Direct,
}

/// Who said something, how and when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Told {
    pub(crate) now: Moment,
    pub(crate) from: IpAddr,
    pub(crate) way: Way,
}

/// One record of a set, as a message has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Heard<T> {
    pub(crate) value: T,
    pub(crate) ttl: u32,
    pub(crate) flush: bool,
}

/// What a message did to a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Outcome {
    /// The set is not what it was.
    pub(crate) changed: bool,
    /// Somebody else than its teller ended a record: worth asking whether its owner agrees.
    pub(crate) disputed: bool,
}

impl std::ops::BitOrAssign for Outcome {
    fn bitor_assign(&mut self, other: Self) {
        self.changed |= other.changed;
        self.disputed |= other.disputed;
    }
}

/// The records of one name and type, `N` at most.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Slots<T, const N: usize> {
    held: Vec<Held<T>>,
}

/// A record and its life.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Held<T> {
    pub(crate) value: T,
    pub(crate) first_heard: Moment,
    /// Who said it first: repeating it gives nobody a right to end it.
    from: IpAddr,
    /// When it was said last, whichever way.
    pub(crate) last_heard: Moment,
    heard: Moment,
    ttl: Duration,
    ends: Moment,
    way: Way,
    doomed: bool,
    asked: usize,
}

impl<T, const N: usize> Default for Slots<T, N> {
    fn default() -> Self {
        Self { held: Vec::new() }
    }
}

impl<T: PartialEq, const N: usize> Slots<T, N> {
    /// Takes in all that one message says of this set. `same_set` tells which of the records are of the type
    /// that is spoken of.
    pub(crate) fn hear(
        &mut self,
        said: Vec<Heard<T>>,
        told: Told,
        same_set: impl Fn(&T) -> bool,
    ) -> Outcome {
        let mut outcome = Outcome::default();
        if said.iter().any(|record| record.flush && record.ttl > 0) {
            let others = self.held.iter_mut().filter(|held| same_set(&held.value));
            for other in others.filter(|held| said.iter().all(|s| s.value != held.value)) {
                if other.last_heard + LAST_SECOND < told.now {
                    outcome |= other.doom(told);
                }
            }
        }
        for record in said {
            let known = self.held.iter().position(|held| held.value == record.value);
            outcome |= match (known, record.ttl) {
                (Some(place), 0) => self.held[place].doom(told),
                (None, 0) => Outcome::default(),
                (Some(place), _) => self.held[place].renew(record.ttl, told),
                (None, _) => self.insert(record, told),
            };
        }
        outcome
    }

    /// Those that are believed, the longest known first, the doomed behind.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Held<T>> {
        let (doomed, living): (Vec<_>, Vec<_>) = self.held.iter().partition(|held| held.doomed);
        living.into_iter().chain(doomed)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Drops what has come to its end; true when there was any.
    pub(crate) fn expire(&mut self, now: Moment) -> bool {
        let before = self.held.len();
        self.held.retain(|held| now < held.ends);
        self.held.len() < before
    }

    /// When something here ends or is to be asked for.
    pub(crate) fn next_wake(&self) -> Option<Moment> {
        self.held
            .iter()
            .map(|held| held.refresh_at().map_or(held.ends, |at| at.min(held.ends)))
            .min()
    }

    /// Is a record due to be asked for? Each of its times counts once.
    pub(crate) fn refresh_is_due(&mut self, now: Moment) -> bool {
        let mut due = false;
        for held in &mut self.held {
            while held.refresh_at().is_some_and(|at| at <= now) {
                held.asked += 1;
                due = true;
            }
        }
        due
    }

    /// A connection failed, so this may be out of date: unless it is heard again it ends in `rest` (§10.4).
    pub(crate) fn doubt(&mut self, now: Moment, rest: Duration) {
        for held in &mut self.held {
            if now + rest < held.ends {
                (held.heard, held.ttl, held.ends, held.asked) = (now, rest, now + rest, 0);
            }
        }
    }

    /// How much longer the longest lives, if it was heard by multicast and half its life is still to come:
    /// only then may a query name it as known (§7.1).
    pub(crate) fn known_for(&self, now: Moment) -> Option<Duration> {
        let known = self.held.iter().filter(|held| {
            let rest = held.ends.0.saturating_sub(now.0);
            held.way == Way::Multicast
                && !held.doomed
                && u128::from(rest) * 2 > held.ttl.as_millis()
        });
        known
            .map(|held| Duration::from_millis(held.ends.0 - now.0))
            .max()
    }

    /// With all places taken, a source that holds fewer gets the youngest of the one that holds most.
    fn insert(&mut self, record: Heard<T>, told: Told) -> Outcome {
        if self.held.len() >= N {
            let share = |from: IpAddr| self.held.iter().filter(|h| h.from == from).count();
            let mut youngest_first = self.held.iter().enumerate().rev();
            let most = self.held.iter().map(|h| share(h.from)).max().unwrap_or(0);
            // Equal shares do not take turns: who is there stays.
            if share(told.from) + 1 >= most {
                return Outcome::default();
            }
            let place = youngest_first.find(|(_, held)| share(held.from) == most);
            let place = place.map(|(place, _)| place);
            self.held
                .remove(place.expect("somebody holds the most of a full set"));
        }
        let ttl = lifetime(record.ttl);
        self.held.push(Held {
            value: record.value,
            first_heard: told.now,
            from: told.from,
            last_heard: told.now,
            heard: told.now,
            ttl,
            ends: told.now + ttl,
            way: told.way,
            doomed: false,
            asked: 0,
        });
        Outcome {
            changed: true,
            disputed: false,
        }
    }
}

impl<T> Held<T> {
    /// Its goodbye was heard.
    pub(crate) fn is_doomed(&self) -> bool {
        self.doomed
    }

    fn doom(&mut self, told: Told) -> Outcome {
        let outcome = Outcome {
            changed: !self.doomed,
            disputed: !self.doomed && self.from != told.from,
        };
        self.doomed = true;
        self.ends = self.ends.min(told.now + LAST_SECOND);
        outcome
    }

    fn renew(&mut self, ttl: u32, told: Told) -> Outcome {
        let changed = self.doomed;
        let ttl = lifetime(ttl);
        // A direct answer's short life takes nothing from what was announced to everybody.
        let shorter = told.way == Way::Direct && told.now + ttl < self.ends && !self.doomed;
        if !shorter {
            (self.heard, self.ttl, self.ends) = (told.now, ttl, told.now + ttl);
            (self.way, self.asked) = (told.way, 0);
        }
        (self.doomed, self.last_heard) = (false, told.now);
        Outcome {
            changed,
            disputed: false,
        }
    }

    fn refresh_at(&self) -> Option<Moment> {
        let percent = REFRESH.get(self.asked).filter(|_| !self.doomed)?;
        let millis = u64::try_from(self.ttl.as_millis()).unwrap_or(u64::MAX) / 100 * percent;
        Some(self.heard + Duration::from_millis(millis))
    }
}

fn lifetime(ttl: u32) -> Duration {
    Duration::from_secs(ttl.into()).min(TTL_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWNER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const STRANGER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 66));

    fn at(now: u64, from: IpAddr) -> Told {
        Told {
            now: Moment(now),
            from,
            way: Way::Multicast,
        }
    }

    fn record(value: u8, ttl: u32) -> Vec<Heard<u8>> {
        vec![Heard {
            value,
            ttl,
            flush: false,
        }]
    }

    fn unique(value: u8, ttl: u32) -> Vec<Heard<u8>> {
        vec![Heard {
            value,
            ttl,
            flush: true,
        }]
    }

    fn with(value: u8, ttl: u32) -> Slots<u8, 4> {
        let mut slots = Slots::default();
        slots.hear(record(value, ttl), at(0, OWNER), |_| true);
        slots
    }

    fn values(slots: &Slots<u8, 4>) -> Vec<u8> {
        slots.iter().map(|held| held.value).collect()
    }

    #[test]
    fn a_record_lives_as_long_as_it_says_and_no_longer() {
        let mut slots = with(1, 120);
        assert!(!slots.expire(Moment(119_999)));
        assert!(slots.expire(Moment(120_000)));
        assert!(slots.is_empty());
    }

    #[test]
    fn a_record_lives_75_minutes_at_most() {
        let mut slots = with(1, u32::MAX);
        assert!(!slots.expire(Moment(4_499_999)));
        assert!(slots.expire(Moment(4_500_000)));
    }

    // [DISC-5]
    #[test]
    fn after_its_goodbye_a_record_lives_one_second() {
        let mut slots = with(1, 120);
        let outcome = slots.hear(record(1, 0), at(5_000, OWNER), |_| true);
        assert!(outcome.changed && !outcome.disputed);
        assert!(!slots.expire(Moment(5_999)));
        assert!(slots.expire(Moment(6_000)));
    }

    #[test]
    fn a_goodbye_makes_no_life_longer() {
        let mut slots = with(1, 1);
        slots.hear(record(1, 0), at(900, OWNER), |_| true);
        assert!(slots.expire(Moment(1_000)));
    }

    #[test]
    fn who_objects_to_a_goodbye_within_the_second_stays() {
        let mut slots = with(1, 120);
        let outcome = slots.hear(record(1, 0), at(5_000, STRANGER), |_| true);
        assert!(outcome.disputed, "a stranger's goodbye is worth a question");
        slots.hear(record(1, 120), at(5_999, OWNER), |_| true);
        assert!(!slots.expire(Moment(6_000)));
    }

    #[test]
    fn a_flush_ends_what_was_heard_more_than_a_second_ago() {
        let mut slots = with(1, 120);
        slots.hear(unique(2, 120), at(1_001, OWNER), |_| true);
        assert_eq!(values(&slots), [2, 1], "the doomed stands behind");
        slots.expire(Moment(2_000));
        assert_eq!(values(&slots), [2, 1]);
        slots.expire(Moment(2_001));
        assert_eq!(values(&slots), [2]);
    }

    #[test]
    fn a_flush_leaves_what_was_heard_within_the_second() {
        let mut slots = with(1, 120);
        slots.hear(unique(2, 120), at(1_000, OWNER), |_| true);
        slots.expire(Moment(100_000));
        assert_eq!(values(&slots), [1, 2]);
    }

    #[test]
    fn a_flush_leaves_its_own_message_and_other_types_alone() {
        let mut slots = with(1, 120);
        slots.hear(record(2, 120), at(0, OWNER), |_| true);
        let both = [unique(2, 120), unique(3, 120)].concat();
        slots.hear(both, at(50_000, OWNER), |value| *value != 1);
        slots.expire(Moment(60_000));
        assert_eq!(values(&slots), [1, 2, 3]);
    }

    #[test]
    fn a_record_is_asked_for_at_80_85_90_and_95_per_cent_of_its_life() {
        let mut slots = with(1, 100);
        let mut asked = Vec::new();
        for now in 0..100_000 {
            if slots.refresh_is_due(Moment(now)) {
                asked.push(now);
            }
        }
        assert_eq!(asked, [80_000, 85_000, 90_000, 95_000]);
    }

    #[test]
    fn who_answers_is_not_asked_again_for_that_life() {
        let mut slots = with(1, 100);
        assert!(slots.refresh_is_due(Moment(80_000)));
        slots.hear(record(1, 100), at(80_100, OWNER), |_| true);
        assert!(!slots.refresh_is_due(Moment(160_099)));
        assert!(slots.refresh_is_due(Moment(160_100)));
    }

    #[test]
    fn only_what_has_half_its_life_before_it_is_named_as_known() {
        let slots = with(1, 100);
        assert_eq!(
            slots.known_for(Moment(49_999)),
            Some(Duration::from_millis(50_001))
        );
        assert_eq!(slots.known_for(Moment(50_000)), None);
    }

    #[test]
    fn what_was_said_to_us_alone_is_not_named_as_known() {
        let mut slots: Slots<u8, 4> = Slots::default();
        let direct = Told {
            way: Way::Direct,
            ..at(0, OWNER)
        };
        slots.hear(record(1, 10), direct, |_| true);
        assert_eq!(slots.known_for(Moment(0)), None);
    }

    #[test]
    fn a_direct_answer_does_not_shorten_a_life() {
        let mut slots = with(1, 120);
        let direct = Told {
            way: Way::Direct,
            ..at(1_000, OWNER)
        };
        slots.hear(record(1, 10), direct, |_| true);
        assert!(!slots.expire(Moment(119_999)));
        assert!(slots.expire(Moment(120_000)));
    }

    #[test]
    fn a_doubted_record_ends_early_unless_it_is_heard_again() {
        let rest = Duration::from_secs(10);
        let mut slots = with(1, 120);
        slots.doubt(Moment(1_000), rest);
        let mut answered = slots.clone();
        assert!(!slots.expire(Moment(10_999)));
        assert!(slots.expire(Moment(11_000)));
        answered.hear(record(1, 120), at(2_000, OWNER), |_| true);
        assert!(!answered.expire(Moment(121_999)));
    }

    #[test]
    fn four_are_kept_and_a_fifth_of_the_same_source_is_not() {
        let mut slots: Slots<u8, 4> = Slots::default();
        for value in 1..=5 {
            slots.hear(record(value, 120), at(0, STRANGER), |_| true);
        }
        assert_eq!(values(&slots), [1, 2, 3, 4]);
    }

    #[test]
    fn a_source_with_many_makes_room_for_one_with_few() {
        let mut slots: Slots<u8, 4> = Slots::default();
        for value in 1..=4 {
            slots.hear(record(value, 120), at(0, STRANGER), |_| true);
        }
        slots.hear(record(9, 120), at(1, OWNER), |_| true);
        assert_eq!(values(&slots), [1, 2, 3, 9]);
        slots.hear(record(8, 120), at(2, OWNER), |_| true);
        assert_eq!(values(&slots), [1, 2, 9, 8]);
        slots.hear(record(7, 120), at(3, OWNER), |_| true);
        assert_eq!(values(&slots), [1, 2, 9, 8], "half each: nobody gives way");
    }
}
