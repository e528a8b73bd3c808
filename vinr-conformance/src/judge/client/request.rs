//! The `pay` as the page writes it. \[PAY-1\]

use super::shop::{Request, Shop};
use crate::judge::found::Found;

/// The first `pay` of this op says what the till was asked for.
pub(super) fn as_the_page_says(shop: &Shop<'_>, op: u64) -> Found {
    let Some(asked) = shop.asked(op) else {
        return Found::unseen("the till was not asked");
    };
    let own = |pay: &&Request<'_>| pay.at.seq > asked.at.seq && !pay.is_cloud();
    let Some(pay) = shop.pays().find(own) else {
        let sent = shop
            .requests
            .iter()
            .filter(|request| request.at.seq > asked.at.seq)
            .map(Request::words)
            .collect::<Vec<_>>();
        if sent.is_empty() && !shop.told.contains_key(&op) {
            return Found::unseen("nothing was sent");
        }
        let expected = "POST /v1/pay to the terminal";
        return Found::broken("not_sent", expected, sent.join(", "), [asked.at.seq]);
    };
    let broken = |reason, expected: String, seen: String| {
        Found::broken(reason, expected, seen, [asked.at.seq, pay.at.seq])
    };
    if let Err((reason, expected, seen)) = shape(pay) {
        return broken(reason, expected, seen);
    }
    for field in ["terminalId", "amount", "currency", "reference"] {
        let wanted = &asked.fields[field];
        if !wanted.is_null() && pay.body[field] != *wanted {
            let seen = pay.body[field].to_string();
            return broken("field_altered", format!("{field} is {wanted}"), seen);
        }
    }
    let wanted = asked.fields["captureMethod"]
        .as_str()
        .unwrap_or("automatic");
    if pay.body["captureMethod"] != wanted {
        let seen = pay.body["captureMethod"].to_string();
        let expected = format!("captureMethod is {wanted}");
        return broken("capture_method", expected, seen);
    }
    Found::kept([asked.at.seq, pay.at.seq])
}

/// Content type and the types of the fields.
pub(super) fn shape(pay: &Request<'_>) -> Result<(), (&'static str, String, String)> {
    let kind = pay.header("content-type").unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/json") {
        let expected = "Content-Type: application/json".to_owned();
        return Err(("content_type", expected, format!("'{kind}'")));
    }
    if !pay.body.is_object() {
        let expected = "a JSON object".to_owned();
        return Err(("not_json", expected, pay.text.chars().take(80).collect()));
    }
    for field in ["terminalId", "currency", "reference", "captureMethod"] {
        if !pay.body[field].is_string() {
            let expected = format!("{field} is a text");
            return Err(("field_missing", expected, pay.body[field].to_string()));
        }
    }
    if !pay.body["amount"].is_u64() {
        let expected = "amount is a whole number of minor units".to_owned();
        return Err(("amount_type", expected, pay.body["amount"].to_string()));
    }
    Ok(())
}
