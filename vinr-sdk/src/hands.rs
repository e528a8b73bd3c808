//! The hands of the hybrid machine: connections, timers and the store, over the LAN and, where there is one, the cloud.
//!
//! They decide nothing. Everything happens in the caller's future: dropping it hangs up and forgets nothing, since the
//! attempt is in the store.

use std::future::{Future, pending};
use std::pin::Pin;
use std::time::Duration;

use tokio::time::Instant;
use vinr_protocol::client::attempt::{NotSent, StoredAttempt};
use vinr_protocol::client::hybrid::{Effect, FellBack, Input, Path, Timer, To, Unasked};
use vinr_protocol::cloud::{CloudPayRequest, Target};
use vinr_protocol::{AttemptKey, PayRequest};
use vinr_transport::drive::Timers;

use crate::cloud::{self, Cloud};
use crate::copies;
use crate::in_flight::Place;
use crate::lan::{self, Way};
use crate::line::Line;
use crate::terminals::Taken;
use crate::vinr::Inner;

/// A request under way.
pub(crate) type Call<'a> = Pin<Box<dyn Future<Output = Done<'a>> + Send + 'a>>;

/// What came of a request: its line if that is unbroken, and what follows of a pay that was accepted.
pub(crate) struct Done<'a> {
    pub(crate) input: Input,
    pub(crate) line: Option<Line>,
    pub(crate) then: Option<Call<'a>>,
}

impl Done<'_> {
    pub(crate) fn with(input: Input) -> Self {
        Self {
            input,
            line: None,
            then: None,
        }
    }
}

/// What they work with, for one call.
pub(crate) struct Hands<'a> {
    inner: &'a Inner,
    /// Nothing goes there where it is missing.
    cloud: Option<&'a Cloud>,
    /// What a pay sends; a resumed attempt sends none.
    request: Option<PayRequest>,
    /// For the next pay over the LAN.
    way: Way,
    /// The line on which the last pay ended.
    line: Option<Line>,
    /// The line for the next question.
    questions: Option<Line>,
    over_lan: Option<Leg<'a>>,
    over_cloud: Option<Leg<'a>>,
    ask: Option<Call<'a>>,
    timers: Timers<Timer>,
    pub(crate) noted: Noted,
}

/// A pay under way, and whose.
struct Leg<'a> {
    key: AttemptKey,
    call: Call<'a>,
}

/// What the machine is told and does not tell again, for the caller's error.
#[derive(Debug, Default)]
pub(crate) struct Noted {
    /// Why nothing was sent to the cloud.
    pub(crate) cloud_not_sent: Option<NotSent>,
    /// The last refusal came from there.
    pub(crate) refused_by: Option<Path>,
    /// And asked for this rest. \[GRP-6\]
    pub(crate) retry_after: Option<Duration>,
    pub(crate) fell_back: Option<FellBack>,
}

impl<'a> Hands<'a> {
    pub(crate) fn new(inner: &'a Inner, cloud: Option<&'a Cloud>) -> Self {
        Self {
            inner,
            cloud,
            request: None,
            way: Way::Dial,
            line: None,
            questions: None,
            over_lan: None,
            over_cloud: None,
            ask: None,
            timers: Timers::new(),
            noted: Noted::default(),
        }
    }

    /// Makes them able to pay, on this way at first.
    pub(crate) fn take(&mut self, request: PayRequest, way: Way) {
        self.request = Some(request);
        self.way = way;
    }

    /// Performs one effect other than the end; what it leads to at once is returned.
    pub(crate) async fn perform(
        &mut self,
        stored: &StoredAttempt,
        effect: Effect,
        arrived: Instant,
        place: &mut Place,
    ) -> Option<Input> {
        self.inner.timeline.effect(stored, &effect);
        match effect {
            Effect::Store(attempt) => {
                place.attempts(&attempt);
                return Some(match self.inner.kept.put(attempt).await {
                    Ok(()) => Input::Stored,
                    Err(why) => Input::StoreFailed(why.to_string()),
                });
            }
            Effect::SendPay { path, to, key } => return self.send(stored, path, to, key),
            Effect::LookUp(path) => self.ask = self.look_up(stored, path),
            Effect::Cancel { path, key } => self.ask = self.cancel(stored, path, key),
            Effect::Arm(timer, after) => self.timers.arm(timer, arrived + after),
            Effect::Disarm(timer) => self.timers.disarm(&timer),
            Effect::FellBack(why) => self.fell_back(stored, why),
            Effect::Forget { key } => self.inner.kept.forget(key).await,
            Effect::Settled(_) => {}
        }
        None
    }

    /// Waits for what happens next.
    ///
    /// Cancel-safe: what is under way stays so.
    pub(crate) async fn next(&mut self, stored: &StoredAttempt) -> Input {
        let input = tokio::select! {
            biased;
            done = running(self.over_lan.as_mut().map(|leg| &mut leg.call)) => {
                follow(&mut self.over_lan, done.then);
                self.line = done.line.or(self.line.take());
                done.input
            }
            done = running(self.over_cloud.as_mut().map(|leg| &mut leg.call)) => {
                follow(&mut self.over_cloud, done.then);
                done.input
            }
            done = running(self.ask.as_mut()) => {
                self.ask = None;
                self.questions = done.line;
                done.input
            }
            timer = self.timers.elapsed() => Input::Elapsed(timer),
        };
        self.note(stored, &input);
        input
    }

