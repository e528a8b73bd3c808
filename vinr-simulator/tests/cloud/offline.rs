//! Payments that were accepted without the internet, and what the merchant's server hears of them.

use serde_json::json;
use vinr_protocol::payment::DUPLICATE_SUSPECTED;
use vinr_simulator::host::Link;

use crate::shop::{A, B, Shop};
use crate::webhooks::Receiver;

impl Shop {
    /// Takes the internet away and waits until the terminal knows.
    pub(crate) async fn goes_offline(&self, terminal: &str) {
        self.terminal(terminal).set_internet(Link::Cut);
        let mut till = self.till(terminal).await;
        while till.reader().await["status"] != "offline" {
            tokio::task::yield_now().await;
        }
    }
}

// [OFF-7, OFF-8]
#[tokio::test]
async fn each_queued_payment_fires_its_outcome_when_the_internet_is_back() {
    let shop = Shop::open().await;
    let receiver = Receiver::start().await;
    receiver.register(&mut shop.api().await).await;
    shop.goes_offline(A).await;
    let mut till = shop.till(A).await;
    for (reference, card) in [("order_1", "approved"), ("order_2", "declined")] {
        let (said, ()) = tokio::join!(till.pay(A, reference), shop.present(A, card));
        assert!(said["offline"]["sequence"].is_u64(), "{said}");
    }
    shop.terminal(A).set_internet(Link::Up);
    let completed = receiver
        .hears("terminal_payment.completed", "order_1")
        .await;
    assert_eq!(completed["data"]["object"]["offline"]["sequence"], 1);
    let failed = receiver.hears("terminal_payment.failed", "order_2").await;
    assert_eq!(
        failed["data"]["object"]["declineCode"],
        "offline_auth_declined"
    );
}

// [REC-9]
#[tokio::test]
async fn a_sale_that_was_paid_elsewhere_meanwhile_is_flagged_when_it_drains() {
    let shop = Shop::open().await;
    let receiver = Receiver::start().await;
    receiver.register(&mut shop.api().await).await;
    shop.goes_offline(A).await;
    let (mut one, mut two) = (shop.till(A).await, shop.till(B).await);
    let (queued, ()) = tokio::join!(one.pay(A, "order_1"), shop.present(A, "approved"));
    assert_eq!(queued["status"], "processing");
    let (paid, ()) = tokio::join!(two.pay(B, "order_1"), shop.present(B, "approved"));
    assert_eq!(paid["status"], "completed");
    shop.terminal(A).set_internet(Link::Up);
    let failed = receiver.hears("terminal_payment.failed", "order_1").await;
    let payment = &failed["data"]["object"];
    assert_eq!(
        payment["metadata"][DUPLICATE_SUSPECTED],
        json!("true"),
        "{payment}"
    );
    assert_eq!(shop.charges("order_1").await, 1);
}
