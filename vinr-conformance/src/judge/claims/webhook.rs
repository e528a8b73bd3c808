//! What the merchant's server was told. \[EVT-1, EVT-2, OFF-7, OFF-8\]

use aws_lc_rs::hmac;
use serde_json::Value;
use vinr_protocol::timing::WEBHOOK_TOLERANCE;

use crate::journal::{Event, Webhook};
use crate::judge::found::Found;
use crate::judge::payment::Payment;
use crate::judge::trace::{Exchange, Trace, value};

/// How long an acknowledgement may be under way: a webhook that is sent again meanwhile is repeated in good faith.
const ACKNOWLEDGED_AFTER_NS: u64 = 100_000_000;

/// A webhook and its entry.
struct Arrived<'a> {
    seq: u64,
    at_ns: u64,
    webhook: &'a Webhook,
    body: Value,
}

impl Arrived<'_> {
    fn id(&self) -> &str {
        self.body["id"].as_str().unwrap_or_default()
    }

    fn kind(&self) -> &str {
        self.body["type"].as_str().unwrap_or_default()
    }

    fn payment(&self) -> Payment<'_> {
        Payment(&self.body["data"]["object"])
    }

    fn is_acknowledged(&self) -> bool {
        (200..300).contains(&self.webhook.answered)
    }
}

fn arrived<'a>(trace: &Trace<'a>, stretch: std::ops::Range<u64>) -> Vec<Arrived<'a>> {
    let webhooks = trace.entries.iter().filter_map(|entry| match &entry.event {
        Event::Webhook(webhook) if stretch.contains(&entry.seq) => Some(Arrived {
            seq: entry.seq,
            at_ns: entry.at_ns,
            webhook,
            body: serde_json::from_str(&webhook.body).unwrap_or_default(),
        }),
        _ => None,
    });
    webhooks.collect()
}

/// Looks for the event among all that arrived after the `pay` and before the claim.
pub(super) fn told(
    trace: &Trace<'_>,
    own: &Exchange<'_>,
    event: &str,
    decline_code: Option<&str>,
    until: u64,
) -> Found {
    let Some(payment) = own.payment() else {
        return Found::unseen(format!("no payment was answered: {}", own.outcome()));
    };
    let webhooks = arrived(trace, own.seq..until);
    let about: Vec<_> = webhooks
        .iter()
        .filter(|webhook| webhook.payment().id() == payment.id())
        .collect();
    let expected = format!("a webhook {event} about {}", payment.id());
    let entries = own
        .entries()
        .into_iter()
        .chain(about.iter().map(|one| one.seq));
    let entries: Vec<_> = entries.collect();
    let broken = |reason, seen: String| Found::broken(reason, &expected, seen, entries.clone());
    let Some(fired) = about.iter().find(|webhook| webhook.kind() == event) else {
        let kinds: Vec<_> = about.iter().map(|webhook| webhook.kind()).collect();
        let seen = match kinds.is_empty() {
            true => "no webhook about it".into(),
            false => format!("only {}", kinds.join(", ")),
        };
        return broken("not_fired", seen);
    };
    let told = fired.payment();
    for field in ["reference", "amount", "currency", "terminalId"] {
        if told.field(field) != payment.field(field) {
            let seen = format!("its {field} is {}", told.field(field));
            return broken("another_payment", seen);
        }
    }
    let status = event.rsplit('.').next().unwrap_or_default();
    if told.status() != status {
        return broken("wrong_status", format!("its payment is {}", told.status()));
    }
    if decline_code.is_some() && told.text("declineCode") != decline_code {
        let seen = format!("its declineCode is {}", told.field("declineCode"));
        return broken("wrong_decline_code", seen);
    }
    Found::kept(entries)
}

