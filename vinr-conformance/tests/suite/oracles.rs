//! The suite proves itself: each oracle of the judge is made blind in turn, and the defects of the simulator tell.
//!
//! Every defect was played once and its journal kept; a journal is judged again in milliseconds. An oracle is noticed
//! where a defect is no longer found as what it is, or where less is found of it. `docs/defects.md` is made from this:
//! `UPDATE_DEFECTS=1 cargo test -p vinr-conformance --test suite the_page`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use tokio::sync::OnceCell;
use vinr_conformance::judge::weakened::{Oracle, judge_without};
use vinr_conformance::verdict::{Finding, State};
use vinr_simulator::Defect;

use crate::defects::{APART, Played, played};

/// Words of the judge that are no reasons: what stands on the wire.
const NO_REASONS: &[&str] = &[
    "accepted_offline",
    "approved_with_pin",
    "card_declined",
    "expired_card",
    "incorrect_pin",
    "insufficient_funds",
    "offline_auth_declined",
    "present_card",
    "processing_error",
    "term_local_simulator",
];

/// Reasons of one word, and the files in which they are reasons.
const ONE_WORD: &[&str] = &[
    "claims/admission.rs admitted",
    "claims/charge.rs charged",
    "claims/cloud.rs taken",
    "claims/drain.rs doubled",
    "claims/drain.rs lost",
    "claims/held.rs refused",
    "claims/offline.rs forgotten",
    "claims/offline.rs queued",
    "claims/offline.rs refused",
    "claims/outcome.rs forgotten",
    "claims/outcome.rs refused",
    "claims/refusal.rs accepted",
    "claims/webhook.rs unsigned",
    "rules/finality.rs changed",
    "rules/listing.rs incomplete",
];

/// Oracles whose blindness no defect of the simulator shows, each with the reason why none does.
const UNNOTICED: &[(&str, &str)] = &[
    (
        "claims/admission.rs no_refusal",
        "no defect keeps a stranger waiting: each lets in or refuses.",
    ),
    (
        "claims/admission.rs not_from_the_terminal_ca",
        "every simulator's certificate comes from the CA of its own directory.",
    ),
    (
        "claims/admission.rs not_refused_for_it",
        "a defect lets a stranger in as a till; none half lets it in.",
    ),
    (
        "claims/advert.rs not_as_the_page_says",
        "the embedded simulator has the page's id and model, and no defect changes them.",
    ),
    (
        "claims/cloud.rs taken",
        "the cloud that withdraws nothing never answers, in place of taking the command.",
    ),
    (
        "claims/cloud.rs wrong_code",
        "the sandbox has one code for a terminal that it cannot reach.",
    ),
    (
        "claims/drain.rs out_of_order",
        "no defect sends the queue in another order.",
    ),
    (
        "claims/group.rs charged_on_several",
        "the card network approves a sale once, whichever terminal asks.",
    ),
    (
        "claims/group.rs several_terminals",
        "the oracle of the race says it of the same defect.",
    ),
    (
        "claims/held.rs held_was_cut_off",
        "no defect cuts off what is held when its till is revoked.",
    ),
    (
        "claims/held.rs no_answer",
        "every defect sends a head, if late.",
    ),
    (
        "claims/listing.rs wrong_order",
        "two oracles say the same of it, and the other one speaks.",
    ),
    (
        "claims/outcome.rs wrong_key",
        "it is claimed of payments without a key only, and no defect invents one.",
    ),
    (
        "claims/quick.rs too_slow",
        "latency is judged apart: a noisy machine makes it could-not-test.",
    ),
    (
        "claims/repeat.rs another_trace",
        "the engine that is played by a seed has no defects.",
    ),
    (
        "claims/screen.rs no_prompt",
        "no defect keeps its screen dark.",
    ),
    (
        "claims/screen.rs not_taken",
        "no defect refuses a lawful payment while the internet is there.",
    ),
    (
        "claims/transport.rs no_https",
        "no defect speaks TLS and no HTTP.",
    ),
    (
        "claims/transport.rs no_tls",
        "no defect speaks plain text only.",
    ),
    (
        "claims/transport.rs not_tls_1_3",
        "the TLS stack of the simulator is built for 1.3 alone.",
    ),
    (
        "claims/transport.rs old_tls_taken",
        "the TLS stack of the simulator is built for 1.3 alone.",
    ),
    (
        "claims/webhook.rs malformed_signature",
        "the header is written by the very code that is right; a defect has another secret.",
    ),
    (
        "claims/webhook.rs not_repeated",
        "no defect gives up a webhook that was refused.",
    ),
    (
        "claims/webhook.rs repeated_in_vain",
        "no defect of the sandbox forgets what was acknowledged.",
    ),
    (
        "claims/webhook.rs unsigned",
        "the header is written by the very code that is right; a defect has another secret.",
    ),
    (
        "claims/webhook.rs wrong_time",
        "the sandbox signs by its own clock; no defect moves that.",
    ),
    (
        "claims/within.rs no_answer",
        "a terminal that answers too late answers while the suite still waits.",
    ),
    (
        "rules/card.rs card_from_nowhere",
        "no defect reads a card that nobody presented.",
    ),
    (
        "rules/listing.rs wrong_order",
        "two oracles say the same of it, and the other one speaks.",
    ),
    (
        "rules/sequence.rs sequence_gap",
        "no defect leaves out a place of the queue.",
    ),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/judge")
}

