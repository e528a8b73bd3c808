//! What may not go to support is taken out of every text.

use std::ops::RangeInclusive;

use vinr_protocol::{AttemptKey, PayRequest};

/// Stands where something was taken out.
const GONE: &str = "[redacted]";

/// A text is cut at this length: longer ones come from a peer.
const LONGEST: usize = 300;

/// How many digits a card number has.
const CARD_NUMBER: RangeInclusive<usize> = 12..=19;

/// What the shop said of a sale for people: it is about the customer.
/// Its size is that of the requests of one sale, each bounded, which mostly are equal.
#[derive(Debug, Default)]
pub(super) struct Private(Vec<String>);

impl Private {
    pub(super) fn learn(&mut self, request: &PayRequest) {
        let words = (request.description.iter()).chain(request.metadata.values());
        // What is shorter is in too many other words. An earlier call's stay: its words are what the terminal kept.
        self.0.extend(words.filter(|word| word.len() > 2).cloned());
        self.0.sort_unstable();
        self.0.dedup();
        // The longest first, since one may be within another.
        self.0.sort_by_key(|word| std::cmp::Reverse(word.len()));
    }
}

/// Takes the shop's own words, secrets and card numbers out of the text.
pub(super) fn redact(text: &mut String, private: &Private) {
    if !is_harmless(text, private) {
        *text = redacted(text, private);
    }
}

/// Has [`redacted`] nothing to do? Nearly every text is a short word of our own: what each of its steps looks for is looked
/// for here, without writing a text anew.
fn is_harmless(text: &str, private: &Private) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    text.len() <= LONGEST
        && digits < *CARD_NUMBER.start()
        && secret_in(text).is_none()
        && !private.0.iter().any(|word| text.contains(word))
}

