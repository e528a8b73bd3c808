//! A run that never was, in which every state occurs.

use std::collections::BTreeMap;

use serde_json::json;
use vinr_conformance::latency::Latency;
use vinr_conformance::plan::{Outcome, Plan, Ran, Scenario, Selection};
use vinr_conformance::profile::Profile;
use vinr_conformance::report::{TimelineEntry, Who};
use vinr_conformance::verdict::{
    CertificateFacts, Claims, Ending, Finding, Results, Run, State, SubjectFacts, Suite,
};
use vinr_protocol::Timestamp;

/// Bytes that a hostile terminal might send to whoever reads of it.
pub(crate) const HOSTILE: &str =
    "<script>alert(1)</script>\"'><img src=x onerror=alert(2)> ]]> \u{1b}[2J \u{202e}dlof | `x`";

pub(crate) fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario::new(
            "network/https-on-its-port",
            "The terminal answers HTTPS on its port",
            "Network",
            ["NET-1"],
        ),
        Scenario::new(
            "discovery/advertises",
            "The terminal is found on the LAN with nothing configured",
            "Discovery",
            ["DISC-1", "DISC-7"],
        ),
        Scenario::new(
            "tls/no-certificate",
            "A till without a certificate is turned away",
            "Mutual TLS",
            ["TLS-1", "TLS-5"],
        ),
        Scenario::new(
            "tls/expired",
            "A till with an expired certificate is turned away",
            "Mutual TLS",
            ["TLS-5"],
        ),
        Scenario::new(
            "tls/another-terminal",
            "A till that belongs to another terminal is turned away",
            "Mutual TLS",
            ["TLS-6"],
        ),
        Scenario::new(
            "payments/approved",
            "A customer taps and pays",
            "Payments",
            ["PAY-2", "PAY-3", "PAY-4", "PAY-8", "PAY-14"],
        ),
        Scenario::new(
            "payments/declined",
            "A decline comes back in the same exchange",
            "Payments",
            ["PAY-3", "PAY-16"],
        ),
        Scenario::new(
            "payments/odd-amount",
            "An odd amount stays what it was",
            "Payments",
            ["PAY-8"],
        ),
        Scenario::new(
            "payments/unknown-field",
            "A misspelt field is refused",
            "Payments",
            ["PAY-20"],
        ),
        Scenario::new(
            "recovery/power-cut",
            "The power goes while the card is read",
            "Recovery",
            ["REC-6", "REC-15", "disruptive"],
        ),
        Scenario::new(
            "recovery/late-tap",
            "A tap after a cancel charges nothing",
            "Recovery",
            ["REC-8"],
        ),
        Scenario::new(
            "recovery/lookup",
            "The till asks what became of a sale",
            "Recovery",
            ["REC-13"],
        ),
        Scenario::new(
            "recovery/held",
            "A look-up is answered while a payment is held",
            "Recovery",
            ["REC-14"],
        ),
        Scenario::new(
            "groups/busy",
            "A busy terminal says so and no more",
            "Groups",
            ["GRP-5"],
        ),
        Scenario::new(
            "latency/activation",
            "The screen is on at once",
            "Latency",
            ["LAT-1"],
        ),
        Scenario::new(
            "offline/never-queues",
            "A device that cannot queue never does",
            "Offline",
            ["OFF-4", "without:offline_queue"],
        ),
    ]
}

pub(crate) fn plan(selection: &Selection) -> Plan {
    Plan::new(scenarios(), Profile::simulator().features(), selection)
}

pub(crate) fn claims() -> Claims {
    Profile::simulator().claims()
}

/// Every requirement that a planned scenario names is kept.
pub(crate) fn all_kept(plan: &Plan) -> Vec<Finding> {
    plan.scenarios
        .iter()
        .flat_map(|scenario| {
            scenario
                .requirements
                .iter()
                .map(|requirement| Finding::pass(requirement, &scenario.id))
        })
        .collect()
}

/// Puts a finding in the place of the one about the same requirement and scenario.
pub(crate) fn with(mut findings: Vec<Finding>, finding: Finding) -> Vec<Finding> {
    findings.retain(|other| {
        (&other.requirement, &other.scenario) != (&finding.requirement, &finding.scenario)
    });
    findings.push(finding);
    findings
}

pub(crate) fn to_the_end(plan: &Plan) -> Vec<Outcome> {
    plan.scenarios
        .iter()
        .enumerate()
        .map(|(place, scenario)| Outcome {
            scenario: scenario.id.clone(),
            ran: Ran::ToTheEnd,
            duration_ms: 40 + 17 * place as u64,
        })
        .collect()
}

