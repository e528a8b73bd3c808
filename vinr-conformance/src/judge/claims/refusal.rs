//! Refusals: by name, by a closed connection, and what they must not tell. \[PAY-9, PAY-10, PAY-20, GRP-5\]

use serde_json::Value;

use crate::judge::found::Found;
use crate::judge::trace::{Exchange, value};

pub(super) fn refused(
    own: &Exchange<'_>,
    codes: &[String],
    param: Option<&str>,
    may_close: bool,
) -> Found {
    let close = if may_close {
        ", or a closed connection"
    } else {
        ""
    };
    // Of what is refused for no fault of the till's the status begins with a 5. [TLS-15]
    let is_ours = |status| {
        codes
            .iter()
            .any(|code| vinr_protocol::Code::from(code.as_str()).status() == status)
    };
    let kind = if is_ours(503) { "503" } else { "4xx" };
    let code = match codes {
        [] => "any code".to_owned(),
        codes => format!("the code {}", codes.join(" or ")),
    };
    let expected = format!("a {kind} with {code}{close}");
    let broken = |reason, seen: String| Found::broken(reason, &expected, seen, own.entries());
    let status = match own.status() {
        None if may_close && own.was_cut() => return Found::kept(own.entries()),
        None => return broken("no_answer", own.outcome()),
        Some(status @ 400..=499) => status,
        Some(status) if is_ours(status) => status,
        Some(200..=299) => return broken("accepted", own.outcome()),
        Some(_) => return broken("wrong_status", own.outcome()),
    };
    if codes.is_empty() {
        return Found::kept(own.entries());
    }
    let Some(code) = own.code() else {
        if may_close && own.body.is_none() {
            return Found::kept(own.entries());
        }
        return broken("no_code", format!("{status} without an error code"));
    };
    if !codes.iter().any(|wanted| wanted == code) {
        return broken("wrong_code", own.outcome());
    }
    let lawful = vinr_protocol::Code::from(code).status();
    if status != lawful {
        return broken(
            "wrong_status",
            format!("{code} with {status} instead of {lawful}"),
        );
    }
    let named = own.json().pointer("/error/param").and_then(Value::as_str);
    if param.is_some() && named != param {
        return Found::broken(
            "wrong_param",
            format!(
                "the error names the field \"{}\"",
                param.unwrap_or_default()
            ),
            named.map_or("it names none".into(), |named| {
                format!("it names \"{named}\"")
            }),
            own.entries(),
        );
    }
    Found::kept(own.entries())
}

pub(super) fn served(own: &Exchange<'_>) -> Found {
    match own.status() {
        Some(200..=299) if own.body.is_some() => Found::kept(own.entries()),
        _ => Found::broken(
            "not_served",
            "an answer with a success",
            own.outcome(),
            own.entries(),
        ),
    }
}

/// \[GRP-6\]
pub(super) fn retry_after(own: &Exchange<'_>) -> Found {
    let Some(head) = own.head else {
        return Found::unseen(own.outcome());
    };
    let expected = "Retry-After: 1 to 5";
    match value(head.headers, "retry-after").map(|text| (text, text.parse::<u64>())) {
        Some((_, Ok(1..=5))) => Found::kept(own.entries()),
        Some((text, _)) => Found::broken(
            "wrong_retry_after",
            expected,
            format!("Retry-After: {text}"),
            own.entries(),
        ),
        None => Found::broken("no_retry_after", expected, "no Retry-After", own.entries()),
    }
}

pub(super) fn tells_nothing_of(own: &Exchange<'_>, other: &Exchange<'_>) -> Found {
    let Some(body) = &own.body else {
        return Found::unseen(own.outcome());
    };
    let text = |name: &str| other.asked.get(name).map(|field| field.to_string());
    let id = other.payment().map(|payment| payment.id().to_owned());
    let secrets = [
        ("reference", text("reference").map(unquoted)),
        ("amount", text("amount")),
        ("key", other.key().map(str::to_owned)),
        ("payment id", id),
    ];
    let headers = own.head.map_or(&[][..], |head| head.headers);
    for (what, secret) in secrets {
        let Some(secret) = secret.filter(|secret| !secret.is_empty()) else {
            continue;
        };
        if body.text.contains(&secret) || headers.iter().any(|(_, value)| *value == secret) {
            return Found::broken(
                "leaks_the_other_payment",
                "a refusal that says nothing of the payment on the screen",
                format!("it holds the other payment's {what}"),
                own.entries(),
            );
        }
    }
    Found::kept(own.entries())
}

