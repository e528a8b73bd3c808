//! What holds whatever happens in whatever order: checked in every reachable state over a small alphabet of inputs,
//! and along random stories.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::rc::Rc;

use proptest::prelude::*;

use super::tests::{FIRST, SECOND, after_2_s, answered_by_cloud, broken, policy, unreachable};
use super::*;
use crate::client::attempt::tests::{cancellation, error, key, list, payment, queued, stored};
use crate::error_body::Code;
use crate::payment::{CancelOutcome, ConnectionMode, Status};

/// Watches one intent from outside and knows only what was said.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
struct Watch {
    storing: VecDeque<(AttemptKey, bool)>,
    durable: Option<(AttemptKey, bool)>,
    sent: BTreeSet<(AttemptKey, Path)>,
    /// Pays of the present key that are not answered.
    open: BTreeSet<Path>,
    /// Paths on which a copy of the present key may be.
    copies: BTreeSet<Path>,
    asked: Option<(Path, Asked)>,
    /// Of the present key.
    cancelled: bool,
    accepted: bool,
    cloud_barred: bool,
    timers: BTreeSet<Timer>,
    settled: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Asked {
    LookUp,
    Cancel,
}

impl Watch {
    /// Feeds one input, if it can happen now, and judges what came of it.
    fn step(&mut self, hybrid: &mut Hybrid, input: Input) -> Result<(), String> {
        if self.hears(&input) {
            self.heard(hybrid, input)
        } else {
            Ok(())
        }
    }

    fn heard(&mut self, hybrid: &mut Hybrid, input: Input) -> Result<(), String> {
        let effects = hybrid.step(input);
        if self.settled && !effects.is_empty() {
            return Err("something follows the end".into());
        }
        for effect in effects {
            self.judge(hybrid, effect)?;
        }
        let hold = Timer::Attempt(attempt::Timer::Hold);
        let moves = |timer: &Timer| {
            *timer == hold
                || matches!(
                    timer,
                    Timer::Attempt(attempt::Timer::Reply | attempt::Timer::AskAgain)
                )
        };
        if !self.settled && self.storing.is_empty() && !self.timers.iter().any(moves) {
            return Err("it is stuck".into());
        }
        Ok(())
    }

    fn hears(&mut self, input: &Input) -> bool {
        match input {
            Input::Elapsed(timer) => self.timers.remove(timer),
            Input::Stored => match self.storing.pop_front() {
                Some(durable) => {
                    self.durable = Some(durable);
                    true
                }
                None => false,
            },
            Input::StoreFailed(_) => self.storing.pop_front().is_some(),
            Input::Head(path) => {
                self.accepted |= *path == Path::Lan && self.open.contains(path);
                self.open.contains(path)
            }
            Input::Answered(path, _) | Input::Lost(path, _) => self.open.remove(path),
            Input::Refused { path, status, .. } => {
                let open = self.open.remove(path);
                if open && (400..500).contains(status) {
                    self.copies.remove(path);
                    self.cloud_barred = true; // [HYB-7]
                }
                open
            }
            Input::CopyRefused { path, .. } => {
                let open = self.open.remove(path);
                self.cloud_barred |= open; // [HYB-7]
                open
            }
            Input::NeverSent(path, why) => {
                let open = self.open.remove(path);
                if open && !self.accepted {
                    self.copies.remove(path);
                }
                self.cloud_barred |= open && matches!(why, NotSent::Identity(_)); // [HYB-6]
                open
            }
            Input::LookedUp(_) => self.answers(Path::Lan, Asked::LookUp),
            Input::CloudLookedUp { .. } => self.answers(Path::Cloud, Asked::LookUp),
            Input::LookUpFailed(path, _) => self.answers(*path, Asked::LookUp),
            Input::CancelFailed(path, _) => self.answers(*path, Asked::Cancel),
            Input::CancelAnswered(path, answer) => {
                let heard = self.answers(*path, Asked::Cancel);
                self.cancelled |= heard && answer.outcome == CancelOutcome::Cancelled;
                heard
            }
            Input::Begin | Input::Resume { .. } | Input::GiveUp | Input::CallOff => true,
        }
    }

    fn answers(&mut self, path: Path, question: Asked) -> bool {
        if self.asked != Some((path, question)) {
            return false;
        }
        self.asked = None;
        true
    }

