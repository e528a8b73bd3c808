//! A place where tills connect: a terminal, or the cloud, on an address of its own.
//!
//! Everything that is seen goes into the journal, and everything that goes wrong was planned: see [`super::fault`].

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::ServerConfig;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::cloud::CloudDesk;
use super::desk::Desk;
use super::fault::Faults;
use super::http::Raw;
use super::numbers::{Numbers, at_once_more};
use super::{meet, tls};
use crate::client::pki::{PkiError, Shown};
use crate::client::veil::Veil;
use crate::journal::{Event, Journal, Place, TillEvent};

/// Who stands in a booth.
pub(super) enum Kind {
    Terminal(Desk),
    Cloud(CloudDesk),
}

/// A place where tills connect. Dropping it takes it down.
pub(crate) struct Booth {
    inner: Arc<Inner>,
    listening: JoinHandle<()>,
}

pub(super) struct Inner {
    pub(super) at: String,
    pub(super) kind: Kind,
    pub(super) journal: Journal,
    pub(super) numbers: Arc<Numbers>,
    pub(super) faults: Faults,
    address: SocketAddr,
    pub(super) veil: Veil,
    certificates: BTreeMap<Shown, Arc<CertifiedKey>>,
    configs: Mutex<BTreeMap<Shown, Arc<ServerConfig>>>,
    /// SHA-256 of the certificate of the one till that may come.
    till: String,
    /// How often it went away or came back: while the number is even it listens. A change ends every connection.
    pub(super) changes: watch::Sender<u64>,
}

/// What a booth needs of the run.
pub(crate) struct Of {
    pub(crate) journal: Journal,
    pub(crate) numbers: Arc<Numbers>,
    pub(crate) veil: Veil,
    pub(crate) till: String,
    /// Where it must stand; anywhere that is free where absent.
    pub(crate) listen: Option<SocketAddr>,
}

impl Booth {
    /// A terminal.
    pub(crate) async fn terminal(
        of: Of,
        desk: Desk,
        certificates: BTreeMap<Shown, Arc<CertifiedKey>>,
    ) -> Result<Self, String> {
        let at = desk.terminal().to_string();
        Self::open(of, at, Kind::Terminal(desk), |_| Ok(certificates)).await
    }

    /// The cloud.
    pub(crate) async fn cloud(
        of: Of,
        desk: CloudDesk,
        certificate: impl FnOnce(std::net::IpAddr) -> Result<Arc<CertifiedKey>, PkiError>,
    ) -> Result<Self, String> {
        Self::open(of, "cloud".into(), Kind::Cloud(desk), |ip| {
            Ok(BTreeMap::from([(Shown::Own, certificate(ip)?)]))
        })
        .await
    }

    async fn open(
        of: Of,
        at: String,
        kind: Kind,
        certificates: impl FnOnce(
            std::net::IpAddr,
        ) -> Result<BTreeMap<Shown, Arc<CertifiedKey>>, PkiError>,
    ) -> Result<Self, String> {
        let listener = match of.listen {
            Some(place) => at_once_more(place)
                .await
                .map_err(|error| format!("no terminal can stand at {place}: {error}"))?,
            None => of
                .numbers
                .listener()
                .await
                .map_err(|error| format!("no loopback address is free: {error}"))?,
        };
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        of.journal.record(Event::Till(TillEvent::Listens {
            at: at.clone(),
            address: address.to_string(),
        }));
        let inner = Arc::new(Inner {
            at,
            kind,
            certificates: certificates(address.ip()).map_err(|error| error.to_string())?,
            journal: of.journal,
            numbers: of.numbers,
            faults: Faults::default(),
            address,
            veil: of.veil,
            configs: Mutex::default(),
            till: of.till,
            changes: watch::Sender::new(0),
        });
        let listening = tokio::spawn(listen(inner.clone(), listener));
        Ok(Self { inner, listening })
    }

    /// Where it is.
    pub(crate) fn address(&self) -> SocketAddr {
        self.inner.address
    }

    /// What goes wrong here.
    pub(crate) fn faults(&self) -> &Faults {
        &self.inner.faults
    }

    /// The terminal that stands here.
    pub(crate) fn desk(&self) -> Option<&Desk> {
        match &self.inner.kind {
            Kind::Terminal(desk) => Some(desk),
            Kind::Cloud(_) => None,
        }
    }

    /// The cloud reaches this terminal.
    pub(crate) fn knows(&self, desk: Desk) {
        if let Kind::Cloud(cloud) = &self.inner.kind {
            cloud.knows(desk);
        }
    }

    /// Nobody listens any more, and every connection ends.
    pub(crate) fn vanish(&self) {
        self.inner.vanish();
    }

