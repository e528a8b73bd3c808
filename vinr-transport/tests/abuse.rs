//! A terminal stays a terminal under abuse: a till that never connected before pays while strangers, and tills that
//! went bad, hold all that they can get; and what they held comes back. \[NET-5\]
//!
//! No wait of the terminal's is short enough here to help: only its places can.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![cfg(target_os = "linux")]

mod attack;
mod skip;
mod support;

use std::time::Duration;

use attack::{Insider, TILLS_OWN, client_hello, closed, crowd, dial, raise_handles};
use bytes::Bytes;
use support::{PAYMENT, Pki, TERMINAL, Terminal, id, pay_request};
use tokio::io::AsyncWriteExt;
use vinr_transport::server::{Limits, Load};

/// A thousand sockets, and the till's own address among theirs.
const THOUSAND: usize = 1000;
const EVERYWHERE: [u8; 4] = [TILLS_OWN, 2, 3, 4];

const AGES: Duration = Duration::from_secs(24 * 3600);

/// A guard against hanging, far above what it guards.
const FOR_EVER: Duration = Duration::from_secs(120);

async fn patient_terminal(pki: &Pki) -> Terminal {
    let mut options = pki.options();
    options.limits.handshake = AGES;
    options.limits.head = AGES;
    options.limits.body = AGES;
    Terminal::start(options).await
}

/// A lawful till connects, pays, and has its outcome.
async fn pays(pki: &Pki, terminal: &mut Terminal) {
    pays_on_dial(1, pki, terminal).await;
}

/// The same, at the latest when it dials for this time.
async fn pays_on_dial(last: usize, pki: &Pki, terminal: &mut Terminal) {
    let connector = pki.connector().within(FOR_EVER);
    let payment = async {
        let mut dials = 1;
        let mut connection = loop {
            match connector.connect(terminal.addr(), &id(TERMINAL)).await {
                Ok(connection) => break connection,
                Err(error) => assert!(dials < last, "the till is let in: {error}"),
            }
            dials += 1;
        };
        let accepted = connection.pay(&pay_request(), None).await.unwrap();
        let (_, outcome) = terminal.held.recv().await.unwrap();
        outcome.send(Ok(Bytes::from(PAYMENT))).unwrap();
        accepted.outcome().await.unwrap();
    };
    tokio::time::timeout(FOR_EVER, payment).await.unwrap();
}

async fn until(terminal: &Terminal, is: impl Fn(Load) -> bool) {
    let waits = async {
        while !is(terminal.server.load()) {
            tokio::task::yield_now().await;
        }
    };
    let waited = tokio::time::timeout(FOR_EVER, waits).await;
    assert!(waited.is_ok(), "{:?}", terminal.server.load());
}

/// A thousand say these words and no more; a till pays; the thousand go and leave nothing behind.
async fn pays_beside_a_thousand(pki: &Pki, words: &[u8]) {
    pays_beside_a_thousand_of(&[], pki, words).await;
}

/// As above, where some of the addresses are those of tills.
async fn pays_beside_a_thousand_of(known: &[u8], pki: &Pki, words: &[u8]) {
    if let Err(why) = raise_handles() {
        return skip::skip(&why, "raise the hard limit of open files (ulimit -Hn)");
    }
    let mut terminal = patient_terminal(pki).await;
    let insider = Insider::new(pki);
    for from in known {
        let request = b"GET /v1/x HTTP/1.1\r\nconnection: close\r\n\r\n";
        let till = insider.says(*from, terminal.addr(), request).await;
        closed(till.unwrap()).await;
    }
    let crowd = crowd(THOUSAND, &EVERYWHERE, terminal.addr(), words).await;
    pays(pki, &mut terminal).await;
    let load = terminal.server.load();
    let places = Limits::default().handshakes;
    assert!(load.handshakes <= places, "{load:?}");
    assert!(load.made_room as usize >= THOUSAND - places, "{load:?}");
    assert_eq!(load.turned_away, 0);
    drop(crowd);
    until(&terminal, |load| load.connections() == 0).await;
}

