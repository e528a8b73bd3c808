//! What a terminal trusts and shows, changed while it runs, over real sockets. \[TLS-12, TLS-15\]

#![allow(clippy::unwrap_used, reason = "what cannot be set up fails the test")]

mod support;

use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use rustls_pki_types::CertificateRevocationListDer;
use rustls_pki_types::pem::PemObject;
use serde_json::{Value, json};
use support::{
    PATIENCE, Shop, TERMINAL, Till, get, pay_body, post, shop, shop_with, terminal_id, tls,
};
use vinr_protocol::Timestamp;
use vinr_protocol::device::Model;
use vinr_protocol::question::{Answer, Answered};
use vinr_simulator::cardholder::Script;
use vinr_simulator::{Pki, Simulator};

fn in_days(days: i64) -> Timestamp {
    let hours = jiff::Span::new().hours(days * 24);
    (jiff::Timestamp::now().checked_add(hours).unwrap()).into()
}

fn pki(shop: &Shop) -> Pki {
    shop.simulator.pki().clone()
}

/// A list that takes these certificates back and is not published.
fn list(shop: &Shop, revokes: &[&Path]) -> Vec<u8> {
    let signed = pki(shop).sign_trial_list(revokes, in_days(60)).unwrap();
    signed.into_bytes()
}

async fn install(shop: &Shop, list: &[u8]) -> Answer {
    let path = shop.dir.path().join("given.pem");
    std::fs::write(&path, list).unwrap();
    shop.ask("install_crl", json!({ "path": path })).await
}

/// The till that a shop can do without.
async fn spare_till(shop: &Shop) -> Till {
    let identity = Some(pki(shop).to_be_revoked());
    Till::connect(shop.terminal().address(), &pki(shop), identity).await
}

async fn said(till: &mut Till) -> (u16, Value) {
    let head = till.send(get("/v1/reader")).await;
    (head.status.as_u16(), head.body().await.unwrap())
}

async fn is_revoked(till: &mut Till) -> bool {
    let (status, body) = said(till).await;
    (status, body["error"]["code"].as_str()) == (403, Some("certificate_revoked"))
}

async fn is_served(shop: &Shop) -> bool {
    said(&mut shop.till().await).await.0 == 200
}

/// The code with which a pay is refused; none where its screen lit up.
async fn refusal(shop: &Shop, reference: &str) -> Option<String> {
    let head = shop.till().await.pay(reference, "k1").await;
    if head.status == 200 {
        shop.till().await.cancel(reference, Some("k1")).await;
        return None;
    }
    let body = head.body().await.unwrap();
    Some(body["error"]["code"].as_str().unwrap().to_owned())
}

/// Asks again until it is so; files are looked at four times a second.
macro_rules! becomes {
    ($is_so:expr, $what:literal) => {{
        let begun = Instant::now();
        while !$is_so {
            assert!(begun.elapsed() < PATIENCE, $what);
        }
    }};
}

/// The same directory, in another process as it were.
async fn restarted(shop: Shop) -> Shop {
    let Shop { simulator, dir } = shop;
    simulator.shutdown().await;
    let builder = Simulator::builder(dir.path()).terminal(terminal_id(), Model::NexgoCt20);
    let simulator = builder.cardholder(Script::by_hand()).start().await.unwrap();
    Shop { simulator, dir }
}

// [TLS-12]
#[tokio::test]
async fn a_list_counts_at_once_on_open_and_on_new_connections() {
    let shop = shop().await;
    let mut open = spare_till(&shop).await;
    assert_eq!(said(&mut open).await.0, 200);
    let list = list(&shop, &[&pki(&shop).to_be_revoked().0]);
    assert_eq!(install(&shop, &list).await.answer, Answered::Done);
    assert!(is_revoked(&mut open).await);
    assert!(is_revoked(&mut spare_till(&shop).await).await);
    assert!(is_served(&shop).await, "another till goes on");
}

// [TLS-12]
#[tokio::test]
async fn what_is_revoked_in_the_directory_counts_without_a_cloud_and_without_a_restart() {
    let shop = shop().await;
    let mut open = spare_till(&shop).await;
    assert_eq!(said(&mut open).await.0, 200);
    let file = pki(&shop).to_be_revoked().0;
    pki(&shop).revoke(file.to_str().unwrap()).unwrap();
    let begun = Instant::now();
    loop {
        let (status, body) = said(&mut open).await;
        if status == 403 {
            assert_eq!(body["error"]["code"], "certificate_revoked");
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "it counts some time");
    }
}

