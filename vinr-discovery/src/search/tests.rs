use super::*;
use crate::answer::{Answer, Service};
use crate::slots::Heard;
use crate::txt::Txt;

const LAN: HeardOn = HeardOn::Network(2);
const TERMINAL: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 7));

fn eth0() -> Interface {
    Interface {
        name: "eth0".into(),
        index: 2,
        addresses: vec![("192.0.2.2".parse().unwrap(), 24)],
    }
}

fn wlan0() -> Interface {
    Interface {
        name: "wlan0".into(),
        index: 3,
        addresses: vec![("198.51.100.2".parse().unwrap(), 24)],
    }
}

/// A search with its clock, which runs from one wake to the next.
struct World {
    search: Search,
    now: u64,
    asked: Vec<(u64, Query)>,
    changes: usize,
}

impl World {
    fn new() -> Self {
        let mut world = Self {
            search: Search::new(Interfaces::All),
            now: 0,
            asked: Vec::new(),
            changes: 0,
        };
        world.step(Input::Interfaces(vec![eth0()], 0));
        world
    }

    fn step(&mut self, input: Input) {
        for effect in self.search.step(Moment(self.now), input) {
            match effect {
                Effect::Changed => self.changes += 1,
                Effect::Ask(query) => self.asked.push((self.now, query)),
            }
        }
    }

    fn until(&mut self, end: u64) {
        while let Some(Moment(at)) = self.search.next_wake()
            && at <= end
        {
            assert!(at >= self.now, "time does not run backwards");
            self.now = at;
            self.step(Input::Elapsed);
        }
        self.now = end;
    }

    fn hear(&mut self, way: Way, from: IpAddr, answer: Answer) {
        self.step(Input::Heard {
            on: LAN,
            from,
            way,
            message: Message::Answer(answer),
        });
    }

    /// When the service type was asked for, as its schedule says.
    fn scheduled(&self) -> Vec<u64> {
        let scheduled = self.asked.iter().filter(|(_, query)| {
            query.voice == Voice::Multicast && query.questions == [Question::Instances]
        });
        scheduled.map(|(at, _)| *at).collect()
    }

    fn troubles(&self) -> Vec<Blocked> {
        let found = self.search.found();
        found.troubles.iter().map(|t| t.blocked).collect()
    }
}

fn heard<T>(value: T, flush: bool) -> Heard<T> {
    Heard {
        value,
        ttl: 120,
        flush,
    }
}

fn advertisement(name: &str, ip: IpAddr) -> Answer {
    let (instance, host) = (
        Domain::of_instance(name),
        Domain::of_instance(&format!("host {name}")),
    );
    let txt = Txt::read([(b"id".as_slice(), Some(name.as_bytes()))]);
    let service = Service {
        host: host.clone(),
        port: 8443,
    };
    Answer {
        pointers: vec![(instance.clone(), heard((), false))],
        services: vec![(instance.clone(), heard(service, true))],
        texts: vec![(instance, heard(txt, true))],
        addresses: vec![(host, heard(ip, true))],
    }
}

fn id(id: &str) -> TerminalId {
    TerminalId::new(id).unwrap()
}

#[test]
fn it_asks_directly_at_once_and_everybody_after_20_to_120_ms() {
    for (chance, delay) in [(0, 20), (100, 120), (255, 120)] {
        let mut search = Search::new(Interfaces::All);
        let effects = search.step(Moment(0), Input::Interfaces(vec![eth0()], chance));
        assert!(matches!(&effects[..], [Effect::Ask(q)] if q.voice == Voice::Direct));
        assert_eq!(search.next_wake(), Some(Moment(delay)));
    }
}

#[test]
fn the_interval_doubles_from_a_second_to_an_hour() {
    let mut world = World::new();
    world.until(4 * 60 * 60 * 1000);
    let asked = world.scheduled();
    let intervals: Vec<_> = asked.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let doubling = (0..12).map(|n| 1000 << n);
    let expected: Vec<u64> = doubling.chain([3_600_000; 2]).collect();
    assert_eq!(intervals[..14], expected[..]);
}

