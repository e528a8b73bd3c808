//! Against Avahi, the responder of Linux desktops and of many card terminals.

use std::path::Path;
use std::time::Duration;

use crate::lan::{Lan, Machine, has};
use crate::process::Process;
use crate::subject;

const REMEDY: &str = "apt-get install avahi-daemon avahi-utils dbus";

/// Avahi with the bus that its tools need.
struct Avahi<'a> {
    machine: &'a Machine,
    daemon: Process,
    _bus: Process,
}

fn is_installed() -> bool {
    ["avahi-daemon", "avahi-browse", "dbus-daemon"]
        .iter()
        .all(|program| has(program, REMEDY))
}

impl<'a> Avahi<'a> {
    /// Starts it on a machine, to publish nothing, or one terminal.
    fn start(machine: &'a Machine, publishes: Option<&Service>) -> Self {
        // Services come from a directory that only this machine sees.
        machine.sh(
            "mkdir -p /run/dbus /run/services && mount --bind /run/services /etc/avahi/services",
        );
        let bus = machine.start(
            "dbus-daemon",
            &["--system", "--nofork", "--nopidfile", "--print-address"],
        );
        let mut bus = bus;
        bus.says("the bus", |line| line.starts_with("unix:"));
        if let Some(service) = publishes {
            service.write(machine);
        }
        let daemon = machine.start(
            "avahi-daemon",
            &["--no-drop-root", "--no-chroot", "--no-rlimits"],
        );
        machine
            .sh("for i in $(seq 200); do avahi-daemon --check && exit 0; sleep 0.05; done; exit 1");
        Self {
            machine,
            daemon,
            _bus: bus,
        }
    }

    /// What `avahi-browse` resolves, one line for each address.
    fn browses(&self) -> Vec<String> {
        let out = self
            .machine
            .sh("avahi-browse --resolve --parsable --terminate _vinr-terminal._tcp");
        let resolved = out.lines().filter(|line| line.starts_with('='));
        resolved.map(str::to_owned).collect()
    }