// [NET-5]
#[tokio::test]
async fn a_till_pays_beside_a_thousand_silent_connections() {
    pays_beside_a_thousand(&Pki::new(), b"").await;
}

// [NET-5]
#[tokio::test]
async fn a_till_pays_beside_a_thousand_silent_connections_from_addresses_of_tills() {
    pays_beside_a_thousand_of(&EVERYWHERE, &Pki::new(), b"").await;
}

// [NET-5]
#[tokio::test]
async fn a_till_pays_beside_a_thousand_that_stop_in_the_middle_of_a_client_hello() {
    let pki = Pki::new();
    let hello = client_hello(&pki);
    pays_beside_a_thousand(&pki, &hello[..hello.len() / 2]).await;
}

// [NET-5]
#[tokio::test]
async fn a_till_pays_beside_a_thousand_that_stop_after_a_client_hello() {
    let pki = Pki::new();
    pays_beside_a_thousand(&pki, &client_hello(&pki)).await;
}

/// Tills that went bad fill every place of a till, from one address after the other, and say these words.
async fn pays_beside_bad_tills(words: &[u8], from: &[u8]) {
    let pki = Pki::new();
    let mut terminal = patient_terminal(&pki).await;
    let insider = Insider::new(&pki);
    let limits = Limits::default();
    let mut bad = Vec::new();
    for from in from {
        for _ in 0..limits.connections_per_address {
            bad.push(insider.says(*from, terminal.addr(), words).await.unwrap());
        }
    }
    until(&terminal, |load| load.idle == bad.len()).await;
    pays(&pki, &mut terminal).await;
    assert!(terminal.server.load().idle <= limits.connections);
    drop(bad);
    until(&terminal, |load| load.connections() == 0).await;
}

const SLOW_HEADER: &[u8] = b"POST /v1/pay HTTP/1.1\r\nhost:";
const SLOW_BODY: &[u8] = b"POST /v1/pay HTTP/1.1\r\ncontent-length: 5\r\n\r\nab";

// [NET-5]
#[tokio::test]
async fn a_till_pays_beside_slow_headers_up_to_the_ceiling_of_another_address() {
    pays_beside_bad_tills(SLOW_HEADER, &[2]).await;
}

// [NET-5]
#[tokio::test]
async fn a_till_pays_beside_slow_headers_up_to_the_ceiling_of_all() {
    pays_beside_bad_tills(SLOW_HEADER, &[2, 3, 4, 5]).await;
}

// [NET-5]
#[tokio::test]
async fn a_till_pays_beside_slow_headers_up_to_the_ceiling_of_its_own_address() {
    pays_beside_bad_tills(SLOW_HEADER, &[TILLS_OWN]).await;
}

// [NET-5]
#[tokio::test]
async fn a_till_pays_beside_slow_bodies_up_to_the_ceiling_of_another_address() {
    pays_beside_bad_tills(SLOW_BODY, &[2]).await;
}

// [NET-5]
#[tokio::test]
async fn a_till_pays_beside_slow_bodies_up_to_the_ceiling_of_all() {
    pays_beside_bad_tills(SLOW_BODY, &[2, 3, 4, 5]).await;
}

/// With the limits of the specification, what is slow ends by itself.
async fn places_come_back_from(words: &[u8]) {
    let pki = Pki::new();
    let terminal = Terminal::start(pki.options()).await;
    let insider = Insider::new(&pki);
    let mut slow = Vec::new();
    for _ in 0..Limits::default().connections_per_address {
        slow.push(insider.says(2, terminal.addr(), words).await.unwrap());
    }
    until(&terminal, |load| load.idle == slow.len()).await;
    tokio::time::pause();
    for one in slow {
        closed(one).await;
    }
    tokio::time::resume();
    until(&terminal, |load| load.connections() == 0).await;
    assert_eq!(terminal.calls(), 0);
}

// [NET-5]
#[tokio::test]
async fn the_places_of_slow_headers_come_back() {
    places_come_back_from(SLOW_HEADER).await;
}