pub(crate) fn run(plan: &Plan) -> Run {
    Run {
        suite: Suite {
            name: "vinr-conformance".to_owned(),
            version: "0.1.0".to_owned(),
            wire: "vinr-local/1".to_owned(),
        },
        subject: SubjectFacts {
            name: "simulator".to_owned(),
            address: "127.0.0.1:8443".to_owned(),
            terminal: Some("term_CT20_0042".to_owned()),
            reader: Some(json!({
                "object": "reader",
                "id": "term_CT20_0042",
                "model": "nexgo_ct20",
                "softwareVersion": HOSTILE,
                "offline": {"supported": true, "limits": {"USD": 15_000}, "maxQueued": 10},
            })),
            certificate: Some(CertificateFacts {
                names: vec!["term_CT20_0042".to_owned()],
                issuer: "CN=VINR local terminal CA".to_owned(),
                not_before: "2026-05-01T00:00:00Z".to_owned(),
                not_after: "2027-05-01T00:00:00Z".to_owned(),
                key: "P-256".to_owned(),
                sha256: "5f".repeat(32),
            }),
        },
        profile: Profile::simulator().facts(),
        plan: plan.facts(),
        seed: 7,
        started: Timestamp::parse("2026-05-31T14:23:00Z").expect("a date"),
        ended: Timestamp::parse("2026-05-31T14:23:41.250Z").expect("a date"),
        ending: Ending::Complete,
        strict: false,
        environment: BTreeMap::from([
            ("Machine".to_owned(), "x86_64, 2 cores".to_owned()),
            ("System".to_owned(), "Linux 6.8".to_owned()),
        ]),
        command: "vinr-conformance terminal 127.0.0.1:8443 --profile ct20.toml --seed 7".to_owned(),
    }
}

/// A run in which every state occurs and the terminal is hostile to whoever reads of it.
pub(crate) fn every_state() -> Results {
    let plan = plan(&Selection::all());
    let mut outcomes = to_the_end(&plan);
    for outcome in &mut outcomes {
        match outcome.scenario.as_str() {
            "recovery/power-cut" => outcome.ran = Ran::NotStarted,
            "tls/another-terminal" => {
                outcome.ran = Ran::Stopped {
                    why: "no identity of another terminal was provisioned".to_owned(),
                }
            }
            _ => {}
        }
    }
    let mut findings = all_kept(&plan);
    findings.retain(|finding| {
        ![
            "recovery/power-cut",
            "tls/another-terminal",
            "recovery/held",
        ]
        .contains(&finding.scenario.as_str())
    });
    let special = [
        Finding::fail("PAY-8", "payments/odd-amount", "amount_altered")
            .expected("the answer says amount 1999, as the request did")
            .seen("the answer says amount 1998")
            .entries([5, 8]),
        Finding::fail("GRP-5", "groups/busy", "reference_leaked")
            .expected("409 terminal_busy, and nothing of the running payment")
            .seen(HOSTILE)
            .entries([12]),
        Finding::new(
            "REC-8",
            "recovery/late-tap",
            State::KnownFail,
            "charged_after_cancel",
        )
        .expected("no charge after the cancel was acknowledged")
        .seen("the host approved 2500 USD two seconds later"),
        Finding::new(
            "NET-1",
            "network/https-on-its-port",
            State::UnexpectedPass,
            "kept",
        )
        .expected("the known failures say that NET-1 fails here")
        .seen("it was kept"),
        Finding::fail("PAY-20", "payments/unknown-field", "unknown_field_accepted")
            .expected("400 invalid_field with param captureMetod")
            .seen("200, and the payment was captured"),
        Finding::could_not_test(
            "LAT-1",
            "latency/activation",
            "nobody could watch the screen",
        )
        .expected("screen events with times"),
        Finding::new(
            "REC-13",
            "recovery/lookup",
            State::NeedsReview,
            "order_unclear",
        )
        .expected("the newest attempt first")
        .seen("two attempts share one creation time"),
    ];
    let findings = special.into_iter().fold(findings, with);
    let samples: Vec<u64> = (0..240)
        .map(|n| 900_000 + n * n * 90 + (n % 7) * 40_000)
        .collect();
    let latency = Latency::of(
        "From the last request byte to the response head, warm",
        &samples,
    );
    Results::judge(run(&plan), claims(), &plan, &outcomes, findings, latency)
}

pub(crate) fn timeline() -> Vec<TimelineEntry> {
    let story = [
        (1, Who::Note, "scenario begins", "", "payments/odd-amount"),
        (
            2,
            Who::Suite,
            "dials 127.0.0.1:8443",
            "",
            "payments/odd-amount",
        ),
        (
            3,
            Who::Terminal,
            "TLS 1.3, http/1.1",
            "certificate: term_CT20_0042\nissuer: CN=VINR local terminal CA",
            "payments/odd-amount",
        ),
        (
            5,
            Who::Suite,
            "POST /v1/pay",
            "{\"terminalId\":\"term_CT20_0042\",\"amount\":1999,\"currency\":\"USD\",\"reference\":\"cert-7-0008\"}",
            "payments/odd-amount",
        ),
        (
            6,
            Who::Terminal,
            "200, head",
            "Server-Timing: activation;dur=1.4\nTransfer-Encoding: chunked",
            "payments/odd-amount",
        ),
        (
            7,
            Who::Driver,
            "present_card approved, contactless: done",
            "",
            "payments/odd-amount",
        ),
        (
            8,
            Who::Terminal,
            "200, body",
            "{\"id\":\"tpay_01JDKS\",\"amount\":1998,\"currency\":\"USD\",\"status\":\"completed\",\"last4\":\"4242\"}",
            "payments/odd-amount",
        ),
        (
            11,
            Who::Suite,
            "POST /v1/pay",
            "{\"reference\":\"cert-7-0013\"}",
            "groups/busy",
        ),
        (12, Who::Terminal, "409, whole", HOSTILE, "groups/busy"),
    ];
    story
        .into_iter()
        .map(|(seq, who, what, detail, scenario)| TimelineEntry {
            seq,
            at_ns: 1_204_000_000 + seq * 31_500_000,
            who,
            what: what.to_owned(),
            detail: detail.to_owned(),
            scenario: Some(scenario.to_owned()),
        })
        .collect()
}
