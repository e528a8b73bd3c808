//! A till at which all is well, for tests to spoil.

use std::time::Duration;

use vinr_protocol::TerminalId;

use crate::doctor::finding::{Finding, State};
use crate::doctor::seen::{
    Answered, Dial, Dialled, Heard, Look, Mdns, Resolved, Seen, Spoken, Talk, Till,
};
use crate::doctor::subnet::Subnet;
use crate::journal::Certificate;

pub(in crate::doctor) const TERMINAL: &str = "term_CT20_0042";
pub(in crate::doctor) const ADDRESS: &str = "192.168.1.20:8443";
pub(in crate::doctor) const CA: &str = "CN=VINR terminal CA 1";

pub(in crate::doctor) fn id(text: &str) -> TerminalId {
    TerminalId::new(text).expect("lawful")
}

pub(in crate::doctor) fn certificate(subject: &str, issuer: &str) -> Certificate {
    Certificate {
        sha256: "ab".repeat(32),
        key_kind: "P-256".into(),
        subject: subject.into(),
        issuer: issuer.into(),
        not_before: "2026-01-01T00:00:00Z".into(),
        not_after: "2029-01-01T00:00:00Z".into(),
        ..Certificate::default()
    }
}

pub(in crate::doctor) fn well() -> Seen {
    let address = ADDRESS.parse().expect("an address");
    let reader = format!(
        r#"{{"object":"reader","id":"{TERMINAL}","model":"nexgo_ct20","status":"online","activity":"idle"}}"#
    );
    let now = "2026-06-01T12:00:00Z".parse().expect("a date");
    Seen {
        asked: "192.168.1.20".into(),
        terminal: Some(id(TERMINAL)),
        now,
        bundle: Ok(vec![certificate(CA, CA)]),
        till: Ok(Till {
            certificate: certificate("CN=a till", "CN=VINR POS CA 1"),
            terminals: vec![id(TERMINAL)],
            profile: Ok(()),
            readable_by_others: None,
        }),
        networks: vec![
            Subnet {
                interface: "lo".into(),
                ip: [127, 0, 0, 1].into(),
                prefix: 8,
            },
            Subnet {
                interface: "eth0".into(),
                ip: [192, 168, 1, 5].into(),
                prefix: 24,
            },
        ],
        resolved: Resolved::Address(address),
        mdns: Mdns::Asked {
            heard: vec![Heard {
                terminal: Some(id(TERMINAL)),
                instance: TERMINAL.into(),
                addresses: vec![address],
            }],
            left_out: vec![],
            window: Duration::from_secs(2),
        },
        dials: vec![Dial {
            address,
            outcome: Dialled::Connected(Duration::from_millis(1)),
        }],
        other_ports: vec![],
        look: Some(Look {
            address,
            spoken: Spoken::Shown {
                chain: vec![certificate(&format!("CN={TERMINAL}"), CA)],
                verdict: Some(Ok(id(TERMINAL))),
            },
        }),
        talk: Some(Talk {
            dial: Duration::from_millis(1),
            handshake: Duration::from_millis(8),
            first_byte: Some(Duration::from_millis(2)),
            asked_for_ours: true,
            date: Some(("Mon, 01 Jun 2026 12:00:00 GMT".into(), now)),
            answered: Answered::Reader(Box::new(serde_json::from_str(&reader).expect("a reader"))),
        }),
    }
}

/// The finding of this name, which must be there.
pub(in crate::doctor) fn found(seen: &Seen, id: &str) -> Finding {
    let diagnosis = super::diagnose(seen);
    let finding = diagnosis.findings.iter().find(|finding| finding.id == id);
    finding
        .unwrap_or_else(|| panic!("{id} is not among {:#?}", diagnosis.findings))
        .clone()
}

/// The finding that is the cause, which must be this one.
pub(in crate::doctor) fn cause(seen: &Seen, id: &str) -> Finding {
    let diagnosis = super::diagnose(seen);
    let cause = diagnosis.cause().expect("something is wrong");
    assert_eq!(cause.id, id, "{:#?}", diagnosis.findings);
    assert!(cause.next.is_some(), "a cause says what to do next");
    cause.clone()
}

#[test]
fn where_all_is_well_there_is_no_fault_and_no_note() {
    let diagnosis = super::diagnose(&well());
    let odd = |finding: &&Finding| matches!(finding.state, State::Fault | State::Note);
    assert_eq!(diagnosis.findings.iter().find(odd), None);
}
