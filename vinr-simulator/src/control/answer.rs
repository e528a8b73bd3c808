//! The answers to the harness's questions. What cannot be done here is `cannot`, with the reason.

use std::path::Path;
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::time::{Instant, timeout_at};
use vinr_protocol::payment::{DeclineCode, EntryMode};
use vinr_protocol::question::{Answer, Answered, Question};

use crate::cardholder::Act;
use crate::cards::TestCard;
use crate::host::{Behaviour, Link, Lost};
use crate::screen::{Picture, ScreenEvent};
use crate::terminal::Terminal;

impl Terminal {
    /// Answers a question of `spec/harness.md` §2, at its deadline at the latest.
    pub async fn answer(&self, question: &Question) -> Answer {
        self.log_the_card(question);
        let answered = match question.question.as_str() {
            "present_card" => present_card(self, question).await,
            "enter_pin" => take(self, question, Act::EnterPin).await,
            "remove_card" => {
                // A card that is not there is removed.
                self.act(Act::RemoveCard).await;
                Ok(done(question))
            }
            "observe_screen" => observe_screen(self, question).await,
            "cut_internet" => Ok(internet(self, question, Link::Cut)),
            "restore_internet" => Ok(internet(self, question, Link::Up)),
            "cut_lan" => lan(self, question, Link::Cut).await,
            "restore_lan" => lan(self, question, Link::Up).await,
            "power_cycle" => power_cycle(self, question).await,
            "toggle_local_mode" => toggle_local_mode(self, question).await,
            "set_host" => set_host(self, question),
            "install_crl" => install_crl(self, question),
            "read_ledger" => Ok(read_ledger(self, question).await),
            "read_storage" => read_storage(self, question),
            "till_install" | "till_pay" | "till_read_result" => {
                Err("a simulated terminal has no till of its own".into())
            }
            other => Err(format!("{other} is no question")),
        };
        answered.unwrap_or_else(|why| Answer::cannot(&question.id, why))
    }
}

type Result<T = Answer> = std::result::Result<T, String>;

fn done(question: &Question) -> Answer {
    Answer::plain(&question.id, Answered::Done)
}

async fn present_card(terminal: &Terminal, question: &Question) -> Result {
    let word = text(&question.args, "card")?.unwrap_or("approved");
    let card = TestCard::find(word).ok_or("args.card is no test card and no named outcome")?;
    let entry_mode = match text(&question.args, "entry")?.map(EntryMode::from) {
        None => card.entry_mode.clone(),
        Some(EntryMode::Unknown(_)) => {
            return Err("args.entry is contactless, chip, swipe or manual".into());
        }
        Some(entry_mode) => entry_mode,
    };
    take(terminal, question, Act::Present(card, entry_mode)).await
}

/// Tries at every new screen until the terminal takes it.
async fn take(terminal: &Terminal, question: &Question, act: Act) -> Result {
    let deadline = deadline(question);
    loop {
        // Before the attempt, so that a screen which comes during it is not missed.
        let (_, mut screens) = terminal.display().watch();
        if terminal.act(act.clone()).await {
            return Ok(done(question));
        }
        if timeout_at(deadline, screens.recv()).await.is_err() {
            let screen = word(terminal.screen().screen);
            return Err(format!(
                "the terminal did not ask for it in time; its screen is {screen}"
            ));
        }
    }
}

async fn observe_screen(terminal: &Terminal, question: &Question) -> Result {
    let amount = number(&question.args, "amount")?;
    let expected: fn(Picture) -> bool = match text(&question.args, "expect")?.unwrap_or_default() {
        "idle" => |picture| picture == Picture::Idle,
        "amount" => |picture| picture == Picture::PresentCard,
        "prompt" => |picture| matches!(picture, Picture::PresentCard | Picture::EnterPin),
        "approved" => |picture| picture == Picture::Approved,
        "declined" => |picture| picture == Picture::Declined,
        _ => return Err("args.expect is idle, amount, prompt, approved or declined".into()),
    };
    let fits = |event: &ScreenEvent| {
        let shown = event.amount.map(|amount| amount.minor_units());
        expected(event.screen) && (amount.is_none() || shown == amount)
    };
    let seen = timeout_at(deadline(question), terminal.display().wait_for(fits)).await;
    Ok(match seen {
        Ok(event) => Answer {
            at_ns: Some(event.at_ns),
            ..Answer::plain(&question.id, Answered::Saw)
        },
        Err(_) => Answer::plain(&question.id, Answered::DidNotSee),
    })
}

