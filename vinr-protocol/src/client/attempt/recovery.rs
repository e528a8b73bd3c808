//! Finding out what became of an attempt: look up, cancel, ask again. It sends no pay until a cancel is
//! acknowledged. \[REC-1, REC-5\]

use std::time::Duration;

use super::{Attempt, Effect, Lost, Outcome, Phase, REPLY_WAIT, StoredAttempt, Timer, Unsettled};
use crate::error_body::{Code, ErrorBody};
use crate::mutant::{Mutant, is_planted};
use crate::payment::{CancelOutcome, Cancellation, ConnectionMode, Payment, PaymentList, Status};
use crate::time::Timestamp;
use crate::timing::{ASK_AGAIN_MAX, ASK_AGAIN_MIN, RECORDS_KEPT};

/// What is known about an attempt whose answer did not come.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Recovery {
    pub(super) doubt: Doubt,
    /// The terminal said that it had the attempt: then it may not deny it.
    accepted: bool,
    /// Older than a terminal keeps its records.
    pub(super) aged: bool,
    /// The sale's other attempts, as anybody listed them so far: one of them may have paid it.
    pub(super) others: Vec<Payment>,
    /// The next pause.
    pause: Duration,
}

/// Why the till has to ask.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Doubt {
    Lost(Lost),
    /// The pay was refused, and the sale may be paid by another attempt.
    Refused {
        status: u16,
        error: ErrorBody,
    },
}

impl Doubt {
    pub(super) fn into_lost(self) -> Lost {
        match self {
            Doubt::Lost(why) => why,
            Doubt::Refused { status, error } => Lost::Failed {
                status,
                error: Box::new(error),
            },
        }
    }
}

impl Recovery {
    fn new(doubt: Doubt) -> Self {
        Self {
            doubt,
            accepted: false,
            aged: false,
            others: Vec::new(),
            pause: ASK_AGAIN_MIN,
        }
    }

    /// Somebody listed these: the newer word on each counts.
    pub(super) fn hears(&mut self, stored: &StoredAttempt, listed: &[Payment]) {
        for payment in listed {
            if payment.reference != stored.reference
                || payment.attempt_key.as_ref() == Some(&stored.key)
            {
                continue;
            }
            match self.others.iter_mut().find(|known| known.id == payment.id) {
                Some(known) => *known = payment.clone(),
                None => self.others.push(payment.clone()),
            }
        }
    }

    /// It was refused for the sake of another attempt, and nobody has listed one: whether the sale is paid is not known.
    pub(super) fn misses_another(&self) -> bool {
        let Doubt::Refused { error, .. } = &self.doubt else {
            return false;
        };
        let is_elsewhere = matches!(
            error.code,
            Code::ReferenceInProgress | Code::ReferenceAlreadyPaid
        );
        is_elsewhere && self.others.is_empty()
    }
}

impl Attempt {
    /// The pay asked for no card, and this is what the sale's other attempts have come to.
    pub(super) fn refusal_stands(&mut self, recovery: Recovery) -> Vec<Effect> {
        let Doubt::Refused { status, error } = recovery.doubt else {
            return self.pause(recovery);
        };
        self.settle(Outcome::Refused {
            status,
            error,
            attempts: recovery.others,
        })
    }

    pub(super) fn resume(&mut self, now: Timestamp) -> Vec<Effect> {
        // Nobody waits at the counter for a resumed attempt: it is found out, never paid anew. [REC-5]
        self.policy.spare_key = None;
        // In both directions: a clock that was set back proves nothing either.
        let age = Duration::from_millis(now.unix_ms().abs_diff(self.stored.stored_at.unix_ms()));
        let mut effects = vec![Effect::Arm(Timer::Deadline, self.policy.deadline)];
        effects.extend(self.look_up(Recovery {
            aged: age > RECORDS_KEPT,
            ..Recovery::new(Doubt::Lost(Lost::Restarted))
        }));
        effects
    }

    pub(super) fn lost(&mut self, why: Lost, accepted: bool) -> Vec<Effect> {
        self.recover(Doubt::Lost(why), accepted)
    }

