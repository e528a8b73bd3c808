//! Hand-made journals for the tests of claims and rules.

use vinr_protocol::question::{Answer, Answered, LedgerEntry, Question};

use super::claims;
use super::found::Found;
use super::trace::Trace;
use crate::journal::{Certificate, Claim, Entry, Event, Handshake, Said, ScreenEvent};

/// A journal that a test writes line by line; each line is a millisecond after the one before.
pub(super) struct Story {
    entries: Vec<Entry>,
    exchanges: u64,
}

pub(super) const SCENARIO: &str = "a.story";

impl Story {
    pub(super) fn new() -> Self {
        Self::on_the_wire(vinr_protocol::API)
    }

    pub(super) fn on_the_wire(wire: &str) -> Self {
        let mut story = Self {
            entries: Vec::new(),
            exchanges: 0,
        };
        story.note(Event::RunBegin {
            suite: "0".into(),
            seed: 1,
            terminal: "term_1".into(),
            address: "127.0.0.1:8443".into(),
            wire: wire.into(),
            driver: "control".into(),
        });
        story.note(Event::ScreenWatch { on: true });
        story
    }

    pub(super) fn seq(&self) -> u64 {
        self.entries.len() as u64
    }

    fn now_ns(&self) -> u64 {
        (self.seq() + 1) * 1_000_000
    }

    pub(super) fn note(&mut self, event: Event) -> u64 {
        let entry = Entry {
            seq: self.seq() + 1,
            at_ns: self.now_ns(),
            wall: "2026-05-31T14:23:00.000Z".into(),
            scenario: Some(SCENARIO.into()),
            event,
        };
        self.entries.push(entry);
        self.seq()
    }

    fn request(&mut self, method: &str, path: &str, key: &str, body: String) -> u64 {
        self.exchanges += 1;
        let connection = self.connection_of(self.exchanges);
        self.note(Event::Dial {
            connection,
            address: "127.0.0.1:8443".into(),
            error: None,
        });
        self.note(Event::Handshake(Box::new(Handshake {
            connection,
            presented: "pos".into(),
            asked: true,
            ..Handshake::default()
        })));
        let headers = match key {
            "" => vec![],
            key => vec![("idempotency-key".into(), key.into())],
        };
        let last_byte_ns = self.now_ns();
        self.note(Event::Request {
            connection,
            exchange: self.exchanges,
            method: method.into(),
            path: path.into(),
            headers,
            body_len: body.len() as u64,
            body,
            last_byte_ns,
            error: None,
        });
        self.exchanges
    }

    pub(super) fn connection_of(&self, exchange: u64) -> u64 {
        100 + exchange
    }

    pub(super) fn pay(&mut self, reference: &str, key: &str, amount: u64) -> u64 {
        let body = format!(
            r#"{{"terminalId":"term_1","amount":{amount},"currency":"USD","reference":"{reference}"}}"#
        );
        self.request("POST", "/v1/pay", key, body)
    }

    pub(super) fn look_up(&mut self, reference: &str) -> u64 {
        let path = format!("/v1/payments?reference={reference}");
        self.request("GET", &path, "", String::new())
    }

    pub(super) fn cancel(&mut self, reference: &str, key: &str) -> u64 {
        let body =
            format!(r#"{{"terminalId":"term_1","reference":"{reference}","attemptKey":"{key}"}}"#);
        self.request("POST", "/v1/cancel", "", body)
    }

    pub(super) fn head(&mut self, exchange: u64, status: u16, headers: &[(&str, &str)]) {
        let first_byte_ns = self.now_ns();
        self.note(Event::Head {
            exchange,
            status,
            headers: headers
                .iter()
                .map(|(name, value)| ((*name).into(), (*value).into()))
                .collect(),
            first_byte_ns,
        });
    }

    pub(super) fn body(&mut self, exchange: u64, text: &str) {
        let last_byte_ns = self.now_ns();
        self.note(Event::Body {
            exchange,
            text: text.into(),
            len: text.len() as u64,
            last_byte_ns,
        });
    }

    pub(super) fn answer(&mut self, exchange: u64, status: u16, body: &str) {
        self.head(exchange, status, &[]);
        self.body(exchange, body);
    }

    /// Answers a `pay` with its own payment.
    pub(super) fn answer_payment(&mut self, exchange: u64, status: &str) {
        let trace = Trace::new(&self.entries);
        let own = trace.exchange(exchange).expect("the exchange exists");
        let reference = own.reference().unwrap_or_default().to_owned();
        let key = own.key().unwrap_or_default().to_owned();
        let amount = own.asked["amount"].as_u64().unwrap_or_default();
        self.answer(exchange, 200, &payment(&reference, &key, amount, status));
    }

    pub(super) fn lose(&mut self, exchange: u64, why: &str) {
        self.note(Event::Lost {
            exchange,
            why: why.into(),
        });
    }

    pub(super) fn screen(&mut self, screen: &str, reference: &str) {
        self.note(Event::Screen(ScreenEvent {
            screen: screen.into(),
            reference: Some(reference.to_owned()).filter(|text| !text.is_empty()),
            payment: Some(format!("tpay_of_{reference}")),
            ..ScreenEvent::default()
        }));
    }

    pub(super) fn card(&mut self, card: &str) {
        let id = self.ask_for(card);
        self.note(Event::Answer(Answer::plain(&id, Answered::Done)));
    }

    /// Somebody is asked for a card and fails.
    pub(super) fn card_in_vain(&mut self, card: &str) {
        let id = self.ask_for(card);
        self.note(Event::Answer(Answer::cannot(&id, "the command failed")));
    }

    fn ask_for(&mut self, card: &str) -> String {
        let id = format!("q{}", self.seq());
        let question = Question {
            question: "present_card".into(),
            id: id.clone(),
            requirement: vec![],
            why: String::new(),
            subject: "term_1".into(),
            args: [("card".to_owned(), card.into())].into_iter().collect(),
            deadline_ms: 1000,
        };
        self.note(Event::Question(question));
        id
    }

    /// Somebody is asked to do something, and does it.
    pub(super) fn asked(&mut self, question: &str) {
        self.answered(question, serde_json::Map::new(), Answered::Done);
    }

    /// Somebody is asked to look at the screen.
    pub(super) fn looked_at(&mut self, expect: &str, answered: Answered) {
        let args = [("expect".to_owned(), expect.into())];
        self.answered("observe_screen", args.into_iter().collect(), answered);
    }

    fn answered(
        &mut self,
        question: &str,
        args: serde_json::Map<String, serde_json::Value>,
        answered: Answered,
    ) {
        let id = format!("q{}", self.seq());
        self.note(Event::Question(Question {
            question: question.into(),
            id: id.clone(),
            requirement: vec![],
            why: String::new(),
            subject: "term_1".into(),
            args,
            deadline_ms: 1000,
        }));
        self.note(Event::Answer(Answer::plain(&id, answered)));
    }

    pub(super) fn ledger(&mut self, entries: Vec<LedgerEntry>) {
        self.note(Event::Ledger {
            reference: None,
            entries,
        });
    }

    pub(super) fn weigh(&self, said: &Said) -> Found {
        let mut entries = self.entries.clone();
        entries.push(Entry {
            seq: self.seq() + 1,
            at_ns: self.now_ns(),
            wall: String::new(),
            scenario: Some(SCENARIO.into()),
            event: Event::Claim(Claim {
                requirement: "PAY-3".into(),
                said: said.clone(),
            }),
        });
        let trace = Trace::new(&entries);
        let entry = entries.last().expect("one was pushed");
        claims::weigh(&trace, entry, said)
    }

    pub(super) fn reason(&self, said: &Said) -> Option<&'static str> {
        self.weigh(said).reason()
    }

