//! The pay on its paths: what each brings, and when both have ended.

use super::{Cloud, Effect, Hybrid, Leg, Path, Stage, Timer, To};
use crate::client::attempt::{self, Lost, NotSent, Outcome};
use crate::error_body::ErrorBody;
use crate::mutant::{Mutant, is_planted};
use crate::payment::Payment;

/// The attempt's effects, with their paths.
impl Hybrid {
    pub(super) fn attempt(&mut self, input: attempt::Input) -> Vec<Effect> {
        use crate::machine::Machine;
        let effects = self.attempt.step(input);
        self.on_paths(effects)
    }

    pub(super) fn on_paths(&mut self, effects: Vec<attempt::Effect>) -> Vec<Effect> {
        let mut mapped = Vec::with_capacity(effects.len() + 1);
        let still_asks = self.attempt.is_asking() && matches!(self.stage, Stage::Asking { .. });
        if !self.attempt.is_holding() && !still_asks {
            mapped.extend(self.leave_stage(Stage::Quiet));
        }
        for effect in effects {
            match effect {
                attempt::Effect::Store(stored) => mapped.push(Effect::Store(stored)),
                attempt::Effect::SendPay { key } => mapped.extend(self.send(key)),
                attempt::Effect::LookUp => mapped.push(self.look_up()),
                attempt::Effect::Cancel { key } => mapped.push(self.cancel(key)),
                attempt::Effect::Arm(timer, after) => {
                    mapped.push(Effect::Arm(Timer::Attempt(timer), after));
                }
                attempt::Effect::Disarm(timer) => {
                    mapped.push(Effect::Disarm(Timer::Attempt(timer)));
                }
                attempt::Effect::Forget { key } => mapped.push(Effect::Forget { key }),
                attempt::Effect::Settled(outcome) => mapped.push(Effect::Settled(outcome)),
            }
        }
        mapped
    }

    /// Begins on the LAN [HYB-1]; a group command knows no other way than the cloud.
    fn send(&mut self, key: crate::id::AttemptKey) -> Vec<Effect> {
        if self.is_group_command() {
            (self.lan_leg, self.cloud_leg) = (Leg::Unused, Leg::Open);
            self.stage = Stage::Staying;
            let (path, to) = (Path::Cloud, To::Group);
            return vec![Effect::SendPay { path, to, key }];
        }
        (self.lan_leg, self.cloud_leg) = (Leg::Open, Leg::Unused);
        let (path, to) = (Path::Lan, To::Terminal);
        let mut effects = vec![Effect::SendPay { path, to, key }];
        self.stage = match self.cloud {
            Cloud::None => Stage::Staying,
            Cloud::After(wait) | Cloud::AfterSending(wait) => {
                effects.push(Effect::Arm(Timer::Acceptance, wait));
                Stage::Accepting
            }
        };
        effects
    }
}

/// What comes back.
impl Hybrid {
    pub(super) fn answered(&mut self, path: Path, payment: Payment) -> Vec<Effect> {
        if *self.leg(path) != Leg::Open {
            return Vec::new();
        }
        if self.attempt.is_result(&payment) {
            return self.attempt(attempt::Input::Answered(payment));
        }
        let why = if self.stored().is_answered_by(&payment) {
            Lost::NotFinal(payment.status)
        } else {
            Lost::NotAboutRequest // [REC-19]
        };
        self.lost(path, why)
    }

    /// §4.1, "What a status code tells the till". A 4xx is never a reason to take another path. \[HYB-7\]
    /// `copies` says that another copy may have arrived on the same path.
    pub(super) fn refused(
        &mut self,
        path: Path,
        status: u16,
        error: ErrorBody,
        copies: bool,
    ) -> Vec<Effect> {
        if *self.leg(path) != Leg::Open || !self.attempt.is_holding() {
            return Vec::new();
        }
        let other = self.other_leg(path);
        if (400..500).contains(&status) {
            self.attempt.set_copies(copies || other.may_have_sent());
            return self.attempt(attempt::Input::Refused { status, error });
        }
        if is_planted(Mutant::OnePathEndsTheCall) && *other == Leg::Open {
            let attempts = Vec::new();
            return self.end(Outcome::Refused {
                status,
                error,
                attempts,
            });
        }
        let error = Box::new(error);
        self.lost(path, Lost::Failed { status, error })
    }

    pub(super) fn lost(&mut self, path: Path, why: Lost) -> Vec<Effect> {
        if *self.leg(path) != Leg::Open {
            return Vec::new();
        }
        *self.leg(path) = Leg::Ended(why);
        match self.stage {
            Stage::Accepting => self.quick_look(),
            Stage::Staying | Stage::BothPaths => self.both_ended(),
            Stage::QuickLook | Stage::FallingBack(_) | Stage::Quiet | Stage::Asking { .. } => {
                Vec::new()
            }
        }
    }

    pub(super) fn never_sent(&mut self, path: Path, why: NotSent) -> Vec<Effect> {
        if *self.leg(path) != Leg::Open {
            return Vec::new();
        }
        let unreachable = matches!(why, NotSent::Unreachable(_) | NotSent::ConnectionClosed);
        *self.leg(path) = Leg::NeverSent(why);
        match self.stage {
            Stage::Accepting | Stage::QuickLook | Stage::FallingBack(_)
                if !unreachable || matches!(self.cloud, Cloud::AfterSending(_)) =>
            {
                self.both_ended() // [HYB-6]
            }
            Stage::Accepting | Stage::QuickLook => self.fall_back(super::FellBack::Unreachable),
            Stage::Staying | Stage::BothPaths => self.both_ended(),
            Stage::FallingBack(_) | Stage::Quiet | Stage::Asking { .. } => Vec::new(),
        }
    }

    /// The one end of what both paths came to: a 5xx or a loss ends only its own.
    pub(super) fn both_ended(&mut self) -> Vec<Effect> {
        let input = match (&self.lan_leg, &self.cloud_leg) {
            (Leg::Open, _) | (_, Leg::Open) => return Vec::new(),
            (Leg::Ended(why), _) | (_, Leg::Ended(why)) => attempt::Input::Lost(why.clone()),
            (Leg::NeverSent(why), _) | (_, Leg::NeverSent(why)) => {
                attempt::Input::NeverSent(why.clone())
            }
            (Leg::Unused, Leg::Unused) => return Vec::new(),
        };
        self.attempt(input)
    }

    fn leg(&mut self, path: Path) -> &mut Leg {
        match path {
            Path::Lan => &mut self.lan_leg,
            Path::Cloud => &mut self.cloud_leg,
        }
    }

    fn other_leg(&self, path: Path) -> &Leg {
        match path {
            Path::Lan => &self.cloud_leg,
            Path::Cloud => &self.lan_leg,
        }
    }

    fn end(&mut self, outcome: Outcome) -> Vec<Effect> {
        let effects = self.attempt.end(outcome);
        self.on_paths(effects)
    }
}
