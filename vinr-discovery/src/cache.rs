//! Everything that was heard of terminals, kept within bounds, and what it amounts to.
//!
//! A service is heard several times while its addresses arrive, over both IP versions and several
//! interfaces, so nothing is decided before somebody asks. Pure: no socket, no clock.
//!
//! Anybody on the network can make up names, so the places are limited, and shared out: no source has more
//! than [`OF_ONE_SOURCE_MAX`], a newcomer takes its place from the source that holds most, and an instance of
//! an id that somebody waits for is always kept. What no instance refers to is not kept at all.

mod claims;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use vinr_protocol::TerminalId;

use crate::answer::{Answer, Service, Text};
use crate::domain::Domain;
use crate::interfaces::HeardOn;
use crate::query::Question;
use crate::slots::{Heard, Moment, Outcome, Slots, Told};

/// How many instances are kept; a network with more has somebody who makes them up.
pub(crate) const INSTANCES_MAX: usize = 1024;

/// How many of them one source may have told: more than one, for a gateway repeats those of another network.
pub(crate) const OF_ONE_SOURCE_MAX: usize = 256;

/// How many addresses of one host are kept.
pub(crate) const ADDRESSES_MAX: usize = 8;

/// How many answers are kept to where an instance listens and what it says: two that claim one name are both
/// dialled, for only TLS can tell them apart. \[DISC-8\]
pub(crate) const CLAIMS_MAX: usize = 4;

/// How many instances that claim one awaited id are kept beside all limits.
const CLAIMS_OF_AWAITED_MAX: usize = 8;

/// When an instance is asked for what it did not tell of its own accord, counted from when it was heard first.
const ASK_MISSING: [Duration; 3] = [
    Duration::ZERO,
    Duration::from_secs(1),
    Duration::from_secs(3),
];

/// Everything heard so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Cache {
    instances: BTreeMap<(Domain, HeardOn), Instance>,
    hosts: BTreeMap<(Domain, HeardOn), Host>,
    /// How many instances each source told first.
    shares: BTreeMap<(HeardOn, IpAddr), usize>,
    /// The ids that somebody waits for, in lower case.
    awaited: BTreeSet<String>,
    not_kept: usize,
    due: Option<Moment>,
}

type Host = Slots<IpAddr, ADDRESSES_MAX>;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Instance {
    told_by: IpAddr,
    first_heard: Moment,
    asked_for_missing: usize,
    pointer: Slots<(), 1>,
    services: Slots<Service, CLAIMS_MAX>,
    texts: Slots<Text, CLAIMS_MAX>,
}

/// What a message did to the cache.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Learnt {
    /// What was found is not what it was.
    pub(crate) changed: bool,
    /// What should be asked, because somebody disputes it.
    pub(crate) disputed: BTreeSet<Question>,
}

/// What became of the cache as time went by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Attended {
    /// Something came to its end.
    pub(crate) changed: bool,
    /// What a new instance did not tell of its own accord.
    pub(crate) direct: BTreeSet<Question>,
    /// What it did not tell when it was asked, and what would soon end.
    pub(crate) both_ways: BTreeSet<Question>,
}

impl Cache {
    /// Takes in a message.
    pub(crate) fn learn(&mut self, answer: Answer, on: HeardOn, told: Told) -> Learnt {
        let mut learnt = Learnt::default();
        let awaited = self.claims_of_awaited(&answer);
        let mut may_displace = true;
        let mut touched = BTreeSet::new();
        for (name, pointer) in answer.pointers {
            touched.insert(name.clone());
            let question = Question::Service(name.clone());
            let outcome = self.pointer(name, pointer, on, told, &awaited, &mut may_displace);
            learnt.note(outcome, [question]);
        }
        for (name, services) in grouped(answer.services) {
            let lives = services.iter().map(|s| s.ttl).max().unwrap_or(0);
            // Who was asked for one name answers without a pointer.
            if awaited.contains(&name) && lives > 0 {
                let pointer = Heard {
                    value: (),
                    ttl: lives,
                    flush: false,
                };
                let outcome =
                    self.pointer(name.clone(), pointer, on, told, &awaited, &mut may_displace);
                learnt.note(outcome, []);
            }
            let Some(instance) = self.instances.get_mut(&(name.clone(), on)) else {
                continue;
            };
            let outcome = instance.services.hear(services, told, |_| true);
            for service in instance.services.iter() {
                let host = (service.value.host.clone(), on);
                self.hosts.entry(host).or_default();
            }
            learnt.note(outcome, [Question::Service(name.clone())]);
            touched.insert(name);
        }
        for (name, texts) in grouped(answer.texts) {
            if let Some(instance) = self.instances.get_mut(&(name.clone(), on)) {
                let outcome = instance.texts.hear(texts, told, |_| true);
                learnt.note(outcome, [Question::Text(name.clone())]);
                touched.insert(name);
            }
        }
        for (name, addresses) in grouped(answer.addresses) {
            let Some(host) = self.hosts.get_mut(&(name.clone(), on)) else {
                continue;
            };
            let (v4, v6): (Vec<_>, Vec<_>) = addresses.into_iter().partition(|a| a.value.is_ipv4());
            let outcome = host.hear(v4, told, IpAddr::is_ipv4);
            learnt.note(outcome, [Question::AddressV4(name.clone())]);
            let outcome = host.hear(v6, told, IpAddr::is_ipv6);
            learnt.note(outcome, [Question::AddressV6(name)]);
            self.due = earlier(self.due, host.next_wake());
        }
        for name in touched {
            if let Some(instance) = self.instances.get_mut(&(name.clone(), on)) {
                // Whoever told all at once is not asked at once.
                if instance.asked_for_missing == 0
                    && instance.missing(&name, on, &self.hosts).is_empty()
                {
                    instance.asked_for_missing = 1;
                }
                self.due = earlier(self.due, instance.due());
            }
        }
        learnt
    }

