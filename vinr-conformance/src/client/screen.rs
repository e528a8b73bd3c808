//! A till that has no adapter: somebody takes payments at its screen, and says what it shows.
//!
//! Its files are installed once, before the first scenario; from then on it meets one terminal, always at the same place,
//! with the same name. It is asked in the questions of §2 of `spec/harness.md`, by whichever driver the profile names:
//! `till_install`, `till_pay`, `till_read_result`, and `power_cycle` for a restart. What it shows is a word and no
//! payment, so that fewer claims can be weighed; what its terminal saw is judged as for any other till.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::task::JoinHandle;
use vinr_discovery::{Advert, Announcement};
use vinr_protocol::TerminalId;
use vinr_protocol::device::Model;
use vinr_protocol::question::{Answer, Answered as Said};
use vinr_protocol::reader::{Activity, ReaderStatus};

use super::papers::{Papers, PapersError};
use super::pki::Authorities;
use super::protocol::Op;
use crate::drivers::{Ask, Drivers};
use crate::journal::{Answered, Event, Journal, Shows, TillEvent};
use crate::profile::ScreenTill;

/// How long somebody may take to install files.
const INSTALLED_WITHIN: Duration = Duration::from_secs(600);

/// How long it may take until a payment is begun, and until a power cut is over.
const DONE_WITHIN: Duration = Duration::from_secs(60);

/// How long a result is waited for: a till may hold a payment for two minutes, and look it up for as long again.
const SHOWN_WITHIN: Duration = Duration::from_secs(300);

/// How long the power is away: long enough for the customer to tap, and for the host to approve.
const OFF: Duration = Duration::from_secs(5);

/// The pause between two looks at the journal.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// What all scenarios of a run share: the installed files, the terminal's place, and who uses the till.
pub(super) struct Counter {
    pub(super) papers: Arc<Papers>,
    pub(super) listen: SocketAddr,
    drivers: Drivers,
    /// The terminal is advertised as long as the run lasts.
    announcement: Mutex<Option<Announcement>>,
}

impl Counter {
    /// Writes the files into a folder of their own.
    pub(super) fn new(
        profile: &ScreenTill,
        authorities: &Authorities,
        name: &str,
    ) -> Result<Self, PapersError> {
        let papers = Papers::in_folder(profile.directory.join(name), authorities, name)?;
        let terminal = papers.ids[0].clone();
        papers.name_the_terminal(&terminal, &profile.listen.to_string())?;
        let named = |capability| profile.drivers(capability).to_vec();
        Ok(Self {
            papers: Arc::new(papers),
            listen: profile.listen,
            // Each scenario has a journal of its own.
            drivers: Drivers::new(Journal::in_memory(), terminal.as_str(), named, None),
            announcement: Mutex::default(),
        })
    }

    pub(super) fn terminal(&self) -> &TerminalId {
        &self.papers.ids[0]
    }

    /// So many questions were asked before.
    pub(super) fn goes_on(&self, questions: u64) {
        self.drivers.go_on(questions);
    }

    /// Who uses it, in a word.
    pub(super) fn describe(&self) -> String {
        self.drivers.describe()
    }

    /// How long a step may take.
    pub(super) fn patience(&self) -> Duration {
        SHOWN_WITHIN + DONE_WITHIN * 2 + self.drivers.patience()
    }

    /// Advertises the terminal, and has the files installed; the error says why nobody can.
    pub(super) async fn open(&self, journal: &Journal) -> Result<(), String> {
        let advert = Advert {
            terminal: self.terminal().clone(),
            model: Model::NexgoCt20,
            status: ReaderStatus::Online,
            activity: Activity::Idle,
            listens_on: self.listen,
        };
        match Announcement::start(advert).await {
            Ok(announcement) => {
                let own = self.announcement.lock();
                *own.unwrap_or_else(PoisonError::into_inner) = Some(announcement);
            }
            // Its address can be typed in, too.
            Err(error) => {
                journal.record(Event::Note {
                    text: format!("the terminal is not advertised: {error}"),
                });
            }
        }
        self.drivers.invite();
        let drivers = self.drivers.of_journal(journal.clone());
        let ask = Ask::to("till_install")
            .with("path", self.papers.folder().display().to_string())
            .with("terminalId", self.terminal().as_str())
            .with("address", self.listen.to_string())
            .because("shows whom the till believes", Vec::new())
            .within(INSTALLED_WITHIN);
        done(drivers.ask(ask).await).map_err(|why| format!("the till is not set up: {why}"))
    }

    /// The till as a scenario meets it.
    pub(super) fn till(
        self: &Arc<Self>,
        life: u32,
        journal: &Journal,
        ops: &Arc<AtomicU64>,
    ) -> Screen {
        journal.record(Event::Till(TillEvent::AtItsScreen { life }));
        Screen {
            counter: self.clone(),
            drivers: self.drivers.of_journal(journal.clone()),
            journal: journal.clone(),
            ops: ops.clone(),
            power: None,
        }
    }
}

/// The till within a scenario.
pub(super) struct Screen {
    counter: Arc<Counter>,
    drivers: Drivers,
    journal: Journal,
    ops: Arc<AtomicU64>,
    /// Its power is away, and somebody is about to give it back.
    power: Option<JoinHandle<Answer>>,
}

/// A payment that somebody is about to take.
pub(super) struct Waiting {
    pub(super) op: u64,
    begun: JoinHandle<Answer>,
    read: Ask,
    drivers: Drivers,
    journal: Journal,
}

