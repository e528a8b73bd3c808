//! What the till says came of it, beside what its terminals know.

use serde_json::Value;

use super::screen;
use super::shop::{FINAL, Shop, Stands};
use crate::journal::Answered;
use crate::judge::found::Found;

/// The till's answer is a payment of one of its terminals, in this state. \[REC-3, PAY-3\]
pub(super) fn result(shop: &Shop<'_>, op: u64, status: &str) -> Found {
    let expected = format!("the till's answer is the {status} payment that the terminal has");
    if let Some(found) = screen::result(shop, op, status) {
        return found;
    }
    let (seq, value) = match taken(shop, op, &expected) {
        Ok(taken) => taken,
        Err(found) => return found,
    };
    if value.is_null() {
        let seen = "null: that there is no payment";
        return Found::broken("not_found", expected, seen, [seq]);
    }
    match true_payment(shop, value) {
        Err(lie) => Found::broken("invented", expected, lie, [seq]),
        Ok(_) if value["status"] != status => Found::broken(
            "wrong_result",
            expected,
            format!("its status is {}", value["status"]),
            [seq],
        ),
        Ok(stands) => Found::kept([seq, stands]),
    }
}

/// \[OFF-10\]
pub(super) fn accepted_offline(shop: &Shop<'_>, op: u64) -> Found {
    let expected = "the till says that the payment is accepted offline: processing, with its place in the queue";
    if let Some(found) = screen::accepted_offline(shop, op) {
        return found;
    }
    let (seq, value) = match taken(shop, op, expected) {
        Ok(taken) => taken,
        Err(found) => return found,
    };
    if value["status"] == "completed" {
        return Found::broken("offline_called_approved", expected, "completed", [seq]);
    }
    if value["status"] != "processing" || !value["offline"].is_object() {
        let seen = format!("status {}, offline {}", value["status"], value["offline"]);
        return Found::broken("offline_not_told", expected, seen, [seq]);
    }
    Found::kept([seq])
}

/// The till's answer is an error of one of these classes.
pub(super) fn refused(shop: &Shop<'_>, op: u64, classes: &[String]) -> Found {
    let expected = format!("an error of the class {}", classes.join(" or "));
    match shop.told.get(&op) {
        None => Found::unseen("the till did not answer"),
        Some((at, Answered::Error { class, .. })) if classes.contains(class) => {
            Found::kept([at.seq])
        }
        Some((at, Answered::Error { class, message, .. })) => Found::broken(
            "wrong_class",
            expected,
            format!("{class}: {message}"),
            [at.seq],
        ),
        Some((at, Answered::Ok { value })) => {
            Found::broken("no_error", expected, short(value), [at.seq])
        }
        Some((_, Answered::Unsupported)) => Found::unseen("the adapter has no such op"),
        Some((at, Answered::Read { result, .. })) => screen::refused(*at, *result, &expected),
    }
}

/// The till's answer is an error.
pub(super) fn an_error(shop: &Shop<'_>, op: u64) -> Found {
    match shop.told.get(&op) {
        None => Found::unseen("the till did not answer"),
        Some((_, Answered::Unsupported)) => Found::unseen("the adapter has no such op"),
        Some((at, Answered::Error { .. })) => Found::kept([at.seq]),
        Some((at, Answered::Ok { value })) => {
            Found::broken("no_error", "an error", short(value), [at.seq])
        }
        Some((at, Answered::Read { result, .. })) => screen::an_error(*at, *result),
    }
}

