//! What was judged, by what, where and when.

use vinr_protocol::Timestamp;
use vinr_protocol::requirement::Role;

use crate::report::sentence;
use crate::report::text::{clip, visible};
use crate::verdict::Results;

/// Facts of one kind.
pub(super) struct FactGroup {
    pub(super) title: &'static str,
    pub(super) facts: Vec<Fact>,
}

/// A fact and its name.
pub(super) struct Fact {
    pub(super) name: String,
    pub(super) value: String,
    /// It is set in a fixed width: a digest, a command.
    pub(super) is_code: bool,
}

/// All of them.
pub(super) fn groups(results: &Results) -> Vec<FactGroup> {
    vec![
        subject(results),
        certificate(results),
        profile(results),
        run(results),
        place(results),
    ]
    .into_iter()
    .filter(|group| !group.facts.is_empty())
    .collect()
}

/// What was judged where and when, in one line.
pub(super) fn kicker(results: &Results) -> String {
    let run = &results.run;
    let place = match &run.subject.terminal {
        Some(terminal) => format!("{terminal} at {}", run.subject.address),
        None if results.claims.roles.contains(&Role::Client) => {
            format!("a till, by its adapter {}", run.subject.address)
        }
        None => format!("a terminal at {}", run.subject.address),
    };
    let line = format!("{place}, {}", date(run.started));
    visible(&clip(&line, 300)).into_owned()
}

fn subject(results: &Results) -> FactGroup {
    let subject = &results.run.subject;
    let address = match results.claims.roles.contains(&Role::Client) {
        true => "Adapter",
        false => "Address",
    };
    let mut facts = vec![fact(address, &subject.address)];
    facts.extend(subject.terminal.as_deref().map(|id| fact("Terminal", id)));
    // What it says of itself is shown whole: a field that nobody knows may be the one that matters.
    if let Some(said) = subject
        .reader
        .as_ref()
        .and_then(|reader| reader.as_object())
    {
        for (name, value) in said.iter().take(32) {
            let value = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            facts.push(fact(&format!("It says {name}"), &value));
        }
    }
    FactGroup {
        title: "The subject",
        facts,
    }
}

fn certificate(results: &Results) -> FactGroup {
    let facts = results.run.subject.certificate.as_ref().map(|certificate| {
        vec![
            fact("Names", &certificate.names.join(", ")),
            fact("Signed by", &certificate.issuer),
            fact(
                "In force",
                &format!("{} to {}", certificate.not_before, certificate.not_after),
            ),
            fact("Key", &certificate.key),
            code("SHA-256", &certificate.sha256),
        ]
    });
    FactGroup {
        title: "Its certificate",
        facts: facts.unwrap_or_default(),
    }
}

fn profile(results: &Results) -> FactGroup {
    let profile = &results.run.profile;
    let plan = &results.run.plan;
    let mut facts = vec![
        fact("Vendor", &profile.vendor),
        fact(
            "Product",
            &format!("{} {}", profile.product, profile.version),
        ),
        fact("Device sheet", &profile.base),
        code("Profile", &profile.sha256),
        code("Plan", &plan.sha256),
    ];
    if !plan.is_full() {
        facts.push(code("Full plan", &plan.full_sha256));
        facts.push(code(
            "Selection",
            plan.selection.as_deref().unwrap_or("none"),
        ));
    }
    facts.push(fact("Scenarios", &plan.scenarios.to_string()));
    FactGroup {
        title: "What was claimed and planned",
        facts,
    }
}

fn run(results: &Results) -> FactGroup {
    let run = &results.run;
    let seconds = (run.ended.unix_ms() - run.started.unix_ms()) as f64 / 1e3;
    let mut facts = vec![
        fact(
            "Suite",
            &format!("{} {}", run.suite.name, run.suite.version),
        ),
        fact("Judged by", &run.suite.wire),
        fact("Started", &date(run.started)),
        fact("Took", &format!("{seconds:.1} s")),
        code("Seed", &run.seed.to_string()),
        code("Command", &run.command),
    ];
    facts.extend(sentence::simulated_time(results).map(|text| fact("Simulated time", &text)));
    FactGroup {
        title: "The run",
        facts,
    }
}

fn place(results: &Results) -> FactGroup {
    let environment = results.run.environment.iter();
    FactGroup {
        title: "Where it ran",
        facts: environment.map(|(name, value)| fact(name, value)).collect(),
    }
}

/// A date as people read it: `2026-05-31 14:23:07 UTC`.
fn date(moment: Timestamp) -> String {
    let text = moment.to_string();
    match text.split_once('T') {
        Some((day, time)) => format!("{day} {} UTC", time.split('.').next().unwrap_or(time)),
        None => text,
    }
}

fn fact(name: &str, value: &str) -> Fact {
    Fact {
        name: visible(&clip(name, 80)).into_owned(),
        value: visible(&clip(value, 600)).into_owned(),
        is_code: false,
    }
}

fn code(name: &str, value: &str) -> Fact {
    Fact {
        is_code: true,
        ..fact(name, value)
    }
}
