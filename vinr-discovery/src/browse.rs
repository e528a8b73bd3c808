//! Finds the terminals that advertise themselves. \[DISC-2\]

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use vinr_protocol::TerminalId;

use crate::ask::Asking;
use crate::candidate::{Candidate, Found};
use crate::gather::Gather;
use crate::interfaces::Interfaces;
use crate::listen::{Listening, News};
use crate::multicast;

/// How long a discovery listens unless it is told otherwise.
pub const WINDOW: Duration = Duration::from_secs(2);

/// How much longer [`Browse::find`] waits for a better address than link-local IPv6, which comes first and
/// is the most fragile.
const BETTER_ADDRESS: Duration = Duration::from_millis(50);

/// Nothing can be found, because multicast does not work here.
#[derive(Debug, thiserror::Error)]
#[error("cannot browse for terminals: {0}; name the terminals' addresses instead (static hosts)")]
pub struct BrowseError(#[from] io::Error);

/// Everything that advertises itself on any interface within `window`.
///
/// ```no_run
/// # async fn example() -> Result<(), vinr_discovery::browse::BrowseError> {
/// let found = vinr_discovery::browse(vinr_discovery::browse::WINDOW).await?;
/// for candidate in &found.candidates {
///     println!("{} at {}", candidate.id, candidate.addresses[0]);
/// }
/// for left_out in &found.left_out {
///     eprintln!("{left_out}");
/// }
/// # Ok(()) }
/// ```
pub async fn browse(window: Duration) -> Result<Found, BrowseError> {
    Ok(Browse::start(Interfaces::All)?.during(window).await)
}

/// A search under way; it ends when dropped.
pub struct Browse {
    listening: Listening,
    asking: Asking,
    gather: Gather,
}

impl Browse {
    /// Asks on the given interfaces. Needs a tokio runtime.
    pub fn start(which: Interfaces) -> Result<Self, BrowseError> {
        let interfaces = which.list()?;
        multicast::probe(&interfaces)?;
        let listening = Listening::start(which, &interfaces).map_err(io::Error::other)?;
        let asking = Asking::start(&interfaces);
        Ok(Self {
            listening,
            asking,
            gather: Gather::default(),
        })
    }

    /// Listens for the whole window and says what was found.
    pub async fn during(mut self, window: Duration) -> Found {
        let end = Instant::now() + window;
        while timeout_at(end, self.news()).await.is_ok() {}
        self.gather.finish()
    }

    /// Waits until this terminal can be dialled, `window` at most.
    pub async fn find(&mut self, id: &TerminalId, window: Duration) -> Option<Candidate> {
        let mut end = Instant::now() + window;
        loop {
            match self.gather.candidate(id) {
                Some(candidate) if !is_link_local(&candidate) => return Some(candidate),
                Some(_) => end = end.min(Instant::now() + BETTER_ADDRESS),
                None => {}
            }
            if timeout_at(end, self.news()).await.is_err() {
                return self.gather.candidate(id);
            }
        }
    }

    /// Listens until what was found is enough, `window` at most, and says what was found.
    pub async fn until(
        &mut self,
        window: Duration,
        mut enough: impl FnMut(&Found) -> bool,
    ) -> Found {
        let end = Instant::now() + window;
        loop {
            let found = self.gather.finish();
            if enough(&found) || timeout_at(end, self.news()).await.is_err() {
                return found;
            }
        }
    }

    /// Takes in one piece of news; waits for ever when no more can come.
    async fn news(&mut self) {
        tokio::select! {
            Some(sighting) = self.asking.next() => self.gather.see(sighting),
            Some(news) = self.listening.next() => match news {
                News::Seen(sighting) => self.gather.see(sighting),
                News::Gone(instance) => self.gather.gone(&instance),
            },
            else => std::future::pending().await,
        }
    }
}

impl fmt::Debug for Browse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Browse")
            .field("gather", &self.gather)
            .finish_non_exhaustive()
    }
}

fn is_link_local(candidate: &Candidate) -> bool {
    let first = candidate.addresses.first();
    first.is_none_or(|a| matches!(a, SocketAddr::V6(v6) if v6.ip().is_unicast_link_local()))
}