/// \[REC-10\]
pub(super) fn unknown(shop: &Shop<'_>, op: u64) -> Found {
    let expected = "the till says that nobody knows the outcome, and of which sale";
    let reference = shop
        .asked(op)
        .and_then(|asked| asked.fields["reference"].as_str())
        .unwrap_or_default();
    match shop.told.get(&op) {
        None => Found::unseen("the till did not answer"),
        Some((at, Answered::Ok { value })) => {
            Found::broken("guessed", expected, short(value), [at.seq])
        }
        Some((
            at,
            Answered::Error {
                class,
                reference: said,
                message,
                ..
            },
        )) => match (class.as_str(), said.as_deref()) {
            ("indeterminate", Some(said)) if said == reference => Found::kept([at.seq]),
            ("indeterminate", said) => Found::broken(
                "no_reference",
                expected,
                format!("indeterminate, of {}", said.unwrap_or("no sale")),
                [at.seq],
            ),
            (class, _) => {
                Found::broken("guessed", expected, format!("{class}: {message}"), [at.seq])
            }
        },
        Some((_, Answered::Unsupported)) => Found::unseen("the adapter has no such op"),
        Some((at, Answered::Read { result, .. })) => screen::unknown(*at, *result),
    }
}

/// The payment that was completed, wherever the till learned of it, or that nobody knows. \[REC-10\]
pub(super) fn true_or_unknown(shop: &Shop<'_>, op: u64) -> Found {
    if let Some((at, Answered::Ok { value })) = shop.told.get(&op)
        && value["status"] == "completed"
        && let Ok(stands) = true_payment(shop, value)
    {
        return Found::kept([at.seq, stands]);
    }
    unknown(shop, op)
}

/// Whatever the till says is true: an error, or the payment as a terminal has it. \[REC-16, REC-18, REC-19\]
pub(super) fn not_fooled(shop: &Shop<'_>, op: u64) -> Found {
    let expected = "an error, or this sale's own payment as the terminal has it, and final";
    match shop.told.get(&op) {
        None => Found::unseen("the till did not answer"),
        Some((_, Answered::Unsupported)) => Found::unseen("the adapter has no such op"),
        Some((at, Answered::Error { .. })) => Found::kept([at.seq]),
        Some((at, Answered::Ok { value })) => {
            let queued = value["status"] == "processing" && value["offline"].is_object();
            let is_final = value["status"]
                .as_str()
                .is_some_and(|status| FINAL.contains(&status));
            if !is_final && !queued {
                let seen = format!("its status is {}", value["status"]);
                return Found::broken("not_final", expected, seen, [at.seq]);
            }
            match true_payment(shop, value) {
                Err(lie) => Found::broken("fooled", expected, lie, [at.seq]),
                Ok(_) if !is_own(shop, op, value) => Found::broken(
                    "another_attempt",
                    expected,
                    format!(
                        "the payment {}, which this till did not ask for",
                        value["id"]
                    ),
                    [at.seq],
                ),
                Ok(stands) => Found::kept([at.seq, stands]),
            }
        }
        Some((at, Answered::Read { result, .. })) => screen::not_fooled(shop, op, *at, *result),
    }
}

/// \[EVT-4\]
pub(super) fn believed(shop: &Shop<'_>, op: u64) -> Found {
    let expected = "the till believes the webhook, and its answer is the event";
    let id = shop
        .asked(op)
        .and_then(|asked| asked.fields["body"].as_str())
        .and_then(|body| serde_json::from_str::<Value>(body).ok())
        .map(|event| event["id"].clone())
        .unwrap_or_default();
    match taken(shop, op, expected) {
        Err(found) => found,
        Ok((seq, value)) if value["id"] == id => Found::kept([seq]),
        Ok((seq, value)) => Found::broken("another_event", expected, short(value), [seq]),
    }
}

/// \[EVT-3\]
pub(super) fn disbelieved(shop: &Shop<'_>, op: u64) -> Found {
    let expected = "an error of the class webhook";
    match shop.told.get(&op) {
        None => Found::unseen("the till did not answer"),
        Some((_, Answered::Unsupported)) => Found::unseen("the adapter has no such op"),
        Some((at, Answered::Error { class, .. })) if class == "webhook" => Found::kept([at.seq]),
        Some((at, Answered::Error { class, message, .. })) => {
            let seen = format!("{class}: {message}");
            Found::broken("wrong_class", expected, seen, [at.seq])
        }
        Some((at, Answered::Ok { .. })) => {
            Found::broken("forgery_believed", expected, "the event", [at.seq])
        }
        Some((_, Answered::Read { .. })) => Found::unseen(screen::ONLY_A_WORD),
    }
}

