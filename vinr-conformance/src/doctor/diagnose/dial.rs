//! The TCP connection.

use std::net::IpAddr;

use super::words::ms;
use crate::doctor::finding::{Finding, Step};
use crate::doctor::seen::{Dial, Dialled, Seen};
use crate::doctor::tame::{few, tame};

const HERE: Step = Step::Dial;

pub(super) fn findings(seen: &Seen) -> Vec<Finding> {
    let connected = seen.dials.iter().find_map(|dial| match &dial.outcome {
        Dialled::Connected(after) => Some((dial, after)),
        _ => None,
    });
    match (connected, seen.dials.first()) {
        (Some((dial, after)), _) => {
            let says = format!("{} takes connections, after {}", dial.address, ms(*after));
            let failed = seen.dials.iter().filter(|other| *other != dial);
            vec![Finding::well(HERE, "dial.connected", says).facts(failed.map(line))]
        }
        (None, Some(first)) => {
            let others = seen.dials.iter().skip(1).chain(&seen.other_ports);
            vec![failed(seen, first).facts(others.map(line))]
        }
        (None, None) => vec![],
    }
}

fn failed(seen: &Seen, dial: &Dial) -> Finding {
    let (address, ip) = (dial.address, dial.address.ip());
    let elsewhere = elsewhere(seen);
    match &dial.outcome {
        Dialled::Refused => Finding::fault(
            HERE,
            "dial.refused",
            format!(
                "port {} of {ip} is closed: the host is there, and nothing listens on this port",
                address.port()
            ),
            elsewhere.unwrap_or_else(|| {
                "see whether the terminal's payment app runs and its local mode is on, and which port it shows (8443 as a rule)".to_owned()
            }),
        ),
        Dialled::NoAnswer(after) => Finding::fault(
            HERE,
            "dial.no_answer",
            format!("{address} does not answer, not even to refuse, for {}", ms(*after)),
            elsewhere.unwrap_or_else(|| next_without_answer(seen, ip)),
        )
        .means(why_no_answer(seen, ip)),
        Dialled::NoRoute(why) => Finding::fault(
            HERE,
            "dial.no_route",
            format!("there is no way from this machine to {ip}"),
            "check this machine's network cable or Wi-Fi, and that the terminal is on and in the same network",
        )
        .means(format!("{}; {}", tame(why), own_networks(seen))),
        Dialled::Failed(why) => Finding::fault(
            HERE,
            "dial.failed",
            format!("the connection to {address} failed: {}", tame(why)),
            "try again; if it stays so, check this machine's network settings and firewall",
        ),
        Dialled::Connected(_) => line_of_success(dial),
    }
}

fn line_of_success(dial: &Dial) -> Finding {
    Finding::well(HERE, "dial.connected", line(dial))
}

/// Another port of the host that took a connection.
fn elsewhere(seen: &Seen) -> Option<String> {
    let open = seen
        .other_ports
        .iter()
        .find(|other| matches!(other.outcome, Dialled::Connected(_)))?;
    Some(format!(
        "try {}, which takes connections and may be the terminal's port",
        open.address
    ))
}

fn host_is_there(seen: &Seen) -> bool {
    seen.other_ports
        .iter()
        .any(|other| matches!(other.outcome, Dialled::Connected(_) | Dialled::Refused))
}

fn why_no_answer(seen: &Seen, ip: IpAddr) -> String {
    if host_is_there(seen) {
        "another port of the host answers: the host is there, and a firewall drops this port"
            .to_owned()
    } else if is_near(seen, ip) {
        format!(
            "{ip} is in a network of this machine: the terminal is off, has another address now, or a firewall or the Wi-Fi keeps the two apart"
        )
    } else {
        format!(
            "{ip} is in no network of this machine; {}",
            own_networks(seen)
        )
    }
}

fn next_without_answer(seen: &Seen, ip: IpAddr) -> String {
    let next = if host_is_there(seen) {
        "have the firewall let this port through"
    } else if is_near(seen, ip) {
        "look at the terminal's network settings: is it on, and is this still its address? then turn off client isolation in the Wi-Fi"
    } else {
        "bring till and terminal into one network, or have the router between them let this port through"
    };
    next.to_owned()
}

