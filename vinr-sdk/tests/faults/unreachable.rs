//! No connection comes about: refused, or swallowed without a word.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use vinr_sdk::{Charged, ConnectionMode, Error, PaymentResult};

use crate::counter::{Counter, Kind};
use crate::matrix::lapse;
use crate::support::{B, taps};

/// Nobody listens there.
async fn nobody() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    listener.local_addr().unwrap()
}

/// Nobody takes connections there, and as many wait as may: every further SYN is dropped.
struct Full {
    address: SocketAddr,
    _listener: TcpListener,
    _waiting: Vec<TcpStream>,
}

impl Full {
    async fn listens() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let listener = socket.listen(1).unwrap();
        let address = listener.local_addr().unwrap();
        // One more than the backlog says may wait.
        let mut waiting = Vec::new();
        for _ in 0..2 {
            waiting.push(TcpStream::connect(address).await.unwrap());
        }
        Self {
            address,
            _waiting: waiting,
            _listener: listener,
        }
    }
}

/// A till for which the first terminal is at this address.
async fn pays(
    counter: &Counter,
    kind: Kind,
    first: SocketAddr,
) -> (Result<PaymentResult, Error>, usize) {
    let mut role = counter.role("till");
    role.terminals[0] = first;
    let till = role.builder().build().unwrap();
    let mut pay = tokio::spawn(kind.pays(till.clone(), "order_1".to_owned()));
    lapse(&mut pay, Duration::from_secs(60)).await;
    let unresolved = till.attempts().unresolved().await.unwrap();
    (pay.await.unwrap(), unresolved.len())
}

async fn on_each_way(first: SocketAddr) {
    let counter = Counter::open(Kind::HybridGroup, taps("approved")).await;
    let (local, unresolved) = pays(&counter, Kind::Local, first).await;
    let error = local.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
    assert_eq!((error.charged(), unresolved), (Charged::No, 0));
    assert_eq!(counter.charges("order_1").await, 0);

    let (grouped, unresolved) = pays(&counter, Kind::Group, first).await;
    let grouped = grouped.unwrap();
    assert_eq!((grouped.terminal_id.as_str(), unresolved), (B, 0));
    assert_eq!(counter.charges("order_1").await, 1);

    let counter = Counter::open(Kind::Hybrid, taps("approved")).await;
    let (hybrid, unresolved) = pays(&counter, Kind::Hybrid, first).await;
    let hybrid = hybrid.unwrap();
    let mode = hybrid.connection_mode();
    assert_eq!((mode, unresolved), (Some(ConnectionMode::Cloud), 0));
    assert_eq!(counter.charges("order_1").await, 1);
}

// [HYB-1, GRP-4]
#[tokio::test]
async fn where_nobody_listens_nothing_is_charged_or_another_way_is_taken() {
    on_each_way(nobody().await).await;
}

// [HYB-1, GRP-4]
#[tokio::test]
#[cfg(target_os = "linux")]
async fn where_the_greeting_is_swallowed_nothing_is_charged_or_another_way_is_taken() {
    let full = Full::listens().await;
    on_each_way(full.address).await;
}
