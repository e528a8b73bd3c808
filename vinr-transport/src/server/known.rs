//! Where tills were seen lately: the addresses that room is kept for.

use std::net::IpAddr;

/// The addresses whose certificate was accepted, the latest last, so many and no more.
///
/// An address proves nothing, and nobody is let in by it: it only finds room where strangers find none.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Known {
    latest_last: Vec<IpAddr>,
    room: usize,
}

impl Known {
    pub(super) fn new(room: usize) -> Self {
        Self {
            latest_last: Vec::new(),
            room,
        }
    }

    /// Remembers one, and forgets whoever was not seen for longest when there are too many.
    pub(super) fn remember(&mut self, address: IpAddr) {
        self.latest_last.retain(|other| *other != address);
        self.latest_last.push(address);
        if self.latest_last.len() > self.room {
            self.latest_last.remove(0);
        }
    }

    pub(super) fn contains(&self, address: IpAddr) -> bool {
        self.latest_last.contains(&address)
    }

    pub(super) fn len(&self) -> usize {
        self.latest_last.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[test]
    fn whoever_was_not_seen_for_longest_is_forgotten() {
        let mut known = Known::new(2);
        known.remember(address(1));
        known.remember(address(2));
        assert!(known.contains(address(1)), "two have room");
        known.remember(address(1));
        known.remember(address(3));
        assert!(known.contains(address(1)) && known.contains(address(3)));
        assert!(!known.contains(address(2)));
        assert_eq!(known.len(), 2);
    }

    #[test]
    fn with_no_room_nobody_is_known() {
        let mut known = Known::new(0);
        known.remember(address(1));
        assert!(!known.contains(address(1)));
    }
}