#[test]
fn what_is_known_need_not_be_told_again() {
    let mut world = World::new();
    world.until(100);
    world.hear(Way::Multicast, TERMINAL, advertisement("term_1", TERMINAL));
    world.until(1100);
    let (_, query) = world.asked.last().unwrap();
    assert_eq!(query.known[&LAN][0].0, Domain::of_instance("term_1"));
}

#[test]
fn what_was_only_answered_directly_is_asked_for_again() {
    let mut world = World::new();
    world.hear(Way::Direct, TERMINAL, advertisement("term_1", TERMINAL));
    world.until(1100);
    let (_, query) = world.asked.last().unwrap();
    assert_eq!(query.known, BTreeMap::new());
}

// [DISC-5]
#[test]
fn a_terminal_that_falls_silent_is_asked_four_times_and_then_gone() {
    let mut world = World::new();
    world.hear(Way::Multicast, TERMINAL, advertisement("term_1", TERMINAL));
    world.until(119_999);
    let refreshed: Vec<_> = world
        .asked
        .iter()
        .filter(|(_, query)| query.voice == Voice::Both)
        .map(|(at, _)| *at)
        .collect();
    assert_eq!(refreshed, [96_000, 102_000, 108_000, 114_000]);
    assert_eq!(world.search.found().candidates.len(), 1);
    world.until(120_000);
    assert_eq!(world.search.found().candidates, []);
}

// [DISC-5]
#[test]
fn a_doubted_terminal_is_asked_for_at_once_and_gone_after_10_seconds() {
    let mut world = World::new();
    world.hear(Way::Multicast, TERMINAL, advertisement("term_1", TERMINAL));
    world.until(50_000);
    world.step(Input::Doubt(id("term_1")));
    assert!(matches!(world.asked.last(), Some((50_000, query)) if query.questions.len() == 5));
    world.until(59_999);
    assert_eq!(world.search.found().candidates.len(), 1);
    world.until(60_000);
    assert_eq!(world.search.found().candidates, []);
}

#[test]
fn an_awaited_terminal_is_asked_for_by_its_name() {
    let mut world = World::new();
    world.step(Input::Await(id("term_1")));
    let name = Domain::of_instance("term_1");
    let (_, query) = world.asked.last().unwrap();
    assert_eq!(query.voice, Voice::Direct);
    assert!(query.questions.contains(&Question::Service(name)));
    assert!(query.questions.contains(&Question::Instances));
    world.until(1000);
    world.step(Input::Await(id("term_1")));
    let (at, query) = world.asked.last().unwrap();
    assert_eq!(
        (*at, query.questions.len()),
        (1000, 2),
        "and again, not all"
    );
    world.hear(Way::Direct, TERMINAL, advertisement("term_1", TERMINAL));
    let asked = world.asked.len();
    world.until(1001);
    world.step(Input::Await(id("term_1")));
    assert_eq!(world.asked.len(), asked, "who is there is not asked for");
}

// [DISC-8]
#[test]
fn whose_record_a_stranger_ends_is_asked_and_stays() {
    let mut world = World::new();
    world.hear(Way::Multicast, TERMINAL, advertisement("term_1", TERMINAL));
    world.until(50_000);
    let mut goodbye = advertisement("term_1", TERMINAL);
    for (_, pointer) in &mut goodbye.pointers {
        pointer.ttl = 0;
    }
    world.hear(Way::Multicast, "192.0.2.66".parse().unwrap(), goodbye);
    let (at, query) = world.asked.last().unwrap();
    assert_eq!((*at, query.voice), (50_000, Voice::Direct));
    world.until(50_500);
    world.hear(Way::Direct, TERMINAL, advertisement("term_1", TERMINAL));
    world.until(55_000);
    assert_eq!(world.search.found().candidates.len(), 1);
}

#[test]
fn a_flood_of_names_makes_us_ask_twice_a_second_at_most_and_never_for_all_of_them() {
    let mut world = World::new();
    let begun = world.asked.len();
    for i in 0..1000 {
        let mut bare = advertisement(&format!("n{i}"), TERMINAL);
        (bare.services, bare.texts) = (vec![], vec![]);
        world.until(i);
        world.hear(Way::Multicast, TERMINAL, bare);
    }
    world.until(10_000);
    let asked = &world.asked[begun..];
    let unscheduled: Vec<_> = asked
        .iter()
        .filter(|(_, query)| query.voice != Voice::Multicast)
        .collect();
    assert!(unscheduled.len() <= 20, "{}", unscheduled.len());
    assert!(
        unscheduled
            .windows(2)
            .all(|pair| pair[1].0 - pair[0].0 >= 500)
    );
    let most = asked.iter().map(|(_, query)| query.questions.len()).max();
    assert!(most <= Some(QUESTIONS_MAX));
}

