//! Inputs in, effects out: each rule of §8 by itself.

use super::*;
use crate::client::attempt::tests::{cancellation, error, key, list, payment, stored};
use crate::client::attempt::{Lost, Unsettled};
use crate::client::hybrid::FellBack;
use crate::payment::{CancelOutcome, Payment, Status};
use crate::timing::LOCAL_TIMEOUT;

const A: &str = "term_A";
const B: &str = "term_B";

fn terminal(id: &str) -> TerminalId {
    id.parse().expect("lawful")
}

fn members() -> Arc<[TerminalId]> {
    [A, B].map(terminal).into()
}

fn at(id: &str, of: &str) -> StoredAttempt {
    StoredAttempt {
        terminal_id: terminal(id),
        key: key(of),
        ..stored()
    }
}

fn paid(id: &str, of: &str, status: Status) -> Payment {
    Payment {
        terminal_id: terminal(id),
        ..payment(of, status)
    }
}

fn policy() -> Policy {
    Policy {
        deadline: Duration::from_secs(150),
        local_timeout: Some(LOCAL_TIMEOUT),
        max_wait: Some(Duration::from_secs(60)),
    }
}

fn refused(code: Code) -> Input {
    Input::Of(hybrid::Input::Refused {
        path: Path::Lan,
        status: code.status(),
        error: error(code),
    })
}

fn never_sent(path: Path, why: NotSent) -> Input {
    Input::Of(hybrid::Input::NeverSent(path, why))
}

fn unreachable() -> NotSent {
    NotSent::Unreachable("refused".to_owned())
}

fn lost(path: Path) -> Input {
    Input::Of(hybrid::Input::Lost(path, Lost::Broken("reset".to_owned())))
}

fn silent() -> Input {
    Input::Of(hybrid::Input::LookUpFailed(
        Path::Lan,
        hybrid::Unasked::Dead,
    ))
}

struct Story {
    group: Group,
    effects: Vec<Effect>,
}

impl Story {
    fn new(policy: Policy) -> Self {
        let story = Self {
            group: Group::new(members(), policy),
            effects: Vec::new(),
        };
        story.then(Input::Begin)
    }

    fn then(mut self, input: Input) -> Self {
        self.effects = self.group.step(input);
        self
    }

    fn begun() -> Self {
        Self::new(policy())
    }

    fn stored(self) -> Self {
        self.then(Input::Of(hybrid::Input::Stored))
    }

    /// The pay is on its way to the first member.
    fn at_a() -> Self {
        Self::begun().then(Input::Try(at(A, "k1"))).stored()
    }

    fn sends(&self, path: Path, to: To, of: &str) {
        let key = key(of);
        let send = Effect::Of(hybrid::Effect::SendPay { path, to, key });
        assert!(self.effects.contains(&send), "{:?}", self.effects);
    }

    fn chooses_after(&self, id: &str, why: Left) {
        let terminal = terminal(id);
        let last = [Effect::Left { terminal, why }, Effect::Choose];
        assert!(self.effects.ends_with(&last), "{:?}", self.effects);
    }

    fn outcome(&self) -> &Outcome {
        match self.effects.last() {
            Some(Effect::Settled(outcome)) => outcome,
            other => panic!("not settled: {other:?}"),
        }
    }
}

#[test]
fn a_call_wants_a_member_and_waits_for_its_max_wait_at_most() {
    let wait = Effect::ArmMaxWait(Duration::from_secs(60));
    assert_eq!(Story::begun().effects, [wait, Effect::Choose]);
    let forever = Policy {
        max_wait: None,
        ..policy()
    };
    assert_eq!(Story::new(forever).effects, [Effect::Choose]);
}

#[test]
fn the_member_is_stored_before_it_is_sent_to() {
    let story = Story::begun().then(Input::Try(at(A, "k1")));
    let store = Effect::Of(hybrid::Effect::Store(at(A, "k1")));
    assert_eq!(story.effects[0], store);
    story.stored().sends(Path::Lan, To::Terminal, "k1");
}

#[test]
fn the_payment_of_the_member_is_the_result() {
    // [GRP-3]
    let completed = paid(A, "k1", Status::Completed);
    let story = Story::at_a().then(Input::Of(hybrid::Input::Answered(
        Path::Lan,
        completed.clone(),
    )));
    assert_eq!(
        story.outcome(),
        &Outcome::Ended {
            at: Some(terminal(A)),
            outcome: attempt::Outcome::Final(completed),
        }
    );
}

#[test]
fn a_busy_member_gives_way_to_the_next_under_a_new_key() {
    let story = Story::at_a().then(refused(Code::TerminalBusy));
    story.chooses_after(A, Left::Busy);
    story
        .then(Input::Try(at(B, "k2")))
        .stored()
        .sends(Path::Lan, To::Terminal, "k2");
}

#[test]
fn a_member_that_cannot_be_reached_gives_way_even_where_there_is_a_cloud() {
    let story = Story::at_a().then(never_sent(Path::Lan, unreachable()));
    story.chooses_after(A, Left::Unreachable);
}

