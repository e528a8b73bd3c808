//! What the terminal says of itself over mDNS. \[DISC-1, DISC-7, SIM-1\]

use crate::journal::{Advert, Entry, Event};
use crate::judge::found::Found;
use crate::judge::trace::Trace;

/// One of the advertisements in its name leads to it. One that leads to somebody else with the same name is
/// that one's; one that leads nowhere is stale.
pub(super) fn advertised(trace: &Trace<'_>, connections: &[u64]) -> Found {
    let expected = "an advertisement of _vinr-terminal._tcp.local that leads to the terminal";
    let Some((entry, _)) = named(trace).next() else {
        return nobody(trace, expected);
    };
    let mut stale = None;
    for connection in connections
        .iter()
        .filter_map(|number| trace.connections.get(number))
    {
        match (connection.dialled, connection.handshake) {
            (Some((dial, address, Some(error))), _) => stale = Some((dial, address, error)),
            (Some((dial, ..)), Some((seq, handshake)))
                if handshake.error.is_none() && handshake.chain_error.is_none() =>
            {
                return Found::kept([entry.seq, dial, seq]);
            }
            _ => {}
        }
    }
    match stale {
        Some((dial, address, error)) => {
            let seen = format!("{address}, as advertised: {error}");
            Found::broken("stale_address", expected, seen, [entry.seq, dial])
        }
        None if connections.is_empty() => Found::unseen("nobody dialled the advertised address"),
        None => nobody(trace, expected),
    }
}

pub(super) fn describes_itself(trace: &Trace<'_>) -> Found {
    let expected = "txtvers, id, model, status, activity and api in the TXT record";
    let Some((entry, advert)) = own(trace).next() else {
        return nobody(trace, expected);
    };
    for (name, allowed) in [
        ("txtvers", &["1"][..]),
        ("model", &[]),
        ("status", &["online", "offline"]),
        ("activity", &["idle", "busy"]),
        ("api", &[vinr_protocol::API]),
    ] {
        let value = txt(advert, name);
        let lawful =
            |value: &str| !value.is_empty() && (allowed.is_empty() || allowed.contains(&value));
        if !value.is_some_and(lawful) {
            let seen = value.map_or(format!("no {name}"), |value| format!("{name}={value}"));
            return Found::broken("wrong_txt", expected, seen, [entry.seq]);
        }
    }
    Found::kept([entry.seq])
}

pub(super) fn announces_activity(trace: &Trace<'_>, since: u64, until: u64) -> Found {
    let expected = "an announcement with activity=busy while a payment is on the screen";
    let heard = |entry: &Entry| (since..=until).contains(&entry.seq);
    let busy =
        own(trace).find(|(entry, advert)| heard(entry) && txt(advert, "activity") == Some("busy"));
    if let Some((entry, _)) = busy {
        return Found::kept([entry.seq]);
    }
    if own(trace).next().is_none() {
        return nobody(trace, expected);
    }
    let entries = own(trace)
        .filter(|(entry, _)| heard(entry))
        .map(|(entry, _)| entry.seq);
    Found::broken("not_announced", expected, "it went on saying idle", entries)
}

pub(super) fn local_simulator(trace: &Trace<'_>) -> Found {
    let expected = "term_local_simulator at 127.0.0.1, model simulator";
    let Some((entry, advert)) = own(trace).next() else {
        return nobody(trace, expected);
    };
    let at_home = advert
        .addresses
        .iter()
        .any(|address| address == "127.0.0.1");
    if !at_home
        && advert
            .addresses
            .iter()
            .any(|address| address.starts_with("127."))
    {
        return Found::unseen(
            "port 8443 of 127.0.0.1 was taken, so it ran at another loopback address",
        );
    }
    let named = txt(advert, "id") == Some("term_local_simulator");
    if named && at_home && txt(advert, "model") == Some("simulator") {
        return Found::kept([entry.seq]);
    }
    let seen = format!(
        "{} at {}, model {}",
        txt(advert, "id").unwrap_or("without an id"),
        advert.addresses.join(", "),
        txt(advert, "model").unwrap_or("not said"),
    );
    Found::broken("not_as_the_page_says", expected, seen, [entry.seq])
}

/// Advertisements in the terminal's name: by TXT, or by instance where it has no TXT.
fn named<'a>(trace: &Trace<'a>) -> impl Iterator<Item = (&'a Entry, &'a Advert)> + use<'a> {
    let terminal = trace
        .subject()
        .map(|(terminal, _)| terminal)
        .unwrap_or_default();
    trace.adverts().filter(move |(_, advert)| {
        txt(advert, "id").map_or(advert.instance == terminal, |id| id == terminal)
    })
}

