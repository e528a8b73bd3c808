//! Who is there, how far each has come, and who goes first when one must.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// A connection, in the order of arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Seat(pub(super) u64);

/// How far a connection has come; who is to go first, first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Stage {
    /// It is only being told why not.
    Refused,
    /// No whole ClientHello.
    Silent,
    /// Its ClientHello waits for a turn.
    Waiting,
    /// Its handshake is under way.
    Shaking,
    /// A till, with no whole request under way: a slow header and a slow body are this, too.
    Idle,
    /// A till that waits for an answer.
    Busy,
}

impl Stage {
    pub(super) fn is_at_door(self) -> bool {
        match self {
            Stage::Refused | Stage::Silent | Stage::Waiting | Stage::Shaking => true,
            Stage::Idle | Stage::Busy => false,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Guest {
    pub(super) address: IpAddr,
    pub(super) stage: Stage,
    /// When it came to this stage.
    since: u64,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Guests {
    by_seat: BTreeMap<Seat, Guest>,
    /// Counts what happened, so that "for longest" needs no clock.
    happened: u64,
}

impl Guests {
    pub(super) fn add(&mut self, seat: Seat, address: IpAddr) {
        self.happened += 1;
        let guest = Guest {
            address,
            stage: Stage::Silent,
            since: self.happened,
        };
        self.by_seat.insert(seat, guest);
    }

    /// Whoever is gone stays gone.
    pub(super) fn advance(&mut self, seat: Seat, stage: Stage) {
        self.happened += 1;
        if let Some(guest) = self.by_seat.get_mut(&seat) {
            guest.stage = stage;
            guest.since = self.happened;
        }
    }

    pub(super) fn remove(&mut self, seat: Seat) {
        self.by_seat.remove(&seat);
    }

    pub(super) fn find(&self, seat: Seat) -> Option<&Guest> {
        self.by_seat.get(&seat)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Seat, &Guest)> {
        self.by_seat.iter().map(|(seat, guest)| (*seat, guest))
    }

    pub(super) fn count(&self, is: impl Fn(&Guest) -> bool) -> usize {
        self.by_seat.values().filter(|guest| is(guest)).count()
    }

    /// At the door, of those that may: at the address that has the most there, whoever has shown least for longest.
    pub(super) fn weakest_at_door(
        &self,
        may_go: impl Fn(&Guest) -> bool,
    ) -> Option<(Seat, IpAddr)> {
        self.first_to_go(
            |guest| guest.stage.is_at_door(),
            |guest| guest.stage.is_at_door() && may_go(guest),
        )
    }

    /// Of the tills that may: at the address that has the most, whoever was idle for longest.
    pub(super) fn longest_idle_till(
        &self,
        may_go: impl Fn(&Guest) -> bool,
    ) -> Option<(Seat, IpAddr)> {
        self.first_to_go(
            |guest| !guest.stage.is_at_door(),
            |guest| guest.stage == Stage::Idle && may_go(guest),
        )
    }

    fn first_to_go(
        &self,
        is_counted: impl Fn(&Guest) -> bool,
        may_go: impl Fn(&Guest) -> bool,
    ) -> Option<(Seat, IpAddr)> {
        let mut crowds = BTreeMap::<IpAddr, usize>::new();
        for guest in self.by_seat.values().filter(|guest| is_counted(guest)) {
            *crowds.entry(guest.address).or_default() += 1;
        }
        let goes_first = self
            .iter()
            .filter(|(_, guest)| may_go(guest))
            .min_by_key(|(_, guest)| {
                let crowd = crowds.get(&guest.address).copied();
                (Reverse(crowd), guest.stage, guest.since)
            });
        goes_first.map(|(seat, guest)| (seat, guest.address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    /// Guests as (address, stage), seated from 0 on.
    fn guests(of: &[(u8, Stage)]) -> Guests {
        let mut guests = Guests::default();
        for (seat, (last, stage)) in (0..).map(Seat).zip(of) {
            guests.add(seat, address(*last));
            guests.advance(seat, *stage);
        }
        guests
    }

    fn weakest(guests: &Guests) -> Option<Seat> {
        guests.weakest_at_door(|_| true).map(|(seat, _)| seat)
    }

    fn longest_idle(guests: &Guests) -> Option<Seat> {
        guests.longest_idle_till(|_| true).map(|(seat, _)| seat)
    }

    #[test]
    fn the_busiest_address_makes_room_before_an_older_guest_of_another() {
        use Stage::*;
        let guests = guests(&[(1, Silent), (2, Shaking), (2, Silent), (2, Silent)]);
        assert_eq!(weakest(&guests), Some(Seat(2)));
    }

    #[test]
    fn whoever_has_shown_least_goes_first() {
        use Stage::*;
        let mut guests = guests(&[(1, Shaking), (1, Waiting), (1, Silent), (1, Refused)]);
        for seat in [3, 2, 1, 0].map(Seat) {
            assert_eq!(weakest(&guests), Some(seat));
            guests.remove(seat);
        }
        assert_eq!(weakest(&guests), None);
    }

    #[test]
    fn tills_are_no_crowd_at_the_door_and_never_go_from_there() {
        use Stage::*;
        let guests = guests(&[(1, Idle), (1, Idle), (1, Silent), (2, Silent), (2, Silent)]);
        assert_eq!(weakest(&guests), Some(Seat(3)));
    }

    #[test]
    fn the_till_that_goes_is_the_longest_idle_and_never_a_busy_one() {
        use Stage::*;
        let mut guests = guests(&[(1, Idle), (1, Busy), (1, Idle), (2, Idle)]);
        guests.advance(Seat(0), Idle);
        assert_eq!(longest_idle(&guests), Some(Seat(2)));
        guests.remove(Seat(2));
        guests.remove(Seat(0));
        guests.remove(Seat(3));
        assert_eq!(longest_idle(&guests), None);
    }
}
