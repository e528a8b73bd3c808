//! The journal, put in order for those who judge it: exchanges, connections, screens, cards, ledgers.

use std::collections::BTreeMap;

use serde_json::Value;
use vinr_protocol::question::{Answered, LedgerEntry, Question};

use super::payment::Payment;
use crate::journal::{Advert, Claimed, Ended, Entry, Event, Handshake, Header, ScreenEvent};

/// See the module.
pub(super) struct Trace<'a> {
    pub(super) entries: &'a [Entry],
    pub(super) exchanges: BTreeMap<u64, Exchange<'a>>,
    pub(super) connections: BTreeMap<u64, Connection<'a>>,
}

/// A request and whatever came of it.
#[derive(Debug, Clone)]
pub(super) struct Exchange<'a> {
    pub(super) number: u64,
    pub(super) connection: u64,
    pub(super) scenario: &'a str,
    /// The request's entry.
    pub(super) seq: u64,
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    headers: &'a [Header],
    /// The request's body as JSON; `null` where it is none.
    pub(super) asked: Value,
    pub(super) last_byte_ns: u64,
    pub(super) head: Option<Head<'a>>,
    pub(super) body: Option<Body<'a>>,
    lost: Option<(u64, &'a str)>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Head<'a> {
    pub(super) seq: u64,
    pub(super) status: u16,
    pub(super) headers: &'a [Header],
    pub(super) first_byte_ns: u64,
}

#[derive(Debug, Clone)]
pub(super) struct Body<'a> {
    pub(super) seq: u64,
    pub(super) text: &'a str,
    pub(super) json: Value,
    pub(super) last_byte_ns: u64,
}

