//! Driving the tills of a shop: what they ask, and what they are answered.

use std::sync::Arc;
use std::time::Duration;

use vinr_protocol::client::attempt::{self, Lost, NotSent, StoredAttempt};
use vinr_protocol::client::group::{self, Group, Left};
use vinr_protocol::client::hybrid::{self, Cloud, Hybrid, Path, To, Unasked};
use vinr_protocol::{AttemptKey, Code, ErrorBody, Machine, PaymentList, Reference, Status};

use super::invariant::{Checked, ensure};
use super::message::{Ask, CloudAsk, CloudReply, Line, Message, Purpose, Reply};
use super::plan::{Plan, Sale, Way, now, terminal_id, terminal_of};
use super::shop::{Armed, Shop};
use super::till::{Choosing, Power, Sent, Stage};

/// How often a call for a group may be given the same member.
const TRIES: u8 = 2;

impl Shop {
    // --- beginning

    pub(super) fn begin(&mut self, nth: usize) -> Checked<()> {
        let plan = self.plan.clone();
        let next = match self.tills[nth].stage {
            Stage::Before => self.tills[nth].sale,
            _ => self.tills[nth].sale + 1,
        };
        let Some(sale) = plan.sale(nth, next) else {
            return Ok(());
        };
        self.tills[nth].change(|it| it.sale = next);
        match &sale.way {
            Way::Local(terminal) => self.pay(nth, sale, *terminal, Cloud::None),
            Way::Hybrid(terminal) => self.pay(nth, sale, *terminal, Cloud::After(LOCAL_TIMEOUT)),
            Way::Group(members) => self.call(nth, members, None),
            Way::HybridGroup(members) => self.call(nth, members, Some(LOCAL_TIMEOUT)),
        }
    }

    fn pay(&mut self, nth: usize, sale: &Sale, terminal: usize, cloud: Cloud) -> Checked<()> {
        let stored = self.attempt(nth, sale, terminal);
        let spare_key = Some(self.tills[nth].change(|it| it.fresh_key(nth)));
        let hybrid = Box::new(Hybrid::new(stored, policy(spare_key, cloud)));
        self.tills[nth].change(|it| it.stage = Stage::Paying(hybrid));
        self.till(nth, hybrid::Input::Begin)
    }

    fn call(
        &mut self,
        nth: usize,
        members: &[usize],
        local_timeout: Option<Duration>,
    ) -> Checked<()> {
        let members: Arc<[_]> = members.iter().map(|member| terminal_id(*member)).collect();
        let policy = group::Policy {
            deadline: DEADLINE,
            local_timeout,
            max_wait: None,
        };
        let group = Box::new(Group::new(members, policy));
        self.tills[nth].change(|it| it.stage = Stage::Calling(group, Choosing::default()));
        self.group(nth, group::Input::Begin)
    }

    /// A fresh attempt, as the till stores it.
    fn attempt(&mut self, nth: usize, sale: &Sale, terminal: usize) -> StoredAttempt {
        let key = self.tills[nth].change(|it| it.fresh_key(nth));
        let mut stored = StoredAttempt::new(&sale.request(terminal), key, now());
        stored.journal_id = Some(self.terminals[terminal].disk.journal_id());
        stored
    }

    pub(super) fn restart(&mut self, nth: usize) -> Checked<()> {
        self.tills[nth].change(|it| it.power = Power::On);
        let Some(stored) = self.tills[nth].unresolved().cloned() else {
            return Ok(());
        };
        let cloud = if self.plan.has_cloud() {
            Cloud::After(LOCAL_TIMEOUT)
        } else {
            Cloud::None
        };
        let terminal = terminal_of(&stored.terminal_id);
        let now = self.terminals[terminal].disk.date();
        let hybrid = Box::new(Hybrid::new(stored, policy(None, cloud)));
        self.tills[nth].change(|it| it.stage = Stage::Paying(hybrid));
        self.till(nth, hybrid::Input::Resume { now })
    }

    // --- calls for a group

    /// The members that a call may be given, and whether the cloud may choose.
    pub(super) fn may_try(&self, nth: usize) -> (Vec<usize>, bool) {
        let Stage::Calling(group, choosing) = &self.tills[nth].stage else {
            return (Vec::new(), false);
        };
        if !choosing.is_asked {
            return (Vec::new(), false);
        }
        let members: Vec<usize> = group.members().iter().map(terminal_of).collect();
        let none_reachable = members.iter().all(|it| choosing.unreachable.contains(it));
        let fresh = members.into_iter().filter(|it| {
            choosing.tried.get(it).copied().unwrap_or(0) < TRIES
                && !choosing.unreachable.contains(it)
        });
        (fresh.collect(), none_reachable)
    }

