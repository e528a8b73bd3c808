//! Take a payment, find it again, give it up.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use tracing::Instrument;
use tracing::field::Empty;
use vinr_protocol::client::attempt::StoredAttempt;
use vinr_protocol::client::hybrid::Input;
use vinr_protocol::payment::ConnectionMode;
use vinr_protocol::{CancelRequest, Cancellation, PayRequest, Payment, Reference, TerminalId};

use crate::asking::{cancel, list};
use crate::calling;
use crate::cloud;
use crate::create::{At, Connectivity, Create};
use crate::error::Error;
use crate::in_flight::Place;
use crate::paying::{self, paid_earlier};
use crate::result::PaymentResult;
use crate::retrieving::retrieve;
use crate::sale::CreateLocal;
use crate::timeline::{Step, SupportPacket, Timelines, short};
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
        let span = tracing::info_span!(
            "create_local", reader = %request.terminal_id, reference = %request.reference,
            attempt = Empty
        );
        let call = async {
            let inner = &*self.0.inner;
            let mut place = self.enter(&request.reference)?;
            if let Some(paid) = paid_earlier(inner, None, &request, &mut place).await? {
                return Ok(paid);
            }
            paying::locally(inner, &request, &mut place).await
        };
        let call = pin!(call.instrument(span));
        self.followed("create_local", &request, call).await
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
        let span = tracing::info_span!(
            "create", reader = %request.terminal_id, reference = %request.reference,
            attempt = Empty
        );
        let call = pin!(self.begin(&sale, &request, members).instrument(span));
        self.followed("create", &request, call).await
    }

    async fn begin(
        self,
        sale: &Create<'_>,
        request: &PayRequest,
        members: Arc<[TerminalId]>,
    ) -> Result<PaymentResult, Error> {
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
        if let Some(paid) = paid_earlier(inner, cloud, request, &mut place).await? {
            return Ok(paid);
        }
        match (sale.at, hybrid) {
            (At::Terminal(_), None) => paying::locally(inner, request, &mut place).await,
            (At::Terminal(_), Some((cloud, limit))) => {
                paying::hybrid(inner, cloud, request, limit, &mut place).await
            }
            (At::Group(_), hybrid) => {
                let wanted = calling::Wanted {
                    request: request.clone(),
                    members,
                    hybrid,
                    max_wait: sale.max_wait,
                };
                calling::call(self.0, wanted, place).await
            }
        }
    }

    /// The call, with its beginning and its end in the sale's timeline. Pinned by the caller: what is handed over by value
    /// has a second place in the future of whoever waits for it.
    async fn followed(
        self,
        name: &'static str,
        request: &PayRequest,
        call: Pin<&mut impl Future<Output = Result<PaymentResult, Error>>>,
    ) -> Result<PaymentResult, Error> {
        let timeline = &self.0.inner.timeline;
        timeline.called(name, request);
        let mut dropped = Dropped {
            timeline,
            reference: Some(&request.reference),
        };
        let result = call.await;
        dropped.reference = None;
        timeline.ended(&request.reference, &result);
        result
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
    /// A till with a [cloud](crate::Builder::cloud) asks it too, but only where no terminal has the sale paid or in
    /// progress. The cloud can say that a sale is paid, also at a terminal that is silent on the LAN; that it is not paid
    /// it cannot say for a terminal.
    ///
    /// Fails if a terminal or the cloud did not answer that might know better, or if this till has an unresolved attempt
    /// of the sale that nobody lists.
    pub async fn retrieve_by_reference(self, reference: &str) -> Result<Payment, Error> {
        let reference = parse_reference(reference)?;
        let span = tracing::info_span!("retrieve_by_reference", %reference);
        let inner = &*self.0.inner;
        let word = retrieve(inner, reference.clone()).instrument(span).await;
        inner.timeline.retrieved(&reference, &word);
        word
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
                cloud: None,
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
        let reader = parse_reader(reader_id)?;
        let reference = parse_reference(reference)?;
        let span = tracing::info_span!("cancel", %reader, %reference, attempt = Empty);
        let timeline = &self.0.inner.timeline;
        timeline.add(&reference, Step::of("cancel").at_reader(&reader));
        let call = self.give_up(reader, reference.clone());
        let answer = call.instrument(span).await;
        timeline.cancelled(&reference, &answer);
        answer
    }

    async fn give_up(
        self,
        terminal_id: TerminalId,
        reference: Reference,
    ) -> Result<Cancellation, Error> {
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
        if let Some(own) = &own {
            tracing::Span::current().record("attempt", short(&own.key));
        }
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

    /// Everything that this process knows of a sale's course, fit to be sent to support: each step with its time, path,
    /// terminal, attempt, HTTP status and error code, and the attempts that are not resolved. As text by `Display`, as
    /// JSON by serde. Nothing secret is in it, and nothing of the card or the customer.
    ///
    /// The 100 sales that had a step last are remembered, with their first 50 and last 150 steps. After a restart of the
    /// till there are no steps, and the unresolved attempts of its store.
    pub async fn support_packet(self, reference: &str) -> Result<SupportPacket, Error> {
        let reference = parse_reference(reference)?;
        let inner = &*self.0.inner;
        let unresolved = inner.unresolved().await.ok();
        let counters = inner.tally.read();
        Ok(SupportPacket::of(
            &inner.timeline,
            &reference,
            unresolved,
            counters,
        ))
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

/// A call that ends without a result was dropped.
struct Dropped<'a> {
    timeline: &'a Timelines,
    reference: Option<&'a Reference>,
}

impl Drop for Dropped<'_> {
    fn drop(&mut self) {
        if let Some(reference) = self.reference {
            self.timeline
                .add(reference, Step::of("the call was dropped"));
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