    /// From now on this terminal has a place, whoever takes the others; true when that is news.
    pub(crate) fn await_id(&mut self, id: &TerminalId) -> bool {
        self.awaited.insert(id.as_str().to_ascii_lowercase())
    }

    /// When this has to be attended to next: an end, or a question to ask. Never too late, sometimes early.
    pub(crate) fn next_wake(&self) -> Option<Moment> {
        self.due
    }

    /// Drops what has come to its end, and says what is to be asked now. \[DISC-5\]
    ///
    /// Walks over everything, so it does nothing before its time: a flood must not make each message cost
    /// as much as all of them.
    pub(crate) fn attend(&mut self, now: Moment) -> Attended {
        let mut attended = Attended::default();
        if self.due.is_none_or(|due| now < due) {
            return attended;
        }
        attended.changed = self.expire(now);
        self.ask_missing(now, &mut attended);
        attended.both_ways.extend(self.refresh(now));
        self.due = self.first_due();
        attended
    }

    fn expire(&mut self, now: Moment) -> bool {
        let mut changed = false;
        for instance in self.instances.values_mut() {
            changed |= instance.pointer.expire(now);
            changed |= instance.services.expire(now);
            changed |= instance.texts.expire(now);
        }
        for host in self.hosts.values_mut() {
            changed |= host.expire(now);
        }
        if changed {
            self.instances
                .retain(|_, instance| !instance.pointer.is_empty());
            self.tidy();
        }
        changed
    }

    /// Drops what was heard on interfaces that are no more; true when there was any.
    pub(crate) fn keep_only(&mut self, interfaces: &BTreeSet<HeardOn>) -> bool {
        let before = self.instances.len();
        self.instances.retain(|(_, on), _| interfaces.contains(on));
        self.tidy();
        self.instances.len() < before
    }

    fn first_due(&self) -> Option<Moment> {
        let of_instances = self.instances.values().filter_map(Instance::due);
        let of_hosts = self.hosts.values().filter_map(Slots::next_wake);
        of_instances.chain(of_hosts).min()
    }

    /// The questions that keep alive what would soon end.
    fn refresh(&mut self, now: Moment) -> BTreeSet<Question> {
        let mut questions = BTreeSet::new();
        for ((name, _), instance) in &mut self.instances {
            if instance.pointer.refresh_is_due(now) {
                questions.insert(Question::Instances);
            }
            if instance.services.refresh_is_due(now) {
                questions.insert(Question::Service(name.clone()));
            }
            if instance.texts.refresh_is_due(now) {
                questions.insert(Question::Text(name.clone()));
            }
        }
        for ((name, _), host) in &mut self.hosts {
            if host.refresh_is_due(now) {
                questions.extend([
                    Question::AddressV4(name.clone()),
                    Question::AddressV6(name.clone()),
                ]);
            }
        }
        questions
    }

    fn ask_missing(&mut self, now: Moment, attended: &mut Attended) {
        for ((name, on), instance) in &mut self.instances {
            while instance.asks_again_at().is_some_and(|at| at <= now) {
                let questions = match instance.asked_for_missing {
                    0 => &mut attended.direct,
                    _ => &mut attended.both_ways,
                };
                instance.asked_for_missing += 1;
                questions.extend(instance.missing(name, *on, &self.hosts));
            }
        }
    }

