//! What may happen next in a shop: everything, in any order.

use std::sync::Arc;

use vinr_protocol::client::{attempt, hybrid};
use vinr_protocol::terminal::Timer;

use super::action::{Action, Mood, Then};
use super::message::{Ask, Line, Message, Purpose, Reply};
use super::shop::Shop;
use super::terminal::{Reach, Terminal};
use super::till::{Power, Stage};

/// More effects than one input of a terminal has, and more writes.
const MOST_EFFECTS: usize = 12;
const MOST_WRITES: usize = 2;

impl Shop {
    /// Everything that may happen next. Of these some turn out to be nothing.
    pub fn choices(&self) -> Vec<Action> {
        let mut choices = Vec::new();
        for nth in 0..self.tills.len() {
            self.at_till(nth, &mut choices);
        }
        for message in &self.air {
            self.under_way(message.arc(), &mut choices);
        }
        for terminal in 0..self.terminals.len() {
            self.at_terminal(terminal, &mut choices);
        }
        let timers = self.cloud.armed.keys();
        choices.extend(timers.map(|timer| Action::CloudTimer(timer.clone())));
        if self.left.cloud_restarts > 0 {
            choices.push(Action::CloudRestarts);
        }
        choices
    }

    fn at_till(&self, nth: usize, choices: &mut Vec<Action>) {
        let till = &self.tills[nth];
        if till.power == Power::Crashed {
            choices.push(Action::TillRestarts(nth));
            return;
        }
        let next = match till.stage {
            Stage::Before => till.sale,
            Stage::Paying(_) | Stage::Calling(..) => usize::MAX,
            Stage::Over => till.sale + 1,
        };
        if self.plan.sale(nth, next).is_some() {
            choices.push(Action::Begin(nth));
        }
        let timers = till.armed.keys().filter(|timer| matters(timer));
        choices.extend(timers.map(|timer| Action::TillTimer(nth, *timer)));
        if !till.is_paying() {
            return;
        }
        let (members, none_reachable) = self.may_try(nth);
        if none_reachable {
            choices.push(Action::NoneReachable(nth));
        }
        choices.extend(members.into_iter().map(|it| Action::TryMember(nth, it)));
        if self.left.losses > 0 {
            let pays = till.listening.iter().filter(|line| !line.is_question());
            choices.extend(pays.map(|line| Action::Breaks(*line)));
        }
        if self.left.crashes > 0 {
            choices.push(Action::TillCrashes(nth));
        }
    }

    fn under_way(&self, shared: Arc<Message>, choices: &mut Vec<Action>) {
        let message = &*shared;
        match message {
            Message::Authorize { .. } => {
                let moods = [Mood::Grants, Mood::Declines];
                choices.extend(moods.map(|mood| Action::HostSays(shared.clone(), mood)));
            }
            Message::Status { .. } | Message::Reverse { .. } => {
                choices.push(Action::HostSays(shared.clone(), Mood::Grants));
            }
            Message::Reply { .. }
            | Message::CloudAsk { .. }
            | Message::CloudReply { .. }
            | Message::HandedOver { .. }
            | Message::Report { .. }
            | Message::Freed { .. } => choices.push(Action::Deliver(shared.clone(), Then::Goes)),
            Message::Ask { terminal, .. }
            | Message::Verdict { terminal, .. }
            | Message::Reversed { terminal, .. }
            | Message::NotSent { terminal, .. } => {
                let fates = self.fates(&self.terminals[*terminal]);
                choices.extend(fates.map(|then| Action::Deliver(shared.clone(), then)));
            }
        }
        if self.left.losses > 0 && can_be_lost(message) {
            choices.push(Action::Lose(shared.clone()));
        }
        if self.left.repeats > 0 && is_first_pay(message) {
            choices.push(Action::Repeat(shared));
        }
    }