/// Every webhook of the stretch: signed, and the same again until it was acknowledged.
pub(super) fn signed_and_repeated(trace: &Trace<'_>, since: u64, until: u64) -> Found {
    let webhooks = arrived(trace, since..until);
    let secrets: Vec<_> = trace
        .entries
        .iter()
        .filter_map(|entry| match &entry.event {
            Event::Endpoint(endpoint) => Some(endpoint.secret.as_str()),
            _ => None,
        })
        .collect();
    for one in &webhooks {
        if let Err((reason, seen)) = is_signed(one.webhook, &secrets) {
            let expected =
                "Vinr-Signature: t=<now>,v1=<HMAC-SHA256 of t.body under the endpoint's secret>";
            return Found::broken(reason, expected, seen, [one.seq]);
        }
    }
    let expected = "a webhook that was not answered 2xx comes again, the same, and none after that";
    let mut was_refused = false;
    for (place, one) in webhooks.iter().enumerate() {
        let later = &webhooks[place + 1..];
        let again = later.iter().find(|other| other.id() == one.id());
        match (one.is_acknowledged(), again) {
            (true, Some(again)) if again.at_ns < one.at_ns + ACKNOWLEDGED_AFTER_NS => {}
            (true, Some(again)) => {
                let seen = format!("{} came again after it was acknowledged", one.id());
                return Found::broken("repeated_in_vain", expected, seen, [one.seq, again.seq]);
            }
            (false, Some(again)) if again.webhook.body != one.webhook.body => {
                let seen = format!("{} came again with another body", one.id());
                return Found::broken("another_body", expected, seen, [one.seq, again.seq]);
            }
            (false, None) => {
                let is_same = |other: &&Arrived<'_>| {
                    other.kind() == one.kind() && other.payment().id() == one.payment().id()
                };
                let (reason, seen) = match later.iter().find(is_same) {
                    Some(other) => (
                        "another_event_id",
                        format!("{} came as {}", one.id(), other.id()),
                    ),
                    None => (
                        "not_repeated",
                        format!("{} came once, and was refused", one.id()),
                    ),
                };
                return Found::broken(reason, expected, seen, [one.seq]);
            }
            (false, Some(_)) => was_refused = true,
            (true, None) => {}
        }
    }
    if !was_refused {
        return Found::unseen("no webhook was refused, so none had to come again");
    }
    Found::kept(webhooks.iter().map(|one| one.seq))
}

