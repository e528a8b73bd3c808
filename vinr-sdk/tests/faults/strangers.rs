//! Somebody else answers in the middle of a hybrid payment: that is an error, and the cloud is not asked.

use std::time::Duration;

use vinr_sdk::{Charged, Error, PaymentResult, Resolution, Vinr};

use crate::breaker::{Call, Deed, Fault, Moment, Point, Weather};
use crate::counter::{Counter, Kind};
use crate::support::{A, passes, taps};
use crate::switch::Switch;

/// The till of a shop with two terminals and a cloud, for which the first one is at the switch.
async fn till(counter: &Counter, switch: &Switch) -> Vinr {
    let mut role = counter.role("till");
    role.terminals = vec![switch.address()];
    role.builder().build().unwrap()
}

async fn meets(till: &Vinr, switch: &Switch) {
    let hosts = vinr_sdk::Discover::static_hosts([switch.address().to_string()]);
    let found = till.readers().discover(hosts).await.unwrap();
    assert_eq!(found.readers.len(), 1, "{:?}", found.left_out);
}

fn calls_to_the_cloud(counter: &Counter) -> usize {
    counter.internet.as_ref().unwrap().connections()
}

// [HYB-6, TLS-9]
#[tokio::test]
async fn another_terminal_behind_a_line_that_died_is_an_error_and_the_cloud_is_not_called() {
    let counter = Counter::open(Kind::HybridGroup, taps("approved")).await;
    let switch = Switch::to(counter.lan[0].address()).await;
    let till = till(&counter, &switch).await;
    meets(&till, &switch).await;
    switch.leads_to(counter.lan[1].address());
    counter.lan[0].is(Weather::Refuses);
    switch.more_end(1).await;
    let paid = Kind::Hybrid.pays(till, "order_1".to_owned()).await;
    assert!(matches!(paid, Err(Error::Identity { .. })), "{paid:?}");
    assert_eq!(counter.charges("order_1").await, 0);
    assert_eq!(calls_to_the_cloud(&counter), 0);
}

// [HYB-6, REC-10, REC-12]
#[tokio::test]
async fn another_terminal_in_the_look_ups_leaves_the_outcome_unknown_and_the_cloud_is_not_called() {
    let counter = Counter::open(Kind::HybridGroup, taps("approved")).await;
    let switch = Switch::to(counter.lan[0].address()).await;
    let first = till(&counter, &switch).await;
    meets(&first, &switch).await;
    switch.leads_to(counter.lan[1].address());
    let lost = Fault::at(Point::In(Call::Pay, Moment::AfterHead), Deed::Reset);
    counter.lan[0].plan(&[lost], Weather::Clear);
    let pay = tokio::spawn(Kind::Hybrid.pays(first.clone(), "order_1".to_owned()));
    // The pay's own line, and a few look-ups.
    counter.lan[0].happened(1).await;
    switch.more_end(3).await;
    assert_eq!(calls_to_the_cloud(&counter), 0);
    passes(Duration::from_secs(200)).await;
    let error = pay.await.unwrap().unwrap_err();
    assert!(matches!(error, Error::OutcomeUnknown(_)), "{error:?}");
    assert_eq!(error.charged(), Charged::Perhaps);
    drop(first);

    // The till that comes up after it does not ask the cloud either.
    let second = till(&counter, &switch).await;
    let resolves = async {
        switch.more_end(2).await;
        passes(Duration::from_secs(31)).await;
    };
    let (resolved, ()) = tokio::join!(second.attempts().resolve(), resolves);
    let resolution = &resolved.unwrap()[0].resolution;
    assert!(
        matches!(resolution, Resolution::StillUnknown(_)),
        "{resolution:?}"
    );
    assert_eq!(calls_to_the_cloud(&counter), 0);

    switch.leads_to(counter.lan[0].address());
    let resolved = second.attempts().resolve().await.unwrap();
    assert!(
        matches!(
            resolved[0].resolution,
            Resolution::Result(PaymentResult::Completed(_))
        ),
        "{resolved:?}"
    );
    assert_eq!(counter.charges("order_1").await, 1);
}

// [TLS-9]
#[tokio::test]
async fn another_terminal_at_first_is_an_error_and_the_cloud_is_not_called() {
    let counter = Counter::open(Kind::HybridGroup, taps("approved")).await;
    let switch = Switch::to(counter.lan[1].address()).await;
    let till = till(&counter, &switch).await;
    let paid = Kind::Hybrid.pays(till, "order_1".to_owned()).await;
    assert!(matches!(paid, Err(Error::Identity { .. })), "{paid:?}");
    assert_eq!(calls_to_the_cloud(&counter), 0);
}