/// Those of them that point to where the terminal was dialled: another terminal of the same name may be on
/// the network, such as a second simulator.
fn own<'a>(trace: &Trace<'a>) -> impl Iterator<Item = (&'a Entry, &'a Advert)> + use<'a> {
    let address = trace.address().unwrap_or_default();
    named(trace).filter(move |(_, advert)| {
        let port = advert.port;
        let points_to =
            |ip: &String| format!("{ip}:{port}") == address || format!("[{ip}]:{port}") == address;
        advert.addresses.iter().any(points_to)
    })
}

fn txt<'a>(advert: &'a Advert, name: &str) -> Option<&'a str> {
    let own = |(own, _): &&(String, String)| own == name;
    advert.txt.iter().find(own).map(|(_, value)| value.as_str())
}

/// No advertisement of this terminal: its fault if somebody listened.
fn nobody(trace: &Trace<'_>, expected: &str) -> Found {
    let listened = trace.entries.iter().find_map(|entry| match &entry.event {
        Event::Listened { ms, .. } => Some((entry.seq, *ms)),
        _ => None,
    });
    match listened {
        Some((seq, ms)) => {
            let others = trace.adverts().count();
            let seen = format!("none of this terminal in {ms} ms ({others} of others)");
            Found::broken("not_advertised", expected, seen, [seq])
        }
        None => Found::unseen("nobody could listen for advertisements"),
    }
}

#[cfg(test)]
mod tests {
    use crate::journal::{Advert, Event, Handshake, Said};
    use crate::judge::fixture::Story;

    fn heard(story: &mut Story, id: &str, activity: &str) {
        let txt = [
            ("txtvers", "1"),
            ("id", id),
            ("model", "simulator"),
            ("status", "online"),
            ("activity", activity),
            ("api", "vinr-local/1"),
        ];
        story.note(Event::Advert(Advert {
            instance: id.into(),
            addresses: vec!["127.0.0.1".into()],
            port: 8443,
            txt: txt
                .map(|(name, value)| (name.into(), value.into()))
                .to_vec(),
            ..Advert::default()
        }));
    }

    fn listened(story: &mut Story) {
        story.note(Event::Listened {
            service: String::new(),
            ms: 3000,
        });
    }

    fn dialled(error: Option<&str>) -> Event {
        Event::Dial {
            connection: 9,
            address: "127.0.0.1:8443".into(),
            error: error.map(str::to_owned),
        }
    }

    const ADVERTISED: fn() -> Said = || Said::Advertised {
        connections: vec![9],
    };

    #[test]
    fn an_advertisement_that_leads_to_the_terminal_is_good() {
        let mut story = Story::new();
        heard(&mut story, "term_1", "idle");
        story.note(dialled(None));
        story.note(Event::Handshake(Box::new(Handshake {
            connection: 9,
            ..Handshake::default()
        })));
        assert_eq!(story.reason(&ADVERTISED()), None);
        assert_eq!(story.reason(&Said::DescribesItself), None);
    }

    #[test]
    fn silence_while_somebody_listened_is_the_terminals_fault() {
        let mut story = Story::new();
        assert!(story.weigh(&ADVERTISED()).is_unseen());
        listened(&mut story);
        assert_eq!(story.reason(&ADVERTISED()), Some("not_advertised"));
    }

    #[test]
    fn another_terminals_advertisement_does_not_count() {
        let mut story = Story::new();
        heard(&mut story, "term_2", "idle");
        listened(&mut story);
        assert_eq!(story.reason(&ADVERTISED()), Some("not_advertised"));
    }

    #[test]
    fn an_address_that_nobody_answers_is_stale() {
        let mut story = Story::new();
        heard(&mut story, "term_1", "idle");
        story.note(dialled(Some("refused")));
        assert_eq!(story.reason(&ADVERTISED()), Some("stale_address"));
    }

    #[test]
    fn an_advertisement_that_leads_to_a_namesake_is_not_the_terminals() {
        let mut story = Story::new();
        heard(&mut story, "term_1", "idle");
        listened(&mut story);
        story.note(dialled(None));
        story.note(Event::Handshake(Box::new(Handshake {
            connection: 9,
            chain_error: Some("UnknownIssuer".into()),
            ..Handshake::default()
        })));
        assert_eq!(story.reason(&ADVERTISED()), Some("not_advertised"));
    }

    #[test]
    fn a_terminal_that_stays_idle_in_its_txt_announces_nothing() {
        let mut story = Story::new();
        let since = story.seq();
        heard(&mut story, "term_1", "idle");
        let said = Said::AnnouncesActivity { since };
        assert_eq!(story.reason(&said), Some("not_announced"));
        heard(&mut story, "term_1", "busy");
        assert_eq!(story.reason(&said), None);
    }

    #[test]
    fn another_id_is_not_the_local_simulator() {
        let mut story = Story::new();
        heard(&mut story, "term_1", "idle");
        assert_eq!(
            story.reason(&Said::LocalSimulator),
            Some("not_as_the_page_says")
        );
    }
}