    fn at_terminal(&self, nth: usize, choices: &mut Vec<Action>) {
        let terminal = &self.terminals[nth];
        if !terminal.is_on() {
            self.at_dark_terminal(nth, choices);
            return;
        }
        let timers = terminal.armed.keys().filter(|timer| elapses(timer));
        for timer in timers {
            let fates = self.fates(terminal);
            choices.extend(fates.map(|then| Action::TerminalTimer(nth, timer.clone(), then)));
        }
        if terminal.shown.is_some() {
            choices.extend(self.fates(terminal).map(|then| Action::Card(nth, then)));
            if self.plan.pin == super::plan::Pin::Wanted {
                choices.extend(self.fates(terminal).map(|then| Action::Pin(nth, then)));
            }
        }
        match terminal.internet {
            Reach::There if self.left.outages > 0 => choices.push(Action::InternetGoes(nth)),
            Reach::There => {}
            Reach::Gone => {
                choices.extend(
                    self.fates(terminal)
                        .map(|then| Action::InternetMissed(nth, then)),
                );
                choices.extend(
                    self.fates(terminal)
                        .map(|then| Action::InternetBack(nth, then)),
                );
            }
            Reach::Missed => {
                choices.extend(
                    self.fates(terminal)
                        .map(|then| Action::InternetBack(nth, then)),
                );
            }
        }
        if terminal.lan != Reach::There {
            choices.push(Action::LanBack(nth));
        } else if self.left.lan_outages > 0 {
            choices.push(Action::LanGoes(nth));
        }
        if self.left.power_cuts > 0 {
            choices.push(Action::PowerCut(nth));
        }
        if self.left.contradictions > 0 {
            let refused = terminal
                .disk
                .payments()
                .filter(|it| it.status.is_final() && it.status.as_str() != "completed");
            // A cut before the terminal has written anything is a host that did not say it.
            let fates: Vec<Then> = self
                .fates(terminal)
                .filter(|then| !matches!(then, Then::CutAfter(0) | Then::SyncFails(_)))
                .collect();
            for payment in refused {
                let contradicts = |then: &Then| Action::Contradicts(nth, payment.id.clone(), *then);
                choices.extend(fates.iter().map(contradicts));
            }
        }
    }

    fn at_dark_terminal(&self, nth: usize, choices: &mut Vec<Action>) {
        choices.push(Action::PowerBack(nth));
        if self.left.damages > 0 {
            choices.push(Action::Damage(nth));
        }
        if self.left.swaps > 0 {
            choices.push(Action::Swap(nth));
        }
        let all_tills_are_down = self.tills.iter().all(|it| it.power == Power::Crashed);
        if self.left.months > 0 && all_tills_are_down {
            choices.push(Action::MonthPasses(nth));
        }
    }

    /// What may become of a terminal while it does something.
    fn fates(&self, terminal: &Terminal) -> impl Iterator<Item = Then> + use<> {
        let cuts = if self.left.power_cuts > 0 && terminal.is_on() {
            MOST_EFFECTS
        } else {
            0
        };
        let failures = if self.left.failed_syncs > 0 && terminal.is_on() {
            MOST_WRITES
        } else {
            0
        };
        std::iter::once(Then::Goes)
            .chain((0..cuts).map(Then::CutAfter))
            .chain((0..failures).map(Then::SyncFails))
    }
}

/// A word that nobody sent cannot be lost, and what a link carries is lost only with the link.
pub(super) fn can_be_lost(message: &Message) -> bool {
    match message {
        Message::NotSent { .. }
        | Message::HandedOver { .. }
        | Message::Report { .. }
        | Message::Freed { .. } => false,
        Message::Ask { line, .. } => !line.is_the_clouds(),
        Message::Reply { line, reply, .. } => !line.is_the_clouds() && *reply != Reply::Unreachable,
        Message::CloudAsk { .. }
        | Message::CloudReply { .. }
        | Message::Authorize { .. }
        | Message::Status { .. }
        | Message::Reverse { .. }
        | Message::Verdict { .. }
        | Message::Reversed { .. } => true,
    }
}

pub(super) fn is_first_pay(message: &Message) -> bool {
    matches!(
        message,
        Message::Ask {
            line: Line {
                purpose: Purpose::Pay(_),
                ..
            },
            ask: Ask::Pay { .. },
            ..
        }
    )
}

/// A deadline ends a till's part with "unknown" and starts nothing: every state before it is explored anyway.
fn matters(timer: &hybrid::Timer) -> bool {
    !matches!(
        timer,
        hybrid::Timer::Attempt(attempt::Timer::Deadline | attempt::Timer::LastStart)
    )
}

/// What is shown after the end changes nothing but the screen.
fn elapses(timer: &Timer) -> bool {
    *timer != Timer::ResultShown
}
