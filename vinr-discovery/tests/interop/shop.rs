//! A shop's network: several interfaces, addresses that move.

use std::time::Duration;

use crate::lan::{Lan, Machine};
use crate::subject;

fn index(machine: &Machine, interface: &str) -> String {
    let line = machine.sh(&format!("ip -o link show {interface}"));
    line.split(':').next().unwrap().to_owned()
}

#[test]
fn on_two_interfaces_a_terminal_is_one_with_the_addresses_of_both() {
    let Some(lan) = Lan::build(&["lan1", "lan2"]) else {
        return;
    };
    let (both, second, shop) = (Machine::new(), Machine::new(), Machine::new());
    lan.plug(&both, "eth0", "lan1", 7);
    lan.plug(&both, "wlan0", "lan2", 7);
    lan.plug(&second, "eth0", "lan2", 8);
    lan.plug(&shop, "eth0", "lan1", 2);
    lan.plug(&shop, "wlan0", "lan2", 2);
    let _both = subject::terminal(&both, "term_both");
    let _second = subject::terminal(&second, "term_second");
    let mut till = subject::till(&shop);
    let (eth0, wlan0) = (index(&shop, "eth0"), index(&shop, "wlan0"));
    let all = [
        "10.0.1.7:8443".to_owned(),
        "10.0.2.7:8443".to_owned(),
        format!("[fe80::7%{eth0}]:8443"),
        format!("[fe80::7%{wlan0}]:8443"),
    ];
    let mut said = Vec::new();
    till.says("the terminal on both", |line| {
        line.contains("term_both") && all.iter().all(|address| line.contains(address))
    });
    till.tell("find term_second");
    said.push(till.says("the other", |line| line.starts_with("at term_second")));
    assert!(said[0].contains("10.0.2.8:8443"), "{said:?}");
    assert!(
        !said[0].contains(&format!("fe80::8%{eth0}")),
        "it is heard on wlan0 alone: {said:?}"
    );
    // The Wi-Fi is switched off: what was heard there alone is gone, the other remains.
    shop.sh("ip link set wlan0 down && ip addr flush dev wlan0");
    till.says("that the second is gone", |line| line == "gone term_second");
    till.tell("find term_both");
    let at = till.says("the first", |line| line.starts_with("at term_both"));
    assert!(at.contains("10.0.1.7") && !at.contains("10.0.2.7"), "{at}");
}

#[test]
fn a_terminal_whose_address_moves_is_found_at_the_new_one_by_its_id() {
    let Some(lan) = Lan::build(&["lan1"]) else {
        return;
    };
    let (device, shop) = (Machine::new(), Machine::new());
    lan.plug(&device, "eth0", "lan1", 7);
    lan.plug(&shop, "eth0", "lan1", 2);
    let mut till = subject::till(&shop);
    let _terminal = subject::terminal(&device, "term_CT20_0042");
    till.says("the terminal", |line| {
        line.contains("term_CT20_0042") && line.contains("10.0.1.7:8443")
    });
    // As when its lease ran out: the old address is nobody's.
    device.sh("ip addr del 10.0.1.7/24 dev eth0 && ip addr add 10.0.1.99/24 dev eth0");
    till.says("that it moved", |line| {
        line.starts_with("changed term_CT20_0042")
            && line.contains("10.0.1.99:8443")
            && !line.contains("10.0.1.7:8443")
    });
    till.tell("find term_CT20_0042");
    let at = till.says("where it is", |line| line.starts_with("at term_CT20_0042"));
    assert!(at.contains("[10.0.1.99:8443, "), "{at}");
}

// [DISC-5]
#[test]
fn a_terminal_that_lost_power_is_gone_10_seconds_after_it_was_doubted() {
    let Some(lan) = Lan::build(&["lan1"]) else {
        return;
    };
    let (device, shop) = (Machine::new(), Machine::new());
    lan.plug(&device, "eth0", "lan1", 7);
    lan.plug(&shop, "eth0", "lan1", 2);
    let mut till = subject::till(&shop);
    let _terminal = subject::terminal(&device, "term_CT20_0042");
    till.says("the terminal", |line| {
        line.starts_with("found term_CT20_0042")
    });
    device.sh("ip link set eth0 down");
    till.tell("doubt term_CT20_0042");
    till.says_within(Duration::from_secs(15), "that it is gone", |line| {
        line == "gone term_CT20_0042"
    });
}
