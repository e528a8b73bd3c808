//! The spans of a call carry the ids by which a log is searched.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::instrument::WithSubscriber;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use vinr_sdk::Create;
use vinr_simulator::screen::Picture;

use crate::hybrid::{SALE, completed, sale};
use crate::support::{A, Shop, State, never_taps};

/// A span's name, its fields and the fields of its events.
#[derive(Debug, Clone, Default, PartialEq)]
struct Seen {
    name: &'static str,
    fields: BTreeMap<&'static str, String>,
    events: Vec<String>,
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<(u64, Seen)>>>);

impl Log {
    fn subscriber(&self) -> impl Subscriber + Send + Sync + use<> {
        tracing_subscriber::registry().with(self.clone())
    }

    /// Spans of this name, in the order in which they began.
    fn spans(&self, name: &str) -> Vec<Seen> {
        let all = self.0.lock().unwrap();
        let named = all.iter().filter(|(_, it)| it.name == name);
        named.map(|(_, it)| it.clone()).collect()
    }

    fn of(&self, id: &Id, change: impl FnOnce(&mut Seen)) {
        let mut all = self.0.lock().unwrap();
        if let Some((_, seen)) = all.iter_mut().rev().find(|(it, _)| *it == id.into_u64()) {
            change(seen);
        }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Log {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, _: Context<'_, S>) {
        let mut seen = Seen {
            name: attributes.metadata().name(),
            ..Seen::default()
        };
        attributes.record(&mut seen);
        self.0.lock().unwrap().push((id.into_u64(), seen));
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, _: Context<'_, S>) {
        self.of(id, |seen| values.record(seen));
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut told = Seen::default();
        event.record(&mut told);
        for span in context.event_scope(event).into_iter().flatten() {
            self.of(&span.id(), |seen| {
                seen.events.push(format!("{:?}", told.fields))
            });
        }
    }
}

impl Visit for Seen {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.fields.insert(
            field.name(),
            format!("{value:?}").trim_matches('"').to_owned(),
        );
    }
}

fn has(seen: &Seen, name: &str, value: &str) -> bool {
    seen.fields.get(name).is_some_and(|it| it == value)
}

#[tokio::test]
async fn the_span_of_a_payment_carries_sale_terminal_and_attempt_and_holds_its_events() {
    let shop = Shop::open().await;
    let till = shop.builder().cloud(shop.cloud()).build().unwrap();
    let log = Log::default();
    let call = till
        .payments()
        .create(sale())
        .with_subscriber(log.subscriber());
    let paid = completed(call.await);
    let spans = log.spans("create");
    assert_eq!(spans.len(), 1, "{spans:?}");
    assert!(has(&spans[0], "reference", SALE) && has(&spans[0], "reader", A));
    let attempt = spans[0].fields["attempt"]
        .trim_start_matches('…')
        .to_owned();
    let key = paid.attempt_key.as_ref().unwrap();
    assert!(!attempt.is_empty() && key.as_str().ends_with(&attempt));
    assert!(!spans[0].fields["attempt"].contains(key.as_str()));
    assert!(!spans[0].events.is_empty());
}

#[tokio::test]
async fn a_cancel_and_a_recovery_have_spans_of_their_own() {
    let shop = Shop::with(never_taps()).await;
    let till = shop.builder().cloud(shop.cloud()).build().unwrap();
    tokio::select! {
        result = till.payments().create(sale()) => panic!("{result:?}"),
        () = shop.shows(A, Picture::PresentCard) => {}
    }
    let (cancels, recovers) = (Log::default(), Log::default());
    let call = till.payments().cancel(A, SALE);
    let _ = call.with_subscriber(cancels.subscriber()).await.unwrap();
    let call = till.attempts().resolve();
    let resolved = call.with_subscriber(recovers.subscriber()).await.unwrap();
    let key = resolved[0].attempt.key.as_str();
    for span in [cancels.spans("cancel"), recovers.spans("recover")].concat() {
        assert!(
            has(&span, "reference", SALE) && has(&span, "reader", A),
            "{span:?}"
        );
        let attempt = span.fields["attempt"].trim_start_matches('…');
        assert!(!attempt.is_empty() && key.ends_with(attempt), "{span:?}");
    }
    assert_eq!(
        (
            cancels.spans("cancel").len(),
            recovers.spans("recover").len()
        ),
        (1, 1)
    );
}

// At every level, and also where the answer is lost and the sale goes through the cloud.
#[tokio::test]
async fn nothing_secret_and_nothing_of_the_customer_is_in_the_log() {
    let shop = Shop::open().await;
    let key = std::fs::read_to_string(shop.simulator.pki().api_key()).unwrap();
    let till = shop.builder().cloud(shop.cloud()).build().unwrap();
    let log = Log::default();
    let wordy = |reference| Create {
        reference,
        description: Some("canary-description"),
        metadata: BTreeMap::from([("seat".to_owned(), "canary-metadata".to_owned())]),
        ..sale()
    };
    for (reference, state) in [
        ("order_1", State::Whole),
        ("order_2", State::LosesTheOutcome),
        ("order_3", State::Broken),
    ] {
        shop.cable(A).is(state);
        let call = till.payments().create(wordy(reference));
        let _ = completed(call.with_subscriber(log.subscriber()).await);
    }
    let spans = log.spans("create");
    let shown = format!("{spans:?}");
    assert!(shown.contains("a payment goes on") && shown.contains("goes through the cloud"));
    for secret in ["canary", "seat", key.trim(), "4242"] {
        assert!(!shown.contains(secret), "{secret} is in\n{shown}");
    }
}

// A blocking call's events go where the caller's thread sends its own.
#[test]
fn a_blocking_call_is_seen_by_the_callers_subscriber() {
    let till = vinr_sdk::blocking::Vinr::local_simulator().unwrap();
    let log = Log::default();
    tracing::subscriber::with_default(log.subscriber(), || {
        let sale = vinr_sdk::CreateLocal {
            reader_id: "term_local_simulator",
            amount: 1000,
            currency: "USD",
            reference: "order_1",
            ..vinr_sdk::CreateLocal::default()
        };
        let _ = till.payments().create_local(sale).unwrap();
    });
    assert_eq!(log.spans("create_local").len(), 1);
}
