//! What changes on the LAN, for a till's status page. \[DISC-5, DISC-7\]

use std::net::SocketAddr;

use futures_util::Stream;
use futures_util::stream::unfold;
use serde::{Deserialize, Serialize};
use vinr_discovery::{Candidate, Event, Watch};
use vinr_protocol::TerminalId;
use vinr_protocol::reader::{Activity, ReaderStatus};

/// A change on the LAN. **A hint, and no proof**: nobody was asked who it is. A [discovery](crate::Readers::discover) asks,
/// and each payment does. \[DISC-8\]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Change {
    /// Somebody advertises a terminal that was not there.
    Appeared(Advertised),
    /// It is elsewhere, or says something else of itself.
    Changed(Advertised),
    /// It said goodbye, or was not heard for as long as its advertisement counts.
    Gone {
        /// Its id.
        id: TerminalId,
    },
}

/// What an advertisement says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Advertised {
    /// Who it says it is.
    pub id: TerminalId,
    /// Where, the most promising first.
    pub addresses: Vec<SocketAddr>,
    /// Whether it has the internet, if it says so.
    pub status: Option<ReaderStatus>,
    /// Whether it is free, if it says so.
    pub activity: Option<Activity>,
}

/// The changes, one after the other: [`Readers::watch`](crate::Readers::watch). Who reads slowly is told of several as
/// one, and keeps nobody waiting.
#[derive(Debug)]
pub struct Changes(Watch);

impl Changes {
    pub(crate) fn new(watch: Watch) -> Self {
        Self(watch)
    }

    /// The next one; first each terminal that is there already appears. Where nothing changes this waits for ever.
    /// Dropping its future loses nothing.
    pub async fn next(&mut self) -> Change {
        loop {
            match self.0.next().await {
                Event::Found(candidate) => return Change::Appeared(candidate.into()),
                Event::Changed(candidate) => return Change::Changed(candidate.into()),
                Event::Gone(id) => return Change::Gone { id },
                // A kind of event that this version does not know.
                _ => {}
            }
        }
    }

    /// The same as a stream, which never ends.
    pub fn into_stream(self) -> impl Stream<Item = Change> + Send {
        unfold(self, async |mut changes| {
            let change = changes.next().await;
            Some((change, changes))
        })
    }
}

impl From<Candidate> for Advertised {
    fn from(candidate: Candidate) -> Self {
        Self {
            id: candidate.id,
            addresses: candidate.addresses,
            status: candidate.status,
            activity: candidate.activity,
        }
    }
}
