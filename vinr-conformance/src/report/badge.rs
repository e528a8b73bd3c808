//! The verdict as a small picture, for a page about the product.

use vinr_protocol::requirement::Level;

use super::sentence;
use super::text::{clip, visible};
use crate::verdict::{Results, State, Verdict};

const LABEL: &str = "VINR Local API";

/// One SVG that asks nothing of any network. The text is white on colours against which it can be read.
pub fn badge(results: &Results) -> String {
    let colour = match results.verdict {
        Verdict::Conformant => "#1b6e34",
        Verdict::Nonconformant => "#b3261e",
        Verdict::Inconclusive => "#7a5900",
    };
    let said = said(results);
    let title = format!(
        "{}: {LABEL}, {said}",
        clip(&sentence::subject(results), 200)
    );
    let title = escaped(&title);
    let said_escaped = escaped(&said);
    let (left, right) = (width(LABEL), width(&said));
    let whole = left + right;
    let (left_middle, right_middle) = (left / 2, left + right / 2);
    // A given length makes the text fit, whatever letters the reader's machine has.
    let (left_text, right_text) = (left - PADDING, right - PADDING);
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" width="{whole}" height="20" role="img" aria-label="{title}">
<title>{title}</title>
<rect width="{whole}" height="20" rx="3" fill="#3a3a3a"/>
<path d="M{left} 0h{straight}a3 3 0 0 1 3 3v14a3 3 0 0 1-3 3H{left}z" fill="{colour}"/>
<g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">
<text x="{left_middle}" y="14" textLength="{left_text}">{LABEL}</text>
<text x="{right_middle}" y="14" textLength="{right_text}">{said_escaped}</text>
</g>
</svg>
"##,
        straight = right - 3,
    )
}

/// `nonconformant: 1 failed, 2 not tested, 98 passed`, over the binding rules that apply.
fn said(results: &Results) -> String {
    let number = |wanted: fn(State) -> bool| {
        let binds = |row: &&crate::verdict::Row| row.level == Level::Must && row.applies();
        let rows = results.rows.iter().filter(binds);
        rows.filter(|row| wanted(row.state)).count()
    };
    let counts = [
        (number(State::is_failure), "failed"),
        (number(State::is_untested), "not tested"),
        (number(State::is_satisfied), "passed"),
    ];
    let counts = counts.iter().filter(|(number, _)| *number > 0);
    let counts: Vec<_> = counts
        .map(|(number, word)| format!("{number} {word}"))
        .collect();
    format!("{}: {}", results.verdict, counts.join(", "))
}

const PADDING: usize = 12;

/// About as wide as a letter of this size is.
fn width(text: &str) -> usize {
    text.chars().count() * 13 / 2 + PADDING
}

fn escaped(text: &str) -> String {
    visible(text)
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace(['\n', '\t'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::Stored;
    use crate::bundle::written::whole;

    fn results() -> Results {
        Stored::open(whole().path()).expect("whole").results
    }

    #[test]
    fn it_says_the_verdict_and_how_many() {
        let results = results();
        let untested = results.rows.iter();
        let untested = untested
            .filter(|row| row.level == Level::Must && row.state.is_untested())
            .count();
        let badge = badge(&results);
        let said = format!(">inconclusive: {untested} not tested</text>");
        assert!(badge.contains(&said), "{badge}");
    }

    #[test]
    fn a_makers_name_never_becomes_markup() {
        let mut results = results();
        results.run.profile.product = "\"><script>alert('1')</script>&\u{202e}".into();
        let badge = badge(&results);
        let safe = "&quot;&gt;&lt;script&gt;alert('1')&lt;/script&gt;&amp;\\u{202e}";
        assert!(badge.contains(safe), "{badge}");
        assert!(!badge.contains("<script"), "{badge}");
    }

    #[test]
    fn it_asks_nothing_of_any_network() {
        let badge = badge(&results());
        assert_eq!(badge.matches("http").count(), 1, "only the namespace");
        assert!(!badge.contains("href"));
    }
}
