//! A place where tills connect: a terminal, or the cloud, on an address of its own.
//!
//! Everything that is seen goes into the journal, and everything that goes wrong was planned: see [`super::fault`].

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::ServerConfig;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::cloud::CloudDesk;
use super::desk::Desk;
use super::fault::{Fault, Faults, Moment};
use super::hello::{self, Tap};
use super::http::{self, NoMore, Raw, Wire};
use super::tls;
use crate::client::pki::{PkiError, Shown};
use crate::client::veil::Veil;
use crate::journal::{Event, Journal, Place, TillEvent, Whose};
use crate::probe::facts;

/// How long a till may take for its handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Counts connections and exchanges through a whole run, and gives every booth an address.
#[derive(Debug, Default)]
pub(crate) struct Numbers {
    connections: AtomicU64,
    exchanges: AtomicU64,
    addresses: AtomicU64,
}

impl Numbers {
    fn connection(&self) -> u64 {
        self.connections.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(super) fn exchange(&self) -> u64 {
        self.exchanges.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Port 8443 of a loopback address where nobody listens; any port where the system has but one such address.
    async fn listener(&self) -> std::io::Result<TcpListener> {
        // Two runs on one machine begin elsewhere.
        let own = u8::try_from(std::process::id() % 120).unwrap_or_default();
        for _ in 0..500 {
            let next = self.addresses.fetch_add(1, Ordering::Relaxed);
            let [.., high, low] = (next % 60_000).to_be_bytes();
            let ip = Ipv4Addr::new(127, 100 + own, high, low);
            if matches!(low, 0 | 255) {
                continue;
            }
            if let Ok(listener) = TcpListener::bind((ip, vinr_discovery::DEFAULT_PORT)).await {
                return Ok(listener);
            }
        }
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await
    }
}

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
        let listener = of
            .numbers
            .listener()
            .await
            .map_err(|error| format!("no loopback address is free: {error}"))?;
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
                    tokio::spawn(serve(inner.clone(), tcp));
                }
            }
        }
    }
}

async fn serve(inner: Arc<Inner>, tcp: TcpStream) {
    let _ = tcp.set_nodelay(true);
    let connection = inner.numbers.connection();
    inner.record(TillEvent::Accepted {
        connection,
        at: inner.at.clone(),
    });
    let mut changes = inner.changes.subscribe();
    let now = *changes.borrow_and_update();
    if !now.is_multiple_of(2) {
        // It was taken in the moment in which the terminal went away.
        http::reset(&tcp);
        return inner.record(TillEvent::Ended {
            connection,
            by: Whose::Suite,
            how: "the terminal is gone".into(),
        });
    }
    let how = tokio::select! {
        how = meet(&inner, connection, tcp) => how,
        // The sockets are dropped with the future that holds them.
        _ = changes.wait_for(|changes| *changes != now) => (Whose::Suite, "the terminal is gone".into()),
    };
    let (by, how) = how;
    inner.record(TillEvent::Ended {
        connection,
        by,
        how,
    });
}

type Ending = (Whose, String);

