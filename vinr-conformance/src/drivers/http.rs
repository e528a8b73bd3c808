//! A service that answers: the question is POSTed to its URL, the response is the answer.
//!
//! Spoken as HTTP/1.0, which every server understands: the connection is for one question, and its end or its
//! length is the end of the answer.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use vinr_protocol::question::{Answer, Question};

/// How long a service may take beyond the deadline that it was told.
const GRACE: Duration = Duration::from_secs(2);

/// Far more than any answer needs, its head included.
const ANSWER_LIMIT: u64 = 64 * 1024;

const MAX_HEADERS: usize = 64;
const PORT: u16 = 80;

/// Where a service listens.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Url {
    host: String,
    port: u16,
    path: String,
}

impl Url {
    /// Reads `http://HOST[:PORT][/PATH]`; the error says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let rest = text.strip_prefix("http://").ok_or(
            "a service is http://HOST:PORT/PATH: it stands on the bench, in the suite's own network",
        )?;
        if text.contains(char::is_whitespace) || text.contains(char::is_control) {
            return Err("a URL holds no spaces");
        }
        let (place, path) = match rest.find(['/', '?']) {
            Some(at) => rest.split_at(at),
            None => (rest, "/"),
        };
        if place.contains('@') {
            return Err("a URL holds no password: a profile is no place for a secret");
        }
        let (host, port) = match place.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => {
                (host, port.parse().map_err(|_| "a port is 1 to 65535")?)
            }
            _ => (place, PORT),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() || port == 0 {
            return Err("a service is http://HOST:PORT/PATH");
        }
        let path = match path.starts_with('?') {
            true => format!("/{path}"),
            false => path.to_owned(),
        };
        Ok(Self {
            host: host.to_owned(),
            port,
            path,
        })
    }

    /// Host and port, without a path that may hold a token.
    pub(crate) fn place(&self) -> String {
        match self.host.contains(':') {
            true => format!("http://[{}]:{}", self.host, self.port),
            false => format!("http://{}:{}", self.host, self.port),
        }
    }

    /// All of it.
    pub(crate) fn text(&self) -> String {
        format!("{}{}", self.place(), self.path)
    }
}

pub(super) async fn ask(url: &Url, question: &Question, deadline: Duration) -> Answer {
    ask_within(url, question, deadline + GRACE).await
}

async fn ask_within(url: &Url, question: &Question, limit: Duration) -> Answer {
    let cannot = |why: String| Answer::cannot(&question.id, format!("{}: {why}", url.place()));
    match timeout(limit, exchange(url, question)).await {
        Ok(Ok(answer)) if answer.id == question.id => answer,
        Ok(Ok(_)) => cannot("the service answered another question".into()),
        Ok(Err(why)) => cannot(why),
        Err(_) => cannot("the service did not answer in time".into()),
    }
}

async fn exchange(url: &Url, question: &Question) -> Result<Answer, String> {
    let body = serde_json::to_string(question).map_err(|error| error.to_string())?;
    let request = format!(
        "POST {} HTTP/1.0\r\nhost: {}:{}\r\nconnection: close\r\ncontent-type: application/json\r\n\
         accept: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        url.path,
        url.host,
        url.port,
        body.len(),
    );
    let failed = |error: std::io::Error| error.to_string();
    let mut tcp = TcpStream::connect((url.host.as_str(), url.port))
        .await
        .map_err(|error| format!("the service cannot be reached: {error}"))?;
    tcp.write_all(request.as_bytes()).await.map_err(failed)?;
    let mut bytes = Vec::new();
    let mut bounded = tcp.take(ANSWER_LIMIT + 1);
    loop {
        let read = bounded.read_buf(&mut bytes).await.map_err(failed)?;
        if bytes.len() as u64 > ANSWER_LIMIT {
            return Err(format!(
                "the service's response is longer than {ANSWER_LIMIT} bytes"
            ));
        }
        if let Some(response) = response(&bytes, read == 0)? {
            return answer(response);
        }
        if read == 0 {
            return Err("the service closed the connection in the middle of its response".into());
        }
    }
}

struct Response<'a> {
    status: u16,
    body: &'a [u8],
}

/// The response; `None` while it is not whole. Without a length it ends with the connection.
fn response(bytes: &[u8], is_closed: bool) -> Result<Option<Response<'_>>, String> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let parsed = response
        .parse(bytes)
        .map_err(|error| format!("what answered is no HTTP service: {error}"))?;
    let httparse::Status::Complete(head) = parsed else {
        return Ok(None);
    };
    let status = response.code.unwrap_or_default();
    let value = |name: &str| {
        let own = |header: &&httparse::Header<'_>| header.name.eq_ignore_ascii_case(name);
        let header = response.headers.iter().find(own)?;
        std::str::from_utf8(header.value).ok()
    };
    if value("transfer-encoding").is_some() {
        return Err("the service sends chunks to an HTTP/1.0 request".into());
    }
    let body = &bytes[head..];
    let body = match value("content-length") {
        Some(length) => {
            let length: usize = length
                .trim()
                .parse()
                .map_err(|_| "the service's content-length is no number".to_owned())?;
            body.get(..length)
        }
        None => is_closed.then_some(body),
    };
    Ok(body.map(|body| Response { status, body }))
}