    /// So long after it went away it listens again.
    pub(crate) fn comes_back_after(&self, after: Duration) {
        let inner = self.inner.clone();
        let mut changes = inner.changes.subscribe();
        tokio::spawn(async move {
            if changes.wait_for(|changes| changes % 2 == 1).await.is_ok() {
                tokio::time::sleep(after).await;
                inner
                    .changes
                    .send_modify(|changes| *changes += *changes % 2);
            }
        });
    }

    /// Every connection ends, and new ones are taken.
    pub(crate) fn drop_connections(&self) {
        self.inner.changes.send_modify(|changes| *changes += 2);
    }
}

impl Drop for Booth {
    fn drop(&mut self) {
        self.inner.vanish();
        self.listening.abort();
    }
}

async fn listen(inner: Arc<Inner>, listener: TcpListener) {
    let mut changes = inner.changes.subscribe();
    let mut listener = Some(listener);
    loop {
        let is_present = changes.borrow_and_update().is_multiple_of(2);
        if !is_present {
            listener = None;
        } else if listener.is_none() {
            listener = TcpListener::bind(inner.address).await.ok();
        }
        let accepted = async {
            match &listener {
                Some(listener) => listener.accept().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            changed = changes.changed() => {
                if changed.is_err() {
                    return;
                }
            }
            accepted = accepted => {
                if let Ok((tcp, _)) = accepted {
                    tokio::spawn(meet::serve(inner.clone(), tcp));
                }
            }
        }
    }
}

impl Inner {
    pub(super) fn vanish(&self) {
        self.changes.send_modify(|changes| *changes |= 1);
    }

    pub(super) fn record(&self, event: TillEvent) {
        self.journal.record(Event::Till(event));
    }

    pub(super) fn plain(&self, connection: u64, bytes: &[u8]) {
        let text: String = bytes
            .iter()
            .take(256)
            .map(|byte| match byte {
                32..=126 => char::from(*byte),
                _ => '.',
            })
            .collect();
        self.record(TillEvent::Plain {
            connection,
            text: self.veil.cover(&text),
        });
    }

    /// Why a lawful terminal would not serve whoever shows this certificate.
    pub(super) fn refuses(&self, sha256: Option<&str>) -> Option<String> {
        match (&self.kind, sha256) {
            (Kind::Cloud(_), _) => None,
            (Kind::Terminal(_), Some(own)) if own == self.till => None,
            (Kind::Terminal(_), Some(_)) => Some("a certificate that is not this till's".into()),
            (Kind::Terminal(_), None) => Some("no client certificate".into()),
        }
    }

    pub(super) fn request(&self, connection: u64, raw: &Raw) -> u64 {
        let exchange = self.numbers.exchange();
        if matches!(self.kind, Kind::Terminal(_)) {
            let headers = raw.headers.iter();
            let all = headers
                .flat_map(|(name, value)| [name.as_bytes(), b": ", value.as_bytes(), b"\n"])
                .chain([raw.path.as_bytes(), b"\n", raw.body.as_slice()])
                .collect::<Vec<_>>()
                .concat();
            let place = Place::Terminal {
                at: self.at.clone(),
            };
            for what in self.veil.find(&all) {
                self.record(TillEvent::Leaked {
                    what: what.to_owned(),
                    place: place.clone(),
                });
            }
            self.record(TillEvent::Searched {
                place,
                bytes: all.len() as u64,
            });
        }
        let body = String::from_utf8_lossy(&raw.body[..raw.body.len().min(8192)]);
        self.record(TillEvent::Request {
            connection,
            exchange,
            at: self.at.clone(),
            method: raw.method.clone(),
            path: self.veil.cover(&raw.path),
            headers: raw
                .headers
                .iter()
                .map(|(name, value)| (name.clone(), self.veil.cover(value)))
                .collect(),
            body: self.veil.cover(&body),
        });
        exchange
    }

    pub(super) fn config(&self, shown: Shown) -> Result<Arc<ServerConfig>, String> {
        let mut configs = self.configs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(config) = configs.get(&shown) {
            return Ok(config.clone());
        }
        let certificate = self
            .certificates
            .get(&shown)
            .ok_or("the terminal has no such certificate")?;
        let resolver = Arc::new(SingleCertAndKey::from(CertifiedKey::clone(certificate)));
        let config = match self.kind {
            Kind::Terminal(_) => tls::of_a_terminal(resolver),
            Kind::Cloud(_) => tls::of_the_cloud(resolver),
        };
        let config = Arc::new(config.map_err(|error| error.to_string())?);
        configs.insert(shown, config.clone());
        Ok(config)
    }
}