/// The text of a file up to its tests, and its tests.
fn source(file: &str) -> (String, String) {
    let text = std::fs::read_to_string(folder().join(file)).expect("a file of the judge");
    let (code, tests) = text.split_once("#[cfg(test)]").unwrap_or((&text, ""));
    (code.to_owned(), tests.to_owned())
}

/// Every oracle that there is, by the judge's own text.
fn oracles() -> Vec<Oracle> {
    let mut all = BTreeSet::new();
    for part in ["claims", "rules"] {
        let files = std::fs::read_dir(folder().join(part)).expect("a folder of the judge");
        for file in files {
            let name = file.expect("readable").file_name();
            let file = format!("{part}/{}", name.to_string_lossy());
            let (code, _) = source(&file);
            for word in code.split('"').skip(1).step_by(2) {
                let is_word = word
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || b"_0123456789".contains(&byte));
                // An outcome of a cancel on the wire, and a reason elsewhere.
                let is_outcome = word == "too_late" && file == "claims/cancel.rs";
                let is_long = word.contains('_') && !NO_REASONS.contains(&word) && !is_outcome;
                let is_short = ONE_WORD.contains(&format!("{file} {word}").as_str());
                if is_word && (is_long || is_short) {
                    all.insert(Oracle {
                        file: file.clone(),
                        reason: word.to_owned(),
                    });
                }
            }
        }
    }
    all.into_iter().collect()
}

fn broken(findings: &[Finding]) -> BTreeSet<String> {
    let broken = |one: &&Finding| matches!(one.state, State::Fail | State::Warn);
    let broken = findings.iter().filter(broken);
    broken.map(|one| one.reason.clone()).collect()
}

type Noticed = BTreeMap<Oracle, By>;

/// The defects by which an oracle is noticed: first those that are no longer found as what they are.
#[derive(Default)]
struct By {
    names: Vec<String>,
    /// The first one is such a defect. What is only seen beside another may come and go with a machine's speed.
    is_certain: bool,
}

/// Found out once for all tests.
async fn noticed() -> &'static Noticed {
    static NOTICED: OnceCell<Noticed> = OnceCell::const_new();
    let find_out = async || {
        let all = played().await;
        let thread = tokio::task::spawn_blocking(|| find_out(all));
        thread.await.expect("no panic")
    };
    NOTICED.get_or_init(find_out).await
}

fn find_out(all: &[Played]) -> Noticed {
    let mut noticed = BTreeMap::new();
    for oracle in oracles() {
        let suffix = format!(".{}", oracle.reason);
        let mut by = By::default();
        for own in all {
            let honest = own.reasons();
            // Only where the reason was given can its silence be noticed.
            if !honest.iter().any(|reason| reason.ends_with(&suffix)) {
                continue;
            }
            let blind = broken(&judge_without(&oracle, &own.entries, &own.plan));
            let name = own.defect.name().to_owned();
            if own.killer.is_some_and(|killer| !blind.contains(killer)) {
                by.names.insert(0, name);
                by.is_certain = true;
            } else if honest.iter().any(|reason| !blind.contains(*reason)) {
                by.names.push(name);
            }
        }
        by.names.dedup();
        noticed.insert(oracle, by);
    }
    noticed
}

