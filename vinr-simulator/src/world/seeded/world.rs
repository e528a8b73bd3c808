//! The shop of the model, with a clock: messages take time, people do, and timers run.

use std::collections::BTreeMap;
use std::sync::Arc;

use vinr_protocol::PaymentId;
use vinr_protocol::client::hybrid;
use vinr_protocol::cloud::relay;
use vinr_protocol::mutant::{Mutant, is_planted};
use vinr_protocol::terminal::Timer;

use super::chore::Chore;
use super::clock::{Clock, MILLI, Moment, SECOND, Ticket};
use super::dice::Dice;
use super::script::Script;
use super::step::Step;
use super::tally::{Fault, Tally};
use super::watch::Watch;
use crate::world::action::{Action, Mood, Then};
use crate::world::choices::{can_be_lost, is_first_pay};
use crate::world::invariant::{Checked, ensure};
use crate::world::message::{Ask, Message, Purpose};
use crate::world::plan::Faults;
use crate::world::shared::Shared;
use crate::world::shop::{Armed, Shop};
use crate::world::terminal::Reach;

/// More than enough for a day; a world that needs more goes round in circles.
const MOST_EVENTS: u64 = 40_000;

/// The model counts its faults; here the dice do.
const PLENTY: Faults = Faults {
    losses: u8::MAX,
    repeats: u8::MAX,
    power_cuts: u8::MAX,
    crashes: u8::MAX,
    outages: u8::MAX,
    lan_outages: u8::MAX,
    failed_syncs: u8::MAX,
    damages: u8::MAX,
    swaps: u8::MAX,
    months: u8::MAX,
    contradictions: u8::MAX,
    cloud_restarts: u8::MAX,
};

/// What can be due.
#[derive(Debug)]
pub(super) enum Event {
    Arrives(u64),
    Timer(TimerId),
    Chore(Chore),
    Person(usize, PaymentId, Doing),
    Weather,
    Fault(Fault, usize),
    Calm,
}

/// What a cardholder does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doing {
    Card,
    Pin,
    RedButton,
}

/// A timer of anybody.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum TimerId {
    Till(usize, hybrid::Timer),
    Terminal(usize, Timer),
    Cloud(relay::Timer),
}

/// Until when something says nothing.
#[derive(Debug, Default)]
pub(super) struct Silent {
    pub(super) host: Moment,
    pub(super) cloud: Moment,
    /// What a terminal is sent over the LAN, and what it sends.
    pub(super) to: Vec<Moment>,
    pub(super) from: Vec<Moment>,
}

/// A shop with a clock.
pub(super) struct World {
    pub(super) shop: Shop,
    pub(super) dice: Dice,
    pub(super) clock: Clock<Event>,
    pub(super) script: Script,
    pub(super) tally: Tally,
    pub(super) silent: Silent,
    pub(super) chores: BTreeMap<Chore, Ticket>,
    /// Nothing more goes wrong.
    pub(super) is_calm: bool,
    /// How often each call was given all its members once more.
    pub(super) rounds: Vec<u8>,
    messages: BTreeMap<u64, Ticket>,
    timers: BTreeMap<TimerId, Ticket>,
    watch: Watch,
    /// What happened, if anybody wants to read it.
    pub(super) told: Option<Vec<String>>,
}

impl World {
    pub(super) fn open(seed: u64, told: Option<Vec<String>>) -> Self {
        let mut dice = Dice::new(seed);
        let script = Script::draw(&mut dice);
        let shop = Shop::open(&Arc::new(script.plan.clone()));
        let mut clock = Clock::new();
        clock.put_in(script.calm_at, Event::Calm);
        if !script.weather.is_empty() {
            clock.put_in(dice.below(2 * script.weather_every), Event::Weather);
        }
        let nobody = || vec![Moment::default(); shop.terminals.len()];
        let silent = Silent {
            to: nobody(),
            from: nobody(),
            ..Silent::default()
        };
        Self {
            watch: Watch::new(&shop),
            rounds: vec![0; shop.tills.len()],
            silent,
            shop,
            dice,
            clock,
            script,
            tally: Tally::new(),
            chores: BTreeMap::new(),
            is_calm: false,
            messages: BTreeMap::new(),
            timers: BTreeMap::new(),
            told,
        }
    }