/// A connection and how it went.
#[derive(Debug, Clone, Default)]
pub(super) struct Connection<'a> {
    pub(super) dialled: Option<(u64, &'a str, Option<&'a str>)>,
    pub(super) handshake: Option<(u64, &'a Handshake)>,
    pub(super) plain: Option<(u64, &'a str, &'a str)>,
    pub(super) closed: Option<(u64, &'a str, u32)>,
}

/// A card that was presented: who was asked for it, and when.
#[derive(Debug, Clone)]
pub(super) struct Card {
    pub(super) seq: u64,
    pub(super) asked_ns: u64,
    /// Its number, cut to the last four digits, or a named outcome.
    pub(super) card: String,
    pub(super) entry: Option<String>,
}

impl<'a> Trace<'a> {
    pub(super) fn new(entries: &'a [Entry]) -> Self {
        let mut trace = Self {
            entries,
            exchanges: BTreeMap::new(),
            connections: BTreeMap::new(),
        };
        for entry in entries {
            trace.take(entry);
        }
        trace
    }

    fn take(&mut self, entry: &'a Entry) {
        let seq = entry.seq;
        match &entry.event {
            Event::Dial {
                connection,
                address,
                error,
            } => {
                let connection = self.connections.entry(*connection).or_default();
                connection.dialled = Some((seq, address, error.as_deref()));
            }
            Event::Handshake(handshake) => {
                let connection = self.connections.entry(handshake.connection).or_default();
                connection.handshake = Some((seq, handshake));
            }
            Event::Plain {
                connection,
                received,
                hex,
                ..
            } => {
                let connection = self.connections.entry(*connection).or_default();
                connection.plain = Some((seq, received, hex));
            }
            Event::Closed {
                connection,
                how,
                tickets,
                ..
            } => {
                let connection = self.connections.entry(*connection).or_default();
                connection.closed = Some((seq, how, *tickets));
            }
            Event::Request {
                connection,
                exchange,
                method,
                path,
                headers,
                body,
                last_byte_ns,
                ..
            } => {
                let exchange = Exchange {
                    number: *exchange,
                    connection: *connection,
                    scenario: entry.scenario.as_deref().unwrap_or_default(),
                    seq,
                    method,
                    path,
                    headers,
                    asked: serde_json::from_str(body).unwrap_or_default(),
                    last_byte_ns: *last_byte_ns,
                    head: None,
                    body: None,
                    lost: None,
                };
                self.exchanges.insert(exchange.number, exchange);
            }
            Event::Head {
                exchange,
                status,
                headers,
                first_byte_ns,
            } => {
                if let Some(exchange) = self.exchanges.get_mut(exchange) {
                    exchange.head = Some(Head {
                        seq,
                        status: *status,
                        headers,
                        first_byte_ns: *first_byte_ns,
                    });
                }
            }
            Event::Body {
                exchange,
                text,
                last_byte_ns,
                ..
            } => {
                if let Some(exchange) = self.exchanges.get_mut(exchange) {
                    exchange.body = Some(Body {
                        seq,
                        text,
                        json: serde_json::from_str(text).unwrap_or_default(),
                        last_byte_ns: *last_byte_ns,
                    });
                }
            }
            Event::Lost { exchange, why } => {
                if let Some(exchange) = self.exchanges.get_mut(exchange) {
                    exchange.lost = Some((seq, why));
                }
            }
            _ => {}
        }
    }

    /// The exchange with this number, where it came about.
    pub(super) fn exchange(&self, number: u64) -> Option<&Exchange<'a>> {
        self.exchanges.get(&number)
    }

    /// What the run began with: the terminal's id and the wire that its profile claims.
    pub(super) fn subject(&self) -> Option<(&'a str, &'a str)> {
        self.entries.iter().find_map(|entry| match &entry.event {
            Event::RunBegin { terminal, wire, .. } => Some((terminal.as_str(), wire.as_str())),
            _ => None,
        })
    }

    /// What the profile claims; nothing in a journal of an earlier version.
    pub(super) fn claimed(&self) -> Option<&'a Claimed> {
        self.entries.iter().find_map(|entry| match &entry.event {
            Event::Claimed(claimed) => Some(&**claimed),
            _ => None,
        })
    }

    /// Where the terminal was dialled.
    pub(super) fn address(&self) -> Option<&'a str> {
        self.entries.iter().find_map(|entry| match &entry.event {
            Event::RunBegin { address, .. } => Some(address.as_str()),
            _ => None,
        })
    }

    /// How a scenario ended, the last time where it was begun again.
    pub(super) fn ended(&self, scenario: &str) -> Option<&'a Ended> {
        let ends = self.of(scenario).filter_map(|entry| match &entry.event {
            Event::ScenarioEnd { ended } => Some(ended),
            _ => None,
        });
        ends.last()
    }

    /// The entries of one scenario.
    pub(super) fn of(&self, scenario: &str) -> impl Iterator<Item = &'a Entry> + use<'a, '_> {
        let entries = self.entries.iter();
        let scenario = scenario.to_owned();
        entries.filter(move |entry| entry.scenario.as_deref() == Some(scenario.as_str()))
    }

    /// Was somebody watching the screen when this entry was written?
    pub(super) fn screen_is_watched(&self, seq: u64) -> bool {
        let before = self.entries.iter().take_while(|entry| entry.seq <= seq);
        let watch = before.filter_map(|entry| match entry.event {
            Event::ScreenWatch { on } => Some(on),
            _ => None,
        });
        watch.last().unwrap_or(false)
    }

    /// Every change of the screen.
    pub(super) fn screens(&self) -> impl Iterator<Item = (&'a Entry, &'a ScreenEvent)> + use<'a> {
        self.entries.iter().filter_map(|entry| match &entry.event {
            Event::Screen(screen) => Some((entry, screen)),
            _ => None,
        })
    }

    /// Every advertisement.
    pub(super) fn adverts(&self) -> impl Iterator<Item = (&'a Entry, &'a Advert)> + use<'a> {
        self.entries.iter().filter_map(|entry| match &entry.event {
            Event::Advert(advert) => Some((entry, advert)),
            _ => None,
        })
    }

    /// Every ledger that was read.
    pub(super) fn ledgers(
        &self,
    ) -> impl Iterator<Item = (&'a Entry, Option<&'a str>, &'a [LedgerEntry])> + use<'a> {
        self.entries.iter().filter_map(|entry| match &entry.event {
            Event::Ledger { reference, entries } => {
                Some((entry, reference.as_deref(), entries.as_slice()))
            }
            _ => None,
        })
    }

    /// Every card that was really presented.
    pub(super) fn cards(&self) -> Vec<Card> {
        self.present_card()
            .filter(|(_, question)| self.is_done(question))
            .map(|(entry, question)| {
                let text = |name: &str| question.args.get(name).and_then(Value::as_str);
                Card {
                    seq: entry.seq,
                    asked_ns: entry.at_ns,
                    card: text("card").unwrap_or_default().to_owned(),
                    entry: text("entry").map(str::to_owned),
                }
            })
            .collect()
    }

    /// When somebody was asked for a card and did not say that it was done: an arm that failed half-way may
    /// have presented it.
    pub(super) fn doubtful_cards(&self) -> Vec<u64> {
        self.present_card()
            .filter(|(_, question)| !self.is_done(question))
            .map(|(entry, _)| entry.seq)
            .collect()
    }

    /// What whoever was asked in this stretch to look for the amount on the screen answered.
    pub(super) fn looked_at(&self, stretch: std::ops::Range<u64>) -> Option<(u64, Answered)> {
        let own = || {
            self.entries
                .iter()
                .filter(|entry| stretch.contains(&entry.seq))
        };
        let mut asked = own().filter_map(|entry| match &entry.event {
            Event::Question(question)
                if question.question == "observe_screen"
                    && question.args.get("expect").is_some_and(|it| it == "amount") =>
            {
                Some(question.id.as_str())
            }
            _ => None,
        });
        let asked = asked.next_back()?;
        own().find_map(|entry| match &entry.event {
            Event::Answer(answer) if answer.id == asked => Some((entry.seq, answer.answer)),
            _ => None,
        })
    }

    fn present_card(&self) -> impl Iterator<Item = (&'a Entry, &'a Question)> + use<'a> {
        self.entries.iter().filter_map(|entry| match &entry.event {
            Event::Question(question) if question.question == "present_card" => {
                Some((entry, question))
            }
            _ => None,
        })
    }

    fn is_done(&self, question: &Question) -> bool {
        self.entries.iter().any(|entry| match &entry.event {
            Event::Answer(answer) => answer.id == question.id && answer.answer == Answered::Done,
            _ => false,
        })
    }

    /// The stretches of the journal in which the internet was cut, from the answer that it is to the question that
    /// ends it.
    pub(super) fn internet_cuts(&self) -> Vec<std::ops::Range<u64>> {
        let mut cuts: Vec<std::ops::Range<u64>> = Vec::new();
        let mut asked: Option<&Question> = None;
        for entry in self.entries {
            match &entry.event {
                Event::Question(question) if question.question == "cut_internet" => {
                    asked = Some(question);
                }
                Event::Question(question) if question.question == "restore_internet" => {
                    if let Some(cut) = cuts.last_mut() {
                        cut.end = cut.end.min(entry.seq);
                    }
                }
                Event::Answer(answer)
                    if answer.answer == Answered::Done
                        && asked.is_some_and(|question| question.id == answer.id)
                        && cuts.last().is_none_or(|cut| cut.end != u64::MAX) =>
                {
                    cuts.push(entry.seq..u64::MAX);
                }
                _ => {}
            }
        }
        cuts
    }

    /// Was the internet cut at some moment of this stretch?
    pub(super) fn was_internet_away(&self, stretch: std::ops::Range<u64>) -> bool {
        self.internet_cuts()
            .iter()
            .any(|cut| cut.start < stretch.end && stretch.start < cut.end)
    }

    /// The newest look-up of a sale that was answered before this entry.
    pub(super) fn last_look_up(&self, reference: &str, before: u64) -> Option<&Exchange<'a>> {
        self.exchanges
            .values()
            .filter(|own| own.method == "GET" && own.reference() == Some(reference))
            .filter(|own| own.body.as_ref().is_some_and(|body| body.seq < before))
            .max_by_key(|own| own.body.as_ref().map(|body| body.seq))
    }

    /// The newest ledger that was read of a sale before this entry.
    pub(super) fn last_ledger(
        &self,
        reference: &str,
        before: u64,
    ) -> Option<(&'a Entry, &'a [LedgerEntry])> {
        self.ledgers()
            .filter(|(entry, about, _)| {
                entry.seq <= before && about.is_none_or(|about| about == reference)
            })
            .last()
            .map(|(entry, _, lines)| (entry, lines))
    }

    /// Every payment in every answer, in the order in which the answers came.
    pub(super) fn sightings(&self) -> Vec<Sighting<'_, 'a>> {
        let mut sightings: Vec<_> = self
            .exchanges
            .values()
            .flat_map(|exchange| {
                exchange
                    .payments()
                    .into_iter()
                    .map(move |payment| Sighting { exchange, payment })
            })
            .collect();
        sightings.sort_by_key(|sighting| sighting.seq());
        sightings
    }
}

