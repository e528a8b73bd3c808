use std::time::Duration;

use vinr_protocol::device::Model;
use vinr_protocol::reader::{Activity, ReaderStatus};
use vinr_sdk::{CreateLocal, Discover, Error, PaymentResult, Reason, Vinr};

use crate::shop::{READER, Shop, sale};

// [DISC-3, DISC-4]
#[tokio::test]
async fn a_static_host_tells_who_it_is() {
    let shop = Shop::open().await;
    let till = shop.builder().build().unwrap();
    let address = shop.terminal().address();
    let hosts = Discover::static_hosts([address.to_string()]);
    let found = till.readers().discover(hosts).await.unwrap();
    let reader = &found.readers[0];
    assert_eq!(reader.id.as_str(), READER);
    assert_eq!((reader.ip, reader.address), (address.ip(), address));
    assert_eq!(reader.model, Model::NexgoCt20);
    assert_eq!(reader.status, ReaderStatus::Online);
    assert_eq!(reader.activity, Activity::Idle);
}

#[tokio::test]
async fn what_was_discovered_can_be_paid_at() {
    let shop = Shop::open().await;
    let till = shop.till().await;
    let paid = till.payments().create_local(sale()).await.unwrap();
    assert!(matches!(paid, PaymentResult::Completed(_)), "{paid:?}");
}

// [DISC-5, DISC-8]
#[tokio::test]
async fn each_host_that_is_left_out_has_its_reason() {
    let (shop, stranger) = (Shop::open().await, Shop::of_strangers().await);
    let till = shop.builder().build().unwrap();
    let found = till
        .readers()
        .discover(Discover::static_hosts([
            shop.terminal().address().to_string(),
            shop.proxy.address().to_string(),
            stranger.terminal().address().to_string(),
            "127.0.0.1:1".to_owned(),
        ]))
        .await
        .unwrap();
    assert_eq!(found.readers.len(), 1);
    let reasons: Vec<_> = found.left_out.iter().map(|left| &left.reason).collect();
    assert!(
        matches!(
            reasons[..],
            [
                Reason::SameTerminal(_),
                Reason::Identity(_),
                Reason::Unreachable(_)
            ]
        ),
        "{reasons:?}"
    );
}

#[tokio::test]
async fn a_host_that_cannot_be_read_is_named_before_anything_is_dialled() {
    let shop = Shop::open().await;
    let till = shop.builder().build().unwrap();
    let hosts = Discover::static_hosts(["192.168.1.256"]);
    let error = till.readers().discover(hosts).await.unwrap_err();
    assert!(matches!(error, Error::Invalid { .. }), "{error:?}");
}

// [SIM-1]
#[tokio::test]
async fn the_local_simulator_is_discovered_and_paid_as_on_the_page() {
    let vinr = Vinr::local_simulator().await.unwrap();
    let lan = Discover::lan().window(Duration::from_millis(50));
    let found = vinr.readers().discover(lan).await.unwrap();
    let reader = &found.readers[0];
    assert_eq!(reader.id.as_str(), "term_local_simulator");
    assert_eq!(reader.ip.to_string(), "127.0.0.1");
    assert_eq!(reader.model, Model::Simulator);
    let payment = vinr
        .payments()
        .create_local(CreateLocal {
            reader_id: "term_local_simulator",
            amount: 1000,
            currency: "USD",
            reference: "local_test_001",
            ..CreateLocal::default()
        })
        .await
        .unwrap();
    assert_eq!(payment.status, vinr_sdk::Status::Completed);
}
