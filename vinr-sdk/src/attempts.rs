//! The payments whose outcome this till has yet to learn, after a crash, a power cut or a dropped call.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use tokio::time::timeout;
use tracing::Instrument;
use vinr_protocol::Payment;
use vinr_protocol::client::attempt::{self, Lost, StoredAttempt};
use vinr_protocol::client::hybrid::{self, Hybrid, Input, Policy};
use vinr_protocol::payment::ConnectionMode;
use vinr_protocol::timing::LOCAL_TIMEOUT;

use crate::cloud::Cloud;
use crate::error::{Error, OutcomeUnknown};
use crate::hands::Hands;
use crate::in_flight::Place;
use crate::paying::run;
use crate::result::{PaymentResult, resolution, unknown};
use crate::timeline::{Step, short};
use crate::vinr::{Inner, Vinr, now};

/// How long one attempt may take to be found out about.
const RESOLVE_WITHIN: Duration = Duration::from_secs(30);

/// Unresolved attempts of this till: [`Vinr::attempts`]. \[REC-12\]
#[derive(Debug, Clone, Copy)]
pub struct Attempts<'a>(pub(crate) &'a Vinr);

/// An attempt and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Resolved {
    /// The attempt, as it was stored before it was sent.
    pub attempt: StoredAttempt,
    /// What became of it.
    pub resolution: Resolution,
}

/// What became of an unresolved attempt. Complete by nature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[must_use = "a result that nobody books is a payment that is lost"]
#[expect(
    clippy::large_enum_variant,
    reason = "there are as many of them as lost payments, mostly none"
)]
pub enum Resolution {
    /// It has come to an end.
    Result(PaymentResult),
    /// It never reached the terminal's card reader and is durably cancelled: it never will charge.
    NeverCharged {
        /// How it was lost.
        why: Lost,
        /// What the sale's other attempts at this terminal have come to.
        attempts: Vec<Payment>,
    },
    /// Nobody can say yet; it stays in the store. Resolve it again once the terminal can be reached.
    StillUnknown(OutcomeUnknown),
}

impl Attempts<'_> {
    /// The attempts whose outcome is not known, without those that a call of this process is working on.
    pub async fn unresolved(self) -> Result<Vec<StoredAttempt>, Error> {
        let inner = &self.0.inner;
        let mut attempts = inner.unresolved().await?;
        attempts.retain(|attempt| !inner.in_flight.contains(&attempt.reference));
        Ok(attempts)
    }

    /// Finds out about every unresolved attempt, each within 30 s: **call it when the till starts**, once
    /// the terminals' addresses are known. It never starts a payment; one that is still waiting for a card
    /// is cancelled.
    ///
    /// What is resolved leaves the store, so book it before the till may crash again, or retrieve it by its
    /// reference later. Dropping the future is safe.
    pub async fn resolve(self) -> Result<Vec<Resolved>, Error> {
        let inner = &*self.0.inner;
        let mut sales: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for attempt in inner.unresolved().await? {
            let sale = sales.entry(attempt.reference.clone());
            sale.or_default().push(attempt);
        }
        // Sales side by side, the attempts of one sale one after the other.
        let work = sales.into_iter().filter_map(|(reference, attempts)| {
            let mut place = inner.in_flight.enter(&reference)?;
            Some(async move {
                let mut resolved = Vec::new();
                for attempt in attempts {
                    let resolution =
                        resume(inner, inner.cloud.as_ref(), attempt.clone(), &mut place).await;
                    resolved.push(Resolved {
                        attempt,
                        resolution,
                    });
                }
                resolved
            })
        });
        Ok(join_all(work).await.concat())
    }
}

/// Finds out about one attempt: over the LAN alone where `cloud` is missing, but for an attempt that the cloud was asked
/// for, of which the cloud alone may know.
pub(crate) async fn resume(
    inner: &Inner,
    cloud: Option<&Cloud>,
    attempt: StoredAttempt,
    place: &mut Place,
) -> Resolution {
    let span = tracing::info_span!(
        "recover", reader = %attempt.terminal_id, reference = %attempt.reference,
        attempt = short(&attempt.key)
    );
    let step = Step::of("recovering the attempt").of_attempt(&attempt);
    inner.timeline.add(&attempt.reference, step);
    let resolution = find_out(inner, cloud, attempt.clone(), place)
        .instrument(span)
        .await;
    inner.timeline.resolved(&attempt, &resolution);
    resolution
}

async fn find_out(
    inner: &Inner,
    cloud: Option<&Cloud>,
    attempt: StoredAttempt,
    place: &mut Place,
) -> Resolution {
    let of_cloud = || (inner.cloud.as_ref()).filter(|_| attempt.path == ConnectionMode::Cloud);
    let cloud = cloud.or_else(of_cloud);
    let policy = Policy {
        attempt: attempt::Policy {
            deadline: RESOLVE_WITHIN,
            spare_key: None,
        },
        cloud: match cloud {
            Some(_) => hybrid::Cloud::After(LOCAL_TIMEOUT),
            None => hybrid::Cloud::None,
        },
    };
    let mut hands = Hands::new(inner, cloud);
    let hybrid = Hybrid::new(attempt.clone(), policy);
    let running = run(hybrid, &mut hands, Input::Resume { now: now() }, place);
    // With a cloud the machine holds on for as long as a pay may take; a question need not.
    match timeout(RESOLVE_WITHIN, running).await {
        Ok(outcome) => resolution(attempt, outcome),
        Err(_) => Resolution::StillUnknown(unknown(attempt)),
    }
}
