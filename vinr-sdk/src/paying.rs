//! One intent to get a sale paid, from the first look at what is unresolved to its end.

use std::collections::BTreeSet;

use tokio::time::timeout;
use vinr_protocol::client::attempt::{Attempt, Input, Outcome, Policy, StoredAttempt};
use vinr_protocol::{PayRequest, PaymentId};
use vinr_transport::CallError;

use crate::attempts::{Resolution, resume};
use crate::builder::FurtherAttempt;
use crate::error::{Charged, Error};
use crate::host::Host;
use crate::in_flight::Place;
use crate::line::{ANSWER_WITHIN, Line, NoLine};
use crate::result::PaymentResult;
use crate::vinr::{Inner, fresh_key, now};

/// One intent on one line.
pub(crate) async fn pay(
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
        Ok(Err(error)) => NoLine::Call(error),
        Err(_) => NoLine::Silent(line.connection.addr()),
    };
    Err(why.into_error(&request.terminal_id))
}

/// Finds out about this sale's unresolved attempts first: one of them may have paid it. \[REC-5\]
pub(crate) async fn paid_earlier(
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