impl Screen {
    /// Has a payment taken; whatever else an adapter may be asked for, nobody finds at a screen.
    pub(super) fn begin(&self, op: &Op) -> Result<Waiting, String> {
        let sale = match op {
            Op::Pay(sale) if sale.capture_method.is_none() => sale,
            Op::Pay(_) => return Err("at a screen nobody says when a payment is captured".into()),
            Op::Hello
            | Op::Configure(_)
            | Op::Discover { .. }
            | Op::PayHybrid { .. }
            | Op::PayGroup { .. }
            | Op::Retrieve { .. }
            | Op::Resolve
            | Op::VerifyWebhook(_)
            | Op::Nonsense(_) => {
                return Err(format!(
                    "a till with a screen is asked to pay and for nothing else, and this takes {}",
                    op.name()
                ));
            }
        };
        let number = self.ops.fetch_add(1, Ordering::Relaxed) + 1;
        self.journal.record(Event::Till(TillEvent::Asked {
            op: number,
            name: op.name().to_owned(),
            fields: op.fields(),
        }));
        let about = |question| {
            Ask::to(question)
                .with("amount", sale.amount)
                .with("currency", sale.currency.as_str())
                .with("reference", sale.reference.as_str())
                .because(
                    "shows what the till sends, and what it makes of the answer",
                    Vec::new(),
                )
        };
        let (drivers, pay) = (self.drivers.clone(), about("till_pay").within(DONE_WITHIN));
        Ok(Waiting {
            op: number,
            begun: tokio::spawn(async move { drivers.ask(pay).await }),
            read: about("till_read_result").within(SHOWN_WITHIN),
            drivers: self.drivers.clone(),
            journal: self.journal.clone(),
        })
    }

    /// Cuts its power; done when its connections have ended, or when whoever cuts it has given it back already.
    pub(super) async fn cut(mut self) -> Result<Self, String> {
        let ask = Ask::to("power_cycle")
            .with("offMs", u64::try_from(OFF.as_millis()).unwrap_or(u64::MAX))
            .with("device", "till")
            .because("shows what the till knows after a restart", Vec::new())
            .within(DONE_WITHIN);
        let (drivers, before) = (self.drivers.clone(), self.journal.last_seq());
        let power = tokio::spawn(async move { drivers.ask(ask).await });
        let scenario = self.journal.scenario();
        while !power.is_finished() {
            let is_gone = self.journal.any_after(before, |entry| {
                entry.scenario.as_deref() == scenario.as_deref()
                    && matches!(entry.event, Event::Till(TillEvent::Ended { .. }))
            });
            if is_gone {
                break;
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        if power.is_finished() {
            let answer = power.await.map_err(|error| error.to_string())?;
            done(answer)?;
        } else {
            self.power = Some(power);
        }
        self.journal.record(Event::Till(TillEvent::Gone {
            how: "its power was cut".into(),
        }));
        Ok(self)
    }

    /// Waits until its power is back.
    pub(super) async fn comes_back(mut self, life: u32) -> Result<Self, String> {
        if let Some(power) = self.power.take() {
            done(power.await.map_err(|error| error.to_string())?)?;
        }
        let (journal, ops) = (self.journal.clone(), self.ops.clone());
        Ok(self.counter.till(life, &journal, &ops))
    }
}

impl Waiting {
    /// What the screen shows at last, or why nobody says it. A person needs longer than an adapter.
    pub(super) async fn within(self, limit: Duration) -> Result<Answered, String> {
        let begun = self.begun.await.map_err(|error| error.to_string())?;
        done(begun)?;
        let answer = self
            .drivers
            .ask(self.read.within(limit.max(SHOWN_WITHIN)))
            .await;
        let read = match (answer.answer, &answer.value) {
            (Said::Value, Some(value)) => shown(value),
            (Said::Cannot, _) => return Err(cannot(&answer)),
            _ => Err("till_read_result is answered with a value".to_owned()),
        }?;
        self.journal.record(Event::Till(TillEvent::Told {
            op: self.op,
            answer: read.clone(),
        }));
        Ok(read)
    }
}

/// Reads `"approved"` or `{"result": "approved", "terminalId": "term_1"}`.
fn shown(value: &Value) -> Result<Answered, String> {
    let word = if value.is_object() {
        &value["result"]
    } else {
        value
    };
    let result: Shows = serde_json::from_value(word.clone()).map_err(|_| {
        "what was read is none of approved, declined, cancelled, accepted_offline and unknown"
            .to_owned()
    })?;
    let terminal = value.get("terminalId").and_then(Value::as_str);
    Ok(Answered::Read {
        result,
        terminal: terminal.map(str::to_owned),
    })
}

fn done(answer: Answer) -> Result<(), String> {
    match answer.answer {
        Said::Done => Ok(()),
        Said::Cannot => Err(cannot(&answer)),
        Said::Saw | Said::DidNotSee | Said::Value => {
            Err("the answer is neither done nor cannot".into())
        }
    }
}

fn cannot(answer: &Answer) -> String {
    let why = answer.why.as_deref();
    why.unwrap_or("whoever uses the till cannot").to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_bare_word_and_an_object_say_the_same() {
        let read = |result, terminal: Option<&str>| Answered::Read {
            result,
            terminal: terminal.map(str::to_owned),
        };
        assert_eq!(shown(&json!("approved")), Ok(read(Shows::Approved, None)));
        let whole = json!({ "result": "accepted_offline", "terminalId": "term_1" });
        assert_eq!(
            shown(&whole),
            Ok(read(Shows::AcceptedOffline, Some("term_1")))
        );
    }

    #[test]
    fn a_word_that_no_result_is_is_not_guessed_at() {
        for value in [
            json!("ok"),
            json!({}),
            json!(null),
            json!({"result": "APPROVED"}),
        ] {
            assert!(shown(&value).is_err(), "{value}");
        }
    }
}
