//! What must be done sooner or later: what broke is mended, what stopped goes on, and tills turn to their next sale.

use super::clock::{MILLI, SECOND};
use super::script::outage;
use super::step::Step;
use super::tally::Fault;
use super::world::{Event, World};
use crate::world::action::{Action, Then};
use crate::world::invariant::{Checked, ensure};
use crate::world::terminal::Reach;
use crate::world::till::{Power, Stage};

/// Something to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Chore {
    PowerBack(usize),
    /// Somebody switches a terminal that is out of service off and on.
    Mend(usize),
    LanBack(usize),
    InternetMissed(usize),
    InternetBack(usize),
    /// A till that crashed starts again, or resolves the next of what it stored.
    TillRestarts(usize),
    Begins(usize),
    Chooses(usize),
}

/// How often a call for a group asks all its members before it gives up.
const ROUNDS: u8 = 3;

impl World {
    pub(super) fn follow_chores(&mut self) {
        let wanted = self.wanted_chores();
        let clock = &mut self.clock;
        self.chores.retain(|chore, ticket| {
            let is_wanted = wanted.contains(chore);
            if !is_wanted {
                clock.take(*ticket);
            }
            is_wanted
        });
        for chore in wanted {
            if !self.chores.contains_key(&chore) {
                let pause = self.pause(chore);
                let ticket = self.clock.put_in(pause, Event::Chore(chore));
                self.chores.insert(chore, ticket);
            }
        }
    }

    fn wanted_chores(&self) -> Vec<Chore> {
        let mut wanted = Vec::new();
        for (nth, terminal) in self.shop.terminals.iter().enumerate() {
            if terminal.lan != Reach::There {
                wanted.push(Chore::LanBack(nth));
            }
            if !terminal.is_on() {
                wanted.push(Chore::PowerBack(nth));
                continue;
            }
            if terminal.is_out_of_service() && !terminal.disk.is_damaged() {
                wanted.push(Chore::Mend(nth));
            }
            match terminal.internet {
                Reach::There => {}
                Reach::Gone => {
                    wanted.extend([Chore::InternetMissed(nth), Chore::InternetBack(nth)])
                }
                Reach::Missed => wanted.push(Chore::InternetBack(nth)),
            }
        }
        for (nth, till) in self.shop.tills.iter().enumerate() {
            if till.power == Power::Crashed {
                wanted.push(Chore::TillRestarts(nth));
                continue;
            }
            if !till.is_paying() && till.unresolved().is_some() {
                wanted.push(Chore::TillRestarts(nth));
                continue;
            }
            let next = match &till.stage {
                Stage::Before => till.sale,
                Stage::Over => till.sale + 1,
                Stage::Paying(_) => continue,
                Stage::Calling(_, choosing) => {
                    if choosing.is_asked {
                        wanted.push(Chore::Chooses(nth));
                    }
                    continue;
                }
            };
            if self.shop.plan.sale(nth, next).is_some() {
                wanted.push(Chore::Begins(nth));
            }
        }
        wanted
    }

    fn pause(&mut self, chore: Chore) -> u64 {
        let dice = &mut self.dice;
        match chore {
            Chore::InternetMissed(_) => dice.between(3 * SECOND, 4 * SECOND),
            Chore::Chooses(till) if self.rounds[till] == 0 => dice.between(100, MILLI),
            Chore::Chooses(_) => dice.between(SECOND, 5 * SECOND),
            Chore::Begins(_) if self.is_calm => dice.between(MILLI, 5 * SECOND),
            Chore::Begins(_) => dice.between(MILLI, self.script.pace),
            _ if self.is_calm => dice.between(SECOND, 30 * SECOND),
            Chore::PowerBack(_) if dice.chance(300) => dice.between(MILLI, SECOND),
            Chore::PowerBack(_) | Chore::TillRestarts(_) | Chore::Mend(_) => {
                dice.between(SECOND, 180 * SECOND)
            }
            Chore::LanBack(_) | Chore::InternetBack(_) => outage(dice),
        }
    }