fn is_near(seen: &Seen, ip: IpAddr) -> bool {
    seen.networks.iter().any(|network| network.contains(ip))
}

fn own_networks(seen: &Seen) -> String {
    let networks: Vec<_> = seen
        .networks
        .iter()
        .filter(|network| !network.ip.is_loopback())
        .map(ToString::to_string)
        .collect();
    match networks.is_empty() {
        true => "this machine has no network but itself".to_owned(),
        false => format!("this machine is in {}", few(&networks)),
    }
}

fn line(dial: &Dial) -> String {
    let address = dial.address;
    match &dial.outcome {
        Dialled::Connected(after) => format!("{address} takes connections, after {}", ms(*after)),
        Dialled::Refused => format!("{address} refuses: nothing listens there"),
        Dialled::NoAnswer(after) => format!("{address} does not answer for {}", ms(*after)),
        Dialled::NoRoute(why) => format!("{address}: no way there ({})", tame(why)),
        Dialled::Failed(why) => format!("{address}: {}", tame(why)),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::fixture::{ADDRESS, cause, found, well};
    use super::*;

    fn dialled(outcome: Dialled) -> Seen {
        let mut seen = well();
        seen.dials[0].outcome = outcome;
        (seen.look, seen.talk) = (None, None);
        seen
    }

    fn silent() -> Seen {
        dialled(Dialled::NoAnswer(Duration::from_secs(3)))
    }

    fn with_port(mut seen: Seen, port: u16, outcome: Dialled) -> Seen {
        let ip = seen.dials[0].address.ip();
        let address = (ip, port).into();
        seen.other_ports.push(Dial { address, outcome });
        seen
    }

    #[test]
    fn a_closed_port_says_that_the_host_is_there() {
        let finding = cause(&dialled(Dialled::Refused), "dial.refused");
        assert!(
            finding.says.contains("the host is there"),
            "{}",
            finding.says
        );
        assert_eq!(
            super::super::diagnose(&dialled(Dialled::Refused)).exit_code(),
            69
        );
    }

    #[test]
    fn an_open_port_beside_a_closed_one_is_pointed_to() {
        let seen = with_port(
            dialled(Dialled::Refused),
            9443,
            Dialled::Connected(Duration::ZERO),
        );
        let next = cause(&seen, "dial.refused").next.unwrap_or_default();
        assert!(next.contains("192.168.1.20:9443"), "{next}");
    }

    #[test]
    fn silence_of_a_host_whose_other_port_refuses_is_a_firewall() {
        let seen = with_port(silent(), 443, Dialled::Refused);
        let means = cause(&seen, "dial.no_answer").means.unwrap_or_default();
        assert!(means.contains("firewall drops this port"), "{means}");
    }

    #[test]
    fn silence_in_our_own_network_is_a_terminal_that_is_off_or_kept_apart() {
        let means = cause(&silent(), "dial.no_answer").means.unwrap_or_default();
        assert!(means.contains("the terminal is off"), "{means}");
    }

    #[test]
    fn silence_from_another_network_names_our_own() {
        let mut seen = silent();
        seen.dials[0].address = "10.9.9.9:8443".parse().expect("an address");
        let means = cause(&seen, "dial.no_answer").means.unwrap_or_default();
        assert!(means.contains("192.168.1.5/24 (eth0)"), "{means}");
        assert!(!means.contains("127.0.0.1"), "{means}");
    }

    #[test]
    fn no_route_is_not_silence() {
        cause(
            &dialled(Dialled::NoRoute("No route to host".into())),
            "dial.no_route",
        );
    }

    #[test]
    fn a_second_address_that_works_is_enough() {
        let mut seen = well();
        let second = seen.dials[0].clone();
        seen.dials[0] = Dial {
            address: "192.168.1.19:8443".parse().expect("an address"),
            outcome: Dialled::Refused,
        };
        seen.dials.push(second);
        let finding = found(&seen, "dial.connected");
        assert!(finding.says.contains(ADDRESS), "{}", finding.says);
        assert_eq!(
            finding.facts,
            ["192.168.1.19:8443 refuses: nothing listens there"]
        );
    }
}