    pub(super) fn recover(&mut self, doubt: Doubt, accepted: bool) -> Vec<Effect> {
        let recovery = Recovery {
            accepted,
            ..Recovery::new(doubt)
        };
        let mut effects = vec![Effect::Disarm(Timer::Hold)];
        effects.extend(
            if is_planted(Mutant::PaysAgainBeforeLookUp) && self.policy.spare_key.is_some() {
                self.void(recovery, None)
            } else {
                self.look_up(recovery)
            },
        );
        effects
    }

    pub(super) fn look_up(&mut self, recovery: Recovery) -> Vec<Effect> {
        self.phase = Phase::LookingUp(recovery);
        vec![Effect::LookUp, Effect::Arm(Timer::Reply, REPLY_WAIT)]
    }

    pub(super) fn looked_up(&mut self, mut recovery: Recovery, list: PaymentList) -> Vec<Effect> {
        if !self.stored.is_listed_by(&list) {
            return self.pause(recovery); // [REC-19]
        }
        if is_planted(Mutant::TakesTheNewestEntry)
            && let Some(newest) = list.data.first()
            && newest.status.is_final()
        {
            return self.settle(Outcome::Final(newest.clone()));
        }
        let Some(own) = self.stored.own(&list) else {
            return self.not_listed(recovery, list);
        };
        recovery.hears(&self.stored, &list.data);
        self.found(recovery, own)
    }

    /// The attempt is listed.
    pub(super) fn found(&mut self, mut recovery: Recovery, own: &Payment) -> Vec<Effect> {
        if let Some(outcome) = self.result(own) {
            return self.settle(outcome); // [REC-3]
        }
        recovery.accepted = true;
        self.unfinished(recovery, own)
    }

    pub(super) fn unfinished(&mut self, recovery: Recovery, own: &Payment) -> Vec<Effect> {
        match own.status {
            Status::Created | Status::Pending if self.stored.is_answered_by(own) => {
                self.cancel(recovery) // [REC-4]
            }
            // In flight, unknown [REC-18], or not about the request [REC-19].
            _ => self.pause(recovery),
        }
    }

    /// Whoever was not reached said nothing: neither that it was charged, nor that it was not.
    pub(super) fn look_up_failed(&mut self, recovery: Recovery) -> Vec<Effect> {
        if is_planted(Mutant::UnreachableIsUnpaid) {
            return self.void(recovery, None);
        }
        self.pause(recovery)
    }

    /// The terminal answered and does not list the attempt.
    pub(super) fn not_listed(&mut self, mut recovery: Recovery, list: PaymentList) -> Vec<Effect> {
        recovery.hears(&self.stored, &list.data);
        let why = match &recovery.doubt {
            Doubt::Refused { .. } if !self.copies && !recovery.misses_another() => {
                return self.refusal_stands(recovery);
            }
            doubt => doubt.clone().into_lost(),
        };
        match (&self.stored.journal_id, &list.journal_id) {
            (Some(stored), Some(listed))
                if stored != listed && !is_planted(Mutant::TrustsAnotherJournal) =>
            {
                self.unknown(Unsettled::OtherJournal(why)) // [REC-23]
            }
            // Whoever may have dropped the record, or had accepted the attempt, proves nothing by denying it.
            (Some(_), Some(_)) if recovery.aged && !is_planted(Mutant::TrustsAnOldEmptyList) => {
                self.unknown(Unsettled::TooOld) // [REC-23]
            }
            (Some(_), Some(_)) if recovery.accepted => self.unknown(Unsettled::Forgotten(why)),
            // It had refused this one for another's sake, and now knows of no other.
            (Some(_), Some(_)) if !self.copies && recovery.misses_another() => {
                self.unknown(Unsettled::Elsewhere(why))
            }
            (Some(_), Some(_)) => self.cancel(recovery), // [REC-20]
            _ => self.pause(recovery),
        }
    }

