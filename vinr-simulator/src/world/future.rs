//! What becomes of a shop once faults stop and everybody does their part. I5, I17

use std::time::Duration;

use vinr_protocol::client::{attempt, hybrid};
use vinr_protocol::terminal::Timer;

use super::action::{Action, Mood, Then};
use super::invariant::{Checked, ensure};
use super::message::Message;
use super::plan::Pin;
use super::shop::{Armed, Shop};
use super::terminal::{Reach, Terminal};
use super::till::Power;

/// Long enough for every plan; a shop that takes longer goes round in circles.
const STEPS: usize = 400;

/// Long enough for every till to be told what the terminal knows.
const STEPS_WITHOUT_INTERNET: usize = 60;

/// When each timer is due, so that a short one that is armed again and again starves no other.
#[derive(Debug, Default)]
struct Clock {
    now: Duration,
    due: Vec<(Action, Duration)>,
}

impl Clock {
    /// A timer that was armed before the clock ran is due after its whole time.
    fn due(&self, timer: &Action, after: Duration) -> Duration {
        let known = self.due.iter().find(|(known, _)| known == timer);
        known.map_or(after, |(_, due)| *due)
    }

    fn reaches(&mut self, action: &Action) {
        if let Some(nth) = self.due.iter().position(|(known, _)| known == action) {
            let (_, due) = self.due.swap_remove(nth);
            self.now = self.now.max(due);
        }
    }

    fn arms(&mut self, armed: &[Armed]) {
        for timer in armed {
            let (action, after) = match timer {
                Armed::Till(nth, timer, after) => (Action::TillTimer(*nth, *timer), after),
                Armed::Terminal(nth, timer, after) => (
                    Action::TerminalTimer(*nth, timer.clone(), Then::Goes),
                    after,
                ),
                Armed::Cloud(timer, after) => (Action::CloudTimer(timer.clone()), after),
            };
            self.due.retain(|(known, _)| *known != action);
            self.due.push((action, self.now + *after));
        }
    }
}

impl Shop {
    /// From here on nothing more goes wrong: then every attempt becomes final, everyone who asks learns it, and the
    /// host agrees.
    pub fn settles(&self) -> Checked<()> {
        self.settles_within(1)
    }

    /// The same, in so many times the steps: more tills take longer.
    pub(super) fn settles_within(&self, times: usize) -> Checked<()> {
        let mut shop = self.clone();
        shop.left = Default::default();
        if shop.terminals.iter().any(|it| it.internet != Reach::There) {
            shop.clone().tells_without_internet(times)?;
        }
        let mut clock = Clock::default();
        for _ in 0..STEPS * times {
            if !shop.goes_on(&mut clock, Reach::There)? {
                return shop.is_settled();
            }
        }
        ensure(false, "I5: the shop never comes to rest")
    }

    /// The internet stays away: whoever was accepted offline is told so all the same. \[OFF-10\]
    fn tells_without_internet(mut self, times: usize) -> Checked<()> {
        let mut clock = Clock::default();
        for _ in 0..STEPS_WITHOUT_INTERNET * times {
            if !self.goes_on(&mut clock, Reach::Gone)? {
                break;
            }
        }
        for till in &self.tills {
            let Some(stored) = till.stored() else {
                continue;
            };
            let terminal = &self.terminals[super::plan::terminal_of(&stored.terminal_id)];
            let is_queued = terminal
                .disk
                .with_key(&stored.key)
                .any(|it| it.is_queued_offline());
            ensure(
                !is_queued,
                "I5: a till is never told that its payment was accepted offline",
            )?;
        }
        Ok(())
    }

    /// Does the next thing; false where there is none.
    fn goes_on(&mut self, clock: &mut Clock, internet: Reach) -> Checked<bool> {
        let Some(action) = self.fair_choice(clock, internet) else {
            return Ok(false);
        };
        clock.reaches(&action);
        self.act(&action)?;
        clock.arms(&self.armed);
        self.check()?;
        Ok(true)
    }