/// \[HYB-3\]
pub(super) fn mode(shop: &Shop<'_>, op: u64, mode: &str) -> Found {
    let expected = format!("metadata.connectionMode is {mode}, the path whose command came first");
    match taken(shop, op, &expected) {
        Err(found) => found,
        Ok((seq, value)) if value["metadata"]["connectionMode"] == mode => Found::kept([seq]),
        Ok((seq, value)) => Found::broken(
            "wrong_mode",
            expected,
            format!("it is {}", value["metadata"]["connectionMode"]),
            [seq],
        ),
    }
}

/// \[GRP-1, GRP-2\]
pub(super) fn taken_at(shop: &Shop<'_>, op: u64, terminal: &str) -> Found {
    let expected = format!("the payment was taken at {terminal}");
    match taker(shop, op, &expected) {
        Err(found) => found,
        Ok((seq, _, real)) if real.terminal == terminal => Found::kept([seq, real.at.seq]),
        Ok((seq, _, real)) => Found::broken(
            "another_terminal",
            expected,
            format!("it was taken at {}", real.terminal),
            [seq, real.at.seq],
        ),
    }
}

/// \[GRP-3\]
pub(super) fn names_its_terminal(shop: &Shop<'_>, op: u64) -> Found {
    let expected = "terminalId is the terminal that took the payment";
    match taker(shop, op, expected) {
        Err(found) => found,
        Ok((seq, value, real)) if value["terminalId"] == real.terminal => {
            Found::kept([seq, real.at.seq])
        }
        Ok((seq, value, real)) => Found::broken(
            "wrong_terminal_named",
            expected,
            format!(
                "it is {}, and {} took it",
                value["terminalId"], real.terminal
            ),
            [seq, real.at.seq],
        ),
    }
}

/// The till's answer, and the entry of the terminal whose payment it is.
fn taker<'a, 's>(
    shop: &'s Shop<'a>,
    op: u64,
    expected: &str,
) -> Result<(u64, &'a Value, &'s Stands<'a>), Found> {
    let (seq, value) = taken(shop, op, expected)?;
    let real = shop
        .stands
        .iter()
        .find(|stands| stands.payment["id"] == value["id"]);
    match real {
        None => Err(Found::broken("invented", expected, short(value), [seq])),
        Some(real) => Ok((seq, value, real)),
    }
}

/// \[REC-12\]
pub(super) fn remembers(shop: &Shop<'_>, op: u64) -> Found {
    let expected = "the sale that was open when the till was killed is among the unresolved";
    let sale = shop.pays().next().map(|pay| pay.reference().to_owned());
    let Some(sale) = sale else {
        return Found::unseen("no payment was begun before");
    };
    match taken(shop, op, expected) {
        Err(found) => found,
        Ok((seq, value)) => {
            let known = value["unresolved"]
                .as_array()
                .is_some_and(|all| all.iter().any(|one| one == &Value::from(sale.as_str())));
            if known {
                Found::kept([seq])
            } else {
                let seen = format!("unresolved is {}", value["unresolved"]);
                Found::broken("forgotten", expected, seen, [seq])
            }
        }
    }
}

