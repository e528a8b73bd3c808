//! What goes wrong without the internet: a machine around the session that bends limits, the queue and its draining.

use std::collections::BTreeSet;

use vinr_protocol::device::OfflineLimits;
use vinr_protocol::error_body::{Code, Refusal};
use vinr_protocol::payment::{Offline, Payment, Status};
use vinr_protocol::reader::ReaderStatus;
use vinr_protocol::terminal::{Answer, Effect, HostVerdict, Input, LocalMode, Screen, Timer};
use vinr_protocol::{Amount, Currency, Machine, PaymentId, Timestamp};

use super::faulty::{Terminal, complete};
use super::{Defect, Defects};

/// Bends the limits that a terminal starts with, or is given.
pub(super) fn bend_limits(
    limits: Option<OfflineLimits>,
    defects: &Defects,
) -> Option<OfflineLimits> {
    let has = |defect| defects.contains(&defect);
    if has(Defect::NeverQueues) {
        return None;
    }
    let sheet_of_another = vinr_protocol::device::Model::NexgoCt20.offline_limits();
    let mut limits = match limits {
        None if has(Defect::QueuesWithoutAQueue) => sheet_of_another?,
        limits => limits?,
    };
    if has(Defect::QueuesOneTooMany) {
        limits.max_queued += 1;
    }
    if has(Defect::TakesMoreThanTheLimit) {
        for limit in limits.limits.values_mut() {
            *limit = Amount::new(limit.minor_units() + 1).unwrap_or(*limit);
        }
    }
    if has(Defect::UsdLimitForEveryCurrency) {
        let usd = limits.limits.get(&Currency::USD).copied()?;
        for code in ["EUR", "GBP", "CHF", "JPY"] {
            if let Ok(currency) = Currency::new(code) {
                limits.limits.entry(currency).or_insert(usd);
            }
        }
    }
    Some(limits)
}

/// Puts the defects of this file around a machine that was just recovered, and bends its boot effects.
pub(super) fn around(
    machine: Terminal,
    effects: Vec<Effect>,
    defects: &Defects,
    now: Timestamp,
) -> (Terminal, Vec<Effect>) {
    let mut astray = Astray {
        machine,
        defects: defects.clone(),
        now,
        internet: ReaderStatus::Online,
        local_mode: LocalMode::On,
        admitted_offline: BTreeSet::new(),
        forgotten: BTreeSet::new(),
        doubles: BTreeSet::new(),
    };
    if astray.has(Defect::QueueForgottenAtRestart) {
        // The ages of what is queued are what a boot counts on.
        astray
            .forgotten
            .extend(effects.iter().filter_map(|effect| match effect {
                Effect::Arm(Timer::QueueAge(id), _) => Some(id.clone()),
                _ => None,
            }));
    }
    let effects = astray.bend(effects);
    (Box::new(astray), effects)
}

struct Astray {
    machine: Terminal,
    defects: Defects,
    now: Timestamp,
    internet: ReaderStatus,
    local_mode: LocalMode,
    /// Payments that were prompted without the internet.
    admitted_offline: BTreeSet<PaymentId>,
    /// Payments that a restart lost.
    forgotten: BTreeSet<PaymentId>,
    /// Payments that stand for another one a second time.
    doubles: BTreeSet<PaymentId>,
}

impl Machine for Astray {
    type Input = Input;
    type Effect = Effect;

    fn step(&mut self, input: Input) -> Vec<Effect> {
        let input = match input {
            Input::OfflineLimits { .. } if self.has(Defect::ConfiguredLimitsIgnored) => {
                return Vec::new();
            }
            Input::OfflineLimits { limits } => {
                let limits = bend_limits(limits, &self.defects);
                Input::OfflineLimits { limits }
            }
            Input::LocalMode { .. } if self.has(Defect::LocalModeIgnored) => return Vec::new(),
            Input::LocalMode { to } => {
                self.local_mode = to;
                Input::LocalMode { to }
            }
            Input::LookUp { caller, .. } if self.blocks_look_ups() => {
                let message = "local mode is switched off";
                let refusal = Refusal::new(Code::LocalModeDisabled, message);
                let answer = Answer::Refused(refusal);
                return vec![Effect::Answer { caller, answer }];
            }
            Input::Elapsed {
                timer: Timer::QueueAge(_),
                ..
            } if self.has(Defect::StaleQueueTakesMore) => return Vec::new(),
            Input::HostAnswered { payment, .. } if self.doubles.contains(&payment) => {
                return Vec::new();
            }
            Input::Internet { status } => {
                self.internet = status.clone();
                Input::Internet { status }
            }
            Input::Pay {
                caller,
                request,
                key,
                path,
                expires_at,
                id,
                now,
                revocation,
            } => {
                self.now = now;
                if self.internet == ReaderStatus::Offline {
                    self.admitted_offline.insert(id.clone());
                }
                Input::Pay {
                    caller,
                    request,
                    key,
                    path,
                    expires_at,
                    id,
                    now,
                    revocation,
                }
            }
            input => input,
        };
        let effects = self.machine.step(input);
        self.bend(effects)
    }
}

