//! A shop: tills, terminals, the cloud, the card network, and everything that is under way between them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use vinr_protocol::Reference;
use vinr_protocol::client::hybrid;
use vinr_protocol::cloud::relay;
use vinr_protocol::reader::ReaderStatus;
use vinr_protocol::terminal::{HostVerdict, Input, Timer};

use super::action::{Action, Then};
use super::bank::Bank;
use super::cloud::Cloud;
use super::invariant::{Checked, ensure};
use super::message::{Line, Message};
use super::plan::{Faults, Plan, Sale};
use super::shared::{Pool, Shared};
use super::terminal::{Reach, Terminal};
use super::till::Till;

/// Everything there is.
#[derive(Debug, Clone)]
pub struct Shop {
    pub(super) plan: Arc<Plan>,
    references: Arc<BTreeSet<Reference>>,
    pub(super) tills: Vec<Shared<Till>>,
    pub(super) terminals: Vec<Shared<Terminal>>,
    pub(super) cloud: Shared<Cloud>,
    pub(super) bank: Shared<Bank>,
    /// Under way, by fingerprint: one order for one state, whatever led to it.
    pub(super) air: Vec<Shared<Message>>,
    pub(super) left: Faults,
    /// The timers that the last action armed, for a host with a clock.
    pub(super) armed: Vec<Armed>,
}

/// The parts that states have in common: far fewer than states, of which each is one combination.
#[derive(Debug, Default)]
pub(super) struct Parts {
    tills: Pool<Till>,
    terminals: Pool<Terminal>,
    clouds: Pool<Cloud>,
    banks: Pool<Bank>,
    messages: Pool<Message>,
}

/// A timer that was armed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Armed {
    /// A till's.
    Till(usize, hybrid::Timer, Duration),
    /// A terminal's.
    Terminal(usize, Timer, Duration),
    /// The cloud's.
    Cloud(relay::Timer, Duration),
}

impl Shop {
    /// A shop in the morning.
    pub fn open(plan: &Arc<Plan>) -> Self {
        let sales = plan.tills.iter().flatten();
        let terminals = (0..plan.terminals).map(|nth| Shared::new(Terminal::new(plan, nth)));
        let mut shop = Self {
            plan: plan.clone(),
            references: Arc::new(sales.map(Sale::reference).collect()),
            tills: plan
                .tills
                .iter()
                .map(|_| Shared::new(Till::new()))
                .collect(),
            terminals: terminals.collect(),
            cloud: Shared::new(Cloud::new()),
            bank: Shared::new(Bank::new(plan.guard)),
            air: Vec::new(),
            left: plan.faults,
            armed: Vec::new(),
        };
        for terminal in 0..plan.terminals {
            shop.link(terminal)
                .expect("nothing has happened that an invariant could forbid");
        }
        shop
    }

    /// The same for equal shops, and for no others that were ever met.
    pub fn fingerprint(&self) -> u64 {
        let parts = self
            .tills
            .iter()
            .map(Shared::fingerprint)
            .chain(self.terminals.iter().map(Shared::fingerprint))
            .chain([self.cloud.fingerprint(), self.bank.fingerprint()])
            .chain(self.air.iter().map(Shared::fingerprint));
        let parts: Vec<u64> = parts.collect();
        super::shared::fingerprint(&(parts, self.left))
    }

    /// The shop after an action; `None` where the action is none here.
    pub fn after(&self, action: &Action) -> Checked<Option<Shop>> {
        let mut shop = self.clone();
        if !shop.act(action)? {
            return Ok(None);
        }
        shop.check()?;
        Ok(Some(shop))
    }

