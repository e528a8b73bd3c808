//! A person with a phone beside the terminal: one page, served on the shop's own network.
//!
//! Whoever has the link may answer: its token stands behind the `#`, so that no server and no log sees it on the way,
//! and every request carries it. The page asks nothing of any other server.

mod serve;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use serde_json::{Value, json};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use vinr_protocol::question::{Answer, Answered, Question};
use zeroize::Zeroizing;

use super::words::{Plain, plain};
use super::{Told, name};

/// The page and who is asked on it; nobody is served once it is dropped.
pub(crate) struct Page {
    board: Arc<Board>,
    address: SocketAddr,
    listening: JoinHandle<()>,
}

/// What the page shows, and what opens it.
struct Board {
    /// Wiped when it is dropped, and never shown but in the link. \[SEC-1\]
    token: Zeroizing<String>,
    state: watch::Sender<State>,
}

/// Grows by one with every change, so that a page asks for what it has not seen.
#[derive(Default)]
struct State {
    version: u64,
    answered: u64,
    open: Option<Open>,
}

/// The question on the page.
struct Open {
    id: String,
    subject: String,
    why: String,
    requirement: Vec<String>,
    plain: Plain,
    until: Instant,
    reply: oneshot::Sender<Told>,
}

impl Page {
    /// Serves the page there; port 0 picks a free one. Needs a runtime.
    pub(crate) fn open(address: SocketAddr) -> std::io::Result<Self> {
        let listener = std::net::TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        let address = listener.local_addr()?;
        let board = Arc::new(Board {
            token: token()?,
            state: watch::Sender::default(),
        });
        let listening = tokio::spawn(serve::serve(listener, board.clone()));
        Ok(Self {
            board,
            address,
            listening,
        })
    }

    /// The link for each address under which this computer can be reached.
    pub(crate) fn links(&self) -> Vec<String> {
        let here = self.address.ip();
        let mut hosts: Vec<IpAddr> = match here.is_unspecified() {
            false => vec![here],
            true => if_addrs::get_if_addrs()
                .unwrap_or_default()
                .into_iter()
                .map(|interface| interface.ip())
                .filter(|ip| ip.is_ipv4())
                .collect(),
        };
        // Where there is a network, nobody's phone is helped by this computer's own address.
        if hosts.iter().any(|ip| !ip.is_loopback()) {
            hosts.retain(|ip| !ip.is_loopback());
        }
        let port = self.address.port();
        hosts
            .into_iter()
            .map(|ip| {
                format!(
                    "http://{}/#token={}",
                    SocketAddr::new(ip, port),
                    *self.board.token
                )
            })
            .collect()
    }

    pub(crate) async fn ask(&self, question: &Question, patience: Duration) -> Told {
        let (reply, told) = oneshot::channel();
        let open = Open {
            id: question.id.clone(),
            subject: question.subject.clone(),
            why: question.why.clone(),
            requirement: question.requirement.clone(),
            plain: plain(question),
            until: Instant::now() + patience,
            reply,
        };
        self.board.show(open);
        // However this ends, by an answer, by the clock or by Ctrl-C, the question is taken off the page.
        let _taken_off = TakenOff(&self.board);
        match timeout(patience, told).await {
            Ok(Ok(told)) => told,
            Ok(Err(_)) => Told::nobody(&question.id, "the page was closed"),
            Err(_) => Told::nobody(&question.id, "nobody answered on the page in time"),
        }
    }
}

impl std::fmt::Debug for Page {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Page({})", self.address)
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

struct TakenOff<'a>(&'a Board);

impl Drop for TakenOff<'_> {
    fn drop(&mut self) {
        self.0.take();
    }
}

/// Why an answer is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refused {
    /// The question is not on the page, or no longer.
    Gone,
    /// It makes no sense.
    Unlawful(&'static str),
}

impl Board {
    fn show(&self, open: Open) {
        self.state.send_modify(|state| {
            state.version += 1;
            state.open = Some(open);
        });
    }

    fn take(&self) -> Option<Open> {
        let mut taken = None;
        self.state.send_if_modified(|state| {
            taken = state.open.take();
            state.version += u64::from(taken.is_some());
            taken.is_some()
        });
        taken
    }

    /// What the page shows, once it is something else than version `seen`.
    async fn after(&self, seen: Option<u64>) -> Value {
        let mut state = self.state.subscribe();
        // The sender lives as long as the board.
        match state.wait_for(|state| Some(state.version) != seen).await {
            Ok(state) => state.json(),
            Err(_) => Value::Null,
        }
    }

    fn now(&self) -> Value {
        self.state.borrow().json()
    }