impl Astray {
    fn has(&self, defect: Defect) -> bool {
        self.defects.contains(&defect)
    }

    fn blocks_look_ups(&self) -> bool {
        self.local_mode == LocalMode::Off && self.has(Defect::LocalModeOffBlocksLookUps)
    }

    fn bend(&mut self, effects: Vec<Effect>) -> Vec<Effect> {
        let mut bent = Vec::new();
        for effect in effects {
            match effect {
                Effect::Authorize { payment } => bent.extend(self.bend_authorization(payment)),
                Effect::Answer { caller, answer } => {
                    let (screens, answer) = self.bend_answer(answer);
                    bent.extend(screens.into_iter().map(Effect::Show));
                    bent.push(Effect::Answer { caller, answer });
                }
                other => bent.push(other),
            }
        }
        bent
    }

    fn bend_authorization(&mut self, payment: Payment) -> Vec<Effect> {
        let id = payment.id.clone();
        let is_queued = payment.is_queued_offline();
        if self.forgotten.contains(&id) {
            return Vec::new();
        }
        if is_queued && self.has(Defect::LostOnReconnect) {
            let lost = Input::HostAnswered {
                payment: id,
                verdict: HostVerdict::Voided,
                now: self.now,
            };
            let effects = self.machine.step(lost);
            return self.bend(effects);
        }
        if !is_queued && self.has(Defect::AdmissionDecides) && self.admitted_offline.remove(&id) {
            let queued = Input::NotSent {
                payment: id,
                now: self.now,
            };
            let effects = self.machine.step(queued);
            return self.bend(effects);
        }
        let mut effects = Vec::new();
        if is_queued && self.has(Defect::DoubledOnReconnect) {
            let double = Payment {
                id: crate::terminal::fresh_payment_id(),
                ..payment.clone()
            };
            self.doubles.insert(double.id.clone());
            effects.push(Effect::Authorize { payment: double });
        }
        effects.push(Effect::Authorize { payment });
        effects
    }

    /// The answer, and what the screen shows before it goes.
    fn bend_answer(&mut self, answer: Answer) -> (Vec<Screen>, Answer) {
        match answer {
            Answer::Payment(mut payment) => {
                self.bend_payment(&mut payment);
                (Vec::new(), Answer::Payment(payment))
            }
            Answer::Payments(mut list) => {
                list.data
                    .retain(|payment| !self.forgotten.contains(&payment.id));
                for payment in &mut list.data {
                    self.bend_payment(payment);
                }
                (Vec::new(), Answer::Payments(list))
            }
            Answer::Refused(refusal)
                if self.has(Defect::RefusedAfterTheCard) && is_of_the_queue(&refusal.code) =>
            {
                let prompt = Screen::PresentCard {
                    payment: crate::terminal::fresh_payment_id(),
                    amount: Amount::MIN,
                    currency: Currency::USD,
                };
                (vec![prompt, Screen::Idle], Answer::Refused(refusal))
            }
            other => (Vec::new(), other),
        }
    }

    fn bend_payment(&self, payment: &mut Payment) {
        let Some(Offline { queued_at, .. }) = payment.offline.clone() else {
            return;
        };
        if self.has(Defect::SequenceReused)
            && let Some(mark) = &mut payment.offline
        {
            mark.sequence = 1;
        }
        if self.has(Defect::CompletedOffline) && payment.status == Status::Processing {
            complete(payment);
            payment.completed_at = Some(queued_at);
        }
    }
}

fn is_of_the_queue(code: &Code) -> bool {
    matches!(
        code,
        Code::OfflineAmountExceeded
            | Code::OfflineCurrencyNotSupported
            | Code::OfflineQueueFull
            | Code::OfflineQueueStale
            | Code::OfflineNotSupported
    )
}
