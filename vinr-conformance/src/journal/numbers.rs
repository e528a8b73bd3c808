//! The suite's own numbers in a journal, and how they are shifted when one journal is written behind another.

mod till;

use super::{Claim, Entry, Event, Said};

/// How far each of the suite's own numbers has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Numbers {
    /// Entries.
    pub(crate) seq: u64,
    /// Connections.
    pub(crate) connections: u64,
    /// Requests and their answers.
    pub(crate) exchanges: u64,
    /// Questions.
    pub(crate) questions: u64,
    /// What a till was asked.
    pub(crate) ops: u64,
    /// The journal's clock.
    pub(crate) at_ns: u64,
}

impl Numbers {
    /// The greatest of each kind.
    pub(crate) fn of(entries: &[Entry]) -> Self {
        let mut most = Self::default();
        for entry in entries {
            most.seq = most.seq.max(entry.seq);
            most.at_ns = most.at_ns.max(entry.at_ns);
            match &entry.event {
                Event::Dial { connection, .. } | Event::Plain { connection, .. } => {
                    most.connections = most.connections.max(*connection);
                }
                Event::Request { exchange, .. } => most.exchanges = most.exchanges.max(*exchange),
                Event::Question(question) => {
                    most.questions = most.questions.max(number(&question.id).unwrap_or_default());
                }
                Event::Till(till) => most.count(till),
                _ => {}
            }
        }
        most
    }

    /// Moves an entry behind a journal that has come so far. 0, which stands for what never came about, stays 0.
    pub(crate) fn shift(&self, entry: &mut Entry) {
        entry.seq += self.seq;
        entry.at_ns += self.at_ns;
        match &mut entry.event {
            Event::Dial { connection, .. }
            | Event::Closed { connection, .. }
            | Event::Plain { connection, .. } => self.connection(connection),
            Event::Handshake(handshake) => self.connection(&mut handshake.connection),
            Event::Request {
                connection,
                exchange,
                last_byte_ns,
                ..
            } => {
                self.connection(connection);
                self.exchange(exchange);
                *last_byte_ns += self.at_ns;
            }
            Event::Head {
                exchange,
                first_byte_ns,
                ..
            } => {
                self.exchange(exchange);
                *first_byte_ns += self.at_ns;
            }
            Event::Body {
                exchange,
                last_byte_ns,
                ..
            } => {
                self.exchange(exchange);
                *last_byte_ns += self.at_ns;
            }
            Event::Lost { exchange, .. } => self.exchange(exchange),
            Event::Question(question) => self.question(&mut question.id),
            Event::Answer(answer) => self.question(&mut answer.id),
            Event::AnsweredBy(by) => self.question(&mut by.question),
            Event::CardNumber { entry } | Event::Secret { entry, .. } => *entry += self.seq,
            Event::Claim(Claim { said, .. }) => self.said(said),
            Event::Till(till) => self.shift_till(till),
            // Durations, digests, words, and moments on the clocks of others.
            Event::RunBegin { .. }
            | Event::RunEnd { .. }
            | Event::ScenarioBegin { .. }
            | Event::ScenarioEnd { .. }
            | Event::Step { .. }
            | Event::Note { .. }
            | Event::ScreenWatch { .. }
            | Event::Screen(_)
            | Event::Advert(_)
            | Event::Listened { .. }
            | Event::Ledger { .. }
            | Event::Calibration { .. }
            | Event::LatencySample { .. }
            | Event::StorageRead(_)
            | Event::Endpoint(_)
            | Event::Webhook(_)
            | Event::CloudCommand(_)
            | Event::CloudAnswer(_)
            | Event::Apart
            | Event::ColdSample { .. }
            | Event::Claimed(_)
            | Event::Trace(_)
            | Event::ClockSet { .. } => {}
        }
    }

