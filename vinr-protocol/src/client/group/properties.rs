//! What holds in whatever order things happen: one member at a time, and the next only where the last is void.

use std::collections::{BTreeSet, VecDeque};

use proptest::prelude::*;

use super::*;
use crate::client::attempt::Lost;
use crate::client::attempt::tests::{cancellation, error, key, list, payment, stored};
use crate::client::hybrid::{FellBack, Unasked};
use crate::id::AttemptKey;
use crate::payment::{CancelOutcome, Payment, PaymentList, Status};

const MEMBERS: [&str; 3] = ["term_A", "term_B", "term_C"];

/// Watches one call from outside.
#[derive(Debug, Default)]
struct Watch {
    storing: VecDeque<AttemptKey>,
    durable: BTreeSet<AttemptKey>,
    sent: BTreeSet<(AttemptKey, Path)>,
    /// Every copy that may be somewhere: its key, and its path.
    copies: BTreeSet<(AttemptKey, Path)>,
    open: BTreeSet<(AttemptKey, Path)>,
    asked: Option<(Path, bool)>,
    timers: BTreeSet<hybrid::Timer>,
    present: Option<AttemptKey>,
    settled: bool,
}

impl Watch {
    fn step(&mut self, group: &mut Group, input: Input) -> Result<(), String> {
        self.present = group.stored().map(|stored| stored.key.clone());
        if let Input::Of(of) = &input
            && !self.hears(of)
        {
            return Ok(());
        }
        let effects = group.step(input);
        if self.settled && !effects.is_empty() {
            return Err("something follows the end".into());
        }
        for effect in effects {
            self.judge(effect)?;
        }
        Ok(())
    }

    fn hears(&mut self, input: &hybrid::Input) -> bool {
        let Some(key) = self.present.clone() else {
            return false;
        };
        let pay = |path: &Path| (key.clone(), *path);
        match input {
            hybrid::Input::Stored => self
                .storing
                .pop_front()
                .map(|stored| self.durable.insert(stored))
                .is_some(),
            hybrid::Input::Elapsed(timer) => self.timers.remove(timer),
            hybrid::Input::Answered(path, _) | hybrid::Input::Lost(path, _) => {
                self.open.remove(&pay(path))
            }
            hybrid::Input::Head(path) => self.open.contains(&pay(path)),
            hybrid::Input::Refused { path, .. } | hybrid::Input::NeverSent(path, _) => {
                let open = self.open.remove(&pay(path));
                if open {
                    self.copies.remove(&pay(path));
                }
                open
            }
            hybrid::Input::LookedUp(_) => self.answers(Path::Lan, false),
            hybrid::Input::CloudLookedUp { .. } => self.answers(Path::Cloud, false),
            hybrid::Input::LookUpFailed(path, _) => self.answers(*path, false),
            hybrid::Input::CancelAnswered(path, answer) => {
                let heard = self.answers(*path, true);
                if heard && answer.outcome == CancelOutcome::Cancelled {
                    self.copies.retain(|(copy, _)| *copy != key);
                }
                heard
            }
            _ => true,
        }
    }

    fn answers(&mut self, path: Path, cancel: bool) -> bool {
        let heard = self.asked == Some((path, cancel));
        if heard {
            self.asked = None;
        }
        heard
    }

