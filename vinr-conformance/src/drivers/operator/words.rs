//! A question as one says it to a person who has never seen the specification.

use serde::Serialize;
use serde_json::Value;
use vinr_protocol::Currency;
use vinr_protocol::question::{Answered, Question};

/// What a person reads, and what they may answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Plain {
    /// What to do or to look for.
    pub(super) title: String,
    /// What else they need to know.
    pub(super) detail: Option<String>,
    /// The card to present.
    pub(super) card: Option<Card>,
    /// The answers that make sense, `cannot` last.
    pub(super) answers: Vec<Answered>,
    /// Where a value is one of a few words: each with what it means.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(super) choices: &'static [(&'static str, &'static str)],
}

/// A test card as a person finds it in the drawer.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Card {
    last4: String,
    outcome: String,
    how: &'static str,
}

/// Named outcome, last four digits, what it leads to, how it is usually read. §2 of `harness.md`
const CARDS: &[(&str, &str, &str, &str)] = &[
    ("approved", "4242", "approved", "contactless"),
    ("approved_with_pin", "0077", "approved with a PIN", "chip"),
    ("declined", "0002", "declined", "contactless"),
    (
        "insufficient_funds",
        "9995",
        "declined: not enough money",
        "contactless",
    ),
    ("expired", "0069", "declined: expired", "contactless"),
    (
        "processing_error",
        "0119",
        "declined: processing error",
        "contactless",
    ),
    ("incorrect_pin", "0259", "declined: wrong PIN", "chip"),
];

/// What a till may show, and what a person sees then.
const RESULTS: &[(&str, &str)] = &[
    ("approved", "Approved"),
    ("declined", "Declined"),
    ("cancelled", "Not paid: cancelled, or an error"),
    ("accepted_offline", "Accepted offline"),
    ("unknown", "It does not know whether it is paid"),
];

/// Says it.
pub(super) fn plain(question: &Question) -> Plain {
    let arg = |name: &str| question.args.get(name);
    let text = |name: &str| arg(name).and_then(Value::as_str);
    let number = |name: &str| arg(name).and_then(Value::as_u64);
    let done = |title: &str| told(title, Answered::Done);
    match question.question.as_str() {
        "present_card" => {
            let card = card(text("card").unwrap_or_default(), text("entry"));
            Plain {
                detail: Some("Do it while the terminal asks for a card. If it does not ask, hold the card to it all the same.".into()),
                ..with_card(done(&format!("{} the card ending in {}.", card.how, card.last4)), card)
            }
        }
        "remove_card" => done("Take the card out of the terminal."),
        "enter_pin" => with_detail(
            done("Enter the PIN of the card on the terminal."),
            match text("pin") {
                Some(pin) => {
                    format!("The PIN is {pin}. If the terminal asks for none, press Done.")
                }
                None => {
                    "Use the test card's own PIN. If the terminal asks for none, press Done.".into()
                }
            },
        ),
        "observe_screen" => observe(text("expect").unwrap_or_default(), number("amount")),
        "cut_internet" => with_detail(
            done("Take the terminal's internet away."),
            "The shop's own network must stay: the terminal keeps its address, and only the way out is gone.",
        ),
        "restore_internet" => done("Give the terminal its internet back."),
        "cut_lan" => done("Take the terminal off the shop's network."),
        "restore_lan" => done("Put the terminal back on the shop's network."),
        "power_cycle" => with_detail(
            match text("device") {
                Some("till") => done("Cut the till's power, and give it back."),
                _ => done("Cut the terminal's power, and give it back."),
            },
            format!(
                "Take out battery or plug at once, without shutting it down; put it back after {} s or more.",
                number("offMs").unwrap_or_default().div_ceil(1000)
            ),
        ),
        "toggle_local_mode" => match arg("on").and_then(Value::as_bool) {
            Some(true) => done("Switch the terminal's local mode on."),
            _ => done("Switch the terminal's local mode off."),
        },
        "set_host" => with_detail(
            done("Set the test host of the card network as it says here."),
            host(question),
        ),
        "install_crl" => with_detail(
            done("Bring this revocation list to the terminal."),
            format!("The file is {}.", text("path").unwrap_or("not named")),
        ),
        "read_ledger" => with_detail(
            told(
                "Read what the test host of the card network holds.",
                Answered::Value,
            ),
            format!(
                "Sale: {}. As a JSON list of {{reference, paymentId, amount, currency, approved, voided, captured}}; [] for none.",
                text("reference").unwrap_or("all of them")
            ),
        ),
        "read_storage" => with_detail(
            told(
                "Copy the terminal's raw storage to this computer.",
                Answered::Value,
            ),
            "Answer with the path of the copy, in quotes.",
        ),
        "till_install" => with_detail(
            done("Install these files on the till."),
            format!(
                "They are in {}: its identity, its passphrase and the terminal CA. Its terminal is {}, at {}.",
                text("path").unwrap_or("a folder that is not named"),
                text("terminalId").unwrap_or("not named"),
                text("address").unwrap_or("an address that it finds by itself"),
            ),
        ),
        "till_pay" => with_detail(
            done("Take this payment on the till."),
            format!(
                "{}. The number of the sale is {}. Press Done as soon as it is begun.",
                money(number("amount"), text("currency")),
                text("reference").unwrap_or("as you like")
            ),
        ),
        "till_read_result" => Plain {
            detail: Some("Wait until it shows the end of the payment.".into()),
            choices: RESULTS,
            ..told("What does the till show as the result?", Answered::Value)
        },
        other => with_detail(
            done(&format!(
                "{other}: a question that this version has no words for."
            )),
            Value::Object(question.args.clone()).to_string(),
        ),
    }
}

