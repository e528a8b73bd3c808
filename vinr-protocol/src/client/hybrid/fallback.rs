//! From the silence of the LAN to the cloud.

use std::time::Duration;

use super::{Cloud, Effect, FellBack, Hybrid, Leg, Path, Stage, Timer, To, Unasked};
use crate::client::attempt::{self, NotSent};
use crate::payment::PaymentList;
use crate::timing::{CLIENT_HOLD, QUICK_LOOK};

/// Long enough that a pay that went through the cloud is held on to for 120 s. \[PAY-5\]
pub(super) fn shortest_deadline(wait: Duration) -> Duration {
    CLIENT_HOLD.saturating_add(QUICK_LOOK).saturating_add(wait)
}

/// Does the terminal have it?
impl Hybrid {
    /// The head came over the LAN: the cloud is left alone. \[HYB-4\]
    pub(super) fn accepted(&mut self) -> Vec<Effect> {
        if self.lan_leg != Leg::Open || !self.attempt.is_holding() {
            return Vec::new();
        }
        let mut effects = match self.stage {
            Stage::BothPaths => Vec::new(),
            _ => self.leave_stage(Stage::Staying),
        };
        effects.extend(self.attempt(attempt::Input::Head));
        effects
    }

    pub(super) fn not_accepted_in_time(&mut self) -> Vec<Effect> {
        match self.stage {
            Stage::Accepting => self.quick_look(),
            _ => Vec::new(),
        }
    }

    /// Asks on another connection whether the terminal knows the attempt.
    pub(super) fn quick_look(&mut self) -> Vec<Effect> {
        let mut effects = self.leave_stage(Stage::QuickLook);
        effects.push(Effect::LookUp(Path::Lan));
        effects.push(Effect::Arm(Timer::QuickLook, QUICK_LOOK));
        effects
    }

    pub(super) fn quickly_looked_up(&mut self, list: &PaymentList) -> Vec<Effect> {
        let stored = self.stored();
        if !stored.is_listed_by(list) {
            return self.fall_back(FellBack::Silent); // [REC-19]
        }
        let Some(own) = stored.own(list) else {
            return match (&stored.journal_id, &list.journal_id) {
                // Another device: nothing it does not know says anything. [REC-23]
                (Some(stored), Some(listed)) if stored != listed => self.stay(),
                _ => self.fall_back(FellBack::NotAccepted),
            };
        };
        let mut effects = self.leave_stage(Stage::Staying);
        let is_result = self.attempt.is_result(own);
        effects.extend(self.attempt(if is_result {
            attempt::Input::Answered(own.clone())
        } else {
            attempt::Input::Head
        }));
        effects.extend(self.both_ended());
        effects
    }

    pub(super) fn quick_look_failed(&mut self, why: Unasked) -> Vec<Effect> {
        match why {
            Unasked::Dead => self.fall_back(FellBack::Silent),
            Unasked::Identity => self.stay(), // [HYB-6]
        }
    }

    /// The pay stays on the LAN, whatever has become of it there.
    pub(super) fn stay(&mut self) -> Vec<Effect> {
        let mut effects = self.leave_stage(Stage::Staying);
        effects.extend(self.both_ended());
        effects
    }
}

/// The cloud.
impl Hybrid {
    /// With the same reference, key and terminal, once the record says so. \[HYB-2, HYB-5\]
    pub(super) fn fall_back(&mut self, why: FellBack) -> Vec<Effect> {
        if self.gave_up {
            return self.stay();
        }
        let mut effects = self.leave_stage(Stage::FallingBack(why));
        effects.push(Effect::Store(self.attempt.mark_for_cloud()));
        effects
    }

    pub(super) fn stored_now(&mut self) -> Vec<Effect> {
        if std::mem::take(&mut self.stale_store) {
            return Vec::new();
        }
        let Stage::FallingBack(why) = self.stage else {
            return self.attempt(attempt::Input::Stored);
        };
        self.stage = Stage::BothPaths;
        self.cloud_leg = Leg::Open;
        let (path, to) = (Path::Cloud, To::Terminal);
        let key = self.stored().key.clone();
        let hold = Timer::Attempt(attempt::Timer::Hold);
        vec![
            Effect::FellBack(why),
            Effect::SendPay { path, to, key },
            Effect::Arm(hold, CLIENT_HOLD),
        ]
    }

    pub(super) fn store_failed(&mut self, why: String) -> Vec<Effect> {
        if std::mem::take(&mut self.stale_store) {
            return Vec::new();
        }
        if !matches!(self.stage, Stage::FallingBack(_)) {
            return self.attempt(attempt::Input::StoreFailed(why));
        }
        self.stage = Stage::Staying;
        if matches!(self.lan_leg, Leg::NeverSent(_)) {
            self.lan_leg = Leg::NeverSent(NotSent::StoreFailed(why));
        }
        self.both_ended()
    }

    pub(super) fn give_up(&mut self) -> Vec<Effect> {
        self.gave_up = true;
        let mut effects = self.attempt(attempt::Input::GiveUp);
        if matches!(self.stage, Stage::FallingBack(_)) {
            effects.extend(self.stay());
        }
        effects
    }

    pub(super) fn call_off(&mut self) -> Vec<Effect> {
        let mut effects = self.give_up();
        let called_off = self.attempt.call_off();
        effects.extend(self.on_paths(called_off));
        effects
    }

    /// Goes on, and stops what belonged to the stage.
    pub(super) fn leave_stage(&mut self, next: Stage) -> Vec<Effect> {
        match std::mem::replace(&mut self.stage, next) {
            Stage::Accepting => vec![Effect::Disarm(Timer::Acceptance)],
            Stage::QuickLook => vec![Effect::Disarm(Timer::QuickLook)],
            Stage::FallingBack(_) => {
                self.stale_store = true;
                Vec::new()
            }
            Stage::Quiet | Stage::Staying | Stage::BothPaths | Stage::Asking { .. } => Vec::new(),
        }
    }

    /// Is there a cloud to ask?
    pub(super) fn has_cloud(&self) -> bool {
        self.cloud != Cloud::None
    }
}
