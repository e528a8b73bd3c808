//! Recovery's questions: the LAN first, the cloud where the LAN is dead.

use super::{Effect, Hybrid, Path, Stage, Timer, Unasked};
use crate::client::attempt::{self, REPLY_WAIT};
use crate::id::AttemptKey;
use crate::payment::{Cancellation, ConnectionMode, PaymentList};

/// Asking.
impl Hybrid {
    pub(super) fn look_up(&mut self) -> Effect {
        let path = self.first_path();
        self.stage = Stage::Asking { path, local: None };
        Effect::LookUp(path)
    }

    pub(super) fn cancel(&mut self, key: AttemptKey) -> Effect {
        let path = self.first_path();
        self.stage = Stage::Asking { path, local: None };
        Effect::Cancel { path, key }
    }

    /// The terminal itself; of a group command it is not known which one.
    fn first_path(&self) -> Path {
        if self.is_group_command() {
            Path::Cloud
        } else {
            Path::Lan
        }
    }

    /// The same question to the cloud, with what the terminal listed, if it did.
    fn ask_cloud(&mut self, local: Option<PaymentList>) -> Vec<Effect> {
        let path = Path::Cloud;
        let local = local.map(Box::new);
        self.stage = Stage::Asking { path, local };
        let question = if self.attempt.is_cancelling() {
            let key = self.stored().key.clone();
            Effect::Cancel { path, key }
        } else {
            Effect::LookUp(path)
        };
        let reply = Timer::Attempt(attempt::Timer::Reply);
        vec![question, Effect::Arm(reply, REPLY_WAIT)]
    }
}

/// Answers.
impl Hybrid {
    pub(super) fn looked_up(&mut self, list: PaymentList) -> Vec<Effect> {
        if !self.is_asking(Path::Lan) || self.attempt.is_cancelling() {
            return Vec::new();
        }
        let stored = self.stored();
        let denied = stored.is_listed_by(&list) && stored.own(&list).is_none();
        if !denied || stored.path == ConnectionMode::Local {
            return self.attempt(attempt::Input::LookedUp(list));
        }
        // The cloud may still have what the terminal has not. §5.4
        if self.has_cloud() {
            return self.ask_cloud(Some(list));
        }
        self.attempt(attempt::Input::LookUpFailed)
    }

    pub(super) fn cloud_looked_up(&mut self, list: PaymentList, undelivered: bool) -> Vec<Effect> {
        if self.attempt.is_cancelling() {
            return Vec::new();
        }
        let Stage::Asking {
            path: Path::Cloud,
            local,
        } = &mut self.stage
        else {
            return Vec::new();
        };
        let local = local.take();
        // Each knows of attempts that the other does not.
        if let Some(local) = &local {
            self.attempt.hears(local);
        }
        self.attempt.hears(&list);
        let stored = self.stored();
        let about = list
            .data
            .iter()
            .all(|payment| payment.reference == stored.reference);
        let nothing = about && !undelivered && stored.own_in_cloud(&list).is_none();
        match local {
            Some(local) if nothing => self.attempt(attempt::Input::LookedUp(*local)),
            _ => {
                let effects = self.attempt.cloud_listed(list, undelivered);
                self.on_paths(effects)
            }
        }
    }

    pub(super) fn look_up_failed(&mut self, path: Path, why: Unasked) -> Vec<Effect> {
        if !self.is_asking(path) || self.attempt.is_cancelling() {
            return Vec::new();
        }
        self.unanswered(path, why, attempt::Input::LookUpFailed)
    }

    pub(super) fn cancel_answered(
        &mut self,
        path: Path,
        cancellation: Cancellation,
    ) -> Vec<Effect> {
        if !self.is_asking(path) || !self.attempt.is_cancelling() {
            return Vec::new();
        }
        self.attempt(attempt::Input::CancelAnswered(cancellation))
    }

    pub(super) fn cancel_failed(&mut self, path: Path, why: Unasked) -> Vec<Effect> {
        if !self.is_asking(path) || !self.attempt.is_cancelling() {
            return Vec::new();
        }
        self.unanswered(path, why, attempt::Input::CancelFailed)
    }

    pub(super) fn no_reply(&mut self) -> Vec<Effect> {
        let path = match self.stage {
            Stage::Asking { path, .. } => path,
            _ => return Vec::new(),
        };
        let reply = attempt::Timer::Reply;
        self.unanswered(path, Unasked::Dead, attempt::Input::Elapsed(reply))
    }

    fn unanswered(&mut self, path: Path, why: Unasked, failed: attempt::Input) -> Vec<Effect> {
        // That somebody else answers is no reason to take a path that was not taken before. [HYB-6]
        let is_barred = why == Unasked::Identity && self.stored().path == ConnectionMode::Local;
        if path == Path::Lan && self.has_cloud() && !is_barred {
            return self.ask_cloud(None);
        }
        self.attempt(failed)
    }

    fn is_asking(&self, by: Path) -> bool {
        matches!(self.stage, Stage::Asking { path, .. } if path == by)
    }
}