    /// Believes what is known of this terminal for `rest` only, unless it is heard again; what to ask.
    pub(crate) fn doubt(
        &mut self,
        id: &TerminalId,
        now: Moment,
        rest: Duration,
    ) -> BTreeSet<Question> {
        let mut questions = BTreeSet::new();
        for ((name, on), instance) in &mut self.instances {
            if !instance.claims(name, id) {
                continue;
            }
            instance.pointer.doubt(now, rest);
            instance.services.doubt(now, rest);
            instance.texts.doubt(now, rest);
            questions.extend([
                Question::Instances,
                Question::Service(name.clone()),
                Question::Text(name.clone()),
            ]);
            for service in instance.services.iter() {
                let host = &service.value.host;
                if let Some(addresses) = self.hosts.get_mut(&(host.clone(), *on)) {
                    addresses.doubt(now, rest);
                    questions.extend([
                        Question::AddressV4(host.clone()),
                        Question::AddressV6(host.clone()),
                    ]);
                }
            }
        }
        self.due = self.first_due();
        questions
    }

    /// The instances that need not be told again on each interface, and for how long. One whose details are
    /// missing is not among them: whoever answers tells the details as well.
    pub(crate) fn known(&self, now: Moment) -> BTreeMap<HeardOn, Vec<(Domain, Duration)>> {
        let mut known: BTreeMap<HeardOn, Vec<_>> = BTreeMap::new();
        for ((name, on), instance) in &self.instances {
            if let Some(rest) = instance.pointer.known_for(now)
                && instance.missing(name, *on, &self.hosts).is_empty()
            {
                known.entry(*on).or_default().push((name.clone(), rest));
            }
        }
        known
    }

    /// Takes in that there is this instance, or that there is it no more.
    fn pointer(
        &mut self,
        name: Domain,
        pointer: Heard<()>,
        on: HeardOn,
        told: Told,
        awaited: &BTreeSet<Domain>,
        may_displace: &mut bool,
    ) -> Outcome {
        let place = (name, on);
        if !self.instances.contains_key(&place) {
            // A goodbye of what nobody knew.
            if pointer.ttl == 0 {
                return Outcome::default();
            }
            if !awaited.contains(&place.0) && !self.has_room(on, told.from, may_displace) {
                self.not_kept += 1;
                // The first is news, a flood is not.
                return Outcome {
                    changed: self.not_kept == 1,
                    disputed: false,
                };
            }
            *self.shares.entry((on, told.from)).or_default() += 1;
            let instance = Instance {
                told_by: told.from,
                first_heard: told.now,
                asked_for_missing: 0,
                pointer: Slots::default(),
                services: Slots::default(),
                texts: Slots::default(),
            };
            self.instances.insert(place.clone(), instance);
        }
        let instance = self.instances.get_mut(&place);
        let instance = instance.expect("it was there, or was just put there");
        instance.pointer.hear(vec![pointer], told, |()| true)
    }

    /// Is there a place for one more instance of this source? May make one.
    fn has_room(&mut self, on: HeardOn, from: IpAddr, may_displace: &mut bool) -> bool {
        let share = self.shares.get(&(on, from)).copied().unwrap_or(0);
        if share >= OF_ONE_SOURCE_MAX {
            return false;
        }
        if self.instances.len() < INSTANCES_MAX {
            return true;
        }
        // Looking for a place costs a walk: once for each message that finds none.
        *may_displace = *may_displace && self.displace(share);
        *may_displace
    }

    /// Drops the youngest instance of the source that holds most, if that is more than one beyond `share`.
    fn displace(&mut self, share: usize) -> bool {
        let most = self.shares.iter().max_by_key(|(_, count)| **count);
        let Some((&(on, from), _)) = most.filter(|(_, count)| **count > share + 1) else {
            return false;
        };
        let of_most = self.instances.iter().filter(|((name, heard_on), held)| {
            *heard_on == on
                && held.told_by == from
                && !self.awaited.contains(&label_in_lower_case(name))
                && !held.ids().any(|id| self.is_awaited(id))
        });
        let youngest = of_most.max_by_key(|(_, held)| held.first_heard);
        let Some(place) = youngest.map(|(place, _)| place.clone()) else {
            return false;
        };
        self.instances.remove(&place);
        self.not_kept += 1;
        self.tidy();
        true
    }

    fn is_awaited(&self, id: &TerminalId) -> bool {
        self.awaited.contains(&id.as_str().to_ascii_lowercase())
    }

    /// The instances of a message that are kept because somebody waits for their id.
    fn claims_of_awaited(&self, answer: &Answer) -> BTreeSet<Domain> {
        let mut names = BTreeSet::new();
        if self.awaited.is_empty() {
            return names;
        }
        let named = answer.pointers.iter().map(|(name, _)| name);
        let named = named.chain(answer.services.iter().map(|(name, _)| name));
        let named = named.filter(|name| self.awaited.contains(&label_in_lower_case(name)));
        names.extend(named.cloned());
        for (name, text) in &answer.texts {
            let id = text.value.as_ref().ok().and_then(|txt| txt.id.as_ref());
            if let Some(id) = id.filter(|id| self.is_awaited(id)) {
                let claims =
                    |((known, _), held): &(&(Domain, HeardOn), &Instance)| held.claims(known, id);
                if self.instances.iter().filter(claims).count() < CLAIMS_OF_AWAITED_MAX {
                    names.insert(name.clone());
                }
            }
        }
        names
    }