    pub(super) fn cancel(&mut self, recovery: Recovery) -> Vec<Effect> {
        let cancel = Effect::Cancel {
            key: self.stored.key.clone(),
        };
        if is_planted(Mutant::DoesNotAwaitTheCancel) {
            let mut effects = vec![cancel];
            effects.extend(self.void(recovery, None));
            return effects;
        }
        self.phase = Phase::Cancelling(recovery);
        vec![cancel, Effect::Arm(Timer::Reply, REPLY_WAIT)]
    }

    pub(super) fn cancel_answered(
        &mut self,
        recovery: Recovery,
        cancellation: Cancellation,
    ) -> Vec<Effect> {
        let about = cancellation.reference == self.stored.reference
            && cancellation
                .payment
                .as_ref()
                .is_none_or(|payment| self.stored.is_answered_by(payment));
        if !about {
            return self.pause(recovery); // [REC-19]
        }
        match (cancellation.outcome, cancellation.payment) {
            // It had the attempt and now knows nothing of it: another device may have it. [REC-23]
            (CancelOutcome::Cancelled, None) if recovery.accepted => {
                self.unknown(Unsettled::Forgotten(recovery.doubt.into_lost()))
            }
            (CancelOutcome::Cancelled, None) => {
                match self.stored.is_same_journal(cancellation.journal_id) {
                    Some(true) => self.void(recovery, None),
                    Some(false) => {
                        self.unknown(Unsettled::OtherJournal(recovery.doubt.into_lost())) // [REC-23]
                    }
                    None => self.pause(recovery),
                }
            }
            (CancelOutcome::Cancelled, Some(payment)) if payment.status == Status::Cancelled => {
                self.void(recovery, Some(payment))
            }
            (CancelOutcome::TooLate, Some(payment)) if payment.status.is_final() => {
                self.settle(Outcome::Final(payment))
            }
            (CancelOutcome::StillProcessing, Some(payment)) => match self.result(&payment) {
                Some(queued @ Outcome::AcceptedOffline(_)) => self.settle(queued), // [OFF-10]
                _ => self.pause(recovery),
            },
            _ => self.pause(recovery),
        }
    }

    /// The attempt is durably cancelled and can never charge: one more, under a new key, or the end. \[REC-9\]
    pub(super) fn void(&mut self, recovery: Recovery, cancelled: Option<Payment>) -> Vec<Effect> {
        if recovery.misses_another() {
            return self.unknown(Unsettled::Elsewhere(recovery.doubt.into_lost()));
        }
        if matches!(recovery.doubt, Doubt::Refused { .. }) {
            return self.refusal_stands(recovery);
        }
        // Another attempt of the sale has paid or may pay: none is added to it, and it is handed over. §5
        // A device that returns no keys lists its own among them.
        let is_own = |it: &Payment| cancelled.as_ref().is_some_and(|own| own.id == it.id);
        let mut others = recovery.others.iter();
        let is_sold = others.any(|it| it.may_have_paid() && !is_own(it));
        let spare = self.policy.spare_key.take().filter(|_| !is_sold);
        let Some(key) = spare else {
            let voided = Outcome::Voided {
                why: recovery.doubt.into_lost(),
                attempts: recovery.others,
            };
            return self.settle(match cancelled {
                Some(payment) if !is_sold => Outcome::Final(payment),
                _ => voided,
            });
        };
        let forget = Effect::Forget {
            key: std::mem::replace(&mut self.stored.key, key), // [REC-17]
        };
        if self.stored.members.is_empty() {
            self.stored.path = ConnectionMode::Local; // [HYB-1]
        }
        self.stored
            .known
            .extend(cancelled.map(|payment| payment.id));
        let mut effects = vec![Effect::Disarm(Timer::Reply), forget];
        effects.extend(self.store());
        effects
    }

    /// Asks again in a while.
    pub(super) fn pause(&mut self, mut recovery: Recovery) -> Vec<Effect> {
        let pause = recovery.pause;
        recovery.pause = (pause * 2).min(ASK_AGAIN_MAX);
        self.phase = Phase::Pausing(recovery);
        vec![
            Effect::Disarm(Timer::Reply),
            Effect::Arm(Timer::AskAgain, pause),
        ]
    }
}
