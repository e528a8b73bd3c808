//! Address, name and mDNS.

use std::net::IpAddr;

use super::words::ms;
use crate::doctor::finding::{Finding, Step};
use crate::doctor::seen::{Heard, Mdns, Resolved, Seen};
use crate::doctor::tame::{few, tame};

const HERE: Step = Step::Find;

pub(super) fn findings(seen: &Seen) -> Vec<Finding> {
    match &seen.resolved {
        Resolved::Terminal => vec![by_mdns_alone(seen)],
        _ => std::iter::once(resolved(seen))
            .chain(heard_too(seen))
            .collect(),
    }
}

fn resolved(seen: &Seen) -> Finding {
    const NEXT: &str = "use the terminal's IP address, which its network settings show, or its id";
    match &seen.resolved {
        Resolved::Address(address) => Finding::well(
            HERE,
            "find.address",
            format!("{} is an IP address", address.ip()),
        ),
        Resolved::Name(addresses) if !addresses.is_empty() => {
            let list: Vec<_> = addresses.iter().map(|one| one.ip().to_string()).collect();
            let says = format!("{} is {}", tame(&seen.asked), few(&list));
            Finding::well(HERE, "find.name", says)
        }
        Resolved::Name(_) | Resolved::Terminal => Finding::fault(
            HERE,
            "find.no_address",
            format!("the name {} has no address", tame(&seen.asked)),
            NEXT,
        ),
        Resolved::Unknown(why) => Finding::fault(
            HERE,
            "find.unknown_name",
            format!("nobody knows the name {}", tame(&seen.asked)),
            NEXT,
        )
        .means(format!("the system's resolver says: {}", tame(why))),
        Resolved::Silent => Finding::fault(
            HERE,
            "find.resolver_silent",
            format!(
                "the system's resolver did not answer for {} in time",
                tame(&seen.asked)
            ),
            NEXT,
        )
        .means("this machine's DNS server cannot be reached"),
    }
}

/// The address is known: what mDNS says beside it is a note at most.
fn heard_too(seen: &Seen) -> Option<Finding> {
    match &seen.mdns {
        Mdns::NotAsked => None,
        Mdns::Blocked(why) => Some(
            Finding::note(
                HERE,
                "find.mdns_blocked",
                format!("mDNS does not work on this machine: {}", tame(why)),
            )
            .means(
                "nothing can be discovered from here; a written-down address works all the same",
            ),
        ),
        Mdns::Asked { heard, .. } => Some(match this(seen, heard) {
            Some(one) if is_where_we_look(seen, one) => Finding::well(
                HERE,
                "find.heard",
                format!("{} is heard by mDNS at {}", name(one), places(one)),
            ),
            Some(one) => Finding::note(
                HERE,
                "find.heard_elsewhere",
                format!("{} is heard by mDNS, but at {}", name(one), places(one)),
            )
            .next("try that address"),
            None => unheard(seen).facts(asked_on(seen)),
        }),
    }
}

fn unheard(seen: &Seen) -> Finding {
    let Mdns::Asked {
        heard, left_out, ..
    } = &seen.mdns
    else {
        return Finding::not_seen(HERE, "find.not_asked", "mDNS was not asked");
    };
    let others: Vec<_> = heard
        .iter()
        .map(name)
        .chain(left_out.iter().cloned())
        .collect();
    if others.is_empty() {
        Finding::note(
            HERE,
            "find.nothing_heard",
            "a query was sent by mDNS and nothing was heard",
        )
        .means(why_nothing(seen))
    } else {
        Finding::note(
            HERE,
            "find.others_heard",
            format!(
                "mDNS works here, and only others are heard: {}",
                few(&others)
            ),
        )
        .means("this terminal does not advertise itself on this network, or is off")
    }
}

/// The address has to come from mDNS.
fn by_mdns_alone(seen: &Seen) -> Finding {
    let meant = tame(&seen.asked);
    const BY_ADDRESS: &str =
        "give the terminal's IP address instead of its id: its network settings show it";
    match &seen.mdns {
        Mdns::Asked { heard, window, .. } => match this(seen, heard) {
            Some(one) => Finding::well(
                HERE,
                "find.heard",
                format!("{} is heard by mDNS at {}", name(one), places(one)),
            ),
            None if only_loopback(seen) => Finding::fault(
                HERE,
                "find.no_network",
                "this machine has no network but itself",
                "connect this machine to the network of the terminal",
            ),
            None => {
                let note = unheard(seen);
                let next = match note.id {
                    "find.others_heard" => {
                        "check the terminal's power, its network and the spelling of its id"
                            .to_owned()
                    }
                    _ => format!(
                        "check that the terminal is on and in this network, then {BY_ADDRESS}"
                    ),
                };
                Finding::fault(
                    HERE,
                    "find.not_heard",
                    format!("{meant} was not heard by mDNS within {}", ms(*window)),
                    next,
                )
                .means(format!("{}; {}", note.says, note.means.unwrap_or_default()))
                .facts(asked_on(seen))
            }
        },
        Mdns::Blocked(why) => Finding::fault(
            HERE,
            "find.mdns_blocked",
            format!("mDNS does not work on this machine: {}", tame(why)),
            BY_ADDRESS,
        )
        .facts(asked_on(seen)),
        Mdns::NotAsked => Finding::fault(
            HERE,
            "find.mdns_not_asked",
            format!("{meant} is an id, and mDNS, which could find it, was not to be asked"),
            BY_ADDRESS,
        ),
    }
}

