//! Nothing is sent before the store says that it is kept. \[REC-12\]

use std::sync::{Arc, Mutex};

use tokio::sync::watch;
use vinr_sdk::store::StoreFailure;
use vinr_sdk::{AttemptKey, AttemptStore, PaymentResult, StoredAttempt};

use crate::breaker::{Call, Weather};
use crate::counter::{Counter, Kind};
use crate::matrix::lapse;
use crate::support::taps;

/// A disk that takes its time: each write waits until it is let through.
#[derive(Clone)]
struct Slow(Arc<Inner>);

struct Inner {
    kept: Mutex<Vec<StoredAttempt>>,
    came: watch::Sender<usize>,
    /// One word lets one write through.
    gate: Mutex<std::sync::mpsc::Receiver<bool>>,
}

impl Slow {
    fn new() -> (Self, std::sync::mpsc::Sender<bool>) {
        let (lets, gate) = std::sync::mpsc::channel();
        let inner = Inner {
            kept: Mutex::default(),
            came: watch::channel(0).0,
            gate: Mutex::new(gate),
        };
        (Self(Arc::new(inner)), lets)
    }

    async fn writes(&self, count: usize) {
        let mut came = self.0.came.subscribe();
        came.wait_for(|it| *it >= count).await.unwrap();
    }
}

impl AttemptStore for Slow {
    fn put(&self, attempt: &StoredAttempt) -> Result<(), StoreFailure> {
        self.0.came.send_modify(|count| *count += 1);
        match self.0.gate.lock().unwrap().recv() {
            Ok(true) => {
                let mut kept = self.0.kept.lock().unwrap();
                kept.retain(|it| it.key != attempt.key);
                kept.push(attempt.clone());
                Ok(())
            }
            _ => Err("the disk is full".into()),
        }
    }

    fn remove(&self, key: &AttemptKey) -> Result<(), StoreFailure> {
        self.0.kept.lock().unwrap().retain(|it| it.key != *key);
        Ok(())
    }

    fn unresolved(&self) -> Result<Vec<StoredAttempt>, StoreFailure> {
        Ok(self.0.kept.lock().unwrap().clone())
    }
}

#[tokio::test]
async fn no_byte_of_a_payment_leaves_before_its_attempt_is_kept() {
    for kind in [Kind::Local, Kind::Hybrid, Kind::Group] {
        let counter = Counter::open(kind, taps("approved")).await;
        let (store, lets) = Slow::new();
        let till = counter
            .builder("till")
            .store(store.clone())
            .build()
            .unwrap();
        let mut pay = tokio::spawn(kind.pays(till, "order_1".to_owned()));
        store.writes(1).await;
        lapse(&mut pay, std::time::Duration::from_secs(10)).await;
        assert!(!pay.is_finished(), "{kind:?}");
        assert!(counter.lan[0].heard(Call::Pay).is_empty(), "{kind:?}");
        lets.send(true).unwrap();
        let paid = pay.await.unwrap();
        assert!(matches!(paid, Ok(PaymentResult::Completed(_))), "{paid:?}");
    }
}

// [HYB-5]
#[tokio::test]
async fn nothing_goes_to_the_cloud_before_the_record_says_so() {
    let counter = Counter::open(Kind::Hybrid, taps("approved")).await;
    let internet = counter.internet.as_ref().unwrap();
    let (store, lets) = Slow::new();
    let till = counter
        .builder("till")
        .store(store.clone())
        .build()
        .unwrap();
    counter.lan[0].is(Weather::Refuses);
    let mut pay = tokio::spawn(Kind::Hybrid.pays(till, "order_1".to_owned()));
    store.writes(1).await;
    lets.send(true).unwrap();
    store.writes(2).await;
    lapse(&mut pay, std::time::Duration::from_secs(10)).await;
    assert!(internet.heard(Call::Pay).is_empty());
    lets.send(true).unwrap();
    let paid = pay.await.unwrap();
    assert!(matches!(paid, Ok(PaymentResult::Completed(_))), "{paid:?}");
}

#[tokio::test]
async fn what_cannot_be_kept_is_not_sent() {
    for kind in [Kind::Local, Kind::Hybrid, Kind::Group] {
        let counter = Counter::open(kind, taps("approved")).await;
        let (store, lets) = Slow::new();
        lets.send(false).unwrap();
        let till = counter.builder("till").store(store).build().unwrap();
        let paid = kind.pays(till, "order_1".to_owned()).await;
        let error = paid.unwrap_err();
        assert!(
            matches!(error, vinr_sdk::Error::Store { .. }),
            "{kind:?}: {error:?}"
        );
        assert!(counter.lan[0].heard(Call::Pay).is_empty(), "{kind:?}");
        assert_eq!(counter.charges("order_1").await, 0, "{kind:?}");
    }
}
