//! The API secret key goes to the cloud, and in no byte to a terminal. \[TLS-7\]

mod tap;

use vinr_sdk::{ConnectionMode, SecretKey};

use super::{SALE, completed, sale};
use crate::support::{A, Shop, State};
use tap::Tap;

/// A hybrid payment of each kind, with a terminal whose every decrypted byte is recorded.
#[tokio::test]
async fn no_byte_of_the_key_reaches_a_terminal() {
    let shop = Shop::open().await;
    let key = std::fs::read_to_string(shop.simulator.pki().api_key()).unwrap();
    let key = key.trim();
    let tap = Tap::before(shop.terminal(A).address(), A, shop.simulator.pki()).await;
    let till = shop
        .builder_without_terminals()
        .terminal(A, tap.address())
        .cloud(shop.cloud_with(SecretKey::new(key).unwrap()))
        .build()
        .unwrap();
    // Two handshakes fit in this limit on a busy machine too.
    let patient = vinr_sdk::Create {
        connectivity: vinr_sdk::Connectivity::Hybrid {
            local_timeout: std::time::Duration::from_secs(30),
        },
        ..sale()
    };
    let paid = completed(till.payments().create(patient).await);
    assert_eq!(paid.connection_mode(), Some(ConnectionMode::Local));
    // And one that falls back, with the look-ups and the late command that belong to it.
    tap.swallow_answers();
    let next = vinr_sdk::Create {
        reference: "order_8822",
        ..sale()
    };
    let _ = completed(till.payments().create(next).await);

    let (heard, words) = (tap.heard(), ["/v1/pay", SALE, "order_8822"]);
    for word in words {
        assert!(contains(&heard, word), "the tap hears nothing of {word}");
    }
    let canary = key.strip_prefix("sk_test_").unwrap();
    for piece in [
        key,
        canary,
        &canary[..12],
        "sk_test",
        "authorization",
        "Bearer",
    ] {
        assert!(!contains(&heard, piece), "{piece} reached a terminal");
    }
    // The cloud did get it: the tap would have seen it there.
    assert!(shop.internet.connections() > 0);
}

// What is not decrypted is searched as it stands: a key in clear beside TLS would be seen here.
#[tokio::test]
async fn no_byte_of_the_key_is_on_the_wire_in_clear() {
    let shop = Shop::open().await;
    let key = std::fs::read_to_string(shop.simulator.pki().api_key()).unwrap();
    let till = super::till(&shop).await;
    let _ = completed(till.payments().create(sale()).await);
    shop.cable(A).is(State::Broken);
    let next = vinr_sdk::Create {
        reference: "order_8822",
        ..sale()
    };
    let _ = completed(till.payments().create(next).await);
    for cable in shop.lan.iter().chain([&shop.internet]) {
        assert!(!contains(&cable.sent(), key.trim()));
    }
    assert!(!shop.internet.sent().is_empty() && !shop.cable(A).sent().is_empty());
}

fn contains(bytes: &[u8], text: &str) -> bool {
    let lower = bytes.to_ascii_lowercase();
    let text = text.to_ascii_lowercase();
    lower.windows(text.len()).any(|it| it == text.as_bytes())
}
