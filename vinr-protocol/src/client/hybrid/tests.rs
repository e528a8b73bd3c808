//! Inputs in, effects out: each rule of §7 by itself.

use std::time::Duration;

use super::*;
use crate::client::attempt::Unsettled;
use crate::client::attempt::tests as one_path;
use crate::client::attempt::tests::{cancellation, error, key, list, payment};
use crate::error_body::Code;
use crate::payment::{CancelOutcome, ConnectionMode, Status};
use crate::timing::{CLIENT_HOLD, LOCAL_TIMEOUT, QUICK_LOOK};

mod accepting;
mod asking;
mod both_paths;
mod falling_back;
mod giving_up;
mod group_command;
mod refusals;

pub(super) const FIRST: &str = "01FIRST";
pub(super) const SECOND: &str = "01SECOND";

pub(in crate::client) fn policy(cloud: Cloud, spare: Option<&str>) -> Policy {
    let attempt = one_path::policy(spare);
    Policy { attempt, cloud }
}

pub(super) fn after_2_s() -> Cloud {
    Cloud::After(LOCAL_TIMEOUT)
}

pub(super) fn in_cloud() -> StoredAttempt {
    StoredAttempt {
        path: ConnectionMode::Cloud,
        ..one_path::stored()
    }
}

pub(super) fn unreachable() -> NotSent {
    NotSent::Unreachable("refused".to_owned())
}

pub(super) fn broken() -> Lost {
    Lost::Broken("reset".to_owned())
}

pub(super) fn answered_by_cloud(data: Vec<Payment>, undelivered: bool) -> Input {
    let list = PaymentList {
        journal_id: None,
        ..list(data)
    };
    Input::CloudLookedUp { list, undelivered }
}

fn refused(path: Path, code: Code) -> Input {
    Input::Refused {
        path,
        status: code.status(),
        error: error(code),
    }
}

fn own(timer: attempt::Timer) -> Timer {
    Timer::Attempt(timer)
}

fn to_cloud() -> Effect {
    Effect::SendPay {
        path: Path::Cloud,
        to: To::Terminal,
        key: key(FIRST),
    }
}

/// A story that has come to a point, and its last effects.
struct Story {
    hybrid: Hybrid,
    effects: Vec<Effect>,
}

impl Story {
    fn new(stored: StoredAttempt, policy: Policy) -> Self {
        Self {
            hybrid: Hybrid::new(stored, policy),
            effects: Vec::new(),
        }
    }

    fn then(mut self, input: Input) -> Self {
        self.effects = self.hybrid.step(input);
        self
    }

    fn with(cloud: Cloud) -> Self {
        Self::new(one_path::stored(), policy(cloud, Some(SECOND)))
            .then(Input::Begin)
            .then(Input::Stored)
    }

    /// The pay is on the LAN.
    fn sent() -> Self {
        Self::with(after_2_s())
    }

    /// The LAN was silent for 2 s.
    fn looking() -> Self {
        Self::sent().then(Input::Elapsed(Timer::Acceptance))
    }

    /// The record of the fallback becomes durable.
    fn storing() -> Self {
        Self::looking().then(Input::LookedUp(list(vec![])))
    }

    fn both() -> Self {
        Self::storing().then(Input::Stored)
    }

    /// Both paths were lost.
    fn lost() -> Self {
        Self::both()
            .then(Input::Lost(Path::Lan, broken()))
            .then(Input::Lost(Path::Cloud, broken()))
    }

    fn is_silent(&self) {
        assert_eq!(self.effects, []);
    }

    fn stores_for_cloud(&self) {
        assert_eq!(self.effects.last(), Some(&Effect::Store(in_cloud())));
    }

    fn asks(&self, path: Path) {
        let effects = &self.effects;
        assert!(effects.contains(&Effect::LookUp(path)), "{effects:?}");
    }

    fn cancels(&self, path: Path) {
        let key = key(FIRST);
        let effects = &self.effects;
        assert!(
            effects.contains(&Effect::Cancel { path, key }),
            "{effects:?}"
        );
    }

    fn pauses(&self) {
        let timer = own(attempt::Timer::AskAgain);
        assert!(
            matches!(self.effects.last(), Some(Effect::Arm(armed, _)) if *armed == timer),
            "{:?}",
            self.effects
        );
    }

    fn outcome(&self) -> &Outcome {
        match self.effects.last() {
            Some(Effect::Settled(outcome)) => outcome,
            other => panic!("not settled: {other:?}"),
        }
    }

    fn is_final(&self, payment: Payment) {
        assert_eq!(self.outcome(), &Outcome::Final(payment));
    }

    fn is_not_sent(&self, why: NotSent) {
        assert_eq!(self.outcome(), &Outcome::NotSent { why });
    }

    fn is_refused(&self, code: Code, attempts: Vec<Payment>) {
        let (status, error) = (code.status(), error(code));
        assert_eq!(
            self.outcome(),
            &Outcome::Refused {
                status,
                error,
                attempts
            }
        );
    }
}
