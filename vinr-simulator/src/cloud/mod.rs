//! The sandbox cloud: the API of `spec/local-api.md` §9 over HTTPS, the card network's host, webhooks, and the terminals'
//! links.
//!
//! The rules are those of production, and are not here: [`vinr_protocol::cloud`] has them. This is their host, with
//! sockets, a disk and a clock. What it says is durable first, a restart forgets nothing, and the API key stays with the
//! cloud and its callers: no terminal ever gets it. \[TLS-7\]

mod api;
pub(crate) mod choice;
mod crl;
mod desk;
mod door;
mod event;
mod host;
mod join;
mod key;
pub(crate) mod link;
mod options;
mod store;
mod time;
mod tls;
mod webhooks;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};
use vinr_protocol::TerminalId;
use vinr_protocol::cloud::{outbox, relay};
use vinr_protocol::question::LedgerEntry;
use vinr_transport::server::Limits;

use crate::data_dir::open_patiently;
use crate::defect::Groups;
use crate::provision::Pki;
use api::Api;
pub use desk::Standing;
use desk::{Desk, Message, Parts};
use door::Door;
use host::CloudHost;
pub use host::HostBehaviour;
pub use join::{CloudUrl, Join};
pub use key::ApiKey;
use link::hub::Hub;
pub use options::{CloudError, CloudOptions};
use store::Store;
pub use tls::TlsError;
pub use webhooks::Reach;
use webhooks::Webhooks;

/// A running cloud. Dropping it is a power cut; [`shutdown`](Self::shutdown) is the polite way.
#[derive(Debug)]
pub struct Cloud {
    pki: Pki,
    address: SocketAddr,
    key: ApiKey,
    controls: Controls,
    /// The ledger, for as long as the cloud runs.
    host: Arc<CloudHost>,
    desk: AbortOnDropHandle<()>,
    tasks: TaskTracker,
    stop: CancellationToken,
    cut: CancellationToken,
}