// [NET-2]
#[tokio::test]
async fn local_mode_calls_no_cloud_whatever_goes_wrong_even_where_the_till_has_one() {
    let counter = Counter::open(Kind::Hybrid, taps("approved")).await;
    for (number, row) in crate::rows::resets().into_iter().enumerate() {
        counter.is_idle().await;
        let name = format!("order_{number}");
        let till = counter.till(&name).await;
        counter.lan[0].plan(&row, Weather::Clear);
        let _ = Kind::Local.pays(till.clone(), name.clone()).await;
        assert_eq!(counter.lan[0].count(), 1, "{}", row[0]);
        let _ = till.attempts().resolve().await.unwrap();
    }
    assert_eq!(calls_to_the_cloud(&counter), 0);
    // Where it is wanted, it is called.
    counter.lan[0].is(Weather::Refuses);
    let till = counter.till("till").await;
    let paid = Kind::Hybrid.pays(till, "order".to_owned()).await;
    assert!(matches!(paid, Ok(PaymentResult::Completed(_))), "{paid:?}");
    assert!(calls_to_the_cloud(&counter) > 0);
}

// [HYB-5]
#[tokio::test]
async fn both_paths_carry_the_same_key_reference_and_terminal() {
    let counter = Counter::open(Kind::Hybrid, taps("approved")).await;
    let silent = Fault::at(Point::In(Call::Pay, Moment::Unheard), Deed::Swallows);
    counter.lan[0].plan(&[silent], Weather::Silent);
    let till = counter.till("till").await;
    counter.meet(&till).await;
    let mut pay = tokio::spawn(Kind::Hybrid.pays(till, "order_1".to_owned()));
    crate::matrix::lapse(&mut pay, Duration::from_secs(200)).await;
    let paid = pay.await.unwrap();
    assert!(matches!(paid, Ok(PaymentResult::Completed(_))), "{paid:?}");
    let internet = counter.internet.as_ref().unwrap();
    let (lan, cloud) = (counter.lan[0].heard(Call::Pay), internet.heard(Call::Pay));
    assert_eq!((lan.len(), cloud.len()), (1, 1));
    let key = |request: &str| {
        let lines = request.lines().map(str::to_ascii_lowercase);
        let mut keys = lines.filter(|line| line.starts_with("idempotency-key:"));
        keys.next().unwrap()
    };
    assert_eq!(key(&lan[0]), key(&cloud[0]));
    for said in ["\"order_1\"", A] {
        assert!(lan[0].contains(said) && cloud[0].contains(said), "{said}");
    }
}

// [TLS-7]
#[tokio::test]
async fn the_key_of_the_cloud_is_in_no_request_to_a_terminal_and_in_each_to_the_cloud() {
    let counter = Counter::open(Kind::Hybrid, taps("approved")).await;
    let internet = counter.internet.as_ref().unwrap();
    let pki = counter.simulator.pki();
    let key = std::fs::read_to_string(pki.api_key()).unwrap();
    let secret = key.trim().strip_prefix("sk_test_").unwrap();
    let rows = crate::rows::resets();
    for (number, row) in rows.into_iter().enumerate() {
        counter.is_idle().await;
        let name = format!("order_{number}");
        let till = counter.till(&name).await;
        // Recovery asks the terminal, or the cloud.
        let then = if number % 2 == 0 {
            Weather::Refuses
        } else {
            Weather::Clear
        };
        counter.lan[0].plan(&row, then);
        let _ = Kind::Hybrid.pays(till.clone(), name.clone()).await;
        counter.lan[0].mend();
        let _ = till.attempts().resolve().await.unwrap();
        let _ = till.payments().cancel(A, &name).await;
    }
    // The server's calls, with the same key, beside a till that talks to its terminal.
    let url = format!("https://{}", internet.address());
    let secret_key = vinr_sdk::SecretKey::new(key.trim()).unwrap();
    let cloud = vinr_sdk::Cloud::with_ca_file(&url, secret_key, pki.cloud_ca()).unwrap();
    let hook = cloud
        .register_webhook("https://127.0.0.1:1/hook")
        .await
        .unwrap();
    let _ = cloud.rotate_webhook_secret(&hook.id).await.unwrap();
    cloud.remove_webhook(&hook.id).await.unwrap();

    for call in [Call::Pay, Call::LookUp, Call::Cancel, Call::Other] {
        for request in counter.lan[0].heard(call) {
            let request = request.to_ascii_lowercase();
            for word in [secret, &secret[..12], "sk_test", "authorization", "bearer"] {
                assert!(!request.contains(word), "{call:?}: {word} in {request}");
            }
        }
        for request in internet.heard(call) {
            assert!(request.contains(key.trim()), "{call:?}");
        }
    }
    assert!(!counter.lan[0].heard(Call::LookUp).is_empty());
    assert!(!counter.lan[0].heard(Call::Cancel).is_empty());
    assert!(!internet.heard(Call::Pay).is_empty());
    assert!(!internet.heard(Call::Other).is_empty());
}
