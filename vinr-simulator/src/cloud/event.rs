//! One id for each event, whenever and however often it is fired. \[EVT-2\]

use aws_lc_rs::digest::{SHA256, digest};
use vinr_protocol::Timestamp;
use vinr_protocol::id::EventId;
use vinr_protocol::payment::Payment;
use vinr_protocol::webhook::{Event, EventData, EventType};

/// The event that this happened to a payment. Its id is drawn from what it says: the same again is the same event, and
/// nothing needs to remember which id it had.
pub(super) fn of(kind: EventType, payment: Payment, now: Timestamp) -> Event {
    Event {
        id: id(&kind, &payment),
        kind,
        created: now,
        data: EventData { object: payment },
    }
}

fn id(kind: &EventType, payment: &Payment) -> EventId {
    let said = serde_json::to_vec(&(kind, payment)).expect("a payment has string keys");
    let digest = digest(&SHA256, &said);
    let mut random = [0; 16];
    random[6..].copy_from_slice(&digest.as_ref()[..10]);
    let date = payment.completed_at.unwrap_or(payment.created_at);
    let date = u64::try_from(date.unix_ms()).unwrap_or(0);
    let id = ulid::Ulid::from_parts(date, u128::from_be_bytes(random));
    EventId::new(&format!("evt_{id}")).expect("a prefix and a ULID are visible ASCII")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payment(status: &str) -> Payment {
        let json = format!(
            r#"{{"id":"tpay_1","object":"terminal_payment","terminalId":"term_1","amount":2500,"currency":"USD",
            "reference":"a","status":"{status}","createdAt":"2026-05-31T14:23:00.000Z"}}"#
        );
        serde_json::from_str(&json).unwrap()
    }

    // [EVT-2]
    #[test]
    fn the_same_event_has_the_same_id_and_another_has_another() {
        let at = |ms| Timestamp::from_unix_ms(ms).unwrap();
        let first = of(EventType::Updated, payment("processing"), at(1)).id;
        let again = of(EventType::Updated, payment("processing"), at(2)).id;
        assert_eq!(first, again);
        let other_type = of(EventType::Created, payment("processing"), at(1)).id;
        let other_news = of(EventType::Updated, payment("pending"), at(1)).id;
        assert!(first != other_type && first != other_news);
    }
}