    fn judge(&mut self, effect: Effect) -> Result<(), String> {
        match effect {
            Effect::Of(hybrid::Effect::Store(stored)) => self.storing.push_back(stored.key),
            Effect::Of(hybrid::Effect::SendPay { path, to, key }) => {
                if !self.durable.contains(&key) {
                    return Err("a pay was sent before it was stored".into());
                }
                if self.copies.iter().any(|(copy, _)| *copy != key) {
                    return Err("a second key while the first may live".into()); // [GRP-4]
                }
                if to == To::Group && !self.copies.is_empty() {
                    return Err("the cloud chooses while a member may hold it".into());
                }
                if !self.sent.insert((key.clone(), path)) {
                    return Err("a key was sent twice on one path".into());
                }
                self.copies.insert((key.clone(), path));
                self.open.insert((key, path));
            }
            Effect::Of(hybrid::Effect::LookUp(path)) => self.asked = Some((path, false)),
            Effect::Of(hybrid::Effect::Cancel { path, .. }) => self.asked = Some((path, true)),
            Effect::Of(hybrid::Effect::Arm(timer, _)) => drop(self.timers.insert(timer)),
            Effect::Of(hybrid::Effect::Disarm(timer)) => drop(self.timers.remove(&timer)),
            Effect::Of(hybrid::Effect::FellBack(
                FellBack::NotAccepted | FellBack::Silent | FellBack::Unreachable,
            )) => {}
            Effect::Of(hybrid::Effect::Settled(_)) => {
                return Err("an attempt ended beside its call".into());
            }
            Effect::Of(hybrid::Effect::Forget { .. }) | Effect::ArmMaxWait(_) | Effect::Choose => {}
            Effect::Left { .. } => {
                if !self.copies.is_empty() {
                    return Err("a member was left that may hold the sale".into()); // [GRP-4]
                }
                (self.timers, self.storing) = (BTreeSet::new(), VecDeque::new());
                (self.open, self.asked) = (BTreeSet::new(), None);
            }
            Effect::Settled(outcome) => {
                self.settled = true;
                let clear = !matches!(outcome, Outcome::Ended { .. });
                if clear && !self.copies.is_empty() {
                    return Err(format!("nothing was charged, it says: {outcome:?}"));
                }
            }
        }
        Ok(())
    }
}

/// One thing that happens; what it is about is filled in from the attempt that runs.
#[derive(Debug, Clone, Copy)]
enum Happens {
    Try(usize),
    NoneReachable,
    GiveUp,
    WaitedTooLong,
    Stored,
    Head(Path),
    Answered(Path, Seen),
    Refused(Path, u8),
    NeverSent(Path),
    Lost(Path),
    Listed(Option<Seen>),
    CloudListed(Option<Seen>, bool),
    NotListed(Path),
    Cancelled(Path),
    StillProcessing(Path),
    Elapsed(hybrid::Timer),
}

#[derive(Debug, Clone, Copy)]
enum Seen {
    Pending,
    Processing,
    Completed,
}

fn input(group: &Group, fresh: &mut u32, happens: Happens) -> Input {
    let mut new = |nth: usize| {
        *fresh += 1;
        StoredAttempt {
            terminal_id: MEMBERS[nth].parse().expect("lawful"),
            key: key(&format!("k{fresh}")),
            ..stored()
        }
    };
    let own = |seen: Seen| {
        let stored = group.stored().cloned().unwrap_or_else(stored);
        let status = match seen {
            Seen::Pending => Status::Pending,
            Seen::Processing => Status::Processing,
            Seen::Completed => Status::Completed,
        };
        Payment {
            terminal_id: stored.terminal_id,
            ..payment(stored.key.as_str(), status)
        }
    };
    let listed = |seen: Option<Seen>| list(seen.map(own).into_iter().collect());
    Input::Of(match happens {
        Happens::Try(nth) => return Input::Try(new(nth)),
        Happens::NoneReachable => return Input::NoneReachable(new(0)),
        Happens::GiveUp => return Input::GiveUp,
        Happens::WaitedTooLong => return Input::WaitedTooLong,
        Happens::Stored => hybrid::Input::Stored,
        Happens::Head(path) => hybrid::Input::Head(path),
        Happens::Answered(path, seen) => hybrid::Input::Answered(path, own(seen)),
        Happens::Refused(path, which) => {
            let code = match which {
                0 | 1 => Code::TerminalBusy,
                2 => Code::ReferenceInProgress,
                _ => Code::InvalidAmount,
            };
            let (status, error) = (code.status(), error(code));
            hybrid::Input::Refused {
                path,
                status,
                error,
            }
        }
        Happens::NeverSent(path) => {
            hybrid::Input::NeverSent(path, NotSent::Unreachable("refused".to_owned()))
        }
        Happens::Lost(path) => hybrid::Input::Lost(path, Lost::Broken("reset".to_owned())),
        Happens::Listed(seen) => hybrid::Input::LookedUp(listed(seen)),
        Happens::CloudListed(seen, undelivered) => hybrid::Input::CloudLookedUp {
            list: PaymentList {
                journal_id: None,
                ..listed(seen)
            },
            undelivered,
        },
        Happens::NotListed(path) => hybrid::Input::LookUpFailed(path, Unasked::Dead),
        Happens::Cancelled(path) => {
            hybrid::Input::CancelAnswered(path, cancellation(CancelOutcome::Cancelled, None))
        }
        Happens::StillProcessing(path) => {
            hybrid::Input::CancelAnswered(path, cancellation(CancelOutcome::StillProcessing, None))
        }
        Happens::Elapsed(timer) => hybrid::Input::Elapsed(timer),
    })
}