    /// The next thing that happens where nothing is slow and nobody walks away: messages before people, people before
    /// timers, short timers before long ones.
    fn fair_choice(&self, clock: &Clock, internet: Reach) -> Option<Action> {
        let then = Then::Goes;
        for (nth, terminal) in self.terminals.iter().enumerate() {
            if !terminal.is_on() {
                return Some(Action::PowerBack(nth));
            }
            match (terminal.internet, internet) {
                (Reach::There, _) | (Reach::Missed, Reach::Gone) => {}
                (_, Reach::There) => return Some(Action::InternetBack(nth, then)),
                _ => return Some(Action::InternetMissed(nth, then)),
            }
            if terminal.lan != Reach::There {
                return Some(Action::LanBack(nth));
            }
        }
        let crashed = self.tills.iter().position(|it| it.power == Power::Crashed);
        if let Some(till) = crashed {
            return Some(Action::TillRestarts(till));
        }
        if let Some(message) = self.air.first() {
            let message = message.arc();
            return Some(match &*message {
                Message::Authorize { .. } | Message::Status { .. } | Message::Reverse { .. } => {
                    Action::HostSays(message, Mood::Grants)
                }
                _ => Action::Deliver(message, then),
            });
        }
        let choosing = (0..self.tills.len()).find_map(|nth| self.lane(nth));
        if choosing.is_some() {
            return choosing;
        }
        self.terminals
            .iter()
            .enumerate()
            .find_map(|(nth, terminal)| self.person(nth, terminal))
            .or_else(|| self.hopeless())
            .or_else(|| self.timer(clock))
    }

    /// A till that asks a terminal which cannot say is told so at its deadline.
    fn hopeless(&self) -> Option<Action> {
        let deadline = hybrid::Timer::Attempt(attempt::Timer::Deadline);
        let till = self.tills.iter().position(|it| {
            it.waits_for_a_dead_terminal(&self.terminals) && it.armed.contains_key(&deadline)
        })?;
        Some(Action::TillTimer(till, deadline))
    }

    fn lane(&self, nth: usize) -> Option<Action> {
        let (members, none_reachable) = self.may_try(nth);
        if none_reachable {
            return Some(Action::NoneReachable(nth));
        }
        let member = members.first()?;
        Some(Action::TryMember(nth, *member))
    }

    fn person(&self, nth: usize, terminal: &Terminal) -> Option<Action> {
        terminal.shown.as_ref()?;
        let waits_for_host = terminal
            .armed
            .keys()
            .any(|timer| matches!(timer, Timer::HostRetry(_)));
        if terminal.armed.contains_key(&Timer::CardWait) {
            return Some(Action::Card(nth, Then::Goes));
        }
        (self.plan.pin == Pin::Wanted && !waits_for_host).then_some(Action::Pin(nth, Then::Goes))
    }

    fn timer(&self, clock: &Clock) -> Option<Action> {
        let at_terminals = self.terminals.iter().enumerate().flat_map(|(nth, it)| {
            it.armed
                .iter()
                .filter(|(timer, _)| match timer {
                    Timer::ResultShown | Timer::QueueAge(_) => false,
                    // Asking again reaches nobody.
                    Timer::HostRetry(_) => it.internet == Reach::There,
                    Timer::CardWait | Timer::Interaction | Timer::AnswerBy(_) => true,
                })
                .map(move |(timer, after)| {
                    (
                        *after,
                        Action::TerminalTimer(nth, timer.clone(), Then::Goes),
                    )
                })
        });
        let at_tills = self.tills.iter().enumerate().flat_map(|(nth, it)| {
            it.armed
                .iter()
                .filter(|(timer, _)| {
                    **timer != hybrid::Timer::Attempt(attempt::Timer::Deadline)
                        && **timer != hybrid::Timer::Attempt(attempt::Timer::LastStart)
                })
                .map(move |(timer, after)| (*after, Action::TillTimer(nth, *timer)))
        });
        let at_cloud = self.cloud.armed.iter();
        let at_cloud = at_cloud.map(|(timer, after)| (*after, Action::CloudTimer(timer.clone())));
        at_terminals
            .chain(at_tills)
            .chain(at_cloud)
            .min_by_key(|(after, action)| clock.due(action, *after))
            .map(|(_, action)| action)
    }

    /// Nothing is open, nothing is charged that was said not to be, and the queue is empty.
    pub(super) fn is_settled(&self) -> Checked<()> {
        for terminal in &self.terminals {
            if terminal.disk.is_damaged() || terminal.is_out_of_service() {
                continue;
            }
            for payment in terminal.disk.payments() {
                ensure(
                    payment.status.is_final(),
                    "I5: an attempt never becomes final",
                )?;
                ensure(
                    self.bank.has_approved(&payment.id) == (payment.status.as_str() == "completed"),
                    "I4, I22: at rest the terminal and the host do not agree",
                )?;
                ensure(
                    !self.plan.has_cloud() || self.cloud_knows(&payment.id) == Some(payment),
                    "I22: at rest the cloud and the terminal do not agree",
                )?;
            }
        }
        for till in &self.tills {
            ensure(
                !till.is_paying() || till.waits_for_a_free_terminal(),
                "I5: a till never learns what became of its sale",
            )?;
        }
        Ok(())
    }
}