    /// Drops what is under way at a terminal that is left, and keeps its unbroken lines for the next payment.
    pub(crate) fn let_go(&mut self) {
        (self.over_lan, self.over_cloud, self.ask) = (None, None, None);
        self.timers = Timers::new();
        self.way = Way::Dial;
        let lines = [self.line.take(), self.questions.take()];
        for line in lines.into_iter().flatten() {
            self.inner.terminals.keep(line);
        }
    }

    fn send(
        &mut self,
        stored: &StoredAttempt,
        path: Path,
        to: To,
        key: AttemptKey,
    ) -> Option<Input> {
        // An earlier key is over; what is open of this one stays open.
        for leg in [&mut self.over_lan, &mut self.over_cloud] {
            leg.take_if(|leg| leg.key != key);
        }
        self.ask = None;
        let never = |why: &str| {
            let why = NotSent::Unreachable(why.to_owned());
            Some(Input::NeverSent(path, why))
        };
        let Some(request) = self.request.clone() else {
            return never("a resumed attempt sends nothing");
        };
        match path {
            Path::Lan => {
                let way = self.next_way();
                let journal = stored.journal_id.clone();
                let call = copies::pay(self.inner, request, key.clone(), journal, way);
                self.over_lan = Some(Leg { key, call });
            }
            Path::Cloud => {
                let Some(cloud) = self.cloud else {
                    return never("this till has no cloud");
                };
                let mut request = CloudPayRequest::from(request);
                if to == To::Group {
                    request.target = Target::Group(stored.members.clone());
                }
                let with = key.clone();
                let call =
                    Box::pin(async move { Done::with(cloud::pay(cloud, &request, &with).await) });
                self.over_cloud = Some(Leg { key, call });
            }
        }
        None
    }

    fn next_way(&mut self) -> Way {
        let at_hand = self.line.take().or_else(|| self.questions.take());
        match (std::mem::replace(&mut self.way, Way::Dial), at_hand) {
            (Way::Dial, Some(line)) => Way::Line(Taken::idle(line)),
            (way, _) => way,
        }
    }

    fn look_up(&mut self, stored: &StoredAttempt, path: Path) -> Option<Call<'a>> {
        let stored = stored.clone();
        Some(match path {
            Path::Lan => lan::look_up(self.inner, stored, self.questions.take()),
            Path::Cloud => {
                let cloud = self.cloud;
                Box::pin(async move {
                    Done::with(match cloud {
                        Some(cloud) => cloud::look_up(cloud, &stored.reference).await,
                        None => Input::LookUpFailed(path, Unasked::Dead),
                    })
                })
            }
        })
    }

    fn cancel(&mut self, stored: &StoredAttempt, path: Path, key: AttemptKey) -> Option<Call<'a>> {
        let stored = stored.clone();
        Some(match path {
            Path::Lan => lan::cancel(self.inner, stored, key, self.questions.take()),
            Path::Cloud => {
                let cloud = self.cloud;
                Box::pin(async move {
                    Done::with(match cloud {
                        Some(cloud) => cloud::cancel(cloud, &stored.reference, &key).await,
                        None => Input::CancelFailed(path, Unasked::Dead),
                    })
                })
            }
        })
    }

    /// A shop that pays through the cloud has a LAN that nobody looks after.
    fn fell_back(&mut self, stored: &StoredAttempt, why: FellBack) {
        let (reader, reference) = (&stored.terminal_id, &stored.reference);
        tracing::warn!(%reader, %reference, %why, "a payment goes through the cloud");
        self.inner.tally.fell_back(why);
        self.noted.fell_back = Some(why);
    }

    fn note(&mut self, stored: &StoredAttempt, input: &Input) {
        self.inner.timeline.input(stored, input);
        let (reader, reference) = (&stored.terminal_id, &stored.reference);
        match input {
            Input::Refused { path, error, .. } | Input::CopyRefused { path, error, .. } => {
                let ms = error.retry_after_ms.map(u64::from);
                self.noted.refused_by = Some(*path);
                self.noted.retry_after = ms.map(Duration::from_millis);
            }
            Input::NeverSent(Path::Cloud, why) => self.noted.cloud_not_sent = Some(why.clone()),
            Input::Lost(_, why) => {
                tracing::warn!(%reader, %reference, %why, "the answer to a payment was lost: looking it up");
            }
            _ => {}
        }
    }
}

/// What was accepted goes on; the rest is over.
fn follow<'a>(leg: &mut Option<Leg<'a>>, then: Option<Call<'a>>) {
    *leg = match (leg.take(), then) {
        (Some(leg), Some(call)) => Some(Leg { call, ..leg }),
        _ => None,
    };
}

/// Waits for a future that may not be there.
async fn running<F: Future + Unpin>(slot: Option<&mut F>) -> F::Output {
    match slot {
        Some(future) => future.await,
        None => pending().await,
    }
}
