//! Networks on which nothing can be found, and what is said about it.

use crate::lan::{Lan, Machine, has};
use crate::subject;

#[test]
fn without_a_network_the_till_is_told_to_connect_it() {
    let Some(_lan) = Lan::build(&[]) else { return };
    let shop = Machine::new();
    let mut till = subject::till(&shop);
    till.says("that it looks", |line| line == "looking");
    till.tell("troubles");
    let trouble = till.says("the trouble", |line| line.starts_with("trouble"));
    assert!(
        trouble.contains("only the loopback interface is up; connect the till"),
        "{trouble}"
    );
}

#[test]
fn without_any_interface_the_search_does_not_begin() {
    let Some(_lan) = Lan::build(&[]) else { return };
    let shop = Machine::new();
    shop.sh("ip addr flush dev lo; ip link set lo down");
    let mut till = subject::till(&shop);
    let error = till.says("an error", |line| line.starts_with("error"));
    assert!(error.contains("no network interface is up"), "{error}");
}

#[test]
fn on_a_network_where_nobody_is_heard_the_isolation_is_guessed() {
    let Some(lan) = Lan::build(&["lan1", "lan2"]) else {
        return;
    };
    let (device, shop) = (Machine::new(), Machine::new());
    lan.plug(&device, "eth0", "lan2", 7);
    lan.plug(&shop, "eth0", "lan1", 2);
    let _terminal = subject::terminal(&device, "term_elsewhere");
    let mut till = subject::till(&shop);
    till.says("that it looks", |line| line == "looking");
    till.tell("troubles");
    let trouble = till.says("the trouble", |line| line.starts_with("trouble"));
    assert!(
        trouble.contains("nothing at all was heard") && trouble.contains("client isolation"),
        "{trouble}"
    );
}

#[test]
fn a_firewall_that_forbids_asking_is_named() {
    let Some(lan) = Lan::build(&["lan1"]) else {
        return;
    };
    if !has("nft", "apt-get install nftables") {
        return;
    }
    let shop = Machine::new();
    lan.plug(&shop, "eth0", "lan1", 2);
    shop.sh(
        "nft add table inet shop && nft 'add chain inet shop out { type filter hook output priority 0; }' \
         && nft add rule inet shop out udp dport 5353 drop",
    );
    let mut till = subject::till(&shop);
    let error = till.says("an error", |line| line.starts_with("error"));
    assert!(
        error.contains("does not permit multicast") && error.contains("firewall"),
        "{error}"
    );
}

#[test]
fn an_interface_that_refuses_is_named_while_the_other_is_asked() {
    let Some(lan) = Lan::build(&["lan1", "lan2"]) else {
        return;
    };
    if !has("nft", "apt-get install nftables") {
        return;
    }
    let (device, shop) = (Machine::new(), Machine::new());
    lan.plug(&device, "eth0", "lan1", 7);
    lan.plug(&shop, "eth0", "lan1", 2);
    lan.plug(&shop, "wlan0", "lan2", 2);
    shop.sh(
        "nft add table inet shop && nft 'add chain inet shop out { type filter hook output priority 0; }' \
         && nft add rule inet shop out oifname wlan0 udp dport 5353 drop",
    );
    let _terminal = subject::terminal(&device, "term_CT20_0042");
    let mut till = subject::till(&shop);
    till.says("the terminal", |line| {
        line.starts_with("found term_CT20_0042")
    });
    till.tell("troubles");
    let trouble = till.says("the trouble", |line| line.starts_with("trouble"));
    assert!(
        trouble.starts_with("trouble wlan0: the system does not permit multicast"),
        "{trouble}"
    );
}