    pub(super) fn does(&mut self, chore: Chore) -> Checked<()> {
        let step = match chore {
            Chore::PowerBack(nth) => return self.power_back(nth),
            Chore::Mend(nth) => Step::Act(Action::PowerCut(nth)),
            Chore::LanBack(nth) => Step::Act(Action::LanBack(nth)),
            Chore::InternetMissed(nth) => {
                let missed = |then| Step::Act(Action::InternetMissed(nth, then));
                return self.act_at(nth, missed).map(drop);
            }
            Chore::InternetBack(nth) => {
                let back = |then| Step::Act(Action::InternetBack(nth, then));
                return self.act_at(nth, back).map(drop);
            }
            Chore::TillRestarts(nth) => Step::Act(Action::TillRestarts(nth)),
            Chore::Begins(nth) => {
                self.tally.begun += 1;
                self.rounds[nth] = 0;
                Step::Act(Action::Begin(nth))
            }
            Chore::Chooses(nth) => self.choose(nth),
        };
        self.step(&step).map(drop)
    }

    fn power_back(&mut self, nth: usize) -> Checked<()> {
        if !self.is_calm && self.dice.chance(self.script.cuts_at_boot) {
            let before = self.shop.clone();
            let lines = self.told.as_ref().map_or(0, Vec::len);
            let after = self.dice.below(5) as usize;
            if self.step(&Step::CutAtBoot(nth, Then::CutAfter(after)))? {
                self.tally.count(Fault::CutAtBoot);
                return Ok(());
            }
            self.shop = before;
            if let Some(told) = &mut self.told {
                told.truncate(lines);
            }
        }
        self.act(Action::PowerBack(nth)).map(drop)
    }

    fn choose(&mut self, nth: usize) -> Step {
        let (members, none_reachable) = self.shop.may_try(nth);
        if none_reachable {
            return Step::Act(Action::NoneReachable(nth));
        }
        let member = if self.dice.chance(700) {
            members.first().copied()
        } else {
            self.dice.one_of(&members).copied()
        };
        match member {
            Some(member) => Step::Act(Action::TryMember(nth, member)),
            None if self.rounds[nth] < ROUNDS => {
                self.rounds[nth] += 1;
                Step::AsksAgain(nth)
            }
            None => Step::WaitsNoLonger(nth),
        }
    }

    /// From here on nothing more goes wrong, and what is wrong is put right soon.
    pub(super) fn calm(&mut self) -> Checked<()> {
        self.is_calm = true;
        self.clock
            .forget(|event| matches!(event, Event::Weather | Event::Fault(..)));
        self.silent.host = self.clock.now();
        self.silent.cloud = self.clock.now();
        self.silent.to.fill(self.clock.now());
        self.silent.from.fill(self.clock.now());
        for (_, ticket) in std::mem::take(&mut self.chores) {
            self.clock.take(ticket);
        }
        if let Some(told) = &mut self.told {
            told.push(format!("{} faults stop", self.clock.now()));
        }
        self.follow_chores();
        Ok(())
    }

    /// Every sale that a till began it was told of, unless it crashed meanwhile.
    pub(super) fn everybody_was_told(&self) -> Checked<()> {
        for (nth, till) in self.shop.tills.iter().enumerate() {
            ensure(
                till.sale + 1 == self.shop.plan.tills[nth].len(),
                "I5: a till never comes to its last sale",
            )?;
            ensure(
                till.unresolved().is_none(),
                "REC-12: a till rests with a stored attempt of which it was told nothing",
            )?;
        }
        Ok(())
    }

    /// I28
    pub(super) fn every_amount_is_the_sales(&self) -> Checked<()> {
        let sales: Vec<_> = self.shop.plan.tills.iter().flatten().collect();
        for terminal in &self.shop.terminals {
            for payment in terminal.disk.payments() {
                let sale = sales.iter().find(|it| it.reference() == payment.reference);
                ensure(
                    sale.is_some_and(|it| it.amount == payment.amount.minor_units()),
                    "I28: a journal holds another amount than the till asked for",
                )?;
            }
        }
        Ok(())
    }
}
