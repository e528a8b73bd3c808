//! When to ask the network what, and what its answers change. \[DISC-2, DISC-5\]
//!
//! | when | what is asked |
//! |---|---|
//! | the search starts, or an interface comes up | the service type, directly, at once |
//! | 20 to 120 ms later, then after 1 s, 2 s, 4 s … 60 min | the service type, by multicast, naming what is known (RFC 6762 §5.2, §7.1) |
//! | a record is at 80, 85, 90, 95 % of its life | that record, both ways |
//! | an instance did not tell all | what is missing, directly at once, both ways after 1 s and 3 s |
//! | somebody disputes a record | that record, directly: its owner has a second to object |
//! | somebody waits for an id, or doubts what is known of it | its records, directly |
//!
//! Never more than one query each half second beside the schedule, of [`QUESTIONS_MAX`] questions: who makes
//! up names must not make us talk for him. Pure: time and chance come with the input.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use vinr_protocol::TerminalId;

use crate::answer::Message;
use crate::blocked::{Blocked, Trouble};
use crate::cache::Cache;
use crate::candidate::Found;
use crate::domain::Domain;
use crate::interfaces::{HeardOn, Interface, Interfaces};
use crate::query::{Query, Question, Voice};
use crate::slots::{Moment, Told, Way};

/// The interval after the first multicast query; each is twice the one before.
const FIRST_INTERVAL: Duration = Duration::from_secs(1);

/// The longest interval.
const LONGEST_INTERVAL: Duration = Duration::from_secs(60 * 60);

/// The pause between two queries beside the schedule.
const PAUSE: Duration = Duration::from_millis(500);

/// The pause between two of them that ask everybody, because there was too much to ask for one by one.
const PAUSE_OF_ALL: Duration = Duration::from_secs(5);

/// How many questions stand in one query.
const QUESTIONS_MAX: usize = 32;

/// How long what a failed connection makes doubtful is still believed (§10.4).
const DOUBTED: Duration = Duration::from_secs(10);

/// After how much silence it is reported: whoever hears us had two queries to answer by then, and the
/// usual window is not yet over.
const SILENCE: Duration = Duration::from_millis(1500);

/// A search for terminals.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Search {
    cache: Cache,
    which: Interfaces,
    interfaces: BTreeMap<HeardOn, Ear>,
    next_query: Option<Moment>,
    interval: Duration,
    /// Asked directly as soon as the pause allows, and by multicast as well where that is the value.
    waiting: BTreeMap<Question, Voice>,
    may_ask: Moment,
    may_ask_all: Moment,
    silence_at: Option<Moment>,
    silent: bool,
}

/// What was heard on an interface.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Ear {
    is: Interface,
    heard: bool,
    blocked: Option<Blocked>,
}

/// What happens to a search.
#[derive(Debug, Clone)]
pub(crate) enum Input {
    /// These are the interfaces now, and a random number up to 100 for the delay of the first query.
    Interfaces(Vec<Interface>, u8),
    /// A packet came.
    Heard {
        on: HeardOn,
        from: IpAddr,
        way: Way,
        message: Message,
    },
    /// Sending worked, or did not.
    Sent(HeardOn, Result<(), Blocked>),
    /// Time went by.
    Elapsed,
    /// Somebody waits for this terminal, or still does.
    Await(TerminalId),
    /// A connection to this terminal failed.
    Doubt(TerminalId),
}

/// What a search wants done.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Effect {
    /// What was found is not what it was.
    Changed,
    /// Ask the network.
    Ask(Query),
}

impl Search {
    /// A search on these interfaces; it begins when it is told what they are.
    pub(crate) fn new(which: Interfaces) -> Self {
        Self {
            which,
            ..Self::default()
        }
    }

    /// Takes in what happened at this moment.
    pub(crate) fn step(&mut self, now: Moment, input: Input) -> Vec<Effect> {
        let mut effects = Vec::new();
        let ended = self.attend(now);
        let changed = match input {
            Input::Interfaces(interfaces, chance) => {
                self.interfaces_are(now, interfaces, chance, &mut effects)
            }
            Input::Heard {
                on,
                from,
                way,
                message,
            } => self.heard(on, Told { now, from, way }, message),
            Input::Sent(on, result) => self.sent(on, result),
            Input::Elapsed => self.silence_begins(now),
            Input::Await(id) => {
                let is_news = self.cache.await_id(&id);
                if self.cache.candidate(&id).is_none() {
                    let name = Domain::of_instance(id.as_str());
                    let questions = [Question::Service(name.clone()), Question::Text(name)];
                    self.want(questions, Voice::Direct);
                    // It may have another name; the schedule goes on asking for all of them.
                    self.want(is_news.then_some(Question::Instances), Voice::Direct);
                }
                false
            }
            Input::Doubt(id) => {
                let questions = self.cache.doubt(&id, now, DOUBTED);
                self.want(questions, Voice::Direct);
                false
            }
        };
        let ended = self.attend(now) || ended;
        if ended || changed {
            effects.push(Effect::Changed);
        }
        self.ask(now, &mut effects);
        effects
    }

    /// When time is next worth a step.
    pub(crate) fn next_wake(&self) -> Option<Moment> {
        let waiting = (!self.waiting.is_empty()).then(|| self.next_question());
        let silence = self.silence_at.filter(|_| self.is_silent());
        let moments = [self.next_query, waiting, silence, self.cache.next_wake()];
        moments.into_iter().flatten().min()
    }