fn unquoted(text: String) -> String {
    text.trim_matches('"').to_owned()
}

#[cfg(test)]
mod tests {
    use crate::journal::Said;
    use crate::judge::fixture::{Story, error};

    fn refused(exchange: u64, code: &str, may_close: bool) -> Said {
        Said::Refused {
            exchange,
            codes: vec![code.into()],
            param: None,
            may_close,
        }
    }

    #[test]
    fn a_4xx_with_its_code_is_a_refusal() {
        let mut story = Story::new();
        let pay = story.pay("order_1", "k1", 2500);
        story.answer(pay, 400, &error("wrong_terminal"));
        assert_eq!(story.reason(&refused(pay, "wrong_terminal", false)), None);
    }

    #[test]
    fn a_503_is_a_refusal_where_the_code_has_that_status_and_nowhere_else() {
        let reason = |wanted: &str, status, code: &str| {
            let mut story = Story::new();
            let pay = story.pay("order_1", "k1", 2500);
            story.answer(pay, status, &error(code));
            story.reason(&refused(pay, wanted, false))
        };
        let unavailable = "terminal_unavailable";
        assert_eq!(reason(unavailable, 503, unavailable), None);
        assert_eq!(reason(unavailable, 500, "internal"), Some("wrong_status"));
        assert_eq!(
            reason("wrong_terminal", 503, unavailable),
            Some("wrong_status")
        );
    }

    #[test]
    fn a_success_is_no_refusal() {
        let mut story = Story::new();
        let pay = story.pay("order_1", "k1", 2500);
        story.answer_payment(pay, "completed");
        assert_eq!(
            story.reason(&refused(pay, "wrong_terminal", false)),
            Some("accepted")
        );
    }

    #[test]
    fn another_code_is_named_as_such() {
        let mut story = Story::new();
        let pay = story.pay("order_1", "k1", 2500);
        story.answer(pay, 400, &error("invalid_json"));
        assert_eq!(
            story.reason(&refused(pay, "wrong_terminal", false)),
            Some("wrong_code")
        );
    }

    #[test]
    fn a_code_with_another_status_is_named_as_such() {
        let mut story = Story::new();
        let pay = story.pay("order_1", "k1", 2500);
        story.answer(pay, 422, &error("wrong_terminal"));
        assert_eq!(
            story.reason(&refused(pay, "wrong_terminal", false)),
            Some("wrong_status")
        );
    }

    #[test]
    fn a_closed_connection_is_a_refusal_only_where_that_is_lawful() {
        let mut story = Story::new();
        let pay = story.pay("order_1", "k1", 2500);
        story.lose(pay, "reset");
        assert_eq!(story.reason(&refused(pay, "body_too_large", true)), None);
        assert_eq!(
            story.reason(&refused(pay, "body_too_large", false)),
            Some("no_answer")
        );
    }

    #[test]
    fn a_busy_answer_with_the_other_reference_leaks() {
        let mut story = Story::new();
        let first = story.pay("order_1", "k1", 2500);
        let second = story.pay("order_2", "k2", 700);
        story.answer(
            second,
            409,
            &error("terminal_busy").replace("words", "busy with order_1"),
        );
        let said = Said::TellsNothingOf {
            exchange: second,
            other: first,
        };
        assert_eq!(story.reason(&said), Some("leaks_the_other_payment"));
    }

    #[test]
    fn a_busy_answer_of_its_own_words_tells_nothing() {
        let mut story = Story::new();
        let first = story.pay("order_1", "k1", 2500);
        let second = story.pay("order_2", "k2", 700);
        story.answer(second, 409, &error("terminal_busy"));
        let said = Said::TellsNothingOf {
            exchange: second,
            other: first,
        };
        assert_eq!(story.reason(&said), None);
    }
}