    fn judge(&mut self, hybrid: &Hybrid, effect: Effect) -> Result<(), String> {
        match effect {
            Effect::Store(stored) => {
                let cloud = stored.path == ConnectionMode::Cloud;
                self.storing.push_back((stored.key, cloud));
            }
            Effect::SendPay { path, key, .. } => return self.judge_send(path, key),
            Effect::LookUp(path) => self.asked = Some((path, Asked::LookUp)),
            Effect::Cancel { path, key } => {
                self.asked = Some((path, Asked::Cancel));
                if key != hybrid.stored().key {
                    return Err("a cancel of another key".into());
                }
            }
            Effect::Arm(timer, _) => drop(self.timers.insert(timer)),
            Effect::Disarm(timer) => drop(self.timers.remove(&timer)),
            Effect::FellBack(_) | Effect::Forget { .. } => {}
            Effect::Settled(outcome) => {
                self.settled = true;
                return self.judge_outcome(hybrid, &outcome);
            }
        }
        Ok(())
    }

    fn judge_send(&mut self, path: Path, key: AttemptKey) -> Result<(), String> {
        let cloud = path == Path::Cloud;
        let fits = |durable: &(AttemptKey, bool)| durable.0 == key && (durable.1 || !cloud);
        if !self.durable.as_ref().is_some_and(fits) {
            return Err("a pay was sent before its record was durable".into());
        }
        let is_new = !self.sent.iter().any(|(sent, _)| *sent == key);
        if is_new {
            // [REC-4, REC-20, HYB-5]
            if !self.sent.is_empty() && !self.cancelled {
                return Err("a new key while the one before may live".into());
            }
            if cloud {
                return Err("the cloud first".into()); // [HYB-1]
            }
            (self.cancelled, self.accepted, self.cloud_barred) = (false, false, false);
            (self.open, self.copies) = (BTreeSet::new(), BTreeSet::new());
        } else if self.accepted || self.cloud_barred {
            return Err("the cloud, without a reason".into()); // [HYB-4, HYB-6, HYB-7]
        }
        if !self.sent.insert((key, path)) {
            return Err("a key was sent twice on one path".into());
        }
        self.open.insert(path);
        self.copies.insert(path);
        Ok(())
    }