    /// From the morning until everything rests.
    pub(super) fn live(&mut self) -> Checked<()> {
        self.follow()?;
        while let Some(due) = self.clock.peek() {
            self.watch.time_passed(due)?;
            let Some(event) = self.clock.next() else {
                break;
            };
            self.tally.events += 1;
            ensure(
                self.tally.events < MOST_EVENTS,
                "I5: the shop never comes to rest",
            )?;
            self.happens(event)?;
        }
        self.shop.is_settled()?;
        self.everybody_was_told()?;
        self.every_amount_is_the_sales()
    }

    fn happens(&mut self, event: Event) -> Checked<()> {
        match event {
            Event::Arrives(fingerprint) => {
                self.messages.remove(&fingerprint);
                self.arrives(fingerprint)
            }
            Event::Timer(timer) => {
                self.timers.remove(&timer);
                self.elapses(timer)
            }
            Event::Chore(chore) => {
                self.chores.remove(&chore);
                self.does(chore)
            }
            Event::Person(terminal, payment, doing) => self.person(terminal, &payment, doing),
            Event::Weather => {
                self.clock.put_in(
                    1 + self.dice.below(2 * self.script.weather_every),
                    Event::Weather,
                );
                self.weather()
            }
            Event::Fault(fault, terminal) => self.fault(fault, terminal),
            Event::Calm => self.calm(),
        }
    }

    // --- doing

    /// Does a step, and draws what follows from it.
    pub(super) fn step(&mut self, step: &Step) -> Checked<bool> {
        if let Some(told) = &mut self.told {
            told.push(format!("{} {step}", self.clock.now()));
        }
        self.shop.left = PLENTY;
        if !step.perform(&mut self.shop)? {
            return Ok(false);
        }
        self.shop.check()?;
        self.follow()?;
        Ok(true)
    }

    pub(super) fn act(&mut self, action: Action) -> Checked<bool> {
        self.step(&Step::Act(action))
    }

    /// Does a step at a terminal, which may lose power in the middle of it.
    pub(super) fn act_at(&mut self, terminal: usize, step: impl Fn(Then) -> Step) -> Checked<bool> {
        let Some((then, fault)) = self.fate(terminal) else {
            return self.step(&step(Then::Goes));
        };
        let before = self.shop.clone();
        let lines = self.told.as_ref().map_or(0, Vec::len);
        if self.step(&step(then))? {
            self.tally.count(fault);
            return Ok(true);
        }
        // There was less to do than that: nothing went wrong in it.
        self.shop = before;
        if let Some(told) = &mut self.told {
            told.truncate(lines);
        }
        self.step(&step(Then::Goes))
    }

    fn fate(&mut self, terminal: usize) -> Option<(Then, Fault)> {
        if self.is_calm || !self.shop.terminals[terminal].is_on() {
            return None;
        }
        if self.dice.chance(self.script.cuts) {
            let after = self.dice.below(7) as usize;
            return Some((Then::CutAfter(after), Fault::CutInStep));
        }
        if self.dice.chance(self.script.failed_syncs) {
            let nth = self.dice.below(2) as usize;
            return Some((Then::SyncFails(nth), Fault::FailedSync));
        }
        None
    }

    // --- messages

