//! Take a payment, find it again, give it up.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::timeout;
use vinr_protocol::client::attempt::StoredAttempt;
use vinr_protocol::client::hybrid::Input;
use vinr_protocol::payment::ConnectionMode;
use vinr_protocol::{CancelRequest, Cancellation, Payment, Reference, Status, TerminalId};

use crate::asking::{cancel, list};
use crate::calling;
use crate::cloud;
use crate::create::{At, Connectivity, Create};
use crate::error::Error;
use crate::in_flight::Place;
use crate::paying::{self, paid_earlier};
use crate::result::PaymentResult;
use crate::sale::CreateLocal;
use crate::vinr::Vinr;

/// For a cancel through the cloud: the cloud gives the terminal 5 s.
const CANCEL_WITHIN: Duration = Duration::from_secs(10);

/// Payments of this till: [`Vinr::payments`].
#[derive(Debug, Clone, Copy)]
pub struct Payments<'a>(pub(crate) &'a Vinr);

impl Payments<'_> {
    /// Takes a payment at a terminal on the LAN and holds on until it has come to an end: up to 90 s at the
    /// counter, and on a bad network up to the deadline of this till.
    ///
    /// The attempt is in the store before a byte of it is sent. Whatever then becomes of the answer, this
    /// call looks the payment up, cancels it if it is still waiting for a card, and in that case may try
    /// once more; it never charges twice, and if it cannot find out it says so
    /// ([`Error::OutcomeUnknown`]). An attempt of the same sale that an earlier call left unresolved is
    /// found out about first: if that one was paid, it is the result.
    ///
    /// **Dropping the future** (a time-out around it, a `select!`) hangs up. That stops nothing at the
    /// terminal and loses nothing here: the attempt stays in the store, where
    /// [`Attempts::resolve`](crate::Attempts::resolve) or paying the same reference again finds it. To stop
    /// the payment itself, call [`cancel`](Self::cancel).
    pub async fn create_local(self, sale: CreateLocal<'_>) -> Result<PaymentResult, Error> {
        let request = sale.parse()?;
        let inner = &*self.0.inner;
        let mut place = self.enter(&request.reference)?;
        if let Some(paid) = paid_earlier(inner, None, &request, &mut place).await? {
            return Ok(paid);
        }
        paying::locally(inner, &request, &mut place).await
    }

    /// Takes a payment at one terminal or at whichever of a group is idle first, over the LAN and, where
    /// [`Connectivity::Hybrid`] says so, through the cloud if the LAN is silent.
    ///
    /// Everything that [`create_local`](Self::create_local) promises holds here. In hybrid mode both paths carry the same
    /// key, so that the terminal makes one payment of both; a terminal that accepted is waited for, and a certificate that
    /// does not match or a definite refusal is an error, never a reason to take the other path. Which path it was, the
    /// payment says itself: [`Payment::connection_mode`]; how often, [`Vinr::counters`].
    ///
    /// A call for a group that finds all busy waits its turn, first come, first served within this process.
    ///
    /// **Dropping the future** of a call for one terminal hangs up, as with `create_local`. Of a call for a group it gives
    /// the place in the queue back, and what still waits for a card is cancelled in the background; what became of it is
    /// in [`Attempts::resolve`](crate::Attempts::resolve) if the till goes down meanwhile.
    pub async fn create(self, sale: Create<'_>) -> Result<PaymentResult, Error> {
        let (request, members) = sale.parse()?;
        let inner = &*self.0.inner;
        let hybrid = match sale.connectivity {
            Connectivity::Local => None,
            Connectivity::Hybrid { local_timeout } => {
                let cloud = inner.cloud.as_ref().ok_or_else(|| Error::Invalid {
                    field: "connectivity",
                    expected: "hybrid needs a till that was built with .cloud(…)".to_owned(),
                })?;
                Some((cloud, local_timeout))
            }
        };
        let mut place = self.enter(&request.reference)?;
        let cloud = hybrid.map(|(cloud, _)| cloud);
        if let Some(paid) = paid_earlier(inner, cloud, &request, &mut place).await? {
            return Ok(paid);
        }
        match (sale.at, hybrid) {
            (At::Terminal(_), None) => paying::locally(inner, &request, &mut place).await,
            (At::Terminal(_), Some((cloud, limit))) => {
                paying::hybrid(inner, cloud, &request, limit, &mut place).await
            }
            (At::Group(_), hybrid) => {
                let wanted = calling::Wanted {
                    request,
                    members,
                    hybrid,
                    max_wait: sale.max_wait,
                };
                calling::call(self.0, wanted, place).await
            }
        }
    }

    fn enter(self, reference: &Reference) -> Result<Place, Error> {
        let place = self.0.inner.in_flight.enter(reference);
        place.ok_or_else(|| Error::InProgress {
            reference: reference.clone(),
        })
    }

    /// The latest word on a sale, from every terminal whose address is known: the payment that completed, or
    /// else the one in progress, or else the newest.
    ///
    /// Fails if a terminal did not answer that might know better, or if this till has an unresolved attempt of
    /// the sale that its terminal does not list.
    pub async fn retrieve_by_reference(self, reference: &str) -> Result<Payment, Error> {
        let reference = parse_reference(reference)?;
        let inner = &*self.0.inner;
        let mut unresolved = inner.unresolved().await?;
        unresolved.retain(|attempt| attempt.reference == reference);
        let mut terminals: BTreeSet<_> = inner.terminals.ids().into_iter().collect();
        terminals.extend(unresolved.iter().map(|attempt| attempt.terminal_id.clone()));
        if terminals.is_empty() {
            return Err(Error::NoReaders);
        }
        let asked = terminals
            .iter()
            .map(|terminal| list(inner, terminal, &reference));
        let mut payments = Vec::new();
        let mut unanswered = Vec::new();
        for (terminal, answer) in terminals.iter().zip(join_all(asked).await) {
            match answer {
                Ok(attempts) => payments.extend(attempts),
                Err(why) => unanswered.push((terminal.clone(), why)),
            }
        }
        // A payment that is still on its way, or whose record is gone, is not one that was never made.
        for attempt in unresolved {
            let listed = |payment: &Payment| payment.attempt_key.as_ref() == Some(&attempt.key);
            if !payments.iter().any(listed) {
                let why = "an attempt of this till there is not resolved".to_owned();
                unanswered.push((attempt.terminal_id, why));
            }
        }
        let rank = |payment: &Payment| match payment.status {
            Status::Completed => 2,
            ref status if !status.is_final() => 1,
            _ => 0,
        };
        // Each list is newest first, so among equals the first of a terminal is its newest.
        payments.sort_by_key(|payment| Reverse((rank(payment), payment.created_at)));
        match payments.into_iter().next() {
            Some(payment) if rank(&payment) > 0 || unanswered.is_empty() => Ok(payment),
            None if unanswered.is_empty() => Err(Error::NotFound { reference }),
            found => Err(Error::Unanswered {
                reference,
                found: found.map(Box::new),
                unanswered,
            }),
        }
    }

    /// Every attempt of a sale that one terminal knows, newest first.
    pub async fn attempts_at(
        self,
        reader_id: &str,
        reference: &str,
    ) -> Result<Vec<Payment>, Error> {
        let terminal = parse_reader(reader_id)?;
        let reference = parse_reference(reference)?;
        list(&self.0.inner, &terminal, &reference)
            .await
            .map_err(|why| Error::Unanswered {
                reference,
                found: None,
                unanswered: vec![(terminal, why)],
            })
    }

    /// Gives a sale up at a terminal: the customer walks away. Of this till's own attempt only `cancelled`
    /// is a promise that it never will charge; `too_late` comes with the payment that it came to, and after
    /// `still_processing` ask again.
    ///
    /// A call of [`create_local`](Self::create_local) for the same sale makes no further attempt and
    /// returns the cancelled payment. Where this till has no attempt of the sale, the answer is about what
    /// any till has running there now, and a payment that is still on its way is not stopped.
    pub async fn cancel(self, reader_id: &str, reference: &str) -> Result<Cancellation, Error> {
        let terminal_id = parse_reader(reader_id)?;
        let reference = parse_reference(reference)?;
        let inner = &*self.0.inner;
        let in_flight = inner.in_flight.give_up(&reference);
        let stored = inner.unresolved().await?;
        let own = in_flight
            .into_iter()
            .chain(stored)
            .filter(|attempt| attempt.reference == reference)
            .find(|attempt| {
                attempt.terminal_id == terminal_id || attempt.members.contains(&terminal_id)
            });
        let request = CancelRequest {
            terminal_id,
            reference,
            attempt_key: own.as_ref().map(|attempt| attempt.key.clone()),
        };
        match (cancel(inner, request).await, own) {
            // Through the cloud only where the LAN is dead, and only what the cloud was asked for. §9
            (Err(error), Some(own))
                if own.path == ConnectionMode::Cloud && is_about_the_network(&error) =>
            {
                self.cancel_through_cloud(&own).await.ok_or(error)
            }
            (answer, _) => answer,
        }
    }

    async fn cancel_through_cloud(self, own: &StoredAttempt) -> Option<Cancellation> {
        let cloud = self.0.inner.cloud.as_ref()?;
        let asked = cloud::cancel(cloud, &own.reference, &own.key);
        match timeout(CANCEL_WITHIN, asked).await.ok()? {
            // [REC-19]
            Input::CancelAnswered(_, word) if word.reference == own.reference => Some(word),
            _ => None,
        }
    }
}

/// Nobody was reached, and nobody else was met.
fn is_about_the_network(error: &Error) -> bool {
    matches!(
        error,
        Error::Unreachable { .. } | Error::Unanswered { .. } | Error::UnknownReader { .. }
    )
}

fn parse_reader(reader_id: &str) -> Result<TerminalId, Error> {
    TerminalId::new(reader_id).map_err(|error| Error::Invalid {
        field: "reader_id",
        expected: error.to_string(),
    })
}

fn parse_reference(reference: &str) -> Result<Reference, Error> {
    Reference::new(reference).map_err(|error| Error::Invalid {
        field: "reference",
        expected: error.to_string(),
    })
}