fn answer(Response { status, body }: Response<'_>) -> Result<Answer, String> {
    if status != 200 {
        return Err(format!("the service answered with HTTP status {status}"));
    }
    serde_json::from_slice(body)
        .map_err(|error| format!("the service's response is no answer: {error}"))
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;
    use vinr_protocol::question::Answered;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);
    const SHORT: Duration = Duration::from_millis(50);

    fn question() -> Question {
        serde_json::from_str(
            r#"{"question":"present_card","id":"q7","subject":"term_1","args":{"card":"approved"},"deadlineMs":1000}"#,
        )
        .expect("lawful")
    }

    /// A service that says this, whatever it is asked, and keeps the connection open.
    async fn asked(says: impl Into<Vec<u8>>) -> Answer {
        asked_within(LONG, says).await
    }

    async fn asked_within(limit: Duration, says: impl Into<Vec<u8>>) -> Answer {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let says = says.into();
        let service = tokio::spawn(async move {
            let (mut tcp, _) = listener.accept().await.expect("a caller");
            let mut request = [0; 4096];
            let read = tcp.read(&mut request).await.expect("a request");
            let _ = tcp.write_all(&says).await;
            std::future::pending::<()>().await;
            drop((tcp, read));
        });
        let url = Url::parse(&format!("http://{address}/hands")).expect("lawful");
        let answer = ask_within(&url, &question(), limit).await;
        service.abort();
        answer
    }

    fn of(body: &str) -> String {
        format!(
            "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
    }

    fn why(answer: &Answer) -> &str {
        assert_eq!(answer.answer, Answered::Cannot);
        answer.why.as_deref().unwrap_or_default()
    }

    #[tokio::test]
    async fn the_response_is_the_answer() {
        let answer = asked(of(r#"{"id":"q7","answer":"done"}"#)).await;
        assert_eq!(answer.answer, Answered::Done);
    }

    #[tokio::test]
    async fn an_answer_to_another_question_is_none() {
        let answer = asked(of(r#"{"id":"q6","answer":"done"}"#)).await;
        assert!(why(&answer).contains("another question"), "{answer:?}");
    }

    #[tokio::test]
    async fn an_error_is_no_answer_and_says_which() {
        let answer = asked("HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n").await;
        assert!(why(&answer).contains("503"), "{answer:?}");
    }

    #[tokio::test]
    async fn a_word_that_is_no_answer_is_not_taken_for_one() {
        let answer = asked(of(r#"{"id":"q7","answer":"probably"}"#)).await;
        assert!(why(&answer).contains("no answer"), "{answer:?}");
    }

    #[tokio::test]
    async fn a_service_that_is_silent_is_given_up() {
        let answer = asked_within(SHORT, "").await;
        assert!(why(&answer).contains("in time"), "{answer:?}");
    }

    #[tokio::test]
    async fn a_response_has_a_limit() {
        let endless = format!(
            "HTTP/1.1 200 OK\r\n\r\n{}",
            "x".repeat(ANSWER_LIMIT as usize + 1)
        );
        let answer = asked(endless).await;
        assert!(why(&answer).contains("longer than"), "{answer:?}");
    }

    #[tokio::test]
    async fn nobody_at_the_url_is_said_with_the_place() {
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = free.local_addr().expect("an address");
        drop(free);
        let url = Url::parse(&format!("http://{address}/t0ken")).expect("lawful");
        let answer = ask(&url, &question(), LONG).await;
        assert!(
            why(&answer).contains(&address.to_string()) && !why(&answer).contains("t0ken"),
            "{answer:?}"
        );
    }

    #[test]
    fn a_url_is_read_as_it_is_written() {
        for (text, place, whole) in [
            ("http://robot", "http://robot:80", "http://robot:80/"),
            (
                "http://10.0.0.9:9000/hands?arm=2",
                "http://10.0.0.9:9000",
                "http://10.0.0.9:9000/hands?arm=2",
            ),
            (
                "http://[::1]:9000/q",
                "http://[::1]:9000",
                "http://[::1]:9000/q",
            ),
        ] {
            let url = Url::parse(text).expect("lawful");
            assert_eq!((url.place().as_str(), url.text().as_str()), (place, whole));
        }
    }

    #[test]
    fn what_is_no_url_of_a_service_is_refused() {
        for text in [
            "robot:9000",
            "https://robot",
            "http://",
            "http://robot:0/",
            "http://robot:70000/",
            "http://me:secret@robot/",
            "http://robot/a b",
        ] {
            assert!(Url::parse(text).is_err(), "{text}");
        }
    }
}