    fn arrives(&mut self, fingerprint: u64) -> Checked<()> {
        let place = self
            .shop
            .air
            .binary_search_by_key(&fingerprint, Shared::fingerprint);
        let Ok(place) = place else { return Ok(()) };
        let message = self.shop.air[place].arc();
        if can_be_lost(&message) {
            if self.is_silenced(&message) {
                return self.act(Action::Lose(message)).map(drop);
            }
            if !self.is_calm && self.dice.chance(self.script.losses) {
                self.tally.count(Fault::Loss);
                return self.act(Action::Lose(message)).map(drop);
            }
        }
        if !self.is_calm && is_first_pay(&message) && self.dice.chance(self.script.copies) {
            // The copy is under way now, and the first is still: it is given another time.
            self.tally.count(Fault::Copy);
            return self.act(Action::Repeat(message)).map(drop);
        }
        match &*message {
            Message::Authorize { .. } => {
                let declines = !self.is_calm && self.dice.chance(self.script.declines);
                let mood = if declines {
                    self.tally.count(Fault::Decline);
                    Mood::Declines
                } else {
                    Mood::Grants
                };
                self.act(Action::HostSays(message, mood)).map(drop)
            }
            Message::Status { .. } | Message::Reverse { .. } => {
                self.act(Action::HostSays(message, Mood::Grants)).map(drop)
            }
            Message::Ask { terminal, .. }
            | Message::Verdict { terminal, .. }
            | Message::Reversed { terminal, .. }
            | Message::NotSent { terminal, .. } => {
                self.watch.arrives(&message, self.clock.now());
                let deliver = |then| Step::Act(Action::Deliver(message.clone(), then));
                self.act_at(*terminal, deliver).map(drop)
            }
            Message::Reply { .. }
            | Message::CloudAsk { .. }
            | Message::CloudReply { .. }
            | Message::HandedOver { .. }
            | Message::Report { .. }
            | Message::Freed { .. } => self.act(Action::Deliver(message, Then::Goes)).map(drop),
        }
    }

    /// The way that it takes is out, or one end of it is.
    fn is_silenced(&self, message: &Message) -> bool {
        let now = self.clock.now();
        match message {
            Message::Ask { terminal, .. } => self.silent.to[*terminal] > now,
            Message::Reply { terminal, .. } => {
                self.silent.from[*terminal] > now
                    || self.shop.terminals[*terminal].lan != Reach::There
            }
            Message::CloudAsk { .. } | Message::CloudReply { .. } => self.silent.cloud > now,
            Message::Authorize { terminal, .. }
            | Message::Status { terminal, .. }
            | Message::Reverse { terminal, .. }
            | Message::Verdict { terminal, .. }
            | Message::Reversed { terminal, .. } => {
                self.silent.host > now || self.shop.terminals[*terminal].internet != Reach::There
            }
            Message::NotSent { .. }
            | Message::HandedOver { .. }
            | Message::Report { .. }
            | Message::Freed { .. } => false,
        }
    }

    fn latency(&mut self, message: &Message) -> u64 {
        if matches!(message, Message::Ask { line, .. } if matches!(line.purpose, Purpose::Copy(_)))
        {
            // It may outlive the attempt that it copies, and the next.
            return if self.dice.chance(250) {
                self.dice.between(20 * SECOND, 200 * SECOND)
            } else {
                self.dice.between(MILLI, 20 * SECOND)
            };
        }
        let can_be_late = can_be_lost(message);
        if can_be_late && !self.is_calm && self.dice.chance(self.script.delays) {
            self.tally.count(Fault::Delay);
            return if self.dice.chance(100) {
                self.dice.between(10 * SECOND, 150 * SECOND)
            } else {
                self.dice.between(SECOND, 10 * SECOND)
            };
        }
        if !self.is_calm && is_cancel(message).is_some() && self.dice.chance(200) {
            // Late enough for a card.
            return self.dice.between(50 * MILLI, SECOND);
        }
        match message {
            Message::Ask { .. } | Message::Reply { .. } => self.dice.between(200, 20 * MILLI),
            Message::CloudAsk { .. } | Message::CloudReply { .. } => {
                self.dice.between(10 * MILLI, 200 * MILLI)
            }
            Message::HandedOver { .. } | Message::Report { .. } | Message::Freed { .. } => {
                self.dice.between(5 * MILLI, 100 * MILLI)
            }
            Message::NotSent { .. } => self.dice.between(100, SECOND),
            Message::Authorize { .. }
            | Message::Status { .. }
            | Message::Reverse { .. }
            | Message::Verdict { .. }
            | Message::Reversed { .. } => self.dice.between(20 * MILLI, SECOND),
        }
    }

    // --- timers

