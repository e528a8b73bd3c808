//! Everything that was heard of terminals, kept within bounds, and what it amounts to.
//!
//! A service is heard several times while its addresses arrive, over both IP versions and several
//! interfaces, so nothing is decided before somebody asks. Pure: no socket, no clock.
//!
//! Anybody on the network can make up names, so the places are limited, and shared out: no source has more
//! than [`OF_ONE_SOURCE_MAX`], a newcomer takes its place from the source that holds most, and an instance of
//! an id that somebody waits for is always kept. What no instance refers to is not kept at all.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use vinr_protocol::TerminalId;

use crate::answer::{Answer, Service, Text};
use crate::candidate::{Candidate, Found, LeftOut, Reason, Unnamed};
use crate::domain::Domain;
use crate::interfaces::{HeardOn, dialable, dialing_order};
use crate::query::Question;
use crate::slots::{Heard, Moment, Outcome, Slots, Told};
use crate::txt::Txt;

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

/// How many addresses a candidate has, from all who claim its id.
pub(crate) const ADDRESSES_OF_ID_MAX: usize = 32;

/// When an instance is asked for what it did not tell of its own accord, counted from when it was heard first.
const ASK_MISSING: [Duration; 3] = [
    Duration::ZERO,
    Duration::from_secs(1),
    Duration::from_secs(3),
];