/// The text without the shop's own words, secrets and card numbers.
pub(super) fn redacted(text: &str, private: &Private) -> String {
    let mut text = text.to_owned();
    for word in &private.0 {
        text = text.replace(word, GONE);
    }
    let text = without_card_numbers(&without_secrets(&text));
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// The end of an attempt's key: enough to find it in a terminal's log, and not the key.
pub(crate) fn short(key: &AttemptKey) -> String {
    let key = key.as_str();
    // A key is ASCII, and every place in it a boundary.
    let shown = (key.len() / 2).min(6);
    format!("…{}", &key[key.len() - shown..])
}

/// Where the first secret begins: keys and webhook secrets are known by that.
fn secret_in(text: &str) -> Option<usize> {
    text.match_indices('_').find_map(|(end, _)| {
        let before = &text[..end];
        let rest = before.strip_suffix("whsec").or(before.strip_suffix("sk"))?;
        Some(rest.len())
    })
}

fn without_secrets(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(place) = secret_in(rest) {
        clean.push_str(&rest[..place]);
        clean.push_str(GONE);
        let is_part = |it: char| it.is_ascii_alphanumeric() || it == '_';
        rest = rest[place..].trim_start_matches(is_part);
    }
    clean + rest
}

/// 12 to 19 digits with the right check digit, also in groups.
fn without_card_numbers(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(place) = rest.find(|it: char| it.is_ascii_digit()) {
        let (before, from_digit) = rest.split_at(place);
        let (run, after) = from_digit.split_at(run_of_digits(from_digit));
        clean.push_str(before);
        clean.push_str(if is_card_number(run) { GONE } else { run });
        rest = after;
    }
    clean + rest
}

/// How long the run of digits is that a text begins with; after each may be one gap.
fn run_of_digits(text: &str) -> usize {
    let mut before = b' ';
    let ends = |byte: u8| {
        let is_gap = matches!(byte, b' ' | b'-') && before.is_ascii_digit();
        before = byte;
        !byte.is_ascii_digit() && !is_gap
    };
    text.bytes().position(ends).unwrap_or(text.len())
}

fn is_card_number(run: &str) -> bool {
    let digits = run.bytes().filter(u8::is_ascii_digit);
    let digits = digits.map(|digit| u32::from(digit - b'0'));
    let doubled = |digit: u32| (digit * 2) / 10 + (digit * 2) % 10;
    let sum: u32 = (digits.clone().rev().enumerate())
        .map(|(place, digit)| match place % 2 {
            0 => digit,
            _ => doubled(digit),
        })
        .sum();
    CARD_NUMBER.contains(&digits.count()) && sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use vinr_protocol::{Amount, Currency, Reference, TerminalId};

    use super::*;

    fn clean(text: &str) -> String {
        clean_of(text, &Private::default())
    }

    fn clean_of(text: &str, private: &Private) -> String {
        let mut text = text.to_owned();
        redact(&mut text, private);
        text
    }

    #[test]
    fn card_numbers_are_taken_out_in_one_piece_or_in_groups() {
        for number in [
            "4242424242424242",
            "4242 4242 4242 4242",
            "3782-822463-10005",
        ] {
            let text = clean(&format!("card {number}: declined"));
            assert!(!text.contains(&number[..4]), "{text}");
            assert!(text.starts_with("card ") && text.contains("declined"));
        }
    }

    #[test]
    fn a_card_number_is_taken_out_with_the_gap_after_it_and_nothing_else() {
        let text = "ä 4242 4242 4242 4242 - 17, 4242424242424242";
        assert_eq!(clean(text), "ä [redacted]- 17, [redacted]");
    }

    #[test]
    fn numbers_that_are_no_card_numbers_stay() {
        for text in ["4242424242424241", "order 12345", "192.168.1.51:8443"] {
            assert_eq!(clean(text), text);
        }
    }

    #[test]
    fn secrets_are_taken_out_wherever_they_stand() {
        let text = clean("Bearer sk_test_canary, whsec_canary and sk_live_canary");
        assert!(!text.contains("canary"), "{text}");
        assert!(text.starts_with("Bearer ") && text.contains(" and "));
    }

    #[test]
    fn what_the_shop_said_of_the_sale_is_taken_out_of_what_others_say() {
        let mut request = PayRequest::new(
            TerminalId::new("term_1").unwrap(),
            Amount::new(2500).unwrap(),
            Currency::USD,
            Reference::new("order_1").unwrap(),
        );
        request.description = Some("Jane Doe".to_owned());
        request.metadata = BTreeMap::from([
            ("guest".to_owned(), "Jane Doe of room 12".to_owned()),
            ("no".to_owned(), "is".to_owned()),
        ]);
        let mut private = Private::default();
        private.learn(&request);
        let text = clean_of("Jane Doe of room 12 is not Jane Doe", &private);
        assert_eq!(text, "[redacted] is not [redacted]");
    }

    // The first caller's words are those that the terminal keeps and lists.
    #[test]
    fn what_an_earlier_call_of_the_sale_said_stays_private() {
        let described = |text: &str| {
            let mut request = PayRequest::new(
                TerminalId::new("term_1").unwrap(),
                Amount::new(1000).unwrap(),
                Currency::USD,
                Reference::new("order_1").unwrap(),
            );
            request.description = Some(text.to_owned());
            request
        };
        let mut private = Private::default();
        private.learn(&described("Jane Doe"));
        private.learn(&described("room 12"));
        let text = clean_of("Jane Doe of room 12", &private);
        assert_eq!(text, "[redacted] of [redacted]");
    }

    #[test]
    fn a_text_is_300_characters_at_most() {
        assert_eq!(clean(&"ä".repeat(300)), "ä".repeat(300));
        assert_eq!(clean(&"ä".repeat(301)), "ä".repeat(300) + "…");
    }

    // Each is the least that must not pass.
    #[test]
    fn no_text_is_harmless_in_which_something_is_taken_out() {
        let private = Private(vec!["Joe".to_owned()]);
        let long = "ä".repeat(301);
        for text in [
            "424242424242",
            "4-2-4-2-4-2-4-2-4-2-4-2",
            "sk_",
            "whsec_",
            "of_sk_",
            "Joe",
            &long,
        ] {
            assert_ne!(redacted(text, &private), text);
            assert!(!is_harmless(text, &private), "{text}");
        }
        for text in ["completed", "tpay_1", "asked_for", "42424242424", "ask"] {
            assert_eq!(redacted(text, &private), text);
            assert!(is_harmless(text, &private), "{text}");
        }
    }

    #[test]
    fn a_key_is_shown_by_its_end_and_never_whole() {
        let shown = |key| short(&AttemptKey::new(key).unwrap());
        assert_eq!(shown("01JD7GZK3QWXYZABCDEFGHJKMN"), "…GHJKMN");
        assert_eq!(shown("abcd"), "…cd");
        assert_eq!(shown("a"), "…");
    }
}
