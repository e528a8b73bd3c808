//! What holds whatever happens in whatever order: checked in every reachable state over a small alphabet
//! of inputs, and along random stories with random lists.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::rc::Rc;

use proptest::prelude::*;

use super::tests::{cancellation, error, list, payment, policy, queued, stored};
use super::*;
use crate::error_body::Code;
use crate::id::JournalId;
use crate::payment::{CancelOutcome, Status};

const KEYS: [&str; 3] = ["01FIRST", "01SECOND", "other_till"];

/// Watches one attempt from outside and knows only what was said.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
struct Watch {
    begun: bool,
    durable: Option<AttemptKey>,
    storing: Option<AttemptKey>,
    sent: BTreeSet<AttemptKey>,
    /// The question that waits for its answer.
    asked: Option<Asked>,
    /// Answers to questions, since the last pay was sent.
    looked_up: bool,
    cancelled: bool,
    accepted: bool,
    timers: BTreeSet<Timer>,
    settled: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Asked {
    LookUp,
    Cancel,
}

impl Watch {
    /// Feeds one input and judges what came of it.
    fn step(&mut self, attempt: &mut Attempt, input: Input) -> Result<(), String> {
        if let Input::Elapsed(timer) = &input
            && !self.timers.remove(timer)
        {
            return Ok(()); // A timer that does not run does not run out.
        }
        let deadline = input == Input::Elapsed(Timer::Deadline);
        let mut acknowledged = false;
        let stored = input == Input::Stored && self.storing.is_some();
        match &input {
            Input::Begin | Input::Resume { .. } => self.begun = true,
            Input::Stored => self.durable = self.storing.take(),
            Input::StoreFailed(_) => self.storing = None,
            Input::LookedUp(_) => self.looked_up |= self.asked == Some(Asked::LookUp),
            Input::Head => self.accepted = true,
            Input::CancelAnswered(answer) => {
                acknowledged =
                    self.asked == Some(Asked::Cancel) && answer.outcome == CancelOutcome::Cancelled
            }
            _ => {}
        }
        self.cancelled |= acknowledged;
        let answered = match &input {
            Input::LookedUp(_) | Input::LookUpFailed => Some(Asked::LookUp),
            Input::CancelAnswered(_) | Input::CancelFailed => Some(Asked::Cancel),
            Input::Elapsed(Timer::Reply) => self.asked,
            _ => None,
        };
        if answered == self.asked {
            self.asked = None;
        }
        let effects = attempt.step(input);
        if self.settled && !effects.is_empty() {
            return Err("something follows the end".into());
        }
        let forgets = effects
            .iter()
            .any(|effect| matches!(effect, Effect::Forget { .. }));
        for effect in effects {
            self.judge(attempt, effect, deadline, stored, acknowledged, forgets)?;
        }
        let waits_for_nothing = self.begun
            && !self.settled
            && self.storing.is_none()
            && !self
                .timers
                .iter()
                .any(|timer| matches!(timer, Timer::Hold | Timer::Reply | Timer::AskAgain));
        if waits_for_nothing {
            return Err("it is stuck".into());
        }
        Ok(())
    }

    fn judge(
        &mut self,
        attempt: &Attempt,
        effect: Effect,
        deadline: bool,
        stored: bool,
        acknowledged: bool,
        forgets: bool,
    ) -> Result<(), String> {
        match effect {
            Effect::Store(attempt) => self.storing = Some(attempt.key),
            Effect::SendPay { key } => {
                // [REC-1, REC-4, REC-5, REC-17, REC-20]
                if !stored || self.durable.as_ref() != Some(&key) {
                    return Err("a pay was sent whose attempt is not durable".into());
                }
                let void = self.looked_up && self.cancelled;
                if !self.sent.is_empty() && !void {
                    return Err("a second pay without a look-up and a cancel".into());
                }
                if !self.sent.insert(key) {
                    return Err("a key was sent twice".into());
                }
                if self.sent.len() > 2 {
                    return Err("a third attempt".into());
                }
                (self.looked_up, self.cancelled, self.accepted) = (false, false, false);
            }
            Effect::Cancel { key } if key != attempt.stored().key => {
                return Err("a cancel of another key".into());
            }
            Effect::Cancel { .. } => self.asked = Some(Asked::Cancel),
            Effect::LookUp => self.asked = Some(Asked::LookUp),
            Effect::Arm(timer, _) => drop(self.timers.insert(timer)),
            Effect::Disarm(timer) => drop(self.timers.remove(&timer)),
            Effect::Settled(outcome) => {
                self.settled = true;
                return self.judge_outcome(attempt, &outcome, deadline, acknowledged, forgets);
            }
            Effect::Forget { .. } => {}
        }
        Ok(())
    }

