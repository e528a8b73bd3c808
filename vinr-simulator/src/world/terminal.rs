//! A terminal of the shop: the production machine over a disk that tells what would be there after a power cut, and
//! that holds in memory only what is not settled.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use vinr_protocol::mutant::{Mutant, is_planted};
use vinr_protocol::payment::ConnectionMode;
use vinr_protocol::reader::{Activity, ReaderStatus};
use vinr_protocol::terminal::{Answer, Effect, Input, Record, Recovery, Screen, Session, Timer};
use vinr_protocol::{Amount, AttemptKey, Payment, PaymentId};

use super::action::Then;
use super::bank::Bank;
use super::disk::Disk;
use super::invariant::{Checked, ensure, is_true};
use super::message::{Line, Message, Reply};
use super::plan::{Plan, now};

/// One terminal.
#[derive(Debug, Clone, Hash)]
pub(super) struct Terminal {
    pub(super) nth: usize,
    /// `None` while the power is off.
    pub(super) session: Option<Session>,
    pub(super) disk: Disk,
    pub(super) armed: BTreeMap<Timer, Duration>,
    /// The attempt that the cardholder sees.
    pub(super) shown: Option<PaymentId>,
    /// The queued payment that the host was asked for.
    in_flight: Option<PaymentId>,
    pub(super) internet: Reach,
    pub(super) lan: Reach,
    failed: bool,
}

/// Can it be reached?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Reach {
    There,
    /// Gone, and the terminal does not know yet.
    Gone,
    /// Gone, and the terminal knows.
    Missed,
}

/// What a terminal's step sends, and which of its timers it moved.
#[derive(Debug, Default)]
pub(super) struct Out {
    pub(super) sent: Vec<Message>,
    pub(super) armed: Vec<(Timer, Duration)>,
}

/// Around a terminal, while it works.
pub(super) struct Around<'a> {
    pub(super) plan: &'a Plan,
    pub(super) bank: &'a Bank,
}

impl Terminal {
    pub(super) fn new(plan: &Plan, nth: usize) -> Self {
        let disk = Disk::new(nth);
        Self {
            session: Some(Session::new(plan.config(nth), disk.journal_id())),
            nth,
            disk,
            armed: BTreeMap::new(),
            shown: None,
            in_flight: None,
            internet: Reach::There,
            lan: Reach::There,
            failed: false,
        }
    }

    pub(super) fn is_on(&self) -> bool {
        self.session.is_some()
    }

    /// Can a till reach it?
    pub(super) fn is_reachable(&self) -> bool {
        self.is_on() && self.lan == Reach::There
    }

    pub(super) fn cut(&mut self) {
        self.session = None;
        self.failed = false;
        self.armed.clear();
        self.shown = None;
        self.in_flight = None;
    }

    /// Starts again over what the disk holds.
    pub(super) fn boot(&mut self, then: Then, around: &Around<'_>) -> Checked<Option<Out>> {
        let config = around.plan.config(self.nth);
        if self.internet == Reach::Missed {
            self.internet = Reach::Gone;
        }
        let Some(records) = self.disk.read() else {
            self.session = Some(Session::damaged(config));
            self.failed = true;
            return Ok((then == Then::Goes).then(Out::default));
        };
        let mut recovery = Recovery::new(config);
        records.into_iter().for_each(|record| recovery.read(record));
        let (session, effects) = recovery.finish(self.disk.journal_id(), self.disk.date());
        self.session = Some(session);
        ensure(
            !effects
                .iter()
                .any(|it| matches!(it, Effect::Show(Screen::PresentCard { .. }))),
            "REC-15: something prompts at boot",
        )?;
        if matches!(then, Then::CutAfter(performed) if performed >= effects.len()) {
            return Ok(None);
        }
        let mut out = Out::default();
        self.perform(effects, then, None, around, &mut out)?;
        Ok(Some(out))
    }

    /// Feeds the machine and performs what it asks.
    pub(super) fn feed(
        &mut self,
        input: Input,
        then: Then,
        around: &Around<'_>,
    ) -> Checked<Option<Out>> {
        let Some(session) = self.session.as_mut() else {
            return Ok(None);
        };
        let path = match &input {
            Input::Pay { path, .. } => Some(path.clone()),
            _ => None,
        };
        if let Input::HostAnswered { payment, .. } = &input
            && self.in_flight.as_ref() == Some(payment)
        {
            self.in_flight = None;
        }
        if matches!(&input, Input::Internet { status } if *status == ReaderStatus::Offline) {
            self.in_flight = None;
        }
        let interaction_ended = matches!(
            input,
            Input::Elapsed {
                timer: Timer::Interaction,
                ..
            }
        );
        let effects = session.step_over(&self.disk, input);
        let is_there = match then {
            Then::Goes => true,
            Then::CutAfter(performed) => performed < effects.len(),
            Then::SyncFails(nth) => nth < effects.iter().filter(|it| persists(it)).count(),
        };
        if !is_there {
            return Ok(None);
        }
        let mut out = Out::default();
        self.perform(effects, then, path, around, &mut out)?;
        if interaction_ended {
            let activity = self.session.as_ref().map(Session::activity);
            ensure(
                activity != Some(Activity::Busy),
                "PAY-22: the terminal is still held after 90 s",
            )?;
        }
        Ok(Some(out))
    }

