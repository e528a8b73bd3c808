//! The story of the vendor's page, from the first payment to the last webhook, with the power going in between.

use std::time::Duration;

use vinr_simulator::host::Link;

use crate::shop::{A, Shop, Till};
use crate::webhooks::Receiver;

impl Shop {
    /// The plug is pulled and put back; whoever was connected is not any more.
    async fn power_cut(&self) -> Till {
        let cut = self.terminal(A).power_cycle(Duration::ZERO).await;
        cut.expect("it starts again");
        self.till(A).await
    }

    /// A card for every payment, as soon as the terminal asks.
    async fn sells(&self, till: &mut Till, reference: &str, card: &str) -> serde_json::Value {
        let (said, ()) = tokio::join!(till.pay(A, reference), self.present(A, card));
        said
    }
}

// [EVT-1, OFF-1, OFF-3, OFF-6, OFF-7, OFF-12, REC-6]
#[tokio::test]
async fn the_whole_story_is_told_once_and_true_whatever_the_power_does() {
    let shop = Shop::open().await;
    let receiver = Receiver::start().await;
    receiver.register(&mut shop.api().await).await;
    let mut till = shop.till(A).await;

    assert_eq!(
        shop.sells(&mut till, "paid", "approved").await["status"],
        "completed"
    );
    assert_eq!(
        shop.sells(&mut till, "declined", "declined").await["declineCode"],
        "card_declined"
    );
    let mut other = shop.till(A).await;
    let (given_up, cancelled) = tokio::join!(till.pay(A, "given_up"), async {
        shop.sees(A, "amount").await;
        other.cancel(A, "given_up").await
    });
    assert_eq!(cancelled["outcome"], "cancelled");
    assert_eq!(given_up["status"], "cancelled");

    let mut till = shop.power_cut().await;
    assert_eq!(till.pay(A, "paid").await["status"], "completed");

    shop.goes_offline(A).await;
    for sequence in 1..=10 {
        let reference = format!("offline_{sequence}");
        let queued = shop.sells(&mut till, &reference, "approved").await;
        assert_eq!(queued["offline"]["sequence"], sequence, "{queued}");
        if sequence == 5 {
            till = shop.power_cut().await;
            assert_eq!(till.reader().await["offline"]["queued"], 5);
        }
    }
    let eleventh = till.pay(A, "offline_11").await;
    assert_eq!(eleventh["error"]["code"], "offline_queue_full");

    shop.terminal(A).set_internet(Link::Up);
    shop.power_cut().await;
    for sequence in 1..=10 {
        let reference = format!("offline_{sequence}");
        receiver
            .hears("terminal_payment.completed", &reference)
            .await;
        assert_eq!(shop.charges(&reference).await, 1, "{reference}");
    }
    for (kind, reference) in [
        ("terminal_payment.completed", "paid"),
        ("terminal_payment.failed", "declined"),
        ("terminal_payment.cancelled", "given_up"),
    ] {
        receiver.hears(kind, reference).await;
    }
    assert_eq!(shop.charges("paid").await, 1);
    assert_eq!(shop.charges("offline_11").await, 0);
}