    pub(super) fn try_member(&mut self, nth: usize, member: usize) -> Checked<()> {
        let Some(sale) = self.present_sale(nth) else {
            return Ok(());
        };
        let attempt = self.attempt(nth, &sale, member);
        self.choosing(nth, |it| {
            it.is_asked = false;
            *it.tried.entry(member).or_default() += 1;
        });
        self.group(nth, group::Input::Try(attempt))
    }

    pub(super) fn none_reachable(&mut self, nth: usize) -> Checked<()> {
        let Some(sale) = self.present_sale(nth) else {
            return Ok(());
        };
        let first = match &sale.way {
            Way::Group(members) | Way::HybridGroup(members) => members[0],
            Way::Local(terminal) | Way::Hybrid(terminal) => *terminal,
        };
        let mut attempt = self.attempt(nth, &sale, first);
        attempt.journal_id = None;
        self.choosing(nth, |it| it.is_asked = false);
        self.group(nth, group::Input::NoneReachable(attempt))
    }

    fn choosing(&mut self, nth: usize, change: impl FnOnce(&mut Choosing)) {
        self.tills[nth].change(|it| {
            if let Stage::Calling(_, choosing) = &mut it.stage {
                change(choosing);
            }
        });
    }

    fn present_sale(&self, nth: usize) -> Option<Sale> {
        self.plan.sale(nth, self.tills[nth].sale).cloned()
    }

    pub(super) fn group(&mut self, nth: usize, input: group::Input) -> Checked<()> {
        let effects = self.tills[nth].change(|it| match &mut it.stage {
            Stage::Calling(group, _) => group.step(input),
            _ => Vec::new(),
        });
        for effect in effects {
            match effect {
                group::Effect::Of(effect) => self.till_does(nth, effect)?,
                group::Effect::ArmMaxWait(_) => {}
                group::Effect::Choose => self.choosing(nth, |it| it.is_asked = true),
                group::Effect::Left { terminal, why } => {
                    self.hang_up(nth, |_| true);
                    self.tills[nth].change(|it| it.armed.clear());
                    if why == Left::Unreachable {
                        let member = terminal_of(&terminal);
                        self.choosing(nth, |it| {
                            it.unreachable.insert(member);
                        });
                    }
                }
                group::Effect::Settled(outcome) => {
                    self.hang_up(nth, |_| true);
                    self.tills[nth].change(|it| it.settle_call(outcome))?;
                }
            }
        }
        Ok(())
    }

    // --- one attempt

    /// Tells whichever machine the till runs.
    pub(super) fn till(&mut self, nth: usize, input: hybrid::Input) -> Checked<()> {
        if matches!(self.tills[nth].stage, Stage::Calling(..)) {
            return self.group(nth, group::Input::Of(input));
        }
        let effects = self.tills[nth].change(|it| match &mut it.stage {
            Stage::Paying(hybrid) => hybrid.step(input),
            _ => Vec::new(),
        });
        effects
            .into_iter()
            .try_for_each(|effect| self.till_does(nth, effect))
    }

    fn till_does(&mut self, nth: usize, effect: hybrid::Effect) -> Checked<()> {
        match effect {
            hybrid::Effect::Store(stored) => {
                self.tills[nth].change(|it| it.store.insert(stored.key.clone(), stored));
                return self.till(nth, hybrid::Input::Stored);
            }
            hybrid::Effect::SendPay { path, to, key } => return self.send_pay(nth, path, to, key),
            hybrid::Effect::LookUp(path) => {
                let Some((terminal, reference)) = self.about(nth) else {
                    return Ok(());
                };
                self.hang_up(nth, |line| line.is_question());
                match path {
                    Path::Lan => {
                        let purpose = Purpose::LookUp;
                        let line = Line { till: nth, purpose };
                        self.ask(line, terminal, Ask::LookUp(reference));
                    }
                    Path::Cloud => {
                        let purpose = Purpose::CloudLookUp;
                        let line = Line { till: nth, purpose };
                        self.ask_cloud(line, CloudAsk::LookUp(reference));
                    }
                }
            }
            hybrid::Effect::Cancel { path, key } => {
                let Some((terminal, reference)) = self.about(nth) else {
                    return Ok(());
                };
                self.hang_up(nth, |line| line.is_question());
                match path {
                    Path::Lan => {
                        let line = Line::new(&key, Purpose::Cancel);
                        self.ask(line, terminal, Ask::Cancel { reference, key });
                    }
                    Path::Cloud => {
                        let line = Line::new(&key, Purpose::CloudCancel);
                        let ask = CloudAsk::Cancel {
                            reference,
                            key,
                            terminal,
                        };
                        self.ask_cloud(line, ask);
                    }
                }
            }
            hybrid::Effect::Arm(timer, after) => {
                self.tills[nth].change(|it| it.armed.insert(timer, after));
                self.armed.push(Armed::Till(nth, timer, after));
            }
            hybrid::Effect::Disarm(timer) => {
                self.tills[nth].change(|it| it.armed.remove(&timer));
            }
            hybrid::Effect::FellBack(_) => {}
            hybrid::Effect::Forget { key } => {
                self.tills[nth].change(|it| it.store.remove(&key));
            }
            hybrid::Effect::Settled(outcome) => {
                self.hang_up(nth, |_| true);
                return self.tills[nth].change(|it| it.settle(outcome));
            }
        }
        Ok(())
    }