fn told(title: &str, answer: Answered) -> Plain {
    Plain {
        title: title.to_owned(),
        detail: None,
        card: None,
        answers: vec![answer, Answered::Cannot],
        choices: &[],
    }
}

fn with_detail(plain: Plain, detail: impl Into<String>) -> Plain {
    Plain {
        detail: Some(detail.into()),
        ..plain
    }
}

fn with_card(plain: Plain, card: Card) -> Plain {
    Plain {
        card: Some(card),
        ..plain
    }
}

fn card(card: &str, entry: Option<&str>) -> Card {
    let own =
        |(name, last4, ..): &&(&str, &str, &str, &str)| *name == card || card.ends_with(last4);
    let known = CARDS.iter().find(own);
    let usual = known.map_or("contactless", |(.., usual)| usual);
    let how = match entry.unwrap_or(usual) {
        "chip" => "Insert",
        "swipe" | "magstripe" => "Swipe",
        _ => "Tap",
    };
    match known {
        Some((_, last4, outcome, _)) => Card {
            last4: (*last4).to_owned(),
            outcome: (*outcome).to_owned(),
            how,
        },
        None => Card {
            last4: card
                .get(card.len().saturating_sub(4)..)
                .unwrap_or(card)
                .to_owned(),
            outcome: "another card".to_owned(),
            how,
        },
    }
}

fn observe(expect: &str, amount: Option<u64>) -> Plain {
    let what = match expect {
        "idle" => "that it is ready for the next customer".to_owned(),
        "amount" => format!("the amount {}", digits(amount)),
        "prompt" => "that it asks for a card".to_owned(),
        "approved" => "that the payment was approved".to_owned(),
        "declined" => "that the payment was declined".to_owned(),
        other => format!("\"{other}\""),
    };
    Plain {
        title: format!("Look at the terminal. Does its screen show {what}?"),
        detail: Some("Look at it now. If it comes on only later, that counts, too, as long as the time runs.".into()),
        card: None,
        answers: vec![Answered::Saw, Answered::DidNotSee, Answered::Cannot],
        choices: &[],
    }
}

