//! How many handshakes may begin in a second. \[NET-5\]
//!
//! What is counted is what costs: a whole ClientHello, which a terminal answers with a key exchange and a signature.
//! A silent socket costs a place and no more. Two buckets, one for everybody and one for each address, start empty,
//! take what is spent and leak it again tick by tick; there is room in each for the handshakes of one second.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use super::limits::Limits;

/// How often a bucket leaks.
pub(super) const TICK: Duration = Duration::from_millis(50);

/// A handshake, in thousandths, so that a tick's leak is a whole number.
const HANDSHAKE: u64 = 1000;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Rate {
    per_second: u64,
    kept_for_known: u64,
    per_address: u64,
    spent: u64,
    /// Whoever spent something and was not forgiven it yet: not more addresses than handshakes in a second or two.
    spent_by: BTreeMap<IpAddr, u64>,
}

impl Rate {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            per_second: limits.handshakes_per_second.into(),
            kept_for_known: limits.handshakes_per_second_kept_for_known.into(),
            per_address: limits.handshakes_per_second_per_address.into(),
            spent: 0,
            spent_by: BTreeMap::new(),
        }
    }

    /// May one begin now? A stranger leaves the share of known tills alone.
    pub(super) fn has_room(&self, address: IpAddr, is_known: bool) -> bool {
        let kept = if is_known { 0 } else { self.kept_for_known };
        let fits = |spent, room: u64| spent + HANDSHAKE <= room * HANDSHAKE;
        fits(self.spent, self.per_second.saturating_sub(kept))
            && fits(self.spent_by(address), self.per_address)
    }

    pub(super) fn spend(&mut self, address: IpAddr) {
        self.spent += HANDSHAKE;
        *self.spent_by.entry(address).or_default() += HANDSHAKE;
    }

    /// Who spent least goes first.
    pub(super) fn spent_by(&self, address: IpAddr) -> u64 {
        self.spent_by.get(&address).copied().unwrap_or(0)
    }

    /// One tick passed.
    pub(super) fn leak(&mut self) {
        let leak = |per_second: u64| per_second * HANDSHAKE * TICK.as_millis() as u64 / 1000;
        let of_address = leak(self.per_address);
        self.spent = self.spent.saturating_sub(leak(self.per_second));
        self.spent_by.retain(|_, spent| {
            *spent = spent.saturating_sub(of_address);
            *spent > 0
        });
    }

    /// Nothing is left to leak.
    pub(super) fn is_at_rest(&self) -> bool {
        self.spent == 0 && self.spent_by.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRANGER: bool = false;
    const KNOWN: bool = true;

    fn rate() -> Rate {
        Rate::new(&Limits {
            handshakes_per_second: 40,
            handshakes_per_second_kept_for_known: 10,
            handshakes_per_second_per_address: 20,
            ..Limits::default()
        })
    }

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    /// How many begin, one address after the other, until there is no room.
    fn begun(rate: &mut Rate, addresses: u8, is_known: bool) -> usize {
        let mut count = 0;
        for address in (0..addresses).map(address) {
            while rate.has_room(address, is_known) {
                rate.spend(address);
                count += 1;
            }
        }
        count
    }

    #[test]
    fn one_address_begins_its_own_share_and_not_one_more() {
        assert_eq!(begun(&mut rate(), 1, STRANGER), 20);
        assert_eq!(begun(&mut rate(), 1, KNOWN), 20);
    }

    #[test]
    fn strangers_leave_the_share_of_known_tills() {
        let mut rate = rate();
        assert_eq!(begun(&mut rate, 9, STRANGER), 30);
        assert!(!rate.has_room(address(99), STRANGER));
        assert!(rate.has_room(address(99), KNOWN));
    }

    #[test]
    fn known_tills_begin_as_many_as_there_may_be() {
        assert_eq!(begun(&mut rate(), 9, KNOWN), 40);
    }

    #[test]
    fn a_second_of_ticks_gives_a_second_of_handshakes_back() {
        let mut rate = rate();
        begun(&mut rate, 9, STRANGER);
        for _ in 0..10 {
            rate.leak();
        }
        assert_eq!(begun(&mut rate, 9, STRANGER), 20, "half a second, half");
        for _ in 0..20 {
            rate.leak();
        }
        assert_eq!(begun(&mut rate, 9, STRANGER), 30);
    }

    #[test]
    fn an_address_is_forgotten_when_it_owes_nothing() {
        let mut rate = rate();
        rate.spend(address(1));
        rate.leak();
        assert!(rate.is_at_rest());
    }
}