    /// Takes an answer from the page.
    fn answer(&self, said: &Value) -> Result<(), Refused> {
        let text = |name: &str| said[name].as_str().map(str::trim).unwrap_or_default();
        let operator = name(text("name")).ok_or(Refused::Unlawful("an answer needs a name"))?;
        let word: Answered = serde_json::from_value(said["answer"].clone())
            .map_err(|_| Refused::Unlawful("no such answer"))?;
        let allowed = {
            let state = self.state.borrow();
            let open = state.open.as_ref().ok_or(Refused::Gone)?;
            if open.id != text("id") {
                return Err(Refused::Gone);
            }
            open.plain.answers.contains(&word)
        };
        if !allowed {
            return Err(Refused::Unlawful("this question has no such answer"));
        }
        let answer = match word {
            Answered::Cannot if text("why").is_empty() => {
                return Err(Refused::Unlawful("say why it cannot be done"));
            }
            Answered::Cannot => Answer::cannot(text("id"), text("why")),
            Answered::Value => {
                let value = serde_json::from_str(text("value"))
                    .map_err(|_| Refused::Unlawful("the value is no JSON"))?;
                Answer::value(text("id"), value)
            }
            Answered::Done | Answered::Saw | Answered::DidNotSee => Answer::plain(text("id"), word),
        };
        let open = self.take().ok_or(Refused::Gone)?;
        self.state.send_modify(|state| state.answered += 1);
        let operator = Some(operator);
        // Whoever asked may have given up this very moment.
        open.reply
            .send(Told { answer, operator })
            .map_err(|_| Refused::Gone)
    }
}

impl State {
    fn json(&self) -> Value {
        let question = self.open.as_ref().map(|open| {
            let left = open.until.saturating_duration_since(Instant::now());
            json!({
                "id": open.id,
                "subject": open.subject,
                "why": open.why,
                "requirement": open.requirement,
                "plain": open.plain,
                "leftMs": u64::try_from(left.as_millis()).unwrap_or(u64::MAX),
            })
        });
        json!({ "version": self.version, "answered": self.answered, "question": question })
    }
}

fn token() -> std::io::Result<Zeroizing<String>> {
    let mut bytes = Zeroizing::new([0_u8; 16]);
    SystemRandom::new()
        .fill(bytes.as_mut())
        .map_err(|_| std::io::Error::other("this machine gives no random numbers"))?;
    Ok(Zeroizing::new(
        bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn page() -> Page {
        Page::open(([127, 0, 0, 1], 0).into()).expect("a port")
    }

    fn question(word: &str) -> Question {
        serde_json::from_value(json!({
            "question": word, "id": "q1", "subject": "term_1", "deadlineMs": 1000
        }))
        .expect("lawful")
    }

    /// Asks, and answers so as soon as the question is on the page.
    async fn told(page: &Page, word: &str, says: Value) -> (Result<(), Refused>, Told) {
        let question = question(word);
        let answers = async {
            page.board.after(Some(0)).await;
            let taken = page.board.answer(&says);
            if taken.is_err() {
                page.board.take();
            }
            taken
        };
        let (told, taken) = tokio::join!(page.ask(&question, LONG), answers);
        (taken, told)
    }

    #[tokio::test]
    async fn an_answer_comes_with_the_name_of_who_gave_it() {
        let says = json!({"id": "q1", "answer": "done", "name": "Ada"});
        let (_, told) = told(&page(), "remove_card", says).await;
        assert_eq!(told.answer, Answer::plain("q1", Answered::Done));
        assert_eq!(told.operator.as_deref(), Some("Ada"));
    }

    #[tokio::test]
    async fn an_answer_without_a_name_or_a_reason_or_sense_is_not_taken() {
        for (says, why) in [
            (
                json!({"id": "q1", "answer": "done"}),
                "an answer needs a name",
            ),
            (
                json!({"id": "q1", "answer": "done", "name": " "}),
                "an answer needs a name",
            ),
            (
                json!({"id": "q1", "answer": "maybe", "name": "Ada"}),
                "no such answer",
            ),
            (
                json!({"id": "q1", "answer": "saw", "name": "Ada"}),
                "this question has no such answer",
            ),
            (
                json!({"id": "q1", "answer": "cannot", "name": "Ada"}),
                "say why it cannot be done",
            ),
        ] {
            let (taken, _) = told(&page(), "remove_card", says).await;
            assert_eq!(taken, Err(Refused::Unlawful(why)));
        }
    }

    #[tokio::test]
    async fn a_late_answer_is_for_no_other_question() {
        let page = page();
        let says = json!({"id": "q0", "answer": "done", "name": "Ada"});
        let (taken, _) = told(&page, "remove_card", says.clone()).await;
        assert_eq!(taken, Err(Refused::Gone));
        assert_eq!(page.board.answer(&says), Err(Refused::Gone));
    }

    #[tokio::test]
    async fn nobody_in_time_is_cannot_and_the_page_is_empty_again() {
        let page = page();
        let told = page
            .ask(&question("remove_card"), Duration::from_millis(20))
            .await;
        assert_eq!(
            (told.answer.answer, told.operator),
            (Answered::Cannot, None)
        );
        assert_eq!(page.board.now()["question"], Value::Null);
    }

    #[tokio::test]
    async fn a_link_holds_the_token_behind_the_hash_and_debug_does_not() {
        let page = page();
        let links = page.links();
        let token = page.board.token.as_str();
        assert_eq!(links, [format!("http://{}/#token={token}", page.address)]);
        assert_eq!(token.len(), 32);
        assert!(!format!("{page:?}").contains(token));
    }
}