    /// Does it; false where there is nothing to do.
    pub fn act(&mut self, action: &Action) -> Checked<bool> {
        self.armed.clear();
        match action {
            Action::Begin(till) => self.begin(*till)?,
            Action::TryMember(till, member) => self.try_member(*till, *member)?,
            Action::NoneReachable(till) => self.none_reachable(*till)?,
            Action::Deliver(message, then) => {
                self.remove(message);
                return self.deliver(message, *then);
            }
            Action::HostSays(message, mood) => {
                self.remove(message);
                self.host_says(message, *mood);
            }
            Action::Lose(message) => {
                self.left.losses -= 1;
                self.remove(message);
            }
            Action::Repeat(message) => {
                self.left.repeats -= 1;
                if let Message::Ask {
                    line,
                    terminal,
                    ask,
                } = &**message
                {
                    self.send_copy(*line, *terminal, ask);
                }
            }
            Action::Breaks(line) => {
                self.left.losses -= 1;
                self.breaks(*line)?;
            }
            Action::Card(terminal, then) => return self.card(*terminal, *then),
            Action::Pin(terminal, then) => {
                let now = self.terminals[*terminal].date();
                return self.terminal(*terminal, Input::PinEntered { now }, *then);
            }
            Action::TerminalTimer(terminal, timer, then) => {
                return self.terminal_timer(*terminal, timer, *then);
            }
            Action::TillTimer(till, timer) => {
                self.tills[*till].change(|it| it.armed.remove(timer));
                self.till(*till, hybrid::Input::Elapsed(*timer))?;
            }
            Action::CloudTimer(timer) => self.cloud_timer(timer)?,
            Action::PowerCut(terminal) => {
                self.left.power_cuts -= 1;
                self.cut(*terminal)?;
            }
            Action::PowerBack(terminal) => return self.boot(*terminal, Then::Goes),
            Action::InternetGoes(terminal) => {
                self.left.outages -= 1;
                self.terminals[*terminal].change(|it| it.internet = Reach::Gone);
                self.link(*terminal)?;
            }
            Action::InternetMissed(terminal, then) => {
                self.terminals[*terminal].change(|it| it.internet = Reach::Missed);
                let status = ReaderStatus::Offline;
                return self.terminal(*terminal, Input::Internet { status }, *then);
            }
            Action::InternetBack(terminal, then) => {
                self.terminals[*terminal].change(|it| it.internet = Reach::There);
                let status = ReaderStatus::Online;
                let is_there = self.terminal(*terminal, Input::Internet { status }, *then)?;
                if is_there && self.is_linked(*terminal) {
                    self.link(*terminal)?;
                }
                return Ok(is_there);
            }
            Action::LanGoes(terminal) => {
                self.left.lan_outages -= 1;
                self.terminals[*terminal].change(|it| it.lan = Reach::Gone);
                self.air.retain(|it| {
                    !matches!(&**it, Message::Reply { terminal: from, line, .. } if from == terminal && line.is_a_tills())
                });
            }
            Action::LanBack(terminal) => {
                self.terminals[*terminal].change(|it| it.lan = Reach::There);
            }
            Action::TillCrashes(till) => {
                self.left.crashes -= 1;
                self.hang_up(*till, |_| true);
                self.tills[*till].change(Till::crash);
            }
            Action::TillRestarts(till) => self.restart(*till)?,
            Action::Damage(terminal) => {
                self.left.damages -= 1;
                self.terminals[*terminal].change(|it| it.disk.damage());
            }
            Action::Swap(terminal) => {
                self.left.swaps -= 1;
                self.terminals[*terminal].change(|it| it.disk.swap());
                // What was sent to a device is under a key that no other device has.
                self.air.retain(
                    |it| !matches!(&**it, Message::Ask { terminal: to, .. } if to == terminal),
                );
            }
            Action::MonthPasses(terminal) => {
                self.left.months -= 1;
                self.terminals[*terminal].change(|it| it.disk.age_by_a_month());
                self.air.clear();
            }
            Action::CloudRestarts => {
                self.left.cloud_restarts -= 1;
                self.cloud_restarts()?;
            }
            Action::Contradicts(terminal, payment, then) => {
                self.left.contradictions -= 1;
                self.bank.change(|it| it.contradict(payment));
                let input = Input::HostAnswered {
                    payment: payment.clone(),
                    verdict: HostVerdict::Approved,
                    now: self.terminals[*terminal].date(),
                };
                return self.terminal(*terminal, input, *then);
            }
        }
        Ok(true)
    }