    fn judge_outcome(&self, hybrid: &Hybrid, outcome: &Outcome) -> Result<(), String> {
        let stored = hybrid.stored();
        let sent = self.sent.iter().any(|(key, _)| *key == stored.key);
        let copies = sent && !self.copies.is_empty();
        let sound = match outcome {
            Outcome::Final(payment) => payment.status.is_final() && stored.is_answered_by(payment),
            Outcome::AcceptedOffline(payment) => {
                payment.is_queued_offline() && stored.is_answered_by(payment)
            }
            Outcome::NotSent { .. } => !copies,
            Outcome::Refused { .. } => !copies || self.cancelled, // [REC-24]
            Outcome::Voided { .. } => self.cancelled,
            Outcome::Unknown { key, .. } => *key == stored.key,
        };
        if sound {
            Ok(())
        } else {
            Err(format!("an outcome that nobody could know: {outcome:?}"))
        }
    }
}

fn payments(keys: &[&str]) -> Vec<Payment> {
    let mut payments = Vec::new();
    for key in keys {
        payments.push(payment(key, Status::Pending));
        payments.push(payment(key, Status::Completed));
        payments.push(queued(key));
    }
    payments
}

/// Every kind of input, with payments under these keys.
fn alphabet(keys: &[&str]) -> Vec<Input> {
    use attempt::Timer::{AskAgain, Deadline, Hold, LastStart, Reply};
    let own = [Deadline, LastStart, Hold, Reply, AskAgain].map(Timer::Attempt);
    let mut inputs = vec![
        Input::Stored,
        Input::StoreFailed("full".to_owned()),
        Input::GiveUp,
        Input::CallOff,
        Input::LookedUp(list(vec![])),
        answered_by_cloud(vec![], false),
        answered_by_cloud(vec![], true),
        Input::NeverSent(Path::Lan, NotSent::Identity("another".to_owned())),
        Input::LookUpFailed(Path::Lan, Unasked::Identity),
        Input::CancelFailed(Path::Lan, Unasked::Identity),
    ];
    inputs.extend(own.map(Input::Elapsed));
    inputs.extend([Timer::Acceptance, Timer::QuickLook].map(Input::Elapsed));
    for path in [Path::Lan, Path::Cloud] {
        inputs.push(Input::Head(path));
        inputs.push(Input::NeverSent(path, unreachable()));
        inputs.push(Input::Lost(path, broken()));
        inputs.push(Input::LookUpFailed(path, Unasked::Dead));
        inputs.push(Input::CancelFailed(path, Unasked::Dead));
        let answer = cancellation(CancelOutcome::Cancelled, None);
        inputs.push(Input::CancelAnswered(path, answer));
        for code in [
            Code::TerminalBusy,
            Code::ReferenceInProgress,
            Code::TerminalUnavailable,
        ] {
            let (status, error) = (code.status(), error(code));
            if (400..500).contains(&status) {
                let error = error.clone();
                inputs.push(Input::CopyRefused {
                    path,
                    status,
                    error,
                });
            }
            inputs.push(Input::Refused {
                path,
                status,
                error,
            });
        }
    }
    for payment in payments(keys) {
        inputs.push(Input::LookedUp(list(vec![payment.clone()])));
        inputs.push(answered_by_cloud(vec![payment.clone()], false));
        for path in [Path::Lan, Path::Cloud] {
            inputs.push(Input::Answered(path, payment.clone()));
            if payment.status.is_final() {
                let answer = cancellation(CancelOutcome::TooLate, Some(payment.clone()));
                inputs.push(Input::CancelAnswered(path, answer));
            }
        }
    }
    inputs
}

fn begun(spare: Option<&str>) -> (Hybrid, Watch) {
    let mut hybrid = Hybrid::new(stored(), policy(after_2_s(), spare));
    let mut watch = Watch::default();
    watch
        .step(&mut hybrid, Input::Begin)
        .expect("nothing is wrong with a beginning");
    (hybrid, watch)
}

// [HYB-1, HYB-4, HYB-6, HYB-7, REC-24]
#[test]
fn in_every_reachable_state_no_rule_is_broken() {
    let mut alphabet = alphabet(&[FIRST]);
    // Who gives up halves what follows and doubles the states: the random stories have it.
    alphabet.retain(|input| !matches!(input, Input::GiveUp | Input::CallOff));
    let start = begun(None);
    let start = Rc::new(start);
    let mut seen = HashSet::from([Rc::clone(&start)]);
    let mut waiting = VecDeque::from([start]);
    let mut settled = 0usize;
    while let Some(state) = waiting.pop_front() {
        for input in &alphabet {
            let mut watch = state.1.clone();
            if !watch.hears(input) {
                continue;
            }
            let mut hybrid = state.0.clone();
            if let Err(broken) = watch.heard(&mut hybrid, input.clone()) {
                panic!("{broken}\nafter {input:?}\nin {:?}", state.0);
            }
            let next = (hybrid, watch);
            if next.1.settled {
                settled += 1;
            } else if next != *state {
                let next = Rc::new(next);
                if seen.insert(Rc::clone(&next)) {
                    waiting.push_back(next);
                }
            }
        }
    }
    // Else the search went nowhere and proves nothing.
    assert!(seen.len() > 1000 && settled > 1000, "{}", seen.len());
}

fn any_input() -> impl Strategy<Value = Input> {
    prop_oneof![
        6 => prop::sample::select(alphabet(&[FIRST, SECOND, "other_till"])),
        2 => Just(Input::Stored),
        1 => Just(Input::LookedUp(list(vec![]))),
        1 => Just(answered_by_cloud(vec![], false)),
        1 => Just(Input::Elapsed(Timer::Attempt(attempt::Timer::AskAgain))),
        1 => Just(Input::CancelAnswered(Path::Lan, cancellation(CancelOutcome::Cancelled, None))),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    // [HYB-1, HYB-4, HYB-5, HYB-6, HYB-7, REC-4, REC-20, REC-24]
    #[test]
    fn along_random_stories_no_rule_is_broken(
        story in prop::collection::vec(any_input(), 0..120),
        spare in any::<bool>(),
    ) {
        let (mut hybrid, mut watch) = begun(spare.then_some(SECOND));
        assert_eq!(hybrid.stored().key, key(FIRST));
        for input in story {
            if let Err(broken) = watch.step(&mut hybrid, input) {
                prop_assert!(false, "{broken}");
            }
        }
    }
}
