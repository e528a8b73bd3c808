//! A person at the terminal in which the suite runs: questions on standard error, answers typed.

use std::fmt::Write as _;
use std::io::{BufRead, Write};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::timeout;
use vinr_protocol::question::{Answer, Answered, Question};

use super::words::plain;
use super::{Told, name};

type Reader = Box<dyn BufRead + Send>;
type Writer = Box<dyn Write + Send>;

/// Asks one question after the other; the first asks who is there.
pub(crate) struct Prompt {
    lines: tokio::sync::Mutex<Lines>,
    out: Mutex<Writer>,
}

/// A thread that reads begins with the first question: until then the terminal is its owner's.
enum Lines {
    Unread(Option<Reader>),
    Read {
        lines: mpsc::UnboundedReceiver<String>,
        operator: Option<String>,
    },
}

impl Prompt {
    /// At the suite's own standard streams.
    pub(crate) fn here() -> Self {
        Self::at(
            Box::new(std::io::BufReader::new(std::io::stdin())),
            Box::new(std::io::stderr()),
        )
    }

    fn at(reader: Reader, out: Writer) -> Self {
        Self {
            lines: tokio::sync::Mutex::new(Lines::Unread(Some(reader))),
            out: Mutex::new(out),
        }
    }

    pub(crate) async fn ask(&self, question: &Question, patience: Duration) -> Told {
        let mut lines = self.lines.lock().await;
        let asked = self.converse(&mut lines, question);
        match timeout(patience, asked).await {
            Ok(told) => told,
            Err(_) => {
                self.say("\n(no answer in time: taken as cannot)\n");
                Told::nobody(&question.id, "nobody at the terminal answered in time")
            }
        }
    }

    async fn converse(&self, state: &mut Lines, question: &Question) -> Told {
        let nobody = || {
            Told::nobody(
                &question.id,
                "nobody is at the terminal: its input has ended",
            )
        };
        if let Lines::Unread(reader) = state {
            *state = begin(reader.take());
        }
        let Lines::Read { lines, operator } = state else {
            return nobody();
        };
        // What was typed before the question is no answer to it.
        while lines.try_recv().is_ok() {}
        while operator.is_none() {
            self.say("\nWho answers? It stands in the journal. Your name: ");
            match lines.recv().await {
                Some(line) => *operator = name(&line),
                None => return nobody(),
            }
        }
        self.say(&said(question));
        loop {
            let Some(line) = lines.recv().await else {
                return nobody();
            };
            match read(question, &line) {
                Ok(answer) => {
                    return Told {
                        answer,
                        operator: operator.clone(),
                    };
                }
                Err(why) => self.say(&format!("{why}\n> ")),
            }
        }
    }

    /// A terminal that is gone hears nothing, and answers nothing.
    fn say(&self, words: &str) {
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = out.write_all(words.as_bytes());
        let _ = out.flush();
    }
}

impl std::fmt::Debug for Prompt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Prompt")
    }
}

fn begin(reader: Option<Reader>) -> Lines {
    let (tell, lines) = mpsc::unbounded_channel();
    if let Some(reader) = reader {
        // It ends with its input, or with the process.
        std::thread::spawn(move || {
            for line in reader.lines().map_while(Result::ok) {
                if tell.send(line).is_err() {
                    return;
                }
            }
        });
    }
    Lines::Read {
        lines,
        operator: None,
    }
}

/// The question as it stands on the terminal.
fn said(question: &Question) -> String {
    let plain = plain(question);
    let mut text = format!(
        "\n── {} ─ {}\n{}\n",
        question.id, question.subject, plain.title
    );
    let optional = [plain.detail.as_deref(), Some(question.why.as_str())];
    for words in optional
        .into_iter()
        .flatten()
        .filter(|words| !words.is_empty())
    {
        let _ = writeln!(text, "   {words}");
    }
    for (value, words) in plain.choices {
        let _ = writeln!(text, "   v \"{value}\"   {words}");
    }
    let keys: Vec<_> = plain.answers.iter().map(|answer| key(*answer).1).collect();
    let _ = write!(text, "   {}\n> ", keys.join("   "));
    text
}

/// What is typed for an answer, and how it is explained.
fn key(answer: Answered) -> (&'static str, &'static str) {
    match answer {
        Answered::Done => ("d", "[d] done"),
        Answered::Saw => ("s", "[s] saw it"),
        Answered::DidNotSee => ("n", "[n] did not see it"),
        Answered::Value => ("v", "[v VALUE] this is it, as JSON"),
        Answered::Cannot => ("c", "[c WHY] cannot"),
    }
}