    fn said(&self, said: &mut Said) {
        match said {
            Said::Ends { exchange, .. }
            | Said::Refused { exchange, .. }
            | Said::NotAdmitted { exchange }
            | Said::Served { exchange }
            | Said::Prompts { exchange }
            | Said::HeadBeforeCard { exchange }
            | Said::Stands { exchange, .. }
            | Said::Cancellation { exchange, .. }
            | Said::StillAnswered { exchange }
            | Said::RetryAfter { exchange }
            | Said::Key { exchange, .. }
            | Said::AcceptedOffline { exchange }
            | Said::NeverQueued { exchange }
            | Said::Within { exchange, .. }
            | Said::Told { exchange, .. } => self.exchange(exchange),
            Said::AsClaimed {
                exchange,
                connection,
            } => {
                self.exchange(exchange);
                self.connection(connection);
            }
            Said::StillQueued { exchange, of } => self.each([exchange, of]),
            Said::StandsAt { exchange, other } => self.each([exchange, other]),
            Said::WhileHeld { exchange, held } => self.each([exchange, held]),
            Said::TellsNothingOf { exchange, other } => self.each([exchange, other]),
            Said::Lists { exchange, of } => {
                self.exchange(exchange);
                self.each(of);
            }
            Said::SamePayment { exchanges }
            | Said::ChargedOnce { exchanges }
            | Said::InSequence { exchanges, .. } => self.each(exchanges),
            Said::OtherPayment { exchanges } => self.each(exchanges),
            Said::ShowsNothing { since }
            | Said::NoPromptFor { since, .. }
            | Said::AnnouncesActivity { since }
            | Said::StorageIsOpaque { since }
            | Said::NothingSecretSaid { since }
            | Said::NothingSecretStored { since }
            | Said::SignedAndRepeated { since } => *since += self.seq,
            Said::OnPort { connection, .. }
            | Said::OwnCertificate { connection }
            | Said::Mutual { connection }
            | Said::NoPlaintext { connection }
            | Said::OldTlsRefused { connection }
            | Said::NoTickets { connection } => self.connection(connection),
            Said::Advertised { connections } => {
                connections.iter_mut().for_each(|one| self.connection(one));
            }
            Said::Till(claim) => self.shift_claim(claim),
            // A command to the cloud is counted within its scenario.
            Said::CloudRefused { .. }
            | Said::NamedBy { .. }
            | Said::LiveOnOne { .. }
            | Said::Charges { .. }
            | Said::DescribesItself
            | Said::LocalSimulator
            | Said::Quick
            | Said::SameTrace
            | Said::WholePlan => {}
        }
    }

    fn connection(&self, number: &mut u64) {
        shifted(number, self.connections);
    }

    fn exchange(&self, number: &mut u64) {
        shifted(number, self.exchanges);
    }

    fn each<'n>(&self, numbers: impl IntoIterator<Item = &'n mut u64>) {
        numbers.into_iter().for_each(|one| self.exchange(one));
    }

    fn question(&self, id: &mut String) {
        if let Some(number) = number(id) {
            *id = format!("q{}", number + self.questions);
        }
    }
}

fn shifted(number: &mut u64, by: u64) {
    if *number > 0 {
        *number += by;
    }
}

/// The number of a question: 17 of `q17`.
fn number(id: &str) -> Option<u64> {
    id.strip_prefix('q')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(seq: u64, event: Event) -> Entry {
        Entry {
            seq,
            at_ns: seq,
            wall: String::new(),
            scenario: None,
            event,
        }
    }

    fn dial(connection: u64) -> Event {
        Event::Dial {
            connection,
            address: String::new(),
            error: None,
        }
    }

    fn request(connection: u64, exchange: u64) -> Event {
        Event::Request {
            connection,
            exchange,
            method: "GET".into(),
            path: "/v1/reader".into(),
            headers: Vec::new(),
            body: String::new(),
            body_len: 0,
            last_byte_ns: 5,
            error: None,
        }
    }

    fn claim(said: Said) -> Event {
        Event::Claim(Claim {
            requirement: "PAY-3".into(),
            said,
        })
    }

    #[test]
    fn a_journal_that_is_written_behind_another_goes_on_with_its_numbers() {
        let first = [
            entry(1, dial(1)),
            entry(2, dial(2)),
            entry(3, request(2, 9)),
        ];
        let so_far = Numbers::of(&first);
        let mut second = [
            entry(1, dial(1)),
            entry(2, request(1, 1)),
            entry(
                3,
                claim(Said::WhileHeld {
                    exchange: 1,
                    held: 0,
                }),
            ),
            entry(4, claim(Said::ShowsNothing { since: 2 })),
        ];
        second.iter_mut().for_each(|entry| so_far.shift(entry));
        let events = second.map(|entry| (entry.seq, entry.event));
        let Event::Request { last_byte_ns, .. } = &events[1].1 else {
            panic!("a request stays one");
        };
        assert_eq!(*last_byte_ns, 5 + 3);
        assert_eq!(events[0], (4, dial(3)));
        assert_eq!(Numbers::of(&[entry(5, events[1].1.clone())]).exchanges, 10);
        let held = Said::WhileHeld {
            exchange: 10,
            held: 0,
        };
        assert_eq!(events[2], (6, claim(held)));
        assert_eq!(events[3], (7, claim(Said::ShowsNothing { since: 5 })));
    }

    #[test]
    fn a_question_and_its_answer_keep_together() {
        let so_far = Numbers {
            questions: 16,
            ..Numbers::default()
        };
        let answer = vinr_protocol::question::Answer::cannot("q1", "no hands");
        let mut answer = entry(1, Event::Answer(answer));
        so_far.shift(&mut answer);
        let Event::Answer(answer) = answer.event else {
            panic!("an answer stays one");
        };
        assert_eq!(answer.id, "q17");
    }
}
