//! All that a power cut takes away, and the polite way to end it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;
use vinr_discovery::Announcement;
use vinr_transport::server::Server;

use super::actor::Message;
use crate::cloud::link::device::Powered;
use crate::defect::{Elsewhere, LaxServer};

/// How long a clean shutdown waits for held payments; their outcome is in the journal.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(1);

/// All that a power cut takes away.
#[derive(Debug)]
pub(super) struct Power {
    pub(super) actor: AbortOnDropHandle<()>,
    pub(super) sender: mpsc::UnboundedSender<Message>,
    pub(super) front: Front,
    pub(super) announcement: Option<Arc<Announcement>>,
    pub(super) elsewhere: Option<Elsewhere>,
    pub(super) _link: Option<Powered>,
}

/// Who takes the connections.
#[derive(Debug)]
pub(super) enum Front {
    Strict(Arc<Server>),
    Lax(LaxServer),
}

impl Power {
    /// Everything is gone at once; nobody is told.
    pub(super) async fn cut(self) {
        self.front.abort();
        self.actor.abort();
        if let Some(announcement) = self.announcement.and_then(Arc::into_inner) {
            announcement.vanish();
        }
        // The journal is closed when the actor is gone.
        let _ = self.actor.await;
        self.front.closed().await;
    }

    /// The LAN cable is out: tills hear silence, and what was advertised is there no more.
    pub(super) fn pull_cable(&mut self) {
        if let Front::Strict(server) = &self.front {
            server.pull_cable();
        }
        if let Some(announcement) = self.announcement.take().and_then(Arc::into_inner) {
            announcement.vanish();
        }
        self.elsewhere = None;
    }

    pub(super) fn plug_in_cable(&self) {
        if let Front::Strict(server) = &self.front {
            server.plug_in_cable();
        }
    }

    pub(super) async fn shut_down(self) {
        drop(self.elsewhere);
        let goodbye = async {
            if let Some(announcement) = self.announcement.and_then(Arc::into_inner) {
                announcement.goodbye().await;
            }
        };
        let finished = tokio::time::timeout(SHUTDOWN_GRACE, self.front.finish());
        let ((), finished) = tokio::join!(goodbye, finished);
        if finished.is_err() {
            tracing::info!("closed with a payment held; its record is in the journal");
        }
        self.front.abort();
        self.actor.abort();
        let _ = self.actor.await;
        self.front.closed().await;
    }
}

impl Front {
    pub(super) fn address(&self) -> SocketAddr {
        match self {
            Front::Strict(server) => server.local_addr(),
            Front::Lax(server) => server.address(),
        }
    }

    pub(super) fn abort(&self) {
        match self {
            Front::Strict(server) => server.abort(),
            Front::Lax(server) => server.abort(),
        }
    }

    pub(super) async fn closed(&self) {
        match self {
            Front::Strict(server) => server.closed().await,
            Front::Lax(server) => server.closed().await,
        }
    }

    pub(super) async fn finish(&self) {
        match self {
            Front::Strict(server) => server.shutdown().await,
            Front::Lax(server) => server.abort(),
        }
    }
}