    pub(super) fn reasons(
        &self,
        look: for<'t> fn(&'t Trace<'_>) -> Vec<(&'t str, Found)>,
    ) -> Vec<Option<&'static str>> {
        let trace = Trace::new(&self.entries);
        look(&trace)
            .into_iter()
            .map(|(_, found)| found.reason())
            .collect()
    }

    pub(super) fn into_entries(self) -> Vec<Entry> {
        self.entries
    }
}

/// A payment of the right shape, `tpay_1`.
pub(super) fn payment(reference: &str, key: &str, amount: u64, status: &str) -> String {
    let card = matches!(status, "completed" | "failed");
    let is_final = card || status == "cancelled";
    let or_null = |there: bool, text: &str| {
        if there {
            format!("\"{text}\"")
        } else {
            "null".into()
        }
    };
    let captured = if status == "completed" { amount } else { 0 };
    format!(
        concat!(
            r#"{{"id":"tpay_1","object":"terminal_payment","terminalId":"term_1","attemptKey":{key},"#,
            r#""amount":{amount},"currency":"USD","reference":"{reference}","description":null,"#,
            r#""captureMethod":"automatic","status":"{status}","amountCaptured":{captured},"#,
            r#""amountCapturable":0,"last4":{last4},"brand":{brand},"entryMode":{entry},"#,
            r#""declineCode":null,"cancelReason":null,"offline":null,"metadata":{{"connectionMode":"local"}},"#,
            r#""createdAt":"2026-05-31T14:23:00.000Z","completedAt":{completed}}}"#
        ),
        key = or_null(!key.is_empty(), key),
        amount = amount,
        reference = reference,
        status = status,
        captured = captured,
        last4 = or_null(card, "4242"),
        brand = or_null(card, "visa"),
        entry = or_null(card, "contactless"),
        completed = or_null(is_final, "2026-05-31T14:23:07.412Z"),
    )
}

/// A payment that was accepted offline.
pub(super) fn queued(reference: &str, key: &str, amount: u64, sequence: u64) -> String {
    let mark =
        format!(r#""offline":{{"queuedAt":"2026-05-31T14:23:02.000Z","sequence":{sequence}}}"#);
    payment(reference, key, amount, "processing").replace(r#""offline":null"#, &mark)
}

pub(super) fn list(payments: &[String]) -> String {
    format!(
        r#"{{"object":"list","data":[{}],"journalId":"jrn_1"}}"#,
        payments.join(",")
    )
}

pub(super) fn error(code: &str) -> String {
    format!(
        r#"{{"error":{{"type":"validation_error","code":"{code}","message":"words","param":null,"request_id":"req_x","next":"fix_request"}}}}"#
    )
}

pub(super) fn charge(reference: &str, payment: &str) -> LedgerEntry {
    LedgerEntry {
        reference: reference.into(),
        payment_id: payment.into(),
        amount: 2500,
        currency: "USD".into(),
        approved: true,
        voided: false,
        captured: true,
    }
}

pub(super) fn voided(reference: &str, payment: &str) -> LedgerEntry {
    LedgerEntry {
        voided: true,
        ..charge(reference, payment)
    }
}

pub(super) fn certificate(names: &[&str]) -> Certificate {
    Certificate {
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        ..Certificate::default()
    }
}