    /// What was found up to this moment.
    pub(crate) fn found(&self) -> Found {
        let mut found = self.cache.finish();
        for ear in self.interfaces.values() {
            found.troubles.extend(ear.blocked.map(|blocked| Trouble {
                interface: Some(ear.is.name.clone()),
                blocked,
            }));
        }
        if self.silent && self.which == Interfaces::All {
            let blocked = match self.interfaces.keys().all(|on| *on == HeardOn::Loopback) {
                true => Blocked::OnlyLoopback,
                false => Blocked::Silence,
            };
            found.troubles.push(Trouble {
                interface: None,
                blocked,
            });
        }
        found
    }

    /// Why no interface lets a query out; none where one does.
    pub(crate) fn all_blocked(&self) -> Option<Blocked> {
        let mut reasons = self.interfaces.values().map(|ear| ear.blocked);
        let first = reasons.next()??;
        // The reason of a real network says more than that of loopback, and stands behind it.
        reasons.try_fold(first, |_, blocked| blocked)
    }

    fn interfaces_are(
        &mut self,
        now: Moment,
        interfaces: Vec<Interface>,
        chance: u8,
        effects: &mut Vec<Effect>,
    ) -> bool {
        let mut known = std::mem::take(&mut self.interfaces);
        let mut news = false;
        for is in interfaces {
            let on = is.heard_on();
            let before = known.remove(&on);
            // With another address it is another network.
            news |= before.as_ref().is_none_or(|before| before.is != is);
            let (heard, blocked) = before.map_or((false, None), |b| (b.heard, b.blocked));
            self.interfaces.insert(on, Ear { is, heard, blocked });
        }
        let on = self.interfaces.keys().copied().collect();
        let lost = self.cache.keep_only(&on);
        if news {
            effects.push(Effect::Ask(Query {
                questions: vec![Question::Instances],
                known: BTreeMap::new(),
                voice: Voice::Direct,
            }));
            let delay = 20 + u64::from(chance.min(100));
            self.next_query = Some(now + Duration::from_millis(delay));
            self.interval = FIRST_INTERVAL;
            self.silence_at = Some(now + SILENCE);
        }
        lost
    }

    fn heard(&mut self, on: HeardOn, told: Told, message: Message) -> bool {
        let Some(ear) = self.interfaces.get(&on) else {
            return false;
        };
        if told.way == Way::Direct && !ear.is.reaches(told.from) {
            return false;
        }
        let is_own = self.interfaces.values().any(|ear| ear.is.is_own(told.from));
        let mut changed = false;
        if !is_own && message != Message::Nonsense {
            if let Some(ear) = self.interfaces.get_mut(&on) {
                ear.heard = true;
            }
            changed = std::mem::take(&mut self.silent);
        }
        if let Message::Answer(answer) = message {
            let learnt = self.cache.learn(answer, on, told);
            self.want(learnt.disputed, Voice::Direct);
            changed |= learnt.changed;
        }
        changed
    }

    /// Has no other device been heard? Our own machine says nothing about the network.
    fn is_silent(&self) -> bool {
        self.interfaces.values().all(|ear| !ear.heard)
    }

    /// True when silence is to be reported now.
    fn silence_begins(&mut self, now: Moment) -> bool {
        if self.silence_at.is_none_or(|at| now < at) {
            return false;
        }
        self.silence_at = None;
        self.silent = self.is_silent();
        self.silent
    }

    /// Ends what is to end, and asks for what is to be asked; true when something ended.
    fn attend(&mut self, now: Moment) -> bool {
        let attended = self.cache.attend(now);
        self.want(attended.direct, Voice::Direct);
        self.want(attended.both_ways, Voice::Both);
        attended.changed
    }

    fn sent(&mut self, on: HeardOn, result: Result<(), Blocked>) -> bool {
        let Some(ear) = self.interfaces.get_mut(&on) else {
            return false;
        };
        let before = std::mem::replace(&mut ear.blocked, result.err());
        before != ear.blocked
    }

    fn want(&mut self, questions: impl IntoIterator<Item = Question>, voice: Voice) {
        for question in questions {
            let place = self.waiting.entry(question).or_insert(voice);
            if *place != voice {
                *place = Voice::Both;
            }
        }
        // Too much to ask for one by one: ask everybody for everything.
        if self.waiting.len() > QUESTIONS_MAX {
            self.waiting = BTreeMap::from([(Question::Instances, Voice::Both)]);
        }
    }

    fn next_question(&self) -> Moment {
        match self.waiting.contains_key(&Question::Instances) && self.waiting.len() == 1 {
            true => self.may_ask.max(self.may_ask_all),
            false => self.may_ask,
        }
    }

    fn ask(&mut self, now: Moment, effects: &mut Vec<Effect>) {
        if self.next_query.is_some_and(|at| at <= now) {
            effects.push(Effect::Ask(Query {
                questions: vec![Question::Instances],
                known: self.cache.known(now),
                voice: Voice::Multicast,
            }));
            self.next_query = Some(now + self.interval);
            self.interval = (self.interval * 2).min(LONGEST_INTERVAL);
        }
        if !self.waiting.is_empty() && self.next_question() <= now {
            let mut waiting = std::mem::take(&mut self.waiting);
            if self.may_ask_all > now
                && let Some(voice) = waiting.remove(&Question::Instances)
            {
                self.waiting.insert(Question::Instances, voice);
            }
            if waiting.contains_key(&Question::Instances) {
                self.may_ask_all = now + PAUSE_OF_ALL;
            }
            self.may_ask = now + PAUSE;
            let voice = match waiting.values().all(|voice| *voice == Voice::Direct) {
                true => Voice::Direct,
                false => Voice::Both,
            };
            effects.push(Effect::Ask(Query {
                questions: waiting.into_keys().collect(),
                known: BTreeMap::new(),
                voice,
            }));
        }
    }
}

#[cfg(test)]
mod tests;
