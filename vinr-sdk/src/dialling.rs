//! One line to a terminal, at whichever of its addresses it is.
//!
//! The addresses are tried in their order, and one that says nothing does not keep the next one waiting.

use std::net::SocketAddr;
use std::sync::OnceLock;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::time::Instant;
use vinr_protocol::TerminalId;
use vinr_transport::Connector;
use vinr_transport::drive::until;

use crate::line::{Line, NoLine};

/// After so long the next address is tried as well. With [`STRANGER_WAITS`] it is so short that of four addresses the last
/// one is judged within the 1 s of a quick look.
const NEXT_AFTER: Duration = Duration::from_millis(150);

/// So long the other addresses may still take once somebody else answered at one. \[HYB-6\]
const STRANGER_WAITS: Duration = Duration::from_millis(400);

/// That somebody else was met, for whoever cannot wait for the end of the dialling. \[HYB-6\]
#[derive(Debug, Default)]
pub(crate) struct Stranger(OnceLock<String>);

impl Stranger {
    fn met(&self, why: &NoLine) {
        // The first one is as good as any.
        let _ = self.0.set(why.to_string());
    }

    /// What is wrong with whoever answered.
    pub(crate) fn into_words(self) -> Option<String> {
        self.0.into_inner()
    }
}

/// Dials the terminal, or whichever terminal is there. Without an address there is no reason either.
pub(crate) async fn dial(
    connector: &Connector,
    addresses: &[SocketAddr],
    terminal: Option<&TerminalId>,
    stranger: &Stranger,
) -> Result<Line, Option<NoLine>> {
    let mut left = addresses.iter().peekable();
    let mut under_way = FuturesUnordered::new();
    let mut failed: Option<NoLine> = None;
    let (mut next, mut end) = (Instant::now(), None);
    loop {
        let now = Instant::now();
        if next <= now
            && let Some(address) = left.next()
        {
            under_way.push(Line::dial(connector, *address, terminal));
            next = now + NEXT_AFTER;
        }
        if under_way.is_empty() {
            return Err(failed);
        }
        let wake = left.peek().map(|_| next);
        tokio::select! {
            biased;
            Some(dialled) = under_way.next() => match dialled {
                Ok(line) => return Ok(line),
                Err(why) if !why.may_be_elsewhere() => return Err(Some(why)),
                Err(why) => {
                    next = Instant::now();
                    let is_stranger = why.is_about_identity();
                    if is_stranger {
                        stranger.met(&why);
                        end.get_or_insert(next + STRANGER_WAITS);
                    }
                    // A wrong device at one address is worth more words than no device at another.
                    if failed.is_none() || is_stranger {
                        failed = Some(why);
                    }
                }
            },
            () = until(wake) => {}
            () = until(end) => return Err(failed),
        }
    }
}