// [TLS-12]
#[tokio::test]
async fn a_payment_that_is_held_is_answered_although_its_till_was_revoked() {
    let shop = shop().await;
    let held = spare_till(&shop).await.pay("order_1", "k1").await;
    assert_eq!(held.status, 200);
    let list = list(&shop, &[&pki(&shop).to_be_revoked().0]);
    assert_eq!(install(&shop, &list).await.answer, Answered::Done);
    shop.present("approved").await;
    assert_eq!(held.body().await.unwrap()["status"], "completed");
}

/// The directory of another shop, with CAs of its own.
static ANOTHER: LazyLock<(tempfile::TempDir, Pki)> = LazyLock::new(|| {
    let dir = tempfile::tempdir().unwrap();
    let pki = Pki::provision(dir.path(), &[terminal_id()]).unwrap().pki;
    (dir, pki)
});

fn forged(list: &[u8]) -> Vec<u8> {
    let der = CertificateRevocationListDer::from_pem_slice(list).unwrap();
    let mut der = der.to_vec();
    *der.last_mut().unwrap() ^= 1;
    der
}

// [TLS-15]
#[tokio::test]
async fn a_list_that_does_not_count_is_refused_with_its_reason_and_changes_nothing() {
    let shop = shop().await;
    let spare = pki(&shop).to_be_revoked().0;
    let older = list(&shop, &[]);
    assert_eq!(
        install(&shop, &list(&shop, &[&spare])).await.answer,
        Answered::Done
    );
    let kept = || std::fs::read(shop.data().join("pos-ca.crl.pem")).unwrap();
    let before = kept();
    let against_the_till = list(&shop, &[&pki(&shop).pos_cert()]);
    let bad = [
        (older, "an older list is never taken"),
        (forged(&against_the_till), "not signed by it"),
        (
            std::fs::read(ANOTHER.1.pos_crl()).unwrap(),
            "not in the bundle",
        ),
        (against_the_till[..200].to_vec(), "not a revocation list"),
        (vec![b'x'; 5 << 20], "more than"),
        (Vec::new(), "not a revocation list"),
    ];
    for (list, reason) in &bad {
        let answer = install(&shop, list).await;
        let why = answer.why.unwrap_or_default();
        assert_eq!(answer.answer, Answered::Cannot, "{reason}");
        assert!(why.contains(reason), "{why} instead of {reason}");
    }
    assert_eq!(kept(), before);
    let shop = restarted(shop).await;
    assert!(is_served(&shop).await);
    assert!(is_revoked(&mut spare_till(&shop).await).await);
    let answer = install(&shop, &bad[0].0).await;
    assert_eq!(
        answer.answer,
        Answered::Cannot,
        "the number does not go back"
    );
}

// [TLS-15]
#[tokio::test]
async fn a_bad_list_in_the_directory_changes_nothing() {
    let shop = shop().await;
    let against_the_till = list(&shop, &[&pki(&shop).pos_cert()]);
    std::fs::write(pki(&shop).pos_crl(), forged(&against_the_till)).unwrap();
    // Another change of the directory, so that the first was surely seen.
    let before = shown(&shop).await;
    pki(&shop).renew_terminal(&terminal_id()).unwrap();
    becomes!(shown(&shop).await != before, "the change is seen");
    assert!(is_served(&shop).await);
    assert_eq!(refusal(&shop, "order_1").await, None);
}

#[tokio::test]
async fn a_terminal_that_is_switched_off_takes_no_list() {
    let shop = shop().await;
    shop.terminal().set_power(false).await.unwrap();
    let answer = install(&shop, &list(&shop, &[])).await;
    assert!(answer.why.unwrap().contains("switched off"));
}

#[tokio::test]
async fn a_list_that_came_while_the_terminal_was_off_counts_when_it_is_on() {
    let shop = shop().await;
    shop.terminal().set_power(false).await.unwrap();
    let file = pki(&shop).to_be_revoked().0;
    pki(&shop).revoke(file.to_str().unwrap()).unwrap();
    shop.terminal().set_power(true).await.unwrap();
    assert!(is_revoked(&mut spare_till(&shop).await).await);
}