fn why_nothing(seen: &Seen) -> String {
    let target = target(seen);
    let near = |ip| seen.networks.iter().any(|network| network.contains(ip));
    match target {
        Some(ip) if !near(ip) => {
            "the address is in another network, and mDNS does not cross routers".to_owned()
        }
        _ if only_loopback(seen) => "this machine has no network but itself".to_owned(),
        _ => "a firewall here drops UDP 5353, the Wi-Fi keeps its clients apart, or no terminal in this network is on".to_owned(),
    }
}

fn target(seen: &Seen) -> Option<IpAddr> {
    match &seen.resolved {
        Resolved::Address(address) => Some(address.ip()),
        Resolved::Name(addresses) => addresses.first().map(|one| one.ip()),
        Resolved::Unknown(_) | Resolved::Silent | Resolved::Terminal => None,
    }
}

fn only_loopback(seen: &Seen) -> bool {
    seen.networks.iter().all(|network| network.ip.is_loopback())
}

fn asked_on(seen: &Seen) -> Vec<String> {
    let networks: Vec<_> = seen.networks.iter().map(ToString::to_string).collect();
    match networks.is_empty() {
        true => vec!["this machine has no network interface".to_owned()],
        false => vec![format!("asked on {}", few(&networks))],
    }
}

/// The one that is meant, by its id or by its address.
pub(super) fn this<'a>(seen: &Seen, heard: &'a [Heard]) -> Option<&'a Heard> {
    let by_id = heard
        .iter()
        .find(|one| one.terminal.is_some() && one.terminal == seen.terminal);
    let here = |one: &&Heard| {
        let ip = target(seen);
        one.addresses.iter().any(|address| Some(address.ip()) == ip)
    };
    match &seen.terminal {
        Some(_) => by_id,
        None => heard.iter().find(here),
    }
}

fn is_where_we_look(seen: &Seen, one: &Heard) -> bool {
    let dialled = seen.dials.iter().map(|dial| dial.address);
    dialled
        .into_iter()
        .any(|address| one.addresses.contains(&address))
}

fn name(one: &Heard) -> String {
    match &one.terminal {
        Some(id) => id.to_string(),
        None => tame(&one.instance),
    }
}

fn places(one: &Heard) -> String {
    let places: Vec<_> = one.addresses.iter().map(ToString::to_string).collect();
    few(&places)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::fixture::{cause, found, id, well};
    use super::*;

    fn nothing_heard() -> Mdns {
        Mdns::Asked {
            heard: vec![],
            left_out: vec![],
            window: Duration::from_secs(2),
        }
    }

    fn other_heard() -> Mdns {
        Mdns::Asked {
            heard: vec![Heard {
                terminal: Some(id("term_OTHER")),
                instance: "x".into(),
                addresses: vec!["192.168.1.30:8443".parse().expect("an address")],
            }],
            left_out: vec![],
            window: Duration::from_secs(2),
        }
    }

    #[test]
    fn an_unheard_terminal_at_a_known_address_is_a_note_and_no_cause() {
        let mut seen = well();
        seen.mdns = nothing_heard();
        let finding = found(&seen, "find.nothing_heard");
        assert!(
            finding
                .means
                .is_some_and(|means| means.contains("firewall"))
        );
        assert!(finding.facts[0].contains("192.168.1.5/24 (eth0)"));
        assert_eq!(super::super::diagnose(&seen).exit_code(), 0);
    }

    #[test]
    fn mdns_is_not_expected_to_cross_a_router() {
        let mut seen = well();
        seen.mdns = nothing_heard();
        seen.resolved = Resolved::Address("192.168.2.20:8443".parse().expect("an address"));
        let finding = found(&seen, "find.nothing_heard");
        assert!(finding.means.is_some_and(|means| means.contains("routers")));
    }

    #[test]
    fn an_id_that_nobody_answers_to_is_the_cause() {
        let mut seen = well();
        seen.resolved = Resolved::Terminal;
        seen.mdns = nothing_heard();
        let finding = cause(&seen, "find.not_heard");
        assert!(finding.next.is_some_and(|next| next.contains("IP address")));
        assert_eq!(super::super::diagnose(&seen).exit_code(), 69);
    }

    #[test]
    fn where_others_are_heard_the_firewall_is_not_blamed() {
        let mut seen = well();
        seen.resolved = Resolved::Terminal;
        seen.mdns = other_heard();
        let finding = cause(&seen, "find.not_heard");
        let means = finding.means.unwrap_or_default();
        assert!(
            means.contains("term_OTHER") && !means.contains("firewall"),
            "{means}"
        );
    }

    #[test]
    fn a_machine_without_a_network_is_told_so() {
        let mut seen = well();
        seen.resolved = Resolved::Terminal;
        seen.mdns = nothing_heard();
        seen.networks.truncate(1);
        cause(&seen, "find.no_network");
    }

    #[test]
    fn a_terminal_heard_at_another_address_is_pointed_to() {
        let mut seen = well();
        if let Mdns::Asked { heard, .. } = &mut seen.mdns {
            heard[0].addresses = vec!["192.168.1.21:9443".parse().expect("an address")];
        }
        let finding = found(&seen, "find.heard_elsewhere");
        assert!(
            finding.says.contains("192.168.1.21:9443"),
            "{}",
            finding.says
        );
    }

    #[test]
    fn a_name_that_nobody_knows_is_the_cause() {
        let mut seen = well();
        seen.resolved = Resolved::Unknown("no such host".into());
        cause(&seen, "find.unknown_name");
    }

    // [DISC-4]
    #[test]
    fn mdns_that_does_not_work_stops_nobody_who_knows_the_address() {
        let mut seen = well();
        seen.mdns = Mdns::Blocked("UDP port 5353 cannot be shared".into());
        found(&seen, "find.mdns_blocked");
        assert_eq!(super::super::diagnose(&seen).exit_code(), 0);
        seen.resolved = Resolved::Terminal;
        cause(&seen, "find.mdns_blocked");
    }
}
