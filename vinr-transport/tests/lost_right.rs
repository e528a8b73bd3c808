//! A till that is revoked while it is idle: its place is free at once, it may ask and be told why for as long as a header
//! may take, and then it is closed. \[NET-5, TLS-12\]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::time::Duration;

use support::crl::Crl;
use support::{PAYMENT, Pki, Raw, TERMINAL, Terminal, bundle, ca, id, pay_request};
use tokio::time::{Instant, pause, sleep, timeout};
use vinr_transport::server::Load;
use vinr_transport::{Connection, Identity};

/// Twice as long as a header may take.
const LONG: Duration = Duration::from_secs(10);

/// A guard against hanging, far above what it guards.
const FOR_EVER: Duration = Duration::from_secs(60);

struct Shop {
    pki: Pki,
    pos: Identity,
    terminal: Terminal,
}

impl Shop {
    async fn open() -> Self {
        let pki = Pki::new();
        Self {
            pos: pki.pos(),
            terminal: Terminal::start(pki.options()).await,
            pki,
        }
    }

    /// A till that has asked, and is idle.
    async fn idle(&self) -> Connection {
        let connector = self.pki.connector_of(self.pos.clone());
        let (addr, name) = (self.terminal.addr(), id(TERMINAL));
        let mut connection = connector.connect(addr, &name).await.unwrap();
        let _ = connection.reader().await;
        self.until(|load| load.idle == 1).await;
        connection
    }

    fn revokes(&self, number: u8, whom: &[&Identity]) {
        let list = Crl::of(&self.pki.pos_ca).number(number);
        let list = whom.iter().fold(list, |list, whom| list.revoking(whom));
        let list = list.signed_by(&self.pki.pos_ca);
        self.terminal.server.install_crl(&list).unwrap();
    }

    async fn until(&self, is: impl Fn(Load) -> bool) {
        let waits = async {
            while !is(self.terminal.server.load()) {
                tokio::task::yield_now().await;
            }
        };
        let waited = timeout(FOR_EVER, waits).await;
        assert!(waited.is_ok(), "{:?}", self.terminal.server.load());
    }

    async fn lets_through(&self, connection: &mut Connection) -> bool {
        let before = self.terminal.calls();
        let _ = connection.reader().await;
        self.terminal.calls() == before + 1
    }
}

/// How long it stays open, by the clock that jumps from one wait to the next.
async fn closed(connection: &Connection) -> Duration {
    let since = Instant::now();
    while connection.is_open() && since.elapsed() < LONG {
        sleep(Duration::from_millis(10)).await;
    }
    since.elapsed()
}

#[tokio::test]
async fn its_place_is_free_at_once() {
    let shop = Shop::open().await;
    let _connection = shop.idle().await;
    shop.revokes(2, &[&shop.pos]);
    shop.until(|load| load.idle == 0 && load.handshakes == 1)
        .await;
}

#[tokio::test]
async fn it_is_closed_when_it_had_the_time_to_ask_why() {
    let shop = Shop::open().await;
    let connection = shop.idle().await;
    pause();
    shop.revokes(2, &[&shop.pos]);
    let stayed = closed(&connection).await;
    assert!(stayed >= Duration::from_secs(5), "{stayed:?}");
    assert!(stayed < LONG, "{stayed:?}");
}

#[tokio::test]
async fn one_that_never_asked_is_closed_too() {
    let shop = Shop::open().await;
    let mut silent = Raw::connect(&shop.pki, shop.terminal.addr()).await;
    shop.until(|load| load.idle == 1).await;
    pause();
    shop.terminal.server.replace_pos_ca(bundle(&ca("another")));
    assert_eq!(silent.read_to_end().await.unwrap(), "");
}

#[tokio::test]
async fn another_till_stays() {
    let shop = Shop::open().await;
    let mut connection = shop.idle().await;
    pause();
    shop.revokes(2, &[&shop.pki.pos()]);
    assert!(closed(&connection).await >= LONG);
    assert!(shop.lets_through(&mut connection).await);
}

#[tokio::test]
async fn one_that_has_its_right_again_in_time_stays_and_has_its_place() {
    let shop = Shop::open().await;
    let mut connection = shop.idle().await;
    shop.revokes(2, &[&shop.pos]);
    shop.until(|load| load.idle == 0).await;
    pause();
    shop.revokes(3, &[]);
    assert!(closed(&connection).await >= LONG);
    assert_eq!(shop.terminal.server.load().idle, 1);
    assert!(shop.lets_through(&mut connection).await);
}

#[tokio::test]
async fn one_that_is_held_is_answered_first_and_closed_then() {
    let mut shop = Shop::open().await;
    let mut connection = shop.idle().await;
    let accepted = connection.pay(&pay_request(), None).await.unwrap();
    let (_request, outcome) = shop.terminal.held.recv().await.unwrap();
    pause();
    shop.revokes(2, &[&shop.pos]);
    assert!(closed(&connection).await >= LONG);
    outcome.send(Ok(PAYMENT.into())).unwrap();
    accepted.outcome().await.unwrap();
    assert!(closed(&connection).await < LONG);
}
