//! Secrets never reach the journal.
//!
//! Card numbers are cut to their last four digits wherever they stand: in a question's arguments, in a
//! body, in a path. A PIN that somebody gives a driver is left out. Tokens and keys have no place in any event to begin
//! with. \[SEC-1\]

use std::cell::RefCell;

use serde_json::Value;

use super::{Event, Header};

/// Takes card numbers out of an event, and says how many there were.
pub(super) fn redact(event: &mut Event) -> usize {
    if let Event::Question(question) = event
        && let Some(pin) = question.args.get_mut("pin")
    {
        *pin = Value::from("\u{2026}");
    }
    let mut numbers = 0;
    each_text(event, &mut |words| numbers += text(words));
    numbers
}

/// Every text of an event that somebody else may have filled, or that was sent to somebody.
pub(super) fn each_text(event: &mut Event, look: &mut dyn FnMut(&mut String)) {
    match event {
        Event::Question(question) => {
            question.args.values_mut().for_each(|it| value(it, look));
            look(&mut question.why);
        }
        Event::Answer(answer) => {
            answer.value.iter_mut().for_each(|it| value(it, look));
            answer.why.iter_mut().for_each(look);
        }
        Event::AnsweredBy(by) => by.operator.iter_mut().for_each(look),
        Event::Request {
            path,
            headers,
            body,
            ..
        } => {
            look(path);
            look(body);
            all(headers, look);
        }
        Event::Head { headers, .. } => all(headers, look),
        Event::Body { text: body, .. } => look(body),
        Event::Plain { received, .. } => look(received),
        // A body that held a card number can no longer be verified, and deserves no better.
        Event::Webhook(webhook) => look(&mut webhook.body),
        Event::CloudAnswer(answer) => look(&mut answer.body),
        Event::Note { text: words } | Event::Step { text: words } => look(words),
        Event::Till(till) => {
            // Its texts are lent to a function that may not change anything else.
            let look = RefCell::new(look);
            till.texts(|words| (look.borrow_mut())(words));
        }
        _ => {}
    }
}

/// Did the terminal or its cloud say this, and not the suite or whoever works for it?
pub(super) fn is_said_by_others(event: &Event) -> bool {
    matches!(
        event,
        Event::Head { .. }
            | Event::Body { .. }
            | Event::Plain { .. }
            | Event::Webhook(_)
            | Event::CloudAnswer(_)
    )
}

fn all(headers: &mut [Header], look: &mut dyn FnMut(&mut String)) {
    headers.iter_mut().for_each(|(_, content)| look(content));
}

fn value(value: &mut Value, look: &mut dyn FnMut(&mut String)) {
    match value {
        Value::String(words) => look(words),
        Value::Array(items) => items.iter_mut().for_each(|it| self::value(it, look)),
        Value::Object(members) => members.values_mut().for_each(|it| self::value(it, look)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Replaces every card number in a text by `…` and its last four digits; says how many there were.
fn text(words: &mut String) -> usize {
    let mut clean = String::with_capacity(words.len());
    let mut digits = String::new();
    let mut numbers = 0;
    for letter in words.chars().chain(std::iter::once('\0')) {
        if letter.is_ascii_digit() {
            digits.push(letter);
            continue;
        }
        if is_card_number(&digits) {
            clean.push('\u{2026}');
            clean.push_str(&digits[digits.len() - 4..]);
            numbers += 1;
        } else {
            clean.push_str(&digits);
        }
        digits.clear();
        clean.push(letter);
    }
    clean.pop();
    *words = clean;
    numbers
}

/// 13 to 19 digits that pass the Luhn check.
fn is_card_number(digits: &str) -> bool {
    if !(13..=19).contains(&digits.len()) {
        return false;
    }
    let sum: u32 = digits
        .bytes()
        .rev()
        .map(|digit| u32::from(digit - b'0'))
        .enumerate()
        .map(|(place, digit)| match (place % 2, digit * 2) {
            (0, _) => digit,
            (_, double) if double > 9 => double - 9,
            (_, double) => double,
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redacted(words: &str) -> String {
        let mut words = words.to_owned();
        text(&mut words);
        words
    }

    // [SEC-1]
    #[test]
    fn a_card_number_keeps_its_last_four_digits_only() {
        assert_eq!(redacted("card 4242424242424242."), "card \u{2026}4242.");
        assert_eq!(redacted("4000000000000002"), "\u{2026}0002");
    }

    #[test]
    fn a_card_number_has_13_to_19_digits() {
        for (digits, is_one) in [
            ("422222222222", false),
            ("4222222222222", true),
            ("4222222222222222224", true),
            ("42222222222222222228", false),
        ] {
            assert_eq!(redacted(digits) != digits, is_one, "{digits}");
        }
    }

    #[test]
    fn other_digits_stay() {
        for words in [
            "2500",
            "4242424242424243",
            "order_8821",
            "2026-05-31T14:23:00.000Z",
            "",
        ] {
            assert_eq!(redacted(words), words);
        }
    }

    // [SEC-1]
    #[test]
    fn a_pin_is_not_written_at_all() {
        let journal = super::super::Journal::in_memory();
        let question = serde_json::json!({"question":"enter_pin","id":"q1","subject":"term_1",
            "args":{"pin":"8264"},"deadlineMs":1});
        let question = serde_json::from_value(question).expect("a question");
        journal.record(Event::Question(question));
        let written = serde_json::to_string(&journal.entries()).expect("serializes");
        assert!(!written.contains("8264"), "{written}");
    }

    // [SEC-1]
    #[test]
    fn a_question_about_a_card_is_cut_before_it_is_written() {
        let journal = super::super::Journal::in_memory();
        let question = serde_json::json!({"question":"present_card","id":"q1","subject":"term_1",
            "args":{"card":"4000000000000119"},"deadlineMs":1});
        let question = serde_json::from_value(question).expect("a question");
        journal.record(Event::Question(question));
        let written = serde_json::to_string(&journal.entries()).expect("serializes");
        assert!(!written.contains("4000000000000119"), "{written}");
        assert!(written.contains("\u{2026}0119"), "{written}");
    }
}