    /// The terminal and the sale that a till is at.
    fn about(&self, nth: usize) -> Option<(usize, Reference)> {
        let stored = self.tills[nth].stored()?;
        Some((terminal_of(&stored.terminal_id), stored.reference.clone()))
    }

    fn send_pay(&mut self, nth: usize, path: Path, to: To, key: AttemptKey) -> Checked<()> {
        let Some((terminal, _)) = self.about(nth) else {
            return Ok(());
        };
        ensure(
            self.tills[nth].store.contains_key(&key),
            "REC-12: a pay is sent before its attempt is stored",
        )?;
        let sale = self.tills[nth].sale;
        let terminals = match (to, self.present_sale(nth).map(|it| it.way)) {
            (To::Group, Some(Way::Group(members) | Way::HybridGroup(members))) => members,
            _ => vec![terminal],
        };
        self.check_fence(nth, &key, &terminals)?;
        self.hang_up(nth, |line| line.key().as_ref() != Some(&key));
        let sent = Sent {
            sale,
            key: key.clone(),
            terminals: terminals.clone(),
        };
        self.tills[nth].change(|it| {
            if !it.sent.contains(&sent) {
                it.sent.push(sent);
            }
        });
        match path {
            Path::Lan => {
                let line = Line::new(&key, Purpose::Pay);
                self.ask(line, terminal, Ask::Pay { sale, key });
            }
            Path::Cloud => {
                let line = Line::new(&key, Purpose::CloudPay);
                let ask = CloudAsk::Pay {
                    sale,
                    key,
                    members: terminals,
                };
                self.ask_cloud(line, ask);
            }
        }
        Ok(())
    }

    fn ask(&mut self, line: Line, terminal: usize, ask: Ask) {
        self.tills[line.till].change(|it| it.listening.insert(line));
        let message = if self.terminals[terminal].is_reachable() {
            Message::Ask {
                line,
                terminal,
                ask,
            }
        } else {
            Message::Reply {
                line,
                terminal,
                reply: Reply::Unreachable,
            }
        };
        self.send(message);
    }

    fn ask_cloud(&mut self, line: Line, ask: CloudAsk) {
        self.tills[line.till].change(|it| it.listening.insert(line));
        self.send(Message::CloudAsk { line, ask });
    }

    // --- answers

    /// The connection broke before the question was read.
    pub(super) fn broken(&mut self, line: Line) -> Checked<()> {
        if !self.is_listening(line) {
            return Ok(());
        }
        self.tills[line.till].change(|it| it.listening.remove(&line));
        let broken = || Lost::Broken(String::new());
        let input = match line.purpose {
            Purpose::Pay(_) => hybrid::Input::Lost(Path::Lan, broken()),
            Purpose::CloudPay(_) => hybrid::Input::Lost(Path::Cloud, broken()),
            Purpose::LookUp => hybrid::Input::LookUpFailed(Path::Lan, Unasked::Dead),
            Purpose::CloudLookUp => hybrid::Input::LookUpFailed(Path::Cloud, Unasked::Dead),
            Purpose::Cancel(_) => hybrid::Input::CancelFailed(Path::Lan, Unasked::Dead),
            Purpose::CloudCancel(_) => hybrid::Input::CancelFailed(Path::Cloud, Unasked::Dead),
            _ => return Ok(()),
        };
        self.till(line.till, input)
    }

    pub(super) fn replied(&mut self, line: Line, reply: &Reply) -> Checked<()> {
        if !self.is_listening(line) {
            return Ok(());
        }
        if *reply != Reply::Head {
            self.tills[line.till].change(|it| it.listening.remove(&line));
        }
        let path = Path::Lan;
        let input = match (line.purpose, reply) {
            (Purpose::Pay(_), Reply::Head) => hybrid::Input::Head(path),
            (Purpose::Pay(_), Reply::Payment(payment)) => {
                hybrid::Input::Answered(path, (**payment).clone())
            }
            (Purpose::Pay(_), Reply::Refused(code)) => refused(path, code),
            (Purpose::Pay(_), Reply::Unreachable) => {
                hybrid::Input::NeverSent(path, NotSent::Unreachable(String::new()))
            }
            (Purpose::LookUp, Reply::List(list)) => hybrid::Input::LookedUp((**list).clone()),
            (Purpose::LookUp, _) => hybrid::Input::LookUpFailed(path, Unasked::Dead),
            (Purpose::Cancel(_), Reply::Cancellation(it)) => {
                hybrid::Input::CancelAnswered(path, (**it).clone())
            }
            (Purpose::Cancel(_), _) => hybrid::Input::CancelFailed(path, Unasked::Dead),
            _ => return Ok(()),
        };
        self.till(line.till, input)
    }

