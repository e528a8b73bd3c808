//! What the day brings: outages, power cuts, crashes, and clocks that jump.

use super::clock::{MILLI, SECOND};
use super::script::outage;
use super::step::Step;
use super::tally::Fault;
use super::world::{Doing, Event, TimerId, World, is_cancel};
use crate::world::action::{Action, Then};
use crate::world::choices::is_first_pay;
use crate::world::invariant::Checked;
use crate::world::message::Message;
use crate::world::terminal::Reach;
use crate::world::till::Power;

/// In a thousand pays, authorizations and cancels, trouble that is aimed at them.
const AIMED: u64 = 50;

/// In a thousand faults, a fair future that is played to its end at once.
const FUTURES: u64 = 250;

const TEN_YEARS_MS: i64 = 10 * 365 * 24 * 3_600_000;

impl World {
    /// The next fault of the day.
    pub(super) fn weather(&mut self) -> Checked<()> {
        // What if it were the last? A future without deadlines never ends the wait for a device that is gone: that is
        // left to the day's own end.
        let is_gone = |it: &Fault| matches!(it, Fault::Swap | Fault::Damage);
        if self.dice.chance(FUTURES) && !self.script.weather.iter().any(is_gone) {
            self.shop.settles_within(20)?;
        }
        let Some(fault) = self.dice.one_of(&self.script.weather).copied() else {
            return Ok(());
        };
        let terminal = self.dice.below(self.shop.terminals.len() as u64) as usize;
        self.fault(fault, terminal)
    }

    /// A fault, at or around this terminal.
    pub(super) fn fault(&mut self, fault: Fault, terminal: usize) -> Checked<()> {
        let is_done = match fault {
            Fault::Reset => self.reset()?,
            Fault::HalfOpen => {
                let until = self.clock.now().after(outage(&mut self.dice));
                let way = self.dice.below(3);
                if way != 0 {
                    self.silent.to[terminal] = until;
                }
                if way != 1 {
                    self.silent.from[terminal] = until;
                }
                true
            }
            Fault::HostSilent => {
                self.silent.host = self.clock.now().after(outage(&mut self.dice));
                true
            }
            Fault::CloudSilent => {
                self.silent.cloud = self.clock.now().after(outage(&mut self.dice));
                true
            }
            Fault::LanOutage => self.lan_goes(terminal)?,
            Fault::InternetOutage => self.internet_goes(terminal)?,
            Fault::LanFlap => {
                self.flaps(Fault::LanOutage, terminal);
                true
            }
            Fault::InternetFlap => {
                self.flaps(Fault::InternetOutage, terminal);
                true
            }
            Fault::PowerCut => self.power_goes(terminal)?,
            Fault::TillCrash => {
                let till = self.dice.below(self.shop.tills.len() as u64) as usize;
                self.till_crashes(till)?
            }
            Fault::CloudRestart => self.act(Action::CloudRestarts)?,
            Fault::ClockJump => self.clock_jumps(terminal)?,
            Fault::Damage => {
                self.power_goes(terminal)?;
                self.act(Action::Damage(terminal))?
            }
            Fault::Swap => {
                self.power_goes(terminal)?;
                self.act(Action::Swap(terminal))?
            }
            Fault::Month => {
                for till in 0..self.shop.tills.len() {
                    self.till_crashes(till)?;
                }
                self.power_goes(terminal)?;
                self.act(Action::MonthPasses(terminal))?
            }
            Fault::Contradiction => self.contradicts(terminal)?,
            // The others are not weather: they befall a message, a step or a person.
            _ => false,
        };
        if is_done {
            self.tally.count(fault);
        }
        Ok(())
    }

