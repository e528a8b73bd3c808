//! A pay over the LAN: it plays the hedge machine, with a line for each copy.
//!
//! Everything happens in the caller's future. When the pay has come to its end, the lines of the copies that were not
//! waited for are hung up; that stops nothing at the terminal.

use std::future::Future;
use std::pin::Pin;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::time::Instant;
use vinr_protocol::client::attempt::{Lost, NotSent};
use vinr_protocol::client::hedge::{Effect, Hedge, Input, Number, On, Others, Policy, Timer, Word};
use vinr_protocol::client::hybrid::{self, Path};
use vinr_protocol::{AttemptKey, JournalId, Machine, PayRequest};
use vinr_transport::CallError;
use vinr_transport::client::Accepted;
use vinr_transport::drive::Timers;

use crate::hands::{Call, Done};
use crate::lan::{self, Way, never_sent};
use crate::line::Line;
use crate::terminals::Taken;
use crate::vinr::Inner;

const PATH: Path = Path::Lan;

/// Sends the pay. It resolves at the head, and goes on from there to the outcome.
pub(crate) fn pay<'a>(
    inner: &'a Inner,
    request: PayRequest,
    key: AttemptKey,
    journal: Option<JournalId>,
    way: Way,
) -> Call<'a> {
    Box::pin(async move {
        let asked = Instant::now();
        let pay = Pay {
            inner,
            request,
            key,
            journal,
        };
        let dialled = match way {
            Way::Line(taken) => Ok(taken),
            Way::Dead(why) => Err(why),
            Way::Dial => pay.dial().await,
        };
        let taken = match dialled {
            Ok(taken) => taken,
            Err(why) => return Done::with(hybrid::Input::NeverSent(PATH, why)),
        };
        let pace = inner.terminals.pace(&pay.request.terminal_id);
        let mut copies = Copies {
            hedge: Hedge::new(inner.hedging.at(&taken.line.reader, pace)),
            pay,
            asked: taken.asked.min(asked),
            sent: Instant::now(),
            first: Some(taken),
            last: 0,
            under_way: FuturesUnordered::new(),
            timers: Timers::new(),
        };
        let told = copies.step(Input::Begin);
        copies.run(told).await
    })
}

/// The one request, of which there may be copies.
#[derive(Clone)]
struct Pay<'a> {
    inner: &'a Inner,
    request: PayRequest,
    key: AttemptKey,
    /// Of the device that the record is about.
    journal: Option<JournalId>,
}

struct Copies<'a> {
    hedge: Hedge,
    pay: Pay<'a>,
    /// When the till wanted a line.
    asked: Instant,
    sent: Instant,
    /// The line of the first copy.
    first: Option<Taken>,
    /// The copy that had the last word.
    last: Number,
    under_way: FuturesUnordered<Copy<'a>>,
    timers: Timers<Timer>,
}

type Copy<'a> = Pin<Box<dyn Future<Output = Came<'a>> + Send + 'a>>;

/// What a copy has come to: its line if that is unbroken, and what follows where it was accepted.
struct Came<'a> {
    input: Input,
    line: Option<Line>,
    then: Option<Copy<'a>>,
}

impl<'a> Copies<'a> {
    async fn run(mut self, mut told: Option<Word>) -> Done<'a> {
        loop {
            if let Some(word) = told {
                return self.tell(word, None);
            }
            let (input, line) = self.next().await;
            told = self.step(input);
            if let Some(word) = told {
                return self.tell(word, line);
            }
            // A copy that was refused while another one is waited for.
            if let Some(line) = line {
                self.pay.inner.terminals.keep(line);
            }
        }
    }

    fn step(&mut self, input: Input) -> Option<Word> {
        let arrived = Instant::now();
        let mut told = None;
        if let Input::Head(copy) = input {
            self.last = copy;
        }
        for effect in self.hedge.step(input) {
            match effect {
                Effect::Send { copy, on } => self.send(copy, on),
                Effect::Arm(timer, after) => self.timers.arm(timer, arrived + after),
                Effect::Disarm(timer) => self.timers.disarm(&timer),
                Effect::Tell(word) => told = Some(word),
            }
        }
        told
    }

    async fn next(&mut self) -> (Input, Option<Line>) {
        tokio::select! {
            biased;
            Some(came) = self.under_way.next() => {
                self.under_way.extend(came.then);
                (came.input, came.line)
            }
            timer = self.timers.elapsed() => (Input::Elapsed(timer), None),
        }
    }

    fn send(&mut self, copy: Number, on: On) {
        let pay = self.pay.clone();
        let terminal = &pay.request.terminal_id;
        let taken = match (self.first.take(), on) {
            (Some(first), _) => Some(first),
            (None, On::AtHand) => std::iter::from_fn(|| pay.inner.terminals.idle(terminal))
                .find(|line| pay.may_go_on(copy, line))
                .map(Taken::idle),
            (None, On::New) => None,
        };
        if copy > 0 {
            let reference = &pay.request.reference;
            tracing::debug!(reader = %terminal, %reference, copy, ?on, "a payment without a head goes on another line");
        }
        self.under_way.push(match (taken, on) {
            (Some(taken), _) => Box::pin(pay.copy(copy, taken)),
            (None, On::New) => Box::pin(pay.copy_on_new(copy)),
            (None, On::AtHand) => Box::pin(async move { Came::without_line(Input::NoLine(copy)) }),
        });
    }

    fn tell(self, word: Word, line: Option<Line>) -> Done<'a> {
        let input = match word {
            Word::Head => {
                let Pay { inner, request, .. } = &self.pay;
                let terminal = &request.terminal_id;
                inner.terminals.paced(terminal, self.sent.elapsed());
                inner.tally.activated(self.asked.elapsed(), self.last > 0);
                return Done {
                    input: hybrid::Input::Head(PATH),
                    line,
                    then: Some(Box::pin(self.run(None))),
                };
            }
            Word::Answered(payment) => hybrid::Input::Answered(PATH, payment),
            Word::Refused {
                status,
                error,
                others: Others::AskedForNone,
            } => hybrid::Input::Refused {
                path: PATH,
                status,
                error,
            },
            Word::Refused {
                status,
                error,
                others: Others::MayHaveArrived,
            } => hybrid::Input::CopyRefused {
                path: PATH,
                status,
                error,
            },
            Word::NeverSent(why) => hybrid::Input::NeverSent(PATH, why),
            Word::Lost(why) => hybrid::Input::Lost(PATH, why),
        };
        Done {
            input,
            line,
            then: None,
        }
    }
}