    fn judge_outcome(
        &self,
        attempt: &Attempt,
        outcome: &Outcome,
        deadline: bool,
        acknowledged: bool,
        forgets: bool,
    ) -> Result<(), String> {
        let sent = self.sent.contains(&attempt.stored().key);
        let sound = match outcome {
            // [REC-3, REC-16, REC-18, REC-19]
            Outcome::Final(payment) => {
                payment.status.is_final() && attempt.stored().is_answered_by(payment)
            }
            // [OFF-10]
            Outcome::AcceptedOffline(payment) => {
                payment.is_queued_offline() && attempt.stored().is_answered_by(payment)
            }
            Outcome::NotSent { .. } => !sent || !(self.accepted || self.looked_up),
            Outcome::Refused { .. } => true,
            Outcome::Voided { .. } => acknowledged && self.looked_up,
            Outcome::Unknown { key, .. } => *key == attempt.stored().key,
        };
        let unknown = matches!(outcome, Outcome::Unknown { .. });
        if !sound {
            Err(format!("an outcome that nobody could know: {outcome:?}"))
        } else if deadline && sent && !unknown {
            Err(format!("a guess at the deadline: {outcome:?}")) // [REC-10]
        } else if unknown == forgets {
            Err(format!("kept or forgotten wrongly: {outcome:?}")) // [REC-12]
        } else {
            Ok(())
        }
    }
}

fn payments(keys: &[&str]) -> Vec<Payment> {
    let mut payments = Vec::new();
    for key in keys {
        for status in [
            Status::Pending,
            Status::Processing,
            Status::Completed,
            Status::from("settling"),
        ] {
            payments.push(payment(key, status));
        }
        payments.push(queued(key));
    }
    payments
}

fn of_another_journal(mut list: PaymentList) -> PaymentList {
    list.journal_id = Some(JournalId::new("jrn_2").expect("lawful"));
    list
}

/// Every kind of input, with payments under these keys.
fn alphabet(keys: &[&str]) -> Vec<Input> {
    let mut inputs = vec![
        Input::Begin,
        Input::Resume {
            now: stored().stored_at,
        },
        Input::Stored,
        Input::StoreFailed("full".to_owned()),
        Input::Head,
        Input::NeverSent(NotSent::Unreachable("refused".to_owned())),
        Input::Lost(Lost::Broken("reset".to_owned())),
        Input::LookUpFailed,
        Input::CancelFailed,
        Input::LookedUp(list(vec![])),
        Input::LookedUp(of_another_journal(list(vec![]))),
    ];
    for timer in [
        Timer::Deadline,
        Timer::LastStart,
        Timer::Hold,
        Timer::Reply,
        Timer::AskAgain,
    ] {
        inputs.push(Input::Elapsed(timer));
    }
    for (status, code) in [(409, Code::TerminalBusy), (409, Code::ReferenceInProgress)] {
        let error = error(code);
        inputs.push(Input::Refused { status, error });
    }
    for payment in payments(keys) {
        inputs.push(Input::Answered(payment.clone()));
        inputs.push(Input::LookedUp(list(vec![payment.clone()])));
        for outcome in CancelOutcome::KNOWN {
            let answer = cancellation(outcome.clone(), Some(payment.clone()));
            inputs.push(Input::CancelAnswered(answer));
        }
    }
    for outcome in CancelOutcome::KNOWN {
        inputs.push(Input::CancelAnswered(cancellation(outcome.clone(), None)));
    }
    inputs
}

// [REC-1, REC-3, REC-4, REC-5, REC-10, REC-12, REC-16, REC-17, REC-18, REC-20, OFF-10]
#[test]
fn in_every_reachable_state_no_rule_is_broken() {
    let alphabet = alphabet(&KEYS[..2]);
    let start = (
        Attempt::new(stored(), policy(Some(KEYS[1]))),
        Watch::default(),
    );
    let start = Rc::new(start);
    let mut seen = HashSet::from([Rc::clone(&start)]);
    let mut waiting = VecDeque::from([start]);
    let mut settled = 0usize;
    while let Some(state) = waiting.pop_front() {
        for input in &alphabet {
            let (mut attempt, mut watch) = (*state).clone();
            if let Err(broken) = watch.step(&mut attempt, input.clone()) {
                panic!("{broken}\nafter {input:?}\nin {:?}", state.0);
            }
            let next = (attempt, watch);
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

fn any_payment() -> impl Strategy<Value = Payment> {
    let mut payments = payments(&KEYS);
    for status in [Status::Failed, Status::Cancelled] {
        payments.extend(KEYS.map(|key| payment(key, status.clone())));
    }
    let keyless = Payment {
        attempt_key: None,
        ..payment("x", Status::Completed)
    };
    let dearer = Payment {
        amount: crate::money::Amount::MAX,
        ..payment(KEYS[0], Status::Completed)
    };
    payments.extend([keyless, dearer]);
    prop::sample::select(payments)
}

fn any_input() -> impl Strategy<Value = Input> {
    let lists = (prop::collection::vec(any_payment(), 0..4), any::<bool>()).prop_map(
        |(payments, wiped)| {
            let list = list(payments);
            Input::LookedUp(if wiped {
                of_another_journal(list)
            } else {
                list
            })
        },
    );
    prop_oneof![
        4 => prop::sample::select(alphabet(&KEYS)),
        1 => lists,
        1 => Just(Input::LookedUp(list(vec![]))),
        1 => Just(Input::CancelAnswered(cancellation(CancelOutcome::Cancelled, None))),
        1 => Just(Input::Stored),
        1 => Just(Input::GiveUp),
    ]
}

proptest! {
    // [REC-1, REC-3, REC-4, REC-5, REC-10, REC-12, REC-16, REC-17, REC-18, REC-19, REC-20, OFF-10]
    #[test]
    fn along_random_stories_no_rule_is_broken(
        story in prop::collection::vec(any_input(), 0..60),
        resumed in any::<bool>(),
        spare in any::<bool>(),
        keyless in any::<bool>(),
    ) {
        let mut stored = stored();
        if keyless {
            stored.journal_id = None;
        }
        let now = stored.stored_at;
        let mut attempt = Attempt::new(stored, policy(spare.then_some(KEYS[1])));
        let mut watch = Watch::default();
        let first = if resumed { Input::Resume { now } } else { Input::Begin };
        for input in std::iter::once(first).chain(story) {
            if let Err(broken) = watch.step(&mut attempt, input) {
                prop_assert!(false, "{broken}");
            }
        }
    }
}