    fn perform(
        &mut self,
        effects: Vec<Effect>,
        then: Then,
        path: Option<ConnectionMode>,
        around: &Around<'_>,
        out: &mut Out,
    ) -> Checked<()> {
        let mut written = 0;
        let mut effects = effects.into_iter().enumerate();
        while let Some((nth, effect)) = effects.next() {
            if then == Then::CutAfter(nth) {
                if let Effect::Persist(record) = effect {
                    self.disk.tear(record);
                }
                self.cut();
                return Ok(());
            }
            if persists(&effect) {
                written += 1;
                if then == Then::SyncFails(written - 1) {
                    if is_planted(Mutant::IgnoresFailedSync) {
                        continue;
                    }
                    let undone = effects.map(|(_, effect)| effect).collect();
                    return self.fail(undone, around, out);
                }
            }
            self.perform_one(effect, path.as_ref(), around, out)?;
        }
        self.at_rest()
    }

    /// The disk said no: what was not performed is not, and nothing is tried again. \[REC-21\]
    fn fail(&mut self, undone: Vec<Effect>, around: &Around<'_>, out: &mut Out) -> Checked<()> {
        let Some(session) = self.session.as_mut() else {
            return Ok(());
        };
        let effects = session.step_over(&self.disk, Input::StorageFailed { undone });
        self.failed = true;
        self.armed.clear();
        effects
            .into_iter()
            .try_for_each(|effect| self.perform_one(effect, None, around, out))
    }

    fn perform_one(
        &mut self,
        effect: Effect,
        path: Option<&ConnectionMode>,
        around: &Around<'_>,
        out: &mut Out,
    ) -> Checked<()> {
        let terminal = self.nth;
        match effect {
            Effect::Persist(record) => {
                // Whoever is linked to the cloud tells it of every change, and of all of them when it is linked again.
                if let Record::Attempt(attempt) = &record {
                    out.sent.push(Message::Report {
                        terminal,
                        payment: Arc::new(attempt.payment.clone()),
                    });
                }
                return self.disk.write(record, path, around);
            }
            Effect::Show(screen) => return self.show(screen, around),
            Effect::Head { caller, .. } => {
                let line = Line::of(caller);
                let durable = line.key().is_some_and(|key| self.disk.knows(&key));
                ensure(durable, "I6: accepted before it was durable")?;
                out.sent.push(self.reply(line, Reply::Head));
            }
            Effect::Answer { caller, answer } => {
                self.check_answer(&answer, around)?;
                let reply = match answer {
                    Answer::Payment(payment) => Reply::Payment(Arc::new(payment)),
                    Answer::Payments(list) => Reply::List(Arc::new(list)),
                    Answer::Cancellation(it) => Reply::Cancellation(Arc::new(it)),
                    Answer::Refused(refusal) => Reply::Refused(refusal.code),
                    Answer::Reader(_) => return Ok(()),
                };
                out.sent.push(self.reply(Line::of(caller), reply));
            }
            Effect::Authorize { payment } => {
                self.check_sent(&payment)?;
                out.sent.push(if self.internet == Reach::There {
                    Message::Authorize {
                        terminal,
                        payment: Arc::new(payment),
                    }
                } else {
                    Message::NotSent {
                        terminal,
                        payment: payment.id,
                    }
                });
            }
            Effect::AskHost { payment } => {
                if self.internet == Reach::There {
                    out.sent.push(Message::Status { terminal, payment });
                }
            }
            Effect::Reverse { payment } => {
                if self.internet == Reach::There {
                    out.sent.push(Message::Reverse { terminal, payment });
                }
            }
            Effect::Arm(timer, after) => {
                self.armed.insert(timer.clone(), after);
                out.armed.push((timer, after));
            }
            Effect::Disarm(timer) => drop(self.armed.remove(&timer)),
            Effect::Announce(Activity::Idle) => out.sent.push(Message::Freed { terminal }),
            Effect::Announce(_) | Effect::Alarm(_) => {}
        }
        Ok(())
    }

