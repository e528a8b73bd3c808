//! One terminal, two paths.

mod accepting;
mod both_down;
mod falling_back;
mod identity;
mod restarting;
mod secret;

use std::time::Duration;

use vinr_sdk::{At, Connectivity, Create, Error, PaymentResult, Vinr};

use crate::support::{A, Cable, Shop};

pub(crate) const SALE: &str = "order_8821";

/// Short, so that a test need not wait for 2 s.
pub(crate) const LIMIT: Duration = Duration::from_millis(300);

pub(crate) fn sale() -> Create<'static> {
    Create {
        at: At::Terminal(A),
        amount: 2500,
        currency: "USD",
        reference: SALE,
        connectivity: Connectivity::Hybrid {
            local_timeout: LIMIT,
        },
        ..Create::default()
    }
}

/// A till with a cloud and a warm line to the first terminal.
pub(crate) async fn till(shop: &Shop) -> Vinr {
    let till = shop.builder().cloud(shop.cloud()).build().unwrap();
    meet(&till, shop.cable(A)).await;
    till
}

pub(crate) async fn meet(till: &Vinr, cable: &Cable) {
    let hosts = vinr_sdk::Discover::static_hosts([cable.address().to_string()]);
    let found = till.readers().discover(hosts).await.unwrap();
    assert_eq!(found.readers.len(), 1, "{:?}", found.left_out);
}

pub(crate) fn completed(result: Result<PaymentResult, Error>) -> PaymentResult {
    match result {
        Ok(paid @ PaymentResult::Completed(_)) => paid,
        other => panic!("{other:?}"),
    }
}

#[path = "../../examples/hybrid.rs"]
#[expect(dead_code, reason = "its main is not run here")]
mod example;

#[tokio::test]
async fn the_example_pays_on_both_paths() {
    example::run().await.unwrap();
}
