#![doc = include_str!("../README.md")]

mod addresses;
mod advertisements;
mod answers;
mod identities;
mod requests;
mod session;

/// A target: any bytes may come, nothing may panic.
pub struct Target {
    /// Its name, that of its binary and of its corpus.
    pub name: &'static str,
    /// What is done with the bytes.
    pub run: fn(&[u8]),
}

/// Every target.
pub const TARGETS: &[Target] = &[
    Target {
        name: "pay_request",
        run: requests::pay_request,
    },
    Target {
        name: "cancel_request",
        run: requests::cancel_request,
    },
    Target {
        name: "command",
        run: requests::command,
    },
    Target {
        name: "answer",
        run: answers::answer,
    },
    Target {
        name: "session",
        run: session::session,
    },
    Target {
        name: "static_host",
        run: addresses::static_host,
    },
    Target {
        name: "txt_record",
        run: advertisements::txt_record,
    },
    Target {
        name: "mdns_answer",
        run: advertisements::mdns_answer,
    },
    Target {
        name: "p12",
        run: identities::p12,
    },
    Target {
        name: "journal",
        run: vinr_journal::fuzz,
    },
];

/// Runs the target of this name.
///
/// # Panics
///
/// When there is none, and when the target finds something.
pub fn run(name: &str, data: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name);
    (target.expect("every binary is named in TARGETS").run)(data);
}