    /// Trouble at the worst moment: while a pay, an authorization or a cancel is on its way.
    pub(super) fn aim(&mut self, message: &Message, latency: u64) {
        if self.is_calm {
            return;
        }
        if is_first_pay(message)
            && self.script.weather.contains(&Fault::Reset)
            && self.dice.chance(AIMED)
        {
            let at = self.dice.below(latency + MILLI);
            self.clock.put_in(at, Event::Fault(Fault::Reset, 0));
        }
        let terminal = match (message, is_cancel(message)) {
            (Message::Authorize { terminal, .. }, _) => *terminal,
            (_, Some(terminal)) => {
                let shown = self.shop.terminals[terminal].shown.clone();
                if let Some(payment) = shown
                    && self.dice.chance(300)
                {
                    let card = self.dice.below(latency + 1);
                    let event = Event::Person(terminal, payment, Doing::Card);
                    self.clock.put_in(card, event);
                }
                terminal
            }
            _ => return,
        };
        if !self.dice.chance(AIMED) {
            return;
        }
        if let Some(fault) = self.dice.one_of(&self.script.weather).copied() {
            let at = self.dice.below(latency + MILLI);
            self.clock.put_in(at, Event::Fault(fault, terminal));
        }
    }

    fn power_goes(&mut self, terminal: usize) -> Checked<bool> {
        Ok(self.shop.terminals[terminal].is_on() && self.act(Action::PowerCut(terminal))?)
    }

    fn lan_goes(&mut self, terminal: usize) -> Checked<bool> {
        let is_there = self.shop.terminals[terminal].lan == Reach::There;
        Ok(is_there && self.act(Action::LanGoes(terminal))?)
    }

    fn internet_goes(&mut self, terminal: usize) -> Checked<bool> {
        let it = &self.shop.terminals[terminal];
        let is_there = it.is_on() && it.internet == Reach::There;
        Ok(is_there && self.act(Action::InternetGoes(terminal))?)
    }

    fn till_crashes(&mut self, till: usize) -> Checked<bool> {
        let is_on = self.shop.tills[till].power == Power::On;
        Ok(is_on && self.act(Action::TillCrashes(till))?)
    }

    /// Again and again; each outage ends by itself.
    fn flaps(&mut self, fault: Fault, terminal: usize) {
        let mut at = 0;
        for _ in 0..self.dice.between(3, 8) {
            at += self.dice.between(SECOND / 10, 8 * SECOND);
            self.clock.put_in(at, Event::Fault(fault, terminal));
        }
    }

    fn reset(&mut self) -> Checked<bool> {
        let lines: Vec<_> = self
            .shop
            .tills
            .iter()
            .flat_map(|till| till.listening.iter().copied())
            .collect();
        match self.dice.one_of(&lines).copied() {
            Some(line) => self.act(Action::Breaks(line)),
            None => Ok(false),
        }
    }

    fn clock_jumps(&mut self, terminal: usize) -> Checked<bool> {
        let far = self.dice.below(TEN_YEARS_MS as u64) as i64;
        let by = *self
            .dice
            .one_of(&[
                TEN_YEARS_MS,
                -TEN_YEARS_MS,
                3_600_000,
                -3_600_000,
                60_000,
                far,
            ])
            .expect("there are ways to jump");
        if self.dice.chance(500) {
            let done = self.step(&Step::TerminalClock(terminal, by))?;
            let is_its =
                |timer: &TimerId| matches!(timer, TimerId::Terminal(nth, _) if *nth == terminal);
            self.wall_clock_jumped(is_its, by);
            return Ok(done);
        }
        let till = self.dice.below(self.shop.tills.len() as u64) as usize;
        let done = self.step(&Step::TillClock(till, by))?;
        let is_its = |timer: &TimerId| matches!(timer, TimerId::Till(nth, _) if *nth == till);
        self.wall_clock_jumped(is_its, by);
        Ok(done)
    }

    fn contradicts(&mut self, terminal: usize) -> Checked<bool> {
        let it = &self.shop.terminals[terminal];
        if !it.is_on() || it.is_out_of_service() {
            return Ok(false);
        }
        let refused: Vec<_> = it
            .disk
            .payments()
            .filter(|it| it.status.is_final() && it.status.as_str() != "completed")
            .map(|it| it.id.clone())
            .collect();
        match self.dice.one_of(&refused).cloned() {
            Some(payment) => {
                // Once a day: a reversal takes back one approval.
                self.script.weather.retain(|it| *it != Fault::Contradiction);
                self.act(Action::Contradicts(terminal, payment, Then::Goes))
            }
            None => Ok(false),
        }
    }
}