    pub(super) fn cloud_replied(&mut self, line: Line, reply: &CloudReply) -> Checked<()> {
        if !self.is_listening(line) {
            return Ok(());
        }
        self.tills[line.till].change(|it| it.listening.remove(&line));
        let path = Path::Cloud;
        let input = match (line.purpose, reply) {
            (Purpose::CloudPay(_), CloudReply::Payment(payment)) => {
                hybrid::Input::Answered(path, (**payment).clone())
            }
            (Purpose::CloudPay(_), CloudReply::Refused(code)) => refused(path, code),
            (Purpose::CloudLookUp, CloudReply::List(list)) => hybrid::Input::CloudLookedUp {
                list: PaymentList {
                    object: list.object.clone(),
                    data: list.data.clone(),
                    journal_id: None,
                },
                undelivered: list.undelivered,
            },
            (Purpose::CloudLookUp, _) => hybrid::Input::LookUpFailed(path, Unasked::Dead),
            (Purpose::CloudCancel(_), CloudReply::Cancellation(it)) => {
                hybrid::Input::CancelAnswered(path, (**it).clone())
            }
            (Purpose::CloudCancel(_), _) => hybrid::Input::CancelFailed(path, Unasked::Dead),
            _ => return Ok(()),
        };
        self.till(line.till, input)
    }

    // --- the fence

    /// I12, REC-1, REC-4, REC-5: whatever was sent for this sale before can never charge, wherever it may be.
    fn check_fence(&self, till: usize, key: &AttemptKey, terminals: &[usize]) -> Checked<()> {
        let sale = self.tills[till].sale;
        for sent in self.tills[till].sent.iter().filter(|it| it.sale == sale) {
            if sent.key == *key {
                // The same attempt on a second path: at the same terminal, where it joins.
                ensure(
                    terminals == sent.terminals,
                    "I12: one attempt is sent to another terminal",
                )?;
                continue;
            }
            ensure(
                sent.terminals
                    .iter()
                    .all(|nth| self.is_void(*nth, &sent.key)),
                "I12: a new attempt is sent while an earlier one may still charge",
            )?;
        }
        Ok(())
    }

    fn is_void(&self, terminal: usize, key: &AttemptKey) -> bool {
        let disk = &self.terminals[terminal].disk;
        if disk.is_tombstoned(key) {
            return true;
        }
        if disk.knows(key) {
            return disk
                .with_key(key)
                .all(|it| it.status.is_final() && it.status != Status::Completed);
        }
        !self.is_under_way(terminal, key)
    }

    fn is_under_way(&self, to: usize, key: &AttemptKey) -> bool {
        self.air.iter().any(|it| match &**it {
            Message::Ask { terminal, ask, .. } if *terminal == to => match ask {
                Ask::Pay { key: it, .. } => it == key,
                Ask::Command(command) => command.key == *key,
                Ask::LookUp(_) | Ask::Cancel { .. } => false,
            },
            Message::CloudAsk {
                ask: CloudAsk::Pay {
                    key: it, members, ..
                },
                ..
            } => it == key && members.contains(&to),
            _ => false,
        })
    }
}

fn refused(path: Path, code: &Code) -> hybrid::Input {
    let (status, kind, next) = code.meaning();
    hybrid::Input::Refused {
        path,
        status,
        error: ErrorBody {
            kind,
            code: code.clone(),
            message: String::new(),
            param: None,
            request_id: None,
            next: Some(next),
            retry_after_ms: None,
        },
    }
}

const LOCAL_TIMEOUT: Duration = vinr_protocol::timing::LOCAL_TIMEOUT;

/// The caller's deadline: long enough for a further attempt.
const DEADLINE: Duration = Duration::from_secs(400);

fn policy(spare_key: Option<AttemptKey>, cloud: Cloud) -> hybrid::Policy {
    hybrid::Policy {
        attempt: attempt::Policy {
            deadline: DEADLINE,
            spare_key,
        },
        cloud,
    }
}

impl Plan {
    pub(super) fn has_cloud(&self) -> bool {
        let mut ways = self.tills.iter().flatten().map(|sale| &sale.way);
        ways.any(|way| matches!(way, Way::Hybrid(_) | Way::HybridGroup(_)))
    }
}