    fn elapses(&mut self, timer: TimerId) -> Checked<()> {
        match timer {
            TimerId::Till(till, timer) => {
                self.watch.till_timer(till, timer, self.clock.now())?;
                self.act(Action::TillTimer(till, timer)).map(drop)
            }
            TimerId::Terminal(terminal, timer) => {
                let elapses =
                    |then| Step::Act(Action::TerminalTimer(terminal, timer.clone(), then));
                self.act_at(terminal, elapses).map(drop)
            }
            TimerId::Cloud(timer) => self.act(Action::CloudTimer(timer)).map(drop),
        }
    }

    /// A wall clock jumped. Timers run by another clock, unless the design is unsafe. \[I27\]
    pub(super) fn wall_clock_jumped(&mut self, whose: impl Fn(&TimerId) -> bool, by_ms: i64) {
        if !is_planted(Mutant::WallClockDeadline) {
            return;
        }
        let by = by_ms.unsigned_abs().saturating_mul(MILLI);
        for (timer, ticket) in self.timers.iter_mut().filter(|(timer, _)| whose(timer)) {
            self.clock.take(*ticket);
            let remaining = ticket.due.since(self.clock.now()).as_micros() as u64;
            let remaining = if by_ms > 0 {
                remaining.saturating_sub(by)
            } else {
                remaining.saturating_add(by)
            };
            *ticket = self.clock.put_in(remaining, Event::Timer(timer.clone()));
        }
    }

    // --- what follows

    /// Puts on the clock what the last step started, and takes off it what it ended.
    fn follow(&mut self) -> Checked<()> {
        self.follow_timers();
        self.follow_messages();
        self.follow_chores();
        if let Some((terminal, payment)) = self.watch.follow(&self.shop, self.clock.now())? {
            self.meet_cardholder(terminal, &payment);
        }
        Ok(())
    }

    fn follow_timers(&mut self) {
        for armed in std::mem::take(&mut self.shop.armed) {
            let (timer, after) = match armed {
                Armed::Till(nth, timer, after) => (TimerId::Till(nth, timer), after),
                Armed::Terminal(nth, timer, after) => (TimerId::Terminal(nth, timer), after),
                Armed::Cloud(timer, after) => (TimerId::Cloud(timer), after),
            };
            let event = Event::Timer(timer.clone());
            let ticket = self.clock.put_in(after.as_micros() as u64, event);
            if let Some(old) = self.timers.insert(timer, ticket) {
                self.clock.take(old);
            }
        }
        let (shop, clock) = (&self.shop, &mut self.clock);
        self.timers.retain(|timer, ticket| {
            let is_armed = match timer {
                TimerId::Till(nth, timer) => shop.tills[*nth].armed.contains_key(timer),
                TimerId::Terminal(nth, timer) => shop.terminals[*nth].armed.contains_key(timer),
                TimerId::Cloud(timer) => shop.cloud.armed.contains_key(timer),
            };
            if !is_armed {
                clock.take(*ticket);
            }
            is_armed
        });
    }

    fn follow_messages(&mut self) {
        let (shop, clock) = (&self.shop, &mut self.clock);
        self.messages.retain(|fingerprint, ticket| {
            let is_there = shop
                .air
                .binary_search_by_key(fingerprint, Shared::fingerprint)
                .is_ok();
            if !is_there {
                clock.take(*ticket);
            }
            is_there
        });
        for nth in 0..self.shop.air.len() {
            let message = self.shop.air[nth].clone();
            let fingerprint = message.fingerprint();
            if self.messages.contains_key(&fingerprint) {
                continue;
            }
            self.watch.sees(&message);
            let latency = self.latency(&message);
            let ticket = self.clock.put_in(latency, Event::Arrives(fingerprint));
            self.messages.insert(fingerprint, ticket);
            self.aim(&message, latency);
        }
    }
}

/// The terminal that is asked to give an attempt up.
pub(super) fn is_cancel(message: &Message) -> Option<usize> {
    match message {
        Message::Ask {
            terminal,
            ask: Ask::Cancel { .. },
            ..
        } => Some(*terminal),
        _ => None,
    }
}
