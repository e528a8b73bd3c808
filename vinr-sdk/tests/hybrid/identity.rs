//! Whoever answers is somebody else, or does not want this till: an error, and the cloud is not asked.

use std::time::Duration;

use vinr_sdk::{Charged, Connectivity, Create, Error, Vinr};
use vinr_simulator::provision::Flaw;
use vinr_transport::identity::Identity;

use super::{SALE, sale};
use crate::support::{A, B, Shop, State};

// [HYB-6, TLS-9]
#[tokio::test]
async fn another_terminal_at_the_address_is_an_error_and_the_cloud_is_not_called() {
    let shop = Shop::open().await;
    let till = shop
        .builder_without_terminals()
        .terminal(A, shop.cable(B).address())
        .cloud(shop.cloud())
        .build()
        .unwrap();
    let error = till.payments().create(sale()).await.unwrap_err();
    assert!(matches!(error, Error::Identity { .. }), "{error:?}");
    assert_eq!(error.charged(), Charged::No);
    assert_eq!(shop.internet.connections(), 0);
    assert_eq!(shop.charges(SALE).await, 0);
}

// [HYB-6]
#[tokio::test]
async fn another_terminal_at_one_address_is_an_error_though_another_address_is_silent() {
    let shop = Shop::open().await;
    shop.cable(A).is(State::Silent);
    let [stranger, silent] = [B, A].map(|it| shop.cable(it).address());
    // So short that it is over while the silent one is waited for, and as long as if nothing is said.
    for (ms, addresses) in [
        (400, [stranger, silent]),
        (2000, [stranger, silent]),
        (2000, [silent, stranger]),
    ] {
        let mut builder = shop.builder_without_terminals().cloud(shop.cloud());
        // The one that was named last is tried first.
        for address in addresses.into_iter().rev() {
            builder = builder.terminal(A, address);
        }
        let sale = Create {
            connectivity: Connectivity::Hybrid {
                local_timeout: Duration::from_millis(ms),
            },
            ..sale()
        };
        let till = builder.build().unwrap();
        let error = till.payments().create(sale).await.unwrap_err();
        assert!(matches!(error, Error::Identity { .. }), "{ms}: {error:?}");
    }
    assert_eq!(shop.internet.connections(), 0);
}

// [HYB-6]
#[tokio::test]
async fn a_terminal_that_refuses_this_tills_certificate_is_an_error_and_the_cloud_is_not_called() {
    let shop = Shop::open().await;
    let pki = shop.simulator.pki();
    for flaw in [Flaw::ForeignCa, Flaw::OtherTerminal] {
        let (certificate, key) = pki.certification(flaw);
        let identity = Identity::loader()
            .out_of_time()
            .pem_files(certificate, key)
            .unwrap();
        let till = Vinr::builder()
            .terminal_ca_file(pki.terminal_ca())
            .unwrap()
            .identity(identity)
            .store(vinr_sdk::store::MemoryStore::new())
            .terminal(A, shop.cable(A).address())
            .cloud(shop.cloud())
            .build()
            .unwrap();
        let error = till.payments().create(sale()).await.unwrap_err();
        assert!(
            matches!(error, Error::CertificateRefused { .. }),
            "{flaw:?}: {error:?}"
        );
    }
    assert_eq!(shop.internet.connections(), 0);
}