async fn power_cycle(terminal: &Terminal, question: &Question) -> Result {
    let off = number(&question.args, "offMs")?.unwrap_or(0);
    let cycled = terminal.power_cycle(Duration::from_millis(off)).await;
    cycled
        .map(|()| done(question))
        .map_err(|error| error.to_string())
}

fn internet(terminal: &Terminal, question: &Question, link: Link) -> Answer {
    terminal.set_internet(link);
    done(question)
}

async fn lan(terminal: &Terminal, question: &Question, link: Link) -> Result {
    let set = terminal.set_lan(link).await;
    set.map(|()| done(question))
        .map_err(|error| error.to_string())
}

async fn toggle_local_mode(terminal: &Terminal, question: &Question) -> Result {
    let on = match question.args.get("on") {
        Some(Value::Bool(on)) => *on,
        _ => return Err("args.on is true or false".into()),
    };
    let switched = terminal.set_local_mode(on).await;
    switched
        .map(|()| done(question))
        .map_err(|error| error.to_string())
}

fn install_crl(terminal: &Terminal, question: &Question) -> Result {
    let path = text(&question.args, "path")?.ok_or("args.path is missing")?;
    let taken = terminal
        .install_crl(Path::new(path))
        .map_err(|error| format!("{path}: {error}"))?;
    taken
        .map(|()| done(question))
        .map_err(|error| error.to_string())
}

fn read_storage(terminal: &Terminal, question: &Question) -> Result {
    let copy = terminal.copy_storage().map_err(|error| error.to_string())?;
    let path = copy.to_str().ok_or("the path is no text")?;
    Ok(Answer::value(&question.id, path.into()))
}

fn set_host(terminal: &Terminal, question: &Question) -> Result {
    let args = &question.args;
    let lost = Lost::read(args.get("loseAnswers").unwrap_or(&Value::Null))
        .ok_or("args.loseAnswers is true, false or how many")?;
    let decline = match args.get("decline") {
        None | Some(Value::Null | Value::Bool(false)) => None,
        Some(Value::Bool(true)) => Some(DeclineCode::CardDeclined),
        Some(Value::String(code)) => Some(DeclineCode::from(code.as_str())),
        Some(_) => return Err("args.decline is true, false or a decline code".into()),
    };
    terminal.set_host(Behaviour {
        delay: Duration::from_millis(number(args, "delayMs")?.unwrap_or(0)),
        lost,
        decline,
    });
    Ok(done(question))
}

async fn read_ledger(terminal: &Terminal, question: &Question) -> Answer {
    let reference = question.args.get("reference").and_then(Value::as_str);
    let entries: Vec<_> = terminal
        .ledger()
        .await
        .into_iter()
        .filter(|entry| reference.is_none_or(|reference| entry.reference == reference))
        .collect();
    let value = serde_json::to_value(entries).expect("entries have string keys");
    Answer::value(&question.id, value)
}

fn deadline(question: &Question) -> Instant {
    Instant::now() + Duration::from_millis(question.deadline_ms)
}

fn text<'a>(args: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>> {
    match args.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(format!("args.{name} is a string")),
    }
}

fn number(args: &Map<String, Value>, name: &str) -> Result<Option<u64>> {
    match args.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => {
            let number = value
                .as_u64()
                .ok_or(format!("args.{name} is a whole number"))?;
            Ok(Some(number))
        }
    }
}

fn word(picture: Picture) -> String {
    let json = serde_json::to_value(picture).unwrap_or_default();
    json.as_str().unwrap_or_default().to_owned()
}