impl<'a> Pay<'a> {
    /// Sends one copy, to its head.
    async fn copy(self, copy: Number, mut taken: Taken) -> Came<'a> {
        loop {
            let Taken {
                mut line, was_idle, ..
            } = taken;
            // A line that it may not go on is as good as one that is closed.
            let sent = match self.may_go_on(copy, &line) {
                true => self.send(copy, &mut line).await,
                false => Err(CallError::NotSent),
            };
            match sent {
                Ok(accepted) => {
                    return Came {
                        input: Input::Head(copy),
                        line: None,
                        then: Some(Box::pin(outcome(copy, accepted, line))),
                    };
                }
                // Nothing was sent on the idle line.
                Err(CallError::NotSent) if was_idle => {
                    taken = match self.dial().await {
                        Ok(taken) => taken,
                        Err(why) => return Came::without_line(Input::NeverSent(copy, why)),
                    };
                }
                Err(error @ CallError::Refused(..)) => {
                    return Came {
                        input: failed(copy, error),
                        line: Some(line),
                        then: None,
                    };
                }
                Err(error) => return Came::without_line(failed(copy, error)),
            }
        }
    }

    async fn send(&self, copy: Number, line: &mut Line) -> Result<Accepted, CallError> {
        if copy > 0 {
            self.inner.tally.hedged();
        }
        line.connection.pay(&self.request, Some(&self.key)).await
    }

    /// Does the line lead to the device that the record is about? A record of another one would be no help in finding
    /// out. \[REC-23\] And would that device make one attempt of this copy and the others?
    fn may_go_on(&self, copy: Number, line: &Line) -> bool {
        let is_the_device = self.journal.is_none() || self.journal == line.reader.journal_id;
        let joins = copy == 0 || self.inner.hedging.at(&line.reader, None) != Policy::ONCE;
        is_the_device && joins
    }

    async fn copy_on_new(self, copy: Number) -> Came<'a> {
        match self.dial().await {
            Ok(taken) => self.copy(copy, taken).await,
            Err(why) => Came::without_line(Input::NeverSent(copy, why)),
        }
    }

    /// A new line.
    async fn dial(&self) -> Result<Taken, NotSent> {
        let dialled = self.inner.terminals.dial(&self.request.terminal_id).await;
        dialled.map(Taken::new).map_err(never_sent)
    }
}

impl Came<'_> {
    fn without_line(input: Input) -> Self {
        Self {
            input,
            line: None,
            then: None,
        }
    }
}

/// [PAY-7] the first outcome comes on this line, and nobody is asked for it meanwhile.
async fn outcome<'a>(copy: Number, accepted: Accepted, line: Line) -> Came<'a> {
    match accepted.outcome().await {
        Ok(payment) => Came {
            input: Input::Answered(copy, payment),
            line: Some(line),
            then: None,
        },
        Err(error) => Came::without_line(failed(copy, error)),
    }
}

/// What the failure of a copy means.
fn failed(copy: Number, error: CallError) -> Input {
    match lan::failed(error) {
        hybrid::Input::Refused { status, error, .. } => Input::Refused {
            copy,
            status,
            error,
        },
        hybrid::Input::NeverSent(_, why) => Input::NeverSent(copy, why),
        hybrid::Input::Lost(_, why) => Input::Lost(copy, why),
        // Whatever else is said of it, its answer will not come.
        other => Input::Lost(copy, Lost::Broken(format!("{other:?}"))),
    }
}
