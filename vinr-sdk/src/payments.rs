//! Take a payment, find it again, give it up.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::ops::Deref;

use futures_util::future::join_all;
use tokio::time::timeout;
use vinr_protocol::client::attempt::{
    Attempt, Input, Lost, NotSent, Outcome, Policy, StoredAttempt, Unsettled,
};
use vinr_protocol::{
    CancelRequest, Cancellation, PayRequest, Payment, PaymentId, Reference, Status, TerminalId,
};
use vinr_transport::CallError;

use crate::attempts::{Resolution, resume};
use crate::builder::FurtherAttempt;
use crate::error::{Charged, Error, OutcomeUnknown};
use crate::host::Host;
use crate::in_flight::Place;
use crate::line::{ANSWER_WITHIN, Line};
use crate::sale::CreateLocal;
use crate::vinr::{Inner, Vinr, fresh_key, now};

/// Payments of this till: [`Vinr::payments`].
#[derive(Debug, Clone, Copy)]
pub struct Payments<'a>(pub(crate) &'a Vinr);

/// What came of a payment. Reads like the [`Payment`] it holds: `result.last4`, `result.status`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "only a completed payment, or one accepted offline, has been paid"]
pub enum PaymentResult {
    /// Approved.
    Completed(Payment),
    /// Declined; `decline_code` says why.
    Failed(Payment),
    /// Given up before a charge; `cancel_reason` says by whom.
    Cancelled(Payment),
    /// **Not approved yet**: the terminal was without the internet, keeps the payment and forwards it later.
    /// The issuer may still decline it, at the shop's risk. \[OFF-10\]
    AcceptedOffline(Payment),
}

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
        let mut place =
            inner
                .in_flight
                .enter(&request.reference)
                .ok_or_else(|| Error::InProgress {
                    reference: request.reference.clone(),
                })?;
        if let Some(paid) = paid_earlier(inner, &request, &mut place).await? {
            return Ok(paid);
        }
        loop {
            let taken = inner.terminals.take(&request.terminal_id).await?;
            let outcome = pay(inner, &request, taken.line, &mut place).await?;
            match outcome {
                // The idle line had died, and nothing was sent on it.
                Outcome::NotSent {
                    why: NotSent::ConnectionClosed,
                } if taken.was_idle => {}
                outcome => return result(&request.terminal_id, outcome),
            }
        }
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
            .chain(stored.into_iter().filter_map(|attempt| {
                (attempt.reference == reference).then_some((attempt.terminal_id, attempt.key))
            }))
            .find_map(|(terminal, key)| (terminal == terminal_id).then_some(key));
        let request = CancelRequest {
            terminal_id,
            reference,
            attempt_key: own,
        };
        cancel(inner, request).await
    }
}

impl PaymentResult {
    /// The payment, whatever came of it.
    pub fn payment(&self) -> &Payment {
        match self {
            Self::Completed(payment)
            | Self::Failed(payment)
            | Self::Cancelled(payment)
            | Self::AcceptedOffline(payment) => payment,
        }
    }

    /// The payment, whatever came of it.
    pub fn into_payment(self) -> Payment {
        match self {
            Self::Completed(payment)
            | Self::Failed(payment)
            | Self::Cancelled(payment)
            | Self::AcceptedOffline(payment) => payment,
        }
    }

    /// The result that a final payment is.
    fn of(payment: Payment) -> Self {
        match payment.status {
            Status::Completed => Self::Completed(payment),
            Status::Cancelled => Self::Cancelled(payment),
            _ => Self::Failed(payment),
        }
    }
}

impl Deref for PaymentResult {
    type Target = Payment;

    fn deref(&self) -> &Payment {
        self.payment()
    }
}

/// One intent on one line.
async fn pay(
    inner: &Inner,
    request: &PayRequest,
    mut line: Line,
    place: &mut Place,
) -> Result<Outcome, Error> {
    let mut stored = StoredAttempt::new(request, fresh_key(), now());
    stored.journal_id = line.reader.journal_id.clone();
    if stored.journal_id.is_none() {
        stored.known = known(&mut line, request).await?;
    }
    let policy = Policy {
        deadline: inner.deadline,
        spare_key: match inner.further {
            FurtherAttempt::Once => Some(fresh_key()),
            FurtherAttempt::Never => None,
        },
    };
    let attempt = Attempt::new(stored, policy);
    let host = Host::pay(inner, attempt, request, line);
    Ok(host.run(Input::Begin, place).await)
}

/// On a device that returns no keys: the payments of the sale that are there already. \[REC-16\]
async fn known(line: &mut Line, request: &PayRequest) -> Result<BTreeSet<PaymentId>, Error> {
    let asked = timeout(ANSWER_WITHIN, line.connection.payments(&request.reference)).await;
    let why = match asked {
        Ok(Ok(list)) => return Ok(list.data.into_iter().map(|payment| payment.id).collect()),
        Ok(Err(CallError::Refused(404, _))) => return Ok(BTreeSet::new()),
        Ok(Err(error)) => told(&error),
        Err(_) => "no answer in time".to_owned(),
    };
    Err(Error::Unreachable {
        reader: request.terminal_id.clone(),
        why,
    })
}

