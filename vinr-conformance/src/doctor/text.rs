//! The diagnosis for a person: short lines, aligned, one sentence at the end.

use super::finding::{Diagnosis, Finding, State};
use super::seen::Seen;
use super::tame::tame;

/// Where the words begin.
const INDENT: usize = 17;
/// Where a line ends.
const WIDTH: usize = 100;

/// The diagnosis as text.
pub fn text(seen: &Seen, diagnosis: &Diagnosis) -> String {
    let meant = seen.terminal.as_ref().map_or_else(
        || "whichever terminal is there".to_owned(),
        ToString::to_string,
    );
    let mut lines = vec![
        format!("{}, expecting {meant}", tame(&seen.asked)),
        String::new(),
    ];
    for finding in &diagnosis.findings {
        tell(finding, &mut lines);
    }
    lines.push(String::new());
    wrap("", 0, diagnosis.charged().1, &mut lines);
    wrap("", 0, &diagnosis.verdict(), &mut lines);
    lines.join("\n")
}

fn tell(finding: &Finding, lines: &mut Vec<String>) {
    let state = match finding.state {
        State::Well => "ok",
        State::Note => "note",
        State::Fault => "WRONG",
        State::NotSeen => "?",
    };
    let head = format!("{state:<7}{:<10}", finding.step.word());
    wrap(&head, INDENT, &finding.says, lines);
    if let Some(means) = &finding.means {
        wrap(
            &" ".repeat(INDENT),
            INDENT + 2,
            &format!("= {means}"),
            lines,
        );
    }
    if let Some(next) = &finding.next {
        wrap(&" ".repeat(INDENT), INDENT + 2, &format!("> {next}"), lines);
    }
    for fact in &finding.facts {
        wrap(
            &" ".repeat(INDENT),
            INDENT + 10,
            &format!("  {fact}"),
            lines,
        );
    }
}

/// Breaks a text at its spaces; further lines begin further in.
fn wrap(head: &str, indent: usize, text: &str, lines: &mut Vec<String>) {
    let mut line = head.to_owned();
    let mut is_begun = false;
    for word in text.split(' ') {
        let length = line.chars().count() + 1 + word.chars().count();
        if is_begun && length > WIDTH {
            lines.push(std::mem::replace(&mut line, " ".repeat(indent)));
            is_begun = false;
        }
        if is_begun {
            line.push(' ');
        }
        line.push_str(word);
        is_begun = true;
    }
    lines.push(line);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrapped(text: &str) -> Vec<String> {
        let mut lines = Vec::new();
        wrap("ok     files     ", INDENT, text, &mut lines);
        lines
    }

    #[test]
    fn a_line_of_100_is_whole_and_one_of_101_is_broken() {
        let fits = format!("{} {}", "a".repeat(41), "b".repeat(41));
        assert_eq!(wrapped(&fits), [format!("ok     files     {fits}")]);
        let longer = format!("{} {}", "a".repeat(41), "b".repeat(42));
        assert_eq!(
            wrapped(&longer),
            [
                format!("ok     files     {}", "a".repeat(41)),
                format!("{}{}", " ".repeat(INDENT), "b".repeat(42))
            ]
        );
    }
}
