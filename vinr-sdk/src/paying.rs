//! One intent to get a sale paid at one terminal, from the first look at what is unresolved to its end.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use tokio::time::{Instant, timeout};
use vinr_protocol::client::attempt::{self, NotSent, Outcome, StoredAttempt};
use vinr_protocol::client::hedge::Instead;
use vinr_protocol::client::hybrid::{self, Effect, Hybrid, Input};
use vinr_protocol::{Machine, PayRequest, PaymentId};
use vinr_transport::CallError;

use crate::attempts::{Resolution, resume};
use crate::builder::FurtherAttempt;
use crate::cloud::Cloud;
use crate::dialling::Stranger;
use crate::error::{Charged, Error};
use crate::hands::Hands;
use crate::in_flight::Place;
use crate::lan::{Way, never_sent};
use crate::line::{ANSWER_WITHIN, Line, NoLine};
use crate::result::{PaymentResult, result};
use crate::vinr::{Inner, fresh_key, now};

/// Over the LAN alone.
pub(crate) async fn locally(
    inner: &Inner,
    request: &PayRequest,
    place: &mut Place,
) -> Result<PaymentResult, Error> {
    loop {
        let (instead, stranger) = (Instead::Nobody, Stranger::default());
        let taken = inner.take(&request.terminal_id, instead, &stranger).await?;
        let was_idle = taken.was_idle;
        let mut taken = taken;
        let stored = attempt_on(inner, &mut taken.line, request).await?;
        let mut hands = Hands::new(inner, None);
        hands.take(request.clone(), Way::Line(taken));
        let hybrid = Hybrid::new(stored, policy(inner, hybrid::Cloud::None));
        let outcome = run(hybrid, &mut hands, Input::Begin, place).await;
        match outcome {
            // The idle line had died, nothing was sent on it, and another device is there since.
            Outcome::NotSent {
                why: NotSent::ConnectionClosed,
            } if was_idle => {}
            outcome => return result(inner, &request.terminal_id, outcome, &hands.noted),
        }
    }
}

/// Over the LAN first, and through the cloud where that does not accept within the limit. §7
pub(crate) async fn hybrid(
    inner: &Inner,
    cloud: &Cloud,
    request: &PayRequest,
    limit: Duration,
    place: &mut Place,
) -> Result<PaymentResult, Error> {
    let begun = Instant::now();
    let (stored, way) = prepare(inner, request, Instead::Nobody, limit).await;
    // Dialling is part of what the limit bounds.
    let left = limit.saturating_sub(begun.elapsed());
    let mut hands = Hands::new(inner, Some(cloud));
    hands.take(request.clone(), way);
    let hybrid = Hybrid::new(stored, policy(inner, hybrid::Cloud::After(left)));
    let outcome = run(hybrid, &mut hands, Input::Begin, place).await;
    result(inner, &request.terminal_id, outcome, &hands.noted)
}

/// Runs the machine to its end.
pub(crate) async fn run(
    mut hybrid: Hybrid,
    hands: &mut Hands<'_>,
    first: Input,
    place: &mut Place,
) -> Outcome {
    let mut inputs = VecDeque::from([first]);
    let mut gave_up = false;
    loop {
        while let Some(input) = inputs.pop_front() {
            let arrived = Instant::now();
            for effect in hybrid.step(input) {
                if let Effect::Settled(outcome) = effect {
                    hands.let_go();
                    return outcome;
                }
                let stored = hybrid.stored();
                inputs.extend(hands.perform(stored, effect, arrived, place).await);
            }
        }
        inputs.push_back(tokio::select! {
            biased;
            input = hands.next(hybrid.stored()) => input,
            () = place.given_up(), if !gave_up => {
                gave_up = true;
                Input::GiveUp
            }
        });
    }
}

/// A record of an attempt, and the way to send it: what cannot be reached within the limit is a dead way, about which the
/// machine decides.
pub(crate) async fn prepare(
    inner: &Inner,
    request: &PayRequest,
    instead: Instead,
    limit: Duration,
) -> (StoredAttempt, Way) {
    let terminal = &request.terminal_id;
    let stranger = Stranger::default();
    let reached = timeout(limit, async {
        let mut taken = inner.take(terminal, instead, &stranger).await?;
        let stored = attempt_on(inner, &mut taken.line, request).await?;
        Ok((stored, Way::Line(taken)))
    });
    let why = match reached.await {
        Ok(Ok(prepared)) => return prepared,
        Ok(Err(error)) => never_sent(error),
        // Whoever answers and is somebody else is worth more than whoever is silent. [HYB-6]
        Err(_) => match stranger.into_words() {
            Some(why) => NotSent::Identity(why),
            None => NotSent::Unreachable(format!("no answer within {} ms", limit.as_millis())),
        },
    };
    let mut stored = StoredAttempt::new(request, fresh_key(), now());
    // Which device it was when it could be reached. [REC-23]
    stored.journal_id = inner.terminals.journal(terminal);
    (stored, Way::Dead(why))
}

async fn attempt_on(
    inner: &Inner,
    line: &mut Line,
    request: &PayRequest,
) -> Result<StoredAttempt, Error> {
    inner.timeline.met(&request.reference, &line.reader);
    let mut stored = StoredAttempt::new(request, fresh_key(), now());
    stored.journal_id = line.reader.journal_id.clone();
    if stored.journal_id.is_none() {
        stored.known = known(line, request).await?;
    }
    Ok(stored)
}

fn policy(inner: &Inner, cloud: hybrid::Cloud) -> hybrid::Policy {
    let attempt = attempt::Policy {
        deadline: inner.deadline,
        spare_key: match inner.further {
            FurtherAttempt::Once => Some(fresh_key()),
            FurtherAttempt::Never => None,
        },
    };
    hybrid::Policy { attempt, cloud }
}

/// On a device that returns no keys: the payments of the sale that are there already. \[REC-16\]
async fn known(line: &mut Line, request: &PayRequest) -> Result<BTreeSet<PaymentId>, Error> {
    let asked = timeout(ANSWER_WITHIN, line.connection.payments(&request.reference)).await;
    let why = match asked {
        Ok(Ok(list)) => return Ok(list.data.into_iter().map(|payment| payment.id).collect()),
        Ok(Err(CallError::Refused(404, _))) => return Ok(BTreeSet::new()),
        Ok(Err(error)) => NoLine::Call(error),
        Err(_) => NoLine::Silent(line.connection.addr()),
    };
    Err(why.into_error(&request.terminal_id))
}

/// Finds out about this sale's unresolved attempts first: one of them may have paid it. \[REC-5\]
///
/// Over the LAN alone where `cloud` is missing, but for an attempt that the cloud was asked for.
pub(crate) async fn paid_earlier(
    inner: &Inner,
    cloud: Option<&Cloud>,
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
        // On the heap: it is seldom needed, and as large as a payment.
        match Box::pin(resume(inner, cloud, earlier, place)).await {
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
