//! Who taps the card: one vocabulary of questions, several ways to answer.
//!
//! Every question and every answer goes into the journal. Whoever cannot do a thing says so, the next one is
//! asked, and where nobody can the scenario ends as could-not-test.

mod control;
pub(crate) mod exec;
mod http;
mod operator;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Map, Value};
use vinr_protocol::question::{Answer, Answered, Question};

pub use control::{Control, ControlError};
pub use http::Url;

use operator::{PATIENCE, Page, Prompt, Told};

use crate::journal::{AnsweredBy, Event, Journal, SetClock};
use crate::profile::{Capability, Driver};

/// Somebody who answers questions.
#[derive(Debug, Clone)]
enum Hand {
    /// The control port of a simulator.
    Control(Arc<Control>),
    /// A command, once for each question.
    Exec(String),
    /// A service, once for each question.
    Http(Url),
    /// A person at this terminal.
    Prompt(Arc<Prompt>),
    /// A person with a phone.
    Page(Arc<Page>),
    /// Somebody whom the profile names and who is not there, and why.
    Absent(String),
}

/// Everybody who answers questions about the subject; clones are the same people.
#[derive(Debug, Clone)]
pub struct Drivers {
    journal: Journal,
    subject: String,
    hands: BTreeMap<Capability, Vec<Hand>>,
    control: Option<Arc<Control>>,
    questions: Arc<AtomicU64>,
}

impl Drivers {
    /// Those whom the profile names; `control` is the port that it means by that word.
    pub fn new(
        journal: Journal,
        subject: &str,
        named: impl Fn(Capability) -> Vec<Driver>,
        control: Option<Control>,
    ) -> Self {
        let control = control.map(Arc::new);
        // One person, however many things they are asked for.
        let mut people: BTreeMap<Driver, Hand> = BTreeMap::new();
        let mut hand = |driver: Driver| match driver {
            Driver::Control(_) => control.clone().map(Hand::Control),
            Driver::Exec(command) => Some(Hand::Exec(command)),
            Driver::Http(url) => Some(Hand::Http(url)),
            Driver::Operator | Driver::OperatorPage(_) => {
                let person = people.entry(driver).or_insert_with_key(Hand::person);
                Some(person.clone())
            }
        };
        let hands = Capability::ALL
            .into_iter()
            .chain([Capability::Till])
            .map(|capability| {
                (
                    capability,
                    named(capability)
                        .into_iter()
                        .filter_map(&mut hand)
                        .collect(),
                )
            })
            .collect();
        Self {
            journal,
            subject: subject.to_owned(),
            hands,
            control,
            questions: Arc::default(),
        }
    }

    /// The control port alone, for another terminal of the same run: the numbers of the questions go on.
    pub fn beside(&self, subject: &str, control: Option<Control>) -> Self {
        let by_control = |_| vec![Driver::Control(None)];
        Self {
            questions: self.questions.clone(),
            ..Self::new(self.journal.clone(), subject, by_control, control)
        }
    }

    /// The same people, and what they are asked stands in this journal.
    pub(crate) fn of_journal(&self, journal: Journal) -> Self {
        Self {
            journal,
            ..self.clone()
        }
    }

    /// Nobody yet, in the journal of a scenario that starts a terminal of its own.
    pub(crate) fn nobody(&self, journal: Journal) -> Self {
        Self {
            questions: self.questions.clone(),
            ..Self::new(journal, &self.subject, |_| Vec::new(), None)
        }
    }

    /// The same in a run that went on: so many numbers are used already.
    pub(crate) fn going_on(self, questions: u64) -> Self {
        self.go_on(questions);
        self
    }

    /// The same for every clone.
    pub(crate) fn go_on(&self, questions: u64) {
        self.questions.store(questions, Ordering::Relaxed);
    }

    /// What a journal calls them.
    pub fn describe(&self) -> String {
        let mut words: Vec<_> = self.hands.values().flatten().map(Hand::word).collect();
        words.sort_unstable();
        words.dedup();
        if words.is_empty() {
            "nobody".to_owned()
        } else {
            words.join(", ")
        }
    }

    /// The links of the page for people, for whoever starts the run to hand on; none where nobody is asked on a page.
    pub fn links(&self) -> Vec<String> {
        let pages = self.hands.values().flatten().filter_map(|hand| match hand {
            Hand::Page(page) => Some(page.links()),
            _ => None,
        });
        let mut links: Vec<_> = pages.flatten().collect();
        links.sort();
        links.dedup();
        links
    }

    /// Tells whoever started the run where people answer. The link opens the page: it stands on the terminal only.
    pub fn invite(&self) {
        use std::io::Write as _;
        for link in self.links() {
            // Where nobody reads it, nobody answers either, and that is said of each question.
            let _ = writeln!(std::io::stderr(), "whoever answers questions opens {link}");
        }
    }

    /// How much longer than anything else a person may take for a step.
    pub fn patience(&self) -> Duration {
        let is_person = |hand: &Hand| matches!(hand, Hand::Prompt(_) | Hand::Page(_));
        match self.hands.values().flatten().any(is_person) {
            // A card, its PIN, and a look at the screen.
            true => PATIENCE * 3,
            false => Duration::ZERO,
        }
    }