impl Cloud {
    /// Reads its records, settles what they left open, and listens. What the directory lacks for a cloud is made.
    pub async fn start(pki: &Pki, options: CloudOptions) -> Result<Self, CloudError> {
        let pki = pki.clone();
        pki.provision_cloud()?;
        let key = ApiKey::read(&pki.api_key()).map_err(|source| CloudError::Key {
            path: pki.api_key(),
            source,
        })?;
        let dir = open_patiently(&pki.cloud_data()).await?;
        let host = Arc::new(CloudHost::open(&dir)?);
        let (store, held) = Store::open(&dir)?;
        let (messages, inbox) = mpsc::unbounded_channel();
        let cas: Vec<_> = [pki.cloud_ca()]
            .into_iter()
            .chain(options.webhook_cas)
            .collect();
        let desk = Desk::recover(Parts {
            store,
            held,
            relay: relay::Config {
                hand_over_within: options.hand_over_within,
            },
            outbox: faster(options.webhook_time_scale),
            webhooks: Webhooks::new(options.webhooks, &cas, messages.clone())?
                .broken(options.defects.clone()),
            groups: Groups::new(options.defects),
            inbox,
        })
        .await;
        let (listener, address) = match bind(options.listen).await {
            Err(CloudError::PortInUse(taken)) if options.or_a_free_port => {
                bind(SocketAddr::new(taken.ip(), 0)).await?
            }
            bound => bound?,
        };
        let names: Vec<String> = ["localhost".to_owned()]
            .into_iter()
            .chain(options.names)
            .collect();
        let (stop, cut) = (CancellationToken::new(), CancellationToken::new());
        let door = Arc::new(Door {
            servers: tls::Servers::new(&pki, &names, &own_addresses(address))?,
            api: Arc::new(Api::new(key.clone(), messages.clone())),
            hub: Hub {
                desk: messages.clone(),
                host: host.clone(),
                crl: crl::follow(pki.pos_crl()),
            },
            limits: limits(),
            stop: stop.clone(),
            cut: cut.clone(),
        });
        let tasks = TaskTracker::new();
        tasks.spawn(door.accept(listener, tasks.clone()));
        Ok(Self {
            pki,
            address,
            key,
            controls: Controls {
                host: Arc::downgrade(&host),
                messages,
            },
            host,
            desk: AbortOnDropHandle::new(tokio::spawn(desk.run())),
            tasks,
            stop,
            cut,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The base of its API, such as `https://127.0.0.1:8445`.
    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// What opens its API.
    pub fn key(&self) -> &ApiKey {
        &self.key
    }

    /// Its identities.
    pub fn pki(&self) -> &Pki {
        &self.pki
    }

    /// How a terminal of this process joins it.
    pub(crate) fn join(&self, terminal: &TerminalId) -> Join {
        let at = self.url().parse();
        Join {
            at: at.expect("an address with a port is an origin"),
            identity: self.pki.link_identity(terminal),
            here: Arc::downgrade(&self.host),
        }
    }

    /// What may be changed and seen while it runs.
    pub fn controls(&self) -> Controls {
        self.controls.clone()
    }

    /// Changes how the card network's host answers, whichever terminal asks.
    pub fn set_host(&self, behaviour: HostBehaviour) {
        self.controls.set_host(behaviour);
    }

    /// What the card network's host knows.
    pub async fn ledger(&self) -> Vec<LedgerEntry> {
        self.host.entries().await
    }

    /// For webhooks it is so much later: what is due by then is sent now.
    pub fn advance(&self, by: Duration) {
        self.controls.advance(by);
    }

    /// How it stands.
    pub async fn standing(&self) -> Option<Standing> {
        self.controls.standing().await
    }

    /// Closes in good order: held answers finish for a moment.
    pub async fn shutdown(self) {
        self.stop.cancel();
        self.tasks.close();
        let _ = tokio::time::timeout(Duration::from_secs(1), self.tasks.wait()).await;
        self.cut().await;
    }

    /// Everything is gone at once; what comes back is what the disk holds.
    pub async fn cut(mut self) {
        self.cut.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        self.desk.abort();
        let _ = (&mut self.desk).await;
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        self.cut.cancel();
    }
}

/// What may be changed and seen of a cloud, from anywhere; it does not keep the cloud running.
#[derive(Debug, Clone)]
pub struct Controls {
    host: Weak<CloudHost>,
    messages: mpsc::UnboundedSender<Message>,
}

impl Controls {
    /// See [`Cloud::set_host`].
    pub fn set_host(&self, behaviour: HostBehaviour) {
        if let Some(host) = self.host.upgrade() {
            host.behave(behaviour);
        }
    }

    /// See [`Cloud::advance`].
    pub fn advance(&self, by: Duration) {
        let _ = self.messages.send(Message::Advance(by));
    }

    /// See [`Cloud::standing`]; `None` where the cloud is gone.
    pub async fn standing(&self) -> Option<Standing> {
        let (to, standing) = oneshot::channel();
        let _ = self.messages.send(Message::Report(to));
        standing.await.ok()
    }
}

async fn bind(at: SocketAddr) -> Result<(TcpListener, SocketAddr), CloudError> {
    let cannot = |source: std::io::Error| match source.kind() {
        std::io::ErrorKind::AddrInUse => CloudError::PortInUse(at),
        _ => CloudError::Bind {
            address: at,
            source,
        },
    };
    let listener = TcpListener::bind(at).await.map_err(cannot)?;
    let address = listener.local_addr().map_err(cannot)?;
    Ok((listener, address))
}

fn own_addresses(listens_on: SocketAddr) -> Vec<IpAddr> {
    let mut addresses = vec![
        IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(Ipv6Addr::LOCALHOST),
    ];
    if !listens_on.ip().is_unspecified() && !addresses.contains(&listens_on.ip()) {
        addresses.push(listens_on.ip());
    }
    addresses
}

/// Those of a terminal, and room for many links.
fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.connections = 4096;
    limits
}

fn faster(times: u32) -> outbox::Config {
    let config = outbox::Config::default();
    let times = times.max(1);
    outbox::Config {
        retries: config.retries.map(|pause| pause / times),
        overlap: config.overlap,
    }
}
