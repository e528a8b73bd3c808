//! What kind of day a seed makes: the shop, its people, and what goes wrong in it.

use vinr_protocol::cloud::ledger::Guard;

use super::clock::{HOUR, SECOND};
use super::dice::Dice;
use super::tally::Fault;
use crate::world::plan::{Faults, LIMIT, Pin, Plan, Sale, Way};

/// A day.
#[derive(Debug)]
pub(super) struct Script {
    pub(super) plan: Plan,
    /// The longest pause of a till between two sales.
    pub(super) pace: u64,
    /// When faults stop at the latest.
    pub(super) calm_at: u64,
    /// What the weather may bring, and about how long it takes from one to the next.
    pub(super) weather: Vec<Fault>,
    pub(super) weather_every: u64,
    /// In a thousand messages.
    pub(super) losses: u64,
    pub(super) delays: u64,
    pub(super) copies: u64,
    /// In a thousand inputs of a terminal.
    pub(super) cuts: u64,
    pub(super) failed_syncs: u64,
    /// In a thousand boots.
    pub(super) cuts_at_boot: u64,
    /// In a thousand authorizations.
    pub(super) declines: u64,
    /// In a thousand cardholders.
    pub(super) walk_aways: u64,
    pub(super) red_buttons: u64,
    pub(super) late_cards: u64,
}

/// Who pays how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    Local,
    Hybrid,
    Group,
    HybridGroup,
    Mixed,
}

impl Style {
    fn has_cloud(self) -> bool {
        matches!(self, Style::Hybrid | Style::HybridGroup | Style::Mixed)
    }
}

impl Script {
    pub(super) fn draw(dice: &mut Dice) -> Self {
        let styles = [
            Style::Local,
            Style::Local,
            Style::Hybrid,
            Style::Group,
            Style::HybridGroup,
            Style::Mixed,
        ];
        let style = *dice.one_of(&styles).expect("there are styles");
        let alone = dice.chance(450);
        let terminals = match style {
            Style::Local | Style::Hybrid if alone => 1,
            Style::Local | Style::Hybrid => dice.between(1, 2) as usize,
            _ => dice.between(2, 3) as usize,
        };
        let tills = if alone {
            1
        } else {
            dice.between(2, 3) as usize
        };
        let is_shared = tills > 1 && dice.chance(300);
        let sales = dice.between(1, 5);
        let tills: Vec<Vec<Sale>> = (0..tills as u64)
            .map(|till| {
                let first = if is_shared { 1 } else { 1 + till * sales };
                (first..first + sales)
                    .map(|number| sale(number as u8, style, terminals, dice))
                    .collect()
            })
            .collect();
        // Nothing but the host can tell that one sale is paid at two terminals. Where terminals forget what they knew,
        // two stand in one place.
        let weather = weather(dice, style.has_cloud(), alone, is_shared);
        let forgets = |it: &Fault| matches!(it, Fault::Swap | Fault::Month | Fault::Damage);
        let guard = if is_shared && (terminals > 1 || weather.iter().any(forgets)) {
            Guard::OnePerReference
        } else {
            Guard::Off
        };
        let pace = *dice.one_of(&[2, 20, 120, 900]).expect("there are paces") * SECOND;
        let plan = Plan {
            tills,
            terminals,
            faults: Faults::default(),
            guard,
            max_queued: dice.between(1, 3) as u32,
            pin: if dice.chance(250) {
                Pin::Wanted
            } else {
                Pin::NotWanted
            },
            ..Plan::new("a day by a seed")
        };
        let mut often = |most: u64| {
            if dice.chance(500) {
                dice.below(most)
            } else {
                0
            }
        };
        let mut script = Self {
            plan,
            pace,
            calm_at: 0,
            weather,
            weather_every: 0,
            losses: often(120),
            delays: often(100),
            copies: 0,
            cuts: often(60),
            failed_syncs: often(20),
            cuts_at_boot: often(500),
            declines: often(400),
            walk_aways: often(300),
            red_buttons: often(200),
            late_cards: often(200),
        };
        // TLS delivers a request once: a copy that a till does not know of is lawful only where no 4xx can answer one.
        let may_queue = |it: &Fault| matches!(it, Fault::InternetOutage | Fault::InternetFlap);
        if alone && style == Style::Local && !script.weather.iter().any(may_queue) {
            script.copies = if dice.chance(500) { dice.below(400) } else { 0 };
        }
        script.calm_at = sales * (pace / 2 + 60 * SECOND);
        script.weather_every = (script.calm_at / dice.between(2, 12)).max(SECOND);
        script
    }
}

fn sale(number: u8, style: Style, terminals: usize, dice: &mut Dice) -> Sale {
    let all: Vec<usize> = (0..terminals).collect();
    let one = dice.below(terminals as u64) as usize;
    let way = match (style, dice.below(4)) {
        (Style::Local, _) | (Style::Mixed, 0) => Way::Local(one),
        (Style::Hybrid, _) | (Style::Mixed, 1) => Way::Hybrid(one),
        (Style::Group, _) | (Style::Mixed, 2) => Way::Group(all),
        (Style::HybridGroup | Style::Mixed, _) => Way::HybridGroup(all),
    };
    Sale {
        number,
        // Of one number, one amount.
        amount: match number % 5 {
            4 => LIMIT + 1,
            3 => LIMIT,
            _ => 2500 + u64::from(number),
        },
        way,
    }
}

fn weather(dice: &mut Dice, has_cloud: bool, alone: bool, is_shared: bool) -> Vec<Fault> {
    let mut kinds = vec![
        Fault::Reset,
        Fault::HalfOpen,
        Fault::LanOutage,
        Fault::LanFlap,
        Fault::InternetOutage,
        Fault::InternetFlap,
        Fault::PowerCut,
        Fault::HostSilent,
        Fault::TillCrash,
        Fault::ClockJump,
    ];
    if has_cloud {
        kinds.extend([Fault::CloudSilent, Fault::CloudRestart]);
    }
    let mut weather: Vec<Fault> = kinds.into_iter().filter(|_| dice.chance(400)).collect();
    // What changes the rules of the whole day is rare.
    if dice.chance(80) {
        weather.push(Fault::Damage);
    }
    // A till that was refused because of another's attempt may find a device that never had it. And nothing in the wire
    // tells a new device that the cloud's command was meant for the one before: a known limit, `docs/safety.md`.
    if !is_shared && !has_cloud && dice.chance(100) {
        weather.push(Fault::Swap);
    }
    // A month is spent with everything off, and takes with it whatever was under way.
    if alone && !has_cloud && dice.chance(150) {
        // A till tells by its date that a month has passed. [REC-23]
        weather.retain(|it| *it != Fault::ClockJump);
        weather.push(Fault::Month);
    }
    if dice.chance(40) {
        weather.push(Fault::Contradiction);
    }
    weather
}

/// How long an outage lasts: most are short, and a few are longer than a queue may wait.
pub(super) fn outage(dice: &mut Dice) -> u64 {
    match dice.below(100) {
        0 => dice.between(23 * HOUR, 26 * HOUR),
        1..40 => dice.between(SECOND / 10, 5 * SECOND),
        40..80 => dice.between(5 * SECOND, 120 * SECOND),
        _ => dice.between(120 * SECOND, 900 * SECOND),
    }
}
