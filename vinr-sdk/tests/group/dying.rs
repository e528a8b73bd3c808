//! Terminals lose their power in the middle of everything.

use std::time::Duration;

use vinr_sdk::{Charged, PaymentResult};

use super::pays;
use crate::support::{A, B, C, Shop};

// [GRP-4, REC-9]
#[tokio::test]
async fn whatever_dies_and_whenever_the_till_and_the_card_network_agree() {
    let shop = Shop::open().await;
    let till = shop.builder().build().unwrap();
    let calls: Vec<_> = (0..12)
        .map(|number| tokio::spawn(pays(till.clone(), format!("order_{number}"), None)))
        .collect();
    for terminal in [A, B, C, B, A] {
        let power_cycle = shop.terminal(terminal).power_cycle(Duration::ZERO);
        power_cycle.await.unwrap();
    }
    for (number, call) in calls.into_iter().enumerate() {
        let reference = format!("order_{number}");
        let result = call.await.unwrap();
        let paid = match &result {
            Ok(result) => matches!(result, PaymentResult::Completed(_)),
            Err(error) => {
                assert_eq!(error.charged(), Charged::No, "{reference}: {error}");
                false
            }
        };
        let charges = shop.charges(&reference).await;
        assert_eq!(charges, usize::from(paid), "{reference}: {result:?}");
    }
    assert_eq!(till.attempts().unresolved().await.unwrap(), []);
}
