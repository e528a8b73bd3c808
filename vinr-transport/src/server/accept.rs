//! The accept loop: whatever comes, it goes on, in bounded room and with few words.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio::task::yield_now;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::Handler;
use super::cable::{Cable, Wired};
use super::connection::{Shared, serve};
use super::seldom::Seldom;
use crate::socket::prepare_terminal;

/// Where the connections of a server come from and go to.
pub(super) struct Entrance<H> {
    pub(super) listener: TcpListener,
    pub(super) shared: Arc<Shared<H>>,
    pub(super) tasks: TaskTracker,
    pub(super) cut: CancellationToken,
    pub(super) cable: Arc<Cable>,
}

impl<H: Handler> Entrance<H> {
    /// Takes connections until there shall be no more.
    pub(super) async fn run(self) {
        let never = tokio::select! {
            biased;
            () = self.cut.cancelled() => return,
            () = self.shared.stop.cancelled() => return,
            never = self.shared.door.keep_time() => never,
            never = self.take_all() => never,
        };
        match never {}
    }

    async fn take_all(&self) -> Infallible {
        let door = &self.shared.door;
        let (mut full_house, mut failures) = (Seldom::new(1), Seldom::new(1));
        let mut gone = 0;
        loop {
            self.cable.is_in().await;
            let socket = door.socket().await;
            let (tcp, peer) = match self.listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    if let Some(count) = failures.one_more(Instant::now()) {
                        tracing::warn!(%error, count, "a connection could not be accepted");
                    }
                    self.recover(&error).await;
                    continue;
                }
            };
            if let Some(guest) = door.arrive(peer.ip(), socket) {
                prepare_terminal(&tcp);
                let wired = Wired::new(tcp, self.cable.clone());
                let (shared, cut) = (self.shared.clone(), self.cut.clone());
                self.tasks.spawn(async move {
                    let served = guest.run(serve(shared, wired, peer, guest.clone()));
                    cut.run_until_cancelled(served).await;
                });
            }
            let load = door.load();
            if load.turned_away + load.made_room > gone {
                gone = load.turned_away + load.made_room;
                if let Some(count) = full_house.one_more(Instant::now()) {
                    tracing::warn!(%peer, count, ?load, "closed: there are as many connections as there may be");
                }
                // Those that are here get a chance to speak before the next one takes a place of theirs.
                yield_now().await;
            }
        }
    }

    async fn recover(&self, error: &io::Error) {
        use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
        let is_the_peers = matches!(
            error.kind(),
            ConnectionAborted | ConnectionReset | Interrupted
        );
        // Else out of file handles, mostly. Where nobody can be closed, it passes when somebody leaves.
        if !is_the_peers && !self.shared.door.free_a_handle().await {
            sleep(Duration::from_millis(50)).await;
        }
    }
}
