//! One port for the API and the links: whoever connects says by ALPN which it wants.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::server::Acceptor;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use vinr_transport::server::{Limits, serve_anybody};

use super::api::Api;
use super::link::ALPN;
use super::link::hub::Hub;
use super::tls::Servers;

/// What every connection works with.
pub(super) struct Door {
    pub(super) servers: Servers,
    pub(super) api: Arc<Api>,
    pub(super) hub: Hub,
    pub(super) limits: Limits,
    /// No new requests; what is held finishes.
    pub(super) stop: CancellationToken,
    /// Everything ends at once.
    pub(super) cut: CancellationToken,
}

impl Door {
    /// Takes connections until it is stopped.
    pub(super) async fn accept(self: Arc<Self>, listener: TcpListener, tasks: TaskTracker) {
        let places = Arc::new(Semaphore::new(self.limits.connections));
        loop {
            let accepted = tokio::select! {
                biased;
                () = self.cut.cancelled() => return,
                () = self.stop.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            let Ok((tcp, peer)) = accepted else {
                // Out of file handles, mostly: it passes when connections close.
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            // One beyond the ceiling is closed before its handshake.
            let Ok(place) = places.clone().try_acquire_owned() else {
                continue;
            };
            let (this, cut) = (self.clone(), self.cut.clone());
            tasks.spawn(async move {
                let _place = place;
                cut.run_until_cancelled(this.serve(tcp, peer)).await;
            });
        }
    }

    async fn serve(&self, tcp: TcpStream, peer: SocketAddr) {
        // Else an answer waits for the acknowledgement of the one before, 40 ms.
        let _ = tcp.set_nodelay(true);
        let shaken = timeout(self.limits.handshake, self.shake_hands(tcp)).await;
        match shaken {
            Ok(Ok(tls)) if tls.get_ref().1.alpn_protocol() == Some(ALPN) => {
                let link = self.hub.serve(tls, peer);
                self.stop.run_until_cancelled(link).await;
            }
            Ok(Ok(tls)) => {
                let (limits, stop) = (self.limits.clone(), self.stop.clone());
                serve_anybody(tls, peer, limits, self.api.clone(), stop).await;
            }
            Ok(Err(error)) => tracing::info!(%peer, %error, "a handshake failed"),
            Err(_) => tracing::info!(%peer, "a handshake took too long"),
        }
    }

    async fn shake_hands(&self, tcp: TcpStream) -> std::io::Result<TlsStream<TcpStream>> {
        let begun = LazyConfigAcceptor::new(Acceptor::default(), tcp).await?;
        let wants_link = begun
            .client_hello()
            .alpn()
            .is_some_and(|mut offered| offered.any(|it| it == ALPN));
        let config = match wants_link {
            true => self.servers.link.clone(),
            false => self.servers.api.clone(),
        };
        begun.into_stream(config).await
    }
}
