//! Against python-zeroconf, which home automation and many gateways run.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::lan::{Lan, Machine};
use crate::process::Process;
use crate::{skip, subject};

const REMEDY: &str =
    "python3 -m venv target/zeroconf && target/zeroconf/bin/pip install zeroconf==0.154.0";

/// The interpreter that has it.
fn python() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let python = root.join("target/zeroconf/bin/python3");
    let has_it = Command::new(&python)
        .args(["-c", "import zeroconf"])
        .output();
    if has_it.is_ok_and(|output| output.status.success()) {
        return Some(python);
    }
    skip::skip("there is no python-zeroconf", REMEDY);
    None
}

fn zeroconf(machine: &Machine, python: &Path, arguments: &[&str]) -> Process {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interop/peer.py");
    let arguments: Vec<_> = [script]
        .into_iter()
        .chain(arguments.iter().copied())
        .collect();
    machine.start(python.to_str().unwrap(), &arguments)
}

// [DISC-2, DISC-5, DISC-7]
#[test]
fn what_zeroconf_publishes_is_found_and_its_change_and_goodbye_are_heard() {
    let Some(lan) = Lan::build(&["lan1"]) else {
        return;
    };
    let Some(python) = python() else { return };
    let (device, shop) = (Machine::new(), Machine::new());
    lan.plug(&device, "eth0", "lan1", 7);
    lan.plug(&shop, "eth0", "lan1", 2);
    let mut till = subject::till(&shop);
    let arguments = ["publish", "term_CT20_0042", "10.0.1.7", "fd00:1::7"];
    let mut zeroconf = zeroconf(&device, &python, &arguments);
    let found = till.says("the terminal", |line| {
        line.starts_with("found term_CT20_0042")
    });
    assert!(found.contains("nexgo_ct20 online idle"), "{found}");
    assert!(
        found.contains("[10.0.1.7:8443, [fd00:1::7]:8443]"),
        "{found}"
    );
    zeroconf.says("that it is published", |line| line == "published");
    zeroconf.tell("busy");
    till.says("that it is busy", |line| {
        line.starts_with("changed") && line.contains("online busy")
    });
    zeroconf.tell("goodbye");
    till.says_within(Duration::from_secs(5), "its goodbye", |line| {
        line == "gone term_CT20_0042"
    });
}

// [DISC-1, DISC-6, DISC-7]
#[test]
fn zeroconf_finds_what_we_announce_and_hears_its_change_and_goodbye() {
    let Some(lan) = Lan::build(&["lan1"]) else {
        return;
    };
    let Some(python) = python() else { return };
    let (device, shop) = (Machine::new(), Machine::new());
    lan.plug(&device, "eth0", "lan1", 7);
    lan.plug(&shop, "eth0", "lan1", 2);
    let mut zeroconf = zeroconf(&shop, &python, &["browse"]);
    zeroconf.says("that it browses", |line| line == "browsing");
    let mut terminal = subject::terminal(&device, "term_CT20_0042");
    let name = "term_CT20_0042._vinr-terminal._tcp.local. term-ct20-0042.local. 8443";
    let said = zeroconf.says("the terminal", |line| {
        line.contains(name) && line.contains("10.0.1.7") && line.contains("fe80::7")
    });
    assert!(said.contains("fd00:1::7"), "{said}");
    assert!(
        said.ends_with(
            "activity=idle,api=vinr-local/1,id=term_CT20_0042,model=nexgo_ct20,status=online,txtvers=1"
        ),
        "{said}"
    );
    terminal.tell("busy");
    zeroconf.says("that it is busy", |line| {
        line.starts_with("updated") && line.contains("activity=busy")
    });
    terminal.tell("goodbye");
    zeroconf.says_within(Duration::from_secs(5), "its goodbye", |line| {
        line.starts_with("removed term_CT20_0042")
    });
}