    fn deliver(&mut self, message: &Message, then: Then) -> Checked<bool> {
        match message {
            Message::Ask {
                line,
                terminal,
                ask,
            } => self.asked(*line, *terminal, ask, then),
            Message::Reply {
                line,
                terminal,
                reply,
            } => {
                if line.is_the_clouds() {
                    self.cloud_told(*line, *terminal, reply)?;
                } else {
                    self.replied(*line, reply)?;
                }
                Ok(true)
            }
            Message::CloudAsk { line, ask } => self.cloud_asked(*line, ask).map(|()| true),
            Message::CloudReply { line, reply } => self.cloud_replied(*line, reply).map(|()| true),
            Message::HandedOver { terminal, command } => {
                self.handed_over(*terminal, command).map(|()| true)
            }
            Message::Report { payment, .. } => self.reported(payment).map(|()| true),
            Message::Freed { terminal } => self.freed(*terminal).map(|()| true),
            Message::NotSent { terminal, payment } => {
                let (payment, now) = (payment.clone(), self.terminals[*terminal].date());
                self.terminal(*terminal, Input::NotSent { payment, now }, then)
            }
            Message::Verdict {
                terminal,
                payment,
                verdict,
            } => {
                let input = Input::HostAnswered {
                    payment: payment.clone(),
                    verdict: verdict.clone(),
                    now: self.terminals[*terminal].date(),
                };
                self.terminal(*terminal, input, then)
            }
            Message::Reversed { terminal, payment } => {
                let payment = payment.clone();
                self.terminal(*terminal, Input::HostReversed { payment }, then)
            }
            Message::Authorize { .. } | Message::Status { .. } | Message::Reverse { .. } => {
                Ok(false)
            }
        }
    }

    /// A connection breaks: what was asked on it may still arrive, its answer will not.
    fn breaks(&mut self, line: Line) -> Checked<()> {
        self.hang_up(line.till, |it| *it == line);
        self.tills[line.till].change(|it| it.listening.insert(line));
        self.broken(line)
    }

    /// Shares with other states every part that is equal to one of theirs.
    pub(super) fn share(&mut self, parts: &mut Parts) {
        self.tills.iter_mut().for_each(|it| parts.tills.share(it));
        let terminals = self.terminals.iter_mut();
        terminals.for_each(|it| parts.terminals.share(it));
        parts.clouds.share(&mut self.cloud);
        parts.banks.share(&mut self.bank);
        self.air.iter_mut().for_each(|it| parts.messages.share(it));
    }

    /// I1, I14, and that nobody is told what is not so.
    pub(super) fn check(&self) -> Checked<()> {
        if self.bank.contradicted_itself() {
            return Ok(());
        }
        for reference in self.references.iter() {
            ensure(
                self.bank.charges(reference) <= 1,
                "I1: one sale is charged twice",
            )?;
        }
        for (nth, till) in self.tills.iter().enumerate() {
            for told in &till.told {
                let Some(sale) = self.plan.sale(nth, told.sale) else {
                    continue;
                };
                let denies = told.outcome.denies_a_charge();
                let claims = told.outcome.claims_a_charge();
                let charged = (denies || claims) && self.bank.is_charged_by(nth, &sale.reference());
                ensure(
                    !(charged && denies),
                    "REC-10: a till was told of no charge, and there is one",
                )?;
                ensure(
                    charged || !claims,
                    "I4: a till was told that it is paid, and it is not",
                )?;
            }
            self.check_one_live(nth)?;
        }
        Ok(())
    }

    /// I2, I14: a till's attempts of one sale are live on one terminal at most.
    fn check_one_live(&self, nth: usize) -> Checked<()> {
        for sale in 0..self.plan.tills[nth].len() {
            let sent = self.tills[nth].sent.iter().filter(|it| it.sale == sale);
            let live = sent
                .flat_map(|sent| sent.terminals.iter().map(|at| (*at, &sent.key)))
                .filter(|(at, key)| {
                    let mut known = self.terminals[*at].disk.with_key(key);
                    known.any(|it| !it.status.is_final())
                })
                .count();
            ensure(live <= 1, "I14: one sale is live on two terminals")?;
        }
        Ok(())
    }
}