/// \[REC-12\]
pub(super) fn settled(shop: &Shop<'_>, op: u64, status: &str) -> Found {
    let expected = format!("the open sale is settled, and {status}");
    let sale = shop.pays().next().map(|pay| pay.reference().to_owned());
    match (taken(shop, op, &expected), sale) {
        (Err(found), _) => found,
        (Ok(_), None) => Found::unseen("no payment was begun before"),
        (Ok((seq, value)), Some(sale)) => {
            let own = &value[sale.as_str()];
            match true_payment(shop, own) {
                _ if own["status"] != status => {
                    let seen = format!("the sale is {}", own["status"]);
                    Found::broken("not_settled", expected, seen, [seq])
                }
                Err(lie) => Found::broken("invented", expected, lie, [seq]),
                Ok(stands) => Found::kept([seq, stands]),
            }
        }
    }
}

/// The value of an answer, or what an error or silence means.
fn taken<'a>(shop: &Shop<'a>, op: u64, expected: &str) -> Result<(u64, &'a Value), Found> {
    match shop.told.get(&op) {
        None => Err(Found::unseen("the till did not answer")),
        Some((_, Answered::Unsupported)) => Err(Found::unseen("the adapter has no such op")),
        Some((at, Answered::Error { class, message, .. })) => {
            let seen = format!("{class}: {message}");
            Err(Found::broken("an_error", expected, seen, [at.seq]))
        }
        Some((at, Answered::Ok { value })) => Ok((at.seq, value)),
        Some((_, Answered::Read { .. })) => Err(Found::unseen(screen::ONLY_A_WORD)),
    }
}

/// The entry of a terminal's journal that says the same; else how the answer differs from all of them.
fn true_payment(shop: &Shop<'_>, value: &Value) -> Result<u64, String> {
    let own: Vec<_> = shop
        .stands
        .iter()
        .filter(|stands| stands.payment["id"] == value["id"])
        .collect();
    let Some(last) = own.last() else {
        return Err(format!("no terminal has a payment {}", value["id"]));
    };
    for field in ["terminalId", "reference", "amount", "currency"] {
        if last.payment[field] != value[field] {
            return Err(format!(
                "{field} is {}, and the terminal's is {}",
                value[field], last.payment[field]
            ));
        }
    }
    own.iter()
        .find(|stands| stands.payment["status"] == value["status"])
        .map(|stands| stands.at.seq)
        .ok_or_else(|| format!("the terminal never had it as {}", value["status"]))
}

/// The payment carries the key of a `pay` that this till sent since it was asked.
fn is_own(shop: &Shop<'_>, op: u64, value: &Value) -> bool {
    let Some(asked) = shop.asked(op) else {
        return false;
    };
    let own: Vec<_> = shop
        .pays()
        .filter(|pay| pay.at.seq > asked.at.seq && pay.reference() == asked.fields["reference"])
        .collect();
    match value["attemptKey"].as_str() {
        Some(key) => own.iter().any(|pay| pay.key() == Some(key)),
        // A till without keys: what came about since it asked is its own.
        None => shop
            .stands
            .iter()
            .find(|stands| stands.payment["id"] == value["id"])
            .is_some_and(|first| first.at.seq > asked.at.seq),
    }
}

