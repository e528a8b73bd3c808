use super::claims::{ADDRESSES_OF_ID_MAX, NAME_MAX};
use super::*;
use crate::candidate::{Candidate, Found, LeftOut, Reason};
use crate::slots::Way;
use crate::txt::{Txt, TxtError};

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
    assert!(both.contains(&"192.0.2.1:8443".into()) && both.contains(&"192.0.2.66:9443".into()));
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