/// The digits that a screen shows, whatever it puts between them.
fn digits(amount: Option<u64>) -> String {
    amount.map_or("of the sale".into(), |amount| {
        format!(
            "{}.{:02} (or {amount}, in a currency without cents)",
            amount / 100,
            amount % 100
        )
    })
}

fn money(amount: Option<u64>, currency: Option<&str>) -> String {
    let code = currency.unwrap_or_default();
    match (amount, Currency::new(code)) {
        (Some(amount), Ok(currency)) => currency.format(amount),
        _ => format!("{} {code}", digits(amount)),
    }
}

fn host(question: &Question) -> String {
    let mut says = Vec::new();
    if let Some(delay) = question.args.get("delayMs").and_then(Value::as_u64) {
        says.push(format!("it answers after {delay} ms"));
    }
    match question.args.get("loseAnswers") {
        Some(Value::Bool(true)) => says.push("it loses its answers".into()),
        Some(Value::Number(count)) => says.push(format!("it loses {count} answer(s)")),
        _ => {}
    }
    match question.args.get("decline") {
        Some(Value::Bool(true)) => says.push("it declines".into()),
        Some(Value::String(code)) => says.push(format!("it declines with {code}")),
        _ => {}
    }
    match says.is_empty() {
        true => "As it was at first: it answers at once, loses nothing, and declines by the card."
            .into(),
        false => format!(
            "Everything else as it was at first; but {}.",
            says.join(", ")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(word: &str, args: Value) -> Plain {
        let question = serde_json::json!({
            "question": word, "id": "q1", "subject": "term_1", "args": args, "deadlineMs": 1000
        });
        plain(&serde_json::from_value(question).expect("lawful"))
    }

    #[test]
    fn every_question_of_the_vocabulary_has_words_and_can_be_declined() {
        for word in vinr_protocol::question::WORDS {
            let plain = asked(word, serde_json::json!({}));
            assert!(!plain.title.contains(word), "{word}: {}", plain.title);
            assert_eq!(plain.answers.last(), Some(&Answered::Cannot), "{word}");
        }
    }

    #[test]
    fn a_card_is_named_by_what_stands_on_it_and_how_it_is_read() {
        let chip = asked(
            "present_card",
            serde_json::json!({"card": "declined", "entry": "chip"}),
        );
        assert_eq!(chip.title, "Insert the card ending in 0002.");
        let usual = asked(
            "present_card",
            serde_json::json!({"card": "approved_with_pin"}),
        );
        assert_eq!(usual.title, "Insert the card ending in 0077.");
        let number = asked(
            "present_card",
            serde_json::json!({"card": "4242424242424242"}),
        );
        assert_eq!(number.title, "Tap the card ending in 4242.");
    }

    #[test]
    fn who_looks_may_see_it_or_not() {
        let plain = asked(
            "observe_screen",
            serde_json::json!({"expect": "amount", "amount": 2505}),
        );
        assert!(plain.title.contains("25.05"), "{}", plain.title);
        assert_eq!(
            plain.answers,
            [Answered::Saw, Answered::DidNotSee, Answered::Cannot]
        );
    }

    #[test]
    fn a_power_cut_says_whose() {
        let of = |args: Value| asked("power_cycle", args).title;
        assert!(of(serde_json::json!({"offMs": 1})).contains("terminal"));
        assert!(of(serde_json::json!({"offMs": 1, "device": "till"})).contains("till"));
    }

    #[test]
    fn a_host_is_described_as_a_whole() {
        let slow = asked(
            "set_host",
            serde_json::json!({"delayMs": 800, "decline": "expired_card"}),
        );
        let detail = slow.detail.unwrap_or_default();
        assert!(
            detail.contains("800 ms") && detail.contains("expired_card"),
            "{detail}"
        );
        let plain = asked("set_host", serde_json::json!({}));
        assert!(
            plain
                .detail
                .unwrap_or_default()
                .starts_with("As it was at first")
        );
    }
}
