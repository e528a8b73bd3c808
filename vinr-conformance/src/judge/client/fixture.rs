//! Hand-made shops for the tests of what a till must do.

use serde_json::{Value, json};

use super::shop::Shop;
use crate::journal::{Answered, Entry, Event, TillEvent, Whose};

pub(super) const TERMINAL: &str = "term_1";
pub(super) const SALE: &str = "order_1";
const SCENARIO: &str = "a.scenario";

/// What a scenario saw, written line by line; time passes only where a test says so.
#[derive(Default)]
pub(super) struct Story {
    entries: Vec<Entry>,
    now_ms: u64,
    exchanges: u64,
    connections: u64,
}

impl Story {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// So many milliseconds pass.
    pub(super) fn pass(&mut self, ms: u64) -> &mut Self {
        self.now_ms += ms;
        self
    }

    pub(super) fn note(&mut self, till: TillEvent) -> &mut Self {
        self.entries.push(Entry {
            seq: self.entries.len() as u64 + 1,
            at_ns: self.now_ms * 1_000_000,
            wall: String::new(),
            scenario: Some(SCENARIO.into()),
            event: Event::Till(till),
        });
        self
    }

    /// A new connection of the till; its number.
    pub(super) fn connect(&mut self) -> u64 {
        self.connections += 1;
        self.note(TillEvent::Accepted {
            connection: self.connections,
            at: TERMINAL.into(),
        });
        self.connections
    }

    /// A request; its number.
    pub(super) fn request(
        &mut self,
        connection: u64,
        at: &str,
        [method, path, key]: [&str; 3],
        body: &Value,
    ) -> u64 {
        self.exchanges += 1;
        let key = (!key.is_empty()).then(|| ("Idempotency-Key".to_owned(), key.to_owned()));
        let kind = ("Content-Type".to_owned(), "application/json".to_owned());
        self.note(TillEvent::Request {
            connection,
            exchange: self.exchanges,
            at: at.into(),
            method: method.into(),
            path: path.into(),
            headers: [kind].into_iter().chain(key).collect(),
            body: body.to_string(),
        });
        self.exchanges
    }

    pub(super) fn pay(&mut self, connection: u64, key: &str) -> u64 {
        let sale = sale();
        self.request(connection, TERMINAL, ["POST", "/v1/pay", key], &sale)
    }

    /// A look-up that finds this.
    pub(super) fn look_up(&mut self, connection: u64, found: &[Value]) -> u64 {
        let path = format!("/v1/payments?reference={SALE}");
        let exchange = self.request(connection, TERMINAL, ["GET", &path, ""], &Value::Null);
        self.answer(exchange, 200, &json!({ "object": "list", "data": found }));
        exchange
    }

    pub(super) fn answer(&mut self, exchange: u64, status: u16, body: &Value) -> &mut Self {
        self.note(TillEvent::Body {
            exchange,
            status,
            text: body.to_string(),
        })
    }

    pub(super) fn lose(&mut self, exchange: u64) -> &mut Self {
        self.note(TillEvent::Lost {
            exchange,
            how: "reset".into(),
        })
    }

    pub(super) fn hang_up(&mut self, connection: u64) -> &mut Self {
        self.note(TillEvent::Ended {
            connection,
            by: Whose::Till,
            how: "closed".into(),
        })
    }

    pub(super) fn stands(&mut self, payment: &Value) -> &mut Self {
        self.note(TillEvent::Stands {
            at: payment["terminalId"].as_str().unwrap_or(TERMINAL).into(),
            payment: payment.clone(),
        })
    }

    pub(super) fn asks(&mut self, op: u64, name: &str, fields: Value) -> &mut Self {
        self.note(TillEvent::Asked {
            op,
            name: name.into(),
            fields,
        })
    }

    pub(super) fn says(&mut self, op: u64, value: Value) -> &mut Self {
        self.note(TillEvent::Told {
            op,
            answer: Answered::Ok { value },
        })
    }

    pub(super) fn errs(&mut self, op: u64, class: &str, reference: Option<&str>) -> &mut Self {
        self.note(TillEvent::Told {
            op,
            answer: Answered::Error {
                class: class.into(),
                message: "m".into(),
                code: None,
                reference: reference.map(str::to_owned),
            },
        })
    }

    pub(super) fn shop(&self) -> Shop<'_> {
        Shop::new(&self.entries, SCENARIO)
    }
}

pub(super) fn sale() -> Value {
    json!({ "terminalId": TERMINAL, "amount": 2500, "currency": "USD", "reference": SALE,
        "captureMethod": "automatic" })
}

pub(super) fn payment(id: &str, key: &str, status: &str) -> Value {
    json!({ "id": id, "object": "terminal_payment", "terminalId": TERMINAL, "attemptKey": key, "amount": 2500,
        "currency": "USD", "reference": SALE, "status": status, "offline": null })
}
