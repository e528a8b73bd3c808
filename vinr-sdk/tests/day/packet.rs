//! What an integrator sends to support.

use std::collections::BTreeMap;

use serde_json::Value;
use vinr_sdk::{At, Connectivity, Create, CreateLocal, SecretKey, SupportPacket, Vinr};
use vinr_simulator::screen::Picture;

use crate::hybrid::{SALE, completed, sale, till};
use crate::support::{A, Shop, State, never_taps, taps};

/// Whatever must not leave the shop, each with a word of its own.
const DESCRIPTION: &str = "canary-description Jane Doe";
const METADATA: &str = "canary-metadata table 7";

async fn packet(till: &Vinr) -> (SupportPacket, String, Value) {
    let packet = till.payments().support_packet(SALE).await.unwrap();
    let (text, json) = (packet.to_string(), serde_json::to_value(&packet).unwrap());
    (packet, text, json)
}

fn words(packet: &SupportPacket) -> Vec<&'static str> {
    packet.steps.iter().map(|step| step.what).collect()
}

#[tokio::test]
async fn a_payment_is_told_step_by_step() {
    let shop = Shop::open().await;
    let till = shop.builder().build().unwrap();
    let local = Create {
        connectivity: Connectivity::Local,
        ..sale()
    };
    let paid = completed(till.payments().create(local).await);
    let (packet, text, json) = packet(&till).await;
    assert_eq!(
        words(&packet),
        [
            "create",
            "the terminal is there",
            "storing the attempt",
            "sending the pay",
            "accepted",
            "answered",
            "forgetting the attempt",
            "the result",
        ]
    );
    let steps = json["steps"].as_array().unwrap();
    let sent = &steps[3];
    assert_eq!((&sent["path"], &sent["reader"]), (&"lan".into(), &A.into()));
    let answered = &steps[5];
    assert_eq!(answered["httpStatus"], 200);
    assert_eq!(answered["payment"], paid.id.as_str());
    assert_eq!(answered["status"], "completed");
    assert!(steps.is_sorted_by_key(|step| step["ms"].as_u64()));
    assert_eq!(json["versions"]["api"], "vinr-local/1");
    for step in &packet.steps {
        assert!(
            text.contains(&step.to_string()),
            "{step}\nis not in\n{text}"
        );
    }
}

#[tokio::test]
async fn a_fallback_is_told_with_its_reason_and_both_paths() {
    let shop = Shop::open().await;
    let till = till(&shop).await;
    shop.cable(A).is(State::Broken);
    let _ = completed(till.payments().create(sale()).await);
    let (packet, ..) = packet(&till).await;
    let fell_back = |it: &&vinr_sdk::Step| it.what == "falling back to the cloud";
    let step = packet.steps.iter().find(fell_back).unwrap();
    assert!(
        step.why.as_ref().unwrap().contains("over the LAN"),
        "{step}"
    );
    let sent = packet
        .steps
        .iter()
        .filter(|it| it.what == "sending the pay");
    let paths: Vec<_> = sent.filter_map(|step| step.path).collect();
    assert_eq!(paths.last(), Some(&"cloud"));
}

#[tokio::test]
async fn a_refusal_is_told_with_its_status_code_and_request_id() {
    let shop = Shop::with(never_taps()).await;
    let till = shop.builder().build().unwrap();
    let other = Create {
        reference: "order_0",
        connectivity: Connectivity::Local,
        ..sale()
    };
    let refused = async {
        shop.shows(A, Picture::PresentCard).await;
        till.payments()
            .create(Create {
                at: At::Terminal(A),
                reference: SALE,
                ..other.clone()
            })
            .await
            .unwrap_err()
    };
    tokio::select! {
        result = till.payments().create(other.clone()) => panic!("{result:?}"),
        error = refused => assert_eq!(error.report().http_status, Some(409)),
    }
    let (packet, ..) = packet(&till).await;
    let step = packet.steps.iter().find(|it| it.what == "refused").unwrap();
    assert_eq!(step.http_status, Some(409));
    assert_eq!(step.code.as_deref(), Some("terminal_busy"));
    assert!(step.request_id.is_some());
    // The call that was dropped says so in its own packet.
    let dropped = till.payments().support_packet("order_0").await.unwrap();
    assert_eq!(words(&dropped).last(), Some(&"the call was dropped"));
    assert_eq!(dropped.unresolved.len(), 1);
}

