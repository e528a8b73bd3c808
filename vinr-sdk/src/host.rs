//! Runs the attempt machine over real connections, timers and the store.
//!
//! The pay holds a line of its own. Questions go on a second one, which is kept while it answers and dialled
//! anew when it does not. Everything happens in the caller's future: dropping it hangs up and forgets
//! nothing, since the attempt is in the store.

use std::collections::VecDeque;
use std::future::{Future, pending};
use std::pin::Pin;

use tokio::sync::mpsc;
use tokio::time::Instant;
use vinr_protocol::client::attempt::{
    Attempt, Effect, Input, Lost, NotSent, Outcome, StoredAttempt, Timer,
};
use vinr_protocol::{AttemptKey, CancelRequest, Machine, PayRequest};
use vinr_transport::CallError;
use vinr_transport::client::Lost as Cut;
use vinr_transport::drive::Timers;

use crate::error::Error;
use crate::in_flight::Place;
use crate::line::{Line, in_words};
use crate::vinr::Inner;

/// A request under way: what came of it, and its line if that is unbroken.
type Call<'a> = Pin<Box<dyn Future<Output = (Input, Option<Line>)> + Send + 'a>>;

/// One attempt machine and what it needs of the world.
pub(crate) struct Host<'a> {
    inner: &'a Inner,
    attempt: Attempt,
    /// What a pay sends; a resumed attempt sends none.
    request: Option<&'a PayRequest>,
    /// The line for the next pay.
    line: Option<Line>,
    /// The line for the next question.
    questions: Option<Line>,
    pay: Option<Call<'a>>,
    ask: Option<Call<'a>>,
    timers: Timers<Timer>,
    heads: (mpsc::Sender<()>, mpsc::Receiver<()>),
}

impl<'a> Host<'a> {
    /// Pays, on this line at first.
    pub(crate) fn pay(
        inner: &'a Inner,
        attempt: Attempt,
        request: &'a PayRequest,
        line: Line,
    ) -> Self {
        Self {
            request: Some(request),
            line: Some(line),
            ..Self::resume(inner, attempt)
        }
    }

    /// Finds out.
    pub(crate) fn resume(inner: &'a Inner, attempt: Attempt) -> Self {
        Self {
            inner,
            attempt,
            request: None,
            line: None,
            questions: None,
            pay: None,
            ask: None,
            timers: Timers::new(),
            heads: mpsc::channel(1),
        }
    }

    /// Runs it to its end.
    pub(crate) async fn run(mut self, first: Input, place: &mut Place) -> Outcome {
        let mut inputs = VecDeque::from([first]);
        let mut gave_up = false;
        loop {
            while let Some(input) = inputs.pop_front() {
                let arrived = Instant::now();
                for effect in self.attempt.step(input) {
                    match effect {
                        Effect::Store(attempt) => {
                            place.attempts(&attempt.terminal_id, &attempt.key);
                            inputs.push_back(store(self.inner, attempt).await);
                        }
                        Effect::Settled(outcome) => {
                            self.keep_lines();
                            return outcome;
                        }
                        effect => self.perform(effect, arrived).await,
                    }
                }
            }
            let input = tokio::select! {
                biased;
                Some(()) = self.heads.1.recv() => Input::Head,
                (input, line) = running(&mut self.pay) => {
                    self.pay = None;
                    self.line = line;
                    input
                }
                (input, line) = running(&mut self.ask) => {
                    self.ask = None;
                    self.questions = line;
                    input
                }
                () = place.given_up(), if !gave_up => {
                    gave_up = true;
                    Input::GiveUp
                }
                timer = self.timers.elapsed() => Input::Elapsed(timer),
            };
            self.tell(&input);
            inputs.push_back(input);
        }
    }

    async fn perform(&mut self, effect: Effect, arrived: Instant) {
        match effect {
            Effect::SendPay { key } => {
                self.ask = None;
                let line = self.line.take().or_else(|| self.questions.take());
                self.pay = Some(self.send(key, line));
            }
            Effect::LookUp => self.ask = Some(self.look_up()),
            Effect::Cancel { key } => self.ask = Some(self.cancel(key)),
            Effect::Arm(timer, after) => self.timers.arm(timer, arrived + after),
            Effect::Disarm(timer) => self.timers.disarm(&timer),
            Effect::Forget { key } => self.inner.forget(key).await,
            Effect::Store(_) | Effect::Settled(_) => {}
        }
    }

    fn tell(&self, input: &Input) {
        let stored = self.attempt.stored();
        let (reader, reference) = (&stored.terminal_id, &stored.reference);
        match input {
            Input::Lost(why) => {
                tracing::warn!(%reader, %reference, %why, "the answer to a payment was lost: looking it up");
            }
            input => tracing::debug!(%reader, %reference, ?input, "a payment goes on"),
        }
    }

