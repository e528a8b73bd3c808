//! The words of a step, and what stands in its gaps.

use cucumber::codegen::Regex;
use cucumber::step::Context;

/// Builds a collection from its name and lines of `kind "words" => function`.
macro_rules! steps {
    ($vis:vis $name:ident; $($kind:ident $words:literal => $step:path;)+) => {
        /// Every step there is.
        $vis fn $name() -> Collection {
            let collection = Collection::new();
            $(let collection = collection.$kind(None, $crate::steps::words::regex($words), |scene, context| {
                Box::pin(async move {
                    let words = $crate::steps::words::Words::of(context);
                    $step(scene, &words).await;
                })
            });)+
            collection
        }
    };
}
pub(crate) use steps;

pub(crate) fn regex(words: &str) -> Regex {
    Regex::new(&pattern(words))
        .expect("the words of a step are lawful patterns; a test builds them all")
}

/// The gaps of a step, in their order.
#[derive(Debug)]
pub(crate) struct Words(Vec<String>);

impl Words {
    pub(crate) fn of(context: Context) -> Self {
        // The first match is the whole line.
        Self(
            context
                .matches
                .into_iter()
                .skip(1)
                .map(|(_, text)| text)
                .collect(),
        )
    }

    /// The text in a gap, from 0.
    pub(crate) fn text(&self, gap: usize) -> &str {
        self.0.get(gap).map_or("", String::as_str)
    }

    /// The number in a gap.
    pub(crate) fn number(&self, gap: usize) -> u64 {
        self.text(gap)
            .parse()
            .expect("the gap {number} takes digits only")
    }

    /// The amount in a gap, in minor units, where no currency stands beside it.
    pub(crate) fn digits(&self, gap: usize) -> u64 {
        self.text(gap)
            .replace('.', "")
            .parse()
            .expect("the gap {amount} takes digits and one point")
    }

    /// The amount in a gap, in minor units, and its currency.
    pub(crate) fn money(&self, gap: usize) -> (u64, &str) {
        let (amount, currency) = self
            .text(gap)
            .split_once(' ')
            .expect("the gap {money} takes an amount, a space and a currency");
        let digits = amount.replace('.', "");
        (
            digits
                .parse()
                .expect("the gap {money} takes digits and one point"),
            currency,
        )
    }
}

/// Turns the words of a step into a pattern: `{name}` is a name in quotes, `{word}` is one word, and so on.
pub(crate) fn pattern(words: &str) -> String {
    let mut pattern = words.replace('.', r"\.");
    for (gap, meaning) in [
        ("{name}", r#""([^"]+)""#),
        ("{money}", r"(\d+\.\d\d [A-Z]{3})"),
        ("{amount}", r"(\d+\.\d\d)"),
        ("{number}", r"(\d+)"),
        ("{word}", r"([^\s,]+)"),
        ("{status}", r"([a-z]+(?:, [a-z]+)*(?: or [a-z]+)?)"),
        ("{rest}", "(.+)"),
        ("(s)", "s?"),
    ] {
        pattern = pattern.replace(gap, meaning);
    }
    format!("^{pattern}$")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_read_in_minor_units() {
        let words = Words(vec!["25.00 USD".into(), "0.01 EUR".into()]);
        assert_eq!(words.money(0), (2500, "USD"));
        assert_eq!(words.money(1), (1, "EUR"));
    }

    #[test]
    fn a_pattern_takes_the_whole_line() {
        assert_eq!(pattern("the till"), "^the till$");
    }
}