    /// After something went: forgets the hosts that nobody refers to, and counts the shares anew.
    fn tidy(&mut self) {
        let mut hosts = BTreeSet::new();
        self.shares.clear();
        for ((_, on), instance) in &self.instances {
            *self.shares.entry((*on, instance.told_by)).or_default() += 1;
            hosts.extend(
                instance
                    .services
                    .iter()
                    .map(|s| (s.value.host.clone(), *on)),
            );
        }
        self.hosts.retain(|host, _| hosts.contains(host));
    }
}

impl Learnt {
    fn note(&mut self, outcome: Outcome, questions: impl IntoIterator<Item = Question>) {
        self.changed |= outcome.changed;
        if outcome.disputed {
            self.disputed.extend(questions);
        }
    }
}

impl Instance {
    fn due(&self) -> Option<Moment> {
        let moments = [
            self.pointer.next_wake(),
            self.services.next_wake(),
            self.texts.next_wake(),
            self.asks_again_at(),
        ];
        moments.into_iter().flatten().min()
    }

    fn asks_again_at(&self) -> Option<Moment> {
        let after = ASK_MISSING.get(self.asked_for_missing)?;
        Some(self.first_heard + *after)
    }

    /// What it takes to dial it, and is not known.
    fn missing(
        &self,
        name: &Domain,
        on: HeardOn,
        hosts: &BTreeMap<(Domain, HeardOn), Host>,
    ) -> BTreeSet<Question> {
        let mut questions = BTreeSet::new();
        if self.services.is_empty() {
            questions.insert(Question::Service(name.clone()));
        }
        if self.texts.is_empty() {
            questions.insert(Question::Text(name.clone()));
        }
        for service in self.services.iter() {
            let host = &service.value.host;
            let addresses = hosts.get(&(host.clone(), on));
            if addresses.is_none_or(Slots::is_empty) {
                questions.insert(Question::AddressV4(host.clone()));
                questions.insert(Question::AddressV6(host.clone()));
            }
        }
        questions
    }

    /// What it says of itself. Of several that speak under its name, the one counts whose id is the name,
    /// then the one that was heard first: who shouts later replaces nothing. \[DISC-8\] Of what that one said
    /// the last counts.
    fn text(&self, name: &Domain) -> Text {
        let id_of = |text: &Text| text.as_ref().ok().and_then(|txt| txt.id.clone());
        let mut ids = self.texts.iter().map(|text| id_of(&text.value));
        let of_its_name =
            |id: &Option<TerminalId>| id.as_ref().is_some_and(|id| is_named(name, id));
        let first = ids.next().flatten();
        let speaker = match of_its_name(&first) {
            true => first,
            false => ids.find(of_its_name).flatten().or(first),
        };
        let of_speaker = self
            .texts
            .iter()
            .filter(|text| id_of(&text.value) == speaker);
        // Of two heard at once the later in the list came later.
        let last = of_speaker.max_by_key(|text| (!text.is_doomed(), text.last_heard));
        last.map_or_else(|| Ok(Default::default()), |text| text.value.clone())
    }

    /// Does it pass for this terminal?
    fn claims(&self, name: &Domain, id: &TerminalId) -> bool {
        is_named(name, id) || self.ids().any(|said| said == id)
    }

    fn ids(&self) -> impl Iterator<Item = &TerminalId> {
        let texts = self
            .texts
            .iter()
            .filter_map(|text| text.value.as_ref().ok());
        texts.filter_map(|txt| txt.id.as_ref())
    }
}

fn earlier(a: Option<Moment>, b: Option<Moment>) -> Option<Moment> {
    [a, b].into_iter().flatten().min()
}

fn label_in_lower_case(name: &Domain) -> String {
    String::from_utf8_lossy(name.first_label()).to_ascii_lowercase()
}

fn is_named(name: &Domain, id: &TerminalId) -> bool {
    name.first_label()
        .eq_ignore_ascii_case(id.as_str().as_bytes())
}

/// The records of each name together: a message speaks of a whole set at once.
fn grouped<T>(records: Vec<(Domain, Heard<T>)>) -> BTreeMap<Domain, Vec<Heard<T>>> {
    let mut sets: BTreeMap<Domain, Vec<Heard<T>>> = BTreeMap::new();
    for (name, record) in records {
        sets.entry(name).or_default().push(record);
    }
    sets
}

#[cfg(test)]
mod tests;
