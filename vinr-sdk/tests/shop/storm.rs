//! Many sales on a bad day: whatever breaks and whenever, the till and the card network agree.

use std::time::Duration;

use vinr_sdk::{Charged, CreateLocal, PaymentResult};

use crate::proxy::Cut;
use crate::shop::{Shop, sale, taps};

const CUTS: [Cut; 5] = [
    Cut::BeforeTheRequest,
    Cut::BeforeTheHead,
    Cut::AfterTheHead,
    Cut::BeforeTheBody,
    Cut::MidBody,
];

// [REC-9]
#[tokio::test]
async fn after_every_loss_the_till_says_what_the_card_network_did() {
    let shop = Shop::open().await;
    let till = shop.till().await;
    for number in 0..30 {
        let card = if number % 4 == 3 {
            "declined"
        } else {
            "approved"
        };
        shop.terminal().set_script(taps(card)).await;
        let reference = format!("order_{number}");
        let cut = shop.proxy.cut(CUTS[number % CUTS.len()]);
        let pay = tokio::spawn({
            let (till, reference) = (till.clone(), reference.clone());
            async move {
                let sale = CreateLocal {
                    reference: &reference,
                    ..sale()
                };
                till.payments().create_local(sale).await
            }
        });
        cut.await.unwrap();
        if number % 3 == 0 {
            let power_cycle = shop.terminal().power_cycle(Duration::ZERO);
            power_cycle.await.unwrap();
        }
        shop.proxy.mend();
        let result = pay.await.unwrap();
        let paid = match &result {
            Ok(result) => matches!(result, PaymentResult::Completed(_)),
            Err(error) => {
                assert_eq!(error.charged(), Charged::No, "{reference}: {error}");
                false
            }
        };
        let ledger = shop.terminal().ledger().await;
        let charges = ledger
            .iter()
            .filter(|entry| entry.reference == reference && entry.approved && !entry.voided)
            .count();
        assert_eq!(charges, usize::from(paid), "{reference}: {result:?}");
        // The next cut is for a payment on a warm line.
        crate::shop::meet(&till, shop.proxy.address()).await;
    }
    assert_eq!(till.attempts().unresolved().await.unwrap(), []);
}
