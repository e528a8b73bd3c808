//! Our own side, in a process of its own within a namespace: this test binary once more.

use std::io::{BufRead, Write};
use std::net::IpAddr;
use std::time::Duration;

use vinr_discovery::{Advert, Announcement, Browser, Candidate, Event, Interfaces};
use vinr_protocol::TerminalId;
use vinr_protocol::device::Model;
use vinr_protocol::reader::{Activity, ReaderStatus};

use crate::lan::Machine;
use crate::process::Process;

/// What the process is to be; without it, this is a test like any other, and does nothing.
const ROLE: &str = "VINR_INTEROP_ROLE";

/// Starts our side on this machine.
pub(crate) fn start(machine: &Machine, role: &str) -> Process {
    let this = std::env::current_exe().unwrap();
    let mut command = machine.command(this.to_str().unwrap());
    command
        .env(ROLE, role)
        .args(["subject::our_side", "--exact", "--nocapture"]);
    Process::start(command)
}

/// Starts a till that reports what it finds, and the answers to what it is told.
pub(crate) fn till(machine: &Machine) -> Process {
    start(machine, "till")
}

/// Starts a terminal, and waits until it is announced.
pub(crate) fn terminal(machine: &Machine, id: &str) -> Process {
    let mut terminal = start(machine, &format!("terminal {id}"));
    terminal.says("that it is announced", |line| line.starts_with("announced"));
    terminal
}

#[test]
fn our_side() {
    let Ok(role) = std::env::var(ROLE) else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let words: Vec<_> = role.split(' ').collect();
    runtime.block_on(async {
        match words[..] {
            ["till"] => be_a_till().await,
            ["terminal", id] => be_a_terminal(id).await,
            ["flooder", answers] => crate::flood::flood(answers.parse().unwrap()),
            _ => panic!("no such role: {role}"),
        }
    });
}

fn say(line: &str) {
    // Not print!: the test runner's own words must not come between.
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").unwrap();
}

/// What this process is told, line by line.
fn told() -> tokio::sync::mpsc::UnboundedReceiver<String> {
    let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            let _ = sender.send(line);
        }
    });
    receiver
}

async fn be_a_till() {
    let browser = match Browser::start(Interfaces::All) {
        Ok(browser) => browser,
        Err(error) => return say(&format!("error {error}")),
    };
    let (mut watch, mut told) = (browser.watch(), told());
    say("looking");
    loop {
        tokio::select! {
            event = watch.next() => match event {
                Event::Found(candidate) => say(&format!("found {}", described(&candidate))),
                Event::Changed(candidate) => say(&format!("changed {}", described(&candidate))),
                Event::Gone(id) => say(&format!("gone {id}")),
                _ => {}
            },
            line = told.recv() => {
                let Some(line) = line else { return };
                match line.split(' ').collect::<Vec<_>>()[..] {
                    ["find", id] => {
                        let id = TerminalId::new(id).unwrap();
                        match browser.find(&id, crate::process::LONG).await {
                            Some(candidate) => say(&format!("at {}", described(&candidate))),
                            None => say("nowhere"),
                        }
                    }
                    ["doubt", id] => browser.doubt(&TerminalId::new(id).unwrap()),
                    ["others"] => {
                        let found = browser.found();
                        let others: Vec<_> = found.left_out.iter().map(|other| &other.instance).collect();
                        say(&format!("others {others:?}"));
                    }
                    ["memory"] => say(&format!("memory {}", peak_memory())),
                    ["troubles"] => {
                        let found = browser.until(Duration::from_secs(10), |f| !f.troubles.is_empty());
                        for trouble in found.await.troubles {
                            say(&format!("trouble {trouble}"));
                        }
                    }
                    _ => panic!("cannot {line}"),
                }
            }
        }
    }
}

fn described(candidate: &Candidate) -> String {
    let Candidate {
        id,
        model,
        status,
        activity,
        addresses,
        instance,
        ..
    } = candidate;
    let model = model.as_ref().map(ToString::to_string).unwrap_or_default();
    let status = status.as_ref().map(ToString::to_string).unwrap_or_default();
    let activity = activity
        .as_ref()
        .map(ToString::to_string)
        .unwrap_or_default();
    format!("{id} {model} {status} {activity} {addresses:?} {instance:?}")
}

/// The most memory that this process ever had, in KiB.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = peak.unwrap().trim().trim_end_matches(" kB");
    number.parse().unwrap()
}

async fn be_a_terminal(id: &str) {
    let announcement = Announcement::start(Advert {
        terminal: TerminalId::new(id).unwrap(),
        model: Model::NexgoCt20,
        status: ReaderStatus::Online,
        activity: Activity::Idle,
        listens_on: (IpAddr::from([0, 0, 0, 0]), 8443).into(),
    });
    let announcement = match announcement.await {
        Ok(announcement) => announcement,
        Err(error) => return say(&format!("error {error}")),
    };
    say(&format!("announced {}", announcement.announced().await));
    let mut told = told();
    while let Some(line) = told.recv().await {
        match line.as_str() {
            "busy" => announcement.update(ReaderStatus::Online, Activity::Busy),
            "offline" => announcement.update(ReaderStatus::Offline, Activity::Idle),
            "goodbye" => {
                announcement.goodbye().await;
                return say("gone");
            }
            _ => panic!("cannot {line}"),
        }
    }
}
