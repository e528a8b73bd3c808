#![doc = include_str!("../README.md")]

mod addresses;
mod advertisements;
mod answers;
mod certificates;
mod identities;
mod questions;
mod requests;
mod session;
mod webhooks;
mod wire;

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
    Target {
        name: "journal_mark",
        run: vinr_journal::fuzz_mark,
    },
    Target {
        name: "journal_keys",
        run: vinr_journal::fuzz_keys,
    },
    Target {
        name: "http_requests",
        run: wire::http_requests,
    },
    Target {
        name: "http_answer",
        run: wire::http_answer,
    },
    Target {
        name: "certificate",
        run: certificates::certificate,
    },
    Target {
        name: "crl",
        run: certificates::crl,
    },
    Target {
        name: "pem",
        run: certificates::pem,
    },
    Target {
        name: "webhook",
        run: webhooks::webhook,
    },
    Target {
        name: "question",
        run: questions::question,
    },
    #[cfg(feature = "suite")]
    Target {
        name: "profile",
        run: vinr_conformance::profile::fuzz,
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