#[tokio::test]
async fn after_a_restart_there_are_no_steps_and_the_open_attempt() {
    let shop = Shop::with(never_taps()).await;
    {
        let till = shop.builder().build().unwrap();
        tokio::select! {
            result = till.payments().create(sale_locally()) => panic!("{result:?}"),
            () = shop.shows(A, Picture::PresentCard) => {}
        }
    }
    let till = shop.builder().build().unwrap();
    let key = till.attempts().unresolved().await.unwrap()[0].key.clone();
    let (packet, text, _) = packet(&till).await;
    assert_eq!(words(&packet), [""; 0]);
    let open = &packet.unresolved[0];
    assert_eq!(open.reader.as_str(), A);
    assert!(key.as_str().ends_with(open.attempt.trim_start_matches('…')));
    assert!(text.contains("unresolved: "), "{text}");
    let _ = till.attempts().resolve().await.unwrap();
    let after = till.payments().support_packet(SALE).await.unwrap();
    assert_eq!(words(&after).first(), Some(&"recovering the attempt"));
    assert_eq!(words(&after).last(), Some(&"recovered"));
    assert_eq!(after.unresolved, []);
}

// Both paths, an answer that is lost, a decline, a cancel: whatever is said on the way stays in the shop.
#[tokio::test]
async fn no_secret_and_nothing_of_card_and_customer_is_in_a_packet() {
    let shop = Shop::with(taps("declined")).await;
    let key = std::fs::read_to_string(shop.simulator.pki().api_key()).unwrap();
    let key = key.trim();
    let till = shop
        .builder()
        .cloud(shop.cloud_with(SecretKey::new(key).unwrap()))
        .build()
        .unwrap();
    let wordy = || Create {
        description: Some(DESCRIPTION),
        metadata: BTreeMap::from([("seat".to_owned(), METADATA.to_owned())]),
        ..sale()
    };
    let _ = till.payments().create(wordy()).await.unwrap();
    shop.cable(A).is(State::Broken);
    let _ = till.payments().create(wordy()).await.unwrap();
    shop.cable(A).is(State::LosesTheOutcome);
    shop.terminal(A).set_script(taps("approved")).await;
    let paid = completed(till.payments().create(wordy()).await);
    let _ = till.payments().cancel(A, SALE).await.unwrap();
    let _ = till.payments().create(wordy()).await.unwrap_err();

    let (packet, text, json) = packet(&till).await;
    assert!(packet.steps.len() > 20, "{text}");
    // What the payment does carry, or this test would look for nothing.
    assert_eq!(paid.description.as_deref(), Some(DESCRIPTION));
    let attempt = paid.attempt_key.as_ref().unwrap().as_str();
    let shown = [text, json.to_string(), format!("{packet:?}")].join("\n");
    for secret in [
        "canary", "Jane", "table 7", "seat", key, "sk_", "Bearer", attempt, "4242", "4000", "0002",
        "visa",
    ] {
        assert!(!shown.contains(secret), "{secret} is in\n{shown}");
    }
    assert!(shown.contains(&attempt[attempt.len() - 6..]));
}

// A shop that takes the card number for the sale's name has it in no packet.
#[tokio::test]
async fn a_card_number_in_the_reference_is_not_sent_to_support() {
    let till = Vinr::local_simulator().await.unwrap();
    let local = CreateLocal {
        reader_id: "term_local_simulator",
        amount: 1000,
        currency: "USD",
        reference: "4242424242424242",
        ..CreateLocal::default()
    };
    let _ = till.payments().create_local(local).await.unwrap();
    let packet = till.payments().support_packet("4242424242424242").await;
    let packet = packet.unwrap();
    assert!(!packet.steps.is_empty());
    let shown = format!(
        "{packet} {packet:?} {}",
        serde_json::to_string(&packet).unwrap()
    );
    assert!(!shown.contains("42424242"), "{shown}");
}

fn sale_locally() -> Create<'static> {
    Create {
        connectivity: Connectivity::Local,
        ..sale()
    }
}