/// A payment as one answer showed it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sighting<'t, 'a> {
    pub(super) exchange: &'t Exchange<'a>,
    pub(super) payment: Payment<'t>,
}

impl Sighting<'_, '_> {
    /// The entry of the answer's body.
    pub(super) fn seq(&self) -> u64 {
        self.exchange.body.as_ref().map_or(0, |body| body.seq)
    }

    /// When it came.
    pub(super) fn at_ns(&self) -> u64 {
        self.exchange
            .body
            .as_ref()
            .map_or(0, |body| body.last_byte_ns)
    }
}

impl<'a> Exchange<'a> {
    pub(super) fn is_pay(&self) -> bool {
        self.method == "POST" && self.path == "/v1/pay"
    }

    /// The value of a request header.
    pub(super) fn header(&self, name: &str) -> Option<&'a str> {
        value(self.headers, name)
    }

    /// The attempt key that the request carried.
    pub(super) fn key(&self) -> Option<&'a str> {
        self.header("idempotency-key")
    }

    /// The reference that the request is about.
    pub(super) fn reference(&self) -> Option<&str> {
        match self.asked.get("reference").and_then(Value::as_str) {
            Some(reference) => Some(reference),
            None => self
                .path
                .split_once("?reference=")
                .map(|(_, reference)| reference),
        }
    }

    /// The HTTP status of the answer.
    pub(super) fn status(&self) -> Option<u16> {
        self.head.map(|head| head.status)
    }

    /// The answer's body; `null` where none came.
    pub(super) fn json(&self) -> &Value {
        const NULL: &Value = &Value::Null;
        self.body.as_ref().map_or(NULL, |body| &body.json)
    }

    /// The error's code.
    pub(super) fn code(&self) -> Option<&str> {
        self.json().pointer("/error/code").and_then(Value::as_str)
    }

    /// Every payment that the answer shows.
    pub(super) fn payments(&self) -> Vec<Payment<'_>> {
        let json = self.json();
        if self.status() != Some(200) {
            return Vec::new();
        }
        let listed = json.get("data").and_then(Value::as_array);
        let one = match json.get("object").and_then(Value::as_str) {
            Some("cancellation") => json.get("payment"),
            Some("reader" | "list") => None,
            _ if self.is_pay() || self.path.starts_with("/v1/payments/") => Some(json),
            _ => None,
        };
        let one = one.filter(|payment| payment.is_object());
        let all = listed.into_iter().flatten().chain(one);
        all.map(Payment).collect()
    }

    /// The one payment that the answer to a `pay` shows.
    pub(super) fn payment(&self) -> Option<Payment<'_>> {
        self.payments().into_iter().next()
    }

    /// The entries that show this exchange.
    pub(super) fn entries(&self) -> Vec<u64> {
        let head = self.head.map(|head| head.seq);
        let body = self.body.as_ref().map(|body| body.seq);
        let lost = self.lost.map(|(seq, _)| seq);
        [Some(self.seq), head, body, lost]
            .into_iter()
            .flatten()
            .collect()
    }

    /// What came of it, in a few words.
    pub(super) fn outcome(&self) -> String {
        let lost = self.lost.map(|(_, why)| why);
        match (self.status(), self.code(), self.payment(), lost) {
            (None, _, _, Some(why)) => format!("no answer: {why}"),
            (None, _, _, None) => "no answer while the suite waited".into(),
            (Some(status), _, _, Some(why)) => format!("{status}, then no whole body: {why}"),
            (Some(status), Some(code), _, _) => format!("{status} {code}"),
            (Some(status), None, Some(payment), _) => {
                format!("{status} with a payment that is {}", payment.status())
            }
            (Some(status), None, None, None) if self.body.is_none() => {
                format!("{status}, and no body while the suite waited")
            }
            (Some(status), None, None, None) => format!("{status}"),
        }
    }

    /// The terminal ended the connection without an answer.
    pub(super) fn was_cut(&self) -> bool {
        self.head.is_none() && self.lost.is_some()
    }
}

/// The value of a header.
pub(super) fn value<'a>(headers: &'a [Header], name: &str) -> Option<&'a str> {
    headers
        .iter()
        .find(|(own, _)| own.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_str())
}