    fn send(&self, key: AttemptKey, line: Option<Line>) -> Call<'a> {
        let (inner, request) = (self.inner, self.request);
        let terminal = self.attempt.stored().terminal_id.clone();
        let head = self.heads.0.clone();
        Box::pin(async move {
            let Some(request) = request else {
                let why = NotSent::Unreachable("a resumed attempt sends nothing".to_owned());
                return (Input::NeverSent(why), None);
            };
            let mut line = match line {
                Some(line) => line,
                None => match inner.terminals.dial(&terminal).await {
                    Ok(line) => line,
                    Err(error) => return (Input::NeverSent(never_sent(error)), None),
                },
            };
            let accepted = match line.connection.pay(request, Some(&key)).await {
                Ok(accepted) => accepted,
                Err(error @ CallError::Refused(..)) => return (failed(error), Some(line)),
                Err(error) => return (failed(error), None),
            };
            // [PAY-7] the first outcome comes on this line, and nobody is asked for it meanwhile.
            // The only reader of the head is the loop that polls this future.
            let _ = head.send(()).await;
            match accepted.outcome().await {
                Ok(payment) => (Input::Answered(payment), Some(line)),
                Err(error) => (failed(error), None),
            }
        })
    }

    fn look_up(&mut self) -> Call<'a> {
        let stored = self.attempt.stored().clone();
        let (inner, line) = (self.inner, self.questions.take());
        Box::pin(async move {
            let mut line = match question_line(inner, line, &stored).await {
                Some(line) => line,
                None => return (Input::LookUpFailed, None),
            };
            match line.connection.payments(&stored.reference).await {
                Ok(list) => (Input::LookedUp(list), Some(line)),
                Err(error) => {
                    tracing::debug!(reference = %stored.reference, %error, "a look-up was not answered");
                    (Input::LookUpFailed, None)
                }
            }
        })
    }

    fn cancel(&mut self, key: AttemptKey) -> Call<'a> {
        let stored = self.attempt.stored().clone();
        let (inner, line) = (self.inner, self.questions.take());
        Box::pin(async move {
            let mut line = match question_line(inner, line, &stored).await {
                Some(line) => line,
                None => return (Input::CancelFailed, None),
            };
            let request = CancelRequest {
                terminal_id: stored.terminal_id.clone(),
                reference: stored.reference.clone(),
                attempt_key: Some(key),
            };
            match line.connection.cancel(&request).await {
                Ok(cancellation) => (Input::CancelAnswered(cancellation), Some(line)),
                Err(error) => {
                    tracing::debug!(reference = %stored.reference, %error, "a cancel was not answered");
                    (Input::CancelFailed, None)
                }
            }
        })
    }

    /// An unbroken line serves the next payment.
    fn keep_lines(&mut self) {
        if let Some(line) = self.line.take().or_else(|| self.questions.take()) {
            self.inner.terminals.keep(line);
        }
    }
}

async fn store(inner: &Inner, attempt: StoredAttempt) -> Input {
    match inner.put(attempt).await {
        Ok(()) => Input::Stored,
        Err(why) => Input::StoreFailed(why.to_string()),
    }
}

async fn question_line(inner: &Inner, line: Option<Line>, stored: &StoredAttempt) -> Option<Line> {
    if let Some(line) = line.filter(|line| line.connection.is_ready()) {
        return Some(line);
    }
    match inner.terminals.dial(&stored.terminal_id).await {
        Ok(line) => Some(line),
        Err(error) => {
            tracing::debug!(reference = %stored.reference, %error, "nobody to ask");
            None
        }
    }
}

/// Waits for a future that may not be there.
async fn running<F: Future + Unpin>(slot: &mut Option<F>) -> F::Output {
    match slot {
        Some(future) => future.await,
        None => pending().await,
    }
}

/// What the failure of a pay means.
fn failed(error: CallError) -> Input {
    match error {
        CallError::Refused(status, error) => Input::Refused {
            status,
            error: *error,
        },
        CallError::NotSent => Input::NeverSent(NotSent::ConnectionClosed),
        CallError::CertificateRefused { alert } => {
            Input::NeverSent(NotSent::CertificateRefused(in_words(alert)))
        }
        CallError::Indeterminate {
            why:
                Cut::Failed {
                    status,
                    error: Some(error),
                },
        } => Input::Refused {
            status,
            error: *error,
        },
        CallError::Indeterminate { why } => Input::Lost(Lost::Broken(why.to_string())),
        CallError::BadAnswer { what } => Input::Lost(Lost::BadAnswer(what)),
        // A kind of failure from a newer transport is not known to be definite.
        other => Input::Lost(Lost::Broken(other.to_string())),
    }
}

/// Why a further attempt found no line.
fn never_sent(error: Error) -> NotSent {
    match error {
        Error::Identity { why, .. } => NotSent::Identity(why),
        Error::CertificateRefused { why, .. } => NotSent::CertificateRefused(why),
        other => NotSent::Unreachable(other.to_string()),
    }
}