// [TLS-15]
#[tokio::test]
async fn past_its_date_a_list_starts_nothing_new_and_what_is_owed_goes_on() {
    let shop = shop().await;
    let held = shop.till().await.pay("order_1", "k1").await;
    let ended = pki(&shop).sign_trial_list(&[], in_days(-1)).unwrap();
    assert_eq!(
        install(&shop, ended.as_bytes()).await.answer,
        Answered::Done
    );
    let unavailable = Some("terminal_unavailable".to_owned());
    assert_eq!(refusal(&shop, "order_2").await, unavailable);
    assert_eq!(
        shop.till().await.pay("order_1", "k1").await.status,
        200,
        "a join"
    );
    assert_eq!(shop.till().await.payments("order_1").await.len(), 1);
    let cancelled = shop.till().await.cancel("order_1", Some("k1")).await;
    assert_eq!(cancelled["outcome"], "cancelled");
    assert_eq!(held.body().await.unwrap()["status"], "cancelled");
    install(&shop, &list(&shop, &[])).await;
    assert_eq!(refusal(&shop, "order_3").await, None);
}

// [TLS-15]
#[tokio::test]
async fn without_any_list_nothing_new_is_started_until_there_is_one() {
    let shop = shop().await;
    let list = std::fs::read(pki(&shop).pos_crl()).unwrap();
    let Shop { simulator, dir } = shop;
    simulator.shutdown().await;
    std::fs::remove_file(dir.path().join("pos-ca.crl.pem")).unwrap();
    std::fs::remove_file(
        dir.path()
            .join("data")
            .join(TERMINAL)
            .join("pos-ca.crl.pem"),
    )
    .unwrap();
    // Only whoever has the CA's key can make one.
    std::fs::rename(dir.path().join("ca-keys"), dir.path().join("locked-away")).unwrap();
    let builder = Simulator::builder(dir.path()).terminal(terminal_id(), Model::NexgoCt20);
    let simulator = builder.cardholder(Script::by_hand()).start().await.unwrap();
    let shop = Shop { simulator, dir };
    assert_eq!(
        refusal(&shop, "order_1").await.unwrap(),
        "terminal_unavailable"
    );
    assert_eq!(
        shop.till().await.payments("order_1").await,
        [] as [Value; 0]
    );
    std::fs::write(pki(&shop).pos_crl(), list).unwrap();
    let mut attempt = 1;
    becomes!(
        {
            attempt += 1;
            refusal(&shop, &format!("order_{attempt}")).await.is_none()
        },
        "the list counts"
    );
}

#[tokio::test]
async fn a_directory_of_an_earlier_version_gets_the_list_that_it_lacks() {
    let dir = support::provisioned();
    std::fs::remove_file(dir.path().join("pos-ca.crl.pem")).unwrap();
    std::fs::remove_file(dir.path().join("ca-keys/revoked.json")).unwrap();
    let builder = Simulator::builder(dir.path()).terminal(terminal_id(), Model::NexgoCt20);
    let simulator = builder.cardholder(Script::by_hand()).start().await.unwrap();
    let shop = Shop { simulator, dir };
    assert_eq!(refusal(&shop, "order_1").await, None);
}

/// The certificate that a new connection is shown.
async fn shown(shop: &Shop) -> Vec<u8> {
    let identity = Some((pki(shop).pos_cert(), pki(shop).pos_key()));
    let stream = tls(shop.terminal().address(), &pki(shop), identity)
        .await
        .unwrap();
    let chain = stream.get_ref().1.peer_certificates().unwrap();
    chain[0].to_vec()
}

#[tokio::test]
async fn a_renewed_certificate_is_shown_to_new_connections_and_open_ones_go_on() {
    let shop = shop().await;
    let mut open = shop.till().await;
    assert_eq!(said(&mut open).await.0, 200);
    let before = shown(&shop).await;
    pki(&shop).renew_terminal(&terminal_id()).unwrap();
    becomes!(shown(&shop).await != before, "the new one is shown");
    assert_eq!(said(&mut open).await.0, 200);
    let renewed = shown(&shop).await;
    shop.terminal().power_cycle(Duration::ZERO).await.unwrap();
    assert_eq!(shown(&shop).await, renewed);
}