/// Finds out about this sale's unresolved attempts first: one of them may have paid it. \[REC-5\]
async fn paid_earlier(
    inner: &Inner,
    request: &PayRequest,
    place: &mut Place,
) -> Result<Option<PaymentResult>, Error> {
    for earlier in inner.unresolved().await? {
        if earlier.reference != request.reference {
            continue;
        }
        let same_money = (earlier.amount, earlier.currency, earlier.capture_method)
            == (request.amount, request.currency, request.capture_method);
        let reader = earlier.terminal_id.clone();
        match resume(inner, earlier, place).await {
            Resolution::Result(
                paid @ (PaymentResult::Completed(_) | PaymentResult::AcceptedOffline(_)),
            ) if same_money => return Ok(Some(paid)),
            Resolution::Result(PaymentResult::Completed(payment)) => {
                let payment = Box::new(payment);
                return Err(Error::AlreadyPaid { payment });
            }
            Resolution::Result(PaymentResult::AcceptedOffline(payment)) => {
                let payment = Box::new(payment);
                return Err(Error::AlreadyPaid { payment });
            }
            Resolution::Result(PaymentResult::Failed(_) | PaymentResult::Cancelled(_)) => {}
            Resolution::NeverCharged { why, attempts } => {
                let voided = Error::Voided {
                    reader,
                    why,
                    attempts,
                };
                if voided.charged() != Charged::No {
                    return Err(voided);
                }
            }
            Resolution::StillUnknown(unknown) => return Err(unknown.into()),
        }
    }
    Ok(None)
}

/// What an outcome is to the caller.
fn result(reader: &TerminalId, outcome: Outcome) -> Result<PaymentResult, Error> {
    let reader = reader.clone();
    Err(match outcome {
        Outcome::Final(payment) => return Ok(PaymentResult::of(payment)),
        Outcome::AcceptedOffline(payment) => return Ok(PaymentResult::AcceptedOffline(payment)),
        Outcome::Refused {
            status,
            error,
            attempts,
        } => match attempts
            .iter()
            .find(|attempt| attempt.status == Status::Completed)
        {
            Some(payment) => Error::AlreadyPaid {
                payment: Box::new(payment.clone()),
            },
            None => Error::Refused {
                reader,
                status,
                error: Box::new(error),
                attempts,
            },
        },
        Outcome::NotSent { why } => match why {
            NotSent::StoreFailed(why) => Error::Store { source: why.into() },
            NotSent::CertificateRefused(why) => Error::CertificateRefused { reader, why },
            NotSent::GivenUp => Error::GivenUp,
            why => Error::Unreachable {
                reader,
                why: why.to_string(),
            },
        },
        Outcome::Voided { why, attempts } => Error::Voided {
            reader,
            why,
            attempts,
        },
        Outcome::Unknown {
            reference,
            key,
            why,
        } => OutcomeUnknown {
            reader,
            reference,
            key,
            why,
        }
        .into(),
    })
}

/// What a resumed attempt came to.
pub(crate) fn resolution(attempt: StoredAttempt, outcome: Outcome) -> Resolution {
    match outcome {
        Outcome::Final(payment) => Resolution::Result(PaymentResult::of(payment)),
        Outcome::AcceptedOffline(payment) => {
            Resolution::Result(PaymentResult::AcceptedOffline(payment))
        }
        Outcome::Voided { why, attempts } => Resolution::NeverCharged { why, attempts },
        Outcome::Unknown {
            reference,
            key,
            why,
        } => Resolution::StillUnknown(OutcomeUnknown {
            reader: attempt.terminal_id,
            reference,
            key,
            why,
        }),
        // A resumed attempt sends no pay, which alone can be refused or not sent.
        Outcome::Refused { .. } | Outcome::NotSent { .. } => {
            Resolution::StillUnknown(OutcomeUnknown {
                reader: attempt.terminal_id,
                reference: attempt.reference,
                key: attempt.key,
                why: Unsettled::Deadline(Lost::Restarted),
            })
        }
    }
}

/// The attempts of a sale at one terminal, or why they are not known.
async fn list(
    inner: &Inner,
    terminal: &TerminalId,
    reference: &Reference,
) -> Result<Vec<Payment>, String> {
    let mut line = inner
        .terminals
        .dial(terminal)
        .await
        .map_err(|error| error.to_string())?;
    let list = timeout(ANSWER_WITHIN, line.connection.payments(reference))
        .await
        .map_err(|_| "no answer in time".to_owned())?
        .map_err(|error| told(&error))?;
    inner.terminals.keep(line);
    let about = |payment: &Payment| {
        payment.reference == *reference && payment.terminal_id == *terminal // [REC-19]
    };
    if list.data.iter().all(about) {
        Ok(list.data)
    } else {
        Err("its answer is about something else".to_owned())
    }
}

async fn cancel(inner: &Inner, request: CancelRequest) -> Result<Cancellation, Error> {
    let mut line = inner.terminals.dial(&request.terminal_id).await?;
    let why = match timeout(ANSWER_WITHIN, line.connection.cancel(&request)).await {
        Ok(Ok(answer)) if answer.reference == request.reference => {
            inner.terminals.keep(line);
            return Ok(answer);
        }
        Ok(Ok(_)) => "its answer is about something else".to_owned(), // [REC-19]
        Ok(Err(CallError::Refused(status, error))) => {
            return Err(Error::Refused {
                reader: request.terminal_id,
                status,
                error,
                attempts: Vec::new(),
            });
        }
        Ok(Err(error)) => told(&error),
        Err(_) => "no answer in time".to_owned(),
    };
    Err(Error::Unanswered {
        reference: request.reference,
        found: None,
        unanswered: vec![(request.terminal_id, why)],
    })
}

/// A question's failure, without the transport's warning of a charge: questions charge nobody.
fn told(error: &CallError) -> String {
    match error {
        CallError::Indeterminate { why } => why.to_string(),
        CallError::BadAnswer { what } => format!("its answer cannot be understood ({what})"),
        error => error.to_string(),
    }
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