    /// Journals every change of the screen from here on, if anybody can stream them.
    pub async fn watch_screen(&self) -> Result<(), ControlError> {
        let watched = self.hands[&Capability::Screen]
            .iter()
            .any(|hand| matches!(hand, Hand::Control(_)));
        match &self.control {
            Some(control) if watched => control.watch_screen(&self.journal, &self.subject).await,
            _ => Ok(()),
        }
    }

    /// Makes a scripted cardholder wait until somebody is asked to present a card.
    pub async fn take_over_the_card(&self) -> Result<(), ControlError> {
        match &self.control {
            Some(control) => control.take_over_the_card(&self.subject).await,
            None => Ok(()),
        }
    }

    /// Gives the cardholder their script back.
    pub async fn hand_back_the_card(&self) {
        if let Some(control) = &self.control {
            control.hand_back_the_card().await;
        }
    }

    /// Sets the terminal's offline limits, or those of its sheet; the error says why nobody can. The vocabulary has
    /// no question for it: only a control port is asked.
    pub async fn set_limits(
        &self,
        limits: Option<(BTreeMap<String, u64>, u32)>,
    ) -> Result<(), String> {
        let control = self.the_control(Capability::Network)?;
        let (limits, max_queued) = limits.unzip();
        control
            .set_limits(
                &self.subject,
                limits.as_ref(),
                max_queued.unwrap_or_default(),
            )
            .await
            .map_err(|error| error.to_string())?;
        self.note(match limits {
            Some(limits) => format!("the owner sets the offline limits to {limits:?}"),
            None => "the owner sets the offline limits of the sheet".into(),
        });
        Ok(())
    }

    /// Sets the terminal's clock ahead; likewise.
    pub async fn set_clock(&self, ahead: Duration) -> Result<(), String> {
        let control = self.the_control(Capability::Power)?;
        control
            .set_clock(&self.subject, ahead)
            .await
            .map_err(|error| error.to_string())?;
        self.journal.record(Event::ClockSet {
            clock: SetClock::Terminal,
            ahead_s: ahead.as_secs(),
        });
        Ok(())
    }

    /// Somebody here can set the terminal's clock.
    pub fn can_set_clock(&self) -> bool {
        self.the_control(Capability::Power).is_ok()
    }

    fn the_control(&self, capability: Capability) -> Result<&Control, String> {
        let is_named = self.hands[&capability]
            .iter()
            .any(|hand| matches!(hand, Hand::Control(_)));
        match &self.control {
            Some(control) if is_named => Ok(control),
            _ => Err("only the control port of a simulator can do this".into()),
        }
    }

    fn note(&self, text: String) {
        self.journal.record(Event::Note { text });
    }

    /// Asks, and journals question and answer.
    pub async fn ask(&self, ask: Ask) -> Answer {
        let number = self.questions.fetch_add(1, Ordering::Relaxed) + 1;
        let question = Question {
            question: ask.question.to_owned(),
            id: format!("q{number}"),
            requirement: ask.requirement,
            why: ask.why,
            subject: self.subject.clone(),
            args: ask.args,
            deadline_ms: u64::try_from(ask.deadline.as_millis()).unwrap_or(u64::MAX),
        };
        self.journal.record(Event::Question(question.clone()));
        let answer = self.answer(&question, ask.deadline).await;
        self.journal.record(Event::Answer(answer.clone()));
        answer
    }

    async fn answer(&self, question: &Question, deadline: Duration) -> Answer {
        let mut answer = Answer::cannot(&question.id, "the profile names nobody who can");
        for hand in self
            .hands
            .get(&capability(&question.question))
            .into_iter()
            .flatten()
        {
            let told = hand.ask(question, deadline).await;
            // A control port is a part of the terminal under test; of everybody else it is said who they are.
            if !matches!(hand, Hand::Control(_)) {
                self.journal.record(Event::AnsweredBy(AnsweredBy {
                    question: question.id.clone(),
                    driver: hand.word().into(),
                    operator: told.operator,
                    answer: told.answer.answer,
                }));
            }
            answer = told.answer;
            if answer.answer != Answered::Cannot {
                break;
            }
        }
        answer
    }
}

impl Hand {
    /// A person is there from the beginning of a run to its end.
    fn person(driver: &Driver) -> Self {
        match driver {
            Driver::OperatorPage(address) => match Page::open(*address) {
                Ok(page) => Self::Page(Arc::new(page)),
                Err(error) => Self::Absent(format!("no page can be served at {address}: {error}")),
            },
            _ => Self::Prompt(Arc::new(Prompt::here())),
        }
    }