#[tokio::test]
async fn a_broken_certificate_or_bundle_on_disk_leaves_what_was_in_use() {
    let shop = shop().await;
    let before = shown(&shop).await;
    let newer = list(&shop, &[&pki(&shop).to_be_revoked().0]);
    let mut spare = spare_till(&shop).await;
    for file in [
        pki(&shop).terminal_cert(&terminal_id()),
        pki(&shop).pos_ca(),
    ] {
        std::fs::write(file, b"-----BEGIN CERTIFICATE-----\nno").unwrap();
    }
    // Looked at after the two: when it counts, they were seen.
    std::fs::write(pki(&shop).pos_crl(), newer).unwrap();
    becomes!(said(&mut spare).await.0 == 403, "the list counts");
    assert_eq!(shown(&shop).await, before);
    assert!(is_served(&shop).await);
}

#[tokio::test]
async fn a_second_ca_in_the_bundle_counts_without_a_restart() {
    let shop = shop().await;
    let another = &ANOTHER.1;
    let its_till = || async {
        let identity = Some((another.pos_cert(), another.pos_key()));
        let till = Till::try_connect(shop.terminal().address(), &pki(&shop), identity).await;
        let head = till.ok()?.try_send(get("/v1/reader")).await.ok()?;
        Some(head.status.as_u16())
    };
    assert_eq!(its_till().await, None);
    let both = [pki(&shop).pos_ca(), another.pos_ca()].map(|file| std::fs::read(file).unwrap());
    std::fs::write(pki(&shop).pos_ca(), both.concat()).unwrap();
    becomes!(
        its_till().await == Some(200),
        "the second CA's till is served"
    );
    assert!(is_served(&shop).await, "and the first one's goes on");
    // Each CA has its own list: without one nothing is started for its tills.
    let pay = || async {
        let identity = Some((another.pos_cert(), another.pos_key()));
        let mut till = Till::connect(shop.terminal().address(), &pki(&shop), identity).await;
        let body = pay_body("order_1");
        till.send(post("/v1/pay", Some("k1"), &body))
            .await
            .status
            .as_u16()
    };
    assert_eq!(pay().await, 503);
    let list = std::fs::read(another.pos_crl()).unwrap();
    assert_eq!(install(&shop, &list).await.answer, Answered::Done);
    assert_eq!(pay().await, 200);
    let kept = std::fs::read_to_string(shop.data().join("pos-ca.crl.pem")).unwrap();
    assert_eq!(
        kept.matches("BEGIN X509 CRL").count(),
        2,
        "both survive a restart"
    );
}

// I27
#[tokio::test]
async fn a_clock_that_lost_its_date_is_unset_after_a_restart_and_not_earlier() {
    let shop = shop().await;
    shop.terminal().unset_clock().await;
    let kept = |dir: &Path| -> String {
        let file: PathBuf = dir.join("data").join(TERMINAL).join("clock.json");
        let json: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        json["latest"].as_str().unwrap().to_owned()
    };
    let before = kept(shop.dir.path());
    let shop = restarted(shop).await;
    assert!(shop.terminal().state().clock_unset);
    assert_eq!(
        refusal(&shop, "order_1").await.unwrap(),
        "terminal_unavailable"
    );
    assert!(kept(shop.dir.path()) >= before);
    shop.terminal().set_clock(0).await;
    let shop = restarted(shop).await;
    assert!(!shop.terminal().state().clock_unset);
    assert_eq!(refusal(&shop, "order_2").await, None);
}

// [TLS-12]
#[tokio::test]
async fn a_list_that_the_cloud_hands_out_counts() {
    let any: std::net::SocketAddr = "127.0.0.1:0".parse().unwrap();
    let shop = shop_with(|builder| builder.cloud(any)).await;
    let mut open = spare_till(&shop).await;
    assert_eq!(said(&mut open).await.0, 200);
    let file = pki(&shop).to_be_revoked().0;
    pki(&shop).revoke(file.to_str().unwrap()).unwrap();
    becomes!(said(&mut open).await.0 == 403, "it counts some time");
}