#[test]
fn another_identity_is_an_error_of_the_call() {
    // [HYB-6]
    let why = NotSent::Identity("another terminal".to_owned());
    let story = Story::at_a().then(never_sent(Path::Lan, why.clone()));
    assert_eq!(
        story.outcome(),
        &Outcome::Ended {
            at: Some(terminal(A)),
            outcome: attempt::Outcome::NotSent { why },
        }
    );
}

#[test]
fn any_other_refusal_ends_the_call() {
    for code in [Code::InvalidAmount, Code::OfflineQueueFull] {
        let story = Story::at_a().then(refused(code));
        assert!(matches!(
            story.outcome(),
            Outcome::Ended {
                outcome: attempt::Outcome::Refused { .. },
                ..
            }
        ));
    }
}

#[test]
fn no_member_is_tried_while_another_may_hold_the_sale() {
    // [GRP-4]
    let lost = Story::at_a()
        .then(Input::Of(hybrid::Input::Head(Path::Lan)))
        .then(lost(Path::Lan));
    for story in [Story::at_a(), lost] {
        let story = story.then(Input::Try(at(B, "k2")));
        assert_eq!(story.effects, []);
        assert_eq!(story.group.stored(), Some(&at(A, "k1")));
    }
}

#[test]
fn a_stranger_is_not_tried() {
    let story = Story::begun().then(Input::Try(at("term_C", "k1")));
    assert_eq!(story.effects, []);
}

#[test]
fn an_unknown_outcome_at_a_member_is_the_end() {
    let story = Story::at_a()
        .then(Input::Of(hybrid::Input::Head(Path::Lan)))
        .then(lost(Path::Lan))
        .then(Input::Of(hybrid::Input::Elapsed(hybrid::Timer::Attempt(
            attempt::Timer::Deadline,
        ))));
    assert!(matches!(
        story.outcome(),
        Outcome::Ended {
            outcome: attempt::Outcome::Unknown {
                why: Unsettled::Deadline(_),
                ..
            },
            ..
        }
    ));
}

#[test]
fn a_silent_member_is_the_one_that_the_cloud_is_told_with_the_same_key() {
    let story = Story::at_a().then(lost(Path::Lan)).then(silent()).stored();
    let fell_back = Effect::Of(hybrid::Effect::FellBack(FellBack::Silent));
    assert_eq!(story.effects[0], fell_back);
    story.sends(Path::Cloud, To::Terminal, "k1");
}

#[test]
fn a_busy_word_on_one_of_two_paths_is_cancelled_before_the_next_member() {
    // [REC-24]
    let story = Story::at_a()
        .then(lost(Path::Lan))
        .then(silent())
        .stored()
        .then(Input::Of(hybrid::Input::Refused {
            path: Path::Cloud,
            status: 409,
            error: error(Code::TerminalBusy),
        }));
    assert!(!story.effects.contains(&Effect::Choose));
    let pending = list(vec![paid(A, "k1", Status::Pending)]);
    let story = story.then(Input::Of(hybrid::Input::LookedUp(pending)));
    let cancel = Effect::Of(hybrid::Effect::Cancel {
        path: Path::Lan,
        key: key("k1"),
    });
    assert!(story.effects.contains(&cancel));
    story
        .then(Input::Of(hybrid::Input::CancelAnswered(
            Path::Lan,
            cancellation(
                CancelOutcome::Cancelled,
                Some(paid(A, "k1", Status::Cancelled)),
            ),
        )))
        .chooses_after(A, Left::Busy);
}

#[test]
fn where_no_member_can_be_reached_the_cloud_may_choose() {
    let story = Story::begun().then(Input::NoneReachable(at(A, "k3")));
    let Effect::Of(hybrid::Effect::Store(command)) = &story.effects[0] else {
        panic!("not stored: {:?}", story.effects);
    };
    assert_eq!(command.members[..], members()[..]);
    assert_eq!(command.path, ConnectionMode::Cloud);
    let story = story.stored();
    story.sends(Path::Cloud, To::Group, "k3");
    let completed = paid(B, "k3", Status::Completed);
    let story = story.then(Input::Of(hybrid::Input::Answered(
        Path::Cloud,
        completed.clone(),
    )));
    assert_eq!(
        story.outcome(),
        &Outcome::Ended {
            at: None,
            outcome: attempt::Outcome::Final(completed),
        }
    );
}

#[test]
fn the_cloud_does_not_choose_while_a_member_may_hold_the_sale() {
    let story = Story::at_a().then(Input::NoneReachable(at(A, "k3")));
    assert_eq!(story.effects, []);
}

#[test]
fn without_a_cloud_no_member_is_no_payment() {
    let local = Policy {
        local_timeout: None,
        ..policy()
    };
    let story = Story::new(local).then(Input::NoneReachable(at(A, "k3")));
    assert_eq!(story.outcome(), &Outcome::NoneReachable);
}

#[test]
fn the_wait_ends_with_its_own_outcome() {
    let story = Story::begun().then(Input::WaitedTooLong);
    assert_eq!(story.outcome(), &Outcome::WaitedTooLong);
}