fn is_signed(webhook: &Webhook, secrets: &[&str]) -> Result<(), (&'static str, String)> {
    let Some(header) = value(&webhook.headers, "vinr-signature") else {
        return Err(("unsigned", "no Vinr-Signature".into()));
    };
    let parts: Vec<_> = header
        .split(',')
        .filter_map(|part| part.trim().split_once('='))
        .collect();
    let times: Vec<_> = parts.iter().filter(|(scheme, _)| *scheme == "t").collect();
    let [(_, time)] = times.as_slice() else {
        return Err(("malformed_signature", header.to_owned()));
    };
    let message = format!("{time}.{}", webhook.body);
    let mut tags = parts.iter().filter(|(scheme, _)| *scheme == "v1");
    let is_ours = tags.any(|(_, tag)| {
        secrets.iter().any(|secret| {
            let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
            hex(hmac::sign(&key, message.as_bytes()).as_ref()) == *tag
        })
    });
    if !is_ours {
        return Err(("wrong_signature", header.to_owned()));
    }
    let now = webhook.received_unix + webhook.ahead_s;
    let is_now = time
        .parse::<u64>()
        .is_ok_and(|time| time.abs_diff(now) <= WEBHOOK_TOLERANCE.as_secs());
    if !is_now {
        return Err(("wrong_time", format!("signed at {time}, and it is {now}")));
    }
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{Endpoint, Said};
    use crate::judge::fixture::{Story, payment};

    const NOW: u64 = 1_780_237_388;

    fn event(id: &str, kind: &str, status: &str) -> String {
        let object = payment("order_1", "k1", 2500, status);
        format!(
            r#"{{"id":"{id}","type":"{kind}","created":"2026-05-31T14:23:08.000Z","data":{{"object":{object}}}}}"#
        )
    }

    fn completed(id: &str) -> String {
        event(id, "terminal_payment.completed", "completed")
    }

    fn signed(body: &str, secret: &str, time: u64) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let tag = hmac::sign(&key, format!("{time}.{body}").as_bytes());
        format!("t={time},v1={}", hex(tag.as_ref()))
    }

    fn deliver(story: &mut Story, body: String, signature: String, answered: u16) {
        story.note(Event::Webhook(Webhook {
            headers: vec![("vinr-signature".into(), signature)],
            body,
            received_unix: NOW,
            ahead_s: 0,
            answered,
        }));
    }

    /// A paid sale, and these deliveries: the body, and what the receiver answered.
    fn delivered(bodies: &[(String, u16)]) -> (Story, u64) {
        let mut story = Story::new();
        story.note(Event::Endpoint(Endpoint {
            url: "http://127.0.0.1:1/".into(),
            secret: "whsec_1".into(),
        }));
        let pay = story.pay("order_1", "k1", 2500);
        story.answer_payment(pay, "completed");
        for (body, answered) in bodies {
            deliver(
                &mut story,
                body.clone(),
                signed(body, "whsec_1", NOW),
                *answered,
            );
        }
        (story, pay)
    }

    fn was_told(story: &Story, pay: u64, code: Option<&str>, event: &str) -> Option<&'static str> {
        story.reason(&Said::Told {
            exchange: pay,
            kind: event.into(),
            decline_code: code.map(str::to_owned),
        })
    }

    const REPEATED: Said = Said::SignedAndRepeated { since: 0 };

    #[test]
    fn a_completed_event_of_the_payment_tells_of_it() {
        let (story, pay) = delivered(&[(completed("evt_1"), 200)]);
        assert_eq!(
            was_told(&story, pay, None, "terminal_payment.completed"),
            None
        );
    }

    #[test]
    fn another_event_or_none_tells_nothing() {
        let (story, pay) = delivered(&[]);
        let told = was_told(&story, pay, None, "terminal_payment.completed");
        assert_eq!(told, Some("not_fired"));
        let (story, pay) = delivered(&[(completed("evt_1"), 200)]);
        let told = was_told(&story, pay, None, "terminal_payment.failed");
        assert_eq!(told, Some("not_fired"));
    }

    #[test]
    fn another_amount_is_another_payment() {
        let altered = completed("evt_1").replace(":2500,\"currency", ":2600,\"currency");
        let (story, pay) = delivered(&[(altered, 200)]);
        let told = was_told(&story, pay, None, "terminal_payment.completed");
        assert_eq!(told, Some("another_payment"));
    }

    #[test]
    fn a_failed_event_names_why() {
        let failed = event("evt_1", "terminal_payment.failed", "failed");
        let named = failed.replace(
            "\"declineCode\":null",
            "\"declineCode\":\"offline_auth_declined\"",
        );
        let code = Some("offline_auth_declined");
        let (story, pay) = delivered(&[(named, 200)]);
        assert_eq!(was_told(&story, pay, code, "terminal_payment.failed"), None);
        let (story, pay) = delivered(&[(failed, 200)]);
        let told = was_told(&story, pay, code, "terminal_payment.failed");
        assert_eq!(told, Some("wrong_decline_code"));
    }

    #[test]
    fn a_refused_webhook_that_comes_again_is_repeated() {
        let (story, _) = delivered(&[(completed("evt_1"), 500), (completed("evt_1"), 200)]);
        assert_eq!(story.reason(&REPEATED), None);
        assert!(!story.weigh(&REPEATED).is_unseen());
    }

    #[test]
    fn a_refused_webhook_that_never_comes_again_is_lost() {
        let (story, _) = delivered(&[(completed("evt_1"), 500)]);
        assert_eq!(story.reason(&REPEATED), Some("not_repeated"));
    }

    #[test]
    fn a_repetition_under_another_id_would_be_applied_twice() {
        let (story, _) = delivered(&[(completed("evt_1"), 500), (completed("evt_2"), 200)]);
        assert_eq!(story.reason(&REPEATED), Some("another_event_id"));
    }

    #[test]
    fn what_was_acknowledged_does_not_come_again_once_that_is_known() {
        let again = |after_ms: u64| {
            let (mut story, _) = delivered(&[(completed("evt_1"), 500), (completed("evt_1"), 204)]);
            for _ in 1..after_ms {
                story.note(Event::Note {
                    text: "a millisecond".into(),
                });
            }
            let body = completed("evt_1");
            deliver(&mut story, body.clone(), signed(&body, "whsec_1", NOW), 200);
            story.reason(&REPEATED)
        };
        assert_eq!(again(99), None);
        assert_eq!(again(100), Some("repeated_in_vain"));
    }

    #[test]
    fn where_nothing_was_refused_nobody_knows_whether_it_would_come_again() {
        let (story, _) = delivered(&[(completed("evt_1"), 200)]);
        assert!(story.weigh(&REPEATED).is_unseen());
    }

    fn with_signature(signature: &str) -> Option<&'static str> {
        let (mut story, _) = delivered(&[]);
        deliver(&mut story, completed("evt_1"), signature.to_owned(), 200);
        story.reason(&REPEATED)
    }

    #[test]
    fn a_signature_of_another_secret_or_body_is_wrong() {
        let body = completed("evt_1");
        assert_eq!(
            with_signature(&signed(&body, "whsec_2", NOW)),
            Some("wrong_signature")
        );
        let other = completed("evt_9");
        assert_eq!(
            with_signature(&signed(&other, "whsec_1", NOW)),
            Some("wrong_signature")
        );
        assert_eq!(with_signature("v1=00"), Some("malformed_signature"));
    }

    #[test]
    fn a_signature_holds_for_300_s() {
        let body = completed("evt_1");
        assert_eq!(with_signature(&signed(&body, "whsec_1", NOW - 300)), None);
        let late = with_signature(&signed(&body, "whsec_1", NOW - 301));
        assert_eq!(late, Some("wrong_time"));
    }

    #[test]
    fn a_second_v1_may_belong_to_a_secret_that_is_going() {
        let body = completed("evt_1");
        let ours = signed(&body, "whsec_1", NOW);
        let rotated = ours.replace(",v1=", &format!(",v1={},v1=", "0".repeat(64)));
        assert_eq!(with_signature(&rotated), None);
    }

    #[test]
    fn no_signature_at_all_is_unsigned() {
        let (mut story, _) = delivered(&[]);
        story.note(Event::Webhook(Webhook {
            body: completed("evt_1"),
            received_unix: NOW,
            answered: 200,
            ..Webhook::default()
        }));
        assert_eq!(story.reason(&REPEATED), Some("unsigned"));
    }
}