fn short(value: &Value) -> String {
    let text = value.to_string();
    text.chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{SALE, Story, TERMINAL, payment, sale};
    use super::*;

    /// A till that was asked to pay, and a terminal that has completed it.
    fn paid() -> Story {
        let mut story = Story::new();
        story.asks(1, "pay", sale());
        let connection = story.connect();
        story.pay(connection, "k1");
        story.stands(&payment("p1", "k1", "pending"));
        story.stands(&payment("p1", "k1", "completed"));
        story
    }

    // [REC-3]
    #[test]
    fn the_terminals_own_payment_is_the_result() {
        let mut story = paid();
        story.says(1, payment("p1", "k1", "completed"));
        assert_eq!(result(&story.shop(), 1, "completed").reason(), None);
        assert_eq!(
            result(&story.shop(), 1, "failed").reason(),
            Some("wrong_result")
        );
    }

    // [REC-19]
    #[test]
    fn an_amount_that_the_terminal_never_had_fools_nobody() {
        let mut story = paid();
        let mut altered = payment("p1", "k1", "completed");
        altered["amount"] = 1.into();
        story.says(1, altered);
        assert_eq!(not_fooled(&story.shop(), 1).reason(), Some("fooled"));
    }

    // [REC-18]
    #[test]
    fn a_status_that_nobody_knows_is_no_result() {
        let mut story = paid();
        story.says(1, payment("p1", "k1", "settling"));
        assert_eq!(not_fooled(&story.shop(), 1).reason(), Some("not_final"));
    }

    // [REC-16]
    #[test]
    fn another_tills_attempt_is_no_result() {
        let mut story = Story::new();
        story.stands(&payment("p0", "k0", "failed"));
        story.asks(1, "pay", sale());
        let connection = story.connect();
        story.pay(connection, "k1");
        story.says(1, payment("p0", "k0", "failed"));
        assert_eq!(
            not_fooled(&story.shop(), 1).reason(),
            Some("another_attempt")
        );
    }

    // [REC-10]
    #[test]
    fn nobody_knows_is_said_of_a_sale_and_by_no_other_word() {
        for (class, reference, reason) in [
            ("indeterminate", Some(SALE), None),
            ("indeterminate", None, Some("no_reference")),
            ("unreachable", Some(SALE), Some("guessed")),
        ] {
            let mut story = paid();
            story.errs(1, class, reference);
            assert_eq!(unknown(&story.shop(), 1).reason(), reason, "{class}");
        }
    }

    // [OFF-10]
    #[test]
    fn an_offline_acceptance_is_told_as_one() {
        let mut queued = payment("p1", "k1", "processing");
        queued["offline"] =
            serde_json::json!({ "queuedAt": "2026-05-31T14:23:00.000Z", "sequence": 1 });
        for (answer, reason) in [
            (queued, None),
            (payment("p1", "k1", "processing"), Some("offline_not_told")),
            (
                payment("p1", "k1", "completed"),
                Some("offline_called_approved"),
            ),
        ] {
            let mut story = paid();
            story.says(1, answer);
            assert_eq!(accepted_offline(&story.shop(), 1).reason(), reason);
        }
    }

    // [REC-3]
    #[test]
    fn a_paid_sale_is_not_said_to_be_unknown() {
        let mut story = paid();
        story.says(1, Value::Null);
        assert_eq!(
            result(&story.shop(), 1, "completed").reason(),
            Some("not_found")
        );
    }

    // [REC-10]
    #[test]
    fn a_silent_terminals_sale_is_what_another_knows_or_nobody_does() {
        for (answer, reason) in [
            (payment("p1", "k1", "completed"), None),
            (payment("p1", "k1", "failed"), Some("guessed")),
            (payment("p9", "k1", "completed"), Some("guessed")),
            (Value::Null, Some("guessed")),
        ] {
            let mut story = paid();
            story.says(1, answer);
            assert_eq!(true_or_unknown(&story.shop(), 1).reason(), reason);
        }
        let mut story = paid();
        story.errs(1, "indeterminate", Some(SALE));
        assert_eq!(true_or_unknown(&story.shop(), 1).reason(), None);
    }

    // [GRP-3]
    #[test]
    fn whoever_took_it_is_named_even_where_another_should_have_taken_it() {
        for (named, reason) in [(TERMINAL, None), ("term_2", Some("wrong_terminal_named"))] {
            let mut story = paid();
            let mut said = payment("p1", "k1", "completed");
            said["terminalId"] = named.into();
            story.says(1, said);
            assert_eq!(names_its_terminal(&story.shop(), 1).reason(), reason);
            assert_eq!(
                taken_at(&story.shop(), 1, "term_2").reason(),
                Some("another_terminal")
            );
        }
    }

    #[test]
    fn silence_is_never_kept_and_never_broken() {
        let story = paid();
        assert!(result(&story.shop(), 1, "completed").is_unseen());
        assert!(unknown(&story.shop(), 1).is_unseen());
    }
}