#[test]
fn an_attempt_under_way_is_not_cut_short_by_the_wait_but_is_the_last() {
    let story = Story::at_a().then(Input::WaitedTooLong);
    assert_eq!(story.effects, []);
    let story = story.then(refused(Code::TerminalBusy));
    assert_eq!(story.outcome(), &Outcome::WaitedTooLong);
}

#[test]
fn a_caller_who_gives_up_while_it_waits_was_not_charged() {
    let story = Story::begun().then(Input::GiveUp);
    assert_eq!(story.outcome(), &Outcome::GivenUp);
    let story = Story::begun()
        .then(Input::Try(at(A, "k1")))
        .then(Input::GiveUp);
    assert_eq!(story.outcome(), &Outcome::GivenUp);
}

#[test]
fn giving_up_cancels_what_is_under_way() {
    let look_up = Effect::Of(hybrid::Effect::LookUp(Path::Lan));
    let story = Story::at_a().then(Input::GiveUp);
    assert!(story.effects.contains(&look_up));
    let cancelled = paid(A, "k1", Status::Cancelled);
    let pending = list(vec![paid(A, "k1", Status::Pending)]);
    let story = story
        .then(Input::Of(hybrid::Input::LookedUp(pending)))
        .then(Input::Of(hybrid::Input::CancelAnswered(
            Path::Lan,
            cancellation(CancelOutcome::Cancelled, Some(cancelled.clone())),
        )));
    assert_eq!(
        story.outcome(),
        &Outcome::Ended {
            at: Some(terminal(A)),
            outcome: attempt::Outcome::Final(cancelled),
        }
    );
}

#[test]
fn a_caller_who_gave_up_is_sent_to_no_further_member() {
    let story = Story::at_a()
        .then(Input::WaitedTooLong)
        .then(Input::GiveUp)
        .then(Input::Try(at(B, "k2")));
    assert_eq!(story.effects, []);
}

#[test]
fn a_lost_attempt_that_is_void_is_the_end_and_no_other_member_is_tried() {
    let lan_only = Policy {
        local_timeout: None,
        ..policy()
    };
    let story = Story::new(lan_only)
        .then(Input::Try(at(A, "k1")))
        .stored()
        .then(lost(Path::Lan))
        .then(Input::Of(hybrid::Input::LookedUp(list(vec![]))))
        .then(Input::Of(hybrid::Input::CancelAnswered(
            Path::Lan,
            cancellation(CancelOutcome::Cancelled, None),
        )));
    assert!(matches!(
        story.outcome(),
        Outcome::Ended {
            outcome: attempt::Outcome::Voided { .. },
            ..
        }
    ));
}

/// One path was told that the member is busy, and its key is being looked up.
fn busy_on_one_of_two_paths() -> Story {
    Story::at_a()
        .then(lost(Path::Lan))
        .then(silent())
        .stored()
        .then(Input::Of(hybrid::Input::Refused {
            path: Path::Cloud,
            status: 409,
            error: error(Code::TerminalBusy),
        }))
}

fn once_cancelled(story: Story) -> Story {
    let pending = list(vec![paid(A, "k1", Status::Pending)]);
    let cancelled = paid(A, "k1", Status::Cancelled);
    story
        .then(Input::Of(hybrid::Input::LookedUp(pending)))
        .then(Input::Of(hybrid::Input::CancelAnswered(
            Path::Lan,
            cancellation(CancelOutcome::Cancelled, Some(cancelled)),
        )))
}

// §5, §8
#[test]
fn a_busy_member_that_lists_the_sale_as_paid_is_not_left_for_the_next() {
    let other = paid(A, "other_till", Status::Completed);
    let listed = list(vec![other.clone(), paid(A, "k1", Status::Pending)]);
    let cancelled = paid(A, "k1", Status::Cancelled);
    let story = busy_on_one_of_two_paths()
        .then(Input::Of(hybrid::Input::LookedUp(listed)))
        .then(Input::Of(hybrid::Input::CancelAnswered(
            Path::Lan,
            cancellation(CancelOutcome::Cancelled, Some(cancelled)),
        )));
    let Outcome::Ended {
        outcome: attempt::Outcome::Refused { attempts, .. },
        ..
    } = story.outcome()
    else {
        panic!("{:?}", story.outcome());
    };
    assert!(attempts.contains(&other), "{attempts:?}");
}

#[test]
fn a_caller_who_gives_up_at_a_busy_member_is_not_sent_to_the_next() {
    let story = busy_on_one_of_two_paths().then(Input::GiveUp);
    assert_eq!(once_cancelled(story).outcome(), &Outcome::GivenUp);
}

#[test]
fn a_caller_who_gave_up_is_not_told_that_it_waited_too_long() {
    let story = busy_on_one_of_two_paths()
        .then(Input::GiveUp)
        .then(Input::WaitedTooLong);
    assert_eq!(once_cancelled(story).outcome(), &Outcome::GivenUp);
}