// [NET-5]
#[tokio::test]
async fn the_places_of_slow_bodies_come_back() {
    places_come_back_from(SLOW_BODY).await;
}

// [NET-5]
#[tokio::test]
async fn the_places_of_silent_connections_come_back() {
    let terminal = Terminal::start(Pki::new().options()).await;
    let silent = crowd(100, &EVERYWHERE, terminal.addr(), b"").await;
    until(&terminal, |load| load.handshakes > 0).await;
    tokio::time::pause();
    for one in silent {
        closed(one).await;
    }
    tokio::time::resume();
    until(&terminal, |load| load.connections() == 0).await;
}

// [PAY-14]
#[tokio::test]
async fn a_held_payment_is_closed_for_nobody() {
    let pki = Pki::new();
    let mut terminal = patient_terminal(&pki).await;
    let addr = terminal.addr();
    let mut connection = pki.connector().connect(addr, &id(TERMINAL)).await.unwrap();
    let accepted = connection.pay(&pay_request(), None).await.unwrap();
    let (_, outcome) = terminal.held.recv().await.unwrap();
    // Twice as many as the payment's own address may have, then as many as there may be.
    let (insider, mut bad) = (Insider::new(&pki), Vec::new());
    let limits = Limits::default();
    let own = [TILLS_OWN; 2].into_iter();
    for from in own.chain(2..=6) {
        for _ in 0..limits.connections_per_address {
            // Those that find no place are closed.
            bad.push(insider.says(from, addr, SLOW_HEADER).await);
        }
    }
    until(&terminal, |load| load.idle + 1 >= limits.connections).await;
    outcome.send(Ok(Bytes::from(PAYMENT))).unwrap();
    assert!(accepted.outcome().await.is_ok());
}

/// Attackers come and go as fast as they can, in several tasks, while the till pays ten times on fresh connections, each
/// time at the latest when it dials for this time.
///
/// Room is made by whoever has shown least for longest, of the address that has most. On an attacker's own address that may
/// be a till whose machine gave it no turn to say hello: nothing was sent, and it dials again.
async fn pays_during_a_flood(last_dial: usize, from: &[u8], words: impl Fn(&Pki) -> Vec<u8>) {
    let pki = Pki::new();
    let mut terminal = patient_terminal(&pki).await;
    let (addr, words) = (terminal.addr(), words(&pki));
    let flood: Vec<_> = from
        .iter()
        .cycle()
        .take(8)
        .map(|&from| {
            let words = words.clone();
            tokio::spawn(async move {
                loop {
                    // The kernel may have no port left; the flood goes on.
                    let Ok(mut one) = dial(from, addr).await else {
                        tokio::task::yield_now().await;
                        continue;
                    };
                    let _ = one.write_all(&words).await;
                    // Closed with a reset, which leaves no port behind.
                    let _ = socket2::SockRef::from(&one).set_linger(Some(Duration::ZERO));
                }
            })
        })
        .collect();
    for _ in 0..10 {
        pays_on_dial(last_dial, &pki, &mut terminal).await;
    }
    for one in flood {
        one.abort();
        let _ = one.await;
    }
    until(&terminal, |load| load.connections() == 0).await;
}

// [NET-5]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_till_pays_during_a_connect_flood() {
    pays_during_a_flood(3, &EVERYWHERE, |_| Vec::new()).await;
}

// [NET-5]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_till_pays_during_a_flood_of_client_hellos_from_other_addresses() {
    pays_during_a_flood(1, &[2, 3], client_hello).await;
}

/// The log of a flood is bounded, and so is what a monitor sees: each place is one place.
#[tokio::test]
async fn a_terminal_without_a_place_at_the_door_turns_away_and_counts() {
    let pki = Pki::new();
    let mut options = pki.options();
    options.limits.handshakes = 0;
    let terminal = Terminal::start(options).await;
    closed(dial(2, terminal.addr()).await.unwrap()).await;
    assert_eq!(terminal.server.load().turned_away, 1);
}