/// The longest instance name that is shown, in characters.
const NAME_MAX: usize = 63;

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

    /// The candidate of this id, if it can be dialled already.
    pub(crate) fn candidate(&self, id: &TerminalId) -> Option<Candidate> {
        let found = self.finish_those(|name, instance| instance.claims(name, id));
        found.candidates.into_iter().find(|c| c.id == *id)
    }

    /// What everything heard so far amounts to.
    pub(crate) fn finish(&self) -> Found {
        let mut found = self.finish_those(|_, _| true);
        if self.not_kept > 0 {
            found.left_out.push(LeftOut {
                instance: "(others)".to_owned(),
                reason: Reason::TooMany(self.not_kept),
            });
        }
        found
    }

    fn finish_those(&self, which: impl Fn(&Domain, &Instance) -> bool) -> Found {
        let mut found = Found::default();
        let mut named: BTreeMap<TerminalId, Vec<Claim>> = BTreeMap::new();
        for ((name, on), instance) in &self.instances {
            if !which(name, instance) {
                continue;
            }
            match self.judge(name, *on, instance) {
                Ok(claim) => match claim.txt.id.clone() {
                    Some(id) => named.entry(id).or_default().push(claim),
                    None => found.unnamed.push(Unnamed {
                        addresses: in_order(claim.addresses),
                        instance: claim.instance,
                    }),
                },
                Err(reason) => found.left_out.push(LeftOut {
                    instance: printable(name),
                    reason,
                }),
            }
        }
        for (id, claims) in named {
            found
                .candidates
                .push(merge(&id, claims, &mut found.left_out));
        }
        found
    }

    fn judge(&self, name: &Domain, on: HeardOn, instance: &Instance) -> Result<Claim, Reason> {
        let txt = instance.text(name).map_err(Reason::Txt)?;
        let services = || instance.services.iter().filter(|s| s.value.port != 0);
        if services().next().is_none() {
            return Err(Reason::NoPort);
        }
        let mut addresses = Vec::new();
        for service in services() {
            let host = self.hosts.get(&(service.value.host.clone(), on));
            for address in host.into_iter().flat_map(Slots::iter) {
                if let Some(to_dial) = dialable(address.value, service.value.port, on) {
                    addresses.push(Ranked {
                        doomed: service.is_doomed() || address.is_doomed(),
                        rank: dialing_order(&to_dial),
                        first_heard: address.first_heard,
                        address: to_dial,
                    });
                }
            }
        }
        if addresses.is_empty() {
            return Err(Reason::NoAddress);
        }
        addresses.sort();
        addresses.truncate(ADDRESSES_MAX);
        Ok(Claim {
            instance: printable(name),
            first_heard: instance.first_heard,
            txt,
            addresses,
        })
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

/// An instance that can be dialled.
struct Claim {
    instance: String,
    first_heard: Moment,
    txt: Txt,
    addresses: Vec<Ranked>,
}

/// An address, ordered by how promising it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Ranked {
    doomed: bool,
    rank: u8,
    first_heard: Moment,
    address: SocketAddr,
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

/// Makes one candidate of all that claim one id.
///
/// The one whose instance name is the id speaks, then the one that was heard first; a renamed twin, a stale
/// entry or an impostor does not push it out, and their addresses are kept behind its own, because only TLS
/// can tell which of them is true. \[DISC-8\] The same name on another interface is the same terminal.
fn merge(id: &TerminalId, mut claims: Vec<Claim>, left_out: &mut Vec<LeftOut>) -> Candidate {
    let is = |claim: &Claim, name: &str| claim.instance.eq_ignore_ascii_case(name);
    claims.sort_by_key(|claim| (!is(claim, id.as_str()), claim.first_heard));
    let speaker = claims
        .first()
        .expect("an id is listed because somebody claims it");
    let (txt, instance) = (speaker.txt.clone(), speaker.instance.clone());
    let (own, others): (Vec<_>, Vec<_>) =
        claims.into_iter().partition(|claim| is(claim, &instance));
    let own: Vec<_> = own.into_iter().flat_map(|claim| claim.addresses).collect();
    let mut addresses = in_order(own);
    // Each of the others has its best address heard before anybody's second.
    for turn in 0..ADDRESSES_MAX {
        for other in others.iter().filter_map(|other| other.addresses.get(turn)) {
            if addresses.len() < ADDRESSES_OF_ID_MAX && !addresses.contains(&other.address) {
                addresses.push(other.address);
            }
        }
    }
    left_out.extend(others.into_iter().map(|other| LeftOut {
        instance: other.instance,
        reason: Reason::SameId(id.clone()),
    }));
    Candidate {
        id: id.clone(),
        model: txt.model,
        status: txt.status,
        activity: txt.activity,
        api: txt.api,
        addresses,
        instance,
    }
}

/// The most promising first, each once.
fn in_order(mut ranked: Vec<Ranked>) -> Vec<SocketAddr> {
    ranked.sort();
    let mut addresses = Vec::new();
    for Ranked { address, .. } in ranked {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    addresses
}

/// A foreign name in a form that a terminal window or a log survives.
fn printable(name: &Domain) -> String {
    String::from_utf8_lossy(name.first_label())
        .chars()
        .take(NAME_MAX)
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slots::Way;
    use crate::txt::TxtError;

    const LAN: HeardOn = HeardOn::Network(2);
    const WIFI: HeardOn = HeardOn::Network(3);

    /// An advertisement as somebody might send it: what is `None` or empty is not in it.
    #[derive(Clone)]
    struct Ad {
        instance: String,
        id: Option<String>,
        port: Option<u16>,
        addresses: Vec<IpAddr>,
        ttl: u32,
    }

    fn ad(instance: &str, id: &str, ip: &str) -> Ad {
        Ad {
            instance: instance.to_owned(),
            id: Some(id.to_owned()),
            port: Some(8443),
            addresses: vec![ip.parse().unwrap()],
            ttl: 120,
        }
    }

    fn goodbye(ad: Ad) -> Ad {
        Ad { ttl: 0, ..ad }
    }

    impl From<Ad> for Answer {
        fn from(ad: Ad) -> Self {
            let name = Domain::of_instance(&ad.instance);
            // Each its own host, whatever the case of its name.
            let host = Domain::of_instance(&format!("host-{}", ad.instance));
            let ttl = ad.ttl;
            let mut answer = Answer::default();
            answer.pointers.push((name.clone(), heard((), ttl)));
            if let Some(port) = ad.port {
                let service = Service {
                    host: host.clone(),
                    port,
                };
                answer.services.push((name.clone(), heard(service, ttl)));
            }
            if let Some(id) = ad.id {
                let txt = Txt::read([(b"id".as_slice(), Some(id.as_bytes()))]);
                answer.texts.push((name, heard(txt, ttl)));
            }
            for ip in ad.addresses {
                answer.addresses.push((host.clone(), heard(ip, ttl)));
            }
            answer
        }
    }

    fn heard<T>(value: T, ttl: u32) -> Heard<T> {
        Heard {
            value,
            ttl,
            flush: false,
        }
    }

    fn from(last: u8) -> Told {
        at(0, last)
    }

    fn at(now: u64, last: u8) -> Told {
        Told {
            now: Moment(now),
            from: IpAddr::from([192, 0, 2, last]),
            way: Way::Multicast,
        }
    }

    fn found(ads: impl IntoIterator<Item = Ad>) -> Found {
        let mut cache = Cache::default();
        for ad in ads {
            cache.learn(ad.into(), LAN, from(1));
        }
        cache.finish()
    }

    fn ids(found: &Found) -> Vec<&str> {
        found.candidates.iter().map(|c| c.id.as_str()).collect()
    }

    fn addresses(candidate: &Candidate) -> Vec<String> {
        candidate
            .addresses
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    fn id(id: &str) -> TerminalId {
        TerminalId::new(id).unwrap()
    }

    #[test]
    fn pieces_become_one_candidate() {
        let txt = Ad {
            port: None,
            addresses: vec![],
            ..ad("term_1", "term_1", "192.0.2.1")
        };
        let srv = Ad {
            id: None,
            port: Some(9443),
            addresses: vec![],
            ..ad("term_1", "", "192.0.2.1")
        };
        let link_local = Ad {
            addresses: vec!["fe80::1".parse().unwrap()],
            ..Ad {
                id: None,
                port: None,
                ..ad("TERM_1", "", "192.0.2.1")
            }
        };
        let v4 = Ad {
            port: None,
            id: None,
            ..ad("term_1", "", "192.0.2.1")
        };
        // Before its SRV record nobody knows whose an address is; who repeats it is heard.
        let found = found([txt, v4.clone(), srv, link_local, v4]);
        assert_eq!(
            addresses(&found.candidates[0]),
            ["192.0.2.1:9443", "[fe80::1%2]:9443"]
        );
        assert_eq!(found.left_out, []);
    }

    // [DISC-5]
    #[test]
    fn candidates_are_sorted_by_id_and_one_for_each() {
        let found = found([
            ad("b", "term_2", "192.0.2.2"),
            ad("a", "term_3", "192.0.2.3"),
            ad("c", "term_1", "192.0.2.1"),
        ]);
        assert_eq!(ids(&found), ["term_1", "term_2", "term_3"]);
    }

    #[test]
    fn the_id_is_that_of_the_txt_record_not_the_instance_name() {
        let found = found([ad("term_9", "term_1", "192.0.2.1")]);
        assert_eq!(ids(&found), ["term_1"]);
    }

    // [DISC-8]
    #[test]
    fn an_impostor_neither_replaces_a_terminal_nor_hides_its_address() {
        let found = found([
            ad("aaa", "term_1", "192.0.2.66"),
            ad("term_1", "term_1", "192.0.2.1"),
        ]);
        assert_eq!(found.candidates.len(), 1);
        assert_eq!(found.candidates[0].instance, "term_1");
        assert_eq!(
            addresses(&found.candidates[0]),
            ["192.0.2.1:8443", "192.0.2.66:8443"]
        );
        let same = Reason::SameId(id("term_1"));
        assert_eq!(
            found.left_out,
            [LeftOut {
                instance: "aaa".into(),
                reason: same
            }]
        );
    }

    // [DISC-8]
    #[test]
    fn two_that_have_one_name_are_both_dialled() {
        let mut cache = Cache::default();
        cache.learn(ad("term_1", "term_1", "192.0.2.1").into(), LAN, from(1));
        let other = Ad {
            port: Some(9443),
            ..ad("term_1", "term_2", "192.0.2.66")
        };
        cache.learn(other.into(), LAN, from(66));
        let found = cache.finish();
        assert_eq!(ids(&found), ["term_1"], "the one whose id is the name");
        let both = addresses(&found.candidates[0]);
        assert!(
            both.contains(&"192.0.2.1:8443".into()) && both.contains(&"192.0.2.66:9443".into())
        );
    }

    #[test]
    fn a_terminal_heard_on_two_interfaces_is_one_with_the_addresses_of_both() {
        let mut cache = Cache::default();
        let link_local = |ip: &str| ad("term_1", "term_1", ip);
        cache.learn(link_local("fe80::1").into(), LAN, from(1));
        cache.learn(link_local("fe80::1").into(), WIFI, from(1));
        let found = cache.finish();
        assert_eq!(
            addresses(&found.candidates[0]),
            ["[fe80::1%2]:8443", "[fe80::1%3]:8443"]
        );
        assert_eq!(found.left_out, []);
    }

    #[test]
    fn with_an_interface_goes_what_was_heard_on_it() {
        let mut cache = Cache::default();
        cache.learn(ad("term_1", "term_1", "fe80::1").into(), LAN, from(1));
        cache.learn(ad("term_1", "term_1", "fe80::1").into(), WIFI, from(1));
        assert!(cache.keep_only(&BTreeSet::from([WIFI])));
        assert_eq!(
            addresses(&cache.finish().candidates[0]),
            ["[fe80::1%3]:8443"]
        );
    }

    // [DISC-5]
    #[test]
    fn a_goodbye_is_final_after_a_second() {
        let mut cache = Cache::default();
        let terminal = ad("term_1", "term_1", "192.0.2.1");
        cache.learn(terminal.clone().into(), LAN, at(0, 1));
        cache.learn(
            goodbye(Ad {
                instance: "TERM_1".into(),
                ..terminal
            })
            .into(),
            LAN,
            at(5000, 1),
        );
        assert!(!cache.attend(Moment(5999)).changed);
        assert_eq!(cache.finish().candidates.len(), 1);
        assert!(cache.attend(Moment(6000)).changed);
        assert_eq!(cache.finish(), Found::default());
        assert_eq!(cache.hosts.len(), 0);
    }

    #[test]
    fn a_moved_terminal_is_dialled_at_its_new_address_first_and_soon_there_only() {
        let mut cache = Cache::default();
        cache.learn(ad("term_1", "term_1", "192.0.2.1").into(), LAN, at(0, 1));
        let mut moved = Answer::from(ad("term_1", "term_1", "192.0.2.99"));
        moved.addresses[0].1.flush = true;
        let learnt = cache.learn(moved, LAN, at(5000, 99));
        assert!(learnt.changed);
        let name = Domain::of_instance("host-term_1");
        assert_eq!(
            learnt.disputed,
            BTreeSet::from([Question::AddressV4(name)]),
            "another address ends it: its owner is asked"
        );
        assert_eq!(
            addresses(&cache.finish().candidates[0]),
            ["192.0.2.99:8443", "192.0.2.1:8443"]
        );
        cache.attend(Moment(6000));
        assert_eq!(
            addresses(&cache.finish().candidates[0]),
            ["192.0.2.99:8443"]
        );
    }

    // [DISC-7]
    #[test]
    fn the_last_word_of_a_terminal_counts_however_fast_it_changes() {
        let mut cache = Cache::default();
        let says = |activity: &str, now| {
            let mut answer = Answer::from(ad("term_1", "term_1", "192.0.2.1"));
            let entries = [("id", "term_1"), ("activity", activity)];
            let entries = entries.map(|(k, v)| (k.as_bytes(), Some(v.as_bytes())));
            answer.texts[0].1.value = Txt::read(entries);
            answer.texts[0].1.flush = true;
            (answer, at(now, 1))
        };
        for (activity, now) in [("idle", 0), ("busy", 300), ("idle", 600)] {
            let (answer, told) = says(activity, now);
            cache.learn(answer, LAN, told);
            let activity_now = cache.finish().candidates[0].activity.clone();
            assert_eq!(activity_now.unwrap().to_string(), activity);
        }
    }

    // [DISC-8]
    #[test]
    fn a_record_without_an_id_is_kept_for_the_certificate_to_name() {
        let found = found([Ad {
            id: None,
            ..ad("Till 4", "", "192.0.2.1")
        }]);
        assert_eq!(found.unnamed[0].instance, "Till 4");
        assert_eq!(found.candidates, []);
    }

    // [DISC-5]
    #[test]
    fn what_cannot_be_dialled_is_left_out_with_the_reason() {
        let found = found([
            ad("bad id", "nonsense", "192.0.2.1"),
            Ad {
                port: Some(0),
                ..ad("no port", "term_2", "192.0.2.2")
            },
            Ad {
                addresses: vec![],
                ..ad("no address", "term_3", "192.0.2.3")
            },
            ad("one's own loopback", "term_4", "127.0.0.1"),
        ]);
        assert_eq!(found.candidates, []);
        let mut why: Vec<_> = found
            .left_out
            .iter()
            .map(|l| (l.instance.as_str(), &l.reason))
            .collect();
        why.sort_by_key(|(instance, _)| *instance);
        assert!(
            matches!(why[0], ("bad id", Reason::Txt(TxtError::Id(_)))),
            "{why:?}"
        );
        assert_eq!(why[1], ("no address", &Reason::NoAddress));
        assert_eq!(why[2], ("no port", &Reason::NoPort));
        assert_eq!(why[3], ("one's own loopback", &Reason::NoAddress));
    }

    /// The i-th of many made-up terminals.
    fn made_up(i: usize) -> Ad {
        ad(&format!("i{i}"), &format!("term_{i:04}"), "192.0.2.66")
    }

    #[test]
    fn of_one_source_the_256th_instance_is_kept_and_the_257th_is_counted() {
        let at_limit = found((0..OF_ONE_SOURCE_MAX).map(made_up));
        assert_eq!(
            (at_limit.candidates.len(), at_limit.left_out.len()),
            (OF_ONE_SOURCE_MAX, 0)
        );
        let over = found((0..=OF_ONE_SOURCE_MAX).map(made_up));
        assert_eq!(over.candidates.len(), OF_ONE_SOURCE_MAX);
        assert_eq!(over.left_out[0].reason, Reason::TooMany(1));
    }

    /// A cache that so many sources have filled, each with as much as it may.
    fn full(sources: u8) -> Cache {
        let mut cache = Cache::default();
        let of_each = INSTANCES_MAX / usize::from(sources);
        for i in 0..INSTANCES_MAX {
            let source = u8::try_from(i / of_each).unwrap() + 100;
            cache.learn(made_up(i).into(), LAN, from(source));
        }
        assert_eq!(cache.instances.len(), INSTANCES_MAX);
        cache
    }

    // [DISC-5]
    #[test]
    fn a_terminal_takes_a_place_from_the_source_that_holds_most() {
        let mut cache = full(4);
        cache.learn(ad("term_1", "term_1", "192.0.2.1").into(), LAN, from(1));
        assert_eq!(cache.instances.len(), INSTANCES_MAX);
        let found = cache.finish();
        assert!(found.candidate(&id("term_1")).is_some());
        assert_eq!(
            found.left_out.last().map(|l| &l.reason),
            Some(&Reason::TooMany(1))
        );
    }

    #[test]
    fn nobody_takes_a_place_from_one_that_holds_no_more_than_he_would() {
        let mut cache = full(128);
        for i in 0..7 {
            let newcomer = ad(&format!("n{i}"), &format!("term_n{i}"), "192.0.2.1");
            cache.learn(newcomer.into(), LAN, from(1));
        }
        let newcomers = |cache: &Cache| {
            let found = cache.finish();
            let ours = found
                .candidates
                .iter()
                .filter(|c| c.instance.starts_with('n'));
            ours.count()
        };
        assert_eq!(newcomers(&cache), 7);
        let eighth = ad("n7", "term_n7", "192.0.2.1");
        cache.learn(eighth.into(), LAN, from(1));
        assert_eq!(newcomers(&cache), 7, "the others hold 8 and 7 then");
    }

    // [DISC-5]
    #[test]
    fn an_awaited_terminal_is_kept_where_no_place_is_left() {
        let mut cache = full(128);
        cache.await_id(&id("term_CT20"));
        for i in 0..20 {
            let newcomer = ad(&format!("n{i}"), &format!("term_n{i}"), "192.0.2.100");
            cache.learn(newcomer.into(), LAN, from(100));
        }
        assert_eq!(cache.instances.len(), INSTANCES_MAX);
        let terminal = ad("term_ct20", "term_CT20", "192.0.2.1");
        cache.learn(terminal.into(), LAN, from(100));
        assert!(cache.candidate(&id("term_CT20")).is_some());
        let renamed = ad("Till 4", "term_CT20", "192.0.2.2");
        cache.learn(renamed.into(), LAN, from(100));
        let candidate = cache.candidate(&id("term_CT20")).unwrap();
        assert_eq!(candidate.addresses.len(), 2);
    }

    #[test]
    fn of_those_who_claim_an_awaited_id_8_are_kept_beside_the_limits() {
        let mut cache = full(128);
        cache.await_id(&id("term_CT20"));
        for i in 0..20 {
            let liar = ad(&format!("n{i}"), "term_CT20", "192.0.2.100");
            cache.learn(liar.into(), LAN, from(100));
        }
        assert_eq!(cache.instances.len(), INSTANCES_MAX + CLAIMS_OF_AWAITED_MAX);
    }

    #[test]
    fn who_was_asked_by_name_needs_no_pointer() {
        let mut cache = Cache::default();
        let unasked = |name: &str| {
            let mut answer = Answer::from(ad(name, name, "192.0.2.1"));
            answer.pointers.clear();
            answer
        };
        cache.await_id(&id("term_1"));
        cache.learn(unasked("term_1"), LAN, from(1));
        cache.learn(unasked("term_2"), LAN, from(1));
        assert_eq!(ids(&cache.finish()), ["term_1"]);
    }

    #[test]
    fn of_one_host_8_addresses_are_kept() {
        let addresses = (1..=9).map(|i| IpAddr::from([192, 0, 2, i])).collect();
        let found = found([Ad {
            addresses,
            ..ad("term_1", "term_1", "192.0.2.1")
        }]);
        assert_eq!(found.candidates[0].addresses.len(), ADDRESSES_MAX);
    }

    #[test]
    fn of_one_id_32_addresses_are_dialled_the_owners_first() {
        let claim = |i: u8| {
            let name = format!("liar {i}");
            ad(&name, "term_1", &format!("192.0.2.{}", 100 + i))
        };
        let liars = (0..40).map(claim);
        let found = found(liars.chain([ad("term_1", "term_1", "192.0.2.1")]));
        let addresses = addresses(&found.candidates[0]);
        assert_eq!(addresses.len(), ADDRESSES_OF_ID_MAX);
        assert_eq!(addresses[0], "192.0.2.1:8443");
    }

    #[test]
    fn addresses_of_hosts_that_nobody_refers_to_are_not_kept() {
        let mut cache = Cache::default();
        let mut answer = Answer::default();
        for i in 0..100 {
            let host = Domain::of_instance(&format!("host {i}"));
            let address = heard(IpAddr::from([192, 0, 2, i]), 120);
            answer.addresses.push((host, address));
        }
        cache.learn(answer, LAN, from(66));
        assert_eq!(cache, Cache::default());
    }

    #[test]
    fn what_an_instance_did_not_tell_is_asked_for_three_times() {
        let mut cache = Cache::default();
        let bare = Ad {
            id: None,
            port: None,
            ..ad("term_1", "", "192.0.2.1")
        };
        cache.learn(bare.into(), LAN, from(1));
        let name = Domain::of_instance("term_1");
        let missing = BTreeSet::from([Question::Service(name.clone()), Question::Text(name)]);
        assert_eq!(cache.attend(Moment(0)).direct, missing);
        assert_eq!(cache.attend(Moment(999)), Attended::default());
        assert_eq!(cache.attend(Moment(1000)).both_ways, missing);
        assert_eq!(cache.attend(Moment(3000)).both_ways, missing);
        assert_eq!(cache.attend(Moment(60_000)), Attended::default());
    }

    #[test]
    fn a_terminal_that_told_all_is_asked_for_nothing_until_its_records_age() {
        let mut cache = Cache::default();
        cache.learn(ad("term_1", "term_1", "192.0.2.1").into(), LAN, from(1));
        assert_eq!(cache.attend(Moment(95_999)), Attended::default());
        assert_eq!(cache.attend(Moment(96_000)).both_ways.len(), 5);
    }

    #[test]
    fn a_terminal_is_known_to_a_query_on_the_interface_it_was_heard_on() {
        let mut cache = Cache::default();
        cache.learn(ad("term_1", "term_1", "192.0.2.1").into(), LAN, from(1));
        let known = cache.known(Moment(1000));
        let expected = vec![(Domain::of_instance("term_1"), Duration::from_secs(119))];
        assert_eq!(known, BTreeMap::from([(LAN, expected)]));
        let incomplete = Ad {
            addresses: vec![],
            ..ad("term_1", "term_1", "192.0.2.1")
        };
        let mut cache = Cache::default();
        cache.learn(incomplete.into(), LAN, from(1));
        assert_eq!(cache.known(Moment(1000)), BTreeMap::new());
    }

    #[test]
    fn a_name_is_made_printable_and_short() {
        let name = format!("\u{1b}[31m{}", "x".repeat(58));
        let found = found([ad(&name, "nonsense", "192.0.2.1")]);
        assert_eq!(found.left_out[0].instance.chars().count(), NAME_MAX);
        assert!(!found.left_out[0].instance.contains('\u{1b}'));
    }
}
