//! The payments of this process that are under way: one call for each sale.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use vinr_protocol::Reference;
use vinr_protocol::client::attempt::StoredAttempt;

/// Which sales are being paid or found out about right now.
#[derive(Debug, Clone, Default)]
pub(crate) struct InFlight(Arc<Mutex<BTreeMap<Reference, Call>>>);

#[derive(Debug, Clone)]
struct Call {
    attempt: Option<StoredAttempt>,
    give_up: watch::Sender<bool>,
}

/// One call's place; it ends when dropped, as when the caller drops the call's future.
#[derive(Debug)]
pub(crate) struct Place {
    all: InFlight,
    reference: Reference,
    given_up: watch::Receiver<bool>,
}

impl InFlight {
    /// Takes the sale's place, unless another call has it.
    pub(crate) fn enter(&self, reference: &Reference) -> Option<Place> {
        let mut calls = self.lock();
        if calls.contains_key(reference) {
            return None;
        }
        let (give_up, given_up) = watch::channel(false);
        let call = Call {
            attempt: None,
            give_up,
        };
        calls.insert(reference.clone(), call);
        Some(Place {
            all: self.clone(),
            reference: reference.clone(),
            given_up,
        })
    }

    pub(crate) fn contains(&self, reference: &Reference) -> bool {
        self.lock().contains_key(reference)
    }

    /// Tells the call that the sale is no longer wanted, and which attempt is to be cancelled.
    pub(crate) fn give_up(&self, reference: &Reference) -> Option<StoredAttempt> {
        let calls = self.lock();
        let call = calls.get(reference)?;
        call.give_up.send_replace(true);
        call.attempt.clone()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Reference, Call>> {
        // Nothing in here is left half-done by a panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// The attempt that is about to be sent.
    pub(crate) fn attempts(&self, attempt: &StoredAttempt) {
        if let Some(call) = self.all.lock().get_mut(&self.reference) {
            call.attempt = Some(attempt.clone());
        }
    }

    /// Resolves once the caller has given up; never otherwise.
    pub(crate) async fn given_up(&mut self) {
        if self.given_up.wait_for(|given_up| *given_up).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.all.lock().remove(&self.reference);
    }
}
