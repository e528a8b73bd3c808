//! Machines and the cables between them: network namespaces that nothing else is in.

use std::cell::Cell;
use std::process::Command;

use crate::process::Process;
use crate::skip;

const REMEDY: &str = "run as root on Linux with util-linux and iproute2 (apt-get install util-linux iproute2); in a container: docker run --cap-add SYS_ADMIN --cap-add NET_ADMIN";

/// A switch, to which machines are plugged; each of its networks is a bridge.
pub(crate) struct Lan {
    switch: Machine,
    cables: Cell<u32>,
}

/// A namespace of network and of mounts, kept open by a program that sleeps.
pub(crate) struct Machine {
    holder: Process,
}

impl Lan {
    /// `None` and a loud word where there are no namespaces.
    pub(crate) fn build(networks: &[&str]) -> Option<Self> {
        let probe =
            "ip link add bridge0 type bridge && ip link add cable0 type veth peer name cable1";
        let probe = Command::new("unshare")
            .args(["--net", "--mount", "sh", "-c", probe])
            .output();
        match probe {
            Ok(output) if output.status.success() => {}
            Ok(output) => {
                let why = String::from_utf8_lossy(&output.stderr);
                skip::skip(&format!("no network namespaces: {}", why.trim()), REMEDY);
                return None;
            }
            Err(error) => {
                skip::skip(&format!("cannot run unshare: {error}"), REMEDY);
                return None;
            }
        }
        let switch = Machine::new();
        for network in networks {
            // Snooping without a querier forgets who listens.
            switch.sh(&format!(
                "ip link add {network} type bridge mcast_snooping 0 && ip link set {network} up"
            ));
        }
        Some(Self {
            switch,
            cables: Cell::new(0),
        })
    }

    /// Plugs a machine's interface into a network, with its addresses: the last number of them.
    pub(crate) fn plug(&self, machine: &Machine, interface: &str, network: &str, number: u8) {
        let cable = self.cables.replace(self.cables.get() + 1);
        let port = format!("port{cable}");
        let holder = machine.holder.id();
        self.switch.sh(&format!(
            "ip link add {port} type veth peer name {interface} netns {holder} \
             && ip link set {port} master {network} && ip link set {port} up"
        ));
        let net = subnet(network);
        // Without duplicate address detection, which takes seconds, and with link-local addresses one can know.
        machine.sh(&format!(
            "echo 0 > /proc/sys/net/ipv6/conf/{interface}/accept_dad; \
             ip link set {interface} addrgenmode none && ip link set {interface} up \
             && ip addr add 10.0.{net}.{number}/24 dev {interface} \
             && ip addr add fd00:{net}::{number}/64 dev {interface} nodad \
             && ip addr add fe80::{number}/64 dev {interface} nodad"
        ));
    }
}

/// `lan1` has 10.0.1.0/24 and fd00:1::/64.
fn subnet(network: &str) -> char {
    network.chars().next_back().unwrap()
}

impl Machine {
    pub(crate) fn new() -> Self {
        let mut command = Command::new("unshare");
        // If the test is killed this ends all the same, a little later.
        let hold = "mount -t tmpfs run /run && ip link set lo up && echo up && exec sleep 120";
        command.args(["--net", "--mount", "sh", "-c", hold]);
        let mut holder = Process::start(command);
        holder.says("the namespace", |line| line == "up");
        Self { holder }
    }

    /// A program on this machine.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        let target = self.holder.id().to_string();
        command.args(["--target", &target, "--net", "--mount"]);
        // And this, too, if the test is killed.
        command.args(["timeout", "--kill-after=1", "120", program]);
        command
    }

    /// Runs a shell line on this machine and says what it printed.
    pub(crate) fn sh(&self, line: &str) -> String {
        let output = self.command("sh").args(["-c", line]).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{line}: {errors}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Starts a program on this machine.
    pub(crate) fn start(&self, program: &str, arguments: &[&str]) -> Process {
        let mut command = self.command(program);
        command.args(arguments);
        Process::start(command)
    }
}

/// Is this program installed? If not says so, loudly.
pub(crate) fn has(program: &str, remedy: &str) -> bool {
    let found = Command::new("sh")
        .args(["-c", &format!("command -v {program}")])
        .output();
    let found = found.is_ok_and(|output| output.status.success());
    if !found {
        skip::skip(&format!("there is no {program}"), remedy);
    }
    found
}
