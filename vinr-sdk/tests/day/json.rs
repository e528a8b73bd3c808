//! What the public types are as JSON: a till's own log and another process read it, so it does not change by chance.

use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use vinr_sdk::{Charged, CreateLocal, Discover, Discovered, PaymentResult, Resolution, Vinr};

const READER: &str = "term_local_simulator";

#[tokio::test]
async fn a_result_is_its_name_and_the_payment_of_the_wire() {
    let till = Vinr::local_simulator().await.unwrap();
    let sale = CreateLocal {
        reader_id: READER,
        amount: 1000,
        currency: "USD",
        reference: "local_test_001",
        ..CreateLocal::default()
    };
    let paid = till.payments().create_local(sale).await.unwrap();
    let json = there_and_back(&paid);
    assert_eq!(json["result"], "completed");
    assert_eq!(json["payment"]["terminalId"], READER);
    assert_eq!(json["payment"]["amountCaptured"], 1000);
    assert_eq!(json["payment"]["metadata"]["connectionMode"], "local");
    let resolved = there_and_back(&Resolution::Result(paid));
    assert_eq!(resolved["result"]["result"], "completed");
    let counters = there_and_back(&till.counters());
    assert_eq!(
        (&counters["local"], &counters["cloud"]),
        (&json!(1), &json!(0))
    );
}

#[test]
fn each_result_has_its_own_name() {
    let payment = json!({
        "id": "tpay_1", "object": "terminal_payment", "terminalId": "term_1", "amount": 1, "currency": "USD",
        "reference": "order_1", "status": "processing", "createdAt": "2026-05-31T14:23:00.000Z"
    });
    let read = |name: &str| {
        let json = json!({ "result": name, "payment": payment });
        serde_json::from_value::<PaymentResult>(json).unwrap()
    };
    assert!(matches!(read("completed"), PaymentResult::Completed(_)));
    assert!(matches!(read("failed"), PaymentResult::Failed(_)));
    assert!(matches!(read("cancelled"), PaymentResult::Cancelled(_)));
    assert!(matches!(
        read("accepted_offline"),
        PaymentResult::AcceptedOffline(_)
    ));
}

#[test]
fn what_became_of_an_attempt_is_named_too() {
    let voided = json!({ "never_charged": { "why": { "how": "held_too_long" }, "attempts": [] } });
    let unknown = json!({ "still_unknown": {
        "reader": "term_1", "reference": "order_1", "key": "01A",
        "why": { "how": "deadline", "detail": { "how": "broken", "detail": "reset" } }
    } });
    for json in [voided, unknown] {
        let read: Resolution = serde_json::from_value(json.clone()).unwrap();
        assert_eq!(there_and_back(&read), json);
    }
}

// The page: { id, ip, model, status }.
#[tokio::test]
async fn a_discovered_reader_has_the_fields_of_the_page() {
    let till = Vinr::local_simulator().await.unwrap();
    let discover = Discover::lan().window(std::time::Duration::ZERO);
    let mut found = till.readers().discover(discover).await.unwrap();
    // Others on this machine's network are not this test's.
    found.readers.retain(|reader| reader.id.as_str() == READER);
    found.left_out.clear();
    let json = there_and_back::<Discovered>(&found);
    let reader = &json["readers"][0];
    assert_eq!(reader["id"], READER);
    assert_eq!(reader["ip"], "127.0.0.1");
    assert_eq!(reader["model"], "simulator");
    assert_eq!(reader["status"], "online");
}

#[test]
fn whether_the_customer_was_charged_is_a_word() {
    let all = [Charged::No, Charged::Perhaps, Charged::Yes].map(|it| there_and_back(&it));
    assert_eq!(all, ["no", "perhaps", "yes"]);
}

/// Its JSON, from which it comes back as it was.
fn there_and_back<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T) -> Value {
    let json = serde_json::to_value(value).unwrap();
    let back: T = serde_json::from_value(json.clone()).unwrap();
    assert_eq!(&back, value);
    json
}