    /// Waits until a browse is as wanted.
    fn comes_to(&self, what: &str, wanted: impl Fn(&[String]) -> bool) -> Vec<String> {
        let end = std::time::Instant::now() + Duration::from_secs(20);
        loop {
            let lines = self.browses();
            if wanted(&lines) {
                return lines;
            }
            assert!(std::time::Instant::now() < end, "never {what}: {lines:#?}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

/// A terminal for Avahi to publish.
struct Service<'a> {
    name: &'a str,
    id: &'a str,
    activity: &'a str,
}

impl Service<'_> {
    fn write(&self, machine: &Machine) {
        let Service { name, id, activity } = self;
        let entries = [
            "txtvers=1".to_owned(),
            format!("id={id}"),
            "model=nexgo_ct20".to_owned(),
            "status=online".to_owned(),
            format!("activity={activity}"),
            "api=vinr-local/1".to_owned(),
        ];
        let txt: String = entries
            .map(|entry| format!("<txt-record>{entry}</txt-record>"))
            .concat();
        let xml = format!(
            "<service-group><name>{name}</name><service><type>_vinr-terminal._tcp</type>\
             <port>8443</port>{txt}</service></service-group>"
        );
        // Renamed into place, for Avahi must not read half of it.
        machine.sh(&format!(
            "echo '{xml}' > /run/new && mv /run/new /etc/avahi/services/terminal.service \
             2>/dev/null || cp /run/new /etc/avahi/services/terminal.service"
        ));
    }
}

// [DISC-2, DISC-5, DISC-7]
#[test]
fn what_avahi_publishes_is_found_and_its_change_and_goodbye_are_heard() {
    let Some(lan) = Lan::build(&["lan1"]) else {
        return;
    };
    if !is_installed() {
        return;
    }
    let (device, shop) = (Machine::new(), Machine::new());
    lan.plug(&device, "eth0", "lan1", 7);
    lan.plug(&shop, "eth0", "lan1", 2);
    // Avahi advertises link-local addresses where it has no others.
    device.sh("ip addr del fd00:1::7/64 dev eth0");
    let mut till = subject::till(&shop);
    let service = Service {
        name: "Counter 4.2",
        id: "term_CT20_0042",
        activity: "idle",
    };
    let avahi = Avahi::start(&device, Some(&service));
    let found = till.says("the terminal", |line| {
        line.starts_with("found term_CT20_0042")
    });
    assert!(found.contains("nexgo_ct20 online idle"), "{found}");
    assert!(found.contains("\"Counter 4.2\""), "{found}");
    let index = shop.sh("ip -o link show eth0 | cut -d: -f1");
    let both = format!("[10.0.1.7:8443, [fe80::7%{}]:8443]", index.trim());
    till_at(&mut till, "term_CT20_0042", &both);
    Service {
        activity: "busy",
        ..service
    }
    .write(&device);
    till.says("that it is busy", |line| line.contains("online busy"));
    avahi.daemon.terminate();
    till.says_within(Duration::from_secs(5), "its goodbye", |line| {
        line == "gone term_CT20_0042"
    });
}

/// Asks the till until it knows this address, too.
fn till_at(till: &mut Process, id: &str, address: &str) -> String {
    let end = std::time::Instant::now() + crate::process::LONG;
    loop {
        till.tell(&format!("find {id}"));
        let at = till.says("where it is", |line| {
            line.starts_with("at ") || line == "nowhere"
        });
        if at.contains(address) {
            return at;
        }
        assert!(std::time::Instant::now() < end, "never at {address}: {at}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

// [DISC-1, DISC-6, DISC-7]
#[test]
fn avahi_finds_what_we_announce_and_hears_its_change_and_goodbye() {
    let Some(lan) = Lan::build(&["lan1"]) else {
        return;
    };
    if !is_installed() {
        return;
    }
    let (device, desktop) = (Machine::new(), Machine::new());
    lan.plug(&device, "eth0", "lan1", 7);
    lan.plug(&desktop, "eth0", "lan1", 3);
    let avahi = Avahi::start(&desktop, None);
    let mut terminal = subject::terminal(&device, "term_CT20_0042");
    let lines = avahi.comes_to("both IP versions", |lines| {
        ["IPv4", "IPv6"]
            .iter()
            .all(|version| lines.iter().any(|line| line.contains(version)))
    });
    for line in &lines {
        let fields: Vec<_> = line.splitn(10, ';').collect();
        let [
            _,
            interface,
            version,
            name,
            kind,
            domain,
            host,
            address,
            port,
            txt,
        ] = fields[..]
        else {
            panic!("not what avahi-browse prints: {line}");
        };
        assert_eq!((interface, name, port), ("eth0", "term_CT20_0042", "8443"));
        assert_eq!((kind, domain), ("_vinr-terminal._tcp", "local"));
        assert_eq!(host, "term-ct20-0042.local");
        match version {
            "IPv4" => assert_eq!(address, "10.0.1.7"),
            _ => assert!(["fe80::7", "fd00:1::7"].contains(&address), "{address}"),
        }
        for entry in [
            "txtvers=1",
            "id=term_CT20_0042",
            "model=nexgo_ct20",
            "activity=idle",
        ] {
            assert!(txt.contains(&format!("\"{entry}\"")), "{txt}");
        }
    }
    terminal.tell("busy");
    avahi.comes_to("busy", |lines| {
        !lines.is_empty() && lines.iter().all(|line| line.contains("activity=busy"))
    });
    terminal.tell("goodbye");
    avahi.comes_to("gone", |lines| lines.is_empty());
}

// [DISC-5, DISC-6, DISC-8]
#[test]
fn two_devices_of_one_name_are_one_terminal_with_the_addresses_of_both() {
    let Some(lan) = Lan::build(&["lan1"]) else {
        return;
    };
    if !is_installed() {
        return;
    }
    let (device, impostor, shop) = (Machine::new(), Machine::new(), Machine::new());
    lan.plug(&device, "eth0", "lan1", 7);
    lan.plug(&impostor, "eth0", "lan1", 66);
    lan.plug(&shop, "eth0", "lan1", 2);
    let service = Service {
        name: "term_CT20_0042",
        id: "term_CT20_0042",
        activity: "idle",
    };
    let _avahi = Avahi::start(&impostor, Some(&service));
    let mut till = subject::till(&shop);
    till.says("the first", |line| line.starts_with("found term_CT20_0042"));
    let _terminal = subject::terminal(&device, "term_CT20_0042");
    let at = till_at(&mut till, "term_CT20_0042", "10.0.1.7:8443");
    assert!(at.contains("10.0.1.66:8443"), "{at}");
    till.tell("others");
    let others = till.says("the others", |line| line.starts_with("others"));
    assert_eq!(
        others, "others [\"term_CT20_0042 (2)\"]",
        "the name was taken"
    );
}

/// The service directory must not be the machine's own.
#[test]
fn the_services_of_this_machine_are_left_alone() {
    assert!(!Path::new("/etc/avahi/services/terminal.service").exists());
}