    fn reply(&self, line: Line, reply: Reply) -> Message {
        Message::Reply {
            line,
            terminal: self.nth,
            reply,
        }
    }

    fn show(&mut self, screen: Screen, around: &Around<'_>) -> Checked<()> {
        match screen {
            Screen::PresentCard {
                payment, amount, ..
            } => {
                self.check_prompt(&payment, amount, around)?;
                self.shown = Some(payment);
            }
            Screen::EnterPin | Screen::Authorizing => {}
            _ => self.shown = None,
        }
        Ok(())
    }

    /// I6, I10, I13, I28, and that what cannot be taken offline asks for no card.
    fn check_prompt(&self, id: &PaymentId, amount: Amount, around: &Around<'_>) -> Checked<()> {
        ensure(self.shown.is_none(), "I13: two attempts prompt")?;
        let Some(payment) = self.disk.payment(id) else {
            return ensure(false, "I6: shown before it was durable");
        };
        ensure(
            payment.status.as_str() == "pending",
            "I10: what is over prompts",
        )?;
        ensure(payment.amount == amount, "I28: another amount is shown")?;
        let void = payment
            .attempt_key
            .as_ref()
            .is_some_and(|key| self.disk.is_tombstoned(key));
        ensure(!void, "I10: a tombstoned attempt prompts")?;
        if self.internet == Reach::Missed {
            let fits = amount.minor_units() <= super::plan::LIMIT
                && self.disk.queued().count() < around.plan.max_queued as usize;
            ensure(fits, "OFF-13: a card is asked for that cannot be taken")?;
        }
        Ok(())
    }

    /// I7, I19, I28: what goes to the host.
    fn check_sent(&mut self, payment: &Payment) -> Checked<()> {
        let Some(durable) = self.disk.payment(&payment.id) else {
            return ensure(false, "I7: sent before it was durable");
        };
        ensure(
            durable.status.as_str() == "processing",
            "I7: sent before processing was durable",
        )?;
        ensure(
            durable.amount == payment.amount,
            "I28: another amount is authorized",
        )?;
        if !durable.is_queued_offline() {
            return Ok(());
        }
        let head = self.disk.queued().min_by_key(|it| sequence(it));
        ensure(
            head.is_some_and(|head| head.id == payment.id),
            "I19: a queued payment passes another",
        )?;
        ensure(
            self.in_flight.as_ref().is_none_or(|id| *id == payment.id),
            "I19: two queued payments are in flight",
        )?;
        self.in_flight = Some(payment.id.clone());
        Ok(())
    }

    fn check_answer(&self, answer: &Answer, around: &Around<'_>) -> Checked<()> {
        let mut payments: Vec<&Payment> = match answer {
            Answer::Payment(payment) => vec![payment],
            Answer::Payments(list) => list.data.iter().collect(),
            Answer::Cancellation(it) => it.payment.iter().collect(),
            Answer::Reader(_) | Answer::Refused(_) => Vec::new(),
        };
        // A card that is on the screen may be further than the disk; what is said to be over is not.
        payments.retain(|it| it.status.is_final() || it.is_queued_offline());
        for payment in payments {
            ensure(
                self.disk.payment(&payment.id) == Some(payment),
                "I8: an answer is not what the disk says",
            )?;
            is_true(payment, around, self.disk.is_owed(&payment.id))?;
        }
        Ok(())
    }

    /// What must hold when a step is done.
    fn at_rest(&self) -> Checked<()> {
        if !self.is_on() || self.failed {
            return Ok(());
        }
        for payment in self.disk.payments() {
            let is_pending = payment.status.as_str() == "pending";
            ensure(
                !is_pending || self.shown.as_ref() == Some(&payment.id),
                "I5: pending, and nobody is asked for a card",
            )?;
        }
        Ok(())
    }

    /// Its journal failed: it says so, and does nothing else until somebody mends it.
    pub(super) fn is_out_of_service(&self) -> bool {
        self.failed
    }

    /// The id of the next attempt under a key: never one that was used.
    pub(super) fn fresh_id(&self, key: &AttemptKey) -> PaymentId {
        self.disk.fresh_id(key)
    }

    pub(super) fn date(&self) -> vinr_protocol::Timestamp {
        if self.is_on() {
            self.disk.date()
        } else {
            now()
        }
    }
}

fn persists(effect: &Effect) -> bool {
    matches!(effect, Effect::Persist(_))
}

/// Its place in the queue.
pub(super) fn sequence(payment: &Payment) -> u64 {
    payment.offline.as_ref().map_or(0, |mark| mark.sequence)
}