fn why(oracle: &Oracle) -> Option<&'static str> {
    let name = format!("{} {}", oracle.file, oracle.reason);
    let own = UNNOTICED.iter().find(|(own, _)| *own == name);
    own.map(|(_, why)| *why)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_oracle_that_is_made_blind_is_noticed_or_there_is_a_reason() {
    let noticed = noticed().await;
    let planted = noticed.len();
    let found = noticed.values().filter(|by| !by.names.is_empty()).count();
    println!("oracles made blind: {found} of {planted} noticed by the defects of the simulator");
    let mut wrong = Vec::new();
    for (oracle, by) in noticed {
        let name = format!("{} {}", oracle.file, oracle.reason);
        match (by.names.is_empty(), why(oracle)) {
            (true, None) => {
                wrong.push(format!("{name}: nothing notices, and no reason is written"))
            }
            (false, Some(_)) if by.is_certain => wrong.push(format!(
                "{name}: a reason is written, and {} notices",
                by.names.join(", ")
            )),
            _ => {}
        }
    }
    for (name, _) in UNNOTICED {
        let is_there = noticed
            .keys()
            .any(|own| format!("{} {}", own.file, own.reason) == *name);
        if !is_there {
            wrong.push(format!("{name}: there is no such oracle"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn each_oracle_that_no_defect_shows_has_a_test_by_itself() {
    for (name, _) in UNNOTICED {
        let (file, reason) = name.split_once(' ').expect("a file and a reason");
        let (_, tests) = source(file);
        assert!(tests.contains(&format!("\"{reason}\"")), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_of_the_defects_is_what_the_runs_say() {
    let page = page(played().await, noticed().await);
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/defects.md");
    if std::env::var_os("UPDATE_DEFECTS").is_some_and(|v| v == "1") {
        std::fs::write(&file, page).expect("writable");
        return;
    }
    let stands = std::fs::read_to_string(&file).unwrap_or_default();
    let (firm, says) = (firm(&stands), firm(&page));
    assert!(
        firm == says,
        "docs/defects.md is stale: UPDATE_DEFECTS=1 cargo test -p vinr-conformance --test suite the_page\n{}",
        first_difference(&firm, &says)
    );
}

/// Of the page what every run must say: each defect with its scenario and its reason, each oracle and whether anything
/// notices it. What fails beside a defect depends on who was faster, and stands on the page as it was seen once.
fn firm(page: &str) -> String {
    let mut is_oracle = false;
    let lines = page.lines().map(|line| {
        is_oracle |= line == "## Oracles";
        let cells: Vec<_> = line.split('|').collect();
        match cells.as_slice() {
            ["", oracle, by, ""] if is_oracle && by.starts_with(" `") => {
                format!("{oracle}| noticed")
            }
            ["", what, _, planted, ""] => format!("{what}|{planted}"),
            ["", defect, scenario, found_as, _, ""] => format!("{defect}|{scenario}|{found_as}"),
            _ => line.to_owned(),
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn first_difference(stands: &str, page: &str) -> String {
    let mut lines = stands.lines().zip(page.lines());
    lines
        .find(|(old, new)| old != new)
        .map_or("one is longer".into(), |(old, new)| {
            format!("stands: {old}\nsays:   {new}")
        })
}

fn page(all: &[Played], noticed: &Noticed) -> String {
    let found = noticed.values().filter(|by| !by.names.is_empty()).count();
    let killed = all.iter().filter(|own| own.killer.is_some()).count();
    let mut page = format!(
        "# What the suite would notice\n\n\
         Made by the suite's own tests from runs against the simulator; a test fails when this page is not what they say.\n\
         To make it anew:\n\n\
         ```sh\n\
         UPDATE_DEFECTS=1 cargo test -p vinr-conformance --test suite the_page\n\
         ```\n\n\
         | | found | planted |\n\
         |---|--:|--:|\n\
         | defects of a terminal, each by its own requirement and reason | {} | {} |\n\
         | oracles of the judge made blind, noticed by those defects | {found} | {} |\n\n\
         ## Defects\n\n\
         Each is played in one scenario and must be found as what stands in the third column. What fails beside it in the same\n\
         scenario stands in the last.\n\n\
         | Defect | Scenario | Found as | Beside it |\n\
         |---|---|---|---|\n",
        killed + APART.len(),
        Defect::ALL.len(),
        noticed.len(),
    );
    for own in all {
        let Some(killer) = own.killer else {
            continue;
        };
        let beside: Vec<_> = own
            .reasons()
            .into_iter()
            .filter(|reason| *reason != killer)
            .collect();
        let _ = writeln!(
            page,
            "| `{}` | `{}` | {killer} | {} |",
            own.defect,
            own.scenario,
            beside.join(", ")
        );
    }
    for defect in APART {
        let id = defect.requirement();
        let _ = writeln!(page, "| `{defect}` | by a test of its own | {id} | |");
    }
    page.push_str(
        "\n## Oracles\n\n\
         An oracle is a place in the judge that says why something is broken. Each is made blind in turn, so that it says\n\
         *kept*, and the journals of the defects are judged again. It is noticed where a defect is no longer found as what it\n\
         is, or where less is found of it. Of each that no defect shows the reason stands here, and a test of the judge by\n\
         itself breaks without it.\n\n\
         | Oracle | Noticed by |\n\
         |---|---|\n",
    );
    for (oracle, by) in noticed {
        let by = match by.names.as_slice() {
            [] => format!(
                "no defect: {}",
                why(oracle).unwrap_or("no reason is written")
            ),
            by => by
                .iter()
                .take(3)
                .map(|name| format!("`{name}`"))
                .collect::<Vec<_>>()
                .join(", "),
        };
        let _ = writeln!(page, "| `{}` {} | {by} |", oracle.file, oracle.reason);
    }
    page
}
