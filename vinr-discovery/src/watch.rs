//! What changes on the network, one event after the other. \[DISC-5, DISC-7\]

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;
use vinr_protocol::TerminalId;

use crate::browser::Browser;
use crate::candidate::{Candidate, Found};

/// How long a change settles before it is told: the addresses of a terminal come one by one, over both IP
/// versions and every interface.
pub(crate) const SETTLE: Duration = Duration::from_millis(50);

/// A change on the network. A hint, as all of discovery is. \[DISC-8\]
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A terminal is there that was not.
    Found(Candidate),
    /// What a terminal says of itself, or where it is, is not what it was.
    Changed(Candidate),
    /// A terminal said goodbye, or was not heard for as long as its records live.
    Gone(TerminalId),
}

/// The changes on the network, settled; from [`Browser::watch`].
///
/// A slow reader loses nothing that still matters and keeps nothing waiting: what changed meanwhile is told
/// as one change.
#[derive(Debug)]
pub struct Watch {
    _browser: Browser,
    found: watch::Receiver<Arc<Found>>,
    told: BTreeMap<TerminalId, Candidate>,
    ready: VecDeque<Event>,
}

impl Watch {
    pub(crate) fn new(browser: Browser, mut found: watch::Receiver<Arc<Found>>) -> Self {
        found.mark_changed();
        Self {
            _browser: browser,
            found,
            told: BTreeMap::new(),
            ready: VecDeque::new(),
        }
    }

    /// The next change; first all that is there already is found. Waits for ever where nothing changes.
    ///
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Event {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return event;
            }
            if self.found.changed().await.is_err() {
                // The search ends with its runtime only.
                std::future::pending::<()>().await;
            }
            // Until it is told it counts as unseen, for this future may be dropped.
            self.found.mark_changed();
            sleep(SETTLE).await;
            let found = Arc::clone(&self.found.borrow_and_update());
            self.ready = changes(&mut self.told, &found.candidates);
        }
    }
}

/// Makes `told` equal to what was found, and says what that takes.
fn changes(told: &mut BTreeMap<TerminalId, Candidate>, found: &[Candidate]) -> VecDeque<Event> {
    let mut events = VecDeque::new();
    let there: BTreeSet<&TerminalId> = found.iter().map(|candidate| &candidate.id).collect();
    told.retain(|id, _| {
        let stays = there.contains(id);
        if !stays {
            events.push_back(Event::Gone(id.clone()));
        }
        stays
    });
    for candidate in found {
        match told.insert(candidate.id.clone(), candidate.clone()) {
            None => events.push_back(Event::Found(candidate.clone())),
            Some(before) if before != *candidate => {
                events.push_back(Event::Changed(candidate.clone()));
            }
            Some(_) => {}
        }
    }
    events
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(id: &str, address: &str) -> Candidate {
        Candidate {
            id: TerminalId::new(id).unwrap(),
            model: None,
            status: None,
            activity: None,
            api: None,
            addresses: vec![address.parse().unwrap()],
            instance: id.to_owned(),
        }
    }

    #[test]
    fn the_differences_are_told_and_nothing_else() {
        let (a, b, c) = (
            candidate("term_a", "192.0.2.1:1"),
            candidate("term_b", "192.0.2.2:1"),
            candidate("term_c", "192.0.2.3:1"),
        );
        let mut told = BTreeMap::new();
        let events = changes(&mut told, &[a.clone(), b.clone()]);
        assert_eq!(events, [Event::Found(a.clone()), Event::Found(b)]);
        let moved = candidate("term_b", "192.0.2.9:1");
        let events = changes(&mut told, &[moved.clone(), c.clone()]);
        let expected = [
            Event::Gone(a.id),
            Event::Changed(moved.clone()),
            Event::Found(c.clone()),
        ];
        assert_eq!(events, expected);
        assert_eq!(changes(&mut told, &[moved, c]), []);
    }
}
