//! A listener between a till and whom it asks. It has everybody's keys, ends TLS on both sides, and breaks a connection
//! at an exact point of the protocol.

mod carry;
mod deed;
mod ends;
mod fault;
mod message;

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use rustls_pki_types::ServerName;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_rustls::{TlsAcceptor, TlsConnector};
use vinr_simulator::Pki;

pub(crate) use fault::{Call, Deed, Fault, Moment, Point, Weather};

use crate::support::tls::{as_terminal, as_till};
use ends::{as_cloud, of_cloud};

pub(crate) struct Breaker {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    target: SocketAddr,
    name: ServerName<'static>,
    to_till: TlsAcceptor,
    to_target: TlsConnector,
    plan: Mutex<Plan>,
    weather: watch::Sender<Weather>,
    happened: watch::Sender<usize>,
    mended: watch::Sender<()>,
    connections: AtomicUsize,
    /// Each request that was heard whole.
    heard: Mutex<Vec<(Call, Vec<u8>)>>,
}

#[derive(Default)]
struct Plan {
    faults: VecDeque<Fault>,
    /// The weather once the last of them has happened.
    then: Option<Weather>,
}

impl Breaker {
    pub(crate) async fn before_terminal(terminal: SocketAddr, name: &str, pki: &Pki) -> Self {
        let to_till = TlsAcceptor::from(Arc::new(as_terminal(name, pki)));
        let to_target = TlsConnector::from(Arc::new(as_till(pki)));
        let name = ServerName::try_from(name.to_owned()).unwrap();
        Self::before(terminal, name, to_till, to_target).await
    }

    pub(crate) async fn before_cloud(cloud: SocketAddr, pki: &Pki) -> Self {
        let to_till = TlsAcceptor::from(Arc::new(as_cloud(pki)));
        let to_target = TlsConnector::from(Arc::new(of_cloud(pki)));
        let name = ServerName::IpAddress(cloud.ip().into());
        Self::before(cloud, name, to_till, to_target).await
    }

    async fn before(
        target: SocketAddr,
        name: ServerName<'static>,
        to_till: TlsAcceptor,
        to_target: TlsConnector,
    ) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            target,
            name,
            to_till,
            to_target,
            plan: Mutex::default(),
            weather: watch::channel(Weather::Clear).0,
            happened: watch::channel(0).0,
            mended: watch::channel(()).0,
            connections: AtomicUsize::new(0),
            heard: Mutex::default(),
        });
        let of_task = shared.clone();
        tokio::spawn(async move {
            while let Ok((till, _)) = listener.accept().await {
                of_task.connections.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(carry::carry(till, of_task.clone()));
            }
        });
        Self { address, shared }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many connections were made to it so far.
    pub(crate) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// These happen, one after the other; then the weather is this.
    pub(crate) fn plan(&self, faults: &[Fault], then: Weather) {
        *self.shared.plan.lock().unwrap() = Plan {
            faults: faults.iter().copied().collect(),
            then: Some(then),
        };
        self.shared.happened.send_replace(0);
    }

    /// Waits until so many of the planned faults have happened.
    pub(crate) async fn happened(&self, count: usize) {
        let mut happened = self.shared.happened.subscribe();
        happened.wait_for(|it| *it >= count).await.unwrap();
    }

    /// How many of the planned faults have happened.
    pub(crate) fn count(&self) -> usize {
        *self.shared.happened.borrow()
    }

    /// What was delayed goes on.
    pub(crate) fn release(&self) {
        self.shared.mended.send_replace(());
    }

    /// What is planned is called off, what waits goes on, and new connections pass.
    pub(crate) fn mend(&self) {
        *self.shared.plan.lock().unwrap() = Plan::default();
        self.shared.weather.send_replace(Weather::Clear);
        self.release();
    }

    pub(crate) fn is(&self, weather: Weather) {
        self.shared.weather.send_replace(weather);
    }

    /// The requests of this kind that were heard whole, in their order.
    pub(crate) fn heard(&self, call: Call) -> Vec<String> {
        let heard = self.shared.heard.lock().unwrap();
        let of_call = heard.iter().filter(|(it, _)| *it == call);
        let texts = of_call.map(|(_, bytes)| String::from_utf8_lossy(bytes).into_owned());
        texts.collect()
    }
}

impl Shared {
    fn next(&self) -> Option<Fault> {
        self.plan.lock().unwrap().faults.front().copied()
    }

    /// Is this the point at which the next fault happens?
    fn take(&self, point: Point) -> Option<Deed> {
        let mut plan = self.plan.lock().unwrap();
        let deed = plan.faults.front().filter(|it| it.point == point)?.deed;
        plan.faults.pop_front();
        Some(deed)
    }

    fn has_happened(&self) {
        let mut plan = self.plan.lock().unwrap();
        if plan.faults.is_empty()
            && let Some(then) = plan.then.take()
        {
            self.weather.send_replace(then);
        }
        drop(plan);
        self.happened.send_modify(|count| *count += 1);
    }
}
