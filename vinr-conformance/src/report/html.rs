//! `report.html`: one file, no network, for somebody who has never seen the tool.
//!
//! The page holds no script and forbids any by its own policy; askama escapes every value, and
//! foreign text has passed [`visible`](super::text::visible) before.

mod card;
mod facts;
mod matrix;
mod untested;

use askama::Template;
use vinr_protocol::requirement::Role;

use super::chart::{Curve, HEIGHT, Histogram, WIDTH};
use super::sentence::{self, Tally};
use super::timeline::TimelineEntry;
use crate::latency::{Latency, Promise, ms};
use crate::verdict::{Results, State, Verdict};

use card::Card;
use facts::FactGroup;
use matrix::{ScenarioLine, Section};
use untested::Group;

/// The report as one page of HTML.
pub fn html(results: &Results, timeline: &[TimelineEntry], profile: &str) -> String {
    Page::of(results, timeline, profile)
        .render()
        .expect("writing to memory fails only where a value's own formatting does, and none does")
}

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    headline: String,
    subject: String,
    lead: String,
    verdict: Verdict,
    why: &'a [String],
    gate: String,
    is_full_plan: bool,
    tally: Tally,
    segments: Vec<Segment>,
    counts: Vec<Count>,
    failures: Vec<Card>,
    warnings: Vec<Card>,
    /// The subject is a till, and the suite played the terminals.
    is_till: bool,
    untested: Vec<Group>,
    untested_count: usize,
    sections: Vec<Section>,
    scenarios: Vec<ScenarioLine>,
    latency: Option<LatencyView<'a>>,
    facts: Vec<FactGroup>,
    profile: &'a str,
    states: Vec<Count>,
}

/// A stretch of the bar at the top.
struct Segment {
    class: &'static str,
    share: String,
    label: String,
}

/// A state, how often it occurs, and what it means.
struct Count {
    state: State,
    mark: &'static str,
    all: usize,
    binding: usize,
    meaning: &'static str,
}

/// What was measured on connections that were opened for it.
struct ColdView<'a> {
    what: &'a str,
    count: u64,
    rows: Vec<String>,
    handshake: String,
}

struct LatencyView<'a> {
    what: &'a str,
    count: u64,
    rows: Vec<(&'static str, String)>,
    limit: String,
    cold: Option<ColdView<'a>>,
    promise: &'static str,
    /// What LAT-1 came to: quick samples of something else than the screen do not keep it.
    state: State,
    mark: &'static str,
    kind: &'static str,
    histogram: Histogram,
    curve: Curve,
    width: f64,
    height: f64,
}

impl<'a> Page<'a> {
    fn of(results: &'a Results, timeline: &[TimelineEntry], profile: &'a str) -> Self {
        let tally = Tally::of(results);
        let scenarios = matrix::scenarios(results);
        let cards = |states: &[State]| card::cards(results, timeline, states);
        Self {
            headline: sentence::headline(results),
            subject: facts::kicker(results),
            lead: sentence::lead(results),
            verdict: results.verdict,
            why: &results.why,
            gate: sentence::gate(results),
            is_full_plan: results.run.plan.is_full(),
            tally,
            segments: segments(tally),
            counts: counts(results, |count| count.all > 0),
            failures: cards(&FAILURES),
            warnings: cards(&WARNINGS),
            is_till: results.claims.roles.contains(&Role::Client),
            untested: untested::groups(results),
            untested_count: untested::count(results),
            sections: matrix::sections(results, &scenarios),
            scenarios,
            latency: results
                .latency
                .as_ref()
                .map(|latency| LatencyView::of(latency, results)),
            facts: facts::groups(results),
            profile,
            states: counts(results, |_| true),
        }
    }
}

impl<'a> LatencyView<'a> {
    fn of(latency: &'a Latency, results: &Results) -> Self {
        let row = results.rows.iter().find(|row| row.id == "LAT-1");
        let state = row.map_or(State::NotImplemented, |row| row.state);
        Self {
            what: &latency.what,
            count: latency.count,
            rows: latency.table().map(|(name, ns)| (name, ms(ns))).to_vec(),
            limit: ms(latency.limit_ns),
            cold: latency.cold.as_ref().map(|cold| ColdView {
                what: &cold.what,
                count: cold.count,
                rows: cold.table().map(|(_, ns)| ms(ns)).to_vec(),
                handshake: ms(cold.handshake_p50_ns),
            }),
            promise: match latency.promise() {
                Promise::Kept => "The 99th percentile of them is below the limit.",
                Promise::Broken => "The 99th percentile of them is not below the limit.",
                Promise::TooFewSamples => "There are too few samples to judge a 99th percentile.",
            },
            state,
            mark: mark(state),
            kind: kind(state),
            histogram: Histogram::of(latency),
            curve: Curve::of(latency),
            width: WIDTH,
            height: HEIGHT,
        }
    }
}

fn segments(tally: Tally) -> Vec<Segment> {
    let parts = [
        ("bad", tally.failed, "failed"),
        ("open", tally.untested, "not tested"),
        ("good", tally.passed, "passed"),
    ];
    parts
        .into_iter()
        .filter(|(_, number, _)| *number > 0)
        .map(|(class, number, label)| Segment {
            class,
            share: format!("{:.2}", 100.0 * number as f64 / tally.all.max(1) as f64),
            label: format!("{number} {label}"),
        })
        .collect()
}

fn counts(results: &Results, wanted: impl Fn(&Count) -> bool) -> Vec<Count> {
    State::ALL
        .into_iter()
        .map(|state| Count {
            state,
            mark: mark(state),
            all: results.requirements.of(state),
            binding: results.binding.of(state),
            meaning: sentence::meaning(state),
        })
        .filter(wanted)
        .collect()
}

/// What is told in full, in this order.
const FAILURES: [State; 2] = [State::Fail, State::KnownFail];
const WARNINGS: [State; 2] = [State::UnexpectedPass, State::Warn];

fn has_card(state: State) -> bool {
    FAILURES.contains(&state) || WARNINGS.contains(&state)
}

/// A sign for each state, so that nobody needs colours to tell them apart.
fn mark(state: State) -> &'static str {
    match state {
        State::Fail => "✕",
        State::KnownFail => "⊗",
        State::HarnessError => "‼",
        State::CouldNotTest => "?",
        State::NotRun => "–",
        State::NeedsReview => "◎",
        State::NotImplemented => "○",
        State::UnexpectedPass => "±",
        State::Warn => "!",
        State::Pass => "✓",
        State::NotApplicable => "·",
    }
}

/// What a state is to the eye: bad, open, odd, good or none.
fn kind(state: State) -> &'static str {
    match state {
        _ if state.is_failure() => "bad",
        _ if state.is_untested() => "open",
        State::Warn | State::UnexpectedPass => "odd",
        State::Pass => "good",
        _ => "none",
    }
}