    async fn ask(&self, question: &Question, deadline: Duration) -> Told {
        let answer = match self {
            Hand::Control(control) => control.ask(question, deadline).await,
            Hand::Exec(command) => exec::ask(command, question, deadline).await,
            Hand::Http(url) => http::ask(url, question, deadline).await,
            Hand::Prompt(prompt) => return prompt.ask(question, deadline.max(PATIENCE)).await,
            Hand::Page(page) => return page.ask(question, deadline.max(PATIENCE)).await,
            Hand::Absent(why) => Answer::cannot(&question.id, why.as_str()),
        };
        let operator = None;
        Told { answer, operator }
    }

    fn word(&self) -> &'static str {
        match self {
            Hand::Control(_) => "control",
            Hand::Exec(_) => "exec",
            Hand::Http(_) => "http",
            Hand::Prompt(_) => "operator",
            Hand::Page(_) => "operator:web",
            Hand::Absent(_) => "nobody",
        }
    }
}

/// A question before it has a number.
#[derive(Debug, Clone)]
pub struct Ask {
    question: &'static str,
    args: Map<String, Value>,
    requirement: Vec<String>,
    why: String,
    deadline: Duration,
}

impl Ask {
    /// One of [`vinr_protocol::question::WORDS`].
    pub fn to(question: &'static str) -> Self {
        Self {
            question,
            args: Map::new(),
            requirement: Vec::new(),
            why: String::new(),
            deadline: Duration::from_secs(20),
        }
    }

    /// An argument.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.args.insert(name.to_owned(), value.into());
        self
    }

    /// For people: what the answer will show, and for which requirements.
    #[must_use]
    pub fn because(mut self, why: impl Into<String>, requirement: Vec<String>) -> Self {
        self.why = why.into();
        self.requirement = requirement;
        self
    }

    /// How long the answer is waited for.
    #[must_use]
    pub fn within(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }
}

/// Whose business a question is.
fn capability(question: &str) -> Capability {
    match question {
        "observe_screen" => Capability::Screen,
        "power_cycle" => Capability::Power,
        "read_ledger" | "set_host" => Capability::Ledger,
        "read_storage" => Capability::Storage,
        "cut_internet" | "restore_internet" | "cut_lan" | "restore_lan" | "install_crl"
        | "toggle_local_mode" => Capability::Network,
        "till_install" | "till_pay" | "till_read_result" => Capability::Till,
        _ => Capability::Card,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_question_to_nobody_is_answered_cannot_and_journaled() {
        let journal = Journal::in_memory();
        let nobody = Drivers::new(journal.clone(), "term_1", |_| vec![], None);
        let answer = nobody
            .ask(Ask::to("present_card").with("card", "approved"))
            .await;
        assert_eq!(answer.answer, Answered::Cannot);
        assert_eq!(journal.entries().len(), 2);
    }

    #[tokio::test]
    async fn the_next_one_is_asked_where_the_first_cannot() {
        let named = |_| {
            vec![
                Driver::Exec("exit 127".into()),
                Driver::Exec(r#"read question; echo '{"id":"q1","answer":"done"}'"#.into()),
            ]
        };
        let hands = Drivers::new(Journal::in_memory(), "term_1", named, None);
        assert_eq!(
            hands.ask(Ask::to("present_card")).await.answer,
            Answered::Done
        );
    }

    #[tokio::test]
    async fn who_answered_is_journaled_each_of_them() {
        let named = |_| {
            vec![
                Driver::Exec("exit 127".into()),
                Driver::Exec(r#"read question; echo '{"id":"q1","answer":"done"}'"#.into()),
            ]
        };
        let journal = Journal::in_memory();
        Drivers::new(journal.clone(), "term_1", named, None)
            .ask(Ask::to("present_card"))
            .await;
        let answered: Vec<_> = journal
            .entries()
            .into_iter()
            .filter_map(|entry| match entry.event {
                Event::AnsweredBy(by) => Some(by.answer),
                _ => None,
            })
            .collect();
        assert_eq!(answered, [Answered::Cannot, Answered::Done]);
    }

    #[tokio::test]
    async fn one_person_has_one_page_whatever_they_are_asked_for() {
        let page = Driver::OperatorPage(([127, 0, 0, 1], 0).into());
        let named = |_| vec![page.clone()];
        let hands = Drivers::new(Journal::in_memory(), "term_1", named, None);
        assert_eq!(hands.links().len(), 1);
        assert!(hands.patience() > Duration::ZERO);
        assert_eq!(hands.describe(), "operator:web");
    }

    #[tokio::test]
    async fn a_page_that_cannot_be_served_is_cannot_with_the_reason() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = taken.local_addr().expect("an address");
        let named = |_| vec![Driver::OperatorPage(address)];
        let hands = Drivers::new(Journal::in_memory(), "term_1", named, None);
        let answer = hands.ask(Ask::to("present_card")).await;
        assert_eq!(answer.answer, Answered::Cannot);
        let why = answer.why.unwrap_or_default();
        assert!(why.contains(&address.to_string()), "{why}");
    }

    #[test]
    fn every_word_of_the_vocabulary_is_somebodys_business() {
        for word in vinr_protocol::question::WORDS {
            let _ = capability(word);
        }
        assert_eq!(capability("power_cycle"), Capability::Power);
        assert_eq!(capability("till_pay"), Capability::Till);
    }
}
