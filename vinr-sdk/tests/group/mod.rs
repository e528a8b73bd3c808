//! Several terminals, one of which takes the sale.

mod dying;
mod hybrid;
mod local;
mod resting;
#[path = "../../../vinr-conformance/tests/doctor/strangers.rs"]
#[expect(dead_code, reason = "each test binary uses its part")]
mod strangers;
mod waiting;

use std::sync::Arc;
use std::time::Duration;

use vinr_sdk::{At, Create, Error, PaymentResult, Vinr};
use vinr_simulator::screen::Picture;

use crate::support::{A, B, C, Shop};

const GROUP: At<'static> = At::Group(&[A, B, C]);

pub(crate) fn sale(reference: &str) -> Create<'_> {
    Create {
        at: GROUP,
        amount: 1500,
        currency: "USD",
        reference,
        ..Create::default()
    }
}

pub(crate) async fn pays(
    till: Vinr,
    reference: String,
    max_wait: Option<Duration>,
) -> Result<PaymentResult, Error> {
    let sale = Create {
        max_wait,
        ..sale(&reference)
    };
    till.payments().create(sale).await
}

/// Another till's sale is on this terminal's screen.
pub(crate) async fn occupy(shop: &Shop, terminal: &'static str) -> tokio::task::JoinHandle<()> {
    let other = Arc::new(
        shop.builder()
            .store(vinr_sdk::store::MemoryStore::new())
            .build()
            .unwrap(),
    );
    let held = tokio::spawn(async move {
        let reference = format!("other_at_{terminal}");
        let sale = Create {
            at: At::Terminal(terminal),
            ..sale(&reference)
        };
        let _ = other.payments().create(sale).await;
    });
    shop.shows(terminal, Picture::PresentCard).await;
    held
}

#[path = "../../examples/group.rs"]
#[expect(dead_code, reason = "its main is not run here")]
mod example;

#[tokio::test]
async fn the_example_serves_a_queue_of_customers() {
    example::run().await.unwrap();
}