fn any_happening() -> impl Strategy<Value = Happens> {
    use attempt::Timer::{AskAgain, Deadline, Hold, Reply};
    let path = || prop::sample::select(vec![Path::Lan, Path::Cloud]);
    let seen = || prop::sample::select(vec![Seen::Pending, Seen::Processing, Seen::Completed]);
    let timer = prop::sample::select(vec![
        hybrid::Timer::Acceptance,
        hybrid::Timer::QuickLook,
        hybrid::Timer::Attempt(AskAgain),
        hybrid::Timer::Attempt(AskAgain),
        hybrid::Timer::Attempt(Deadline),
        hybrid::Timer::Attempt(Hold),
        hybrid::Timer::Attempt(Reply),
    ]);
    prop_oneof![
        4 => (0..MEMBERS.len()).prop_map(Happens::Try),
        1 => Just(Happens::NoneReachable),
        1 => prop::sample::select(vec![Happens::GiveUp, Happens::WaitedTooLong]),
        5 => Just(Happens::Stored),
        1 => path().prop_map(Happens::Head),
        1 => (path(), seen()).prop_map(|(path, seen)| Happens::Answered(path, seen)),
        3 => (path(), 0..4u8).prop_map(|(path, which)| Happens::Refused(path, which)),
        2 => path().prop_map(Happens::NeverSent),
        2 => path().prop_map(Happens::Lost),
        2 => prop::option::of(seen()).prop_map(Happens::Listed),
        2 => (prop::option::of(seen()), any::<bool>())
            .prop_map(|(seen, undelivered)| Happens::CloudListed(seen, undelivered)),
        2 => path().prop_map(Happens::NotListed),
        2 => path().prop_map(Happens::Cancelled),
        1 => path().prop_map(Happens::StillProcessing),
        4 => timer.prop_map(Happens::Elapsed),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    // [GRP-4]
    #[test]
    fn along_random_stories_one_member_holds_the_sale_at_most(
        story in prop::collection::vec(any_happening(), 0..120),
        cloud in any::<bool>(),
    ) {
        let policy = Policy {
            deadline: Duration::from_secs(150),
            local_timeout: cloud.then_some(crate::timing::LOCAL_TIMEOUT),
            max_wait: None,
        };
        let members = MEMBERS.map(|id| id.parse().expect("lawful")).into();
        let mut group = Group::new(members, policy);
        let mut watch = Watch::default();
        let mut fresh = 0;
        watch.step(&mut group, Input::Begin).expect("nothing is wrong with a beginning");
        for happens in story {
            let input = input(&group, &mut fresh, happens);
            if let Err(broken) = watch.step(&mut group, input) {
                prop_assert!(false, "{broken}");
            }
        }
    }
}