/// A typed line as an answer; the error says what may be typed.
fn read(question: &Question, line: &str) -> Result<Answer, String> {
    let line = line.trim();
    let (typed, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let rest = rest.trim();
    let answers = plain(question).answers;
    let chosen = answers
        .iter()
        .copied()
        .find(|answer| key(*answer).0.eq_ignore_ascii_case(typed));
    let id = question.id.as_str();
    match chosen {
        Some(Answered::Cannot) if rest.is_empty() => {
            Err("Say why: c, a space, and the reason.".into())
        }
        Some(Answered::Cannot) => Ok(Answer::cannot(id, rest)),
        Some(Answered::Value) => serde_json::from_str(rest)
            .map(|value| Answer::value(id, value))
            .map_err(|error| format!("That is no JSON: {error}.")),
        Some(answer) => Ok(Answer::plain(id, answer)),
        None => {
            let keys: Vec<_> = answers.iter().map(|answer| key(*answer).1).collect();
            Err(format!("Type one of these: {}.", keys.join(", ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;
    use std::sync::Arc;

    use super::*;

    fn question(word: &str) -> Question {
        serde_json::from_value(serde_json::json!({
            "question": word, "id": "q1", "subject": "term_1", "why": "shows it", "deadlineMs": 1000
        }))
        .expect("lawful")
    }

    #[derive(Clone, Default)]
    struct Screen(Arc<Mutex<Vec<u8>>>);

    impl Write for Screen {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("whole").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// Types one line whenever a prompt waits for one, as a person does.
    struct Typing {
        screen: Screen,
        lines: std::vec::IntoIter<&'static str>,
        prompts: usize,
    }

    impl std::io::Read for Typing {
        fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
            let Some(line) = self.lines.next() else {
                return Ok(0);
            };
            self.prompts += 1;
            let waits = |seen: &[u8]| {
                let text = String::from_utf8_lossy(seen).into_owned();
                text.matches("> ").count() + text.matches("Your name: ").count()
            };
            while waits(&self.screen.0.lock().expect("whole")) < self.prompts {
                std::thread::yield_now();
            }
            let bytes = format!("{line}\n").into_bytes();
            into[..bytes.len()].copy_from_slice(&bytes);
            Ok(bytes.len())
        }
    }

    async fn told(word: &str, lines: Vec<&'static str>) -> (Told, String) {
        let screen = Screen::default();
        let typing = Typing {
            screen: screen.clone(),
            lines: lines.into_iter(),
            prompts: 0,
        };
        let reader = std::io::BufReader::new(typing);
        let prompt = Prompt::at(Box::new(reader), Box::new(screen.clone()));
        let told = prompt.ask(&question(word), Duration::from_secs(60)).await;
        let seen = screen.0.lock().expect("whole").clone();
        (told, String::from_utf8(seen).expect("text"))
    }

    #[tokio::test]
    async fn a_person_is_asked_for_a_name_first_and_answers_with_it() {
        let (told, screen) = told("remove_card", vec!["Ada", "d"]).await;
        assert_eq!(told.answer.answer, Answered::Done);
        assert_eq!(told.operator.as_deref(), Some("Ada"));
        assert!(screen.contains("Take the card out"), "{screen}");
        assert!(screen.contains("shows it"), "{screen}");
    }

    #[tokio::test]
    async fn what_makes_no_sense_is_asked_again() {
        let (told, screen) = told("observe_screen", vec!["Ada", "d", "n"]).await;
        assert_eq!(told.answer.answer, Answered::DidNotSee);
        assert!(screen.contains("Type one of these: [s] saw it"), "{screen}");
    }

    #[tokio::test]
    async fn cannot_needs_its_reason() {
        let (told, screen) =
            told("power_cycle", vec!["Ada", "c", "c the battery is glued in"]).await;
        assert_eq!(told.answer.answer, Answered::Cannot);
        assert_eq!(told.answer.why.as_deref(), Some("the battery is glued in"));
        assert!(screen.contains("Say why"), "{screen}");
    }

    #[tokio::test]
    async fn a_value_is_json() {
        let (told, _) = told("read_ledger", vec!["Ada", "v {", "v []"]).await;
        assert_eq!(told.answer.value, Some(serde_json::json!([])));
    }

    #[tokio::test]
    async fn where_nobody_is_the_answer_is_cannot() {
        let prompt = Prompt::at(Box::new(Cursor::new("")), Box::new(std::io::sink()));
        let told = prompt
            .ask(&question("remove_card"), Duration::from_secs(60))
            .await;
        assert_eq!(
            (told.answer.answer, told.operator),
            (Answered::Cannot, None)
        );
    }

    #[tokio::test]
    async fn patience_ends() {
        let (keep, silent) = std::io::pipe()
            .map(|(read, write)| (write, read))
            .expect("a pipe");
        let reader = std::io::BufReader::new(silent);
        let prompt = Prompt::at(Box::new(reader), Box::new(std::io::sink()));
        let told = prompt
            .ask(&question("remove_card"), Duration::from_millis(20))
            .await;
        assert_eq!(told.answer.answer, Answered::Cannot);
        drop(keep);
    }
}
