//! `summary.md`: what a build system shows beside its log.

use std::fmt::Write as _;

use super::sentence;
use super::text::{clip, count, visible};
use crate::latency::ms;
use crate::verdict::{Results, State};

/// The summary as Markdown.
pub fn summary(results: &Results) -> String {
    let mut text = String::new();
    let _ = write_summary(&mut text, results);
    text
}

fn write_summary(text: &mut String, results: &Results) -> std::fmt::Result {
    writeln!(text, "# {}\n", escaped(&sentence::headline(results)))?;
    writeln!(
        text,
        "**{}** · {}\n\n{}\n",
        results.verdict,
        sentence::lead(results),
        escaped(&sentence::gate(results))
    )?;

    writeln!(text, "| State | Requirements | Binding |\n|---|--:|--:|")?;
    for (state, number) in results.requirements.occurring() {
        let binding = match state {
            State::NotApplicable => "–".to_owned(),
            _ => results.binding.of(state).to_string(),
        };
        writeln!(text, "| {state} | {number} | {binding} |")?;
    }

    broken(text, results)?;
    untested(text, results)?;

    if let Some(latency) = &results.latency {
        writeln!(
            text,
            "\n## Activation\n\n{}, {} samples.\n\n| min | p50 | p90 | p99 | max | limit of p99 |\n|--:|--:|--:|--:|--:|--:|",
            escaped(&latency.what),
            latency.count
        )?;
        for (_, ns) in latency.table() {
            write!(text, "| {} ", ms(ns))?;
        }
        writeln!(text, "| {} |", ms(latency.limit_ns))?;
        if let Some(cold) = &latency.cold {
            writeln!(
                text,
                "\n{}: {}, of which the handshake p50 {}. No rule is about these.",
                escaped(&cold.what),
                cold.line(),
                ms(cold.handshake_p50_ns)
            )?;
        }
    }

    if let Some(sentence) = sentence::simulated_time(results) {
        writeln!(text, "\n{}", escaped(&sentence))?;
    }

    let run = &results.run;
    writeln!(
        text,
        "\n{} {} · wire {} · seed {} · profile `{}` · plan `{}`",
        run.suite.name,
        run.suite.version,
        run.suite.wire,
        run.seed,
        run.profile.sha256,
        run.plan.sha256
    )
}

fn broken(text: &mut String, results: &Results) -> std::fmt::Result {
    let parts = [
        ("Failed", State::Fail),
        ("Known failures", State::KnownFail),
        ("Passed against the known failures", State::UnexpectedPass),
        ("Warnings", State::Warn),
    ];
    for (title, state) in parts {
        if results.requirements.of(state) == 0 {
            continue;
        }
        writeln!(text, "\n## {title}")?;
        for row in results.in_state(state) {
            writeln!(text, "\n### {} {}\n", row.id, escaped(&row.text))?;
            for finding in results
                .findings_of(&row.id)
                .filter(|one| one.state == state)
            {
                writeln!(
                    text,
                    "- {}: expected {}; seen {}. `{}`",
                    escaped(&finding.scenario),
                    escaped(&clip(&finding.expected, 500)),
                    escaped(&clip(&finding.seen, 500)),
                    finding.reason
                )?;
            }
        }
    }
    Ok(())
}

fn untested(text: &mut String, results: &Results) -> std::fmt::Result {
    let number: usize = State::ALL
        .into_iter()
        .filter(|state| state.is_untested())
        .map(|state| results.requirements.of(state))
        .sum();
    if number == 0 {
        return Ok(());
    }
    writeln!(text, "\n## Not tested: {}\n", count(number, "rule"))?;
    for state in State::ALL.into_iter().filter(|state| state.is_untested()) {
        let ids: Vec<_> = results.in_state(state).map(|row| row.id.as_str()).collect();
        if !ids.is_empty() {
            writeln!(text, "- **{state}** ({}): {}", ids.len(), ids.join(", "))?;
        }
    }
    Ok(())
}

/// Foreign text that stays text: no markup, no HTML, no new line.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in visible(text).chars() {
        match character {
            '\n' | '\t' => safe.push(' '),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '|' | '~' | '!' => {
                safe.push('\\');
                safe.push(character);
            }
            _ => safe.push(character),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_makes_no_markup() {
        assert_eq!(
            escaped("a|b `c` <img src=x>\n# d"),
            "a\\|b \\`c\\` &lt;img src=x&gt; \\# d"
        );
    }
}