async fn meet(inner: &Arc<Inner>, connection: u64, tcp: TcpStream) -> Ending {
    let (mut shown, mut resets) = (Shown::Own, false);
    match inner.faults.strike(Moment::Connection, None) {
        Some(Fault::Refuse) => {
            http::reset(&tcp);
            return (Whose::Suite, "reset as soon as it was there".into());
        }
        Some(Fault::Plaintext) => return speak_plain(inner, connection, tcp).await,
        Some(Fault::Mute) => {
            let mut wire = Tap::new(tcp).0;
            return (Whose::Till, read_to_end(&mut wire).await);
        }
        Some(Fault::Show(other)) => shown = other,
        Some(Fault::ResetAfterHandshake) => resets = true,
        Some(Fault::Answer { .. }) | None => {}
    }
    let config = match inner.config(shown) {
        Ok(config) => config,
        Err(why) => return (Whose::Suite, why),
    };
    let (tap, first) = Tap::new(tcp);
    let accepted = timeout(HANDSHAKE, TlsAcceptor::from(config).accept(tap)).await;
    let bytes = first.bytes();
    match hello::read(&bytes) {
        Some(hello) => inner.record(TillEvent::Hello { connection, hello }),
        None if bytes.first().is_some_and(|first| *first != 22) => {
            inner.plain(connection, &bytes);
        }
        None => {}
    }
    let met = |certificate, refused, error| TillEvent::Met {
        connection,
        shown: shown.words().into(),
        certificate,
        refused,
        error,
    };
    let stream = match accepted {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            inner.record(met(None, None, Some(error.to_string())));
            return (Whose::Till, error.to_string());
        }
        Err(_) => {
            inner.record(met(None, None, Some("no handshake within 10 s".into())));
            return (Whose::Suite, "no handshake within 10 s".into());
        }
    };
    let certificate = stream
        .get_ref()
        .1
        .peer_certificates()
        .and_then(|chain| chain.first())
        .map(|leaf| facts(leaf));
    let refused = inner.refuses(certificate.as_ref().map(|own| own.sha256.as_str()));
    inner.record(met(certificate, refused.clone(), None));
    let mut wire = Wire::new(stream);
    if resets {
        // The till has its part of the handshake, and may have written more.
        wire.let_through().await;
        wire.reset_at_once();
        return (Whose::Suite, "reset after the handshake".into());
    }
    loop {
        let raw = match wire.next().await {
            Ok(raw) => raw,
            Err(NoMore::Closed(how)) => return (Whose::Till, how),
            Err(NoMore::Unlawful(why)) => return (Whose::Suite, why),
        };
        let exchange = inner.request(connection, &raw);
        if shown != Shown::Own {
            wire.reset_at_once();
            return (Whose::Suite, "a stranger has what it wanted".into());
        }
        if let Some(why) = &refused {
            let body = super::serve::refusal("certificate_not_acceptable", exchange);
            let _ = wire.write(&http::answer(403, &[], &body)).await;
            wire.close().await;
            return (Whose::Suite, why.clone());
        }
        match super::serve::serve(inner, wire, exchange, raw).await {
            Ok(still) => wire = still,
            Err(ending) => return ending,
        }
    }
}

async fn read_to_end(wire: &mut Tap) -> String {
    use tokio::io::AsyncReadExt as _;
    let mut chunk = [0; 4096];
    loop {
        match wire.read(&mut chunk).await {
            Ok(0) => return "closed".into(),
            Ok(_) => {}
            Err(error) => return error.to_string(),
        }
    }
}

/// Plain HTTP where TLS was expected: what a till says to that is in the journal.
async fn speak_plain(inner: &Inner, connection: u64, tcp: TcpStream) -> Ending {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let (mut tap, first) = Tap::new(tcp);
    let mut chunk = [0; 4096];
    let _ = timeout(HANDSHAKE, tap.read(&mut chunk)).await;
    let bytes = first.bytes();
    match hello::read(&bytes) {
        Some(hello) => inner.record(TillEvent::Hello { connection, hello }),
        None if bytes.first().is_some_and(|first| *first != 22) => {
            inner.plain(connection, &bytes);
        }
        // Nothing, or a hello that was cut short.
        None => {}
    }
    inner.record(TillEvent::Met {
        connection,
        shown: "plain HTTP".into(),
        certificate: None,
        refused: None,
        error: Some("the terminal speaks no TLS".into()),
    });
    let plain = http::answer(400, &[], "{\"error\":\"this is plain HTTP\"}");
    let _ = tap.write_all(&plain).await;
    let _ = tap.shutdown().await;
    let how = timeout(HANDSHAKE, read_to_end(&mut tap)).await;
    let bytes = first.bytes();
    if bytes.windows(4).any(|window| window == b"HTTP") {
        inner.plain(connection, &bytes);
    }
    (Whose::Till, how.unwrap_or_else(|_| "still open".into()))
}

impl Inner {
    pub(super) fn vanish(&self) {
        self.changes.send_modify(|changes| *changes |= 1);
    }

    pub(super) fn record(&self, event: TillEvent) {
        self.journal.record(Event::Till(event));
    }

    fn plain(&self, connection: u64, bytes: &[u8]) {
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
    fn refuses(&self, sha256: Option<&str>) -> Option<String> {
        match (&self.kind, sha256) {
            (Kind::Cloud(_), _) => None,
            (Kind::Terminal(_), Some(own)) if own == self.till => None,
            (Kind::Terminal(_), Some(_)) => Some("a certificate that is not this till's".into()),
            (Kind::Terminal(_), None) => Some("no client certificate".into()),
        }
    }

    fn request(&self, connection: u64, raw: &Raw) -> u64 {
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

    fn config(&self, shown: Shown) -> Result<Arc<ServerConfig>, String> {
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
