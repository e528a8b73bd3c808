//! The terminal's side: mutual TLS, strict HTTP/1.1, answers in two moments.

mod accept;
mod answer;
mod cable;
mod connection;
mod door;
mod framing;
mod guard;
mod guests;
mod known;
mod limits;
mod load;
mod message;
mod places;
mod rate;
mod seldom;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use vinr_protocol::TerminalId;

pub use connection::serve_anybody;
pub use limits::Limits;
pub use load::Load;
pub use message::{Aborted, Reply, Request};

pub use crate::live::OtherTerminal;
pub use crate::revocation::Installed;

use crate::clock::Clock;
use crate::identity::Identity;
use crate::live::Live;
use crate::revocation::{CrlError, Revocation, RevocationList};
use crate::trust::TrustBundle;
use accept::Entrance;
use cable::Cable;
use connection::Shared;
use door::Door;

/// Answers requests; called only for a till that may drive this terminal, with a whole request.
pub trait Handler: Send + Sync + 'static {
    /// Answers one request.
    ///
    /// **When the till goes away, this future is dropped** at its next await, and so is a held body's
    /// receiver: that is how a handler learns of it. Whatever must go on, such as a payment, belongs in a
    /// task of its own. A panic becomes a 500 `internal`.
    fn handle(&self, request: Request) -> impl Future<Output = Reply> + Send;
}

/// What a server is made of.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// Which terminal it is: the id that a till's certificate must name.
    pub terminal: TerminalId,
    /// What it shows to tills.
    pub identity: Identity,
    /// The CA of the tills; nothing else is trusted. \[TLS-5\]
    pub pos_ca: TrustBundle,
    /// The list that the POS CA had issued when it was last heard. Without one no till is told that it may not pay
    /// except by the handler, see [`Request::revocation`]. Further CAs' lists: [`Server::install_crl`]. \[TLS-12\]
    pub crl: Option<RevocationList>,
    /// What a peer may take.
    pub limits: Limits,
}

/// A listening terminal. Dropping it is [`Server::abort`].
#[derive(Debug)]
pub struct Server {
    local_addr: SocketAddr,
    stop: CancellationToken,
    cut: CancellationToken,
    tasks: TaskTracker,
    cable: Arc<Cable>,
    live: Arc<Live>,
    door: Arc<Door>,
}

/// The server cannot listen.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// Somebody listens there already.
    #[error("cannot listen on {addr}: the port is in use by another program")]
    PortInUse {
        /// Where.
        addr: SocketAddr,
    },
    /// The address is not one of this machine's.
    #[error("cannot listen on {addr}: this machine has no such address")]
    NoSuchAddress {
        /// Where.
        addr: SocketAddr,
    },
    /// We may not.
    #[error("cannot listen on {addr}: not permitted")]
    NotPermitted {
        /// Where.
        addr: SocketAddr,
    },
    /// Another reason.
    #[error("cannot listen on {addr}: {source}")]
    Io {
        /// Where.
        addr: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
}

impl Server {
    /// Listens and serves until it is shut down.
    pub async fn bind(
        addr: SocketAddr,
        options: ServerOptions,
        handler: Arc<impl Handler>,
    ) -> Result<Self, BindError> {
        Self::bind_with_clock(addr, options, Clock::system(), handler).await
    }

    /// As [`Server::bind`], judging certificates by the given clock.
    pub async fn bind_with_clock(
        addr: SocketAddr,
        options: ServerOptions,
        clock: Clock,
        handler: Arc<impl Handler>,
    ) -> Result<Self, BindError> {
        let cannot = |source| cannot_listen(addr, source);
        let listener = TcpListener::bind(addr).await.map_err(cannot)?;
        let local_addr = listener.local_addr().map_err(cannot)?;
        if options.identity.names() != std::slice::from_ref(&options.terminal) {
            tracing::warn!(terminal = %options.terminal, "the certificate is not this terminal's: no till will talk to it");
        }
        let (stop, cut) = (CancellationToken::new(), CancellationToken::new());
        let door = Arc::new(Door::new(&options.limits));
        let live = Arc::new(Live::new(
            options.terminal,
            options.identity,
            options.pos_ca,
            options.crl,
            clock,
        ));
        let shared = Arc::new(Shared {
            live: live.clone(),
            limits: options.limits,
            handler,
            stop: stop.clone(),
            door: door.clone(),
        });
        let tasks = TaskTracker::new();
        let cable = Arc::new(Cable::default());
        let entrance = Entrance {
            listener,
            shared,
            tasks: tasks.clone(),
            cut: cut.clone(),
            cable: cable.clone(),
        };
        tasks.spawn(entrance.run());
        Ok(Self {
            local_addr,
            stop,
            cut,
            tasks,
            cable,
            live,
            door,
        })
    }

    /// Takes a revocation list, PEM or DER. It counts from the next request on, on open connections too; a payment
    /// that is held is still answered. An idle connection of a till that it revokes gives up its place, and is closed
    /// after [`Limits::head`], in which it may ask and be told why. Where it is refused, the list in use stays. \[TLS-12, TLS-15\]
    ///
    /// It is kept in memory: a device that is to know it after a restart keeps it itself.
    pub fn install_crl(&self, bytes: &[u8]) -> Result<Installed, CrlError> {
        self.live.install_crl(bytes)
    }

    /// Shows this certificate to every connection that comes from now on; open ones go on.
    pub fn replace_identity(&self, identity: Identity) -> Result<(), OtherTerminal> {
        self.live.replace_identity(identity)
    }

    /// Trusts these CAs of tills from now on, on open connections too: at its next request a till whose CA is no
    /// longer among them is refused. The lists of the CAs that stay, stay.
    pub fn replace_pos_ca(&self, pos_ca: TrustBundle) {
        self.live.replace_pos_ca(pos_ca);
    }

    /// How the revocation lists stand, the worst of those of the CAs that are trusted.
    pub fn revocation(&self) -> Revocation {
        self.live.revocation()
    }

    /// Pulls the LAN cable, as far as a program can: from here on it reads, writes and accepts nothing, and every
    /// till hears silence. What is held goes on. For simulators.
    pub fn pull_cable(&self) {
        self.cable.pull();
    }

    /// Puts the cable back in. What was under way goes on where it was.
    pub fn plug_in_cable(&self) {
        self.cable.plug_in();
    }

    /// Where it listens, with the port that the system chose for port 0.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// How full it is, and how many connections had to go: for a monitor.
    pub fn load(&self) -> Load {
        self.door.load()
    }

    /// Takes no new connection, closes the idle ones, lets held answers finish, and returns when all is
    /// closed. Drop the future, or [`abort`](Server::abort), to wait no longer.
    pub async fn shutdown(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// A power cut: every connection is dropped at once, in the middle of whatever it was.
    ///
    /// Returns at once; [`closed`](Server::closed) waits until the port is free again.
    pub fn abort(&self) {
        self.cut.cancel();
        self.tasks.close();
    }

    /// Waits until the listener and every connection are gone, after a shutdown or an abort.
    pub async fn closed(&self) {
        self.tasks.wait().await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.abort();
    }
}

fn cannot_listen(addr: SocketAddr, source: std::io::Error) -> BindError {
    use std::io::ErrorKind::*;
    match source.kind() {
        AddrInUse => BindError::PortInUse { addr },
        AddrNotAvailable => BindError::NoSuchAddress { addr },
        PermissionDenied => BindError::NotPermitted { addr },
        _ => BindError::Io { addr, source },
    }
}
