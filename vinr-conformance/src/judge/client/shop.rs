//! One scenario's journal in order: what was asked and said, every request with its end, every payment.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::journal::{Answered, Certificate, Entry, Event, Header, Hello, Place, TillEvent, Whose};

/// A moment in the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct At {
    pub(super) seq: u64,
    pub(super) ns: u64,
}

/// A request that reached the suite.
#[derive(Debug, Clone)]
pub(super) struct Request<'a> {
    pub(super) at: At,
    pub(super) connection: u64,
    pub(super) exchange: u64,
    pub(super) to: &'a str,
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) headers: &'a [Header],
    pub(super) text: &'a str,
    pub(super) body: Value,
}

/// What the suite wrote back.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    pub(super) at: At,
    pub(super) status: u16,
    pub(super) body: Value,
}

/// What the adapter was asked.
#[derive(Debug, Clone)]
pub(super) struct Asked<'a> {
    pub(super) at: At,
    pub(super) op: u64,
    pub(super) name: &'a str,
    pub(super) fields: &'a Value,
}

/// How a connection went.
#[derive(Debug, Clone, Default)]
pub(super) struct Connection<'a> {
    pub(super) to: &'a str,
    pub(super) accepted: u64,
    pub(super) hello: Option<(u64, &'a Hello)>,
    pub(super) met: Option<Met<'a>>,
    pub(super) plain: Option<(u64, &'a str)>,
    pub(super) ended: Option<(At, Whose, &'a str)>,
}

/// What both sides showed.
#[derive(Debug, Clone)]
pub(super) struct Met<'a> {
    pub(super) seq: u64,
    pub(super) shown: &'a str,
    pub(super) certificate: Option<&'a Certificate>,
    pub(super) refused: Option<&'a str>,
}

/// A payment as a terminal's journal has it.
#[derive(Debug, Clone)]
pub(super) struct Stands<'a> {
    pub(super) at: At,
    pub(super) terminal: &'a str,
    pub(super) payment: &'a Value,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Shop<'a> {
    pub(super) asked: Vec<Asked<'a>>,
    pub(super) told: BTreeMap<u64, (At, &'a Answered)>,
    pub(super) requests: Vec<Request<'a>>,
    pub(super) heads: BTreeMap<u64, At>,
    pub(super) replies: BTreeMap<u64, Reply>,
    pub(super) lost: BTreeMap<u64, (At, &'a str)>,
    pub(super) connections: BTreeMap<u64, Connection<'a>>,
    pub(super) stands: Vec<Stands<'a>>,
    /// Terminal, reference, key.
    pub(super) buried: Vec<(At, &'a str, &'a str, &'a str)>,
    /// Reference, payment.
    pub(super) charged: Vec<(At, &'a str, &'a str)>,
    pub(super) reversed: Vec<&'a str>,
    pub(super) leaked: Vec<(u64, &'a str, &'a Place)>,
    pub(super) searched: Vec<(u64, &'a Place)>,
    pub(super) queried: Vec<(u64, &'a str, &'a [String])>,
    pub(super) listening: Vec<u64>,
    pub(super) gone: Vec<At>,
    /// The till is used by hand at its screen: it knows no cloud, and what it logs nobody reads.
    pub(super) is_by_hand: bool,
}

/// The status words after which nothing changes.
pub(super) const FINAL: [&str; 3] = ["completed", "failed", "cancelled"];

impl<'a> Shop<'a> {
    /// What one scenario saw.
    pub(super) fn new(entries: &'a [Entry], scenario: &str) -> Self {
        let mut shop = Self::default();
        for entry in entries {
            if entry.scenario.as_deref().unwrap_or_default() == scenario
                && let Event::Till(till) = &entry.event
            {
                let at = At {
                    seq: entry.seq,
                    ns: entry.at_ns,
                };
                shop.take(at, till);
            }
        }
        shop
    }

    /// Every scenario that has a till in it, by name.
    pub(super) fn all(entries: &'a [Entry]) -> Vec<(&'a str, Self)> {
        let mut names: Vec<&str> = entries
            .iter()
            .filter(|entry| matches!(entry.event, Event::Till(_)))
            .filter_map(|entry| entry.scenario.as_deref())
            .collect();
        names.sort_unstable();
        names.dedup();
        names
            .into_iter()
            .map(|name| (name, Self::new(entries, name)))
            .collect()
    }

    fn take(&mut self, at: At, till: &'a TillEvent) {
        match till {
            TillEvent::Asked { op, name, fields } => self.asked.push(Asked {
                at,
                op: *op,
                name,
                fields,
            }),
            TillEvent::Told { op, answer } => {
                self.told.insert(*op, (at, answer));
            }
            TillEvent::Leaked { what, place } => self.leaked.push((at.seq, what, place)),
            TillEvent::Searched { place, .. } => self.searched.push((at.seq, place)),
            TillEvent::Accepted { connection, at: to } => {
                let own = self.connections.entry(*connection).or_default();
                (own.to, own.accepted) = (to, at.seq);
            }
            TillEvent::Hello { connection, hello } => {
                let own = self.connections.entry(*connection).or_default();
                own.hello = Some((at.seq, hello));
            }
            TillEvent::Met {
                connection,
                shown,
                certificate,
                refused,
                ..
            } => {
                let own = self.connections.entry(*connection).or_default();
                own.met = Some(Met {
                    seq: at.seq,
                    shown,
                    certificate: certificate.as_ref(),
                    refused: refused.as_deref(),
                });
            }
            TillEvent::Plain { connection, text } => {
                let own = self.connections.entry(*connection).or_default();
                own.plain = Some((at.seq, text));
            }
            TillEvent::Request {
                connection,
                exchange,
                at: to,
                method,
                path,
                headers,
                body,
            } => self.requests.push(Request {
                at,
                connection: *connection,
                exchange: *exchange,
                to,
                method,
                path,
                headers,
                text: body,
                body: serde_json::from_str(body).unwrap_or_default(),
            }),
            TillEvent::Head { exchange, .. } => {
                self.heads.insert(*exchange, at);
            }
            TillEvent::Body {
                exchange,
                status,
                text,
            } => {
                let body = serde_json::from_str(text).unwrap_or_default();
                let status = *status;
                self.replies.insert(*exchange, Reply { at, status, body });
            }
            TillEvent::Lost { exchange, how } => {
                self.lost.insert(*exchange, (at, how));
            }
            TillEvent::Ended {
                connection,
                by,
                how,
            } => {
                let own = self.connections.entry(*connection).or_default();
                own.ended = Some((at, *by, how));
            }
            TillEvent::Stands {
                at: terminal,
                payment,
            } => self.stands.push(Stands {
                at,
                terminal,
                payment,
            }),
            TillEvent::Buried {
                at: terminal,
                reference,
                key,
            } => self.buried.push((at, terminal, reference, key)),
            TillEvent::Charged {
                reference, payment, ..
            } => self.charged.push((at, reference, payment)),
            TillEvent::Reversed { payment } => self.reversed.push(payment),
            TillEvent::Queried { from, names } => self.queried.push((at.seq, from, names)),
            TillEvent::Listening => self.listening.push(at.seq),
            TillEvent::Gone { .. } => self.gone.push(at),
            TillEvent::AtItsScreen { .. } => self.is_by_hand = true,
            TillEvent::Started { .. }
            | TillEvent::Broke { .. }
            | TillEvent::Listens { .. }
            | TillEvent::Advertised { .. }
            | TillEvent::Goodbye { .. } => {}
        }
    }

    /// What was asked by this number.
    pub(super) fn asked(&self, op: u64) -> Option<&Asked<'a>> {
        self.asked.iter().find(|asked| asked.op == op)
    }

    /// Every request that takes money, to a terminal or the cloud.
    pub(super) fn pays(&self) -> impl Iterator<Item = &Request<'a>> {
        self.requests.iter().filter(|request| request.is_pay())
    }

    /// Every question what became of this sale that was answered.
    pub(super) fn look_ups(&self, reference: &str) -> impl Iterator<Item = &Request<'a>> {
        self.requests
            .iter()
            .filter(move |request| request.looks_up(reference))
    }

    /// When the answer to a request was lost, and whether the till gave up: never, where it was answered whole and
    /// well.
    pub(super) fn loss(&self, request: &Request<'_>) -> Option<(At, Whose)> {
        if let Some((at, _)) = self.lost.get(&request.exchange) {
            return Some((*at, Whose::Suite));
        }
        if self.replies.contains_key(&request.exchange) {
            return None;
        }
        let connection = self.connections.get(&request.connection)?;
        connection.ended.map(|(at, by, _)| (at, by))
    }

    /// The requests on connections that showed the till something else than the terminal's own certificate.
    pub(super) fn strangers(&self) -> impl Iterator<Item = (&u64, &Connection<'a>)> {
        self.connections.iter().filter(|(_, connection)| {
            connection
                .met
                .as_ref()
                .is_some_and(|met| met.shown != "its own certificate")
        })
    }
}

impl<'a> Request<'a> {
    pub(super) fn is_cloud(&self) -> bool {
        self.to == "cloud"
    }

    pub(super) fn is_pay(&self) -> bool {
        self.method == "POST" && ["/v1/pay", "/v1/terminal/payments"].contains(&self.path)
    }

    pub(super) fn is_cancel(&self) -> bool {
        self.method == "POST" && (self.path == "/v1/cancel" || self.path.ends_with("/cancel"))
    }

    pub(super) fn reference(&self) -> &str {
        self.body["reference"].as_str().unwrap_or_default()
    }

    /// Asks what became of this sale, or of a payment by its id.
    pub(super) fn looks_up(&self, reference: &str) -> bool {
        if self.method != "GET" {
            return false;
        }
        let (path, query) = self.path.split_once('?').unwrap_or((self.path, ""));
        let asks_for = |pair: &str| {
            pair.strip_prefix("reference=").is_some_and(|text| {
                text.replace("%3A", ":")
                    .replace("%3a", ":")
                    .replace("%2F", "/")
                    == reference
            })
        };
        match path {
            "/v1/payments" | "/v1/terminal/payments" => query.split('&').any(asks_for),
            _ => path.starts_with("/v1/payments/") || path.starts_with("/v1/terminal/payments/"),
        }
    }

    pub(super) fn header(&self, name: &str) -> Option<&'a str> {
        self.headers
            .iter()
            .find(|(own, _)| own.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The attempt key.
    pub(super) fn key(&self) -> Option<&'a str> {
        self.header("idempotency-key")
    }

    /// In words.
    pub(super) fn words(&self) -> String {
        format!("{} {} to {}", self.method, self.path, self.to)
    }
}

impl At {
    pub(super) fn ms_since(self, earlier: At) -> u64 {
        self.ns.saturating_sub(earlier.ns) / 1_000_000
    }
}
