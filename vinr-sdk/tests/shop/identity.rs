//! Who is who: nothing is paid to, or by, the wrong one.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use vinr_protocol::device::Model;
use vinr_sdk::{BuildError, Charged, Error, TerminalId, Vinr};
use vinr_simulator::Simulator;
use vinr_simulator::provision::Flaw;
use vinr_transport::identity::Identity;

use crate::shop::{READER, Shop, sale};

// [TLS-9, TLS-10]
#[tokio::test]
async fn another_terminal_at_the_address_gets_nothing() {
    let shop = Shop::open().await;
    let till = shop
        .builder()
        .terminal("term_CT20_0043", shop.terminal().address())
        .build()
        .unwrap();
    let mut elsewhere = sale();
    elsewhere.reader_id = "term_CT20_0043";
    let error = till.payments().create_local(elsewhere).await.unwrap_err();
    assert!(matches!(error, Error::Identity { .. }), "{error:?}");
    assert!(error.to_string().contains(READER), "{error}");
    assert_eq!(error.charged(), Charged::No);
    assert_eq!(shop.charges().await, 0);
}

// [TLS-3, TLS-9]
#[tokio::test]
async fn a_terminal_of_another_ca_gets_nothing() {
    let (shop, stranger) = (Shop::open().await, Shop::of_strangers().await);
    let till = shop
        .builder()
        .terminal(READER, stranger.terminal().address())
        .build()
        .unwrap();
    let error = till.payments().create_local(sale()).await.unwrap_err();
    assert!(matches!(error, Error::Identity { .. }), "{error:?}");
    assert_eq!(stranger.charges().await, 0);
}

// [TLS-1, TLS-9]
#[tokio::test]
async fn a_plaintext_answer_is_no_terminal() {
    let shop = Shop::open().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let web = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut hello = [0; 1024];
        let _ = stream.read(&mut hello).await;
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        // Whatever the till says to it, it must not be the payment.
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest).await;
        rest
    });
    let till = shop.builder().terminal(READER, address).build().unwrap();
    let error = till.payments().create_local(sale()).await.unwrap_err();
    assert!(matches!(error, Error::Identity { .. }), "{error:?}");
    assert!(web.await.unwrap().len() < 64, "more than an alert");
}

// [TLS-5, TLS-6]
#[tokio::test]
async fn a_till_whose_certificate_is_not_accepted_is_told_so() {
    for flaw in [
        Flaw::Expired,
        Flaw::NotYetValid,
        Flaw::ServerAuth,
        Flaw::ForeignCa,
        Flaw::OtherTerminal,
    ] {
        let shop = Shop::open().await;
        let (certificate, key) = shop.simulator.pki().certification(flaw);
        let identity = Identity::loader().out_of_time().pem_files(certificate, key);
        // What is plainly no till's certificate does not even load.
        let Ok(identity) = identity else { continue };
        let till = Vinr::builder()
            .terminal_ca_file(shop.simulator.pki().terminal_ca())
            .unwrap()
            .identity(identity)
            .store_dir(shop.store_dir())
            .terminal(READER, shop.terminal().address())
            .build()
            .unwrap();
        let error = till.payments().create_local(sale()).await.unwrap_err();
        assert!(
            matches!(error, Error::CertificateRefused { .. }),
            "{flaw:?}: {error:?}"
        );
        assert_eq!(error.charged(), Charged::No);
    }
}

// [TLS-11]
#[tokio::test]
async fn a_wrong_passphrase_is_found_before_any_connection() {
    let shop = Shop::of_strangers().await;
    let pki = shop.simulator.pki();
    let with = |passphrase: &str| {
        Vinr::builder()
            .terminal_ca_file(pki.terminal_ca())
            .unwrap()
            .identity_p12_file(pki.pos_p12(), passphrase)
    };
    assert!(with(shop.simulator.passphrase().unwrap().reveal()).is_ok());
    let error = with("wrong").unwrap_err();
    assert!(matches!(error, BuildError::Identity(_)), "{error:?}");
}

#[tokio::test]
async fn a_missing_ca_bundle_is_named() {
    let error = Vinr::builder()
        .terminal_ca_file("/nowhere/terminal-ca.pem")
        .unwrap_err();
    assert!(
        error.to_string().contains("/nowhere/terminal-ca.pem"),
        "{error}"
    );
}

// [TLS-2]
#[tokio::test]
async fn each_of_two_terminals_is_paid_at_its_own_address() {
    let dir = tempfile::tempdir().unwrap();
    let id = |text| TerminalId::new(text).unwrap();
    let simulator = Simulator::builder(dir.path().join("vinr-local"))
        .terminal(id("term_1"), Model::NexgoCt20)
        .terminal(id("term_2"), Model::NexgoCt20)
        .start()
        .await
        .unwrap();
    let pki = simulator.pki();
    let mut builder = Vinr::builder()
        .terminal_ca_file(pki.terminal_ca())
        .unwrap()
        .identity_pem_files(pki.pos_cert(), pki.pos_key())
        .unwrap()
        .store_dir(dir.path().join("till"));
    for terminal in simulator.terminals() {
        builder = builder.terminal(terminal.id().as_str(), terminal.address());
    }
    let till = builder.build().unwrap();
    for reader_id in ["term_1", "term_2"] {
        let sale = vinr_sdk::CreateLocal {
            reader_id,
            reference: reader_id,
            ..sale()
        };
        let payment = till.payments().create_local(sale).await.unwrap();
        assert_eq!(payment.terminal_id.as_str(), reader_id);
    }
}