#[test]
fn silence_is_reported_after_a_second_and_a_half_and_taken_back() {
    let mut world = World::new();
    world.until(1499);
    assert_eq!(world.troubles(), []);
    world.until(1500);
    assert_eq!(world.troubles(), [Blocked::Silence]);
    assert_eq!(world.changes, 1);
    world.step(Input::Heard {
        on: LAN,
        from: "192.0.2.50".parse().unwrap(),
        way: Way::Multicast,
        message: Message::Foreign,
    });
    assert_eq!(world.troubles(), []);
    assert_eq!(world.changes, 2);
}

#[test]
fn our_own_machine_does_not_break_the_silence() {
    let mut world = World::new();
    world.step(Input::Heard {
        on: LAN,
        from: "192.0.2.2".parse().unwrap(),
        way: Way::Multicast,
        message: Message::Foreign,
    });
    world.until(1500);
    assert_eq!(world.troubles(), [Blocked::Silence]);
}

#[test]
fn a_search_on_loopback_alone_reports_no_silence() {
    let lo = Interface {
        name: "lo".into(),
        index: 1,
        addresses: vec![("127.0.0.1".parse().unwrap(), 8)],
    };
    for (which, troubles) in [
        (Interfaces::All, vec![Blocked::OnlyLoopback]),
        (Interfaces::Loopback, vec![]),
    ] {
        let mut world = World {
            search: Search::new(which),
            ..World::new()
        };
        world.step(Input::Interfaces(vec![lo.clone()], 0));
        world.until(2000);
        assert_eq!(world.troubles(), troubles);
    }
}

#[test]
fn an_interface_that_refuses_is_reported_until_it_does_not() {
    let mut world = World::new();
    world.step(Input::Interfaces(vec![eth0(), wlan0()], 0));
    world.step(Input::Sent(LAN, Err(Blocked::Denied)));
    assert_eq!(world.troubles(), [Blocked::Denied]);
    assert_eq!(world.search.all_blocked(), None, "the other one does not");
    let other = wlan0().heard_on();
    world.step(Input::Sent(other, Err(Blocked::NoRoute)));
    assert_eq!(world.search.all_blocked(), Some(Blocked::NoRoute));
    world.step(Input::Sent(LAN, Ok(())));
    assert_eq!(world.troubles(), [Blocked::NoRoute]);
}

#[test]
fn a_new_interface_and_a_new_address_are_asked_on_at_once() {
    let mut world = World::new();
    world.until(60_000);
    let direct = |world: &World| {
        let asked = world.asked.iter();
        asked.filter(|(_, q)| q.voice == Voice::Direct).count()
    };
    let before = direct(&world);
    world.step(Input::Interfaces(vec![eth0(), wlan0()], 0));
    assert_eq!(direct(&world), before + 1);
    world.until(60_020);
    assert_eq!(world.scheduled().last(), Some(&60_020));
    let mut moved = eth0();
    moved.addresses = vec![("192.0.2.3".parse().unwrap(), 24)];
    world.step(Input::Interfaces(vec![moved.clone(), wlan0()], 0));
    assert_eq!(direct(&world), before + 2);
    world.step(Input::Interfaces(vec![moved, wlan0()], 0));
    assert_eq!(direct(&world), before + 2, "nothing new, nothing asked");
}

#[test]
fn a_direct_answer_counts_from_the_link_only() {
    let mut world = World::new();
    let elsewhere = "203.0.113.5".parse().unwrap();
    world.hear(Way::Direct, elsewhere, advertisement("term_1", TERMINAL));
    assert_eq!(world.search.found().candidates, []);
    world.hear(Way::Multicast, elsewhere, advertisement("term_1", TERMINAL));
    assert_eq!(world.search.found().candidates.len(), 1);
}
