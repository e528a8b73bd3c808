//! A till judges the terminal of an open connection before every request, and sends nothing to one that it may no longer
//! trust. Every kind of event is in `matrix`; here is what comes of it. \[TLS-8, TLS-9\]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use support::crl::{Crl, moment};
use support::{PAYMENT, Pki, TERMINAL, Terminal, bundle, ca, id, pay_request};
use vinr_protocol::{CancelRequest, PaymentId, Reference};
use vinr_transport::{CallError, Check, Clock, Connection, Connector, Identity};

/// 2030-01-01.
const NOW: i64 = 1_893_456_000;
/// In the year 4188, after every certificate.
const TOO_LATE: i64 = 70_000_000_000;

struct Shop {
    pki: Pki,
    shown: Identity,
    terminal: Terminal,
    connector: Connector,
    hands: Arc<AtomicI64>,
}

impl Shop {
    async fn open() -> Self {
        let pki = Pki::new();
        let options = pki.options();
        let shown = options.identity.clone();
        let hands = Arc::new(AtomicI64::new(NOW));
        let connector = pki.connector().with_clock(Clock::new({
            let hands = hands.clone();
            move || moment(hands.load(Ordering::SeqCst))
        }));
        Self {
            terminal: Terminal::start(options).await,
            pki,
            shown,
            connector,
            hands,
        }
    }

    async fn connect(&self) -> Connection {
        let (addr, name) = (self.terminal.addr(), id(TERMINAL));
        let connecting = self.connector.connect(addr, &name);
        connecting.await.expect("the terminal is lawful")
    }

    /// The terminal's certificate is taken back.
    fn revoke(&self) {
        let list = Crl::of(&self.pki.terminal_ca).revoking(&self.shown);
        let list = list.signed_by(&self.pki.terminal_ca);
        self.connector.install_crl(&list).unwrap();
    }
}

fn revoked() -> CallError {
    CallError::Identity {
        check: Check::Revoked,
    }
}

#[tokio::test]
async fn no_payment_is_sent() {
    let shop = Shop::open().await;
    let mut connection = shop.connect().await;
    shop.revoke();
    let error = connection.pay(&pay_request(), None).await.unwrap_err();
    assert_eq!((error, shop.terminal.calls()), (revoked(), 0));
}

#[tokio::test]
async fn no_look_up_is_sent() {
    let shop = Shop::open().await;
    let mut connection = shop.connect().await;
    shop.revoke();
    let reference = Reference::new("order_8821").unwrap();
    let error = connection.payments(&reference).await.unwrap_err();
    assert_eq!((error, shop.terminal.calls()), (revoked(), 0));
}

#[tokio::test]
async fn no_question_about_one_payment_is_sent() {
    let shop = Shop::open().await;
    let mut connection = shop.connect().await;
    shop.revoke();
    let payment = PaymentId::new("tpay_01JD").unwrap();
    let error = connection.payment(&payment).await.unwrap_err();
    assert_eq!((error, shop.terminal.calls()), (revoked(), 0));
}

#[tokio::test]
async fn no_cancel_is_sent() {
    let shop = Shop::open().await;
    let mut connection = shop.connect().await;
    shop.revoke();
    let request = CancelRequest {
        terminal_id: id(TERMINAL),
        reference: Reference::new("order_8821").unwrap(),
        attempt_key: None,
    };
    let error = connection.cancel(&request).await.unwrap_err();
    assert_eq!((error, shop.terminal.calls()), (revoked(), 0));
}

#[tokio::test]
async fn no_question_who_it_is_is_sent() {
    let shop = Shop::open().await;
    let mut connection = shop.connect().await;
    shop.revoke();
    let error = connection.reader().await.unwrap_err();
    assert_eq!((error, shop.terminal.calls()), (revoked(), 0));
}

#[tokio::test]
async fn the_error_is_definite() {
    assert!(revoked().is_definite());
}

#[tokio::test]
async fn the_connection_is_not_ready_before_anything_is_asked() {
    let shop = Shop::open().await;
    let connection = shop.connect().await;
    // The connection's own task has to come to its turn first.
    while !connection.is_ready() {
        tokio::task::yield_now().await;
    }
    assert!(connection.is_open());
    shop.revoke();
    assert!(!connection.is_ready() && !connection.is_open());
}

#[tokio::test]
async fn it_stays_refused_though_all_is_well_again() {
    let shop = Shop::open().await;
    let mut connection = shop.connect().await;
    let expired = CallError::Identity {
        check: Check::Expired,
    };
    shop.hands.store(TOO_LATE, Ordering::SeqCst);
    assert_eq!(connection.reader().await.unwrap_err(), expired);
    shop.hands.store(NOW, Ordering::SeqCst);
    assert_eq!(connection.reader().await.unwrap_err(), expired);
    assert!(!connection.is_ready());
}

#[tokio::test]
async fn what_nobody_asked_meanwhile_is_not_held_against_it() {
    let shop = Shop::open().await;
    let mut connection = shop.connect().await;
    shop.connector.replace_terminal_ca(bundle(&ca("another")));
    let own = bundle(&shop.pki.terminal_ca);
    shop.connector.replace_terminal_ca(own);
    let _ = connection.reader().await;
    assert_eq!(shop.terminal.calls(), 1);
}

#[tokio::test]
async fn what_a_clone_was_told_counts_for_every_connection() {
    let shop = Shop::open().await;
    let mut connection = shop.connect().await;
    let clone = shop.connector.clone();
    clone.replace_terminal_ca(bundle(&ca("another")));
    let error = connection.reader().await.unwrap_err();
    let check = Check::Issuer;
    assert_eq!(error, CallError::Identity { check });
}

#[tokio::test]
async fn a_terminal_that_nobody_named_is_judged_again_too() {
    let shop = Shop::open().await;
    let connecting = shop.connector.connect_any(shop.terminal.addr());
    let mut connection = connecting.await.unwrap();
    shop.revoke();
    assert_eq!(connection.reader().await.unwrap_err(), revoked());
}

// As a terminal answers a payment that it holds for a till that was revoked meanwhile.
#[tokio::test]
async fn a_payment_that_is_held_is_still_heard() {
    let mut shop = Shop::open().await;
    let mut connection = shop.connect().await;
    let accepted = connection.pay(&pay_request(), None).await.unwrap();
    let (_request, outcome) = shop.terminal.held.recv().await.unwrap();
    shop.revoke();
    outcome.send(Ok(PAYMENT.into())).unwrap();
    let payment = accepted.outcome().await.unwrap();
    assert_eq!(payment.reference.as_str(), "order_8821");
}

#[tokio::test]
async fn who_waited_for_the_answer_before_is_judged_after_it() {
    let mut shop = Shop::open().await;
    let mut connection = shop.connect().await;
    let accepted = connection.pay(&pay_request(), None).await.unwrap();
    let (_request, outcome) = shop.terminal.held.recv().await.unwrap();
    let waits = connection.reader();
    let goes_on = async {
        shop.revoke();
        outcome.send(Ok(PAYMENT.into())).unwrap();
        accepted.outcome().await.unwrap();
    };
    // In this order: the question waits before the list comes.
    let (error, ()) = tokio::join!(biased; waits, goes_on);
    assert_eq!((error.unwrap_err(), shop.terminal.calls()), (revoked(), 1));
}
